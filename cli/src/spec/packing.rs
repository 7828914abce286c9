//! Jobs that run more than one trial, and trials on more than one node: `trials_per_job`, `agent`, `nodes_per_trial`,
//! `launch_args`. Never a share of a job that no trial could have.

use sweep_core::packing::{Launch, Packing};

use super::keys;
use super::mistake::{Mistakes, shown};
use super::read;
use super::template::Template;
use super::yaml::{Entry, Node};

/// The nodes of the keys that say it.
pub(super) struct Nodes<'a> {
    pub(super) agent: Option<&'a Node>,
    pub(super) launch_args: Option<&'a Node>,
    pub(super) nodes_per_trial: Option<&'a Node>,
    pub(super) trials_per_job: Option<&'a Node>,
}

/// What they say.
#[derive(Default)]
pub(super) struct Said {
    pub(super) packing: Packing,
    /// Texts with `${name}` in them.
    pub(super) texts: Vec<Template>,
}

/// Most trials of one job, or CPUs, GPUs and nodes of one trial.
const MOST: u64 = 1_000_000;
/// Most seconds of a wait: a day.
const MOST_S: u64 = 86_400;

/// Reads them.
pub(super) fn read(nodes: &Nodes<'_>, mistakes: &mut Mistakes) -> Said {
    let mut said = Said::default();
    if let Some(node) = nodes.trials_per_job {
        said.packing.trials_per_job = count(node, "`trials_per_job`", mistakes);
    }
    if let Some(node) = nodes.agent {
        agent(node, &mut said, mistakes);
    }
    if let Some(node) = nodes.nodes_per_trial {
        said.packing.nodes_per_trial = number(node, "`nodes_per_trial`", &mut said.texts, mistakes);
    }
    if let Some(node) = nodes.launch_args {
        const HINT: &str = "write a list, such as [--ntasks-per-node=4, --mpi=pmix]";
        let words = read::texts(node, "`launch_args`", HINT, mistakes).unwrap_or_default();
        said.texts.extend(words.iter().map(|word| Template::before_start(word, node.at, "`launch_args`")));
        said.packing.launch_args = words;
    }
    said
}

fn agent(node: &Node, said: &mut Said, mistakes: &mut Mistakes) {
    for Entry { key, at, value } in read::entries(node, "`agent`", mistakes).unwrap_or_default() {
        if !keys::check(keys::AGENT, "key", key, *at, mistakes) {
            continue;
        }
        let what = format!("`{key}` of `agent`");
        let Said { packing, texts } = said;
        match key.as_str() {
            "slots" => packing.slots = count(value, &what, mistakes),
            "cpus" => packing.cpus = number(value, &what, texts, mistakes),
            "gpus" => packing.gpus = number(value, &what, texts, mistakes),
            "mem" => packing.mem = memory(value, &what, texts, mistakes),
            "wait_s" => {
                let seconds = read::whole(value, &what, 0, MOST_S, mistakes);
                packing.wait_s = seconds.and_then(|seconds| u32::try_from(seconds).ok());
            }
            _ => launch(value, packing, mistakes),
        }
    }
}

fn count(node: &Node, what: &str, mistakes: &mut Mistakes) -> Option<u32> {
    u32::try_from(read::whole(node, what, 1, MOST, mistakes)?).ok()
}

/// A whole number from 0 on, or a text that a parameter makes one.
fn number(node: &Node, what: &str, texts: &mut Vec<Template>, mistakes: &mut Mistakes) -> Option<String> {
    let text = read::line(node, what, mistakes)?;
    if Template::is_fixed(text) && !text.parse::<u64>().is_ok_and(|number| number <= MOST) {
        let message = format!("{what} must be a whole number, not `{}`", shown(text));
        mistakes.hint(node.at, message, "write a number, or `${NAME}` for a parameter's value");
        return None;
    }
    texts.push(Template::before_start(text, node.at, what));
    Some(text.to_owned())
}

/// A size as sbatch takes it, or a text that a parameter makes one.
fn memory(node: &Node, what: &str, texts: &mut Vec<Template>, mistakes: &mut Mistakes) -> Option<String> {
    let text = read::line(node, what, mistakes)?;
    if Template::is_fixed(text) && mebibytes(text).is_none() {
        let message = format!("{what} must be a size, not `{}`", shown(text));
        mistakes.hint(node.at, message, "write a size as sbatch takes it: 500M, 2G");
        return None;
    }
    texts.push(Template::before_start(text, node.at, what));
    Some(text.to_owned())
}

/// A size as sbatch takes it, in MiB: `500`, `500M`, `2G`; none of a text that is not one.
#[must_use]
pub fn mebibytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_suffix(['B', 'b']).unwrap_or(text);
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = digits.parse().ok()?;
    match unit.to_ascii_uppercase().as_str() {
        "K" => Some(number.div_ceil(1024)),
        "" | "M" => Some(number),
        "G" => number.checked_mul(1024),
        "T" => number.checked_mul(1024 * 1024),
        _ => None,
    }
}

fn launch(node: &Node, packing: &mut Packing, mistakes: &mut Mistakes) {
    let Some(text) = read::line(node, "`launch` of `agent`", mistakes) else { return };
    match Launch::ALL.into_iter().find(|(word, _)| *word == text) {
        Some((_, launch)) => packing.launch = launch,
        None => {
            let message = format!("`{}` is no way to launch a trial", shown(text));
            mistakes.hint(node.at, message, "it is `auto`, `step` or `direct`");
        }
    }
}

/// Sizes by example.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_sbatch_reads_them() {
        let sizes =
            ["500", "500M", "2G", "2GB", "1T", "1500K", "2g", "G", "-1", "1.5G", "1 G"].map(mebibytes);
        let expected = [500, 500, 2048, 2048, 1024 * 1024, 2, 2048].map(Some);
        assert_eq!(sizes[..7], expected);
        assert_eq!(sizes[7..], [None; 4]);
    }
}
