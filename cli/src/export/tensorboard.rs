//! TensorBoard's event files: a folder a trial with its scalars and what the hparams plugin shows of it, and one file
//! above them that says which parameters and metrics there are. Fields are numbered as in TensorBoard's published
//! `.proto` files. Never a directory that is half there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sweep_core::layout::SweepDir;
use sweep_core::params::Params;
use sweep_core::value::{Scalar, Value};

use super::protobuf::Message;
use super::runs::{self, Outcome};
use super::tfrecord;
use crate::driver::look::{Look, TrialLook};
use crate::error::{At, Error, Result};

const PLUGIN: &str = "hparams";
const EXPERIMENT: &str = "_hparams_/experiment";
const START: &str = "_hparams_/session_start_info";
const END: &str = "_hparams_/session_end_info";

/// Writes the directory; it must not be there yet.
///
/// # Errors
/// Where the directory is there, or those of the file system.
pub fn write(dir: &SweepDir, look: &Look, out: &Path) -> Result<()> {
    if fs::symlink_metadata(out).is_ok() {
        return Err(Error::user(format!("`{}` is there already", out.display())).hint("name a new directory"));
    }
    let mut beside = out.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    // Left by one that was killed and had our number.
    let _ = fs::remove_dir_all(&beside);
    let written = fill(dir, look, &beside);
    let named = written.and_then(|()| fs::rename(&beside, out).at("rename", &beside));
    named.inspect_err(|_| {
        let _ = fs::remove_dir_all(&beside);
    })
}

fn fill(dir: &SweepDir, look: &Look, out: &Path) -> Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "a time to the millisecond")]
    let created_s = runs::created_ms(&look.manifest) as f64 / 1e3;
    let mut file = Events::create(out, created_s)?;
    file.hparams(EXPERIMENT, 2, &experiment(look, created_s))?;
    file.finish()?;
    for configuration in look.trials.chunks(look.manifest.replicates.max(1) as usize) {
        // Replicates are sessions of one group, which TensorBoard shows as one line.
        let group = configuration[0].trial.index.label().to_string();
        for trial in configuration {
            // What has not begun has nothing to show.
            if runs::outcome(trial.status.state) != Outcome::Waiting {
                session(dir, look, trial, &group, created_s, out)?;
            }
        }
    }
    Ok(())
}

fn session(
    dir: &SweepDir,
    look: &Look,
    trial: &TrialLook,
    group: &str,
    created_s: f64,
    out: &Path,
) -> Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "a time to the microsecond")]
    let seconds = |time_ns: u64| time_ns as f64 / 1e9;
    let (start, end) = runs::times(trial);
    let start_s = start.map_or(created_s, seconds);
    let mut file = Events::create(&out.join(trial.trial.index.label().to_string()), start_s)?;
    let mut begin = Message::default();
    for (name, value) in trial.trial.params.iter() {
        let entry = Message::default().text(1, name).message(2, &of_value(value));
        begin = begin.message(1, &entry);
    }
    file.hparams(START, 3, &begin.text(4, group).double(5, start_s))?;
    for (key, points) in runs::series(dir, &look.manifest, trial)? {
        for (step, value) in points {
            file.scalar(&key, step, value)?;
        }
    }
    let status = match runs::outcome(trial.status.state) {
        Outcome::Finished => 1,
        Outcome::Failed | Outcome::Ended => 2,
        Outcome::Running | Outcome::Waiting => 3,
    };
    let ended = Message::default().number(1, status).double(2, end.map_or(start_s, seconds));
    if status != 3 {
        file.hparams(END, 4, &ended)?;
    }
    file.finish()
}

/// Which parameters and metrics there are.
fn experiment(look: &Look, created_s: f64) -> Message {
    let mut message = Message::default().text(1, look.manifest.id.as_str()).double(3, created_s);
    let all = || look.trials.iter().map(|trial| &trial.trial.params);
    let mut names: Vec<&str> = all().flat_map(Params::iter).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        message = message.message(4, &hparam(name, all().filter_map(|params| params.get(name))));
    }
    for metric in look.manifest.metrics() {
        let name = Message::default().text(2, &metric.name);
        message = message.message(5, &Message::default().message(1, &name));
    }
    message
}

/// A parameter with its type, and its values where they are no numbers.
fn hparam<'a>(name: &str, values: impl Iterator<Item = &'a Value>) -> Message {
    const TEXT: u64 = 1;
    const BOOLEAN: u64 = 2;
    const NUMBER: u64 = 3;
    let all: Vec<&Value> = values.collect();
    let kind = |value: &&Value| match value.scalar() {
        Scalar::Text(_) => TEXT,
        Scalar::Bool(_) => BOOLEAN,
        Scalar::Int(_) | Scalar::Float(_) => NUMBER,
    };
    let first = all.first().map_or(TEXT, kind);
    let of = if all.iter().all(|value| kind(value) == first) { first } else { TEXT };
    let message = Message::default().text(1, name).number(4, of);
    if of == NUMBER {
        return message;
    }
    let each: BTreeMap<String, &Value> = all.iter().map(|value| (value.to_string(), *value)).collect();
    let list = each.values().fold(Message::default(), |list, value| list.message(1, &of_value(value)));
    message.message(5, &list)
}

/// `google.protobuf.Value`.
fn of_value(value: &Value) -> Message {
    match value.scalar() {
        Scalar::Bool(yes) => Message::default().number(4, u64::from(*yes)),
        Scalar::Text(text) => Message::default().text(3, text),
        Scalar::Int(_) | Scalar::Float(_) => Message::default().double(2, value.as_f64().unwrap_or_default()),
    }
}

/// An event file.
struct Events {
    out: BufWriter<File>,
    path: PathBuf,
    time_s: f64,
}

impl Events {
    fn create(folder: &Path, time_s: f64) -> Result<Self> {
        fs::create_dir_all(folder).at("make", folder)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since 1970")]
        let path = folder.join(format!("events.out.tfevents.{:010}.sweep", time_s as u64));
        let out = BufWriter::new(File::create(&path).at("write", &path)?);
        let mut file = Self { out, path, time_s };
        file.event(&Message::default().double(1, time_s).text(3, "brain.Event:2"))?;
        Ok(file)
    }

    fn scalar(&mut self, tag: &str, step: u64, value: f64) -> Result<()> {
        #[expect(clippy::cast_possible_truncation, reason = "TensorBoard's own precision")]
        let value = Message::default().text(1, tag).float(2, value as f32);
        self.summary(step, &value)
    }

    /// What the hparams plugin reads: its message in the metadata of an empty tensor.
    fn hparams(&mut self, tag: &str, field: u64, data: &Message) -> Result<()> {
        const FLOAT: u64 = 1;
        let data = Message::default().message(field, data);
        let plugin = Message::default().text(1, PLUGIN).message(2, &data);
        let no_rows = Message::default().message(2, &Message::default());
        let empty = Message::default().number(1, FLOAT).message(2, &no_rows);
        let value = Message::default().text(1, tag).message(8, &empty);
        self.summary(0, &value.message(9, &Message::default().message(1, &plugin)))
    }

    fn summary(&mut self, step: u64, value: &Message) -> Result<()> {
        let event = Message::default().double(1, self.time_s).number(2, step);
        self.event(&event.message(5, &Message::default().message(1, value)))
    }

    fn event(&mut self, event: &Message) -> Result<()> {
        tfrecord::write(&mut self.out, event.as_bytes()).at("write", &self.path)
    }

    fn finish(mut self) -> Result<()> {
        self.out.flush().at("write", &self.path)
    }
}
