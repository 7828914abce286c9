//! Counting and numbering the combinations of parameters that hang together, without listing them. Never more in
//! memory than the ways in which conditions can stand open.
//!
//! The groups of a component are gone through in their order. All that the rest depends on is which of the
//! conditions on later groups can still hold: one bit for each group. Values that leave the same bits are counted
//! together.

use std::collections::HashMap;

use sweep_core::value::{Scalar, Value};

use super::condition::Test;
use super::link::Group;
use super::{Axis, Combinations, Domain};

/// Most groups that hang together: a bit each.
pub(super) const GROUPS: usize = 128;
/// Most ways in which conditions of one component may stand open.
const STATES: usize = 1 << 16;

/// What hangs together, with the number of combinations from each point on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Component {
    /// Where its groups begin among those of the space.
    pub(crate) start: usize,
    nodes: Vec<Node>,
    counts: HashMap<(usize, u128), Combinations>,
    count: Combinations,
}

/// A group, as far as counting goes. Masks keep the bits of the groups whose conditions still can hold.
#[derive(Clone, Debug, PartialEq)]
struct Node {
    /// Of a finite domain, values next to each other that leave the same bits.
    runs: Option<Vec<Run>>,
    conditional: bool,
    /// With `then`: the bits that its value leaves.
    fixed: Option<u128>,
    /// The bits that are left where it is absent.
    absent: u128,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    len: u128,
    keep: u128,
}

/// What a combination says about one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// It is not there.
    Absent,
    /// It has the value of its rule.
    Fixed,
    /// It has the value at this place.
    Place(u64),
}

/// What a group may be, given what came before.
enum Turn<'a> {
    One(Choice, u128),
    Any(&'a [Run]),
    Endless,
}

impl Component {
    /// The component of these groups; `None` where there are too many ways to keep apart.
    pub(super) fn new(start: usize, groups: &[Group], axes: &[Axis]) -> Option<Self> {
        if groups.len() > GROUPS {
            return None;
        }
        let nodes = groups.iter().map(|group| Node::new(group, groups, axes)).collect();
        let counts = HashMap::new();
        let mut component = Self { start, nodes, counts, count: Combinations::Finite(1) };
        component.count = component.fill(0, u128::MAX)?;
        Some(component)
    }

    /// How many combinations it has.
    pub(crate) fn count(&self) -> Combinations {
        self.count
    }

    /// What combination `number` says about each group; `None` past the last and where there is no last.
    pub(crate) fn choices(&self, number: u128) -> Option<Vec<Choice>> {
        let (mut rest, mut state) = (number, u128::MAX);
        let mut choices = Vec::with_capacity(self.nodes.len());
        for (at, node) in self.nodes.iter().enumerate() {
            let (choice, keep) = match node.turn(at, state) {
                Turn::Endless => return None,
                Turn::One(choice, keep) => (choice, keep),
                Turn::Any(runs) => {
                    let mut before = 0;
                    let mut found = None;
                    for run in runs {
                        let each = self.after(at, state & run.keep);
                        let all = each.finite().and_then(|each| each.checked_mul(run.len));
                        match all {
                            Some(all) if rest >= all => {
                                rest -= all;
                                before += run.len;
                            }
                            // Of more than 2^128 none is past the end.
                            _ => {
                                let place = each.finite().map_or(0, |each| rest / each);
                                rest = each.finite().map_or(rest, |each| rest % each);
                                found = Some((before + place, run.keep));
                                break;
                            }
                        }
                    }
                    let (place, keep) = found?;
                    (Choice::Place(u64::try_from(place).ok()?), keep)
                }
            };
            choices.push(choice);
            state &= keep;
        }
        (rest == 0).then_some(choices)
    }

    /// The number of a combination; `None` for what is none, and past 2^128.
    pub(crate) fn number(&self, choices: &[Choice]) -> Option<u128> {
        let (mut number, mut state) = (0_u128, u128::MAX);
        for ((at, node), choice) in self.nodes.iter().enumerate().zip(choices) {
            let keep = match (node.turn(at, state), choice) {
                (Turn::One(expected, keep), choice) if expected == *choice => keep,
                (Turn::Any(runs), Choice::Place(place)) => {
                    let mut left = u128::from(*place);
                    let mut keep = None;
                    for run in runs {
                        let each = self.after(at, state & run.keep).finite()?;
                        number = number.checked_add(each.checked_mul(left.min(run.len))?)?;
                        if left < run.len {
                            keep = Some(run.keep);
                            break;
                        }
                        left -= run.len;
                    }
                    keep?
                }
                _ => return None,
            };
            state &= keep;
        }
        Some(number)
    }

    fn after(&self, at: usize, state: u128) -> Combinations {
        let key = (at + 1, self.open(at + 1, state));
        self.counts.get(&key).copied().unwrap_or(Combinations::Finite(1))
    }

