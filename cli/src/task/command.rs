//! The user's command with all that the spec wants around it: configuration and templates before it, the metric and
//! `after:` behind it. What goes wrong stands in the trial's output, the one place where a person looks.

use std::fs::{self, File};
use std::io::Write;

use sweep_core::environment::TrialContext;
use sweep_core::id::JobName;
use sweep_core::layout::TrialDir;
use sweep_core::manifest::Manifest;

use crate::error::{At, Result};
use crate::spec::nested::Nested;
use crate::task::child::{self, Ended};
use crate::task::identity::Identity;
use crate::task::parent::Parent;
use crate::task::{after, argv, checkpoint, collect, remnants, requeue, template};

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
    let ended = run_in(context, folder, variables, parent, &mut output);
    match (&ended, context.record) {
        (Err(error), _) => note(&mut output, &error.to_string()),
        (Ok(Ended::CutOff), Some(record)) => {
            note(&mut output, "slurmstepd is gone, so Slurm may start this again; ending");
            let left = remnants::end_own(record);
            note(&mut output, &format!("ended, {left} processes are left"));
        }
        _ => {}
    }
    ended
}

fn run_in(
    context: &TrialContext<'_>,
    folder: &TrialDir,
    variables: &[(String, String)],
    parent: Parent,
    output: &mut File,
) -> Result<Ended> {
    let Manifest { around, env, workdir, .. } = context.manifest;
    checkpoint::prepare(context.manifest, context.trial, context.dir, folder)?;
    let config = folder.config();
    let json = serde_json::to_vec_pretty(&Nested(&context.trial.params)).expect("scalars always serialize");
    fs::write(&config, [json.as_slice(), b"\n"].concat()).at("write", &config)?;
    let values = argv::Values { params: &context.trial.params, variables };
    let argv = argv::of_trial(context.manifest, &values, &config)?;
    let workdir = context.dir.path().join(values.fill(workdir)?);
    template::render(&around.templates, &context.trial.params, variables, folder, &workdir)?;
    let of_spec = env.iter().map(|(name, value)| Ok((name.clone(), values.fill(value)?)));
    let mut all = of_spec.collect::<Result<Vec<_>>>()?;
    all.extend_from_slice(variables);
    let from = output.metadata().at("read", &folder.output())?.len();
    let ended = child::run(&argv, &all, &workdir, output, parent)?;
    let Ended::Itself { status, told } = ended else { return Ok(ended) };
    if requeue::is_wanted(around.requeue_on.as_deref(), told, folder) {
        note(output, "to be requeued, to go on later");
        return Ok(ended);
    }
    // The command has ended as it has: nothing behind it changes that.
    let collect = |metric| collect::collect(metric, folder, from, &workdir);
    let collected: Vec<Result<()>> = context.manifest.metrics().map(collect).collect();
    let done = after::run(&around.after, &values, &all, status, &workdir, output);
    for error in collected.into_iter().chain([done]).filter_map(Result::err) {
        note(output, &error.to_string());
    }
    Ok(ended)
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
fn note(output: &mut File, text: &str) {
    let _ = writeln!(output, "sweep: {text}");
}
