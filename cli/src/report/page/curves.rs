//! What trials reported on their way, thinned so that a page of any sweep stays small. Never a curve without its first
//! and its last point.

use std::fs::File;
use std::io::Read;

use serde::Serialize;
use sweep_core::layout::SweepDir;
use sweep_core::manifest::Metric;

use super::column::shortened;
use crate::driver::look::Look;

/// Points of all curves together, as far as each may keep [`LEAST`].
const POINTS: usize = 240_000;
/// Points of one curve, at most.
const MOST: usize = 200;
/// Points that every curve may keep.
const LEAST: usize = 8;
/// Bytes of a trial's reports that are read.
const METRICS_LEN: u64 = 16 * 1024 * 1024;

/// Learning curves, one behind the other.
#[derive(Debug, Serialize)]
pub struct Curves {
    /// What they show: the program's steps, or the budgets of a configuration's trials.
    pub along: Along,
    /// The trial of each curve; of a configuration with several trials the last.
    pub trials: Vec<u32>,
    /// Where each begins; one more than there are curves.
    pub starts: Vec<usize>,
    /// Along.
    pub steps: Vec<f64>,
    /// The metric.
    pub values: Vec<f64>,
    /// How many points were left out.
    pub thinned: usize,
}

/// What curves go along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Along {
    /// Steps that trials reported.
    Step,
    /// The budgets of a configuration's trials.
    Budget,
}

type Points = Vec<(f64, f64)>;

impl Curves {
    /// Reads them; none where no trial reported twice and none goes on from another.
    pub(super) fn read(dir: &SweepDir, look: &Look) -> Option<Self> {
        let metric = look.manifest.metric.as_ref()?;
        let reported: Vec<(u32, Points)> = look
            .trials
            .iter()
            .filter(|trial| trial.record.is_some())
            .map(|trial| (trial.trial.index.0, reports(&dir.trial(trial.trial.index).metrics(), metric)))
            .collect();
        if reported.iter().any(|(_, points)| points.len() > 1) {
            return Some(Self::of(Along::Step, reported));
        }
        let chains = chains(look);
        chains.iter().any(|(_, points)| points.len() > 1).then(|| Self::of(Along::Budget, chains))
    }

    fn of(along: Along, curves: Vec<(u32, Points)>) -> Self {
        let curves: Vec<_> = curves.into_iter().filter(|(_, points)| !points.is_empty()).collect();
        let most = (POINTS / curves.len().max(1)).clamp(LEAST, MOST);
        let mut all =
            Self { along, trials: vec![], starts: vec![0], steps: vec![], values: vec![], thinned: 0 };
        for (trial, points) in curves {
            let kept = thin(&points, most);
            all.thinned += points.len() - kept.len();
            all.trials.push(trial);
            all.steps.extend(kept.iter().map(|(step, _)| shortened(*step)));
            all.values.extend(kept.iter().map(|(_, value)| shortened(*value)));
            all.starts.push(all.steps.len());
        }
        all
    }
}

fn reports(path: &std::path::Path, metric: &Metric) -> Points {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(METRICS_LEN).read_to_end(&mut bytes));
    if read.is_err() {
        return Vec::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "a place in a plot")]
    let mut points: Points = metric.series(&bytes).map(|(step, value)| (step as f64, value)).collect();
    // A trial that was started again reports its steps again: the later report counts.
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.reverse();
    points.dedup_by(|a, b| a.0 == b.0);
    points.reverse();
    points
}

/// The budgets and metrics of each configuration's trials, from the first to the one that nothing goes on from.
fn chains(look: &Look) -> Vec<(u32, Points)> {
    let mut goes_on = vec![false; look.trials.len()];
    for parent in look.trials.iter().filter_map(|trial| trial.trial.parent) {
        if let Some(place) = goes_on.get_mut(parent.0 as usize) {
            *place = true;
        }
    }
    let leaves = look.trials.iter().filter(|trial| !goes_on[trial.trial.index.0 as usize]);
    leaves
        .map(|leaf| {
            let mut points = Points::new();
            let mut next = Some(leaf);
            // A parent comes before its child in the table, so this ends.
            while let Some(trial) = next {
                points.extend(trial.trial.budget.zip(trial.metric));
                let parent = trial.trial.parent.filter(|parent| *parent < trial.trial.index);
                next = parent.and_then(|parent| look.trials.get(parent.0 as usize));
            }
            points.reverse();
            (leaf.trial.index.0, points)
        })
        .collect()
}

/// At most `most` points, evenly taken, the first and the last among them.
fn thin(points: &[(f64, f64)], most: usize) -> Points {
    if points.len() <= most {
        return points.to_vec();
    }
    let last = points.len() - 1;
    (0..most).map(|n| points[n * last / (most - 1)]).collect()
}

/// Thinning.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_curve_keeps_its_ends() {
        let points: Points = (0..1000).map(|n| (f64::from(n), 0.0)).collect();
        let thinned = thin(&points, 8);
        assert_eq!(thinned.len(), 8);
        assert_eq!((thinned[0].0, thinned[7].0), (0.0, 999.0));
        assert!(thinned.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(thin(&points[..5], 8), points[..5]);
    }

    #[test]
    fn many_curves_share_the_room() {
        let curve = |trial: u32| (trial, (0..500).map(|n| (f64::from(n), 1.0)).collect::<Points>());
        let few = Curves::of(Along::Step, (0..3).map(curve).collect());
        assert_eq!(few.starts, [0, 200, 400, 600]);
        let many = Curves::of(Along::Step, (0..12_000).map(curve).collect());
        assert_eq!(many.steps.len(), 12_000 * 20);
        assert_eq!(many.thinned, 12_000 * 480);
    }

    #[test]
    fn a_step_that_was_reported_again_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        std::fs::write(&path, "{\"step\":0,\"l\":3}\n{\"step\":1,\"l\":2}\n{\"step\":0,\"l\":5}\n").unwrap();
        let metric = Metric::reported("l", sweep_core::manifest::Goal::Minimize);
        assert_eq!(reports(&path, &metric), [(0.0, 5.0), (1.0, 2.0)]);
    }
}
