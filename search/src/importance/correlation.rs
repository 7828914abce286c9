//! Linear correlation with the metric, of a parameter that is a number or of each value of another. Never over trials
//! that do not have the parameter.

use super::Judgement;
use super::study::Study;
use crate::model::forest::ABSENT;

pub(super) fn judge(study: &Study) -> Vec<Judgement> {
    let mut judgements = Vec::new();
    for (place, parameter) in study.parameters.iter().enumerate() {
        let had: Vec<usize> = (0..study.len()).filter(|trial| parameter.codes[*trial] != ABSENT).collect();
        let metrics: Vec<f64> = had.iter().map(|trial| study.metrics[*trial]).collect();
        let mut add = |value, numbers: Vec<f64>| {
            let correlation = pearson(&numbers, &metrics);
            let judgement = Judgement::of(study, place, correlation.abs());
            judgements.push(Judgement { value, correlation: Some(correlation), ..judgement });
        };
        if let Some(numbers) = &parameter.numbers {
            add(None, had.iter().map(|trial| numbers[*trial]).collect());
            continue;
        }
        for (number, (value, _)) in parameter.categories.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "categories are few")]
            let is_it = |trial: &usize| f64::from(u8::from(parameter.codes[*trial] == number as f64));
            add(Some(value.clone()), had.iter().map(is_it).collect());
        }
    }
    judgements
}

/// The coefficient of correlation; 0 where one of the two is always the same.
fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let (x, y) = (centred(x), centred(y));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let size = (product(&x, &x) * product(&y, &y)).sqrt();
    if size > 0.0 { (product(&x, &y) / size).clamp(-1.0, 1.0) } else { 0.0 }
}

/// Numbers around their mean, the farthest at -1 or 1: their squares neither vanish nor overflow.
fn centred(numbers: &[f64]) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "trials fit into memory")]
    let count = numbers.len().max(1) as f64;
    if numbers.iter().all(|number| *number == numbers[0]) {
        return vec![0.0; numbers.len()];
    }
    let mean: f64 = numbers.iter().map(|number| number / count).sum();
    let apart: Vec<f64> = numbers.iter().map(|number| number / 2.0 - mean / 2.0).collect();
    let most = apart.iter().fold(0.0_f64, |most, apart| most.max(apart.abs()));
    apart.iter().map(|apart| apart / most.max(f64::MIN_POSITIVE)).collect()
}

#[cfg(test)]
mod tests {
    //! Coefficients.
    use super::*;

    #[test]
    fn a_coefficient_is_that_of_a_textbook() {
        // Anscombe's first set: 0.81642.
        let x = [10.0, 8.0, 13.0, 9.0, 11.0, 14.0, 6.0, 4.0, 12.0, 7.0, 5.0];
        let y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
        assert!((pearson(&x, &y) - 0.81642).abs() < 1e-5);
        assert_eq!(pearson(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
        assert_eq!(pearson(&[1.0, 1.0], &[3.0, 2.0]), 0.0);
        assert_eq!(pearson(&[], &[]), 0.0);
    }

    #[test]
    fn the_largest_and_the_smallest_numbers_have_one_too() {
        let largest = [-f64::MAX, 0.0, f64::MAX];
        assert!((pearson(&largest, &[1.0, 2.0, 3.0]) - 1.0).abs() < 1e-12);
        let smallest = [f64::MIN_POSITIVE, 2.0 * f64::MIN_POSITIVE, 3.0 * f64::MIN_POSITIVE];
        assert!((pearson(&smallest, &largest) - 1.0).abs() < 1e-6);
    }
}
