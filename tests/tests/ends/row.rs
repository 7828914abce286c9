//! A row of the matrix: one end, with accounting or without, in one form; what Slurm says of it and what we say. Slurm
//! is asked first, and our first look after that is the one that counts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::end::{ENDS, End};
use crate::place::Place;
use crate::sweep::{Form, Sweep};

/// Looks after which a row is given up.
const LOOKS_MAX: u32 = 20;

/// One row.
#[derive(Debug)]
pub struct Row {
    pub end: &'static End,
    pub accounting: bool,
    pub form: Form,
    pub trial: u32,
    /// As Slurm's commands take it, `12_3` or `12`.
    pub job: String,
    /// Slurm's own words at the end: state, reason, exit code, restarts.
    pub slurm: String,
    /// What `sweep status` says of it.
    pub said: Said,
    /// What it said while a requeued job waited.
    pub between: Option<Said>,
    /// Looks from when Slurm knew until we did.
    pub looks: u32,
    /// What was said once Slurm had forgotten the job.
    pub forgotten: Said,
}

/// What `sweep status` says of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub state: String,
    pub attempt: u64,
    pub exit: Option<u64>,
    pub signal: Option<u64>,
}

impl Said {
    fn of(trial: &Value) -> Self {
        Self {
            state: trial["state"].as_str().unwrap().to_owned(),
            attempt: trial["attempt"].as_u64().unwrap(),
            exit: trial["exit"].as_u64(),
            signal: trial["signal"].as_u64(),
        }
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.state)?;
        match (self.exit, self.signal) {
            (_, Some(signal)) => write!(f, " by signal {signal}"),
            (Some(code), None) => write!(f, " {code}"),
            (None, None) => Ok(()),
        }
    }
}

/// What Slurm says of a job.
#[derive(Debug, Default)]
pub struct Job(BTreeMap<String, String>);

impl Job {
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub fn state(&self) -> &str {
        self.get("JobState")
    }

    fn words(&self) -> String {
        let names = ["JobState", "Reason", "ExitCode", "Restarts"];
        let [state, reason, exit, restarts] = names.map(|name| self.get(name));
        format!("{state} {reason} {exit}, {restarts} restarts")
    }
}

