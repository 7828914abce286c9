//! What a sweep begins with that it has from another: configurations that run first, and what is left of each
//! parameter's values. It stands in the manifest, so that the other sweep is never needed again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{SweepId, TrialLabel};
use crate::params::Params;

/// The best of another sweep, fitted to this one's space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The other sweep.
    pub sweep: SweepId,
    /// Configurations that run before all others, the best first.
    pub rows: Vec<StartRow>,
    /// What is left of parameters' values; of those that are not named all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, Part>,
    /// What the other sweep found out, for a search that learns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub past: Vec<PastTrial>,
}

/// A configuration of another sweep's trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RowIn")]
pub struct StartRow {
    /// The other sweep's trial.
    pub trial: TrialLabel,
    /// The configuration, in this sweep's space.
    #[serde(flatten, serialize_with = "with_texts")]
    pub params: Params,
}

/// A completed trial of another sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PastIn")]
pub struct PastTrial {
    /// The other sweep's trial.
    pub trial: TrialLabel,
    /// Its configuration, which is one of this sweep's space.
    #[serde(flatten, serialize_with = "with_texts")]
    pub params: Params,
    /// This sweep's metrics in the order of its spec, as the trial reported them.
    pub metrics: Vec<f64>,
    /// What it had to spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
}

/// What is left of a parameter's values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Those at these places of its list, from 0, rising.
    Places(Vec<u64>),
    /// The whole numbers from the one to the other.
    Whole([i64; 2]),
    /// The real numbers from the one to the other.
    Real([f64; 2]),
}

#[derive(Deserialize)]
struct RowIn {
    trial: TrialLabel,
    params: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    text: BTreeMap<String, String>,
}

impl TryFrom<RowIn> for StartRow {
    type Error = String;

    fn try_from(row: RowIn) -> Result<Self, String> {
        let params = Params::from_json(row.params, &row.text)
            .map_err(|name| format!("`{name}` of the start's {} is no single value", row.trial))?;
        Ok(Self { trial: row.trial, params })
    }
}

#[derive(Deserialize)]
struct PastIn {
    #[serde(flatten)]
    row: RowIn,
    metrics: Vec<f64>,
    #[serde(default)]
    budget: Option<f64>,
}

impl TryFrom<PastIn> for PastTrial {
    type Error = String;

    fn try_from(PastIn { row, metrics, budget }: PastIn) -> Result<Self, String> {
        let StartRow { trial, params } = row.try_into()?;
        Ok(Self { trial, params, metrics, budget })
    }
}

/// As a trial's line has them: values as JSON, and the texts that JSON alone would lose.
fn with_texts<S: serde::Serializer>(params: &Params, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Out<'a> {
        params: &'a Params,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        text: BTreeMap<String, String>,
    }
    Out { params, text: params.written_texts() }.serialize(serializer)
}

/// Written and read.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn a_start_reads_back_as_it_was_written() {
        let words = [("lr", "1e-3"), ("n", "7"), ("solver", "saga"), ("warm", "true"), ("x", "0.5")];
        let params: Params =
            words.iter().map(|(name, word)| ((*name).to_owned(), Value::from_word(word))).collect();
        let start = Start {
            sweep: "coarse-20260101-000000-aaaa".parse().unwrap(),
            rows: vec![StartRow { trial: "t003".parse().unwrap(), params: params.clone() }],
            parts: [
                ("lr".to_owned(), Part::Real([1e-4, 0.1 + 0.2])),
                ("n".to_owned(), Part::Whole([i64::MIN, i64::MAX])),
                ("solver".to_owned(), Part::Places(vec![0, 2])),
            ]
            .into(),
            past: vec![PastTrial {
                trial: "t009".parse().unwrap(),
                params: params.clone(),
                metrics: vec![0.1 + 0.2, -1e300],
                budget: Some(9.0),
            }],
        };
        let json = serde_json::to_string(&start).unwrap();
        let back: Start = serde_json::from_str(&json).unwrap();
        assert_eq!(back, start);
        let lr = back.rows[0].params.get("lr").unwrap();
        assert_eq!((lr.text().as_ref(), back.rows[0].params.config_key()), ("1e-3", params.config_key()));
        assert!(serde_json::from_str::<Start>(&json.replace("\"saga\"", "[1]")).is_err());
        // What was written before there was a past.
        let begin = json.find(",\"past\"").unwrap();
        let before: Start = serde_json::from_str(&format!("{}}}", &json[..begin])).unwrap();
        assert_eq!(before, Start { past: Vec::new(), ..start });
    }
}
