//! `sweep submit`.

mod shown;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use sweep_core::batch::Executor;
use sweep_core::id::SweepId;
use sweep_core::layout::SweepDir;
use sweep_core::limits;
use sweep_core::manifest;
use sweep_core::packing::Packing;

use self::shown::{BatchReport, Planned, Report, dry_run, human};
use crate::command::{Where, load, notice, print};
use crate::driver::batches::{Batch, Groups, Shape};
use crate::driver::create::{Created, create};
use crate::driver::journal::Journal;
use crate::driver::lease::Lease;
use crate::driver::spread::{self, Silent, Spot};
use crate::driver::start::{self, Patience};
use crate::driver::submit::{Earlier, Given, Submission};
use crate::driver::successor;
use crate::error::{Error, Result};
use crate::executor::local;
use crate::executor::slurm::clusters::Clusters;
use crate::executor::slurm::{self, Site};
use crate::render::{Format, json};
use crate::report::plan::Plan;
use crate::report::status::SCHEMA_VERSION;
use crate::spec::spread::gives;
use crate::spec::{Spec, sbatch};

/// Make a sweep and submit its trials
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) what: What,
    /// Show what would be submitted, and submit nothing, whatever its size
    #[arg(long)]
    dry_run: bool,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is submitted, and how.
#[derive(Debug, clap::Args)]
pub struct What {
    /// The spec
    #[arg(value_name = "SPEC", default_value = "sweep.yaml")]
    spec: PathBuf,
    /// Most trials that are submitted [default: 100]
    #[arg(long, value_name = "N")]
    max_trials: Option<u64>,
    /// One job a trial instead of arrays
    #[arg(long)]
    individual: bool,
    /// Run the first configuration alone, and the others once it has completed
    #[arg(long)]
    canary: bool,
    /// What runs the trials
    #[arg(long, value_enum, default_value_t)]
    executor: Choice,
    #[command(flatten)]
    home: Where,
    /// Further sbatch options, behind `--`
    #[arg(last = true, value_name = "SBATCH OPTION")]
    extra: Vec<String>,
}

/// Which executor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// Slurm where it answers, else this machine
    #[default]
    Auto,
    /// Slurm's jobs
    Slurm,
    /// Processes of this machine
    Local,
    /// Whoever takes them: `sweep agent` in allocations of your own
    Agent,
}

/// A sweep that was submitted.
#[derive(Debug)]
pub struct Submitted {
    /// The sweep.
    pub created: Created,
    /// What runs it.
    pub executor: Executor,
    /// What came of its batches.
    pub given: Given,
}

impl Args {
    /// Makes the sweep and submits it, or shows what would be.
    ///
    /// # Errors
    /// Everything that is wrong with the spec, a sweep above the guard, or what the executor said.
    pub fn run(&self) -> Result<ExitCode> {
        if self.dry_run {
            return self.show();
        }
        let submitted = self.what.submit(&|dir| successor::ensure(dir, &notice))?;
        let driver = if submitted.created.manifest.driven {
            let dir = &submitted.created.dir;
            // A full queue was cause to start one before.
            let there = submitted.given.waiting.as_ref().and_then(|_| successor::jobs(dir).first().copied());
            let started =
                there.map_or_else(|| successor::start(dir, submitted.executor), |job| Ok(Some(job)));
            started.map_err(|error| {
                error.hint("the trials are submitted; drive the search with `sweep resume`")
            })?
        } else {
            None
        };
        let batches = submitted.given.taken.iter().map(|taken| BatchReport {
            batch: taken.batch.0,
            job: Some(&taken.job),
            trials: taken.trials,
            place: taken.place.as_ref(),
            call: None,
        });
        print(&match self.format {
            Format::Human => human(&submitted),
            Format::Json => json(&Report {
                schema_version: SCHEMA_VERSION,
                dry_run: false,
                sweep_id: Some(submitted.created.manifest.id.to_string()),
                dir: Some(submitted.created.dir.path().display().to_string()),
                executor: submitted.executor.to_string(),
                trials: submitted.created.count.to_string(),
                batches: batches.collect(),
                driver,
                waiting: submitted.given.waiting.as_ref(),
                plan: None,
                job_script: None,
            }),
        });
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self) -> Result<ExitCode> {
        let spec = load(&self.what.spec)?;
        sbatch_extra(&self.what.extra)?;
        let (executor, site) = self.what.executor.resolve()?;
        let home = self.what.home.home(&spec.folder);
        let spec = start::resolve(spec, &home, Patience::None, &notice)?;
        let plan = Plan::of(&spec, SHOWN)?;
        check_places(&spec, &self.what.extra)?;
        let calls = self.what.calls(&spec, executor, site.as_ref())?;
        print(&match self.format {
            Format::Human => dry_run(&plan, executor, &calls),
            Format::Json => json(&Report {
                schema_version: SCHEMA_VERSION,
                dry_run: true,
                sweep_id: None,
                dir: None,
                executor: executor.to_string(),
                trials: plan.total.clone(),
                batches: (0..)
                    .zip(&calls)
                    .map(|(batch, Planned { trials, place, call })| BatchReport {
                        batch,
                        job: None,
                        trials: *trials,
                        place: place.as_ref(),
                        call: call.clone(),
                    })
                    .collect(),
                driver: None,
                waiting: None,
                plan: Some(plan),
                job_script: (executor == Executor::Slurm).then_some(crate::driver::create::JOB_SCRIPT),
            }),
        });
        Ok(ExitCode::SUCCESS)
    }
}

