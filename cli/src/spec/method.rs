//! The settings of methods: `hyperband`, `halving`, `asha`, `genetic`, `pbt`, and `early_terminate`. Never settings
//! of a method that is not the spec's.

use sweep_search::band_stop::{self, Strictness};
use sweep_search::ladder::{Ladder, Selection};
use sweep_search::median::Grace;
use sweep_search::source::Proposals;
use sweep_search::{AshaMode, Method, Rungs, Stop, genetic, pbt};

use super::keys::Standing::{self, Read, Refused};
use super::mistake::{Mistakes, Position};
use super::plan::Plan;
use super::read;
use super::section::Section;
use super::yaml::Node;

/// The nodes of the keys that have settings.
pub(super) struct Nodes<'a> {
    pub(super) asha: Option<&'a Node>,
    pub(super) early_terminate: Option<&'a Node>,
    pub(super) genetic: Option<&'a Node>,
    pub(super) halving: Option<&'a Node>,
    pub(super) hyperband: Option<&'a Node>,
    pub(super) pbt: Option<&'a Node>,
    /// What may end a search besides `trials`.
    pub(super) budget: Option<&'a Node>,
    /// What `sweep plan` prices.
    pub(super) cost_per_budget: Option<&'a Node>,
}

const RUNGS: &[(&str, Standing)] = &[
    ("s_max", Read),
    ("max_budget", Read),
    ("min_budget", Read),
    ("eta", Read),
    ("guaranteed_budget", Read),
    ("last_stage", Read),
    ("proposals", Read),
    ("brackets", Read),
];
const HALVING: &[(&str, Standing)] = &[
    ("s_max", Read),
    ("max_budget", Read),
    ("min_budget", Read),
    ("eta", Read),
    ("guaranteed_budget", Read),
    ("last_stage", Read),
    ("proposals", Read),
    ("brackets", Refused("halving is one bracket: use `method: hyperband`")),
];
const ASHA: &[(&str, Standing)] = &[
    ("s_max", Read),
    ("max_budget", Read),
    ("min_budget", Read),
    ("eta", Read),
    ("guaranteed_budget", Read),
    ("last_stage", Read),
    ("proposals", Read),
    ("brackets", Read),
    ("mode", Read),
];
const GENETIC: &[(&str, Standing)] = &[
    ("generations", Read),
    ("num_demes", Read),
    ("pop_size", Read),
    ("mutation_rate", Read),
    ("crossover_rate", Read),
    ("migration_interval", Read),
    ("mul_mutation_bounds", Read),
    ("add_mutation_bounds", Read),
    ("checkpoint", Read),
    ("name", Refused("it named CrayAI's log files: use the spec's `name`")),
    ("verbose", Refused("see `sweep watch` and `sweep report`: take it out")),
];
const PBT: &[(&str, Standing)] = &[
    ("population", Read),
    ("generations", Read),
    ("interval", Read),
    ("quantile", Read),
    ("resample", Read),
    ("factors", Read),
];
const EARLY_TERMINATE: &[(&str, Standing)] = &[
    ("type", Read),
    ("min_iter", Read),
    ("max_iter", Read),
    ("s", Read),
    ("eta", Read),
    ("strict", Read),
    ("grace_steps", Read),
    ("grace_trials", Read),
];

/// The method of a word, with the settings that it has where nobody says anything.
pub(super) fn of_word(word: &str) -> Method {
    let ladder = Ladder::of_s_max(0, 3, 1).expect("one rung of one unit");
    let rungs = Rungs { ladder, proposals: Proposals::Random };
    match word {
        "random" => Method::Random,
        "sobol" => Method::Sobol,
        "latin" => Method::Latin,
        "bayes" => Method::Bayes,
        "hyperband" => Method::Hyperband(rungs),
        "halving" => Method::Halving(rungs),
        "asha" => Method::Asha(rungs, AshaMode::Promote),
        "genetic" => Method::Genetic(genetic::Settings::default()),
        "pbt" => Method::Pbt(pbt::Settings::default()),
        _ => Method::Grid,
    }
}

