//! The trials of a sweep as a grid: a letter each, by bracket and rung where the method has such. It decides which
//! letter stands for many trials; how wide the grid is, rendering decides.

use std::collections::BTreeMap;

use serde::Serialize;
use sweep_core::id::TrialLabel;
use sweep_core::state::TrialState;

use crate::report::status::TrialStatus;

/// The trials of a bracket, or all of a sweep without brackets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bracket {
    /// Its number; none where the method has no brackets.
    pub bracket: Option<u32>,
    /// Its rungs, the lowest first.
    pub rungs: Vec<Rung>,
    /// Its best trials, the best first.
    pub top: Vec<TrialLabel>,
}

/// The trials of a rung.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rung {
    /// Its number; none where the method has no rungs.
    pub rung: Option<u32>,
    /// What each of its trials may spend.
    pub budget: Option<f64>,
    /// How many trials are in each state.
    pub states: BTreeMap<TrialState, u32>,
    /// The first trial of the rung.
    pub first: TrialLabel,
    /// A letter a trial, in the order of their indexes.
    pub grid: String,
}

/// The best trials that a bracket names.
const TOP: usize = 3;
/// The letter of cells in which some completed and others wait.
pub const BEGUN: char = 'o';

impl Rung {
    /// How many trials it has.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.states.values().sum()
    }

    /// Whether every trial of it is at an end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.states.keys().all(|state| state.is_final())
    }

    /// The letters of at most `cells` cells, and how many trials a cell stands for.
    #[must_use]
    pub fn folded(&self, cells: usize) -> (String, usize) {
        let letters: Vec<char> = self.grid.chars().collect();
        let each = letters.len().div_ceil(cells.max(1)).max(1);
        (letters.chunks(each).map(fold).collect(), each)
    }
}

/// The letter of a state: hyperband-snakemake's `C`, `F`, `R` and `.`, and one for each of ours.
#[must_use]
pub fn letter(state: TrialState) -> char {
    match state {
        TrialState::Planned | TrialState::Submitted | TrialState::Pending => '.',
        TrialState::Running => 'R',
        TrialState::Completed => 'C',
        TrialState::Failed => 'F',
        TrialState::Timeout => 'T',
        TrialState::OutOfMemory => 'M',
        TrialState::Cancelled => 'X',
        TrialState::Preempted => 'E',
        TrialState::NodeFail => 'N',
        TrialState::Pruned => 'P',
        TrialState::SubmitFailed => 'S',
        TrialState::Lost => '?',
    }
}

/// What a letter means.
#[must_use]
pub fn meaning(letter: char) -> &'static str {
    match letter {
        '.' => "to come",
        'R' => "running",
        'C' => "completed",
        'F' => "failed",
        'T' => "timeout",
        'M' => "out of memory",
        'X' => "cancelled",
        'E' => "preempted",
        'N' => "node failed",
        'P' => "pruned",
        'S' => "submission failed",
        '?' => "lost",
        BEGUN => "some completed, some to come",
        _ => "",
    }
}

/// Every letter, those that most need a look first.
pub const LETTERS: &str = "FTMSN?EXRoPC.";

/// One letter for several trials: that of the one that most needs a look.
fn fold(letters: &[char]) -> char {
    let place = |letter: char| LETTERS.find(letter).unwrap_or(usize::MAX);
    let has = |letter| letters.contains(&letter);
    let first = letters.iter().copied().min_by_key(|letter| place(*letter)).unwrap_or('.');
    if matches!(first, 'P' | 'C') && has('.') { BEGUN } else { first }
}

/// The grid of a sweep; `ranking` are its completed trials, the best first.
#[must_use]
pub fn of(trials: &[TrialStatus], ranking: &[TrialLabel], method: &str) -> Vec<Bracket> {
    // What a population calls its bracket is a member, which has one trial a generation.
    let number = |trial: &TrialStatus| trial.bracket.filter(|_| method != "pbt");
    let mut brackets: BTreeMap<Option<u32>, BTreeMap<Option<u32>, Vec<&TrialStatus>>> = BTreeMap::new();
    for trial in trials {
        brackets.entry(number(trial)).or_default().entry(trial.rung).or_default().push(trial);
    }
    let top = |bracket: Option<u32>| {
        let of_it = |label: &&TrialLabel| {
            trials.get(label.0.0 as usize).is_some_and(|trial| number(trial) == bracket)
        };
        ranking.iter().filter(of_it).take(TOP).copied().collect()
    };
    brackets
        .into_iter()
        .map(|(bracket, rungs)| Bracket {
            bracket,
            rungs: rungs.into_iter().map(|(rung, trials)| of_rung(rung, &trials)).collect(),
            top: top(bracket),
        })
        .collect()
}

fn of_rung(rung: Option<u32>, trials: &[&TrialStatus]) -> Rung {
    let mut states: BTreeMap<TrialState, u32> = BTreeMap::new();
    trials.iter().for_each(|trial| *states.entry(trial.state).or_default() += 1);
    Rung {
        rung,
        budget: trials.first().and_then(|trial| trial.budget),
        states,
        first: trials[0].trial,
        grid: trials.iter().map(|trial| letter(trial.state)).collect(),
    }
}

/// Letters of many trials.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::id::TrialIndex;

    fn rung(grid: &str) -> Rung {
        let first = TrialIndex(0).label();
        Rung { rung: None, budget: None, states: BTreeMap::new(), first, grid: grid.into() }
    }

    #[test]
    fn every_state_has_a_letter_with_a_meaning() {
        for state in TrialState::ALL {
            assert!(LETTERS.contains(letter(state)) && !meaning(letter(state)).is_empty(), "{state}");
        }
    }

    #[test]
    fn a_cell_of_many_shows_what_most_needs_a_look() {
        assert_eq!(rung("CCCF..RRCC").folded(5), ("CF.RC".into(), 2));
        assert_eq!(rung("CCC...CP..").folded(3), ("oo.".into(), 4));
        assert_eq!(rung("CCCC").folded(50), ("CCCC".into(), 1));
        assert_eq!(rung(&".".repeat(100_000)).folded(500).0.len(), 500);
    }
}
