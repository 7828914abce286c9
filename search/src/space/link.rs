//! How parameters hang together: rules between them and lists that are coupled. From these comes one order in which
//! each parameter stands after all that it depends on. Never an order that depends on how the spec was written.

use std::collections::{BTreeMap, BTreeSet};

use sweep_core::params::Params;
use sweep_core::value::Value;

use super::condition::{Rule, Test};
use super::{Axis, Domain};

/// What connects the axes of a space.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Links {
    /// At most one for each parameter.
    pub rules: Vec<Rule>,
    /// Lists whose values belong together by their place.
    pub coupled: Vec<Vec<String>>,
    /// Values to begin with.
    pub defaults: Params,
}

/// Why axes cannot hang together as they should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A rule or a coupling names what is no parameter.
    #[error("`{unknown}` is not a parameter")]
    Unknown {
        /// The parameter whose rule it is, or the first of the coupled.
        name: String,
        /// What it names.
        unknown: String,
    },
    /// Parameters that depend on each other in a circle.
    #[error("parameters depend on each other in a circle: {}", chain(names))]
    Cycle {
        /// The circle, each depending on the one after it and the last on the first.
        names: Vec<String>,
    },
    /// A coupled parameter that is not a list.
    #[error("parameter `{name}` is not a list of values, so it cannot be coupled")]
    NotAList {
        /// The parameter.
        name: String,
    },
    /// Coupled lists that are not of one length.
    #[error("`{first}` and `{second}` are coupled, but have {} and {} values", .lengths.0, .lengths.1)]
    Lengths {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// Their lengths.
        lengths: (usize, usize),
    },
    /// A parameter in two couplings, or twice in one.
    #[error("parameter `{name}` is coupled twice")]
    CoupledTwice {
        /// The parameter.
        name: String,
    },
    /// A coupled parameter with a value of its own.
    #[error("parameter `{name}` is coupled, so a rule cannot fix its value alone")]
    CoupledThen {
        /// The parameter.
        name: String,
    },
    /// More dependencies than can be counted.
    #[error(
        "too many parameters depend on each other for the combinations to be counted, `{name}` among them"
    )]
    Entangled {
        /// One of them.
        name: String,
    },
}

impl LinkError {
    /// The parameter that it is about.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown { name, .. }
            | Self::NotAList { name }
            | Self::CoupledTwice { name }
            | Self::CoupledThen { name }
            | Self::Entangled { name } => name,
            Self::Lengths { first, .. } => first,
            Self::Cycle { names } => names.first().map_or("", String::as_str),
        }
    }
}

fn chain(names: &[String]) -> String {
    let first = names.first();
    names.iter().chain(first).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ")
}

/// Axes that share one place: nearly always one axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// The axes, by their place in the space, rising.
    pub(crate) axes: Vec<usize>,
    /// What must hold, each by the axis that is tested; empty for what always counts.
    pub(crate) when: Vec<(usize, Test)>,
    /// The value where it holds.
    pub(crate) then: Option<Value>,
}

/// The groups, sorted by component and, in each component, so that none stands before what it depends on; and how
/// many groups each component has. A component is what hangs together by rules.
pub(super) struct Order {
    pub(super) groups: Vec<Group>,
    pub(super) components: Vec<usize>,
}

