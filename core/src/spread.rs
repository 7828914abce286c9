//! Where the trials of a sweep go that runs in several places: partitions, QOS, clusters. It says what was asked and
//! where one batch went; it never chooses.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What the spec's `spread` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// The places, at least one. Either all name their cluster or none does.
    pub over: Vec<Over>,
    /// How trials are divided among them.
    #[serde(default)]
    pub how: How,
    /// How long to wait between two calls of `sbatch`, in seconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delay_s: u32,
}

/// A place as the spec names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    /// Slurm's name of its cluster; none is the one that Slurm's commands ask by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The sbatch options that lead there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sbatch: BTreeMap<String, String>,
    /// Its share beside those of the others, at least 1.
    pub weight: u32,
}

/// How trials are divided among places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// By weight alone.
    #[default]
    Balanced,
    /// Each trial goes where the fewest jobs wait, counted by weight.
    Opportunistic,
}

impl How {
    /// All, by their words.
    pub const ALL: [(&'static str, Self); 2] =
        [("balanced", Self::Balanced), ("opportunistic", Self::Opportunistic)];
}

/// Where one batch goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Which of the places, from 0 in the spec's order.
    pub number: u32,
    /// Slurm's name of its cluster; none is the one that Slurm's commands ask by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The sbatch options that lead there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sbatch: BTreeMap<String, String>,
}

impl std::fmt::Display for Place {
    /// `cluster=beta partition=main`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cluster = self.cluster.iter().map(|cluster| format!("cluster={cluster}"));
        let options = self.sbatch.iter().map(|(name, value)| format!("{name}={value}"));
        f.write_str(&cluster.chain(options).collect::<Vec<_>>().join(" "))
    }
}

impl Spread {
    /// Every place, in order.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let place = |(number, over): (u32, &Over)| Place {
            number,
            cluster: over.cluster.clone(),
            sbatch: over.sbatch.clone(),
        };
        (0..).zip(&self.over).map(place)
    }

    /// The clusters that it names.
    #[must_use]
    pub fn clusters(&self) -> BTreeSet<String> {
        self.over.iter().filter_map(|over| over.cluster.clone()).collect()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What is said of places.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_reads_back_and_numbers_its_places() {
        let json = r#"{"over":[{"cluster":"alpha","weight":3},{"cluster":"beta","sbatch":{"qos":"low"},"weight":1}],"how":"opportunistic"}"#;
        let spread: Spread = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&spread).unwrap(), json);
        let places: Vec<Place> = spread.places().collect();
        assert_eq!(places[1].to_string(), "cluster=beta qos=low");
        assert_eq!(
            serde_json::to_string(&places[1]).unwrap(),
            r#"{"number":1,"cluster":"beta","sbatch":{"qos":"low"}}"#
        );
        assert_eq!(spread.clusters().len(), 2);
    }
}
