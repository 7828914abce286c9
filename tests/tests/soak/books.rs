//! The books of a sweep that is over: what was proposed, what became of it, what trials, users' records and the site's
//! records say that ran. They must agree; nothing is put right here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use serde_json::Value;
use sweep_core::record::{Kind, Record};

use crate::chaos::Chaos;
use crate::site::{Site, Sweep};

/// What was found.
pub struct Books {
    name: String,
    /// Trials in the table.
    pub proposed: usize,
    /// How many ended how.
    states: BTreeMap<String, usize>,
    /// Attempts by the status: each trial's newest number and those before it.
    attempts: usize,
    /// How many attempts the status gives a trial.
    attempts_of: BTreeMap<String, usize>,
    /// Records of jobs that were ended before they had claimed their trial: no attempts, and no program began.
    unclaimed: usize,
    /// Trials whose records are neither attempts nor that, with those records.
    unequal: Vec<String>,
    /// Files of users' records.
    records: usize,
    /// Users' records that have no end: their processes were killed, too.
    endless: usize,
    /// Starts of attempts in the site's records.
    site: usize,
    /// Attempts whose program began.
    begun: usize,
    /// Trials whose program came to its end.
    ended: BTreeSet<String>,
    /// Trials that are said to have completed.
    completed: BTreeSet<String>,
    /// Trials of which nothing is known but that they are gone.
    lost: BTreeSet<String>,
    /// Lost trials whose program began all the same.
    lost_at_work: usize,
    /// Attempts that began twice.
    twice: usize,
    /// Attempts that found another of the same trial at work.
    together: usize,
    /// Attempts that began after one of the same trial had come to its end.
    after_end: usize,
}

impl Books {
    /// Of a sweep that is over.
    pub fn of(site: &Site, sweep: &Sweep<'_>) -> Self {
        let status = sweep.status();
        let trials = status["trials"].as_array().unwrap();
        let mut books = Self {
            name: status["manifest"]["name"].as_str().unwrap().to_owned(),
            proposed: fs::read_to_string(sweep.dir().join("trials.jsonl")).unwrap().lines().count() - 1,
            states: BTreeMap::new(),
            attempts: 0,
            attempts_of: BTreeMap::new(),
            unclaimed: 0,
            unequal: Vec::new(),
            records: 0,
            endless: 0,
            site: site_starts(site, sweep),
            begun: 0,
            ended: BTreeSet::new(),
            completed: BTreeSet::new(),
            lost: BTreeSet::new(),
            lost_at_work: 0,
            twice: 0,
            together: 0,
            after_end: 0,
        };
        for trial in trials {
            books.count(trial);
        }
        books.read_records(sweep);
        books.read_lines(sweep);
        books
    }

    fn count(&mut self, trial: &Value) {
        let state = trial["state"].as_str().unwrap();
        *self.states.entry(state.to_owned()).or_default() += 1;
        let label = || trial["trial"].as_str().unwrap().to_owned();
        match state {
            "completed" => drop(self.completed.insert(label())),
            "lost" => drop(self.lost.insert(label())),
            _ => {}
        }
        if !trial["record_path"].is_null() {
            let attempts = trial["attempt"].as_u64().unwrap() as usize + 1;
            self.attempts += attempts;
            self.attempts_of.insert(label(), attempts);
        }
    }

    fn read_records(&mut self, sweep: &Sweep<'_>) {
        for trial in fs::read_dir(sweep.dir().join("trials")).unwrap() {
            let trial = trial.unwrap();
            let (mut files, mut signalled) = (Vec::new(), 0);
            for file in fs::read_dir(trial.path()).unwrap().map(Result::unwrap) {
                if file.file_name().to_string_lossy().starts_with("record.") {
                    let bytes = fs::read(file.path()).unwrap();
                    let records = Record::parse_file(&bytes);
                    let end = records.iter().find(|record| record.kind == Kind::End);
                    assert!(
                        records.iter().any(|record| record.kind == Kind::Start),
                        "{}",
                        file.path().display()
                    );
                    self.endless += usize::from(end.is_none());
                    signalled += usize::from(end.is_some_and(|end| end.signal.is_some()));
                    files.push(String::from_utf8(bytes).unwrap());
                }
            }
            self.records += files.len();
            let label = trial.file_name().into_string().unwrap();
            let attempts = self.attempts_of.get(&label).copied().unwrap_or(0);
            match files.len().checked_sub(attempts) {
                Some(more) if more <= signalled => self.unclaimed += more,
                _ => self.unequal.push(format!("{label}: {}", files.concat())),
            }
        }
    }