/// Trials that a dry run shows.
const SHOWN: usize = 10;
/// Trials of a dry run whose batches are worked out one by one.
const PLANNED: u128 = 1_000_000;

impl What {
    /// Makes the sweep and submits it. Where a limit of Slurm's stands in the way, `when_full` is called before the
    /// last room is used up.
    ///
    /// # Errors
    /// Everything that is wrong with the spec, a sweep above the guard, or what the executor said.
    pub fn submit(&self, when_full: &dyn Fn(&SweepDir)) -> Result<Submitted> {
        let mut spec = load(&self.spec)?;
        spec.driving.canary |= self.canary;
        sbatch_extra(&self.extra)?;
        spec.require_command().map_err(|errors| Error::user(errors.to_string().trim_end()))?;
        self.guard(&spec)?;
        let (executor, site) = self.executor.resolve()?;
        self.check_executor(executor)?;
        check_places(&spec, &self.extra)?;
        let home = self.home.home(&spec.folder);
        let spec = start::resolve(spec, &home, Patience::UntilItEnds, &notice)?;
        // What it begins with may add to what it has.
        self.guard(&spec)?;
        let version = site.as_ref().and_then(|site| site.version.clone());
        let names_clusters = spec.spread.as_ref().is_some_and(|spread| !spread.clusters().is_empty());
        let cluster = site.as_ref().and_then(|site| site.cluster.clone()).filter(|_| names_clusters);
        let (individual, extra) = (self.individual, self.extra.clone());
        let asked = manifest::Submission { executor, individual, extra, cluster };
        let shape = self.shape(executor, site.as_ref(), &spec.packing);
        let spots = self.spots(&spec, executor, shape)?;
        let created = create(&spec, &home, versions(version), Some(asked))?;
        let batches = match &spots {
            Some(spots) => created.groups.spread(shape, spots),
            None => created.groups.batches(shape, limit(&spec)),
        };
        let clusters = spread::clusters(&created.manifest);
        let (dir, id) = (&created.dir, &created.manifest.id);
        let submission =
            Submission { clusters, ..self.submission(dir, id, executor, &created.workdir, &spec) };
        let lease = Lease::take(&created.dir, |_| {})?;
        let mut journal = Journal::begin(&created.dir, &lease)?;
        let submitted =
            submission.submit(&mut journal, &batches, &Earlier::new(), &|| when_full(&created.dir));
        let given = submitted
            .map_err(|error| error.said(&format!("the sweep is in {}", created.dir.path().display())))?;
        Ok(Submitted { created, executor, given })
    }

