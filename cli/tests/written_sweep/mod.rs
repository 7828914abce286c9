//! Sweep directories of which every byte is fixed, so that what is shown of them is the same everywhere.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::params::Params;
use sweep_core::trial::{TableWriter, Trial};
use sweep_core::value::Value;

const SECOND: u64 = 1_000_000_000;

/// A trial that is written.
#[derive(Clone, Debug, Default)]
pub struct One {
    /// Bracket, rung and budget.
    pub rung: Option<(u32, u32, f64)>,
    /// The trial that it goes on from.
    pub parent: Option<u32>,
    /// None where it never started; else its exit code, where it ended.
    pub started: Option<Option<i32>>,
    /// What it reported, one value a line.
    pub losses: Vec<String>,
}

/// A sweep that is written.
pub struct Written {
    pub id: &'static str,
    pub method: &'static str,
    /// Members of the manifest, each with a comma behind it.
    pub more: &'static str,
    pub trials: Vec<One>,
    /// How many of the last trials the executor refused.
    pub refused: u32,
}

/// Trials that have completed, failed, and are running and waiting on a machine that cannot be asked, and one that
/// its executor refused.
pub fn six() -> Written {
    let one = |started, loss: &str| One { started, losses: vec![loss.to_owned()], ..One::default() };
    let mut first = one(Some(Some(0)), "0.5");
    first.losses =
        (0..40).map(|step| format!("{}", 2.0 / f64::from(step + 1) + 0.45)).chain(["0.5".into()]).collect();
    let trials = vec![
        first,
        one(Some(Some(0)), "0.123456789"),
        one(Some(Some(3)), "12000000"),
        one(Some(None), "nan"),
        One::default(),
        One::default(),
    ];
    Written { id: "screens-20260102-030405-abcd", method: "grid", more: "", trials, refused: 1 }
}

/// A Hyperband search in its middle: two brackets, of which the first is at its second rung.
pub fn rungs() -> Written {
    let one = |bracket, rung, budget, started: Option<Option<i32>>, loss: f64| One {
        rung: Some((bracket, rung, budget)),
        started,
        losses: if started == Some(Some(0)) { vec![loss.to_string()] } else { Vec::new() },
        ..One::default()
    };
    let mut trials = Vec::new();
    for n in 0..27 {
        trials.push(one(0, 0, 1.0, Some(Some(i32::from(n % 13 == 5))), 0.9 - f64::from(n) / 100.0));
    }
    for n in 0..12 {
        let started = match n {
            0..8 => Some(Some(0)),
            8 | 9 => Some(None),
            _ => None,
        };
        trials.push(one(1, 0, 3.0, started, 0.8 - f64::from(n) / 100.0));
    }
    for n in 0..9 {
        let started = match n {
            0..4 => Some(Some(0)),
            4..7 => Some(None),
            _ => None,
        };
        let mut trial = one(0, 1, 3.0, started, 0.5 - f64::from(n) / 50.0);
        trial.parent = Some(18 + n);
        trials.push(trial);
    }
    let more = r#""driven":true,"driving":{"budget":{"node_hours":40}},"#;
    Written { id: "rungs-20260102-030405-abcd", method: "hyperband", more, trials, refused: 0 }
}

/// Trials whose loss depends on the learning rate, and on the width with one optimizer alone; one diverged.
pub fn judged() -> Written {
    let one = |n: u32| {
        let rate = f64::from(n % 3);
        let width = f64::from(n % 8);
        let loss = rate * rate + if n.is_multiple_of(2) { width / 8.0 } else { 0.0 };
        let losses = vec![if n == 50 { "1e30".to_owned() } else { loss.to_string() }];
        One { started: Some(Some(0)), losses, ..One::default() }
    };
    let mut trials: Vec<One> = (0..60).map(one).collect();
    trials[17].losses = vec!["nan".into()];
    Written { id: "judged-20260102-030405-abcd", method: "random", more: "", trials, refused: 0 }
}

/// A hundred thousand trials that nobody has started.
pub fn many() -> Written {
    let trials = vec![One::default(); 100_000];
    Written { id: "many-20260102-030405-abcd", method: "grid", more: "", trials, refused: 0 }
}

fn params(index: u32) -> Params {
    let values = [
        ("learning_rate", ["1e-4", "0.001", "0.01"][index as usize % 3].to_owned()),
        ("optimizer", ["adam", "sgd"][index as usize % 2].to_owned()),
        ("augmentation", "flip and crop".to_owned()),
        ("width", (64_u64 << (index % 8)).to_string()),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), Value::from_word(&value))).collect()
}