/// Reads the settings of the plan's method into it.
pub(super) fn read(nodes: &Nodes<'_>, plan: &mut Plan, mistakes: &mut Mistakes) {
    let at = plan.method_at.unwrap_or_default();
    let word = plan.method.as_str();
    let sections = [
        ("asha", nodes.asha),
        ("genetic", nodes.genetic),
        ("halving", nodes.halving),
        ("hyperband", nodes.hyperband),
        ("pbt", nodes.pbt),
    ];
    for (key, node) in sections {
        if let Some(node) = node.filter(|_| plan.whole && key != word) {
            let message = format!("`{key}` has settings, but the method is `{word}`");
            mistakes.hint(node.at, message, format!("take it out, or write `method: {key}`"));
        }
    }
    match plan.method {
        Method::Hyperband(_) => {
            if let Some(rungs) = rungs("hyperband", RUNGS, nodes.hyperband, at, mistakes) {
                fits(rungs, nodes.hyperband.map_or(at, |node| node.at), mistakes);
                plan.method = Method::Hyperband(rungs);
            }
            if let Some((_, at)) = plan.trials {
                let message = "`trials` beside `method: hyperband`, whose brackets say how many there are";
                mistakes.hint(at, message, "take it out: `sweep plan` shows how many; or use `method: asha`");
            }
        }
        Method::Halving(_) => {
            if let Some(rungs) = rungs("halving", HALVING, nodes.halving, at, mistakes) {
                plan.method = Method::Halving(rungs);
            }
        }
        Method::Asha(..) => {
            if let Some(rungs) = rungs("asha", ASHA, nodes.asha, at, mistakes) {
                let mode = nodes.asha.and_then(|node| mode(node, mistakes)).unwrap_or_default();
                // Where nobody chose, the one that stops soonest.
                let chosen = if rungs.ladder.brackets.is_all() {
                    Ladder { brackets: Selection::of(&[0]), ..rungs.ladder }
                } else {
                    rungs.ladder
                };
                plan.method = Method::Asha(Rungs { ladder: chosen, ..rungs }, mode);
            }
        }
        Method::Genetic(settings) => {
            plan.method = Method::Genetic(genetic(settings, nodes.genetic, mistakes));
            let ends = nodes.genetic.and_then(|node| Section::of(node, "genetic"));
            let ends = ends.is_some_and(|section| section.get("generations").is_some());
            if !ends && plan.trials.is_none() && nodes.budget.is_none() && plan.whole {
                let message = format!("genetic search would end after {} trials", settings.total());
                mistakes.hint(at, message, "say when with `genetic: {generations: 20}` or `trials:`");
            }
        }
        Method::Pbt(settings) => plan.method = Method::Pbt(pbt(settings, nodes.pbt, mistakes)),
        _ => {}
    }
    if let Some(node) = nodes.cost_per_budget {
        plan.cost_per_budget = read::positive(node, "`cost_per_budget`", mistakes);
    }
    if let Some(node) = nodes.early_terminate {
        match plan.method {
            Method::Hyperband(_) | Method::Halving(_) | Method::Asha(..) | Method::Pbt(_) => {
                let message = format!("`early_terminate` beside `method: {word}`, which ends trials itself");
                mistakes.hint(node.at, message, "take it out");
            }
            _ => plan.stop = stop(node, mistakes),
        }
    }
}

/// Budgets, brackets and where configurations come from.
fn rungs(
    word: &str,
    table: &'static [(&'static str, Standing)],
    node: Option<&Node>,
    at: Position,
    mistakes: &mut Mistakes,
) -> Option<Rungs> {
    let hint = format!("write `{word}: {{max_budget: 81}}`, in epochs or what else the program counts");
    let Some(node) = node else {
        mistakes.hint(at, format!("`method: {word}` needs `{word}:` with the budgets"), hint);
        return None;
    };
    let section = Section::read(node, word, table, mistakes)?;
    let eta = section.whole("eta", 2..=1000, mistakes);
    let least = section.whole("min_budget", 1..=MOST_BUDGET, mistakes);
    let s_max = section.whole("s_max", 0..=63, mistakes);
    let most = section.whole("max_budget", 1..=MOST_BUDGET, mistakes);
    let guaranteed = section.whole("guaranteed_budget", 0..=MOST_BUDGET, mistakes);
    let last_stage = section.whole("last_stage", 0..=63, mistakes);
    let proposals = proposals(&section, mistakes);
    let (eta, least) = (eta?.unwrap_or(3), least?.unwrap_or(1));
    let (s_max, most) = (s_max?, most?);
    let (guaranteed, last_stage) = (guaranteed?.unwrap_or(0), last_stage?);
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let ladder = match (s_max, most) {
        (Some(_), Some(_)) => {
            let message = format!("`s_max` beside `max_budget` in `{word}`: the one follows from the other");
            mistakes.hint(node.at, message, "keep one of them");
            return None;
        }
        (None, None) => {
            mistakes.hint(node.at, format!("`{word}` has neither `max_budget` nor `s_max`"), hint);
            return None;
        }
        (Some(s_max), None) => Ladder::of_s_max(small(s_max), small(eta), least),
        (None, Some(most)) => Ladder::of_most(most, small(eta), least),
    };
    let Some(ladder) = ladder.filter(|ladder| ladder.most <= MOST_BUDGET) else {
        let message = match most {
            Some(most) => format!("`min_budget` of {least} is above `max_budget` of {most}"),
            None => format!("the budget of the last rung would pass {MOST_BUDGET}"),
        };
        mistakes.add(node.at, message);
        return None;
    };
    let brackets = brackets(&section, word, &ladder, mistakes)?;
    let ladder = Ladder { guaranteed, last_stage: last_stage.map(small), brackets, ..ladder };
    Some(Rungs { ladder, proposals: proposals? })
}

