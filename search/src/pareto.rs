//! Ranks by several metrics at once: the Pareto front, what is left without it, and so on. Never a weighing of one
//! metric against another.
//!
//! Points are gone through in lexicographic order, so that none is dominated by a later one, and each goes to the
//! first front where nobody dominates it; that front is found by halving, since whoever is dominated in one front is
//! so in all before (Zhang et al. 2015, "An efficient approach to nondominated sorting", ENS-BS). With two metrics
//! only the last point of a front has to be asked, which makes it O(n log n).

use std::cmp::Ordering;

/// The front of each point, 0 for those that no other dominates; `None` for a point without all of its metrics, which
/// never dominates and has no front. Lower is better in every metric; all points have as many.
#[must_use]
pub fn ranks(points: &[Vec<Option<f64>>]) -> Vec<Option<usize>> {
    let whole = |point: &Vec<Option<f64>>| -> Option<Vec<f64>> {
        // -0 and 0 are one value.
        point.iter().map(|value| value.filter(|value| value.is_finite()).map(|value| value + 0.0)).collect()
    };
    let values: Vec<Option<Vec<f64>>> = points.iter().map(whole).collect();
    let mut order: Vec<(usize, &[f64])> =
        values.iter().enumerate().filter_map(|(place, point)| Some((place, point.as_deref()?))).collect();
    order.sort_by(|(_, a), (_, b)| lexicographic(a, b));
    let mut ranks = vec![None; points.len()];
    let mut fronts: Vec<Vec<&[f64]>> = Vec::new();
    let mut last: Option<(&[f64], usize)> = None;
    for (place, point) in order {
        let rank = match last {
            // Equals stand next to each other and share a front.
            Some((before, rank)) if before == point => rank,
            _ => {
                let rank = fronts.partition_point(|front| is_dominated(point, front));
                match fronts.get_mut(rank) {
                    Some(front) => front.push(point),
                    None => fronts.push(vec![point]),
                }
                rank
            }
        };
        ranks[place] = Some(rank);
        last = Some((point, rank));
    }
    ranks
}

/// Whether a point that comes after all of a front's, and equals none, is dominated by one of them.
fn is_dominated(point: &[f64], front: &[&[f64]]) -> bool {
    let dominates = |other: &&[f64]| other.iter().zip(point).all(|(a, b)| a <= b);
    match point.len() {
        // In a front of two metrics the second falls as the first rises: the last has the least.
        0..=2 => front.last().is_some_and(dominates),
        _ => front.iter().rev().any(dominates),
    }
}

fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    let unequal = a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
    unequal.unwrap_or(Ordering::Equal)
}

/// Fronts, against their definition.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn dominates(a: &[f64], b: &[f64]) -> bool {
        a.iter().zip(b).all(|(a, b)| a <= b) && a.iter().zip(b).any(|(a, b)| a < b)
    }

    /// Front by front, each those of the rest that none of the rest dominates.
    fn by_definition(points: &[Vec<Option<f64>>]) -> Vec<Option<usize>> {
        let values: Vec<Option<Vec<f64>>> =
            points.iter().map(|point| point.iter().copied().collect()).collect();
        let mut ranks = vec![None; points.len()];
        let mut rest: Vec<usize> = (0..points.len()).filter(|place| values[*place].is_some()).collect();
        for rank in 0.. {
            if rest.is_empty() {
                break;
            }
            let of = |place: &usize| values[*place].as_deref().unwrap();
            let front: Vec<usize> = rest
                .iter()
                .copied()
                .filter(|place| !rest.iter().any(|other| dominates(of(other), of(place))))
                .collect();
            front.iter().for_each(|place| ranks[*place] = Some(rank));
            rest.retain(|place| !front.contains(place));
        }
        ranks
    }

    #[test]
    fn ranks_are_those_of_the_definition() {
        let mut rng = Rng::new("pareto", 0);
        for metrics in 1..=4 {
            for round in 0..40 {
                // Coarse, so that there are equals and ties in one metric.
                let steps = [3.0, 8.0, 1e9][round % 3];
                let mut value = || {
                    let value = (rng.unit() * steps).floor() - 1.0;
                    (rng.unit() > 0.05).then_some(value)
                };
                let points: Vec<Vec<Option<f64>>> =
                    (0..60).map(|_| (0..metrics).map(|_| value()).collect()).collect();
                assert_eq!(ranks(&points), by_definition(&points), "{points:?}");
            }
        }
    }

    #[test]
    fn what_is_missing_or_no_number_never_dominates() {
        let points = [
            vec![Some(1.0), None],
            vec![Some(f64::NEG_INFINITY), Some(0.0)],
            vec![Some(f64::NAN), Some(0.0)],
            vec![Some(9.0), Some(9.0)],
            vec![Some(-0.0), Some(10.0)],
            vec![Some(0.0), Some(10.0)],
        ];
        assert_eq!(ranks(&points), [None, None, None, Some(0), Some(0), Some(0)]);
        assert!(ranks(&[]).is_empty());
    }

    #[test]
    fn a_hundred_thousand_points_of_two_metrics_are_ranked_at_once() {
        // All on one front: with a look at each of its points it would be five billion comparisons.
        let points: Vec<_> = (0..100_000).map(|n| vec![Some(f64::from(n)), Some(f64::from(-n))]).collect();
        assert!(ranks(&points).iter().all(|rank| *rank == Some(0)));
    }
}
