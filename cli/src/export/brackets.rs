//! hyperband-snakemake's directory of a search with brackets: `bracket-I/stage-J/config-K/{config,result}`, and the
//! winner's `config` at its root, for scripts that read one. Never a directory that is half there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sweep_core::layout::SweepDir;
use sweep_core::manifest::{Goal, Metric};
use sweep_core::state::TrialState;

use crate::driver::best;
use crate::driver::look::{Look, TrialLook};
use crate::error::{At, Error, Result};

/// The file of a configuration, and the template that makes it where the spec has one.
const CONFIG: &str = "config";

/// Writes the directory; it must not be there yet.
///
/// # Errors
/// Where the sweep has no brackets or no metric, the directory is there, or those of the file system.
pub fn write(dir: &SweepDir, look: &Look, out: &Path) -> Result<()> {
    let method = look.manifest.method.as_str();
    if !matches!(method, "hyperband" | "halving") {
        return Err(Error::user(format!(
            "a {method} search has no brackets, which this directory is made of"
        ))
        .hint("it is for sweeps of `method: hyperband` and `method: halving`; see --as csv for others"));
    }
    let Some(metric) = &look.manifest.metric else {
        return Err(Error::user("the sweep has no metric, so there are no results to write")
            .hint("see --as csv for a table of its trials"));
    };
    if fs::symlink_metadata(out).is_ok() {
        return Err(Error::user(format!("`{}` is there already", out.display())).hint("name a new directory"));
    }
    let mut beside = out.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    // Left by one that was killed and had our number.
    let _ = fs::remove_dir_all(&beside);
    let written = fill(dir, look, metric, &beside);
    let named = written.and_then(|()| fs::rename(&beside, out).at("rename", &beside));
    named.inspect_err(|_| {
        let _ = fs::remove_dir_all(&beside);
    })
}

fn fill(dir: &SweepDir, look: &Look, metric: &Metric, out: &Path) -> Result<()> {
    fs::create_dir_all(out).at("make", out)?;
    let mut places: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let replicates = look.manifest.replicates.max(1) as usize;
    for configuration in look.trials.chunks(replicates) {
        let [first, ..] = configuration else { continue };
        let (bracket, stage) = (first.trial.bracket.unwrap_or(0), first.trial.rung.unwrap_or(0));
        let place = places.entry((bracket, stage)).or_default();
        let folder = out
            .join(format!("bracket-{bracket}"))
            .join(format!("stage-{stage}"))
            .join(format!("config-{place}"));
        *place += 1;
        fs::create_dir_all(&folder).at("make", &folder)?;
        config(dir, look, first, &folder.join(CONFIG))?;
        if let Some(result) = result(configuration, metric) {
            let path = folder.join("result");
            fs::write(&path, result).at("write", &path)?;
        }
    }
    match best::configurations(&look.trials, metric).first() {
        Some(winner) => config(dir, look, winner, &out.join(CONFIG)),
        None => Ok(()),
    }
}

/// What the program read: the file that the spec's template of this name became, else the parameters as JSON. A trial
/// that has not begun has no such file yet.
fn config(dir: &SweepDir, look: &Look, trial: &TrialLook, path: &Path) -> Result<()> {
    if look.manifest.around.templates.contains_key(CONFIG) {
        let rendered = dir.trial(trial.trial.index).path().join(CONFIG);
        return match fs::read(&rendered) {
            Ok(bytes) => fs::write(path, bytes).at("write", path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).at("read", &rendered),
        };
    }
    let json = serde_json::to_vec_pretty(&trial.trial.params).expect("scalars always serialize");
    fs::write(path, [json.as_slice(), b"\n"].concat()).at("write", path)
}

/// One number, less for better, `nan` for a failure; none while a replicate is on its way.
fn result(configuration: &[TrialLook], metric: &Metric) -> Option<String> {
    if !configuration.iter().all(|trial| trial.status.state.is_final()) {
        return None;
    }
    let completed = configuration.iter().filter(|trial| trial.status.state == TrialState::Completed);
    let values: Vec<f64> = completed.filter_map(|trial| trial.metric).collect();
    if values.is_empty() {
        return Some("nan\n".into());
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of replicates")]
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let cost = if metric.goal == Goal::Maximize { -mean } else { mean };
    Some(format!("{cost}\n"))
}
