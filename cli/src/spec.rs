//! The user's `sweep.yaml`: read whole, checked whole, resolved to plain data. All mistakes are reported at once.
//! Never a key that is ignored, and never a look at the environment or the clock.

mod around;
mod base;
mod check;
mod distribution;
mod domain;
mod driving;
mod files;
mod from;
mod keys;
pub mod macros;
mod method;
mod metric;
pub mod mistake;
mod name;
pub mod nested;
mod notify;
pub mod packing;
mod parameters;
mod plan;
mod read;
mod resolve;
mod rows;
mod run;
mod rungs;
pub mod sbatch;
mod section;
mod server;
mod space;
pub mod spread;
mod template;
pub mod trials;
mod when;
pub(crate) mod yaml;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sweep_core::id::SweepId;
use sweep_core::limits;
use sweep_core::manifest::{Around, Command, Driving, Manifest, Metric, Retries};
use sweep_core::name::EnvNames;
use sweep_core::packing::Packing;
use sweep_core::params::Params;
use sweep_core::schema;
use sweep_core::spread::{How, Spread};
use sweep_core::start::Start;
use sweep_core::trial::Trial;
use sweep_search::{Experiment, Method, Row, Space, Stop};

pub use from::{From, Past};
pub use mistake::{Mistake, Position, SpecErrors};
pub use trials::Trials;

use mistake::Mistakes;
use resolve::{Files, build};

/// A spec without mistakes.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The file as it was named.
    pub path: PathBuf,
    /// The folder that holds it; `workdir` and `script` are relative to it.
    pub folder: PathBuf,
    /// The file, byte for byte.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes, in hexadecimal; of those of the base configuration behind them, where there is one.
    pub digest: String,
    /// The sweep's name.
    pub name: String,
    /// What the user says about it.
    pub description: Option<String>,
    /// What a trial runs, `${name}` and macros not yet replaced; none where the user's own batch scripts do: see
    /// [`Spec::require_command`].
    pub command: Option<Command>,
    /// Shell lines before it.
    pub setup: Vec<String>,
    /// Where it runs, relative to the folder of the spec or absolute.
    pub workdir: String,
    /// Variables besides the parameters, as written.
    pub env: BTreeMap<String, String>,
    /// How parameters become variables.
    pub env_names: EnvNames,
    /// sbatch options of all trials, as written; see [`Spec::shared_sbatch`] and [`Spec::trials`].
    pub sbatch: sbatch::Options,
    /// How the space is searched.
    pub method: Method,
    /// Which running trials are stopped.
    pub stop: Option<Stop>,
    /// Hours that one unit of budget takes on all data.
    pub cost_per_budget: Option<f64>,
    /// Most configurations, rows of `params:` included.
    pub limit: Option<u64>,
    /// The seed, where the spec has one.
    pub seed: Option<String>,
    /// How often each configuration runs, at least 1.
    pub replicates: u32,
    /// Most trials at once.
    pub concurrency: Option<u32>,
    /// What is reported.
    pub metric: Option<Metric>,
    /// What is reported besides, and ranked with it.
    pub objectives: Vec<Metric>,
    /// Which ends are tried again.
    pub retries: Option<Retries>,
    /// Cross-validation folds, passed to the program.
    pub folds: Option<u32>,
    /// Repetitions, passed to the program.
    pub repetitions: Option<u32>,
    /// Files of the spec's folder that are copied into the sweep, as patterns.
    pub source: Vec<String>,
    /// What its jobs do besides running the command.
    pub around: Around,
    /// How many trials share a job, and what each has of it.
    pub packing: Packing,
    /// How it is driven.
    pub driving: Driving,
    /// The places where they run, where those are several.
    pub spread: Option<Spread>,
    /// The space.
    pub space: Space,
    /// Explicit trials.
    pub rows: Vec<Row>,
    /// Values of parameters that a trial lacks, those of the base configuration among them.
    pub defaults: Params,
    /// The file that `config:` names.
    pub base: Option<Base>,
    /// What a person should know about the spec that is no mistake.
    pub notes: Vec<String>,
    /// Options that come to `sbatch` at each rung; the last are those of every further rung.
    pub rungs: Vec<sbatch::Options>,
    /// The sweep whose best this one begins with; see [`Spec::starting_from`].
    pub from: Option<From>,
    /// What it has from there.
    pub start: Option<Start>,
}

