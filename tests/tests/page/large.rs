//! A sweep directory of many trials, written as a search would have left it: rungs, parameters of every kind, some only
//! where others allow them, learning curves and failures. Never the same twice but for the same number of trials: its
//! numbers are hashes.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::params::Params;
use sweep_core::trial::{TableWriter, Trial};
use sweep_core::value::{Scalar, Value};

pub const ID: &str = "vision-20260301-080000-abcd";
const SECOND: u64 = 1_000_000_000;
/// 2026-03-01T08:00:00Z.
const MADE_S: u64 = 1_772_352_000;
const BUDGETS: [u32; 4] = [3, 9, 27, 81];

const SPEC: &str = "# A classifier of pictures: which settings learn best in 81 epochs.
name: vision
description: Settings of an image classifier, 81 epochs at most
command: [python3, train.py]
method: asha
asha: {min_budget: 3, max_budget: 81, eta: 3}
trials: 7000
seed: 20
metric:
  - {name: val_loss, goal: minimize}
  - {name: latency_ms, goal: minimize}
parameters:
  lr: {distribution: log_uniform_values, min: 1e-5, max: 1.0}
  weight_decay: {distribution: log_uniform_values, min: 1e-6, max: 1e-1}
  optimizer: [sgd, adam, lion]
  momentum: {min: 0.5, max: 0.99, when: {optimizer: sgd}}
  beta2: {min: 0.9, max: 0.9999, when: {optimizer: {not: sgd}}}
  batch_size: [16, 32, 64, 128, 256]
  depth: {min: 2, max: 12}
  width: [64, 128, 256, 512]
  dropout: {min: 0.0, max: 0.6}
  augment: [true, false]
  warmup: [none, 5, 20]
";