/// Groups axes that are sorted by name.
pub(super) fn order(axes: &[Axis], links: &Links) -> Result<Order, Vec<LinkError>> {
    let mut errors = Vec::new();
    let mut groups = couple(axes, &links.coupled, &mut errors);
    let group_of = |axis: usize, groups: &[Group]| groups.iter().position(|group| group.axes.contains(&axis));
    for rule in &links.rules {
        let Some(group) = find(axes, &rule.name).and_then(|axis| group_of(axis, &groups)) else {
            errors.push(LinkError::Unknown { name: rule.name.clone(), unknown: rule.name.clone() });
            continue;
        };
        for condition in &rule.when {
            match find(axes, &condition.parent) {
                Some(parent) => groups[group].when.push((parent, condition.test.clone())),
                None => errors
                    .push(LinkError::Unknown { name: rule.name.clone(), unknown: condition.parent.clone() }),
            }
        }
        if rule.then.is_some() && groups[group].axes.len() > 1 {
            errors.push(LinkError::CoupledThen { name: rule.name.clone() });
        }
        groups[group].then.clone_from(&rule.then);
    }
    let parents: Vec<BTreeSet<usize>> = groups
        .iter()
        .map(|group| group.when.iter().filter_map(|(axis, _)| group_of(*axis, &groups)).collect())
        .collect();
    for circle in circles(&parents) {
        let names = circle.into_iter().map(|group| axes[groups[group].axes[0]].name.clone()).collect();
        errors.push(LinkError::Cycle { names });
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let (places, components) = sorted(&parents);
    let mut slots: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
    let groups = places.into_iter().filter_map(|place| slots[place].take()).collect();
    Ok(Order { groups, components })
}

fn find(axes: &[Axis], name: &str) -> Option<usize> {
    axes.binary_search_by(|axis| axis.name.as_str().cmp(name)).ok()
}

/// A group for each axis and each coupling, sorted by the first axis.
fn couple(axes: &[Axis], coupled: &[Vec<String>], errors: &mut Vec<LinkError>) -> Vec<Group> {
    let mut taken = BTreeSet::new();
    let mut groups = Vec::new();
    for names in coupled {
        let mut members: BTreeMap<usize, usize> = BTreeMap::new();
        let mut first: Option<(&str, usize)> = None;
        for name in names {
            let Some(axis) = find(axes, name) else {
                errors.push(LinkError::Unknown { name: names[0].clone(), unknown: name.clone() });
                continue;
            };
            let Domain::Categorical(values) = &axes[axis].domain else {
                errors.push(LinkError::NotAList { name: name.clone() });
                continue;
            };
            if !taken.insert(axis) {
                errors.push(LinkError::CoupledTwice { name: name.clone() });
                continue;
            }
            match first {
                Some((first, length)) if length != values.len() => errors.push(LinkError::Lengths {
                    first: first.to_owned(),
                    second: name.clone(),
                    lengths: (length, values.len()),
                }),
                Some(_) => {}
                None => first = Some((name, values.len())),
            }
            members.insert(axis, values.len());
        }
        if !members.is_empty() {
            groups.push(Group { axes: members.into_keys().collect(), when: Vec::new(), then: None });
        }
    }
    let alone = (0..axes.len()).filter(|axis| !taken.contains(axis));
    groups.extend(alone.map(|axis| Group { axes: vec![axis], when: Vec::new(), then: None }));
    groups.sort_by_key(|group| group.axes[0]);
    groups
}

/// One circle for each set of nodes that has one, found from its first node.
fn circles(parents: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let mut done = vec![false; parents.len()];
    let mut found = Vec::new();
    for start in 0..parents.len() {
        // A path of parents, each with those not yet followed; what is on it twice is a circle.
        let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
        if !done[start] {
            path.push((start, parents[start].iter().rev().copied().collect()));
        }
        while let Some((node, left)) = path.last_mut() {
            let Some(next) = left.pop() else {
                done[*node] = true;
                path.pop();
                continue;
            };
            if let Some(from) = path.iter().position(|(node, _)| *node == next) {
                found.push(path[from..].iter().map(|(node, _)| *node).collect());
                // Everything on the path leads to this circle; one is enough.
                path.drain(..).for_each(|(node, _)| done[node] = true);
            } else if !done[next] {
                path.push((next, parents[next].iter().rev().copied().collect()));
            }
        }
    }
    found
}

/// The nodes by component, and the components' sizes. Components are sorted by their first node. In each, a node
/// comes as soon as its last parent has come: what hangs on a node stands right behind it.
fn sorted(parents: &[BTreeSet<usize>]) -> (Vec<usize>, Vec<usize>) {
    let mut children = vec![BTreeSet::new(); parents.len()];
    for (node, parents) in parents.iter().enumerate() {
        for parent in parents {
            children[*parent].insert(node);
        }
    }
    let mut waiting: Vec<usize> = parents.iter().map(BTreeSet::len).collect();
    let mut seen = vec![false; parents.len()];
    let (mut places, mut components) = (Vec::new(), Vec::new());
    for start in 0..parents.len() {
        if seen[start] {
            continue;
        }
        let (mut members, mut reached) = (BTreeSet::new(), vec![start]);
        while let Some(node) = reached.pop() {
            if !std::mem::replace(&mut seen[node], true) {
                members.insert(node);
                reached.extend(parents[node].iter().chain(&children[node]));
            }
        }
        components.push(members.len());
        let roots = members.into_iter().rev().filter(|node| parents[*node].is_empty());
        let mut ready: Vec<usize> = roots.collect();
        while let Some(node) = ready.pop() {
            places.push(node);
            for child in children[node].iter().rev() {
                waiting[*child] -= 1;
                if waiting[*child] == 0 {
                    ready.push(*child);
                }
            }
        }
    }
    (places, components)
}
