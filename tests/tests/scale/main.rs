//! Sweeps of a hundred thousand trials, and of a thousand on a file system that takes its time: every answer is right,
//! and what it took is written down. It never judges a time, which is the machine's; memory is the command's own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod site;

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use site::{Measured, Site};
use sweep_testbed::ended;

/// One measurement at a time.
static ALONE: Mutex<()> = Mutex::new(());
/// No command may need more than this for a hundred thousand trials.
const MEMORY_MAX_MIB: f64 = 1024.0;
/// Of the questions that squeue asks.
const SQUEUE: [&str; 2] = ["REQUEST_JOB_INFO", "REQUEST_JOB_USER_INFO"];

/// A table of what was measured.
struct Table {
    text: String,
}

impl Table {
    fn new(head: &str) -> Self {
        let columns = head.matches('|').count() - 1;
        let rule = "|---".to_owned() + &"|--:".repeat(columns - 1) + "|";
        Self { text: format!("{head}\n{rule}\n") }
    }

    fn row(&mut self, cells: &[&str]) {
        println!("{}", cells.join(" | "));
        writeln!(self.text, "| {} |", cells.join(" | ")).unwrap();
    }

    fn took(&mut self, what: &str, measured: &Measured, note: &str) {
        let cpu = format!("{:.2} s", measured.cpu.as_secs_f64());
        let memory = format!("{:.0} MiB", measured.peak_mib);
        self.row(&[what, &seconds(measured), &cpu, &memory, note]);
        assert!(measured.peak_mib <= MEMORY_MAX_MIB, "{what}: {memory}");
    }

    /// Leaves it for `cargo xtask prove`, in place of an older one of its name.
    fn leave(self) {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("scale.txt");
        let before = fs::read_to_string(&path).unwrap_or_default();
        let head = self.text.lines().next().unwrap().to_owned();
        let others =
            before.split("\n\n").filter(|table| !table.trim().is_empty() && !table.starts_with(&head));
        let mut tables: Vec<String> = others.map(str::to_owned).chain([self.text]).collect();
        tables.sort_unstable();
        fs::write(path, tables.iter().map(|table| table.trim_end()).collect::<Vec<_>>().join("\n\n") + "\n")
            .unwrap();
    }
}

fn seconds(measured: &Measured) -> String {
    format!("{:.2} s", measured.elapsed.as_secs_f64())
}

/// A grid of ten values on each axis.
fn spec(axes: u32) -> String {
    let mut text =
        "name: grid\ncommand: [\"true\"]\nmetric: {name: loss}\nmethod: grid\nmatrix: full\nparameters:\n"
            .to_owned();
    for axis in 0..axes {
        writeln!(text, "  axis{axis}: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]").unwrap();
    }
    text
}

const STATUS: [&str; 3] = ["status", "--format", "json"];

fn submit(trials: &str) -> [&str; 9] {
    ["submit", "--executor", "slurm", "--max-trials", trials, "--format", "json", "--", "--hold"]
}

fn jobs(submitted: &Measured) -> Vec<u32> {
    let json = submitted.json();
    let batches = json["batches"].as_array().unwrap();
    batches.iter().map(|batch| batch["job"].as_str().unwrap().parse().unwrap()).collect()
}

fn states(status: &Measured) -> serde_json::Value {
    status.member("states")
}

fn kib(path: &PathBuf) -> String {
    format!("{} KiB", fs::metadata(path).unwrap().len() / 1024)
}