    /// The bits of the groups from `at` on, those without conditions left out.
    fn open(&self, at: usize, state: u128) -> u128 {
        let conditional = self.nodes.iter().enumerate().skip(at).filter(|(_, node)| node.conditional);
        state & conditional.fold(0, |bits, (place, _)| bits | 1 << place)
    }

    /// Counts from a group on, and remembers it; `None` past [`STATES`].
    fn fill(&mut self, at: usize, state: u128) -> Option<Combinations> {
        let Some(node) = self.nodes.get(at) else { return Some(Combinations::Finite(1)) };
        let key = (at, self.open(at, state));
        if let Some(count) = self.counts.get(&key) {
            return Some(*count);
        }
        if self.counts.len() >= STATES {
            return None;
        }
        let runs: Vec<Run> = match node.turn(at, state) {
            Turn::Endless => {
                self.counts.insert(key, Combinations::Infinite);
                return Some(Combinations::Infinite);
            }
            Turn::One(_, keep) => vec![Run { len: 1, keep }],
            Turn::Any(runs) => runs.to_vec(),
        };
        let mut count = Combinations::Finite(0);
        for run in runs {
            count = count.plus(self.fill(at + 1, state & run.keep)?.times(run.len));
        }
        self.counts.insert(key, count);
        Some(count)
    }
}

impl Node {
    fn new(group: &Group, groups: &[Group], axes: &[Axis]) -> Self {
        let tests: Vec<(u128, usize, &Test)> = groups
            .iter()
            .enumerate()
            .flat_map(|(place, other)| other.when.iter().map(move |(axis, test)| (1 << place, *axis, test)))
            .filter(|(_, axis, _)| group.axes.contains(axis))
            .collect();
        let keep_of = |value: &dyn Fn(usize) -> Option<Value>| {
            let failed = tests.iter().filter(|(_, axis, test)| !value(*axis).is_some_and(|v| test.holds(&v)));
            !failed.fold(0, |bits, (bit, ..)| bits | bit)
        };
        let runs = axes[group.axes[0]].domain.size().map(|size| {
            let mut runs: Vec<Run> = Vec::new();
            let mut starts = changes(group, axes, &tests);
            starts.push(size);
            for ends in starts.windows(2) {
                let place = u64::try_from(ends[0]).unwrap_or(u64::MAX);
                let keep = keep_of(&|axis| axes[axis].domain.at(place));
                let len = ends[1] - ends[0];
                match runs.last_mut() {
                    Some(run) if run.keep == keep => run.len += len,
                    _ => runs.push(Run { len, keep }),
                }
            }
            runs
        });
        Self {
            runs,
            conditional: !group.when.is_empty(),
            fixed: group.then.as_ref().map(|then| keep_of(&|_| Some(then.clone()))),
            absent: keep_of(&|_| None),
        }
    }

    fn turn(&self, at: usize, state: u128) -> Turn<'_> {
        let holds = state & (1 << at) != 0;
        match (self.conditional, holds, self.fixed) {
            (true, true, Some(keep)) => return Turn::One(Choice::Fixed, keep),
            (true, false, None) => return Turn::One(Choice::Absent, self.absent),
            _ => {}
        }
        self.runs.as_deref().map_or(Turn::Endless, Turn::Any)
    }
}

/// The places, from 0 on and rising, between which no test of a group's values changes its answer.
fn changes(group: &Group, axes: &[Axis], tests: &[(u128, usize, &Test)]) -> Vec<u128> {
    if tests.is_empty() {
        return vec![0];
    }
    let domain = &axes[group.axes[0]].domain;
    let size = domain.size().unwrap_or(0);
    let limits = tests.iter().flat_map(|(_, _, test)| test.values());
    let mut places: Vec<u128> = match domain {
        // Of numbers in order, an answer changes where the limit of a test lies, give or take one.
        Domain::IntUniform { min, .. } => {
            let place = |limit: &Value| {
                let floor = match limit.scalar() {
                    Scalar::Int(n) => i128::from(*n),
                    #[expect(clippy::cast_possible_truncation, reason = "what is too large is past the end")]
                    Scalar::Float(x) => libm::floor(*x) as i128,
                    Scalar::Bool(_) | Scalar::Text(_) => return None,
                };
                Some(floor.saturating_sub(i128::from(*min)))
            };
            around(limits.filter_map(place))
        }
        #[expect(clippy::cast_possible_truncation, reason = "what is too large is past the end")]
        Domain::Steps { first, step, .. } => {
            around(limits.filter_map(|limit| Some(libm::floor((limit.as_f64()? - first) / step) as i128)))
        }
        _ => (0..size).collect(),
    };
    places.push(0);
    places.retain(|place| *place < size);
    places.sort_unstable();
    places.dedup();
    places
}

fn around(places: impl Iterator<Item = i128>) -> Vec<u128> {
    let near = places.flat_map(|place| (-1..=2).map(move |step| place.saturating_add(step)));
    near.filter_map(|place| u128::try_from(place).ok()).collect()
}
