//! One contract for all strategies: what a driver may rely on, whatever the method.

mod experiments;
mod laws;
mod play;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use sweep_core::id::TrialIndex;

use super::{Ask, Event, Proposal, Strategy};
use crate::experiment::Experiment;
use crate::method::Method;
use crate::rng::Rng;
use experiments::experiments;
pub(crate) use experiments::tangled;
use play::{Played, World, index, play};

/// How trials are treated in most tests: some fail, some are lost, a few run at once.
fn rough(order: u64) -> World {
    World { order, width: 5, failing: 0.1, lost: 0.05 }
}

fn ask(strategy: &dyn Strategy, experiment: &Experiment, proposals: usize) -> Ask {
    strategy.ask(&mut Rng::new(&experiment.seed, proposals as u64))
}

#[test]
fn every_strategy_ends_with_the_number_that_is_counted() {
    for (name, experiment) in experiments() {
        for width in [1, 7, usize::MAX] {
            let proposals = play(&experiment, World { width, ..World::default() }).proposals.len() as u128;
            let count = experiment.configurations().unwrap();
            // Of ASHA about so many: it promotes some of those that are the best only for a while.
            let asha = matches!(experiment.method, Method::Asha(..));
            let near = proposals * 10 >= count * 8 && proposals * 10 <= count * 12;
            assert!(proposals == count || asha && near, "{name}: {proposals} of {count}");
        }
    }
}

#[test]
fn every_strategy_ends_where_trials_fail_or_are_lost() {
    for (name, experiment) in experiments() {
        let count = experiment.configurations().unwrap();
        for (failing, lost) in [(0.3, 0.0), (1.0, 0.0), (0.0, 0.3), (0.0, 1.0), (0.3, 0.3)] {
            for order in 0..5 {
                let played = play(&experiment, World { order, width: 5, failing, lost });
                let most = count * 4;
                let proposals = played.proposals.len() as u128;
                assert!(proposals <= most, "{name}: {proposals} of {count}, {failing} failed, {lost} lost");
                let promoted =
                    played.proposals.iter().filter(|p| p.rung.is_some_and(|rung| rung > 0)).count();
                assert!(failing < 1.0 || promoted == 0, "{name}: {promoted} promoted though all failed");
            }
        }
    }
}

#[test]
fn a_strategy_resumed_at_any_point_goes_on_as_if_never_stopped() {
    for (name, experiment) in experiments() {
        for order in 0..3 {
            let Played { log, asks, .. } = play(&experiment, rough(order));
            // Told one by one it is at each moment what a replay up to there would make.
            let mut strategy = experiment.strategy().unwrap();
            let mut proposals = 0;
            for (at, (trial, event)) in log.iter().enumerate() {
                assert_eq!(ask(&*strategy, &experiment, proposals), asks[at], "{name} at {at}");
                assert_eq!(ask(&*strategy, &experiment, proposals), asks[at], "{name} asked again at {at}");
                strategy.tell(*trial, event);
                proposals += usize::from(matches!(event, Event::Proposed(_)));
            }
        }
    }
}

#[test]
fn a_repeated_event_changes_nothing() {
    for (name, experiment) in experiments() {
        let Played { log, asks, .. } = play(&experiment, rough(1));
        let mut strategy = experiment.strategy().unwrap();
        let mut proposals = 0;
        let mut rng = Rng::new("repeats", 0);
        for (at, (trial, event)) in log.iter().enumerate() {
            assert_eq!(ask(&*strategy, &experiment, proposals), asks[at], "{name} at {at}");
            strategy.tell(*trial, event);
            strategy.tell(*trial, event);
            for _ in 0..3 {
                let (trial, event) = &log[usize::try_from(rng.bits() % (at as u64 + 1)).unwrap()];
                strategy.tell(*trial, event);
            }
            proposals += usize::from(matches!(event, Event::Proposed(_)));
        }
    }
}

