//! Every combination of what the sources can say, against laws that need no example, and against a golden of the whole
//! table, so that a change of one rule shows each case that it changes. `UPDATE_GOLDENS=1` writes the golden anew.

use super::*;
use crate::record::{Claimed, Source};

/// When the queue was asked.
const ASKED_NS: u64 = 100;

/// What the trial's folder says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Folder {
    Empty,
    Start,
    StartSinceAsked,
    End(Option<i32>, Option<i32>),
    OfEarlierBatch,
}

const FOLDERS: [Folder; 7] = [
    Folder::Empty,
    Folder::Start,
    Folder::StartSinceAsked,
    Folder::End(Some(0), None),
    Folder::End(Some(7), None),
    Folder::End(None, Some(15)),
    Folder::OfEarlierBatch,
];

const RULINGS: [Ruling; 7] = [
    Ruling::Completed,
    Ruling::Failed,
    Ruling::Timeout,
    Ruling::OutOfMemory,
    Ruling::Cancelled,
    Ruling::Preempted,
    Ruling::NodeFail,
];

/// One combination.
#[derive(Clone, Copy, Debug)]
struct Case {
    folder: Folder,
    queue: Option<Queue>,
    accounting: Option<Accounting>,
    stopped: bool,
    vetoed: bool,
    refused: bool,
}

fn record(kind: Kind, batch: u32, time_ns: u64) -> Record {
    let claimed = Claimed { token: format!("s.{batch}").parse().ok(), ..Claimed::default() };
    Record { kind, claimed, ..Record::start(Source::Plugin, "n", (1, 1), JobName::slurm(7), time_ns) }
}

impl Folder {
    fn attempts(self) -> Vec<Vec<Record>> {
        match self {
            Self::Empty => Vec::new(),
            Self::Start => vec![vec![record(Kind::Start, 7, 1)]],
            Self::StartSinceAsked => vec![vec![record(Kind::Start, 7, ASKED_NS)]],
            Self::End(exit, signal) => {
                let end = Record { exit, signal, ..record(Kind::End, 7, 2) };
                vec![vec![record(Kind::Start, 7, 1), end]]
            }
            Self::OfEarlierBatch => {
                let end = Record { exit: Some(1), ..record(Kind::End, 3, 2) };
                vec![vec![record(Kind::Start, 3, 1), end]]
            }
        }
    }

    /// Whether the newest batch's job began.
    fn began(self) -> bool {
        !matches!(self, Self::Empty | Self::OfEarlierBatch)
    }
}

impl Case {
    fn all() -> Vec<Self> {
        let mut queues = vec![None, Some(Queue::Absent), Some(Queue::Waiting), Some(Queue::Running)];
        queues.extend(RULINGS.map(|ruling| Some(Queue::Ended(ruling))));
        let mut accounts = vec![None, Some(Accounting::Waiting), Some(Accounting::Running)];
        accounts.extend(RULINGS.map(|ruling| Some(Accounting::Ended(ruling))));
        let mut cases = Vec::new();
        for flags in 0..8 {
            let [stopped, vetoed, refused] = [1, 2, 4].map(|bit| flags & bit != 0);
            for folder in FOLDERS {
                for &queue in &queues {
                    for &accounting in &accounts {
                        cases.push(Self { folder, queue, accounting, stopped, vetoed, refused });
                    }
                }
            }
        }
        cases
    }

    fn status(self) -> Status {
        let attempts = self.folder.attempts();
        let batch = BatchEvidence {
            token: "s.7".parse().ok(),
            refused: self.refused,
            asked_ns: ASKED_NS,
            job: Some(JobName::slurm(7)),
            queue: self.queue,
            accounting: self.accounting,
        };
        let (vetoed, stopped) = (self.vetoed, self.stopped);
        resolve(&Evidence { batch: Some(batch), attempts: &attempts, vetoed, stopped })
    }

    /// What Slurm's queue says is not older than what the folder says.
    fn queue_is_fresh(self) -> bool {
        self.folder != Folder::StartSinceAsked
    }
}