    fn submission<'a>(
        &'a self,
        dir: &'a SweepDir,
        id: &'a SweepId,
        executor: Executor,
        workdir: &'a std::path::Path,
        spec: &Spec,
    ) -> Submission<'a> {
        let slots = spec.concurrency.unwrap_or_else(local::default_slots);
        let delay = spec.spread.as_ref().map_or(0, |spread| spread.delay_s);
        let delay = Duration::from_secs(if executor == Executor::Slurm { delay.into() } else { 0 });
        let (extra, clusters) = (&self.extra, Clusters::new());
        Submission { dir, id, executor, extra, workdir, slots, first_batch: 0, clusters, delay }
    }

    /// The places of a spec that is spread; none for an executor that has none.
    fn spots(&self, spec: &Spec, executor: Executor, shape: Shape) -> Result<Option<Vec<Spot>>> {
        let Some(spread) = spec.spread.as_ref().filter(|_| executor == Executor::Slurm) else {
            return Ok(None);
        };
        let none = BTreeMap::new();
        // A cluster that does not answer at all is a slip more often than it is down.
        spread::survey(spread, shape, limit(spec), &none, Silent::Refuse, &notice).map(Some)
    }

    fn shape(&self, executor: Executor, site: Option<&Site>, packing: &Packing) -> Shape {
        match executor {
            // One supervisor runs a whole batch, so a local sweep is one batch; agents take trials one by one.
            Executor::Local | Executor::Agent => Shape::Whole,
            Executor::Slurm => {
                let max_array_size = site.map_or(slurm::DEFAULT_MAX_ARRAY_SIZE, |site| site.max_array_size);
                Shape::of_slurm(self.individual, packing, max_array_size)
            }
        }
    }

    /// Refuses a sweep that is larger than anybody said.
    fn guard(&self, spec: &Spec) -> Result<()> {
        let total = spec.count().map_err(|error| Error::user(error.to_string()))?;
        let limit = self.max_trials.unwrap_or(limits::TRIALS_GUARD);
        if total <= u128::from(limit) {
            return Ok(());
        }
        let configurations = total / u128::from(spec.replicates.max(1));
        let text = format!(
            "{} expands to {total} trials, above the limit of {limit} ({configurations} configurations × {} replicates)",
            spec.path.display(),
            spec.replicates
        );
        Err(Error::user(text)
            .hint(format!("say --max-trials {total} if so many are meant; --dry-run shows them")))
    }

    fn check_executor(&self, executor: Executor) -> Result<()> {
        let what = if self.individual { "--individual" } else { "an sbatch option" };
        if executor != Executor::Slurm && (self.individual || !self.extra.is_empty()) {
            return Err(Error::user(format!("{what} means nothing to the {executor} executor"))
                .hint("leave it out, or say --executor slurm"));
        }
        Ok(())
    }

    /// The calls of a dry run: how many trials each has, and the call where there is one.
    fn calls(&self, spec: &Spec, executor: Executor, site: Option<&Site>) -> Result<Vec<Planned>> {
        let total = spec.count().map_err(|error| Error::user(error.to_string()))?;
        if total > PLANNED {
            return Ok(Vec::new());
        }
        let mut groups = Groups::default();
        for trial in spec.trials("").map_err(|error| Error::user(error.to_string()))? {
            let trial = trial?;
            groups.add(trial.index, &spec.sbatch_of(&trial)?);
        }
        let home = self.home.home(&spec.folder);
        let folder = std::path::absolute(home.path()).unwrap_or_else(|_| home.path().to_owned());
        let id: SweepId = format!("{}-ID", spec.name).parse()?;
        let dir = SweepDir::complete(&folder, &id);
        let workdir =
            std::path::absolute(spec.folder.join(&spec.workdir)).unwrap_or_else(|_| spec.folder.clone());
        let submission = self.submission(&dir, &id, executor, &workdir, spec);
        let shape = self.shape(executor, site, &spec.packing);
        let spots = self.spots(spec, executor, shape)?;
        let batches = match &spots {
            Some(spots) => groups.spread(shape, spots),
            None => groups.batches(shape, spec.concurrency),
        };
        let call = |(number, batch): (usize, &Batch)| {
            let after = batch.after.map(|after| format!("JOB_OF_BATCH_{after}"));
            let call = match executor {
                Executor::Slurm => {
                    Some(submission.call(&submission.intent(number, batch), after)?.shell_line())
                }
                Executor::Local | Executor::Agent => None,
            };
            Ok(Planned { trials: batch.trials.count(), place: batch.place.clone(), call })
        };
        batches.iter().enumerate().map(call).collect()
    }
}