/// Most generations, and most individuals of one: the whole search has its own limit.
const MOST: u64 = 1_000_000;
/// Most demes.
const MOST_DEMES: u64 = 10_000;
/// Beyond, a budget has no exact number in a double, and none in the trial's environment.
const MOST_BUDGET: u64 = 1 << 53;

fn brackets(
    section: &Section<'_>,
    word: &str,
    ladder: &Ladder,
    mistakes: &mut Mistakes,
) -> Option<Selection> {
    let Some(node) = section.get("brackets") else { return Some(Selection::default()) };
    let numbers = section.wholes("brackets", 0..=63, mistakes)?;
    let beyond = numbers.iter().find(|number| **number > u64::from(ladder.s_max));
    if let Some(number) = beyond {
        let message =
            format!("`{word}` has no bracket {number}: they are numbered from 0 to {}", ladder.s_max);
        mistakes.add(node.at, message);
        return None;
    }
    if numbers.is_empty() {
        mistakes.hint(node.at, "`brackets` is empty", "name some, such as `[0, 2]`, or take it out for all");
        return None;
    }
    let numbers: Vec<u32> = numbers.iter().filter_map(|number| u32::try_from(*number).ok()).collect();
    Some(Selection::of(&numbers))
}

fn proposals(section: &Section<'_>, mistakes: &mut Mistakes) -> Option<Proposals> {
    let known = [
        ("random", Proposals::Random),
        ("sobol", Proposals::Sobol),
        ("latin", Proposals::Latin),
        ("bayes", Proposals::Bayes),
    ];
    section.choice("proposals", &known, mistakes).map(Option::unwrap_or_default)
}

fn mode(node: &Node, mistakes: &mut Mistakes) -> Option<AshaMode> {
    let section = Section::of(node, "asha")?;
    section.choice("mode", &[("promote", AshaMode::Promote), ("stop", AshaMode::Stop)], mistakes)?
}

/// That the sweep is not larger than one may be.
fn fits(rungs: Rungs, at: Position, mistakes: &mut Mistakes) {
    if let Err(error) = rungs.ladder.hyperband() {
        mistakes.add(at, error.to_string());
    }
}

fn genetic(defaults: genetic::Settings, node: Option<&Node>, mistakes: &mut Mistakes) -> genetic::Settings {
    let mut settings = defaults;
    let Some(section) = node.and_then(|node| Section::read(node, "genetic", GENETIC, mistakes)) else {
        return settings;
    };
    section.count("generations", 1..=MOST, &mut settings.generations, mistakes);
    section.count("num_demes", 1..=MOST_DEMES, &mut settings.num_demes, mistakes);
    section.count("pop_size", 1..=MOST, &mut settings.pop_size, mistakes);
    section.count("migration_interval", 0..=MOST, &mut settings.migration_interval, mistakes);
    section.share("mutation_rate", 1.0, &mut settings.mutation_rate, mistakes);
    section.share("crossover_rate", 1.0, &mut settings.crossover_rate, mistakes);
    let bounds = ["mul_mutation_bounds", "add_mutation_bounds"];
    let [mul, add] = bounds.map(|key| section.numbers::<3>(key, "three", mistakes));
    for (bounds, key, kept) in [
        (mul, bounds[0], &mut settings.mul_mutation_bounds),
        (add, bounds[1], &mut settings.add_mutation_bounds),
    ] {
        let Some(given) = bounds else { continue };
        match given {
            [small, from, to] if 0.0 <= small && 0.0 <= from && from <= to && to <= 1.0 && small <= 1.0 => {
                *kept = given;
            }
            _ => section.refuse(
                key,
                "three shares: small, and from and to of large, such as `[0.01, 0.1, 0.2]`",
                mistakes,
            ),
        }
    }
    if section.yes("checkpoint", mistakes) == Some(true) {
        settings.lineage = genetic::Lineage::Checkpoint;
    }
    settings
}