/// Asserts a law for every case that it speaks of, and that it speaks of some.
fn law(speaks_of: impl Fn(Case) -> bool, holds: impl Fn(Case, &Status) -> bool) {
    let cases: Vec<Case> = Case::all().into_iter().filter(|case| speaks_of(*case)).collect();
    assert!(!cases.is_empty());
    for case in cases {
        let status = case.status();
        assert!(holds(case, &status), "{case:?} gives {status:?}");
    }
}

#[test]
fn a_success_on_record_is_never_taken_back() {
    // Only a requeue begins something new after it, and what was told to stop before is no success.
    law(
        |case| case.folder == Folder::End(Some(0), None) && !case.vetoed,
        |case, status| match case.queue {
            Some(Queue::Waiting) => (status.state, status.attempt) == (TrialState::Pending, 1),
            _ => (status.state, status.attempt) == (TrialState::Completed, 0),
        },
    );
}

#[test]
fn what_waits_or_runs_in_the_queue_is_at_no_end_but_by_its_own_record() {
    law(
        |case| matches!(case.queue, Some(Queue::Waiting)) && case.queue_is_fresh(),
        |_, status| status.state == TrialState::Pending,
    );
    law(
        |case| matches!(case.queue, Some(Queue::Running)) && case.folder != Folder::End(Some(0), None),
        |case, status| {
            let ended = matches!(case.folder, Folder::End(..));
            let pruned = ended && case.vetoed && status.state == TrialState::Pruned;
            pruned || status.state == TrialState::Running
        },
    );
}

#[test]
fn what_began_since_slurm_was_asked_runs() {
    law(|case| !case.queue_is_fresh(), |_, status| status.state == TrialState::Running);
}

#[test]
fn a_start_without_an_end_is_at_an_end_once_the_queue_has_no_such_job() {
    law(
        |case| case.folder == Folder::Start && matches!(case.queue, Some(Queue::Absent | Queue::Ended(_))),
        |_, status| status.state.is_final() && status.state != TrialState::Lost,
    );
}

#[test]
fn the_controllers_ruling_goes_before_the_databases() {
    law(
        |case| matches!(case.queue, Some(Queue::Ended(_))) && case.queue_is_fresh(),
        |case, status| *status == Case { accounting: None, ..case }.status(),
    );
}

#[test]
fn a_slurm_that_keeps_accounts_is_believed_where_the_queue_has_forgotten() {
    law(
        |case| {
            let is_ruled = matches!(case.accounting, Some(Accounting::Ended(_)));
            is_ruled && case.queue == Some(Queue::Absent) && case.folder == Folder::Start
        },
        |case, status| Some(Accounting::Ended(ruling_of(status.state))) == case.accounting,
    );
}

fn ruling_of(state: TrialState) -> Ruling {
    RULINGS.into_iter().find(|ruling| ruling.state() == state).expect("a ruled state")
}

#[test]
fn lost_is_only_what_left_no_trace_at_all() {
    law(
        |case| case.status().state == TrialState::Lost,
        |case, _| {
            let ruled = matches!(case.accounting, Some(Accounting::Ended(_)));
            !case.folder.began() && case.queue == Some(Queue::Absent) && !ruled
        },
    );
}

#[test]
fn success_is_only_what_a_record_or_slurm_calls_one() {
    law(
        |case| case.status().state == TrialState::Completed,
        |case, _| {
            case.folder == Folder::End(Some(0), None)
                || case.queue == Some(Queue::Ended(Ruling::Completed))
                || case.accounting == Some(Accounting::Ended(Ruling::Completed))
        },
    );
}

#[test]
fn what_was_refused_is_so_unless_there_is_a_sign_of_it() {
    law(
        |case| case.status().state == TrialState::SubmitFailed,
        |case, _| case.refused && !case.folder.began(),
    );
    law(
        |case| case.refused && matches!(case.queue, Some(Queue::Waiting | Queue::Running | Queue::Ended(_))),
        |_, status| status.state != TrialState::SubmitFailed,
    );
}

/// How far a state is on the way of a trial's life; ends stand together.
fn station(state: TrialState) -> usize {
    let open = [TrialState::Planned, TrialState::Submitted, TrialState::Pending, TrialState::Running];
    open.iter().position(|known| *known == state).unwrap_or(open.len())
}

