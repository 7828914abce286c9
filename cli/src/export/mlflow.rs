//! An experiment in MLflow's file store: a folder a run, a file a parameter, metric and tag, as its `FileStore` reads
//! them. Never a change to what is in the store already, and never an artifact folder that is a trial's own: MLflow
//! removes artifacts.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use sweep_core::layout::SweepDir;

use super::runs::{self, Outcome};
use crate::driver::look::{Look, TrialLook};
use crate::error::{At, Error, Result};

/// Longest parameter that MLflow reads, in characters.
const VALUE: usize = 6000;

/// Adds the sweep to a store as an experiment; the store is made where it is not there.
///
/// # Errors
/// Where the store has this sweep already, or those of the file system.
pub fn write(dir: &SweepDir, look: &Look, store: &Path) -> Result<()> {
    if fs::metadata(store).is_ok_and(|metadata| !metadata.is_dir()) {
        return Err(Error::user(format!("`{}` is a file, and MLflow's store is a folder", store.display())));
    }
    let store = std::path::absolute(store).at("find", store)?;
    let id = experiment_id(look);
    let home = store.join(&id);
    if fs::symlink_metadata(&home).is_ok() {
        let message = format!("`{}` has this sweep already, as experiment {id}", store.display());
        return Err(
            Error::user(message).hint(format!("remove `{}` first, or name another store", home.display()))
        );
    }
    let mut beside = store.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    // Left by one that was killed and had our number.
    let _ = fs::remove_dir_all(&beside);
    let written = fill(dir, look, &id, &home, &beside);
    let named = written.and_then(|()| {
        fs::create_dir_all(&store).at("make", &store)?;
        fs::rename(&beside, &home).at("rename", &beside)
    });
    named.inspect_err(|_| {
        let _ = fs::remove_dir_all(&beside);
    })
}

/// MLflow's own ids are 18 digits; the same sweep has the same one each time.
fn experiment_id(look: &Look) -> String {
    let hex = runs::stable_id(&[look.manifest.id.as_str()]);
    let number = u64::from_str_radix(&hex[..15], 16).unwrap_or_default();
    format!("{}", 100_000_000_000_000_000 + number % 900_000_000_000_000_000)
}

/// `home` is where the experiment is read, `out` where it is written.
fn fill(dir: &SweepDir, look: &Look, id: &str, home: &Path, out: &Path) -> Result<()> {
    let created = runs::created_ms(&look.manifest);
    let meta = json!({
        "artifact_location": uri(home),
        "creation_time": created,
        "experiment_id": id,
        "last_update_time": created,
        "lifecycle_stage": "active",
        "name": look.manifest.id.as_str(),
    });
    put_meta(out, &meta)?;
    let tags = [
        ("sweep.name", look.manifest.name.as_str()),
        ("sweep.method", &look.manifest.method),
        ("sweep.seed", &look.manifest.seed),
    ];
    for (key, value) in tags {
        put(&out.join("tags").join(key), value)?;
    }
    look.trials.iter().try_for_each(|trial| run(dir, look, trial, id, home, out))
}

fn run(
    dir: &SweepDir,
    look: &Look,
    trial: &TrialLook,
    experiment: &str,
    home: &Path,
    out: &Path,
) -> Result<()> {
    let label = trial.trial.index.label().to_string();
    let id = &runs::stable_id(&[look.manifest.id.as_str(), &label])[..32];
    let (start, end) = runs::times(trial);
    let start_ms = start.map_or_else(|| runs::created_ms(&look.manifest), |time_ns| time_ns / 1_000_000);
    let outcome = runs::outcome(trial.status.state);
    // What has ended without a record has an end all the same: MLflow shows it as running else.
    let is_open = matches!(outcome, Outcome::Running | Outcome::Waiting);
    let end_ms = end.map(|time_ns| time_ns / 1_000_000).or((!is_open).then_some(start_ms));
    let name = trial.trial.name.clone().unwrap_or_else(|| label.clone());
    let folder = out.join(id);
    let meta = json!({
        "artifact_uri": uri(&home.join(id).join("artifacts")),
        "end_time": end_ms,
        "entry_point_name": "",
        "experiment_id": experiment,
        "lifecycle_stage": "active",
        "run_id": id,
        "run_name": name,
        "run_uuid": id,
        "source_name": "",
        "source_type": 4,
        "source_version": "",
        "start_time": start_ms,
        "status": status(outcome),
        "tags": [],
        "user_id": trial.start().map_or_else(String::new, |record| record.uid.to_string()),
    });
    put_meta(&folder, &meta)?;
    for part in ["params", "metrics", "tags", "artifacts"] {
        let part = folder.join(part);
        fs::create_dir_all(&part).at("make", &part)?;
    }
    for (key, value) in trial.trial.params.iter() {
        let text: String = value.text().chars().take(VALUE).collect();
        put(&folder.join("params").join(key), &text)?;
    }
    let series = runs::series(dir, &look.manifest, trial)?;
    let names = runs::plain_names(series.keys(), |c| c.is_ascii_alphanumeric() || "_-.: ".contains(c));
    for (key, points) in &series {
        let lines: String =
            points.iter().map(|(step, value)| format!("{start_ms} {value} {step}\n")).collect();
        put(&folder.join("metrics").join(safe(&names[key])), &lines)?;
    }
    let optional = |key: &str, text: Option<String>| text.map(|text| (key.to_owned(), text));
    let tags = [
        optional("mlflow.runName", Some(name)),
        optional("sweep.trial", Some(label)),
        optional("sweep.state", Some(trial.status.state.to_string())),
        optional("sweep.job", trial.job.clone()),
        optional("sweep.budget", trial.trial.budget.map(|budget| budget.to_string())),
        optional("sweep.bracket", trial.trial.bracket.map(|bracket| bracket.to_string())),
        optional("sweep.rung", trial.trial.rung.map(|rung| rung.to_string())),
        optional("sweep.parent", trial.trial.parent.map(|parent| parent.label().to_string())),
        optional("sweep.folder", dir.trial(trial.trial.index).path().to_str().map(str::to_owned)),
    ];
    tags.into_iter().flatten().try_for_each(|(key, text)| put(&folder.join("tags").join(key), &text))
}

/// MLflow's numbers of a run's status.
fn status(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Running => 1,
        Outcome::Waiting => 2,
        Outcome::Finished => 3,
        Outcome::Failed => 4,
        Outcome::Ended => 5,
    }
}

/// A name that stays in its folder.
fn safe(name: &str) -> String {
    if name.starts_with('.') { format!("_{name}") } else { name.to_owned() }
}

/// JSON is YAML, which is what MLflow reads here.
fn put_meta(folder: &Path, meta: &Json) -> Result<()> {
    fs::create_dir_all(folder).at("make", folder)?;
    put(&folder.join("meta.yaml"), &format!("{meta:#}\n"))
}

fn put(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).at("make", folder)?;
    }
    fs::write(path, text).at("write", path)
}

/// `file://` and the path, what is not plain in it in percents.
fn uri(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte);
    let text = path
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") });
    format!("file://{}", text.collect::<String>())
}
