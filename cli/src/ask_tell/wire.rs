//! The lines of the ask/tell protocol, and the space as they describe it. Never a default for what a line must say.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sweep_core::params::Params;
use sweep_core::value::{Scalar, Value};
use sweep_search::bayes::Described;
use sweep_search::importance::Importance;
use sweep_search::space::{Condition, Links, Rule, Test};
use sweep_search::{Axis, Domain, Space};

use crate::error::{Error, Result};

/// What is asked, one JSON object a line.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Request {
    /// The first line.
    Init(Init),
    /// Another configuration, to be run whole.
    Ask,
    /// How a configuration did.
    Tell {
        /// As it was given.
        id: u32,
        /// What it came to.
        #[serde(flatten)]
        values: Values,
    },
    /// Something to run for some epochs.
    Next,
    /// How a configuration did after an epoch.
    Report {
        /// As it was given.
        id: u32,
        /// The epoch, from 1.
        epoch: u64,
        /// What it came to.
        #[serde(flatten)]
        values: Values,
    },
    /// Which configurations are the best so far.
    Best,
    /// Which parameters mattered in what was told so far, by fANOVA.
    Importance {
        /// Whether every two parameters are judged as well.
        #[serde(default)]
        pairs: bool,
    },
    /// The end.
    Quit,
}

/// What a configuration came to; neither where it failed.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Values {
    /// Its metric, where there is one.
    #[serde(default)]
    pub value: Option<f64>,
    /// Each of its metrics, where there are several; none for one that is missing.
    #[serde(default)]
    pub values: Option<Vec<Option<f64>>>,
}

/// What is searched.
#[derive(Debug, Deserialize)]
pub struct Init {
    /// The parameters, parents before their children.
    pub space: Vec<Parameter>,
    /// The only configurations that there are, where they are given.
    #[serde(default)]
    pub pool: Option<Vec<Json>>,
    /// The most epochs of a configuration, in multi-fidelity.
    #[serde(default)]
    pub max_epoch: Option<u64>,
    /// How many run at once.
    #[serde(default)]
    pub workers: Option<u32>,
    /// What draws depend on.
    #[serde(default)]
    pub seed: i64,
    /// One in so many goes on.
    #[serde(default)]
    pub eta: Option<u32>,
    /// How many configurations will be asked for.
    #[serde(default)]
    pub budget: Option<u64>,
    /// How many epochs may be spent.
    #[serde(default)]
    pub budget_epochs: Option<u64>,
    /// `minimize`, which is the default, or `maximize`.
    #[serde(default)]
    pub direction: Option<String>,
    /// The same for each of several metrics.
    #[serde(default)]
    pub directions: Option<Vec<String>>,
}

/// One parameter.
#[derive(Debug, Deserialize)]
pub struct Parameter {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    low: Option<f64>,
    #[serde(default)]
    high: Option<f64>,
    #[serde(default)]
    log: bool,
    #[serde(default)]
    choices: Vec<Json>,
    #[serde(default)]
    when: Option<When>,
}

/// When a parameter counts.
#[derive(Debug, Deserialize)]
struct When {
    param: String,
    #[serde(rename = "in")]
    values: Vec<Json>,
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// Understood.
    Done {
        /// Always true.
        ok: bool,
    },
    /// Run this whole.
    Trial {
        /// Its number.
        id: u32,
        /// Its active parameters.
        params: Params,
    },
    /// Run this until an epoch; one that was given before goes on from its last.
    Epochs {
        /// Its number.
        id: u32,
        /// Its active parameters.
        #[serde(skip_serializing_if = "Option::is_none")]
        params: Option<Params>,
        /// Its place in the pool.
        #[serde(skip_serializing_if = "Option::is_none")]
        pool: Option<u64>,
        /// The last epoch of this run.
        until: u64,
    },
    /// Nothing until something was told.
    Wait {
        /// Always true.
        wait: bool,
    },
    /// Whether to go on.
    Action {
        /// `continue` or `stop`.
        action: &'static str,
    },
    /// The best so far.
    Best {
        /// Each, by number.
        best: Vec<Found>,
    },
    /// Which parameters mattered.
    Importance(Box<Importance>),
    /// The line makes no sense.
    Error {
        /// Why.
        error: String,
    },
}

/// One of the best configurations.
#[derive(Debug, Serialize)]
pub struct Found {
    /// Its number.
    pub id: u32,
    /// Its active parameters.
    pub params: Params,
    /// Each of its metrics, as they were told.
    pub values: Vec<Option<f64>>,
}

/// The name of the only axis where a pool is given.
pub const POOL: &str = "pool";

