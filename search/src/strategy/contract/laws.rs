//! The contract over settings that nobody thought of. Never a case that proptest could not shrink: each is a few
//! numbers.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::experiments::tangled;
use super::play::{Played, World, play};
use super::{Event, ask, places};
use crate::experiment::Experiment;
use crate::genetic;
use crate::ladder::{Ladder, Selection};
use crate::method::{AshaMode, Method, Rungs, Stop};
use crate::pbt;
use crate::source::Proposals;
use crate::space::{Axis, Domain, Space};

/// Some seconds: each case is a whole search.
const CASES: u32 = 256;

fn ladders() -> impl Strategy<Value = Ladder> {
    let last = prop::option::of(0..4_u32);
    (1..60_u64, 2..5_u32, 1..4_u64, any::<u64>(), last, 0..3_u64).prop_filter_map(
        "the least budget is above the most",
        |(most, eta, least, mask, last_stage, guaranteed)| {
            let ladder = Ladder::of_most(most, eta, least)?;
            let chosen: Vec<u32> = (0..=ladder.s_max).filter(|bracket| mask >> bracket & 1 == 1).collect();
            let brackets = if chosen.is_empty() { Selection::default() } else { Selection::of(&chosen) };
            Some(Ladder { brackets, last_stage, guaranteed, ..ladder })
        },
    )
}

fn proposals() -> impl Strategy<Value = Proposals> {
    prop_oneof![Just(Proposals::Random), Just(Proposals::Sobol), Just(Proposals::Latin)]
}

fn spaces() -> impl Strategy<Value = Space> {
    let ints = |most: i64| {
        Space::new(vec![Axis { name: "n".into(), domain: Domain::IntUniform { min: 1, max: most } }])
    };
    prop_oneof![Just(tangled()), (1..40_i64).prop_map(ints)]
}

fn rationed() -> impl Strategy<Value = Experiment> {
    let methods =
        (ladders(), proposals(), 0..4_u8, 1..40_u64).prop_map(|(ladder, proposals, kind, limit)| {
            let rungs = Rungs { ladder, proposals };
            match kind {
                0 => (Method::Hyperband(rungs), None),
                1 => (Method::Halving(rungs), Some(limit)),
                2 => (Method::Asha(rungs, AshaMode::Promote), Some(limit)),
                _ => (Method::Asha(rungs, AshaMode::Stop), Some(limit)),
            }
        });
    (methods, spaces(), any::<u32>()).prop_map(|((method, limit), space, seed)| Experiment {
        seed: seed.to_string(),
        method,
        space,
        limit,
        ..Experiment::default()
    })
}

fn bred() -> impl Strategy<Value = Experiment> {
    let genetic = (1..5_u32, 1..4_u32, 1..6_u32, 0..3_u32, 0.0..=1.0_f64, 0.0..=1.0_f64).prop_map(
        |(generations, num_demes, pop_size, migration_interval, mutation_rate, crossover_rate)| {
            Method::Genetic(genetic::Settings {
                generations,
                num_demes,
                pop_size,
                migration_interval,
                mutation_rate,
                crossover_rate,
                lineage: genetic::Lineage::Checkpoint,
                ..genetic::Settings::default()
            })
        },
    );
    let pbt = (1..9_u32, 1..5_u32, 1..4_u64, 0.0..=0.5_f64, 0.0..=1.0_f64).prop_map(
        |(population, generations, interval, quantile, resample)| {
            let rest = pbt::Settings::default();
            Method::Pbt(pbt::Settings { population, generations, interval, quantile, resample, ..rest })
        },
    );
    let limits = prop::option::of(1..60_u64);
    (prop_oneof![genetic, pbt], spaces(), limits).prop_map(|(method, space, limit)| Experiment {
        seed: "laws".into(),
        method,
        space,
        limit,
        ..Experiment::default()
    })
}

fn experiments() -> impl Strategy<Value = Experiment> {
    prop_oneof![rationed(), bred()]
}

fn worlds() -> impl Strategy<Value = World> {
    let shares =
        (prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0_f64], prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0_f64]);
    (any::<u64>(), 1..20_usize, shares).prop_map(|(order, width, (failing, lost))| World {
        order,
        width,
        failing,
        lost,
    })
}

/// How many were proposed on each rung of each bracket, and how many of them were not lost.
fn counts(played: &Played) -> BTreeMap<(Option<u32>, Option<u32>), (u64, u64)> {
    let mut counts: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    let lost = played.log.iter().filter(|(_, event)| *event == Event::Withdrawn).map(|(trial, _)| trial.0);
    let lost: Vec<u32> = lost.collect();
    for (trial, proposal) in (0..).zip(&played.proposals) {
        let (all, kept) = counts.entry((proposal.bracket, proposal.rung)).or_default();
        *all += 1;
        *kept += u64::from(!lost.contains(&trial));
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn every_search_ends_and_a_replay_of_it_is_the_search(experiment in experiments(), world in worlds()) {
        let Played { log, asks, .. } = play(&experiment, world);
        let mut strategy = experiment.strategy().unwrap();
        let mut proposals = 0;
        for (at, (trial, event)) in log.iter().enumerate() {
            prop_assert_eq!(&ask(&*strategy, &experiment, proposals), &asks[at]);
            strategy.tell(*trial, event);
            strategy.tell(*trial, event);
            proposals += usize::from(matches!(event, Event::Proposed(_)));
        }
        prop_assert_eq!(Some(&ask(&*strategy, &experiment, proposals)), asks.last());
    }

    #[test]
    fn no_rung_has_more_than_was_planned_but_for_lost_ones(experiment in rationed(), world in worlds()) {
        if matches!(experiment.method, Method::Asha(_, AshaMode::Promote)) {
            // Some are the best only for a while.
            return Ok(());
        }
        let planned = experiment.brackets().unwrap().unwrap();
        for ((bracket, rung), (_, kept)) in counts(&play(&experiment, world)) {
            let plan = planned.iter().find(|plan| Some(plan.number) == bracket).unwrap();
            let most = plan.rungs[rung.unwrap() as usize].configurations;
            prop_assert!(kept <= most, "bracket {bracket:?} rung {rung:?}: {kept} of {most}");
        }
    }

    #[test]
    fn without_losses_a_barrier_forgets_the_order(experiment in experiments(), failing in 0.0..=1.0_f64, order: u64, width in 1..9_usize) {
        if matches!(experiment.method, Method::Asha(..)) {
            return Ok(());
        }
        let one = play(&experiment, World { failing, ..World::default() });
        let other = play(&experiment, World { failing, order, width, lost: 0.0 });
        prop_assert_eq!(places(&one), places(&other));
    }

    #[test]
    fn any_search_may_have_a_rule_that_stops(experiment in experiments(), world in worlds(), bands: bool) {
        let stop = if bands {
            let bands = crate::band_stop::from_first(1, 2.0);
            Stop::Bands { bands, eta: 2.0, strictness: crate::band_stop::Strictness::Best }
        } else {
            Stop::Median(crate::median::Grace { steps: 1, completed: 1 })
        };
        // That it ends, and stops nobody who does not run, is checked as it is played.
        play(&Experiment { stop: Some(stop), ..experiment }, world);
    }

    #[test]
    fn values_are_always_of_the_space(experiment in experiments(), world in worlds()) {
        for proposal in play(&experiment, world).proposals {
            prop_assert!(experiment.space.admits(&proposal.params), "{}", proposal.params.config_key());
        }
    }
}
