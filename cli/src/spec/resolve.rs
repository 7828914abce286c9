//! From the bytes of a spec to the whole: each key is read by its own file, then all of them are checked together.
//! Never a spec with a mistake in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sweep_core::limits;
use sweep_core::record::hex;

use super::mistake::{Mistakes, Position, SpecErrors};
use super::yaml::{self, Entry, Node};
use super::{
    Base, Spec, around, base, check, driving, files, from, keys, method, name, packing, parameters, plan,
    read, rows, run, rungs, sbatch, server, space, spread, template,
};

/// Whether the files that a spec names are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    Look,
    Leave,
}

/// Checks the bytes of a spec; `path` is what it is called.
pub(super) fn build(
    path: &Path,
    bytes: Vec<u8>,
    files: Files,
    base: Option<Vec<u8>>,
) -> Result<Spec, SpecErrors> {
    let mut mistakes = Mistakes::default();
    let spec = if bytes.len() as u64 > limits::SPEC_LEN {
        mistakes.whole(format!("the file is larger than {} bytes", limits::SPEC_LEN), None);
        None
    } else {
        let root = yaml::read(&bytes, &mut mistakes);
        root.and_then(|root| resolve(path, bytes, &root, files, base, &mut mistakes))
    };
    mistakes.finish(path)?;
    Ok(spec.expect("a spec that is not resolved has a mistake"))
}

