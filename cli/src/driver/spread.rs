//! Where the trials of a sweep go that runs in several places: divided by weight, or to where the fewest jobs wait, with
//! the sweep's one concurrency shared out. Places are chosen batch by batch, never trial by trial, so arrays stay few.

use std::collections::BTreeMap;

use sweep_core::batch::Executor;
use sweep_core::manifest::Manifest;
use sweep_core::spread::{How, Place, Spread};

use crate::driver::batches::Shape;
use crate::error::Result;
use crate::executor::slurm::clusters::Clusters;
use crate::executor::slurm::{self, waiting};

/// A place that trials may be given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Where.
    pub place: Place,
    /// Its share beside those of the others.
    pub weight: u32,
    /// What it has already: trials of the sweep, or jobs that wait.
    pub load: u64,
    /// How many tasks an array may have on its cluster.
    pub max_array_size: u32,
    /// Most jobs of the sweep there at once, of a sweep that has a limit and nobody who watches it.
    pub limit: Option<u32>,
}

/// What to do where a cluster does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silent {
    /// Nothing is submitted: it may be a slip of the pen.
    Refuse,
    /// Its trials go to the others.
    LeaveOut,
}

/// The places of a spread as they stand now. `given` says how many trials each had so far, by its number; `notice` hears
/// which cluster is left out.
///
/// # Errors
/// Where none of the clusters answers, or one does not that must.
pub fn survey(
    spread: &Spread,
    shape: Shape,
    concurrency: Option<u32>,
    given: &BTreeMap<u32, u64>,
    silent: Silent,
    notice: &dyn Fn(&str),
) -> Result<Vec<Spot>> {
    let limits = concurrency.map(|concurrency| shares(spread, shape.at_once(concurrency)));
    let mut sizes: BTreeMap<String, Result<u32>> = BTreeMap::new();
    for cluster in spread.clusters() {
        let size = slurm::site_of(Some(&cluster)).map(|site| site.max_array_size);
        match size {
            Err(error) if silent == Silent::Refuse => {
                return Err(error.hint("`sacctmgr show clusters` lists their names, where slurmdbd runs"));
            }
            Err(error) => {
                notice(&format!("{}: trials go elsewhere", error.message()));
                sizes.insert(cluster, Err(error));
            }
            size => drop(sizes.insert(cluster, size)),
        }
    }
    let places: Vec<Place> = spread.places().collect();
    let waiting = match spread.how {
        How::Balanced => None,
        How::Opportunistic => Some(waiting::ask(&places)?),
    };
    let mut spots = Vec::new();
    for (number, (place, over)) in places.into_iter().zip(&spread.over).enumerate() {
        let load = match &waiting {
            None => Some(given.get(&place.number).copied().unwrap_or_default()),
            Some(waiting) => waiting[number].map(u64::from),
        };
        let size = place.cluster.as_ref().map(|cluster| sizes.get(cluster));
        let max_array_size = match size {
            None => shape.max_array_size(),
            Some(Some(Ok(size))) => *size,
            Some(_) => continue,
        };
        let limit = limits.as_ref().map(|limits| limits[number]);
        // One that answered the first question and not the second is left out as well.
        if let (Some(load), None | Some(1..)) = (load, limit) {
            spots.push(Spot { place, weight: over.weight, load, max_array_size, limit });
        }
    }
    if spots.is_empty() {
        return Err(sizes.into_values().find_map(Result::err).unwrap_or_else(nobody));
    }
    Ok(spots)
}

fn nobody() -> crate::error::Error {
    crate::error::Error::world("no cluster of `spread` answers")
}

/// How many of a sweep's jobs each place may have at once. The sum is never more than `at_once`, whatever is submitted
/// when, because a place's part never changes; a place without a part gets no trials.
#[must_use]
pub fn shares(spread: &Spread, at_once: u32) -> Vec<u32> {
    let weights: Vec<(u64, u32)> = spread.over.iter().map(|over| (0, over.weight)).collect();
    divide(at_once, &weights)
}

/// Divides `count` among places with a load and a weight each: one after the other goes where the load, with it, is the
/// smallest for the weight (the method of D'Hondt); of equals to the largest weight, then to the first.
#[must_use]
pub fn divide(count: u32, places: &[(u64, u32)]) -> Vec<u32> {
    let mut parts = vec![0; places.len()];
    for _ in 0..count {
        let after = |place: usize| u128::from(places[place].0) + u128::from(parts[place]) + 1;
        let weight = |place: usize| places[place].1.max(1);
        let best = (0..places.len()).min_by(|one, two| {
            let (first, second) =
                (after(*one) * u128::from(weight(*two)), after(*two) * u128::from(weight(*one)));
            first.cmp(&second).then(weight(*two).cmp(&weight(*one)))
        });
        match best {
            Some(best) => parts[best] += 1,
            None => break,
        }
    }
    parts
}

/// The clusters that a sweep's jobs are on, its drivers' among them; none is the one that Slurm's commands ask by
/// themselves.
#[must_use]
pub fn clusters(manifest: &Manifest) -> Clusters {
    let asked = manifest.submission.as_ref();
    if asked.is_some_and(|asked| asked.executor != Executor::Slurm) {
        return Clusters::new();
    }
    let mut clusters = manifest.spread.as_ref().map(Spread::clusters).unwrap_or_default();
    if !clusters.is_empty() {
        clusters.extend(asked.and_then(|asked| asked.cluster.clone()));
    }
    clusters
}

/// The cluster that the jobs are on that drive a sweep; none is the one that Slurm's commands ask by themselves.
#[must_use]
pub fn home(manifest: &Manifest) -> Option<&str> {
    manifest.submission.as_ref()?.cluster.as_deref()
}

/// Divisions by example.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_are_divided_by_weight_over_all_submissions() {
        assert_eq!(divide(1000, &[(0, 3), (0, 1)]), [750, 250]);
        assert_eq!(divide(4, &[(3, 3), (1, 1)]), [3, 1]);
        // What one had too much of the other gets now.
        assert_eq!(divide(10, &[(10, 1), (0, 1)]), [0, 10]);
        assert_eq!(divide(1, &[(0, 1), (0, 2), (0, 2)]), [0, 1, 0]);
        assert_eq!(divide(3, &[]), [0; 0]);
    }

    #[test]
    fn trials_go_where_the_fewest_wait() {
        assert_eq!(divide(10, &[(20, 1), (0, 1)]), [0, 10]);
        assert_eq!(divide(100, &[(20, 1), (0, 1)]), [40, 60]);
        // Of two that are alike the larger first, then the first of the spec.
        assert_eq!(divide(1, &[(5, 1), (5, 1)]), [1, 0]);
        assert_eq!(divide(1, &[(0, 1), (0, 3)]), [0, 1]);
    }

    #[test]
    fn the_parts_of_a_concurrency_are_never_more_than_all_of_it() {
        let spread = |weights: &[u32]| -> Spread {
            let over: Vec<String> =
                weights.iter().map(|weight| format!(r#"{{"weight":{weight}}}"#)).collect();
            serde_json::from_str(&format!(r#"{{"over":[{}]}}"#, over.join(","))).unwrap()
        };
        assert_eq!(shares(&spread(&[3, 1]), 4), [3, 1]);
        assert_eq!(shares(&spread(&[3, 1]), 1), [1, 0]);
        for at_once in 1..40 {
            assert_eq!(shares(&spread(&[5, 2, 2]), at_once).iter().sum::<u32>(), at_once);
        }
    }
}
