//! A sweep directory for plugin tests, written with core's own writers as `sweep init` would, and what the plugin
//! leaves in it. Never the `sweep` command: the plugin must stand without it.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::BufWriter;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use sweep_core::chain::Link;
use sweep_core::id::{BatchNumber, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::params::Params;
use sweep_core::record::Record;
use sweep_core::trial::{TableWriter, Trial};
use sweep_core::value::Value;

/// What a sweep is to be.
pub struct Sweep<'a> {
    /// Its id, and the name of its directory.
    pub id: &'a str,
    /// How many trials it has; trial N has `lr` 0.N and `n` N.
    pub trials: u32,
    /// The format that its manifest claims.
    pub schema: &'a str,
    /// Its owner.
    pub owner: Option<(u32, u32)>,
}

impl Default for Sweep<'_> {
    fn default() -> Self {
        Self { id: "iris-20260102-030405-abcd", trials: 6, schema: "1.0", owner: None }
    }
}

impl Sweep<'_> {
    /// Writes it below `home`.
    pub fn write(&self, home: &Path) -> SweepDir {
        let path = home.join(self.id);
        let dir = SweepDir::new(&path);
        for folder in dir.folders() {
            fs::create_dir_all(folder).unwrap();
        }
        let manifest = format!(
            r#"{{"schema":"{}","id":"{}","name":"iris","created":"2026-01-02T03:04:05Z","spec_digest":"00",
            "method":"grid","matrix":"full","seed":"s","command":{{"argv":["true"]}},"workdir":".",
            "replicates":1,"versions":{{}}}}"#,
            self.schema, self.id
        );
        fs::write(dir.manifest(), manifest).unwrap();
        let open = |path: PathBuf| BufWriter::new(fs::File::create(path).unwrap());
        let mut table = TableWriter::new(open(dir.trials()), open(dir.index())).unwrap();
        for n in 0..self.trials {
            table.append(&trial(n)).unwrap();
        }
        drop(table.into_parts());
        let rows = [5, 3, 1].map(TrialIndex);
        fs::write(dir.map(BatchNumber(2)), sweep_core::batch::map_bytes(&rows)).unwrap();
        if let Some((uid, gid)) = self.owner {
            own(&path, uid, gid);
        }
        dir
    }
}

fn own(path: &Path, uid: u32, gid: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| own(&entry.unwrap().path(), uid, gid));
    }
}

/// Trial N: `lr` is 0.N, `n` is N, and a text with a blank and a quote.
fn trial(n: u32) -> Trial {
    let words = [("lr", format!("0.{n}")), ("n", n.to_string()), ("text", "it's a \"test\"".to_owned())];
    let params: Params =
        words.iter().map(|(name, word)| ((*name).to_owned(), Value::from_word(word))).collect();
    Trial {
        index: TrialIndex(n),
        name: None,
        params,
        replicate: 0,
        budget: None,
        parent: None,
        bracket: None,
        rung: None,
        seed: 100 + n,
        sbatch: BTreeMap::new(),
    }
}

/// The record files of a trial, by name, each with its lines.
pub fn records(dir: &SweepDir, index: u32) -> Vec<(String, Vec<Record>)> {
    let folder = dir.trial(TrialIndex(index));
    let Ok(entries) = fs::read_dir(folder.path()) else { return Vec::new() };
    let mut records: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("record."))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, Record::parse_file(&fs::read(path).unwrap()))
        })
        .collect();
    records.sort_by_key(|(name, _)| name.rsplit('.').nth(1).unwrap().parse::<u64>().unwrap());
    records
}

/// The site's files of an audit directory, without heads.
pub fn site_files(audit: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(audit)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    files
}

/// Every site record of an audit directory whose job is `job`.
pub fn site_records(audit: &Path, job: u32) -> Vec<Record> {
    let lines = |path: &PathBuf| fs::read_to_string(path).unwrap();
    let links = |text: String| -> Vec<Link> {
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    site_files(audit)
        .iter()
        .map(lines)
        .flat_map(links)
        .map(|link| link.record)
        .filter(|record| record.job.slurm_id() == Some(job))
        .collect()
}