/// All jobs of the cluster, by the name that Slurm's commands take.
pub fn jobs(place: &Place) -> BTreeMap<String, Job> {
    // slurmctld may just be starting again.
    let Ok(ran) = place.cluster.scontrol(&["-o", "show", "job"]) else { return BTreeMap::new() };
    let job = |line: &str| {
        let fields = line.split(' ').filter_map(|word| word.split_once('='));
        let job = Job(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
        let name = match (job.get("ArrayJobId"), job.get("ArrayTaskId")) {
            ("", _) => job.get("JobId").to_owned(),
            // A slurmctld that was started again has lost the number of a task that never began: our arrays of such
            // trials have one.
            (array, task) => {
                format!("{array}_{}", task.parse().ok().filter(|n| *n < u32::MAX - 1).unwrap_or(0))
            }
        };
        (name, job)
    };
    ran.stdout.lines().filter(|line| line.contains("JobState=")).map(job).collect()
}

/// The rows of both sweeps, before anything has ended.
pub fn rows(place: &Place, sweeps: &[Sweep]) -> Vec<Row> {
    let mut rows = Vec::new();
    for sweep in sweeps {
        let status = sweep.status(place);
        for (trial, end) in (0..).zip(&ENDS) {
            let job = status["trials"][trial as usize]["job_id"].as_str().unwrap().to_owned();
            let (accounting, form) = (place.accounting, sweep.form);
            rows.push(Row {
                end,
                accounting,
                form,
                trial,
                job,
                slurm: String::new(),
                said: Said::default(),
                between: None,
                looks: 0,
                forgotten: Said::default(),
            });
        }
    }
    rows
}

impl Row {
    /// The name in messages.
    pub fn name(&self) -> String {
        let accounting = if self.accounting { "slurmdbd" } else { "none" };
        format!("{} | {accounting} | {}", self.end.name, self.form.name())
    }

    fn expected(&self) -> Said {
        let End { state, attempt, exit, signal, .. } = *self.end;
        Said { state: state.to_owned(), attempt, exit, signal }
    }

    fn is_settled(&self) -> bool {
        self.looks > 0 && (self.said == self.expected() || self.looks >= LOOKS_MAX)
    }

    /// Slurm is at the end that was meant for this row.
    fn slurm_knows(&self, job: &Job) -> bool {
        let restarts = job.get("Restarts").parse().unwrap_or(0);
        let held = self.end.slurm == "PENDING";
        job.state() == self.end.slurm && (restarts >= self.end.attempt) && (!held || restarts > 0)
    }

    /// What is wrong with it, if anything.
    pub fn problem(&self) -> Option<String> {
        let wanted = self.expected();
        if self.said != wanted || self.looks != 1 {
            let looks = self.looks;
            return Some(format!(
                "{}: wanted {wanted:?}, saw {:?} after {looks} looks",
                self.name(),
                self.said
            ));
        }
        if self.end.attempt > 0 && self.end.slurm == "COMPLETED" {
            let wanted = ("pending", self.end.attempt);
            let seen = self.between.as_ref().map(|said| (said.state.as_str(), said.attempt));
            if seen != Some(wanted) {
                return Some(format!(
                    "{}: while it waited again, wanted {wanted:?}, saw {seen:?}",
                    self.name()
                ));
            }
        }
        None
    }
}

/// Looks until every row is at its end or given up.
pub fn settle(place: &Place, sweeps: &[Sweep], rows: &mut [Row]) {
    let done = place.cluster.wait_for(2 * crate::place::LIMIT, "every trial to end", || {
        let jobs = jobs(place);
        for sweep in sweeps {
            settle_sweep(place, sweep, &jobs, rows);
        }
        rows.iter().all(Row::is_settled).then_some(())
    });
    if let Err(error) = done {
        eprintln!("{error}");
        let open: Vec<String> = rows
            .iter()
            .filter(|row| !row.is_settled())
            .map(|row| format!("{}: {}", row.name(), row.slurm))
            .collect();
        eprintln!("not at an end:\n{}", open.join("\n"));
    }
}

fn settle_sweep(place: &Place, sweep: &Sweep, jobs: &BTreeMap<String, Job>, rows: &mut [Row]) {
    let absent = Job::default();
    let mut due: Vec<(&mut Row, bool)> = Vec::new();
    for row in rows.iter_mut().filter(|row| row.form == sweep.form && !row.is_settled()) {
        let job = jobs.get(&row.job).unwrap_or(&absent);
        row.slurm = job.words();
        let knows = row.slurm_knows(job);
        let waits_again =
            row.end.slurm != "PENDING" && job.state() == "PENDING" && job.get("Restarts") == "1";
        if knows || (waits_again && row.between.is_none()) {
            due.push((row, knows));
        }
    }
    if due.is_empty() {
        return;
    }
    let status = sweep.status(place);
    for (row, knows) in due {
        let said = Said::of(&status["trials"][row.trial as usize]);
        if knows {
            row.looks += 1;
            row.said = said;
        } else {
            row.between = Some(said);
            place.cluster.start_requeued(&row.job, crate::place::LIMIT).unwrap_or_else(|e| panic!("{e}"));
        }
    }
}

/// Looks once at both sweeps when Slurm has forgotten them; what differs from what is expected.
pub fn look_when_forgotten(place: &Place, sweeps: &[Sweep], rows: &mut [Row]) -> Vec<String> {
    let mut problems = Vec::new();
    for sweep in sweeps {
        let status = sweep.status(place);
        for row in rows.iter_mut().filter(|row| row.form == sweep.form) {
            row.forgotten = Said::of(&status["trials"][row.trial as usize]);
            let wanted = match (row.accounting, row.end.state) {
                (true, "pending") => "cancelled",
                (true, state) => state,
                (false, _) => row.end.forgotten,
            };
            if row.forgotten.state != wanted {
                problems.push(format!("{}: forgotten, wanted {wanted}, saw {}", row.name(), row.forgotten));
            }
        }
    }
    problems
}

/// The matrix as text.
pub fn table(rows: &[&Row]) -> String {
    let mut lines = vec![
        "end | accounting | form | Slurm's own words | state | attempt | looks needed | state once Slurm forgot it"
            .to_owned(),
    ];
    for row in rows {
        let Row { slurm, said, looks, forgotten, .. } = row;
        let between =
            row.between.as_ref().map(|b| format!("{} {}, then ", b.state, b.attempt)).unwrap_or_default();
        lines.push(format!(
            "{} | {slurm} | {between}{said} | {} | {looks} | {forgotten}",
            row.name(),
            said.attempt
        ));
    }
    lines.join("\n") + "\n"
}