fn pbt(defaults: pbt::Settings, node: Option<&Node>, mistakes: &mut Mistakes) -> pbt::Settings {
    let mut settings = defaults;
    let Some(section) = node.and_then(|node| Section::read(node, "pbt", PBT, mistakes)) else {
        return settings;
    };
    section.count("population", 1..=MOST, &mut settings.population, mistakes);
    section.count("generations", 1..=MOST, &mut settings.generations, mistakes);
    if let Some(Some(interval)) = section.whole("interval", 1..=MOST_BUDGET, mistakes) {
        settings.interval = interval;
    }
    section.share("quantile", 0.5, &mut settings.quantile, mistakes);
    section.share("resample", 1.0, &mut settings.resample, mistakes);
    match section.numbers::<2>("factors", "two", mistakes) {
        Some(factors) if factors.iter().all(|factor| *factor > 0.0) => settings.factors = factors,
        Some(_) => section.refuse("factors", "two numbers above 0, such as `[1.2, 0.8]`", mistakes),
        None => {}
    }
    settings
}

/// W&B's `early_terminate`, and ours.
fn stop(node: &Node, mistakes: &mut Mistakes) -> Option<Stop> {
    let section = Section::read(node, "early_terminate", EARLY_TERMINATE, mistakes)?;
    let known = [("hyperband", true), ("median", false)];
    let Some(bands) = section.choice("type", &known, mistakes)? else {
        let hint = "write `type: hyperband` or `type: median`";
        mistakes.hint(node.at, "`early_terminate` has no `type`", hint);
        return None;
    };
    let others: &[&str] = if bands {
        &["grace_steps", "grace_trials"]
    } else {
        &["min_iter", "max_iter", "s", "eta", "strict"]
    };
    for key in others.iter().filter(|key| section.get(key).is_some()) {
        let word = if bands { "hyperband" } else { "median" };
        mistakes.add(node.at, format!("`{key}` means nothing to `early_terminate` of type `{word}`"));
    }
    if !bands {
        let mut grace = Grace::default();
        grace.steps = section.whole("grace_steps", 0..=MOST_BUDGET, mistakes)?.unwrap_or(grace.steps);
        grace.completed =
            section.whole("grace_trials", 1..=MOST_BUDGET, mistakes)?.unwrap_or(grace.completed);
        return Some(Stop::Median(grace));
    }
    let eta = section.above_one("eta", 3.0, mistakes)?;
    let strict = section.yes("strict", mistakes).unwrap_or(false);
    let first = section.whole("min_iter", 1..=MOST_BUDGET, mistakes)?;
    let last = section.whole("max_iter", 1..=MOST_BUDGET, mistakes)?;
    let s = section.whole("s", 1..=64, mistakes)?;
    let bands = match (first, last, s) {
        (Some(first), None, None) => band_stop::from_first(first, eta),
        (None, Some(last), Some(s)) => band_stop::below_last(last, u32::try_from(s).unwrap_or(u32::MAX), eta),
        _ => {
            let hint = "write `min_iter: 3`, or `max_iter: 27` with `s: 2`";
            let message = "`early_terminate` needs either `min_iter`, or `max_iter` with `s`";
            mistakes.hint(node.at, message, hint);
            return None;
        }
    };
    if bands.is_empty() {
        let message = "`early_terminate` has no band: `max_iter` divided by `eta` is below 1";
        mistakes.hint(node.at, message, "give a greater `max_iter`");
        return None;
    }
    let strictness = if strict { Strictness::AtBand } else { Strictness::Best };
    Some(Stop::Bands { bands, eta, strictness })
}
