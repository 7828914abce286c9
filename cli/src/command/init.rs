//! `sweep init`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use sweep_core::batch::Trials;

use crate::command::{Where, load, notice, print};
use crate::driver::batches::{Batch, Shape};
use crate::driver::create::{Created, create};
use crate::driver::start::{self, Patience};
use crate::error::Result;
use crate::executor::process::Call;
use crate::executor::slurm;
use crate::render::{Format, json};
use crate::report::status::SCHEMA_VERSION;

/// Write a sweep's directory and print the sbatch lines to use with scripts of your own; submits nothing
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec
    #[arg(value_name = "SPEC", default_value = "sweep.yaml")]
    spec: PathBuf,
    #[command(flatten)]
    home: Where,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A directory that was made.
#[derive(Serialize)]
struct Report {
    /// The report's version.
    schema_version: u32,
    /// The sweep.
    sweep_id: String,
    /// Its directory.
    dir: String,
    /// How many trials it has.
    trials: u32,
    /// The sbatch lines to use, with SCRIPT for a script of one's own.
    sbatch: Vec<String>,
    /// The line of an agent, in an allocation of one's own; none for a sweep without a command.
    agent: Option<String>,
}

impl Args {
    /// Makes the directory.
    ///
    /// # Errors
    /// Everything that is wrong with the spec, or those of the file system.
    pub fn run(&self) -> Result<ExitCode> {
        let spec = load(&self.spec)?;
        let home = self.home.home(&spec.folder);
        let spec = start::resolve(spec, &home, Patience::UntilItEnds, &notice)?;
        let created = create(&spec, &home, super::submit::versions(None), None)?;
        let site = slurm::site().ok();
        let max_array_size = site.map_or(slurm::DEFAULT_MAX_ARRAY_SIZE, |site| site.max_array_size);
        let report = Report {
            schema_version: SCHEMA_VERSION,
            sweep_id: created.manifest.id.to_string(),
            dir: created.dir.path().display().to_string(),
            trials: created.count,
            sbatch: lines(&created, max_array_size),
            agent: created.manifest.command.is_some().then(|| {
                let dir = created.dir.path().display().to_string();
                Call::new("sweep").args(["agent".to_owned(), dir]).shell_line()
            }),
        };
        print(&match self.format {
            Format::Human => human(&report),
            Format::Json => json(&report),
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// One line for each array that Slurm allows. A user's own script has its own options, so all trials are of one kind.
fn lines(created: &Created, max_array_size: u32) -> Vec<String> {
    let mut groups = crate::driver::batches::Groups::default();
    for index in 0..created.count {
        groups.add(sweep_core::id::TrialIndex(index), &BTreeMap::new());
    }
    let batches = groups.batches(Shape::Arrays { max_array_size }, None);
    batches.iter().map(|batch| line(created, batch)).collect()
}

fn line(created: &Created, batch: &Batch) -> String {
    let mut call = Call::new("sbatch").args([format!("--sweep-dir={}", created.dir.path().display())]);
    if let Trials::Consecutive { first, .. } = batch.trials
        && first.0 > 0
    {
        call = call.args([format!("--sweep-trial=@{}", first.0)]);
    }
    let last = batch.trials.count().saturating_sub(1);
    let limit = created.manifest.concurrency.map(|limit| format!("%{limit}")).unwrap_or_default();
    call.args([format!("--array=0-{last}{limit}"), "SCRIPT".into()]).shell_line()
}

fn human(report: &Report) -> String {
    let mut out = format!("made {} with {} trials\n\n", report.dir, report.trials);
    out.push_str("run them with a batch script of your own, where the plugin is installed:\n");
    for line in &report.sbatch {
        out.push_str(&format!("  {line}\n"));
    }
    if let Some(line) = &report.agent {
        out.push_str("or many at once in an allocation of your own:\n");
        out.push_str(&format!("  {line}\n"));
    }
    out
}
