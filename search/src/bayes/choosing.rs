//! What is to run next: what the model of a budget expects most of, or without one what lies far from all others. Never a
//! configuration as a new one that was there before.

use sweep_core::params::Params;

use super::{Bayes, Cache};
use crate::model::design;
use crate::model::encoding::Point;
use crate::model::front::{self, Several};
use crate::model::proposing::{self, Known, Observation};
use crate::rng::Rng;

/// What is to run next.
pub(super) enum Choice {
    New(Params),
    /// One of [`Bayes::trials`], from where it was ended.
    Again(usize),
}

impl Bayes {
    /// What the model of a level proposes, or where there is none what lies far from all others; none where all of it was
    /// there before.
    pub(super) fn modelled(
        &self,
        level: Option<(u64, &[Observation])>,
        skips_to: Option<u64>,
        cache: &mut Cache,
        rng: &mut Rng,
    ) -> Option<Choice> {
        let is_new = |params: &Params| !self.seen.has(params);
        let candidates = self.listed.as_ref().map(|points| {
            let all = points.iter().enumerate().map(|(place, point)| (self.place(place), point));
            all.filter(|(params, _)| is_new(params)).collect::<Vec<_>>()
        });
        let listed: Option<Vec<&[f64]>> = candidates
            .as_ref()
            .map(|candidates| candidates.iter().map(|(_, point)| point.as_slice()).collect());
        let Some((budget, observed)) = level else {
            let others: Vec<&[f64]> = self.trials.iter().map(|trial| trial.point.as_slice()).collect();
            if let (Some(candidates), Some(points)) = (&candidates, &listed) {
                let place = design::farthest(&self.encoding, points, &others, rng)?;
                return Some(Choice::New(candidates.get(place)?.0.clone()));
            }
            let point = design::spread(&self.encoding, &others, rng);
            return Some(self.encoding.decode(&point)).filter(is_new).map(Choice::New);
        };
        let running = self.trials.iter().filter(|trial| trial.runs);
        let pending: Vec<Point> = running.map(|trial| trial.point.clone()).collect();
        let known = Known { encoding: &self.encoding, observed, pending: &pending };
        let kernels = cache.kernels.entry(budget).or_default();
        let new = match (&candidates, &listed) {
            (Some(candidates), Some(points)) => {
                let place = proposing::most_promising(&known, points, kernels, rng);
                place.and_then(|place| Some((candidates.get(place)?.0.clone(), points[place].to_vec())))
            }
            _ => {
                let points = if self.several.is_empty() {
                    proposing::proposals(&known, kernels, rng)
                } else {
                    let known =
                        Several { encoding: &self.encoding, observed: &self.several, pending: &pending };
                    front::proposals(&known, &mut cache.several, rng)
                };
                let mut new = points.map(|point| (self.encoding.decode(&point), point));
                new.find(|(params, _)| is_new(params))
            }
        };
        let ended = self.ended_below(skips_to);
        let points: Vec<&[f64]> = ended.iter().map(|trial| self.trials[*trial].point.as_slice()).collect();
        let again =
            proposing::more_promising(&known, &points, new.as_ref().map(|(_, x)| x.as_slice()), kernels);
        match again {
            Some(place) => Some(Choice::Again(ended[place])),
            None => new.map(|(params, _)| Choice::New(params)),
        }
    }
}
