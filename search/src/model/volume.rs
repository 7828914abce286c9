//! How much volume a point may add to what a front dominates: the expected hypervolume improvement (Emmerich, Giannakoglou
//! and Naujoks 2006) of independent normal beliefs, in logarithms. Never 0 for a point that may add anything, however
//! unlikely.
//!
//! A point adds, in each free box, the part of the box that it dominates: a product of one length for each metric.
//! The mean of such a length is the difference of two expected improvements, upon the box's upper end and upon its
//! lower one.

use super::boxes::Boxes;
use super::elementary::{ln, log_improvement};
use super::posterior::Belief;

/// Below this, what is left of a sum of products has lost its digits.
const LEAST: f64 = 1e-250;

/// Room for the tables of one evaluation, so that it can be used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room {
    logs: Vec<Vec<f64>>,
    shares: Vec<Vec<f64>>,
}

/// The logarithm of the volume that is expected of a point with these beliefs, one for each metric.
#[must_use]
pub(crate) fn log_volume(boxes: &Boxes, beliefs: &[Belief], room: &mut Room) -> f64 {
    room.logs.resize(beliefs.len(), Vec::new());
    room.shares.resize(beliefs.len(), Vec::new());
    let mut whole = 0.0;
    for (metric, belief) in beliefs.iter().enumerate() {
        let deviation = belief.variance.sqrt();
        let log = |edge: &f64| log_improvement((edge - belief.mean) / deviation) + ln(deviation);
        let logs = &mut room.logs[metric];
        logs.clear();
        logs.push(f64::NEG_INFINITY);
        logs.extend(boxes.edges[metric].iter().map(log));
        let most = logs[logs.len() - 1];
        whole += most;
        let shares = &mut room.shares[metric];
        shares.clear();
        shares.extend(logs.iter().map(|log| libm::exp(log - most)));
    }
    let mut sum = 0.0;
    for spans in &boxes.spans {
        let mut part = 1.0;
        for (shares, (low, high)) in room.shares.iter().zip(spans) {
            part *= shares[*high] - shares[*low];
        }
        sum += part;
    }
    if sum > LEAST {
        return ln(sum) + whole;
    }
    // Far behind the front all shares but those of the reference are 0: the most likely box decides.
    let of = |spans: &Vec<(usize, usize)>| -> f64 {
        let length = |(logs, (low, high)): (&Vec<f64>, &(usize, usize))| {
            logs[*high] + libm::log1p(-libm::exp(logs[*low] - logs[*high]).min(1.0 - f64::EPSILON))
        };
        room.logs.iter().zip(spans).map(length).sum()
    };
    boxes.spans.iter().map(of).fold(f64::NEG_INFINITY, f64::max)
}

/// Volumes, against closed forms and draws.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::elementary::gaussian;
    use crate::pareto::hypervolume;
    use crate::rng::Rng;

    fn belief(mean: f64, deviation: f64) -> Belief {
        Belief { mean, variance: deviation * deviation }
    }

    #[test]
    fn of_one_metric_it_is_the_expected_improvement() {
        let boxes = Boxes::beyond(&[vec![1.0], vec![3.0]], &[9.0]);
        let got = log_volume(&boxes, &[belief(2.5, 0.5)], &mut Room::default());
        let expected = log_improvement(-3.0) + 0.5_f64.ln();
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }

    #[test]
    fn what_is_certain_adds_its_own_volume() {
        let (front, reference) =
            (vec![vec![0.2, 0.6, 0.5], vec![0.5, 0.3, 0.7], vec![0.7, 0.7, 0.1]], [1.0; 3]);
        let boxes = Boxes::beyond(&front, &reference);
        for point in [[0.1, 0.1, 0.1], [0.4, 0.4, 0.4], [0.6, 0.6, 0.05], [0.3, 0.7, 0.4]] {
            let beliefs = point.map(|x| belief(x, 1e-9));
            let got = log_volume(&boxes, &beliefs, &mut Room::default()).exp();
            let with: Vec<Vec<f64>> = front.iter().cloned().chain([point.to_vec()]).collect();
            let expected = hypervolume(&with, &reference) - hypervolume(&front, &reference);
            assert!((got - expected).abs() < 1e-7, "{point:?}: {got} {expected}");
        }
    }

    #[test]
    fn the_expectation_is_the_mean_of_draws() {
        let (front, reference) = (vec![vec![0.2, 0.6], vec![0.5, 0.3]], [1.0, 1.0]);
        let boxes = Boxes::beyond(&front, &reference);
        let known = hypervolume(&front, &reference);
        let mut rng = Rng::new("volume", 0);
        for (means, deviations) in
            [([0.3, 0.4], [0.1, 0.2]), ([0.6, 0.6], [0.3, 0.1]), ([0.0, 0.9], [0.5, 0.5])]
        {
            let beliefs = [belief(means[0], deviations[0]), belief(means[1], deviations[1])];
            let got = log_volume(&boxes, &beliefs, &mut Room::default()).exp();
            let draws = 40_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..draws {
                let point: Vec<f64> = (0..2).map(|n| means[n] + deviations[n] * gaussian(&mut rng)).collect();
                let with: Vec<Vec<f64>> = front.iter().cloned().chain([point]).collect();
                let gain = hypervolume(&with, &reference) - known;
                sum += gain;
                squares += gain * gain;
            }
            let expected = sum / f64::from(draws);
            let error = (squares / f64::from(draws)).sqrt() / f64::from(draws).sqrt();
            assert!((got - expected).abs() < 4.0 * error, "{got} {expected} {error}");
        }
    }

    #[test]
    fn far_behind_the_front_nearer_is_still_better() {
        let boxes = Boxes::beyond(&[vec![0.0, 0.5], vec![0.5, 0.0]], &[1.0, 1.0]);
        let at = |distance: f64| {
            let beliefs = [belief(distance, 1e-3), belief(distance, 1e-3)];
            log_volume(&boxes, &beliefs, &mut Room::default())
        };
        let values: Vec<f64> = [0.4, 0.5, 0.6, 0.9, 1.5, 9.0, 1e6].map(at).to_vec();
        assert!(values.windows(2).all(|pair| pair[0] > pair[1] && pair[1].is_finite()), "{values:?}");
    }
}
