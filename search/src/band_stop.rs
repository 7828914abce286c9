//! W&B's `early_terminate` of type `hyperband`: bands over the number of reported values. A configuration that has
//! passed a band stops when its metric is worse than the one that a share of `1/eta` of all reached there. Never a
//! look at the program's own step: a band counts reports.

use std::collections::HashMap;

use crate::leaders::{Leaders, Score};
use crate::stopping::{Ending, Rule, Verdict};
use crate::strategy::Proposal;

/// Bands where nobody says how many, as W&B has it.
const BANDS: u32 = 100;

/// What a configuration's metric is compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Its best so far.
    #[default]
    Best,
    /// The value that it had at the band.
    AtBand,
}

/// Stops at bands.
#[derive(Debug)]
pub struct BandStop {
    eta: f64,
    strictness: Strictness,
    bands: Vec<(u64, Leaders)>,
    running: HashMap<u32, Progress>,
}

#[derive(Debug)]
struct Progress {
    reports: u64,
    best: f64,
    /// The band that it passed last, counted from 1, and its value there.
    passed: usize,
    at_band: f64,
}

/// The bands from a first one on: `min_iter · eta^i`.
#[must_use]
pub fn from_first(min_iter: u64, eta: f64) -> Vec<u64> {
    let mut bands: Vec<u64> = powers(min_iter, |band| band * eta).take(BANDS as usize).collect();
    bands.dedup();
    bands
}

/// The `s` bands below a last one: `max_iter / eta^i` for `i` from 1, as long as that is at least 1.
#[must_use]
pub fn below_last(max_iter: u64, s: u32, eta: f64) -> Vec<u64> {
    let mut bands: Vec<u64> =
        powers(max_iter, |band| band / eta).skip(1).take(s as usize).take_while(|band| *band >= 1).collect();
    bands.reverse();
    bands.dedup();
    bands
}

fn powers(first: u64, next: impl Fn(f64) -> f64) -> impl Iterator<Item = u64> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a band that no program reaches may be inexact; none is negative"
    )]
    std::iter::successors(Some(first as f64), move |band| Some(next(*band))).map(|band| band as u64)
}

impl BandStop {
    /// A rule over these bands; `eta` is above 1.
    #[must_use]
    pub fn new(bands: &[u64], eta: f64, strictness: Strictness) -> Self {
        let bands = bands.iter().map(|band| (*band, Leaders::default())).collect();
        Self { eta, strictness, bands, running: HashMap::new() }
    }
}

impl Rule for BandStop {
    fn proposed(&mut self, trial: u32, _proposal: &Proposal) {
        let progress = Progress { reports: 0, best: f64::INFINITY, passed: 0, at_band: f64::INFINITY };
        self.running.insert(trial, progress);
    }

    fn reported(&mut self, trial: u32, _step: u64, metric: f64) -> Verdict {
        let Some(progress) = self.running.get_mut(&trial) else { return Verdict::GoOn };
        progress.best = progress.best.min(metric);
        // W&B counts from 0: the value at band 3 is the fourth.
        if let Some((_, leaders)) = self.bands.get_mut(progress.passed).filter(|b| b.0 == progress.reports) {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number of configurations"
            )]
            let quota = ((1.0 / self.eta) * (leaders.len() + 1) as f64) as usize;
            leaders.insert((Score::of(Some(metric)), trial), quota);
            progress.passed += 1;
            progress.at_band = metric;
        }
        progress.reports += 1;
        let Some((_, leaders)) = progress.passed.checked_sub(1).and_then(|band| self.bands.get(band)) else {
            return Verdict::GoOn;
        };
        let metric = match self.strictness {
            Strictness::Best => progress.best,
            Strictness::AtBand => progress.at_band,
        };
        match leaders.first_out() {
            Some(threshold) if metric > threshold => Verdict::Stop,
            _ => Verdict::GoOn,
        }
    }

    fn ended(&mut self, trial: u32, _end: Ending) {
        self.running.remove(&trial);
    }
}

/// Bands.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_those_of_wandb() {
        assert_eq!(below_last(27, 2, 3.0), [3, 9]);
        assert_eq!(below_last(5, 2, 2.0), [1, 2]);
        assert_eq!(below_last(5, 20, 2.0), [1, 2]);
        assert_eq!(from_first(3, 3.0)[..4], [3, 9, 27, 81]);
        // W&B's own default; W&B multiplies without rounding and cuts each.
        assert_eq!(from_first(1, 1.5)[..5], [1, 2, 3, 5, 7]);
        assert!(below_last(2, 3, 3.0).is_empty());
    }

    /// The example in W&B's documentation of the rule: five runs, of which `b` and `c` stop.
    #[test]
    fn the_example_of_wandb_stops_the_same_runs() {
        let histories: [&[f64]; 5] =
            [&[10.0, 9.0], &[10.0, 10.0], &[10.0, 8.0, 8.0], &[10.0, 7.0, 7.0], &[10.0, 6.0, 6.0]];
        let mut rule = BandStop::new(&below_last(5, 2, 2.0), 2.0, Strictness::Best);
        // The runs that W&B's example looks at report last: it looks at all at one moment.
        let mut said = Vec::new();
        for trial in [0, 4, 3, 2, 1] {
            rule.proposed(trial, &Proposal::default());
            for (step, metric) in histories[trial as usize].iter().enumerate() {
                if rule.reported(trial, step as u64, *metric) == Verdict::Stop {
                    said.push(trial);
                }
            }
        }
        said.dedup();
        assert_eq!(said, [2, 1]);
    }

    #[test]
    fn strict_compares_the_value_at_the_band() {
        let stop = |strictness| {
            let mut rule = BandStop::new(&[1], 2.0, strictness);
            for (trial, metrics) in [(0, [1.0, 1.0]), (1, [1.0, 2.0]), (2, [1.0, 3.0])] {
                rule.proposed(trial, &Proposal::default());
                rule.reported(trial, 0, metrics[0]);
                if rule.reported(trial, 1, metrics[1]) == Verdict::Stop {
                    return Some(trial);
                }
            }
            None
        };
        assert_eq!(stop(Strictness::AtBand), Some(2));
        assert_eq!(stop(Strictness::Best), None);
    }
}
