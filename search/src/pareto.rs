//! Ranks by several metrics at once: the Pareto front, what is left without it, and so on, and how much a front
//! dominates. Never a weighing of one metric against another.
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

/// All places, the best first: by front, and within one those first that have the most room around them (the crowding
/// distance of Deb et al. 2002, NSGA-II), so that the ends of a front come before its middle. Points without all of
/// their metrics come last. Equals keep their order.
#[must_use]
pub fn order(points: &[Vec<Option<f64>>]) -> Vec<usize> {
    let ranks = ranks(points);
    let mut fronts: Vec<Vec<usize>> =
        vec![Vec::new(); ranks.iter().flatten().max().map_or(0, |most| most + 1)];
    for (place, rank) in ranks.iter().enumerate() {
        if let Some(rank) = rank {
            fronts[*rank].push(place);
        }
    }
    let mut order = Vec::with_capacity(points.len());
    for front in fronts {
        let room = room(&front, points);
        let mut by_room: Vec<(usize, f64)> = front.into_iter().zip(room).collect();
        by_room.sort_by(|a, b| b.1.total_cmp(&a.1));
        order.extend(by_room.into_iter().map(|(place, _)| place));
    }
    order.extend((0..points.len()).filter(|place| ranks[*place].is_none()));
    order
}

/// How far apart the neighbours of each point of a front are, over all metrics; infinite at its ends.
fn room(front: &[usize], points: &[Vec<Option<f64>>]) -> Vec<f64> {
    let mut room = vec![0.0; front.len()];
    let metrics = front.first().map_or(0, |place| points[*place].len());
    for metric in 0..metrics {
        let values: Vec<f64> = front
            .iter()
            .map(|place| points[*place].get(metric).copied().flatten().unwrap_or(f64::INFINITY))
            .collect();
        let value = |at: usize| values[at];
        let mut sorted: Vec<usize> = (0..front.len()).collect();
        sorted.sort_by(|a, b| value(*a).total_cmp(&value(*b)));
        let (Some(first), Some(last)) = (sorted.first().copied(), sorted.last().copied()) else { continue };
        let range = value(last) - value(first);
        room[first] = f64::INFINITY;
        room[last] = f64::INFINITY;
        for three in sorted.windows(3).filter(|_| range > 0.0) {
            room[three[1]] += (value(three[2]) - value(three[0])) / range;
        }
    }
    room
}

/// The volume that points dominate below a reference; lower is better in every metric. Cut along the last metric, so
/// it is for few points or few metrics.
#[must_use]
pub fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let Some((top, lower)) = reference.split_last() else { return 1.0 };
    let last = lower.len();
    let below = |point: &&Vec<f64>| point.iter().zip(reference).all(|(a, b)| a < b);
    let mut counting: Vec<&Vec<f64>> = points.iter().filter(below).collect();
    counting.sort_by(|a, b| a[last].total_cmp(&b[last]));
    if last == 0 {
        return counting.first().map_or(0.0, |point| top - point[0]);
    }
    let mut volume = 0.0;
    let mut flat: Vec<Vec<f64>> = Vec::new();
    for (place, point) in counting.iter().enumerate() {
        let cut = &point[..last];
        // Whoever is dominated in the metrics before adds nothing from here on.
        if !flat.iter().any(|other| other.iter().zip(cut).all(|(a, b)| a <= b)) {
            flat.retain(|other| !cut.iter().zip(other).all(|(a, b)| a <= b));
            flat.push(cut.to_vec());
        }
        let end = counting.get(place + 1).map_or(*top, |next| next[last]);
        if end > point[last] {
            volume += (end - point[last]) * hypervolume(&flat, lower);
        }
    }
    volume
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
    fn the_ends_of_a_front_come_before_its_middle_and_crowds_last() {
        let points = [[9.0, 9.0], [0.0, 4.0], [1.9, 2.0], [2.0, 1.9], [4.0, 0.0], [0.5, 3.0]];
        let mut points: Vec<Vec<Option<f64>>> = points.iter().map(|p| p.map(Some).to_vec()).collect();
        points.push(vec![Some(0.0), None]);
        // Room: 5 between 1 and 2 has (1.9 + 2) / 4, 2 has (1.5 + 1.1) / 4, 3 has (2.1 + 2) / 4.
        assert_eq!(order(&points), [1, 4, 3, 5, 2, 0, 6]);
        assert!(order(&[]).is_empty());
    }

    #[test]
    fn the_hypervolume_is_the_share_of_drawn_points_that_are_dominated() {
        let square = [vec![0.5, 0.5], vec![0.25, 0.75], vec![2.0, 0.0], vec![0.6, 0.6]];
        assert!((hypervolume(&square, &[1.0, 1.0]) - (0.25 + 0.25 * 0.25)).abs() < 1e-15);
        assert_eq!(hypervolume(&[], &[1.0, 1.0]), 0.0);
        let mut rng = Rng::new("volume", 0);
        for metrics in 1..=4 {
            let mut draw = || -> Vec<f64> { (0..metrics).map(|_| rng.unit()).collect() };
            let points: Vec<Vec<f64>> = (0..12).map(|_| draw()).collect();
            let probes: Vec<Vec<f64>> = (0..20_000).map(|_| draw()).collect();
            let is_dominated =
                |probe: &&Vec<f64>| points.iter().any(|point| point.iter().zip(*probe).all(|(a, b)| a <= b));
            let share = probes.iter().filter(is_dominated).count() as f64 / probes.len() as f64;
            let got = hypervolume(&points, &vec![1.0; metrics]);
            assert!((got - share).abs() < 0.02, "{metrics}: {got} {share}");
        }
    }

    #[test]
    fn a_hundred_thousand_points_of_two_metrics_are_ranked_at_once() {
        // All on one front: with a look at each of its points it would be five billion comparisons.
        let points: Vec<_> = (0..100_000).map(|n| vec![Some(f64::from(n)), Some(f64::from(-n))]).collect();
        assert!(ranks(&points).iter().all(|rank| *rank == Some(0)));
    }
}
