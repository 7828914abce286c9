//! An attempt as a row and as JSON: what Slurm says and what the user claimed stand apart, here by the names of
//! columns, there in objects of their own. Never a user's word under a name that sounds like Slurm's.

use std::collections::HashMap;

use serde::Serialize;
use sweep_core::record::{Claimed, Record};

use super::attempts::{Attempt, State};
use crate::executor::account;
use crate::export::{Cell, Column, Type, time_text};

/// An attempt for programs.
#[derive(Debug, Serialize)]
pub struct Listed<'a> {
    /// What Slurm told the plugin.
    pub slurm: OfSlurm<'a>,
    /// What the user said, or could have written.
    pub claimed: OfUser<'a>,
    /// What was asked and refused, and why.
    pub refused: &'a [String],
}

/// What Slurm told the plugin.
#[derive(Debug, Serialize)]
pub struct OfSlurm<'a> {
    cluster: Option<&'a str>,
    node: &'a str,
    uid: u32,
    user: Option<String>,
    gid: u32,
    job: &'a str,
    array_job: Option<u32>,
    array_task: Option<u32>,
    step: &'a str,
    state: State,
    start: String,
    end: Option<String>,
    exit: Option<i32>,
    signal: Option<i32>,
    elapsed_s: Option<f64>,
    cpu_s: Option<f64>,
    memory_peak_kib: Option<u64>,
}

/// What the user said, or could have written: attempts are counted in the user's own folder.
#[derive(Debug, Serialize)]
pub struct OfUser<'a> {
    #[serde(flatten)]
    claimed: &'a Claimed,
    attempt: u32,
}

/// Names of users, each looked up once.
#[derive(Debug, Default)]
pub struct Names(HashMap<u32, Option<String>>);

impl Names {
    /// The name, where this machine knows one.
    pub fn of(&mut self, uid: u32) -> Option<&str> {
        self.0.entry(uid).or_insert_with(|| account::name_of(uid)).as_deref()
    }
}

impl<'a> Listed<'a> {
    /// Sorts an attempt's words by who said them.
    pub fn of(attempt: &'a Attempt, names: &mut Names) -> Self {
        let record = &attempt.record;
        Self {
            slurm: OfSlurm {
                cluster: record.cluster.as_deref(),
                node: &record.node,
                uid: record.uid,
                user: names.of(record.uid).map(str::to_owned),
                gid: record.gid,
                job: record.job.as_str(),
                array_job: record.array_job,
                array_task: record.array_task,
                step: &record.step,
                state: attempt.state,
                start: time_text(signed(attempt.start_ns)),
                end: attempt.end_ns.map(|end| time_text(signed(end))),
                exit: record.exit,
                signal: record.signal,
                elapsed_s: record.elapsed_s,
                cpu_s: record.cpu_s,
                memory_peak_kib: record.memory_peak_kib,
            },
            claimed: OfUser { claimed: &record.claimed, attempt: record.attempt },
            refused: &record.refused,
        }
    }
}

/// The columns of a table of attempts.
#[must_use]
pub fn columns() -> Vec<Column> {
    let of = |names: &[(&str, Type)]| -> Vec<Column> {
        names.iter().map(|(name, of)| Column::new(*name, *of)).collect()
    };
    of(&[
        ("cluster", Type::Text),
        ("node", Type::Text),
        ("uid", Type::Integer),
        ("user", Type::Text),
        ("gid", Type::Integer),
        ("job", Type::Text),
        ("array_job", Type::Integer),
        ("array_task", Type::Integer),
        ("step", Type::Text),
        ("state", Type::Text),
        ("start", Type::Time),
        ("end", Type::Time),
        ("exit", Type::Integer),
        ("signal", Type::Integer),
        ("elapsed_s", Type::Real),
        ("cpu_s", Type::Real),
        ("memory_peak_kib", Type::Integer),
        ("refused", Type::Json),
        ("claimed_sweep", Type::Text),
        ("claimed_trial", Type::Text),
        ("claimed_index", Type::Integer),
        ("claimed_token", Type::Text),
        ("claimed_attempt", Type::Integer),
        ("claimed_params_digest", Type::Text),
        ("claimed_values", Type::Json),
        ("claimed_overridden", Type::Json),
    ])
}

/// The row of an attempt.
pub fn row(attempt: &Attempt, names: &mut Names) -> Vec<Cell> {
    let record: &Record = &attempt.record;
    let claimed = &record.claimed;
    vec![
        record.cluster.clone().into(),
        record.node.as_str().into(),
        record.uid.into(),
        names.of(record.uid).into(),
        record.gid.into(),
        record.job.as_str().into(),
        record.array_job.into(),
        record.array_task.into(),
        record.step.as_str().into(),
        attempt.state.word().into(),
        Cell::Time(signed(attempt.start_ns)),
        attempt.end_ns.map_or(Cell::Empty, |end| Cell::Time(signed(end))),
        record.exit.into(),
        record.signal.into(),
        record.elapsed_s.into(),
        record.cpu_s.into(),
        record.memory_peak_kib.map(|kib| i64::try_from(kib).unwrap_or(i64::MAX)).into(),
        json(&record.refused),
        claimed.sweep.as_ref().map(ToString::to_string).into(),
        claimed.trial.as_ref().map(ToString::to_string).into(),
        claimed.index.map(|index| index.0).into(),
        claimed.token.as_ref().map(ToString::to_string).into(),
        record.attempt.into(),
        claimed.params_digest.clone().into(),
        json(&claimed.values),
        json(&claimed.overridden),
    ]
}

fn json(value: &impl Serialize) -> Cell {
    Cell::Text(serde_json::to_string(value).expect("texts and maps of texts always serialize"))
}

/// A time until the year 2262.
fn signed(time_ns: u64) -> i64 {
    i64::try_from(time_ns).unwrap_or(i64::MAX)
}