/// Most metrics, as in a spec.
const METRICS: usize = 16;

impl Init {
    /// For each metric 1 to minimize and -1 to maximize.
    ///
    /// # Errors
    /// For a word that is no direction, and for none or too many.
    pub fn signs(&self) -> Result<Vec<f64>> {
        let words = match (&self.direction, &self.directions) {
            (Some(_), Some(_)) => {
                return Err(Error::user("both `direction` and `directions` are given: one is enough"));
            }
            (Some(word), None) => std::slice::from_ref(word),
            (None, Some(words)) => words,
            (None, None) => return Ok(vec![1.0]),
        };
        if words.is_empty() || words.len() > METRICS {
            return Err(Error::user(format!("`directions` must be 1 to {METRICS}, not {}", words.len())));
        }
        let sign = |word: &String| match word.as_str() {
            "minimize" => Ok(1.0),
            "maximize" => Ok(-1.0),
            word => Err(Error::user(format!("`{word}` is no direction: write `minimize` or `maximize`"))),
        };
        words.iter().map(sign).collect()
    }

    /// The space that is searched.
    ///
    /// # Errors
    /// For a parameter that makes no sense.
    pub fn space(&self) -> Result<Space> {
        if let Some(pool) = &self.pool {
            let most = i64::try_from(pool.len()).unwrap_or(i64::MAX) - 1;
            let domain = Domain::IntUniform { min: 0, max: most };
            return Ok(Space::new(vec![Axis { name: POOL.into(), domain }]));
        }
        self.of_parameters()
    }

    /// What the configurations of a pool are, where they have parameters.
    ///
    /// # Errors
    /// For a parameter that makes no sense.
    pub fn described(&self) -> Result<Option<Described>> {
        let Some(pool) = self.pool.as_ref().filter(|_| !self.space.is_empty()) else { return Ok(None) };
        let params = |configuration: &Json| -> Params {
            let entries = configuration.as_object().into_iter().flatten();
            entries.filter_map(|(name, json)| Some((name.clone(), Value::from_json(json)?))).collect()
        };
        let configurations = pool.iter().map(params).collect();
        Ok(Some(Described { space: self.of_parameters()?, configurations }))
    }

    fn of_parameters(&self) -> Result<Space> {
        let axis =
            |parameter: &Parameter| Ok(Axis { name: parameter.name.clone(), domain: parameter.domain()? });
        let axes = self.space.iter().map(axis).collect::<Result<Vec<_>>>()?;
        let rule = |parameter: &Parameter| {
            let when = parameter.when.as_ref()?;
            let values = when.values.iter().filter_map(Value::from_json).collect();
            let condition = Condition { parent: when.param.clone(), test: Test::OneOf(values) };
            Some(Rule { name: parameter.name.clone(), when: vec![condition], then: None })
        };
        let rules = self.space.iter().filter_map(rule).collect();
        Space::linked(axes, &Links { rules, ..Links::default() })
            .map_err(|errors| Error::user(errors.first().map(ToString::to_string).unwrap_or_default()))
    }
}

impl Parameter {
    fn domain(&self) -> Result<Domain> {
        let wrong = |what: &str| Error::user(format!("parameter `{}` {what}", self.name));
        if self.kind == "cat" {
            let values: Vec<Value> = self.choices.iter().filter_map(Value::from_json).collect();
            let whole = !values.is_empty() && values.len() == self.choices.len();
            return if whole { Ok(Domain::Categorical(values)) } else { Err(wrong("has no scalar choices")) };
        }
        let (Some(min), Some(max)) = (self.low, self.high) else { return Err(wrong("has no limits")) };
        if !(min.is_finite() && max.is_finite() && min <= max && (!self.log || min > 0.0)) {
            return Err(wrong("has limits that make no sense"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "limits of whole numbers are whole")]
        Ok(match (self.kind.as_str(), self.log) {
            ("float", false) => Domain::Uniform { min, max },
            ("float", true) => Domain::LogUniform { min, max },
            ("int", false) => Domain::IntUniform { min: min as i64, max: max as i64 },
            // Half a step less than half a step beyond: no end is rounded away from the range.
            ("int", true) => Domain::Rounded {
                of: Box::new(Domain::LogUniform { min: min - 0.499_999, max: max + 0.499_999 }),
                step: 1.0,
                whole: true,
            },
            _ => return Err(wrong("has a type other than float, int and cat")),
        })
    }
}

/// The place in the pool that a configuration names.
#[must_use]
pub fn place(params: &Params) -> Option<u64> {
    match params.get(POOL)?.scalar() {
        Scalar::Int(place) => u64::try_from(*place).ok(),
        _ => None,
    }
}
