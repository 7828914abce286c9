//! Which parameters mattered, judged from trials that have ended. Never a judgement of a parameter by trials that did
//! not have it: a conditional parameter is judged where it was active, and how often that was is told beside it.

mod correlation;
mod fanova;
mod forests;
mod ped_anova;
mod regimes;
mod study;

use serde::Serialize;
use sweep_core::value::Value;

pub use study::Study;

/// How importance is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The share of the metric's variance over the space that a parameter explains by itself, by a random forest:
    /// F. Hutter, H. Hoos, K. Leyton-Brown, "An efficient approach for assessing hyperparameter importance", ICML 2014.
    #[default]
    Fanova,
    /// The share of the forest's splits, each by how much squared error it takes away: L. Breiman et al.,
    /// "Classification and regression trees" (1984), as W&B's parameter importance has it.
    Impurity,
    /// By how much a forest predicts worse what it has not seen, once the parameter's values are shuffled:
    /// L. Breiman, "Random forests", Machine Learning 45 (2001), section 10.
    Permutation,
    /// The linear correlation of a parameter with the metric (K. Pearson, 1896); of one that is not a number, of each
    /// of its values with the metric, as W&B's correlation has it.
    Correlation,
    /// How far the best tenth of trials differ from all of them: S. Watanabe, A. Bansal, F. Hutter, "PED-ANOVA:
    /// efficiently quantifying hyperparameter importance in arbitrary subspaces", IJCAI 2023; a parameter that is not
    /// always active by the share of the best that has it.
    PedAnova,
}

/// Whether a low metric or a high one is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The lowest is the best.
    Low,
    /// The highest is the best.
    High,
}

/// What is judged besides single parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Nothing.
    #[default]
    Single,
    /// Every two of them, by fANOVA.
    Pairs,
}

/// The importance of every parameter.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Importance {
    /// How it was judged.
    pub method: Method,
    /// Trials that were looked at.
    pub trials: usize,
    /// Trials without a finite metric, which say nothing here.
    pub left_out: usize,
    /// Trials whose metric lies so far outside that it counts as the nearest that does not.
    pub clipped: usize,
    /// The share of the variance of trials that it has not seen that the forest explains: at most 1, and near 0 or
    /// below where nothing that it says should be trusted. Of methods with a forest.
    pub explained: Option<f64>,
    /// Every parameter, the most important first.
    pub parameters: Vec<Judgement>,
    /// Every two parameters by what they explain together and not alone, the most important first; where asked for.
    pub pairs: Vec<Pair>,
}

/// The importance of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// The parameter.
    pub parameter: String,
    /// Others that are always set together with it, and so matter as much.
    pub coupled: Vec<String>,
    /// The value that is judged, where values are judged one by one.
    pub value: Option<Value>,
    /// Trials that had it.
    pub trials: usize,
    /// Their share.
    pub coverage: f64,
    /// Its importance among them: 0 for none; what more is depends on the method.
    pub importance: f64,
    /// The same, divided by the sum over all parameters.
    pub share: f64,
    /// How far the trees differ in the importance, as a standard deviation, where there are trees.
    pub deviation: Option<f64>,
    /// The share of variance that goes where the parameter is not known but all others are: what it explains with all
    /// others together (T. Homma, A. Saltelli, 1996). By fANOVA.
    pub total: Option<f64>,
    /// The correlation with its sign.
    pub correlation: Option<f64>,
}

/// What two parameters explain together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The two.
    pub parameters: [String; 2],
    /// Trials that had both.
    pub trials: usize,
    /// Their share.
    pub coverage: f64,
    /// The share of variance among these that both explain together, and neither alone.
    pub importance: f64,
}

/// Judges all parameters of a study. The same study gives the same judgement.
#[must_use]
pub fn judge(study: &Study, method: Method, better: Better, depth: Depth) -> Importance {
    let (judgements, pairs) = match method {
        Method::Fanova => fanova::judge(study, depth),
        Method::Impurity => (forests::impurity(study), Vec::new()),
        Method::Permutation => (forests::permutation(study), Vec::new()),
        Method::Correlation => (correlation::judge(study), Vec::new()),
        Method::PedAnova => (ped_anova::judge(study, better), Vec::new()),
    };
    let with_forest = matches!(method, Method::Fanova | Method::Impurity | Method::Permutation);
    Importance {
        method,
        trials: study.len(),
        left_out: study.left_out,
        clipped: if with_forest { study.clipped } else { 0 },
        explained: if with_forest { forests::explained(study) } else { None },
        parameters: ranked(judgements),
        pairs: {
            let mut pairs = pairs;
            pairs.sort_by(|a: &Pair, b| b.importance.total_cmp(&a.importance));
            pairs
        },
    }
}

/// The most important first, with their shares; of equals in the order in which they came, by name.
fn ranked(mut judgements: Vec<Judgement>) -> Vec<Judgement> {
    let sum: f64 = judgements.iter().map(|judgement| judgement.importance).sum();
    if sum > 0.0 {
        judgements.iter_mut().for_each(|judgement| judgement.share = judgement.importance / sum);
    }
    judgements.sort_by(|a, b| b.importance.total_cmp(&a.importance));
    judgements
}

impl Judgement {
    /// A judgement of a parameter, of which only its importance is known.
    fn of(study: &Study, parameter: usize, importance: f64) -> Self {
        let of = &study.parameters[parameter];
        let trials = of.active();
        Self {
            parameter: of.name.clone(),
            coupled: of.coupled.clone(),
            value: None,
            trials,
            coverage: share(trials, study.len()),
            importance: if importance.is_finite() { importance.max(0.0) } else { 0.0 },
            share: 0.0,
            deviation: None,
            total: None,
            correlation: None,
        }
    }
}

fn share(part: usize, all: usize) -> f64 {
    float(part) / float(all.max(1))
}

#[expect(clippy::cast_precision_loss, reason = "what fits into memory is counted exactly")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
