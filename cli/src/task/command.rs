//! The user's command with all that the spec wants around it: configuration and templates before it, the metric and
//! `after:` behind it. What goes wrong stands in the trial's output, the one place where a person looks.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitStatus;

use sweep_core::environment::TrialContext;
use sweep_core::id::JobName;
use sweep_core::layout::TrialDir;
use sweep_core::manifest::Manifest;

use crate::error::{At, Result};
use crate::spec::nested::Nested;
use crate::task::child::{self, Ended};
use crate::task::identity::Identity;
use crate::task::parent::Parent;
use crate::task::{after, argv, checkpoint, collect, launch, remnants, requeue, template};

/// A command that is ready to be started.
#[derive(Debug)]
pub(super) struct Ready {
    /// The program and its arguments.
    pub(super) argv: Vec<String>,
    /// Every variable that comes to the environment.
    pub(super) variables: Vec<(String, String)>,
    /// Where it runs.
    pub(super) workdir: PathBuf,
    /// Where its output goes.
    pub(super) output: File,
    /// Where its output begins.
    from: u64,
}

/// Runs it to its end.
///
/// # Errors
/// Where it cannot be started.
pub(super) fn run(
    context: &TrialContext<'_>,
    folder: &TrialDir,
    variables: &[(String, String)],
    identity: &Identity,
    parent: Parent,
) -> Result<Ended> {
    let mut ready = prepare(context, folder, variables, identity)?;
    let ended = child::run(&ready.argv, &ready.variables, &ready.workdir, &ready.output, parent);
    match (&ended, context.record) {
        (Err(error), _) => note(&mut ready.output, &error.to_string()),
        (Ok(Ended::CutOff), Some(record)) => {
            note(&mut ready.output, "slurmstepd is gone, so Slurm may start this again; ending");
            let left = remnants::end_own(record);
            note(&mut ready.output, &format!("ended, {left} processes are left"));
        }
        (Ok(Ended::Itself { status, told }), _) => {
            if requeue::is_wanted(context.manifest.around.requeue_on.as_deref(), *told, folder) {
                note(&mut ready.output, "to be requeued, to go on later");
            } else {
                ready.finish(context, folder, variables, *status);
            }
        }
        (Ok(Ended::CutOff), None) => {}
    }
    ended
}

/// Writes what the command finds when it starts, and gives what it takes to start it.
///
/// # Errors
/// For a name without value, or those of the file system; the trial's output says it as well.
pub(super) fn prepare(
    context: &TrialContext<'_>,
    folder: &TrialDir,
    variables: &[(String, String)],
    identity: &Identity,
) -> Result<Ready> {
    let path = folder.output();
    let mut output = fs::OpenOptions::new().append(true).create(true).open(&path).at("open", &path)?;
    let header = format!(
        "=== attempt {} of {}, job {}, node {}\n",
        context.attempt,
        context.trial.index.label(),
        identity.job,
        identity.node
    );
    output.write_all(header.as_bytes()).at("write", &path)?;
    match prepare_in(context, folder, variables, identity) {
        Ok((argv, variables, workdir)) => {
            let from = output.metadata().at("read", &path)?.len();
            Ok(Ready { argv, variables, workdir, output, from })
        }
        Err(error) => {
            note(&mut output, &error.to_string());
            Err(error)
        }
    }
}

type Prepared = (Vec<String>, Vec<(String, String)>, PathBuf);

fn prepare_in(
    context: &TrialContext<'_>,
    folder: &TrialDir,
    variables: &[(String, String)],
    identity: &Identity,
) -> Result<Prepared> {
    let Manifest { around, env, workdir, .. } = context.manifest;
    checkpoint::prepare(context.manifest, context.trial, context.dir, folder)?;
    let config = folder.config();
    let json = serde_json::to_vec_pretty(&Nested(&context.trial.params)).expect("scalars always serialize");
    fs::write(&config, [json.as_slice(), b"\n"].concat()).at("write", &config)?;
    let values = argv::Values { params: &context.trial.params, variables };
    let mut argv = argv::of_trial(context.manifest, &values, &config)?;
    if identity.job.slurm_id().is_some() {
        argv = launch::with_srun(&context.manifest.packing, &values, identity, argv)?;
    }
    let workdir = context.dir.path().join(values.fill(workdir)?);
    template::render(&around.templates, &context.trial.params, variables, folder, &workdir)?;
    let of_spec = env.iter().map(|(name, value)| Ok((name.clone(), values.fill(value)?)));
    let mut all = of_spec.collect::<Result<Vec<_>>>()?;
    all.extend_from_slice(variables);
    Ok((argv, all, workdir))
}

impl Ready {
    /// Does what comes behind the command, which has ended as it has: nothing here changes that.
    pub(super) fn finish(
        &mut self,
        context: &TrialContext<'_>,
        folder: &TrialDir,
        variables: &[(String, String)],
        status: ExitStatus,
    ) {
        let Manifest { around, .. } = context.manifest;
        let values = argv::Values { params: &context.trial.params, variables };
        let collect = |metric| collect::collect(metric, folder, self.from, &self.workdir);
        let collected: Vec<Result<()>> = context.manifest.metrics().map(collect).collect();
        let done =
            after::run(&around.after, &values, &self.variables, status, &self.workdir, &mut self.output);
        for error in collected.into_iter().chain([done]).filter_map(Result::err) {
            note(&mut self.output, &error.to_string());
        }
    }
}

/// Says in the trial's output that a job that ran it to a good end was started again.
///
/// # Errors
/// Those of the file system.
pub(super) fn note_completed(folder: &TrialDir, job: &JobName) -> Result<()> {
    let path = folder.output();
    let mut output = fs::OpenOptions::new().append(true).create(true).open(&path).at("open", &path)?;
    let text =
        format!("job {job} was started again after it had completed; nothing is run, `sweep retry` would");
    note(&mut output, &text);
    Ok(())
}

/// Says something in the trial's output; one that cannot be written is no reason to fail the trial.
pub(super) fn note(output: &mut File, text: &str) {
    let _ = writeln!(output, "sweep: {text}");
}
