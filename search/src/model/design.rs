//! Where to look before there is a model: far from all others. Never a result.
//!
//! Where any point may be had, distances go round: a range has no ends, so that none of its values is farther from the
//! others than the rest. Without that, most points would lie at the ends of ranges, which say the least of what is
//! between. Of configurations that are given, those at the ends are few, and distances are as they are.

use super::elementary::below;
use super::encoding::{Encoding, Point};
use super::kernel::{Metric, apart, distance};
use crate::rng::Rng;

/// Points that are looked at.
const CANDIDATES: usize = 60;
/// Half of the range is as far as can be, and as much as another value of a list.
const ROUND: f64 = 4.0;

/// A point as far as can be from all others, of some drawn ones.
#[must_use]
pub(crate) fn spread(encoding: &Encoding, others: &[&[f64]], rng: &mut Rng) -> Point {
    let mut best = (f64::NEG_INFINITY, Point::new());
    for _ in 0..CANDIDATES {
        let point = encoding.random(rng);
        let nearest = nearest(encoding, &point, others, around);
        if nearest > best.0 {
            best = (nearest, point);
        }
    }
    best.1
}

/// Of some points the one that is farthest from all others, of as many as are looked at.
#[must_use]
pub(crate) fn farthest(
    encoding: &Encoding,
    points: &[&[f64]],
    others: &[&[f64]],
    rng: &mut Rng,
) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for _ in 0..CANDIDATES.min(points.len()) {
        let place = below(rng, points.len());
        let nearest = nearest(encoding, points[place], others, apart);
        if best.is_none_or(|best| nearest > best.0) {
            best = Some((nearest, place));
        }
    }
    best.map(|(_, place)| place)
}

type Distance = fn(&[Metric], &[f64], &[f64]) -> f64;

fn nearest(encoding: &Encoding, point: &[f64], others: &[&[f64]], distance: Distance) -> f64 {
    others.iter().map(|other| distance(encoding.metrics(), point, other)).fold(f64::MAX, f64::min)
}

/// The squared distance of two points, round each range the shorter way.
fn around(metrics: &[Metric], a: &[f64], b: &[f64]) -> f64 {
    let one = |(metric, (a, b)): (&Metric, (&f64, &f64))| match metric {
        Metric::Near if *a >= 0.0 && *b >= 0.0 => {
            let by = (a - b).abs();
            let by = by.min(1.0 - by);
            ROUND * by * by
        }
        _ => distance(*metric, *a, *b),
    };
    metrics.iter().zip(a.iter().zip(b)).map(one).sum()
}

/// Designs.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Axis, Domain, Space};

    fn cube(d: usize) -> Encoding {
        let domain = || Domain::Uniform { min: 0.0, max: 1.0 };
        Encoding::new(&Space::new((0..d).map(|n| Axis { name: format!("x{n}"), domain: domain() }).collect()))
    }

    fn design(encoding: &Encoding, count: usize, seed: u64) -> Vec<Point> {
        let mut rng = Rng::new("design", seed);
        let mut points: Vec<Point> = Vec::new();
        for _ in 0..count {
            let others: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
            points.push(spread(encoding, &others, &mut rng));
        }
        points
    }

    #[test]
    fn the_ends_of_a_range_are_no_farther_than_its_middle() {
        let encoding = cube(5);
        let all: Vec<f64> = (0..40).flat_map(|seed| design(&encoding, 8, seed)).flatten().collect();
        let near_an_end = all.iter().filter(|x| **x < 0.1 || **x > 0.9).count();
        let share = near_an_end as f64 / all.len() as f64;
        assert!((0.15..0.25).contains(&share), "{share}");
    }

    #[test]
    fn points_lie_farther_from_each_other_than_drawn_ones() {
        let encoding = cube(3);
        let least = |points: &[Point]| {
            let mut least = f64::MAX;
            for (i, a) in points.iter().enumerate() {
                least = points[..i].iter().map(|b| around(encoding.metrics(), a, b)).fold(least, f64::min);
            }
            least
        };
        for seed in 0..10 {
            let mut rng = Rng::new("drawn", seed);
            let drawn: Vec<Point> = (0..10).map(|_| encoding.random(&mut rng)).collect();
            assert!(least(&design(&encoding, 10, seed)) > least(&drawn), "{seed}");
        }
    }

    #[test]
    fn distances_go_round() {
        let near = |a: f64, b: f64| around(&[Metric::Near], &[a], &[b]);
        assert!((near(0.95, 0.05) - 0.04).abs() < 1e-12);
        assert!((near(0.25, 0.75) - 1.0).abs() < 1e-12);
        assert_eq!(around(&[Metric::Equal], &[0.0], &[2.0]), 1.0);
    }
}