/// Whether `less` is what somebody may say who knows less than one who says `full`.
fn knows_no_more(case: Case, less: &Status, full: &Status) -> bool {
    let inferred = [TrialState::Failed, TrialState::NodeFail, TrialState::Lost];
    let told_to_end = [TrialState::Cancelled, TrialState::Pruned];
    less.state == full.state
        // It has not heard of the newest attempt.
        || less.attempt < full.attempt
        // It has only sbatch's no.
        || less.state == TrialState::SubmitFailed
        // It is not as far.
        || station(less.state) < station(full.state)
        // It knows that there was an end, and not which.
        || (full.state.is_final() && inferred.contains(&less.state))
        || (full.state.is_final() && (case.stopped || case.vetoed) && told_to_end.contains(&less.state))
        // It has the record of an end that Slurm is about to rule on.
        || (full.state == TrialState::Running && matches!(case.folder, Folder::End(..)))
}

#[test]
fn one_source_less_is_the_same_or_less_specific() {
    law(
        |case| case.accounting.is_some(),
        |case, full| knows_no_more(case, &Case { accounting: None, ..case }.status(), full),
    );
    law(
        // The database may say what the controller has corrected since.
        |case| case.queue.is_some() && case.accounting.is_none(),
        |case, full| knows_no_more(case, &Case { queue: None, ..case }.status(), full),
    );
    law(
        |case| case.folder.began() && case.queue_is_fresh() && case.queue.is_some(),
        |case, full| {
            let less = Case { folder: Folder::Empty, ..case }.status();
            // Where the record and Slurm contradict each other on success, the record goes first.
            let contradict = [full.state, less.state].contains(&TrialState::Completed);
            // A trial that was told to stop is pruned however it then ended.
            contradict || full.state == TrialState::Pruned || knows_no_more(case, &less, full)
        },
    );
}

#[test]
fn the_bucket_is_that_of_the_state() {
    law(|_| true, |case, status| status.bucket == Bucket::of(status.state, case.folder.began()));
}

fn word(text: &str) -> String {
    text.replace("Some(", "").replace("Ended(", "").replace(')', "").replace("None", "-").to_lowercase()
}

/// A line for each folder, queue and flags, with the database's word by column.
fn table() -> String {
    let mut text = String::new();
    let mut line = String::new();
    for case in Case::all() {
        let flags = [(case.stopped, "stopped"), (case.vetoed, "vetoed"), (case.refused, "refused")];
        let flags: Vec<&str> = flags.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
        let folder = match case.folder {
            Folder::Empty => "nothing".to_owned(),
            Folder::Start => "start".to_owned(),
            Folder::StartSinceAsked => "start since asked".to_owned(),
            Folder::End(Some(code), _) => format!("exit {code}"),
            Folder::End(None, signal) => format!("signal {}", signal.unwrap_or_default()),
            Folder::OfEarlierBatch => "of an earlier batch".to_owned(),
        };
        let head = format!("{} | {folder} | queue {}", flags.join(" "), word(&format!("{:?}", case.queue)));
        if !line.starts_with(&head) || !line[head.len()..].starts_with(':') {
            text.push_str(&line);
            text.push_str(if line.is_empty() { "" } else { "\n" });
            line = head + ":";
        }
        let Status { state, attempt, .. } = case.status();
        line.push_str(&format!(" {}={state}", word(&format!("{:?}", case.accounting))));
        if attempt > 0 {
            line.push_str(&format!("#{attempt}"));
        }
    }
    text + &line + "\n"
}

#[test]
fn the_whole_table_is_as_it_was() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/status/table.txt");
    let found = table();
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let changed: Vec<String> = golden
        .lines()
        .zip(found.lines())
        .filter(|(golden, found)| golden != found)
        .map(|(golden, found)| format!("- {golden}\n+ {found}"))
        .collect();
    assert!(
        golden == found,
        "{} lines differ (UPDATE_GOLDENS=1 writes them):\n{}",
        changed.len(),
        changed.join("\n")
    );
}