impl Choice {
    /// The executor, and what Slurm allows where it was asked.
    ///
    /// # Errors
    /// Where Slurm was chosen and does not answer.
    fn resolve(self) -> Result<(Executor, Option<Site>)> {
        match self {
            Self::Local => Ok((Executor::Local, None)),
            Self::Agent => Ok((Executor::Agent, None)),
            Self::Slurm => Ok((Executor::Slurm, Some(slurm::site()?))),
            Self::Auto => match slurm::site() {
                Ok(site) => Ok((Executor::Slurm, Some(site))),
                Err(error) => {
                    anstream::eprintln!("{}: the trials run on this machine", slurm::absence(&error));
                    Ok((Executor::Local, None))
                }
            },
        }
    }
}

/// What made a sweep, by name.
#[must_use]
pub fn versions(slurm: Option<String>) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::from([("sweep".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
    versions.extend(slurm.map(|version| ("slurm".to_owned(), version)));
    versions
}

/// Most trials at once that the batches themselves must keep to: a driver submits no more than may run.
fn limit(spec: &Spec) -> Option<u32> {
    spec.concurrency.filter(|_| !spec.is_driven())
}

/// Refuses options behind `--` that would lead all trials to one place of several.
fn check_places(spec: &Spec, extra: &[String]) -> Result<()> {
    let Some(spread) = &spec.spread else { return Ok(()) };
    let name = |word: &String| match word.strip_prefix("--") {
        Some(long) => sbatch::long_name(long.split('=').next().unwrap_or(long)),
        None => {
            sbatch::long_name(word.strip_prefix('-').and_then(|short| short.get(..1)).unwrap_or_default())
        }
    };
    match extra.iter().find(|word| word.starts_with('-') && gives(spread, &name(word))) {
        Some(word) => Err(Error::user(format!("sbatch option `{word}` beside that of `spread`"))
            .hint("leave it out: the places say where trials run")),
        None => Ok(()),
    }
}

/// Refuses options behind `--` that are not the user's to give.
fn sbatch_extra(extra: &[String]) -> Result<()> {
    let refused = extra.iter().find_map(|word| Some((word, refusal(word)?)));
    match refused {
        Some((word, instead)) => {
            Err(Error::user(format!("sbatch option `{word}` cannot be given")).hint(instead))
        }
        None => Ok(()),
    }
}

/// What to do instead of an option as sbatch would read it: `--array=0-3`, `-a0-3`, and any beginning of a long
/// name, which sbatch takes for the whole.
fn refusal(word: &str) -> Option<&'static str> {
    const SHORTEST: usize = 3;
    if let Some(long) = word.strip_prefix("--") {
        let name = sbatch::long_name(long.split('=').next()?);
        let begun = |full: &&&str| name.len() >= SHORTEST && full.starts_with(&name);
        let sweeps = ["sweep-dir", "sweep-trial", "sweep-set"];
        let full = OWN.iter().chain(&sweeps).find(begun).copied();
        return sbatch::refused(&name).or_else(|| sbatch::refused(full?));
    }
    let short = word.strip_prefix('-')?.get(..1)?;
    sbatch::refused(short)
}

/// Options that are sweep's own, as sbatch completes their beginnings.
const OWN: [&str; 5] = ["job-name", "array", "output", "error", "wrap"];

/// Options behind `--`.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sweeps_own_is_refused_in_every_form() {
        for word in [
            "--array=0-3",
            "--arr=0",
            "-a",
            "-a0-3",
            "-Jx",
            "--job-na=x",
            "--wrap",
            "--sweep-dir=x",
            "-o",
            "-M",
        ] {
            assert!(refusal(word).is_some(), "{word}");
        }
        for word in [
            "--account=x",
            "-A",
            "-p",
            "main",
            "--mem=1G",
            "--wait-all-nodes=1",
            "-t10",
            "--exclusive",
            "0-3",
        ] {
            assert!(refusal(word).is_none(), "{word}");
        }
    }
}