/// A base configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The file as the spec names it.
    pub name: String,
    /// The file, byte for byte.
    pub bytes: Vec<u8>,
}

/// What a manifest says besides the spec.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The sweep's id.
    pub id: SweepId,
    /// When it was made, RFC 3339 in UTC.
    pub created: String,
    /// Where trials run, as [`Manifest::workdir`] has it.
    pub workdir: String,
    /// What made it.
    pub versions: BTreeMap<String, String>,
    /// The commit that held the spec.
    pub git_commit: Option<String>,
}

impl Spec {
    /// Reads a spec and checks it, with the files that it names.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, SpecErrors> {
        let whole = |message: String, hint: Option<String>| {
            let mut mistakes = Mistakes::default();
            mistakes.whole(message, hint);
            mistakes.finish(path).err().unwrap_or_else(|| unreachable!("a mistake was added"))
        };
        let unreadable = |e: &std::io::Error| whole(format!("the file cannot be read: {e}"), None);
        let file = File::open(path).map_err(|e| unreadable(&e))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            let hint = format!("name the spec, such as {}", path.join("sweep.yaml").display());
            return Err(whole("it is a folder".into(), Some(hint)));
        }
        let mut bytes = Vec::new();
        file.take(limits::SPEC_LEN + 1).read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
        build(path, bytes, Files::Look, None)
    }

    /// Checks the bytes of a spec without a look at any file; `path` is what it is called. What `config:` names is
    /// not read: see [`Spec::parse_with_base`].
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, SpecErrors> {
        build(path, bytes, Files::Leave, None)
    }

    /// As [`Spec::parse`], with the bytes of the base configuration that was kept from [`Spec::base`].
    ///
    /// # Errors
    /// Everything that is wrong with either.
    pub fn parse_with_base(path: &Path, bytes: Vec<u8>, base: Vec<u8>) -> Result<Self, SpecErrors> {
        build(path, bytes, Files::Leave, Some(base))
    }

    /// What is searched; `seed` where the spec has none: the sweep's id.
    #[must_use]
    pub fn experiment(&self, seed: &str) -> Experiment {
        Experiment {
            seed: self.seed.clone().unwrap_or_else(|| seed.to_owned()),
            method: self.method,
            stop: self.stop.clone(),
            space: self.space.clone(),
            rows: self.rows.clone(),
            defaults: self.defaults.clone(),
            limit: self.limit,
            replicates: self.replicates,
            described: None,
            past: self.known_past(),
            metrics: self.metrics().count(),
        }
    }

    /// Every metric, the one that the search goes by first.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.metric.iter().chain(&self.objectives)
    }

    /// Whether somebody must drive the sweep until it is done: trials depend on what others reported.
    #[must_use]
    pub fn is_driven(&self) -> bool {
        let driving = &self.driving;
        let watched = driving.budget.is_some() || driving.max_failures.is_some() || driving.canary;
        let aimed = self.metric.as_ref().is_some_and(|metric| metric.target.is_some());
        // Somebody has to know when the search is done, and which trials were the best by then.
        let cleared = self.around.keep_checkpoints.is_some();
        let told = driving.notify.is_some();
        // Where the fewest wait is asked anew for the next trials, and only so many may be on their way.
        let follows = self.spread.as_ref().is_some_and(|spread| spread.how == How::Opportunistic);
        let chosen_late = follows && self.concurrency.is_some();
        chosen_late || watched || aimed || cleared || told || self.experiment("").is_adaptive()
    }

    /// Whether its strategy listens to what trials report while they run.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.experiment("").listens()
    }

    /// A trial that its strategy proposed, with the sbatch options that its values decide.
    ///
    /// # Errors
    /// For an option with a name that the trial has no value for.
    pub fn fill(&self, trial: Trial) -> sweep_core::error::Result<Trial> {
        trials::fill(&trials::varying(&self.sbatch), trial)
    }

    /// How many trials there are, replicates included, at once, whatever the number.
    ///
    /// # Errors
    /// Those of [`Experiment::count`], which a spec without mistakes does not have, but for a number of 2^128
    /// or more.
    pub fn count(&self) -> Result<u128, sweep_search::Error> {
        self.experiment("").count()
    }

    /// Every trial in order, sbatch options of its own filled in; `seed` as in [`Self::experiment`].
    ///
    /// # Errors
    /// [`sweep_search::Error::TooMany`] above [`limits::TRIALS`].
    pub fn trials(&self, seed: &str) -> Result<Trials, sweep_search::Error> {
        Ok(Trials::new(self.experiment(seed).trials()?, &self.sbatch))
    }

    /// The sbatch options that are the same for all trials; a trial's own go over them.
    #[must_use]
    pub fn shared_sbatch(&self) -> sbatch::Options {
        let fixed = self.sbatch.iter().filter(|(_, text)| template::Template::is_fixed(text));
        fixed.map(|(name, text)| (name.clone(), text.replace("$$", "$"))).collect()
    }

    /// All sbatch options of one trial, those of its rung among them.
    ///
    /// # Errors
    /// For an option with a name that the trial has no value for.
    pub fn sbatch_of(&self, trial: &Trial) -> sweep_core::error::Result<sbatch::Options> {
        let mut options = self.shared_sbatch();
        options.extend(trial.sbatch.clone());
        rungs::put(&self.rungs, self.method, trial, &self.sbatch, &mut options)?;
        Ok(options)
    }

    /// That the spec says what a trial runs: what submits and runs trials cannot do without.
    ///
    /// # Errors
    /// One mistake, of the file as a whole.
    pub fn require_command(&self) -> Result<(), SpecErrors> {
        let mut mistakes = Mistakes::default();
        if self.command.is_none() {
            let hint =
                "add `command: [python3, train.py, \"--lr=${lr}\"]`, or `program`, `script` or `shell`";
            mistakes.whole("nothing to run: the spec has no `command`", Some(hint.into()));
        }
        mistakes.finish(&self.path)
    }

    /// hpc-compose's word for how the space is expanded.
    #[must_use]
    pub fn matrix(&self) -> &'static str {
        match self.method {
            _ if self.space.axes().is_empty() => "explicit",
            Method::Grid => "full",
            Method::Random => "random",
            _ => "none",
        }
    }

    /// The manifest of a sweep made from this spec.
    #[must_use]
    pub fn manifest(&self, origin: Origin) -> Manifest {
        let driven = self.is_driven();
        let combinations = self.space.combinations().finite().filter(|_| !self.space.axes().is_empty());
        Manifest {
            schema: schema::CURRENT,
            name: self.name.clone(),
            created: origin.created,
            spec_digest: self.digest.clone(),
            method: self.method.as_str().into(),
            matrix: self.matrix().into(),
            seed: self.seed.clone().unwrap_or_else(|| origin.id.to_string()),
            id: origin.id,
            metric: self.metric.clone(),
            objectives: self.objectives.clone(),
            start: self.start.clone(),
            command: self.command.clone(),
            setup: self.setup.clone(),
            workdir: origin.workdir,
            env: self.env.clone(),
            env_names: self.env_names.clone(),
            concurrency: self.concurrency,
            replicates: self.replicates,
            retries: self.retries.clone().or_else(|| driven.then(Retries::of_no_fault)),
            driven,
            around: self.around.clone(),
            packing: self.packing.clone(),
            driving: self.driving.clone(),
            spread: self.spread.clone(),
            combinations: combinations.map(|count| count.to_string()),
            folds: self.folds,
            repetitions: self.repetitions,
            submission: None,
            versions: origin.versions,
            git_commit: origin.git_commit,
        }
    }
}