fn resolve(
    path: &Path,
    bytes: Vec<u8>,
    root: &Node,
    files: Files,
    base: Option<Vec<u8>>,
    mistakes: &mut Mistakes,
) -> Option<Spec> {
    let top = top(root, mistakes)?;
    let node = |key: &str| top.get(key).copied();
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut run = run::read(
        &run::Nodes {
            command: node("command"),
            program: node("program"),
            script: node("script"),
            shell: node("shell"),
            setup: node("setup"),
            workdir: node("workdir"),
            env: node("env"),
        },
        mistakes,
    );
    if files == Files::Look {
        files::look(&folder, &mut run, mistakes);
    }
    let mut plan = plan::read(
        &plan::Nodes {
            method: node("method"),
            matrix: node("matrix"),
            trials: node("trials"),
            run_cap: node("run_cap"),
            seed: node("seed"),
            replicates: node("replicates"),
            concurrency: node("concurrency"),
            metric: node("metric"),
            retries: node("retries"),
        },
        mistakes,
    );
    method::read(
        &method::Nodes {
            asha: node("asha"),
            early_terminate: node("early_terminate"),
            genetic: node("genetic"),
            halving: node("halving"),
            hyperband: node("hyperband"),
            pbt: node("pbt"),
            budget: node("budget"),
            cost_per_budget: node("cost_per_budget"),
        },
        &mut plan,
        mistakes,
    );
    let around = around::read(
        &around::Nodes {
            after: node("after"),
            checkpoint: node("checkpoint"),
            folds: node("folds"),
            repetitions: node("repetitions"),
            requeue_on_signal: node("requeue_on_signal"),
            signal: node("signal"),
            source: node("source"),
            templates: node("templates"),
        },
        mistakes,
    );
    if let (Some(_), Some(node), None) = (around.around.keep_checkpoints, node("checkpoint"), node("metric"))
    {
        let hint = "say what is reported: `metric: {name: loss}`";
        mistakes.hint(node.at, "`keep` of `checkpoint` without `metric`: nobody knows the best", hint);
    }
    let driving = driving::read(
        &driving::Nodes {
            budget: node("budget"),
            canary: node("canary"),
            driver: node("driver"),
            grace: node("grace_s"),
            max_failures: node("max_failures"),
            notify: node("notify"),
            rates: node("rates"),
            result_wait: node("result_wait_s"),
        },
        mistakes,
    );
    let packing = packing::read(
        &packing::Nodes {
            agent: node("agent"),
            launch_args: node("launch_args"),
            nodes_per_trial: node("nodes_per_trial"),
            trials_per_job: node("trials_per_job"),
        },
        mistakes,
    );
    run.templates.extend(packing.texts);
    let packing = packing.packing;
    if let (Some(node), Some(_), true) =
        (node("trials_per_job"), packing.trials_per_job, around.requeues || around.signal.is_some())
    {
        let hint = "take `signal` out: an agent passes on what Slurm sends, and requeues its job by itself";
        mistakes.hint(
            node.at,
            "`trials_per_job` beside `signal`: a job of many trials has no one to tell",
            hint,
        );
    }
    let mut options = node("sbatch").map(|node| sbatch::read(node, mistakes)).unwrap_or_default();
    for (key, text) in &options {
        let at = node("sbatch").map_or(root.at, |node| place_of(node, key));
        run.templates.push(template::Template::submission(text, at, key));
    }
    let method = plan.whole.then_some(plan.method);
    let spread = node("spread").and_then(|node| spread::read(node, mistakes));
    if let (Some(spread), Some(node)) = (&spread, node("sbatch")) {
        spread::against(spread, &options, "`sbatch`", |key| place_of(node, key), mistakes);
    }
    let rungs = node("rungs").map(|node| rungs::read(node, method, mistakes)).unwrap_or_default();
    run.templates.extend(rungs.texts);
    if let (Some(spread), Some(node)) = (&spread, node("rungs")) {
        let mut of_rung = |options| spread::against(spread, options, "`rungs`", |_| node.at, mistakes);
        rungs.rungs.iter().for_each(&mut of_rung);
    }
    let from = node("from").and_then(|node| from::read(node, plan.random.is_some(), mistakes));
    // What the user says to sbatch itself counts more.
    if let Some(signal) = &around.signal {
        options.entry("signal".into()).or_insert_with(|| signal.clone());
    }
    // A job of its own has as many nodes as its trial; one of several trials has what `sbatch` says.
    if let (Some(nodes), None) = (&packing.nodes_per_trial, packing.trials_per_job) {
        options.entry("nodes".into()).or_insert_with(|| nodes.clone());
    }
    if around.requeues {
        options.entry("requeue".into()).or_default();
    }
    run.templates.extend(around.texts);
    let name = node("name").map_or_else(|| Some(name::of_file(path)), |node| name::read(node, mistakes));
    let description =
        node("description").and_then(|node| read::text(node, "`description`", mistakes)).map(str::to_owned);
    let env_names = node("env_names").map(|node| parameters::env_names(node, mistakes)).unwrap_or_default();
    let space::Read { parameters, space } =
        space::read(node("parameters"), node("zip"), plan.method, mistakes);
    let parameters_at = node("parameters").map_or(root.at, |node| node.at);
    let rows = node("params").map(|node| rows::read(node, mistakes)).unwrap_or_default();
    for placed in &rows {
        if let Some(spread) = &spread {
            let at = |_: &str| placed.sbatch_at;
            spread::against(spread, &placed.row.sbatch, "`sbatch` of a trial", at, mistakes);
        }
    }
    let (mut defaults, mut defaults_at) =
        node("defaults").map(|node| rows::defaults(node, mistakes)).unwrap_or_default();
    if node("parameters").is_none() && node("params").is_none() {
        let hint = "add `parameters: {lr: [0.1, 0.01]}`, or explicit trials in `params:`";
        mistakes.whole("nothing to search: the spec has no `parameters`", Some(hint.into()));
    }
    let base = node("config").and_then(|node| match (files, base) {
        (Files::Look, _) => base::load(&folder, node, mistakes),
        (Files::Leave, Some(bytes)) => {
            Some(Base { name: read::line(node, "`config`", mistakes)?.into(), bytes })
        }
        (Files::Leave, None) => None,
    });
    if let (Some(base), Some(node)) = (&base, node("config")) {
        // What the sweep searches goes over the file, also where a trial does not have it.
        let searched = |name: &str| parameters.iter().any(|parameter| parameter.name == name);
        for (name, value) in base::values(base, node.at, mistakes).iter().filter(|(name, _)| !searched(name))
        {
            if defaults.get(name).is_none() {
                defaults.set(name, value.clone());
                defaults_at.push(node.at);
            }
        }
    }
    let notes = server::read(
        &server::Nodes {
            api_version: node("apiVersion"),
            kind: node("kind"),
            controller: node("controller"),
            entity: node("entity"),
            project: node("project"),
        },
        mistakes,
    );
    check::whole(
        &check::Whole {
            parameters: &parameters,
            space: space.as_ref(),
            parameters_at,
            rows: &rows,
            defaults: &defaults,
            defaults_at: &defaults_at,
            env_names: &env_names,
            env_at: &run.env_at,
            plan: &plan,
            templates: &run.templates,
        },
        mistakes,
    );
    let limit = match (plan.random, plan.trials) {
        (Some((draws, _)), _) => Some(draws.saturating_add(rows.len() as u64)),
        (None, trials) => trials.map(|(trials, _)| trials),
    };
    if !mistakes.is_empty() {
        return None;
    }
    let base_bytes = base.as_ref().map(|base| base.bytes.as_slice()).unwrap_or_default();
    Some(Spec {
        path: path.to_owned(),
        folder,
        digest: hex(&Sha256::new().chain_update(&bytes).chain_update(base_bytes).finalize()),
        bytes,
        name: name?,
        description,
        command: run.command,
        setup: run.setup,
        workdir: run.workdir,
        env: run.env,
        env_names,
        sbatch: options,
        method: if around.around.checkpoint { plan.method.with_checkpoints() } else { plan.method },
        stop: plan.stop,
        cost_per_budget: plan.cost_per_budget,
        limit,
        seed: plan.seed,
        replicates: plan.replicates,
        concurrency: plan.concurrency,
        metric: plan.metrics.first().cloned(),
        objectives: plan.metrics.into_iter().skip(1).collect(),
        retries: plan.retries,
        folds: around.folds,
        repetitions: around.repetitions,
        source: around.source,
        around: around.around,
        packing,
        driving,
        spread,
        space: space?,
        rows: rows.into_iter().map(|placed| placed.row).collect(),
        defaults,
        base,
        notes,
        rungs: rungs.rungs,
        from,
        start: None,
    })
}

/// The values of the keys that are read.
fn top<'a>(root: &'a Node, mistakes: &mut Mistakes) -> Option<HashMap<&'a str, &'a Node>> {
    let entries = read::entries(root, "a spec", mistakes)?;
    let mut top = HashMap::new();
    for Entry { key, at, value } in entries {
        if !keys::check(keys::TOP, "key", key, *at, mistakes) {
            continue;
        }
        // Each key needs a value of its own kind; that one is missing is said once, here.
        if value.is_null() {
            mistakes.hint(*at, format!("key `{key}` has no value"), "give it one, or take the key out");
            continue;
        }
        top.insert(key.as_str(), value);
    }
    Some(top)
}

fn place_of(node: &Node, key: &str) -> Position {
    match &node.kind {
        yaml::Kind::Map(entries) => {
            entries.iter().find(|entry| entry.key == key).map_or(node.at, |entry| entry.value.at)
        }
        _ => node.at,
    }
}