#[test]
fn what_is_said_of_unknown_or_ended_trials_changes_nothing() {
    for (name, experiment) in experiments() {
        let Played { log, asks, proposals } = play(&experiment, rough(2));
        let mut strategy = experiment.strategy().unwrap();
        for (trial, event) in &log {
            strategy.tell(*trial, event);
        }
        for trial in [TrialIndex(0), index(proposals.len()), TrialIndex(u32::MAX)] {
            strategy.tell(trial, &Event::Reported { step: u64::MAX, metric: f64::NAN });
            strategy.tell(trial, &Event::Pruned);
            strategy.tell(trial, &Event::ended(Some(-1.0)));
            strategy.tell(trial, &Event::ended(None));
            strategy.tell(trial, &Event::Withdrawn);
        }
        assert_eq!(Some(&ask(&*strategy, &experiment, proposals.len())), asks.last(), "{name}");
    }
}

#[test]
fn a_proposal_that_is_not_the_strategys_own_does_no_harm() {
    for (name, experiment) in experiments() {
        let Played { log, proposals, .. } = play(&experiment, World { width: 3, ..World::default() });
        let mut strategy = experiment.strategy().unwrap();
        for (trial, event) in log.iter().take(log.len() / 2) {
            strategy.tell(*trial, event);
        }
        let told = log.iter().take(log.len() / 2).filter(|(_, event)| matches!(event, Event::Proposed(_)));
        let stranger = index(told.count());
        let proposal = Proposal { bracket: Some(99), rung: Some(99), ..Proposal::default() };
        strategy.tell(stranger, &Event::Proposed(proposal));
        strategy.tell(stranger, &Event::ended(Some(0.0)));
        if proposals.len() > stranger.0 as usize {
            // It goes on, with the next number.
            if let Ask::Run(proposal) = ask(&*strategy, &experiment, 0) {
                let next = TrialIndex(stranger.0 + 1);
                strategy.tell(next, &Event::Proposed(proposal.clone()));
                assert_ne!(ask(&*strategy, &experiment, 0), Ask::Run(proposal), "{name}");
            }
        }
    }
}

/// What ran where, in any order.
fn places(played: &Played) -> BTreeSet<String> {
    let place =
        |p: &Proposal| format!("{:?} {:?} {:?} {}", p.bracket, p.rung, p.budget, p.params.config_key());
    played.proposals.iter().map(place).collect()
}

#[test]
fn where_rungs_and_generations_wait_the_order_of_results_does_not_matter() {
    for (name, experiment) in experiments() {
        let learns = name.contains("bayes");
        if matches!(experiment.method, Method::Asha(..)) || learns || experiment.stop.is_some() {
            continue;
        }
        for failing in [0.0, 0.2] {
            let expected = places(&play(&experiment, World { failing, ..World::default() }));
            for order in 1..8 {
                let width = [usize::MAX, 1, 3, 11][order % 4];
                let played = play(&experiment, World { order: order as u64, width, failing, lost: 0.0 });
                assert_eq!(places(&played), expected, "{name}: order {order}");
            }
        }
    }
}

#[test]
fn values_stay_in_their_domain() {
    for (name, experiment) in experiments() {
        let rows: Vec<_> = experiment.rows.iter().map(|row| &row.name).collect();
        let extra: BTreeSet<_> = experiment.defaults.iter().map(|(name, _)| name.to_owned()).collect();
        let from_rows = |p: &Proposal| p.name.is_some() && rows.contains(&&p.name);
        let played = play(&experiment, rough(3));
        let mut row_trials = BTreeSet::new();
        for (trial, proposal) in played.proposals.iter().enumerate() {
            // Rows, and what was promoted from them, are the user's own.
            if from_rows(proposal) || proposal.parent.is_some_and(|parent| row_trials.contains(&parent.0)) {
                row_trials.insert(index(trial).0);
                continue;
            }
            let own = proposal.params.iter().filter(|(name, _)| !extra.contains(*name));
            let own = own.map(|(name, value)| (name.to_owned(), value.clone())).collect();
            assert!(experiment.space.admits(&own), "{name}: {}", own.config_key());
        }
    }
}