/// A number from 0 to 1 that depends on its arguments alone.
fn drawn(trial: u32, what: u32) -> f64 {
    let mut x = u64::from(trial) << 32 | u64::from(what);
    for _ in 0..2 {
        x = (x ^ x >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1);
    }
    ((x ^ x >> 33) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What a configuration is.
struct Configuration {
    params: Params,
    /// The loss that it would reach.
    loss: f64,
    latency_ms: f64,
}

fn configuration(seed: u32) -> Configuration {
    let u = |what| drawn(seed, what);
    let lr = 10_f64.powf(-5.0 + 5.0 * u(0));
    let decay = 10_f64.powf(-6.0 + 5.0 * u(1));
    let optimizer = ["sgd", "adam", "lion"][(u(2) * 3.0) as usize];
    let batch = [16, 32, 64, 128, 256][(u(3) * 5.0) as usize];
    let (depth, width) = (2 + (u(4) * 11.0) as i64, [64, 128, 256, 512][(u(5) * 4.0) as usize]);
    let dropout = (u(6) * 600.0).round() / 1000.0;
    let augment = u(7) < 0.5;
    let mut params = Params::new();
    let mut set = |name: &str, scalar| params.set(name, Value::new(scalar));
    set("lr", Scalar::Float(lr));
    set("weight_decay", Scalar::Float(decay));
    set("optimizer", Scalar::Text(optimizer.into()));
    let best = if optimizer == "sgd" { -1.0 } else { -3.0 };
    let mut loss = 0.25 + 0.09 * (lr.log10() - best).powi(2) + 0.02 * (decay.log10() + 4.0).powi(2);
    if optimizer == "sgd" {
        let momentum = 0.5 + 0.49 * u(8);
        set("momentum", Scalar::Float(momentum));
        loss += 0.5 * (momentum - 0.9).powi(2);
    } else {
        set("beta2", Scalar::Float(0.9 + 0.0999 * u(8)));
    }
    set("batch_size", Scalar::Int(batch));
    set("depth", Scalar::Int(depth));
    set("width", Scalar::Int(width));
    set("dropout", Scalar::Float(dropout));
    set("augment", Scalar::Bool(augment));
    set(
        "warmup",
        [Scalar::Text("none".into()), Scalar::Int(5), Scalar::Int(20)][(u(9) * 3.0) as usize].clone(),
    );
    loss += 0.15 * (dropout - if augment { 0.1 } else { 0.4 }).powi(2) + 0.004 * (depth - 8).pow(2) as f64;
    let latency_ms = depth as f64 * (width as f64).sqrt() * (0.9 + 0.2 * u(10)) / 4.0;
    loss += 0.25 / (width as f64).sqrt() + 0.03 * u(11);
    Configuration { params, loss, latency_ms }
}

/// How a trial ends: with its last epoch, or by a fault of its settings.
fn fault(trial: u32, configuration: &Configuration) -> Option<(&'static str, String)> {
    let lr = configuration.params.get("lr").and_then(Value::as_f64).unwrap();
    let chance = drawn(trial, 20);
    if lr > 0.4 && chance < 0.5 {
        let epoch = 1 + trial % 3;
        let said = format!(
            "Traceback (most recent call last):\n  File \"train.py\", line 88, in <module>\nValueError: loss is nan in epoch {epoch}\n"
        );
        return Some((r#""exit":1,"#, said));
    }
    match chance {
        c if c > 0.995 => Some((r#""signal":9,"#, "epoch 2: allocating 12884901888 bytes\nKilled\n".into())),
        c if c > 0.99 => Some((r#""exit":3,"#, "reading /data/shard-17.tar: Stale file handle\n".into())),
        _ => None,
    }
}

/// Which trials there are: what runs on each rung and from whom it goes on.
fn trials(count: u32) -> Vec<Trial> {
    let shares = [count * 68 / 100, count * 22 / 100, count * 7 / 100];
    let mut trials: Vec<Trial> = Vec::new();
    let mut parents: Vec<u32> = Vec::new();
    for (rung, budget) in (0_u32..).zip(BUDGETS) {
        let size = shares.get(rung as usize).copied().unwrap_or(count - trials.len() as u32);
        let first = trials.len() as u32;
        for n in 0..size {
            let parent = parents.get(n as usize).copied();
            let seed = parent.map_or(first + n, |parent| trials[parent as usize].seed);
            trials.push(Trial {
                index: TrialIndex(first + n),
                name: None,
                params: configuration(seed).params,
                replicate: 0,
                budget: Some(f64::from(budget)),
                parent: parent.map(TrialIndex),
                bracket: Some(0),
                rung: Some(rung),
                seed,
                sbatch: Default::default(),
            });
        }
        // The best third goes on, as far as it did not fail.
        let mut done: Vec<u32> = (first..first + size)
            .filter(|&n| fault(n, &configuration(trials[n as usize].seed)).is_none())
            .collect();
        done.sort_by(|&a, &b| {
            let loss = |n: u32| configuration(trials[n as usize].seed).loss;
            loss(a).total_cmp(&loss(b))
        });
        parents = done;
    }
    trials
}

/// Writes the directory below `home`.
pub fn write(home: &Path, count: u32) -> PathBuf {
    let dir = SweepDir::new(home.join(ID));
    dir.folders().iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
    let manifest = format!(
        r#"{{"schema":"1.0","id":"{ID}","name":"vision","created":"2026-03-01T08:00:00Z","spec_digest":"5d41402abc4b2a76b9719d911017c592",
        "method":"asha","matrix":"none","seed":"20","command":{{"argv":["python3","train.py"]}},"workdir":"../..","replicates":1,
        "metric":{{"name":"val_loss","goal":"minimize"}},"objectives":[{{"name":"latency_ms","goal":"minimize"}}],
        "driving":{{"budget":{{"node_hours":3000.0}}}},
        "versions":{{"sweep":"0.1.0","slurm":"22.05.8"}},"git_commit":"0123456789abcdef0123456789abcdef01234567"}}"#
    );
    fs::write(dir.manifest(), manifest).unwrap();
    fs::write(dir.spec(), SPEC).unwrap();
    let open = |path: PathBuf| BufWriter::new(fs::File::create(path).unwrap());
    let mut table = TableWriter::new(open(dir.trials()), open(dir.index())).unwrap();
    let trials = trials(count);
    trials.iter().for_each(|trial| table.append(trial).unwrap());
    let (mut lines, mut index) = table.into_parts();
    lines.flush().unwrap();
    index.flush().unwrap();
    let batch = format!(
        r#"{{"schema":"1.0","token":"{ID}.0","executor":"local","trials":{{"consecutive":{{"first":0,"count":{count}}}}},"sbatch":{{"time":"04:00:00","gres":"gpu:1"}},"extra":[]}}"#
    );
    fs::write(dir.path().join("batches/0.json"), batch).unwrap();
    let events = r#"{"event":"began","schema":"1.0","fence":1,"time_ns":1,"host":"h","pid":1,"version":"0"}
{"event":"submitted","batch":0,"job":"elsewhere:10:20","time_ns":2}
{"event":"finished","reason":"every rung is full","time_ns":3}
"#;
    fs::write(dir.path().join("events/1.jsonl"), events).unwrap();
    trials.iter().for_each(|trial| ran(&dir, trial));
    dir.path().to_owned()
}

/// What a trial left.
fn ran(dir: &SweepDir, trial: &Trial) {
    let n = trial.index.0;
    let folder = dir.trial(trial.index);
    fs::create_dir(folder.path()).unwrap();
    let job = format!("elsewhere:{}:20", 11 + n);
    let label = trial.index.label();
    let claim = format!(r#"{{"schema":"1.0","token":"{ID}.0","holder":{{"job":"{job}"}}}}"#);
    fs::write(folder.path().join("claim.0"), claim).unwrap();
    let configuration = configuration(trial.seed);
    let fault = fault(n, &configuration);
    let epochs = trial.budget.unwrap() as u32;
    let elapsed_s = f64::from(epochs) * configuration.latency_ms * (3.0 + drawn(n, 30));
    let start_ns = (MADE_S + 30 + u64::from(n) * 9) * SECOND;
    let end_ns = start_ns + elapsed_s as u64 * SECOND;
    let node = 1 + n % 12;
    let record = |kind: &str, time_ns: u64, more: &str| {
        format!(
            r#"{{"schema":"1.0","kind":"{kind}","source":"user","node":"gpu{node:02}","uid":1,"gid":1,"job":"{job}","step":"local","attempt":0,"time_ns":{time_ns},{more}"claimed":{{"sweep":"{ID}","trial":"{label}","index":{n},"token":"{ID}.0"}},"refused":[]}}"#
        ) + "\n"
    };
    let how = fault.as_ref().map_or(r#""exit":0,"#, |(how, _)| how);
    let more =
        format!(r#"{how}"elapsed_s":{elapsed_s:.2},"cpu_s":{elapsed_s:.2},"memory_peak_kib":2097152,"#);
    let records = record("start", start_ns, "") + &record("end", end_ns, &more);
    fs::write(folder.path().join(format!("record.{job}.{start_ns}.jsonl")), records).unwrap();
    let reported = if fault.is_some() { epochs.min(n % 3) } else { epochs };
    let mut metrics = String::new();
    for epoch in 1..=reported {
        let e = f64::from(epoch);
        let loss = configuration.loss
            + 2.0 * (-e / (4.0 + 8.0 * drawn(trial.seed, 40))).exp()
            + 0.02 * (drawn(n, 100 + epoch) - 0.5);
        metrics += &format!(
            "{{\"step\":{epoch},\"val_loss\":{loss:.6},\"latency_ms\":{:.4}}}\n",
            configuration.latency_ms
        );
    }
    fs::write(folder.metrics(), metrics).unwrap();
    let said = fault.map_or_else(|| "done\n".to_owned(), |(_, said)| said);
    fs::write(folder.output(), format!("==== attempt 0\n{said}")).unwrap();
}