impl Written {
    /// Writes it into a folder of sweeps.
    pub fn write(&self, home: &Path) -> PathBuf {
        let dir = SweepDir::new(home.join(self.id));
        dir.folders().iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
        let (id, name) = (self.id, self.id.split('-').next().unwrap());
        let manifest = format!(
            r#"{{"schema":"1.0","id":"{id}","name":"{name}","created":"2026-01-02T03:04:05Z","spec_digest":"00",
        "method":"{}","matrix":"full","seed":"s","command":{{"argv":["true"]}},"workdir":".","replicates":1,{}
        "metric":{{"name":"loss","goal":"minimize"}},"versions":{{}}}}"#,
            self.method, self.more
        );
        fs::write(dir.manifest(), manifest).unwrap();
        let open = |path: PathBuf| BufWriter::new(fs::File::create(path).unwrap());
        let mut table = TableWriter::new(open(dir.trials()), open(dir.index())).unwrap();
        for (index, one) in (0..).zip(&self.trials) {
            let trial = Trial {
                index: TrialIndex(index),
                name: (index == 1).then(|| "wide".to_owned()),
                params: params(index),
                replicate: 0,
                budget: one.rung.map(|(_, _, budget)| budget),
                parent: one.parent.map(TrialIndex),
                bracket: one.rung.map(|(bracket, ..)| bracket),
                rung: one.rung.map(|(_, rung, _)| rung),
                seed: index,
                sbatch: Default::default(),
            };
            table.append(&trial).unwrap();
        }
        drop(table.into_parts());
        self.write_batches(&dir);
        for (index, one) in (0..).zip(&self.trials) {
            if let Some(exit) = one.started {
                self.write_trial(&dir, index, exit, &one.losses);
            }
        }
        dir.path().to_owned()
    }

    fn write_batches(&self, dir: &SweepDir) {
        let batch = |number: u32, first: u32, count: u32| {
            let id = self.id;
            format!(
                r#"{{"schema":"1.0","token":"{id}.{number}","executor":"local","trials":{{"consecutive":{{"first":{first},"count":{count}}}}},"sbatch":{{}},"extra":[]}}"#
            )
        };
        let taken = u32::try_from(self.trials.len()).unwrap() - self.refused;
        fs::write(dir.path().join("batches/0.json"), batch(0, 0, taken)).unwrap();
        let mut events =
            r#"{"event":"began","schema":"1.0","fence":1,"time_ns":1,"host":"h","pid":1,"version":"0"}
{"event":"submitted","batch":0,"job":"elsewhere:10:20","time_ns":2}
"#
            .to_owned();
        if self.refused > 0 {
            fs::write(dir.path().join("batches/1.json"), batch(1, taken, self.refused)).unwrap();
            events += r#"{"event":"submit_failed","batch":1,"error":"no room on this machine","time_ns":3}
"#;
        }
        fs::write(dir.path().join("events/1.jsonl"), events).unwrap();
    }

    fn write_trial(&self, dir: &SweepDir, trial: u32, exit: Option<i32>, losses: &[String]) {
        let id = self.id;
        let folder = dir.trial(TrialIndex(trial));
        fs::create_dir(folder.path()).unwrap();
        let job = format!("elsewhere:{}:20", 11 + trial);
        let claim = format!(r#"{{"schema":"1.0","token":"{id}.0","holder":{{"job":"{job}"}}}}"#);
        fs::write(folder.path().join("claim.0"), claim).unwrap();
        // One that runs has begun in the year 2262, so that it has not run for any time yet.
        let start = if exit.is_some() { SECOND } else { 9_223_372_036 * SECOND };
        let record = |kind: &str, more: &str| {
            format!(
                r#"{{"schema":"1.0","kind":"{kind}","source":"user","node":"elsewhere","uid":1,"gid":1,"job":"{job}","step":"local","attempt":0,"time_ns":{start},{more}"claimed":{{"sweep":"{id}","trial":"t{trial:03}","index":{trial},"token":"{id}.0"}},"refused":[]}}"#
            ) + "\n"
        };
        let mut records = record("start", "");
        if let Some(exit) = exit {
            let more = format!(r#""exit":{exit},"elapsed_s":61.25,"cpu_s":118.5,"memory_peak_kib":2097152,"#);
            records += &record("end", &more);
        }
        fs::write(folder.path().join(format!("record.{job}.{start}.jsonl")), records).unwrap();
        let lines: Vec<String> = losses.iter().map(|loss| format!("{{\"loss\":\"{loss}\"}}\n")).collect();
        fs::write(folder.metrics(), lines.concat()).unwrap();
        let output: Vec<_> = (0..25).map(|line| format!("line {line}\n")).collect();
        fs::write(folder.output(), output.concat()).unwrap();
    }
}

/// Compares a screen with its golden file, or writes that where `UPDATE_GOLDENS` is set.
pub fn check(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/screens").join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, shown).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(shown, golden, "{name} differs; UPDATE_GOLDENS=1 accepts it");
}