#[test]
fn no_configuration_of_a_search_that_only_proposes_comes_twice() {
    for (name, experiment) in experiments() {
        // Points of a sequence fall into one cell of a small space now and then.
        if experiment.method.is_adaptive() || matches!(experiment.method, Method::Sobol | Method::Latin) {
            continue;
        }
        let played = play(&experiment, World::default());
        let keys: BTreeSet<_> = played.proposals.iter().map(|p| p.params.config_key()).collect();
        assert_eq!(keys.len(), played.proposals.len(), "{name}");
    }
}

#[test]
fn configurations_differ_across_all_brackets_where_the_space_has_enough() {
    for (name, experiment) in experiments() {
        if !experiment.method.as_str().contains("hyperband") {
            continue;
        }
        let played = play(&experiment, World::default());
        let begun: Vec<_> = played.proposals.iter().filter(|p| p.parent.is_none()).collect();
        let keys: BTreeSet<_> = begun.iter().map(|p| p.params.config_key()).collect();
        let most = experiment.space.combinations().finite().unwrap_or(u128::MAX);
        assert_eq!(keys.len() as u128, most.min(begun.len() as u128), "{name}");
    }
}

#[test]
fn a_rung_is_one_run_of_asks_where_all_of_it_may_run() {
    for (name, experiment) in experiments() {
        if !matches!(experiment.method, Method::Hyperband(_) | Method::Halving(_)) {
            continue;
        }
        for order in 0..4 {
            // Where few may run at once, an earlier bracket's next rung comes before a later bracket's last places.
            let played = play(&experiment, World { order, width: 10_000, ..World::default() });
            let mut rungs: Vec<_> = played.proposals.iter().map(|p| (p.bracket, p.rung)).collect();
            rungs.dedup();
            let all: BTreeSet<_> = rungs.iter().copied().collect();
            assert_eq!(rungs.len(), all.len(), "{name}: {rungs:?}");
        }
    }
}

#[test]
fn the_best_of_each_rung_go_on_and_failures_never() {
    for (name, experiment) in experiments() {
        if !matches!(experiment.method, Method::Hyperband(_) | Method::Halving(_)) {
            continue;
        }
        let Played { proposals, log, .. } = play(&experiment, World { failing: 0.2, ..World::default() });
        let ended: BTreeMap<u32, Option<f64>> = log
            .iter()
            .filter_map(|(trial, event)| match event {
                Event::Ended { metric, .. } => Some((trial.0, *metric)),
                _ => None,
            })
            .collect();
        let planned = experiment.brackets().unwrap().unwrap();
        for bracket in &planned {
            for (stage, pair) in bracket.rungs.windows(2).enumerate() {
                let stage = u32::try_from(stage).unwrap();
                let on = |rung| {
                    let here = move |p: &Proposal| p.bracket == Some(bracket.number) && p.rung == Some(rung);
                    proposals.iter().enumerate().filter(move |(_, p)| here(p))
                };
                let mut results: Vec<_> = on(stage)
                    .filter_map(|(trial, _)| Some((ended[&index(trial).0]?, index(trial))))
                    .collect();
                results.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let room = usize::try_from(pair[1].configurations).unwrap();
                let expected: Vec<_> = results.iter().take(room).map(|(_, trial)| *trial).collect();
                let promoted: Vec<_> = on(stage + 1).filter_map(|(_, p)| p.parent).collect();
                assert_eq!(promoted, expected, "{name}: bracket {} rung {stage}", bracket.number);
            }
        }
    }
}

