//! Where to look next: the maximum of an acquisition over a space, by draws, changes of the best, and ever smaller
//! changes of what was found. Never a gradient: lists and conditions have none.

use super::elementary::below;
use super::encoding::{Encoding, Point};
use crate::rng::Rng;

/// How much is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Draws of the whole space.
    pub(crate) draws: usize,
    /// Changes of the best so far.
    pub(crate) changes: usize,
    /// Searches from the best of these.
    pub(crate) climbs: usize,
    /// Steps of each.
    pub(crate) steps: usize,
}

/// What changes of the best are spread by.
const SPREADS: [f64; 4] = [0.3, 0.1, 0.03, 0.01];
/// The first change of a climb, the least and the greatest.
const CLIMB: f64 = 0.1;
const LEAST: f64 = 1e-5;
const MOST: f64 = 0.3;

/// Points by their acquisition, the best first: what was found by climbing, then what was only looked at.
#[must_use]
pub(crate) fn ranked(
    encoding: &Encoding,
    best: &[&[f64]],
    effort: Effort,
    rng: &mut Rng,
    mut acquisition: impl FnMut(&[f64]) -> f64,
) -> Vec<(f64, Point)> {
    let mut found: Vec<(f64, Point)> = Vec::with_capacity(effort.draws + effort.changes + effort.climbs);
    for _ in 0..effort.draws {
        let point = encoding.random(rng);
        found.push((acquisition(&point), point));
    }
    if !best.is_empty() {
        for turn in 0..effort.changes {
            let spread = SPREADS[below(rng, SPREADS.len())];
            let point = encoding.mutated(best[turn % best.len()], spread, rng);
            found.push((acquisition(&point), point));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut starts: Vec<(f64, Point)> = found.iter().take(effort.climbs).cloned().collect();
    // And one with another value of some list, if none of the others has one.
    if let Some(first) = starts.first() {
        let lists: Vec<usize> = (0..first.1.len()).filter(|dim| encoding.list(*dim).is_some()).collect();
        let other = |point: &Point| lists.iter().any(|dim| point[*dim] != first.1[*dim]);
        if let Some(start) = found.iter().skip(effort.climbs).find(|(_, point)| other(point)) {
            starts.push(start.clone());
        }
    }
    for start in &mut starts {
        climb(encoding, start, effort.steps, rng, &mut acquisition);
    }
    found.extend(starts);
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found
}

/// Smaller steps where they fail, larger ones where they succeed.
fn climb(
    encoding: &Encoding,
    from: &mut (f64, Point),
    steps: usize,
    rng: &mut Rng,
    acquisition: &mut impl FnMut(&[f64]) -> f64,
) {
    let (mut spread, mut failed) = (CLIMB, 0_u32);
    for _ in 0..steps {
        let point = encoding.mutated(&from.1, spread, rng);
        let value = acquisition(&point);
        if value > from.0 {
            *from = (value, point);
            spread *= 1.5;
            failed = 0;
        } else {
            failed += 1;
            if failed.is_multiple_of(4) {
                spread *= 0.6;
            }
        }
        spread = spread.clamp(LEAST, MOST);
    }
}

/// What is found.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Axis, Domain, Space};

    #[test]
    fn the_maximum_of_a_smooth_function_is_found_to_four_digits() {
        let axes =
            (0..4).map(|n| Axis { name: format!("x{n}"), domain: Domain::Uniform { min: 0.0, max: 1.0 } });
        let encoding = Encoding::new(&Space::new(axes.collect()));
        let effort = Effort { draws: 200, changes: 100, climbs: 3, steps: 150 };
        for seed in 0..5 {
            let value = |x: &[f64]| -x.iter().map(|x| (x - 0.3) * (x - 0.3)).sum::<f64>();
            let found = ranked(&encoding, &[&[0.5; 4]], effort, &mut Rng::new("climb", seed), value);
            assert!(found[0].0 > -1e-3, "{seed}: {:?}", found[0]);
            assert!(found.is_sorted_by(|a, b| a.0 >= b.0));
        }
    }
}
