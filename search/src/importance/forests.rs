//! What the splits of a forest say, and what it loses where a parameter's values are shuffled. Never an error on samples
//! that the forest was grown on.

use super::regimes::{MOST_TRIALS, regimes, spread};
use super::study::Study;
use super::{Judgement, float};
use crate::model::forest::{ABSENT, Forest, Node, Samples, Settings};
use crate::rng::Rng;

/// Parts of the trials; each is predicted from the others.
const FOLDS: usize = 5;
/// Fewer trials cannot be parted.
const FEWEST: usize = 10;
/// Trees of a fold where a parameter is judged by them, and where they only tell how much can be explained at all.
const TREES: usize = 24;
const TREES_EXPLAINING: usize = 8;
/// How often values are shuffled.
const SHUFFLES: usize = 3;

/// The share of each parameter in what all splits take off the squared error, where it is active.
pub(super) fn impurity(study: &Study) -> Vec<Judgement> {
    let mut judgements: Vec<Judgement> =
        (0..study.parameters.len()).map(|place| Judgement::of(study, place, 0.0)).collect();
    for regime in regimes(study, []) {
        let Some(grown) = regime.grow(study) else { continue };
        let mut gains = vec![0.0; grown.features.len()];
        for node in grown.forest.trees.iter().flat_map(|tree| &tree.nodes) {
            if let Node::Split { feature, gain, .. } = node {
                gains[*feature] += gain.max(0.0);
            }
        }
        let all: f64 = gains.iter().sum();
        for (feature, parameter) in grown.features.iter().enumerate() {
            if all > 0.0 && regime.parameters.contains(parameter) {
                judgements[*parameter].importance = gains[feature] / all;
            }
        }
    }
    judgements
}

/// By how much the share of the variance that is explained falls, among trials that have the parameter.
pub(super) fn permutation(study: &Study) -> Vec<Judgement> {
    let folds = Fold::all(study, TREES);
    let judge = |parameter: usize| Judgement::of(study, parameter, worsening(study, &folds, parameter));
    (0..study.parameters.len()).map(judge).collect()
}

/// The share of the variance of trials that it has not seen that a forest explains.
pub(super) fn explained(study: &Study) -> Option<f64> {
    let folds = Fold::all(study, TREES_EXPLAINING);
    let predicted = folds.iter().flat_map(|fold| {
        fold.held_out
            .iter()
            .map(|trial| (study.scaled[*trial], fold.forest.predict(&row(study, *trial)).mean))
    });
    let predicted: Vec<(f64, f64)> = predicted.collect();
    let spread = squares(predicted.iter().map(|(value, _)| *value));
    let error: f64 = predicted.iter().map(|(value, guess)| (value - guess) * (value - guess)).sum();
    (spread > 0.0).then(|| 1.0 - error / spread)
}

/// Some trials, and a forest of all others.
struct Fold {
    forest: Forest,
    held_out: Vec<usize>,
}

impl Fold {
    fn all(study: &Study, trees: usize) -> Vec<Self> {
        let places: Vec<usize> = (0..study.len()).collect();
        let mut trials = spread(&places, MOST_TRIALS);
        if trials.len() < FEWEST {
            return Vec::new();
        }
        Rng::new("importance: folds", 0).shuffle(&mut trials);
        let fold = |number: usize| {
            let is_out = |place: usize| place % FOLDS == number;
            let of = |is_wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
                trials.iter().enumerate().filter(|(n, _)| is_wanted(*n)).map(|(_, trial)| *trial).collect()
            };
            let (held_out, seen) = (of(&is_out), of(&|place| !is_out(place)));
            let columns = study.parameters.iter().map(|parameter| {
                (parameter.feature, seen.iter().map(|trial| parameter.codes[*trial]).collect())
            });
            let values: Vec<f64> = seen.iter().map(|trial| study.scaled[*trial]).collect();
            let settings = Settings { trees, ..Settings::random_forest(format!("fold {number}")) };
            Self { forest: Forest::grow(&Samples::new(columns.collect()), &values, &settings), held_out }
        };
        (0..FOLDS).map(fold).collect()
    }
}

fn worsening(study: &Study, folds: &[Fold], parameter: usize) -> f64 {
    let codes = &study.parameters[parameter].codes;
    let (mut worse, mut values) = (0.0, Vec::new());
    for (number, fold) in folds.iter().enumerate() {
        let had: Vec<usize> = fold.held_out.iter().copied().filter(|trial| codes[*trial] != ABSENT).collect();
        let mut rng = Rng::new("importance: shuffles", number as u64);
        let error = |trial: usize, code: f64| {
            let mut point = row(study, trial);
            point[parameter] = code;
            let apart = fold.forest.predict(&point).mean - study.scaled[trial];
            apart * apart
        };
        for _ in 0..SHUFFLES {
            let mut shuffled = had.clone();
            rng.shuffle(&mut shuffled);
            let pairs = had.iter().zip(&shuffled);
            worse += pairs.map(|(at, from)| error(*at, codes[*from]) - error(*at, codes[*at])).sum::<f64>();
        }
        values.extend(had.iter().map(|trial| study.scaled[*trial]));
    }
    let spread = squares(values.iter().copied());
    if spread > 0.0 { worse / float(SHUFFLES) / spread } else { 0.0 }
}

fn row(study: &Study, trial: usize) -> Vec<f64> {
    study.parameters.iter().map(|parameter| parameter.codes[trial]).collect()
}

/// The sum of squared distances from the mean.
fn squares(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let mean = values.clone().sum::<f64>() / float(values.clone().count().max(1));
    values.map(|value| (value - mean) * (value - mean)).sum()
}
