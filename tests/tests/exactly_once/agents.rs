//! `sweep agent`, killed behind each of its own system calls. What it ran then may have ended with it, so a trial may be
//! tried again; no attempt is begun twice, and none is forgotten.

use std::collections::BTreeSet;

use crate::again::killed;
use crate::killing::Killed;
use crate::local::wait_gone;
use crate::outcome::Tally;
use crate::site::{Home, TRIALS, in_parallel, states};

/// Each attempt leaves its number.
const NUMBERED: &str = "agent: {slots: 2}
command: [sh, -c, 'echo $$SWEEP_ATTEMPT >> runs/$$SWEEP_TRIAL']
params: [{x: 0}, {x: 1}, {x: 2}, {x: 3}]
";
const AT_ONCE: usize = 4;
/// How often somebody goes on before a trial counts as lost: once is enough for whatever one kill leaves.
const ROUNDS: usize = 2;

/// A sweep that waits for agents.
fn offered(home: &Home) {
    home.sweep(&["submit", "--executor", "agent"]).checked().unwrap();
}

/// What a person does after an agent that was killed: asks for what failed once more, and starts another agent.
fn go_on(home: &Home) {
    for _ in 0..ROUNDS {
        home.sweep(&["retry"]).checked().unwrap();
        home.sweep(&["agent"]).checked().unwrap();
    }
}

#[test]
fn an_agent_that_is_killed_anywhere_loses_no_trial_and_begins_no_attempt_twice() {
    let all = killed(&Home::without_slurm("agents"), "agent", NUMBERED, "agent", offered);
    wait_gone(&all);
    in_parallel(AT_ONCE, &all, |killed| go_on(&killed.home));
    let mut tally = Tally { trials: all.len() * TRIALS, ..Tally::default() };
    for Killed { home, in_time, point } in &all {
        tally.kills += usize::from(*in_time);
        let completed = states(&home.json(&["status"])).iter().filter(|state| *state == "completed").count();
        tally.lost += TRIALS - completed;
        for (trial, attempts) in home.runs() {
            tally.jobs += attempts.len();
            let twice = attempts.len() - attempts.iter().collect::<BTreeSet<_>>().len();
            if twice > 0 {
                eprintln!("{point:?}: {trial} {attempts:?}");
            }
            tally.twice += twice;
        }
    }
    tally.settle("sweep agent killed", all.len() * 9 / 10);
}