    fn read_lines(&mut self, sweep: &Sweep<'_>) {
        let mut begun = BTreeSet::new();
        for line in sweep.lines() {
            let (sign, attempt) = line.split_once(' ').unwrap();
            let trial = attempt.split(' ').next().unwrap();
            match sign {
                "+" => {
                    self.twice += usize::from(!begun.insert(attempt.to_owned()));
                    self.lost_at_work += usize::from(self.lost.contains(trial));
                    self.after_end += usize::from(self.ended.contains(trial));
                }
                "-" => drop(self.ended.insert(trial.to_owned())),
                _ => self.together += 1,
            }
        }
        self.begun = begun.len();
    }

    /// Fails where they do not balance. Of a waiting task of an array that is cancelled Slurm keeps nothing, not even
    /// in slurmdbd, once MinJobAge is over: `lost` is a true word for it, for as many as were cancelled so.
    pub fn assert_balanced(&self) {
        let name = &self.name;
        let end = ["completed", "cancelled", "lost"];
        for state in self.states.keys() {
            assert!(end.contains(&state.as_str()), "{name}: `{state}` is no end that was given");
        }
        assert_eq!(self.proposed, self.states.values().sum::<usize>(), "{name}: proposed, and in a state");
        assert!(self.unequal.is_empty(), "{name}: users' records, and attempts: {:#?}", self.unequal);
        assert_eq!(self.records, self.attempts + self.unclaimed, "{name}: users' records, and attempts");
        assert_eq!(self.records, self.site, "{name}: users' records, and the site's");
        assert!(self.begun <= self.attempts, "{name}: a program began without being an attempt");
        let unseen = self.completed.difference(&self.ended).count();
        assert_eq!(unseen, 0, "{name}: completed trials whose program did not come to its end");
        assert_eq!(self.lost_at_work, 0, "{name}: a lost trial had begun");
        assert_eq!((self.twice, self.together), (0, 0), "{name}: at work twice");
    }
}

/// Trials that are lost.
pub fn lost(books: &[Books]) -> usize {
    books.iter().map(|book| book.lost.len()).sum()
}

/// The site's own count of attempts of a sweep.
fn site_starts(site: &Site, sweep: &Sweep<'_>) -> usize {
    let mut command = site.cluster.command_as_root("sweep");
    command
        .args(["audit", "list", "--sweep", &sweep.id, "--format", "json", "--dir"])
        .arg(site.cluster.audit());
    let said = site.cluster.run(&mut command).unwrap().checked().unwrap().stdout;
    let said: Value = serde_json::from_str(&said).unwrap();
    said["attempts"].as_array().unwrap().len()
}

/// The balance sheet.
pub fn sheet(books: &[Books], chaos: &Chaos<'_>, took: Duration) -> String {
    let names: Vec<&str> = books.iter().map(|book| book.name.as_str()).collect();
    let mut text = format!("| | {} | all |\n|---|--:|--:|--:|\n", names.join(" | "));
    let mut row = |what: &str, of: &dyn Fn(&Books) -> usize| {
        let counts: Vec<usize> = books.iter().map(of).collect();
        let cells: Vec<String> = counts.iter().map(ToString::to_string).collect();
        text += &format!("| {what} | {} | {} |\n", cells.join(" | "), counts.iter().sum::<usize>());
    };
    row("proposed", &|book| book.proposed);
    let states: BTreeSet<&String> = books.iter().flat_map(|book| book.states.keys()).collect();
    for state in states {
        row(&format!("= {state}"), &|book| book.states.get(state).copied().unwrap_or(0));
    }
    row("attempts", &|book| book.attempts);
    row("users' records", &|book| book.records);
    row("the site's records", &|book| book.site);
    row("records of jobs that were ended before their claim", &|book| book.unclaimed);
    row("records without an end", &|book| book.endless);
    row("programs that began", &|book| book.begun);
    row("programs that began behind an end of their trial", &|book| book.after_end);
    row("lost trials that had begun", &|book| book.lost_at_work);
    row("attempts begun twice", &|book| book.twice);
    row("two at work on a trial", &|book| book.together);
    text += &format!(
        "\n{} s for all of it.\n\n| what befell them | times |\n|---|--:|\n{}",
        took.as_secs(),
        chaos.rows()
    );
    text
}
