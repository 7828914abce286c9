//! What importance is judged from: the trials of a sweep by columns, their numbers on the scale that the space draws
//! them from. Never a trial without a finite metric.

use std::collections::BTreeSet;

use sweep_core::params::Params;
use sweep_core::value::{Scalar, Value};

use crate::model::forest::{ABSENT, Feature};
use crate::space::{Axis, Domain, Space};

/// Trials and their metrics, by parameter.
#[derive(Clone, Debug, Default)]
pub struct Study {
    pub(super) parameters: Vec<Parameter>,
    /// As reported, one a trial.
    pub(super) metrics: Vec<f64>,
    /// The same, those far outside brought near, between -1 and 1: what forests learn.
    pub(super) scaled: Vec<f64>,
    pub(super) left_out: usize,
    pub(super) clipped: usize,
}

/// A parameter and its values, one a trial.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// Others that are set together with it.
    pub(super) coupled: Vec<String>,
    pub(super) feature: Feature,
    /// How many values there are, where they are few.
    pub(super) size: Option<usize>,
    /// Of categories: which there are, and how likely each is.
    pub(super) categories: Vec<(Value, f64)>,
    /// Between 0 and 1 by the share of the distribution that lies below; of categories their number; absent where it is
    /// not active.
    pub(super) codes: Vec<f64>,
    /// The numbers as they are, where all of them are numbers.
    pub(super) numbers: Option<Vec<f64>>,
}

/// A metric counts as an outlier so many times the distance of the quartiles outside of them: J. W. Tukey's outer fence
/// ("Exploratory data analysis", 1977). One training that diverged would else be all that there is to explain.
const OUTLIER: f64 = 3.0;

impl Study {
    /// The trials of a space with the metric that each reported. Parameters that the space does not have, as those of
    /// explicit trials, are judged on the range that they were seen on.
    #[must_use]
    pub fn new<'a>(space: &Space, trials: impl IntoIterator<Item = (&'a Params, Option<f64>)>) -> Self {
        let mut study = Self::default();
        let mut rows: Vec<&Params> = Vec::new();
        for (params, metric) in trials {
            match metric.filter(|metric| metric.is_finite()) {
                Some(metric) => {
                    rows.push(params);
                    study.metrics.push(metric);
                }
                None => study.left_out += 1,
            }
        }
        let known = |name: &str| space.axes().iter().any(|axis| axis.name == name);
        for (place, axis) in
            space.axes().iter().enumerate().filter(|(place, _)| space.leader(*place) == *place)
        {
            let followers =
                (0..space.axes().len()).filter(|other| *other != place && space.leader(*other) == place);
            let coupled = followers.map(|other| space.axes()[other].name.clone()).collect();
            study.parameters.push(Parameter::new(axis, coupled, &rows));
        }
        let others: BTreeSet<&str> = rows
            .iter()
            .flat_map(|params| params.iter())
            .map(|(name, _)| name)
            .filter(|name| !known(name))
            .collect();
        for name in others {
            let axis = Axis {
                name: name.to_owned(),
                domain: seen(rows.iter().filter_map(|params| params.get(name))),
            };
            study.parameters.push(Parameter::new(&axis, Vec::new(), &rows));
        }
        study.parameters.retain(|parameter| parameter.active() > 0);
        study.parameters.sort_by(|a, b| a.name.cmp(&b.name));
        (study.scaled, study.clipped) = scaled(&study.metrics);
        study
    }

    /// How many trials say something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.metrics.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }
}

