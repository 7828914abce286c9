//! The median rule (Golovin et al. 2017, section 3.2.1): a configuration stops when its best value is worse than the
//! median of what completed ones had on the average up to the same step. Never more than some thousand values of one
//! configuration: past step 128 seven bits of a step count.

use std::collections::{BTreeMap, HashMap};

use crate::leaders::{Leaders, Score};
use crate::stopping::{Ending, Rule, Verdict};
use crate::strategy::Proposal;

/// When the rule begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grace {
    /// The first step at which one may be stopped.
    pub steps: u64,
    /// How many must have completed before.
    pub completed: u64,
}

impl Default for Grace {
    fn default() -> Self {
        Self { steps: 5, completed: 5 }
    }
}

/// Stops what is worse than the median.
#[derive(Debug)]
pub struct Median {
    grace: Grace,
    running: HashMap<u32, Curve>,
    completed: Vec<(u32, Curve)>,
    /// The averages of all completed ones at each step that was looked at, the lower half apart.
    at: BTreeMap<u64, Leaders>,
}

/// What one configuration reported.
#[derive(Clone, Debug, Default)]
struct Curve {
    /// Steps and the average of everything up to them.
    averages: Vec<(u64, f64)>,
    sum: f64,
    count: u32,
    best: Option<f64>,
}

impl Curve {
    fn add(&mut self, step: u64, metric: f64) {
        self.sum += metric;
        self.count += 1;
        self.best = Some(self.best.map_or(metric, |best| best.min(metric)));
        let average = self.sum / f64::from(self.count);
        match self.averages.last_mut() {
            Some((last, kept)) if *last == step => *kept = average,
            _ => self.averages.push((step, average)),
        }
    }

    /// The average up to a step; none before the first report.
    fn average(&self, step: u64) -> Option<f64> {
        let after = self.averages.partition_point(|(known, _)| *known <= step);
        after.checked_sub(1).map(|place| self.averages[place].1)
    }
}

/// A step with its seven highest bits.
fn cell(step: u64) -> u64 {
    let spare = (u64::BITS - step.leading_zeros()).saturating_sub(7);
    (step >> spare) << spare
}

impl Median {
    /// A rule that begins when the grace is over.
    #[must_use]
    pub fn new(grace: Grace) -> Self {
        Self { grace, running: HashMap::new(), completed: Vec::new(), at: BTreeMap::new() }
    }

    fn median(&mut self, step: u64) -> Option<f64> {
        let completed = &self.completed;
        let averages = self.at.entry(step).or_insert_with(|| {
            let mut leaders = Leaders::default();
            completed.iter().for_each(|(trial, curve)| add(&mut leaders, *trial, curve, step));
            leaders
        });
        let upper = averages.first_out()?;
        if averages.len() % 2 == 1 {
            return Some(upper);
        }
        averages.last_in().map(|lower| f64::midpoint(lower, upper))
    }
}

fn add(leaders: &mut Leaders, trial: u32, curve: &Curve, step: u64) {
    if let Some(average) = curve.average(step) {
        let half = leaders.len().div_ceil(2);
        leaders.insert((Score::of(Some(average)), trial), half);
    }
}

impl Rule for Median {
    fn proposed(&mut self, trial: u32, _proposal: &Proposal) {
        self.running.insert(trial, Curve::default());
    }

    fn reported(&mut self, trial: u32, step: u64, metric: f64) -> Verdict {
        let cell = cell(step);
        let Some(curve) = self.running.get_mut(&trial) else { return Verdict::GoOn };
        curve.add(cell, metric);
        let best = curve.best;
        if step < self.grace.steps || (self.completed.len() as u64) < self.grace.completed {
            return Verdict::GoOn;
        }
        match (best, self.median(cell)) {
            (Some(best), Some(median)) if best > median => Verdict::Stop,
            _ => Verdict::GoOn,
        }
    }

    fn ended(&mut self, trial: u32, end: Ending) {
        let Some(curve) = self.running.remove(&trial) else { return };
        if end == Ending::Completed && curve.count > 0 {
            for (step, leaders) in &mut self.at {
                add(leaders, trial, &curve, *step);
            }
            self.completed.push((trial, curve));
        }
    }
}

/// Medians.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn small_steps_are_kept_and_large_ones_rounded_down() {
        assert!((0..=128).all(|step| cell(step) == step));
        assert_eq!(cell(129), 128);
        assert_eq!(cell(1000), 1000 / 8 * 8);
        assert!(cell(u64::MAX) > u64::MAX / 128 * 127);
    }

    /// The rule written down as it is stated, with everything kept.
    fn plainly(history: &[Vec<f64>], done: &[usize], own: usize) -> bool {
        let step = history[own].len();
        if step < 5 || done.len() < 5 {
            return false;
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let mut means: Vec<f64> =
            done.iter().map(|other| mean(&history[*other][..step.min(history[*other].len())])).collect();
        means.sort_by(f64::total_cmp);
        let half = means.len() / 2;
        let median =
            if means.len() % 2 == 1 { means[half] } else { f64::midpoint(means[half - 1], means[half]) };
        history[own].iter().copied().fold(f64::INFINITY, f64::min) > median
    }

    #[test]
    fn it_stops_what_the_plain_rule_stops() {
        let mut rng = Rng::new("median", 0);
        let mut rule = Median::new(Grace::default());
        let (mut history, mut done, mut stopped) = (vec![Vec::new(); 60], Vec::new(), 0);
        for trial in 0..60 {
            rule.proposed(trial, &Proposal::default());
            let level = rng.unit();
            let own = trial as usize;
            for step in 1..=20_u32 {
                let metric = level + rng.unit() / f64::from(step);
                history[own].push(metric);
                let stop = rule.reported(trial, step.into(), metric) == Verdict::Stop;
                assert_eq!(stop, plainly(&history, &done, own), "trial {trial} step {step}");
                stopped += u32::from(stop);
            }
            rule.ended(trial, Ending::Completed);
            done.push(own);
        }
        assert!(stopped > 100, "{stopped}");
    }

    #[test]
    fn what_was_stopped_is_no_measure_for_others() {
        let mut rule = Median::new(Grace { steps: 1, completed: 1 });
        for (trial, metric, end) in [(0, 1.0, Ending::Otherwise), (1, 5.0, Ending::Completed)] {
            rule.proposed(trial, &Proposal::default());
            assert_eq!(rule.reported(trial, 1, metric), Verdict::GoOn);
            rule.ended(trial, end);
        }
        rule.proposed(2, &Proposal::default());
        assert_eq!(rule.reported(2, 1, 4.0), Verdict::GoOn);
        assert_eq!(rule.reported(2, 2, 4.0), Verdict::GoOn);
        rule.proposed(3, &Proposal::default());
        assert_eq!(rule.reported(3, 1, 6.0), Verdict::Stop);
    }
}
