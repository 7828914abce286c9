//! The record of how a sweep was run: all that somebody needs who wants to run it again. Never a value of the user's
//! environment that the spec does not name.

use std::collections::BTreeSet;

use sweep_core::manifest::Command;
use sweep_core::record::Source;

use crate::driver::look::Look;

/// Names and options that are written out before the rest is only counted.
const NAMED: usize = 8;

pub(super) fn of(look: &Look) -> Vec<(&'static str, String)> {
    let manifest = &look.manifest;
    let mut rows: Vec<(&'static str, String)> = Vec::new();
    let mut row = |name, text: String| {
        if !text.is_empty() {
            rows.push((name, text));
        }
    };
    row("Sweep", manifest.id.to_string());
    row("Made", manifest.created.clone());
    row("Method", format!("{}, matrix {}", manifest.method, manifest.matrix));
    row("Seed", manifest.seed.clone());
    row("Spec (SHA-256)", manifest.spec_digest.clone());
    row("Git commit", manifest.git_commit.clone().unwrap_or_else(|| "the spec was in no repository".into()));
    row("Versions", pairs(manifest.versions.iter()));
    row(
        "Command",
        match &manifest.command {
            Some(Command::Argv(words)) => words.join(" "),
            Some(Command::Shell(text)) => text.clone(),
            None => "the user's own batch scripts".into(),
        },
    );
    row("Before it", manifest.setup.join("\n"));
    row("After it", manifest.around.after.join("\n"));
    row("Folder", manifest.workdir.clone());
    row("Variables", pairs(manifest.env.iter()));
    row("Replicates", if manifest.replicates > 1 { manifest.replicates.to_string() } else { String::new() });
    row("At once", manifest.concurrency.map(|most| format!("at most {most}")).unwrap_or_default());
    row("Combinations", manifest.combinations.clone().unwrap_or_default());
    if let Some(submission) = &manifest.submission {
        row("Run by", submission.executor.to_string());
        row("Further sbatch options", submission.extra.join(" "));
    }
    let batches = &look.batches;
    let options: BTreeSet<String> = batches.intents().map(|intent| pairs(intent.sbatch.iter())).collect();
    row("sbatch options", some(options.into_iter().filter(|text| !text.is_empty()).collect(), "\n"));
    row("sbatch calls", batches.intents().count().to_string());
    let records = || look.trials.iter().filter_map(|trial| trial.start());
    row("Nodes", some(records().map(|start| start.node.clone()).collect(), ", "));
    row("Clusters", some(records().filter_map(|start| start.cluster.clone()).collect(), ", "));
    let by = |source| records().filter(|start| start.source == source).count();
    row(
        "Records",
        format!("{} by the plugin, {} by the user's process", by(Source::Plugin), by(Source::User)),
    );
    rows
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn some(all: BTreeSet<String>, between: &str) -> String {
    let more = all.len().saturating_sub(NAMED);
    let mut named: Vec<String> = all.into_iter().take(NAMED).collect();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join(between)
}