impl Parameter {
    fn new(axis: &Axis, coupled: Vec<String>, rows: &[&Params]) -> Self {
        let values: Vec<Option<&Value>> = rows.iter().map(|params| params.get(&axis.name)).collect();
        let mut categories: Vec<(Value, f64)> = match &axis.domain {
            Domain::Categorical(values) => values.iter().map(|value| (value.clone(), 1.0)).collect(),
            Domain::Weighted { values, weights } => {
                values.iter().cloned().zip(weights.iter().copied()).collect()
            }
            _ => Vec::new(),
        };
        let is_list = !categories.is_empty();
        let code = |value: &Option<&Value>| match value {
            None => ABSENT,
            Some(value) if is_list => {
                let known = categories.iter().position(|(category, _)| category == *value);
                let place = known.unwrap_or_else(|| {
                    // A value that an explicit trial has and the list has not: there, and never drawn.
                    categories.push(((*value).clone(), 0.0));
                    categories.len() - 1
                });
                #[expect(clippy::cast_precision_loss, reason = "categories are few")]
                let code = place as f64;
                code
            }
            Some(value) => unit(&axis.domain, value),
        };
        let codes: Vec<f64> = values.iter().map(code).collect();
        let number = |value: &Option<&Value>| value.map_or(Some(f64::NAN), Value::as_f64);
        let numbers: Option<Vec<f64>> = values.iter().map(number).collect();
        let feature = if is_list { Feature::Category(categories.len()) } else { Feature::Number };
        let size = axis.domain.size().and_then(|size| usize::try_from(size).ok());
        Self { name: axis.name.clone(), coupled, feature, size, categories, codes, numbers }
    }

    /// In how many trials it was active.
    pub(super) fn active(&self) -> usize {
        self.codes.iter().filter(|code| **code != ABSENT).count()
    }

    /// In which trials it was active.
    pub(super) fn mask(&self) -> Vec<bool> {
        self.codes.iter().map(|code| *code != ABSENT).collect()
    }

    /// The code of a drawn value, by a number from 0 to 1.
    pub(super) fn drawn(&self, u: f64) -> f64 {
        if self.feature == Feature::Number {
            return u;
        }
        let mut left = u * self.categories.iter().map(|(_, weight)| weight).sum::<f64>();
        let mut last = 0.0;
        for (place, (_, weight)) in
            self.categories.iter().enumerate().filter(|(_, (_, weight))| *weight > 0.0)
        {
            #[expect(clippy::cast_precision_loss, reason = "categories are few")]
            let code = place as f64;
            last = code;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last
    }
}

/// The share of a domain below a value; of a value outside its nearer end.
fn unit(domain: &Domain, value: &Value) -> f64 {
    let Some(x) = value.as_f64() else { return ABSENT };
    // An explicit trial may write a real number as a whole one.
    let inside = domain.cdf(value).or_else(|| domain.cdf(&Value::new(Scalar::Float(x))));
    inside.unwrap_or_else(|| {
        let (low, high) = domain.limits().unwrap_or((0.0, 1.0));
        if x <= low {
            0.0
        } else if x >= high {
            1.0
        } else {
            ((x / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)).clamp(0.0, 1.0)
        }
    })
}

/// The domain of values that no space describes: the range of numbers, else a list.
fn seen<'a>(values: impl Iterator<Item = &'a Value> + Clone) -> Domain {
    let numbers: Option<Vec<f64>> = values.clone().map(Value::as_f64).collect();
    if let Some(numbers) = numbers {
        let min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if min < max {
            return Domain::Uniform { min, max };
        }
    }
    let mut list: Vec<Value> = Vec::new();
    for value in values {
        if !list.contains(value) {
            list.push(value.clone());
        }
    }
    list.sort_by(|a, b| a.text().cmp(&b.text()));
    Domain::Categorical(list)
}

/// Metrics between -1 and 1 around their median, and how many were outliers.
fn scaled(metrics: &[f64]) -> (Vec<f64>, usize) {
    if metrics.is_empty() {
        return (Vec::new(), 0);
    }
    // A quarter of each: what is between the greatest and the least is then a number too.
    let small: Vec<f64> = metrics.iter().map(|metric| metric / 4.0).collect();
    let mut sorted = small.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |quarters: usize| sorted[quarters * (sorted.len() - 1) / 4];
    let (low, middle, high) = (at(1), at(2), at(3));
    let reach = OUTLIER * (high - low);
    let (low, high) =
        if reach > 0.0 { (low - reach, high + reach) } else { (f64::NEG_INFINITY, f64::INFINITY) };
    let clipped = small.iter().filter(|metric| !(low..=high).contains(*metric)).count();
    let near: Vec<f64> = small.iter().map(|metric| metric.clamp(low, high) - middle).collect();
    let most = near.iter().fold(0.0_f64, |most, metric| most.max(metric.abs()));
    (near.iter().map(|metric| if most > 0.0 { metric / most } else { 0.0 }).collect(), clipped)
}
