//! The directory that hyperband-snakemake generates: every configuration that it drew becomes an explicit trial of the
//! same brackets. Never a guess at the space that its template drew from: only what was drawn is known.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{At, Error, Result};
use crate::spec::mistake::Mistakes;
use crate::spec::yaml::{self, Entry, Kind, Node};

use super::{Draft, scalar, write};

/// Largest reduction factor that is looked for.
const ETA: u32 = 16;
/// Largest bracket that is looked for.
const S_MAX: u32 = 16;
/// Largest configuration that is read, in bytes.
const CONFIG: u64 = 1024 * 1024;

/// Reads the directory.
pub(super) fn read(dir: &Path) -> Result<Draft> {
    let mut brackets = Vec::new();
    for number in 0.. {
        let stage = dir.join(format!("bracket-{number}")).join("stage-0");
        if !stage.is_dir() {
            break;
        }
        brackets.push(configurations(&stage)?);
    }
    if brackets.is_empty() {
        return Err(Error::user(format!("`{}` is no directory of hyperband-snakemake's", dir.display()))
            .hint("it has folders such as bracket-0/stage-0/config-0"));
    }
    let counts: Vec<usize> = brackets.iter().map(Vec::len).collect();
    let Some((s_max, eta)) = shape(&counts) else {
        let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
        return Err(Error::user(format!(
            "`{}` begins its brackets with {} configurations, which no Hyperband search does",
            dir.display(),
            counts.join(", ")
        ))
        .hint("is a part of it missing?"));
    };
    let mut draft = Draft::default();
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    draft.set("name", write::word(&name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"), true));
    draft.set("method", "hyperband");
    let chosen: Vec<String> = (0..counts.len()).map(|bracket| bracket.to_string()).collect();
    let mut rungs = vec![("s_max", s_max.to_string()), ("eta", eta.to_string())];
    if counts.len() <= s_max as usize {
        rungs.push(("brackets", write::list(chosen)));
    }
    draft.set("hyperband", write::map(rungs));
    program(dir, &mut draft);
    draft.set("metric", "{name: result, goal: minimize}");
    let rows =
        brackets.iter().flatten().map(|row| write::map(row.iter().map(|(k, v)| (k.as_str(), v.clone()))));
    draft.set("params", write::lines(rows));
    draft.note(
        "configurations come in the order of the brackets; what the template would draw else is not known",
    );
    draft.note("`--guaranteed-budget` and the cost of an epoch stand in no file: see `guaranteed_budget`, `cost_per_budget`");
    let last = format!("bracket-{}", counts.len() - 1);
    if dir.join("bracket-0/stage-1").is_dir() || dir.join(last).join("stage-0/config-0/result").is_file() {
        draft.note("results that are there already are not taken over: every trial runs again");
    }
    Ok(draft)
}

/// s_max and eta of brackets that begin with so many configurations.
fn shape(counts: &[usize]) -> Option<(u32, u32)> {
    let least = u32::try_from(counts.len()).ok()? - 1;
    // The whole search is likelier than a part of a larger one.
    (least..=S_MAX).flat_map(|s_max| (2..=ETA).map(move |eta| (s_max, eta))).find(|(s_max, eta)| {
        counts
            .iter()
            .zip(0..)
            .all(|(count, bracket)| Some(*count as u128) == begins_with(*s_max, *eta, bracket))
    })
}

/// ceil((s_max + 1) · eta^s / (s + 1)) with s = s_max − bracket, in whole numbers.
fn begins_with(s_max: u32, eta: u32, bracket: u32) -> Option<u128> {
    let s = s_max.checked_sub(bracket)?;
    let product = u128::from(s_max + 1).checked_mul(u128::from(eta).checked_pow(s)?)?;
    Some(product.div_ceil(u128::from(s) + 1))
}

/// The configurations of a stage in the order of their numbers.
fn configurations(stage: &Path) -> Result<Vec<Vec<(String, String)>>> {
    let mut found = Vec::new();
    for number in 0.. {
        let path = stage.join(format!("config-{number}")).join("config");
        if !path.is_file() {
            break;
        }
        found.push(configuration(&path)?);
    }
    Ok(found)
}

/// A configuration that is a mapping of single values, in YAML or JSON.
fn configuration(path: &PathBuf) -> Result<Vec<(String, String)>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = fs::File::open(path).at("open", path)?;
    file.take(CONFIG).read_to_end(&mut bytes).at("read", path)?;
    let mut mistakes = Mistakes::default();
    let root = yaml::read(&bytes, &mut mistakes);
    let wrong = || {
        Error::user(format!("`{}` is no mapping of names to single values", path.display()))
            .hint("only configurations in YAML or JSON can be read; write `templates:` and `params:` by hand for others")
    };
    mistakes.finish(path).map_err(|errors| wrong().said(&errors.to_string()))?;
    let Some(Node { kind: Kind::Map(entries), .. }) = root else { return Err(wrong()) };
    let value = |Entry { key, value, .. }: &Entry| {
        scalar(path, value, &format!("`{key}`"))?;
        Ok((key.clone(), write::flow(value)))
    };
    entries.iter().map(value).collect()
}

/// `run.sh` is called with the folder and the budget, and finds `config` there.
fn program(dir: &Path, draft: &mut Draft) {
    let script = dir.join("run.sh");
    if !script.is_file() {
        draft.note("no `run.sh`: add `command:`");
        return;
    }
    let script = std::path::absolute(&script).unwrap_or(script);
    let line = "cat \"$SWEEP_TRIAL_DIR/config.json\" > \"$SWEEP_TRIAL_DIR/config\" && bash \"$RUN\" \"$SWEEP_TRIAL_DIR\" \"$SWEEP_BUDGET\"";
    let path = script.to_string_lossy().replace('$', "$$");
    draft.set("env", write::map([("RUN", write::quoted(&path))]));
    draft.set("shell", write::quoted(line));
    draft.note("`config` is JSON now, which YAML readers take");
    draft.note("an `srun` in run.sh is not needed: each trial is a job; its options go under `sbatch:`");
    draft.set("result_wait_s", "60");
}

/// The brackets of published examples.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_tell_how_they_were_made() {
        assert_eq!(shape(&[243, 98, 41, 18, 9, 6]), Some((5, 3)));
        assert_eq!(shape(&[81, 34, 15, 8, 5]), Some((4, 3)));
        assert_eq!(shape(&[4, 4]), None);
        assert_eq!(shape(&[9, 5, 3]), Some((2, 3)));
        // A part of a search.
        assert_eq!(shape(&[243, 98]), Some((5, 3)));
    }
}