#[test]
fn a_lost_configuration_gives_its_place_to_another() {
    for (name, experiment) in experiments() {
        if !matches!(experiment.method, Method::Hyperband(_)) {
            continue;
        }
        let Played { proposals, log, .. } = play(&experiment, World { lost: 0.15, ..World::default() });
        let lost: BTreeSet<u32> =
            log.iter().filter(|(_, event)| *event == Event::Withdrawn).map(|(trial, _)| trial.0).collect();
        assert!(!lost.is_empty(), "{name}");
        for bracket in experiment.brackets().unwrap().unwrap() {
            let first = bracket.rungs[0].configurations;
            let here = |p: &Proposal| p.bracket == Some(bracket.number) && p.rung == Some(0);
            let done = proposals.iter().enumerate().filter(|(_, p)| here(p));
            let done = done.filter(|(trial, _)| !lost.contains(&index(*trial).0)).count() as u64;
            assert_eq!(done, first, "{name}: bracket {}", bracket.number);
        }
        // Nobody is promoted twice, and nobody who was lost.
        let parents: Vec<_> = proposals.iter().filter_map(|p| p.parent).collect();
        let distinct: BTreeSet<_> = parents.iter().collect();
        assert_eq!(distinct.len(), parents.len(), "{name}");
        assert!(parents.iter().all(|parent| !lost.contains(&parent.0)), "{name}");
    }
}

#[test]
fn budgets_and_values_follow_the_parent() {
    for (name, experiment) in experiments() {
        let rationed =
            matches!(experiment.method, Method::Hyperband(_) | Method::Halving(_) | Method::Asha(..));
        let played = play(&experiment, rough(4));
        for proposal in &played.proposals {
            let Some(parent) = proposal.parent.map(|parent| &played.proposals[parent.0 as usize]) else {
                continue;
            };
            // The best so far of a deme may have been so for generations.
            let bred = matches!(experiment.method, Method::Genetic(_));
            let next = parent.rung.map(|rung| rung + 1);
            assert!(proposal.rung == next || bred && proposal.rung > next, "{name}");
            assert!(proposal.budget >= parent.budget, "{name}");
            if rationed {
                assert_eq!((&proposal.params, proposal.bracket), (&parent.params, parent.bracket), "{name}");
            }
        }
    }
}

#[test]
fn a_stop_is_asked_for_until_it_is_told() {
    let mut stops = 0;
    for (name, experiment) in experiments() {
        let Played { log, asks, .. } = play(&experiment, World { width: 6, ..World::default() });
        let mut strategy = experiment.strategy().unwrap();
        let mut proposals = 0;
        for (at, (trial, event)) in log.iter().enumerate() {
            if let Ask::Prune(doomed) = &asks[at] {
                // Others report meanwhile, late and out of turn.
                strategy.tell(TrialIndex(0), &Event::Reported { step: 0, metric: 0.0 });
                assert_eq!(ask(&*strategy, &experiment, proposals), Ask::Prune(*doomed), "{name}");
                stops += 1;
            }
            strategy.tell(*trial, event);
            proposals += usize::from(matches!(event, Event::Proposed(_)));
        }
    }
    assert!(stops > 20, "{stops}");
}

/// The proposals of every strategy, as digests: the same on every machine and in every process. A change here is a
/// change of what resumed sweeps do. `UPDATE_GOLDENS=1 cargo test -p sweep-search` writes the file anew.
#[test]
fn the_same_proposals_come_on_every_machine() {
    let line = |(name, experiment): (&str, Experiment)| {
        let played = play(&experiment, World { width: 7, failing: 0.1, lost: 0.05, ..World::default() });
        let mut digest = Sha256::new();
        for Proposal { name, params, budget, parent, bracket, rung, sbatch } in &played.proposals {
            digest.update(format!("{name:?} {budget:?} {parent:?} {bracket:?} {rung:?} {sbatch:?}\n"));
            digest.update(format!("{}\n", params.config_key()));
        }
        let digest = digest.finalize();
        let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex} {:4} {name}\n", played.proposals.len())
    };
    let now: String = experiments().into_iter().map(line).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/strategy/contract/proposals.txt");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    assert_eq!(now, std::fs::read_to_string(path).unwrap());
}