#[test]
fn a_hundred_thousand_trials_are_planned_submitted_tracked_exported_and_reported() {
    const TRIALS: u32 = 100_000;
    let _alone = ALONE.lock();
    let site = Site::start();
    let folder = site.folder("large", &spec(5));
    let run = |arguments: &[&str]| site.run(&folder, "sweep", arguments);
    let mut table = Table::new("| 100,000 trials | time | of a processor | peak memory | |");

    let planned = run(&["plan", "sweep.yaml"]);
    assert!(planned.text().contains("100,000") || planned.text().contains("100000"), "{}", planned.text());
    table.took("`sweep plan`", &planned, "");
    let before = site.asked(&["REQUEST_SUBMIT_BATCH_JOB"]);
    let submitted = run(&submit("100000"));
    let jobs = jobs(&submitted);
    let calls = site.asked(&["REQUEST_SUBMIT_BATCH_JOB"]) - before;
    assert_eq!(u64::try_from(jobs.len()).unwrap(), calls);
    table.took("`sweep submit`", &submitted, &format!("{calls} calls of sbatch, MaxArraySize 1001"));
    for what in ["`sweep status`, all waiting", "again"] {
        let asked = site.asked(&SQUEUE);
        let waiting = run(&STATUS);
        assert_eq!(site.asked(&SQUEUE) - asked, 1);
        assert_eq!(states(&waiting), serde_json::json!({"pending": TRIALS}));
        table.took(what, &waiting, "1 squeue");
    }
    site.forget_jobs();

    let dir = Site::newest(&folder);
    let batches = ended::batches(&dir, &jobs).unwrap();
    let most = TRIALS - 1000;
    let write = |trials: &Range<u32>| ended::write(site.cluster.user(), &dir, &batches, trials).unwrap();
    write(&(0..most));
    let first = run(&STATUS);
    assert_eq!(states(&first), serde_json::json!({"completed": most, "lost": 1000}));
    let index = format!("nothing remembered; writes {}", kib(&dir.looked()));
    table.took("`sweep status`, 99,000 ended", &first, &index);
    table.took("again", &run(&STATUS), "99,000 remembered");
    write(&(most..TRIALS));
    let more = run(&STATUS);
    assert_eq!(states(&more), serde_json::json!({"completed": TRIALS}));
    table.took("after 1,000 more ended", &more, "1,000 read");
    let asked = site.asked(&SQUEUE);
    let last = run(&STATUS);
    assert_eq!(states(&last), serde_json::json!({"completed": TRIALS}));
    let nobody = site.asked(&SQUEUE) - asked;
    table.took("again, JSON", &last, &format!("{} squeue", nobody));
    table.took("again, for a person", &run(&["status"]), "");
    table.took("`sweep top`", &run(&["top"]), "");
    table.took("`sweep best`", &run(&["best"]), "");
    let csv = run(&["export"]);
    assert_eq!(csv.lines(), TRIALS as usize + 1);
    table.took("`sweep export --as csv`", &csv, &kib(&csv.stdout));
    for kind in ["parquet", "sqlite"] {
        let out = folder.join(format!("out.{kind}"));
        let exported = run(&["export", "--as", kind, "-o", out.to_str().unwrap()]);
        table.took(&format!("`sweep export --as {kind}`"), &exported, &kib(&out));
    }
    let page = folder.join("page.html");
    let reported = run(&["report", "-o", page.to_str().unwrap()]);
    table.took("`sweep report`", &reported, &format!("a page of {}", kib(&page)));
    table.leave();
}

/// 2 ms for each call that names a file or lists a folder, in microseconds.
const DELAY_US: u32 = 2000;

/// Runs `sweep` so slowed, and gives the number of slowed calls, those of the programs that it runs among them.
fn slowed(site: &Site, folder: &Path, arguments: &[&str]) -> (Measured, u64) {
    let counts = folder.join("strace.txt");
    let delay = format!("inject=%file,getdents64,fsync,fdatasync:delay_enter={DELAY_US}");
    let (out, traced) = (counts.to_str().unwrap(), "trace=%file,getdents64,fsync,fdatasync");
    let words = ["-f", "-c", "-U", "calls,name", "-o", out, "-e", traced, "-e", &delay, "sweep"];
    let measured = site.run(folder, "strace", &[&words[..], arguments].concat());
    let text = fs::read_to_string(&counts).unwrap();
    let total = text.lines().find(|line| line.trim_end().ends_with("total")).unwrap();
    (measured, total.split_whitespace().next().unwrap().parse().unwrap())
}

#[test]
fn a_thousand_trials_on_a_slow_file_system_stay_usable() {
    const TRIALS: u32 = 1000;
    let _alone = ALONE.lock();
    let site = Site::start();
    let folder = site.folder("slow", &spec(3));
    let head = "| 1,000 trials, 2 ms a call | time | calls | one after the other |";
    let mut table = Table::new(head);
    let mut took = |what: &str, (measured, calls): &(Measured, u64)| {
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let alone = *calls as f64 * f64::from(DELAY_US) / 1e6;
        table.row(&[what, &seconds(measured), &calls.to_string(), &format!("{alone:.2} s")]);
    };
    let submitted = slowed(&site, &folder, &submit("1000"));
    took("`sweep submit`", &submitted);
    let jobs = jobs(&submitted.0);
    let waiting = slowed(&site, &folder, &STATUS);
    assert_eq!(states(&waiting.0), serde_json::json!({"pending": TRIALS}));
    took("`sweep status`, all waiting", &waiting);
    site.forget_jobs();
    let dir = Site::newest(&folder);
    let batches = ended::batches(&dir, &jobs).unwrap();
    ended::write(site.cluster.user(), &dir, &batches, &(0..TRIALS)).unwrap();
    let first = slowed(&site, &folder, &STATUS);
    assert_eq!(states(&first.0), serde_json::json!({"completed": TRIALS}));
    took("`sweep status`, all ended, nothing remembered", &first);
    let second = slowed(&site, &folder, &STATUS);
    assert_eq!(states(&second.0), serde_json::json!({"completed": TRIALS}));
    took("again", &second);
    assert!(second.1 < first.1 / 4, "what is remembered is not read: {} and {} calls", first.1, second.1);
    table.leave();
}
