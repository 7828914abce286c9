//! What an allocation has and what a trial takes of it. Pure; it never gives away what it has given already.

use sweep_core::packing::Packing;

use crate::error::{Error, Result};
use crate::spec::packing::mebibytes;
use crate::task::argv::Values;
use crate::task::launch::number;

/// What one trial takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// CPUs, on each of its nodes.
    pub cpus: u32,
    /// Memory on each of its nodes, where it is counted.
    pub mem_mib: Option<u64>,
    /// GPUs, on each of its nodes.
    pub gpus: u32,
    /// Nodes.
    pub nodes: u32,
}

impl Share {
    /// What the spec says a trial takes, its parameters filled in.
    ///
    /// # Errors
    /// For a name without value, or a value that is no number.
    pub fn of_trial(packing: &Packing, values: &Values<'_>) -> Result<Self> {
        let of = |text: &Option<String>, what: &str| text.as_deref().map(|text| number(text, what, values));
        let mem_mib = match &packing.mem {
            None => None,
            Some(text) => {
                let filled = values.fill(text)?;
                let size = mebibytes(&filled).ok_or_else(|| {
                    Error::user(format!("`mem` of `agent` is `{filled}`, which is no size"))
                })?;
                Some(size)
            }
        };
        Ok(Self {
            cpus: of(&packing.cpus, "`cpus` of `agent`").transpose()?.unwrap_or(1),
            mem_mib,
            gpus: of(&packing.gpus, "`gpus` of `agent`").transpose()?.unwrap_or(0),
            nodes: of(&packing.nodes_per_trial, "`nodes_per_trial`").transpose()?.unwrap_or(1).max(1),
        })
    }

    fn all_cpus(self) -> u32 {
        self.cpus.saturating_mul(self.nodes)
    }

    fn all_mem(self) -> u64 {
        self.mem_mib.unwrap_or(0).saturating_mul(u64::from(self.nodes))
    }

    fn all_gpus(self) -> usize {
        self.gpus.saturating_mul(self.nodes) as usize
    }
}

/// What is free of an allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Trials that may be started beside those that run.
    pub slots: u32,
    /// CPUs.
    pub cpus: u32,
    /// Memory, where the allocation counts it.
    pub mem_mib: Option<u64>,
    /// GPUs, as programs name them.
    pub gpus: Vec<String>,
    /// Nodes that the allocation has, whether free or not.
    pub nodes: u32,
}

/// What a trial has of a room until it is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    share: Share,
    /// The GPUs that are its own.
    pub gpus: Vec<String>,
}

impl Room {
    /// Why a trial could not even run here alone; none where it could.
    #[must_use]
    pub fn lacks(&self, share: Share) -> Option<String> {
        let lack = |what: &str, needs: u64, has: u64| {
            (needs > has).then(|| format!("it needs {needs} {what}, and the allocation has {has}"))
        };
        lack("nodes", share.nodes.into(), self.nodes.into())
            .or_else(|| lack("CPUs", share.all_cpus().into(), self.cpus.into()))
            .or_else(|| lack("GPUs", share.all_gpus() as u64, self.gpus.len() as u64))
            .or_else(|| lack("MiB of memory", share.all_mem(), self.mem_mib?))
    }

    /// Takes a part out of it, where it has that much.
    pub fn take(&mut self, share: Share) -> Option<Part> {
        if self.slots == 0 || self.lacks(share).is_some() {
            return None;
        }
        self.slots -= 1;
        self.cpus -= share.all_cpus();
        self.mem_mib = self.mem_mib.map(|mem| mem - share.all_mem());
        Some(Part { share, gpus: self.gpus.drain(..share.all_gpus()).collect() })
    }

    /// Puts a part back.
    pub fn give(&mut self, part: Part) {
        self.slots += 1;
        self.cpus += part.share.all_cpus();
        self.mem_mib = self.mem_mib.map(|mem| mem + part.share.all_mem());
        self.gpus.extend(part.gpus);
    }
}

impl Part {
    /// What the trial takes.
    #[must_use]
    pub fn share(&self) -> Share {
        self.share
    }

    /// The variables that tell a program which GPUs are its own.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        if self.gpus.is_empty() {
            return Vec::new();
        }
        let list = self.gpus.join(",");
        ["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"].map(|name| (name.to_owned(), list.clone())).into()
    }
}

/// Rooms by example.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::params::Params;
    use sweep_core::value::Value;

    const ONE: Share = Share { cpus: 1, mem_mib: None, gpus: 0, nodes: 1 };

    fn room() -> Room {
        Room { slots: 3, cpus: 4, mem_mib: Some(1000), gpus: vec!["0".into(), "1".into()], nodes: 2 }
    }

    #[test]
    fn what_is_taken_is_not_given_twice_and_comes_back_whole() {
        let mut free = room();
        let one = free.take(Share { gpus: 1, mem_mib: Some(600), ..ONE }).unwrap();
        let other = free.take(Share { gpus: 1, cpus: 2, ..ONE }).unwrap();
        assert_eq!(
            (one.gpus.as_slice(), other.gpus.as_slice()),
            (&["0".to_owned()][..], &["1".to_owned()][..])
        );
        assert_eq!(one.variables()[0], ("CUDA_VISIBLE_DEVICES".into(), "0".into()));
        assert!(free.take(Share { gpus: 1, ..ONE }).is_none(), "no GPU is left");
        assert!(free.take(Share { mem_mib: Some(600), ..ONE }).is_none(), "no such memory is left");
        assert!(free.take(Share { cpus: 2, ..ONE }).is_none(), "one CPU is left");
        let third = free.take(ONE).unwrap();
        assert!(free.take(Share { cpus: 0, ..ONE }).is_none(), "no slot is left");
        for part in [third, other, one] {
            free.give(part);
        }
        free.gpus.sort();
        assert_eq!(free, room());
    }

    #[test]
    fn a_trial_that_could_never_run_here_says_why() {
        assert_eq!(room().lacks(ONE), None);
        let lacks = |share| room().lacks(share).unwrap();
        assert_eq!(lacks(Share { cpus: 5, ..ONE }), "it needs 5 CPUs, and the allocation has 4");
        assert_eq!(lacks(Share { nodes: 3, ..ONE }), "it needs 3 nodes, and the allocation has 2");
        assert_eq!(lacks(Share { gpus: 2, nodes: 2, ..ONE }), "it needs 4 GPUs, and the allocation has 2");
        assert!(lacks(Share { mem_mib: Some(501), nodes: 2, ..ONE }).contains("1002 MiB"));
        let uncounted = Room { mem_mib: None, ..room() };
        assert_eq!(uncounted.lacks(Share { mem_mib: Some(1 << 40), ..ONE }), None);
    }

    #[test]
    fn parameters_decide_what_a_trial_takes() {
        let params: Params = [("threads", "4"), ("memory", "2G")]
            .map(|(name, word)| (name.to_owned(), Value::from_word(word)))
            .into_iter()
            .collect();
        let values = Values { params: &params, variables: &[] };
        let packing = Packing {
            cpus: Some("${threads}".into()),
            mem: Some("${memory}".into()),
            nodes_per_trial: Some("0".into()),
            ..Packing::default()
        };
        let share = Share::of_trial(&packing, &values).unwrap();
        assert_eq!(share, Share { cpus: 4, mem_mib: Some(2048), gpus: 0, nodes: 1 });
        assert_eq!(Share::of_trial(&Packing::default(), &values).unwrap(), ONE);
        let wrong = Packing { gpus: Some("${memory}".into()), ..Packing::default() };
        assert!(Share::of_trial(&wrong, &values).is_err());
    }
}
