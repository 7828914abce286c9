//! What people see in 80 columns and in 160, of a sweep directory whose every byte is fixed. `UPDATE_GOLDENS=1`
//! writes the files anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use command_site::{Ran, Site};
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::params::Params;
use sweep_core::trial::{TableWriter, Trial};
use sweep_core::value::Value;

const ID: &str = "screens-20260102-030405-abcd";
const SECOND: u64 = 1_000_000_000;

fn params(index: u32) -> Params {
    let values = [
        ("learning_rate", ["1e-4", "0.001", "0.01"][index as usize % 3].to_owned()),
        ("optimizer", ["adam", "sgd"][index as usize % 2].to_owned()),
        ("augmentation", "flip and crop".to_owned()),
        ("width", (64 << index).to_string()),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), Value::from_word(&value))).collect()
}

/// Trials that have completed, failed, and are running and waiting on a machine that cannot be asked, and one that
/// its executor refused.
fn write_sweep(home: &Path) -> PathBuf {
    let dir = SweepDir::new(home.join(ID));
    dir.folders().iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
    let manifest = format!(
        r#"{{"schema":"1.0","id":"{ID}","name":"screens","created":"2026-01-02T03:04:05Z","spec_digest":"00",
        "method":"grid","matrix":"full","seed":"s","command":{{"argv":["true"]}},"workdir":".","replicates":1,
        "metric":{{"name":"loss","goal":"minimize"}},"versions":{{}}}}"#
    );
    fs::write(dir.manifest(), manifest).unwrap();
    let open = |path: PathBuf| BufWriter::new(fs::File::create(path).unwrap());
    let mut table = TableWriter::new(open(dir.trials()), open(dir.index())).unwrap();
    for index in 0..6 {
        let trial = Trial {
            index: TrialIndex(index),
            name: (index == 1).then(|| "wide".to_owned()),
            params: params(index),
            replicate: 0,
            budget: None,
            parent: None,
            bracket: None,
            rung: None,
            seed: index,
            sbatch: Default::default(),
        };
        table.append(&trial).unwrap();
    }
    drop(table.into_parts());
    let batch = |number: u32, first: u32, count: u32| {
        format!(
            r#"{{"schema":"1.0","token":"{ID}.{number}","executor":"local","trials":{{"consecutive":{{"first":{first},"count":{count}}}}},"sbatch":{{}},"extra":[]}}"#
        )
    };
    fs::write(dir.path().join("batches/0.json"), batch(0, 0, 5)).unwrap();
    fs::write(dir.path().join("batches/1.json"), batch(1, 5, 1)).unwrap();
    let events = r#"{"event":"began","schema":"1.0","fence":1,"time_ns":1,"host":"h","pid":1,"version":"0"}
{"event":"submitted","batch":0,"job":"elsewhere:10:20","time_ns":2}
{"event":"submit_failed","batch":1,"error":"no room on this machine","time_ns":3}
"#;
    fs::write(dir.path().join("events/1.jsonl"), events).unwrap();
    for (trial, exit, loss) in
        [(0, Some(0), "0.5"), (1, Some(0), "0.123456789"), (2, Some(3), "12000000"), (3, None, "nan")]
    {
        let folder = dir.trial(TrialIndex(trial));
        fs::create_dir(folder.path()).unwrap();
        let job = format!("elsewhere:{}:20", 11 + trial);
        let claim = format!(r#"{{"schema":"1.0","token":"{ID}.0","holder":{{"job":"{job}"}}}}"#);
        fs::write(folder.path().join("claim.0"), claim).unwrap();
        let record = |kind: &str, more: &str| {
            format!(
                r#"{{"schema":"1.0","kind":"{kind}","source":"user","node":"elsewhere","uid":1,"gid":1,"job":"{job}","step":"local","attempt":0,"time_ns":{SECOND},{more}"claimed":{{"sweep":"{ID}","trial":"t{trial:03}","index":{trial},"token":"{ID}.0"}},"refused":[]}}"#
            ) + "\n"
        };
        let mut records = record("start", "");
        if let Some(exit) = exit {
            let more = format!(r#""exit":{exit},"elapsed_s":61.25,"cpu_s":118.5,"memory_peak_kib":2097152,"#);
            records += &record("end", &more);
        }
        fs::write(folder.path().join(format!("record.{job}.{SECOND}.jsonl")), records).unwrap();
        fs::write(folder.metrics(), format!("{{\"loss\":\"{loss}\"}}\n")).unwrap();
        let output: Vec<_> = (0..25).map(|line| format!("line {line}\n")).collect();
        fs::write(folder.output(), output.concat()).unwrap();
    }
    dir.path().to_owned()
}

fn check(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/screens").join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, shown).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(shown, golden, "{name} differs; UPDATE_GOLDENS=1 accepts it");
}

#[test]
fn screens_fit_their_width() {
    let site = Site::new("name: screens\n");
    let dir = write_sweep(&site.path(""));
    let dir = dir.to_str().unwrap();
    for columns in [80, 160] {
        let show = |name: &str, arguments: &[&str]| {
            let ran = Ran::of(site.command(arguments).env("COLUMNS", columns.to_string()));
            assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
            check(&format!("{name}.{columns}.txt"), &ran.stdout.replace(dir, "DIR"));
            ran.stdout
        };
        let status = show("status", &["status", dir]);
        for line in status.lines() {
            assert!(line.chars().count() <= columns || line.starts_with("best: "), "{line}");
        }
        show("list", &["list", "--dir", Path::new(dir).parent().unwrap().to_str().unwrap()]);
    }
    let show = Ran::of(&mut site.command(&["show", "t002", dir]));
    check("show.txt", &show.stdout.replace(dir, "DIR"));
    let json = Ran::of(&mut site.command(&["status", "--format", "json", dir]));
    check("status.json", &json.stdout.replace(dir, "DIR"));
}
