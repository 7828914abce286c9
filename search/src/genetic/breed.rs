//! How a child comes from its parents. Never a look at anything but them and the generator that it is given.

use sweep_core::params::Params;

use super::Settings;
use crate::cohort::Individual;
use crate::rng::Rng;
use crate::space::Space;
use crate::vary::{self, Move};

/// Mutations, or draws, more than the rates ask for, where a child was there before.
const TRIES: u32 = 8;

/// What does not change from child to child.
pub(super) struct Breeding<'a> {
    pub(super) settings: &'a Settings,
    pub(super) space: &'a Space,
    /// The axes that vary, each with those that it brings along.
    pub(super) axes: &'a [(usize, Vec<usize>)],
}

/// A child, with the parent that it has most of.
pub(super) struct Child {
    pub(super) params: Params,
    pub(super) parent: u32,
}

/// A child of two of the parents, which are sorted and not empty.
pub(super) fn child(
    breeding: &Breeding<'_>,
    parents: &[Individual],
    rng: &mut Rng,
    is_new: impl Fn(&Params) -> bool,
) -> Child {
    let Breeding { settings, space, axes } = *breeding;
    let (mother, father) = (chosen(parents, rng), chosen(parents, rng));
    let mut wanted = vary::wanted(space, &mother.params);
    let other = vary::wanted(space, &father.params);
    for (axis, led) in axes {
        if rng.unit() < settings.crossover_rate && other[*axis].is_some() {
            for member in led {
                wanted[*member].clone_from(&other[*member]);
            }
        }
    }
    for (axis, led) in axes {
        if rng.unit() < settings.mutation_rate {
            mutate(breeding, &mut wanted, *axis, led, rng);
        }
    }
    let mut params = vary::completed(space, wanted, |_| rng.unit());
    for _ in 0..TRIES {
        if axes.is_empty() || is_new(&params) {
            break;
        }
        let mut wanted = vary::wanted(space, &params);
        let (axis, led) = &axes[place(rng, axes.len())];
        mutate(breeding, &mut wanted, *axis, led, rng);
        params = vary::completed(space, wanted, |_| rng.unit());
    }
    Child { params, parent: mother.trial }
}

/// A configuration drawn axis by axis, again where it was there before.
pub(super) fn redrawn(space: &Space, rng: &mut Rng, is_new: impl Fn(&Params) -> bool) -> Params {
    let mut params = space.assign(|_| rng.unit());
    for _ in 0..TRIES {
        if is_new(&params) {
            break;
        }
        params = space.assign(|_| rng.unit());
    }
    params
}

/// The better of two drawn ones.
fn chosen<'a>(parents: &'a [Individual], rng: &mut Rng) -> &'a Individual {
    let (one, other) = (place(rng, parents.len()), place(rng, parents.len()));
    &parents[one.min(other)]
}

fn place(rng: &mut Rng, count: usize) -> usize {
    let count = count as u64;
    usize::try_from(rng.bits() % count.max(1)).expect("below a length")
}

/// Moves one value; an absent one stays absent.
fn mutate(
    breeding: &Breeding<'_>,
    wanted: &mut [Option<sweep_core::value::Value>],
    axis: usize,
    led: &[usize],
    rng: &mut Rng,
) {
    let change = Move {
        times: amount(breeding.settings.mul_mutation_bounds, rng),
        by: amount(breeding.settings.add_mutation_bounds, rng),
    };
    let Some(value) = &wanted[axis] else { return };
    let moved = vary::moved(&breeding.space.axes()[axis].domain, value, change);
    // Those that it brings along follow it.
    led.iter().for_each(|member| wanted[*member] = None);
    wanted[axis] = Some(moved);
}

/// A small amount or a large one, up or down.
fn amount([small, from, to]: [f64; 3], rng: &mut Rng) -> f64 {
    let (large, down, share) = (rng.unit() < 0.5, rng.unit() < 0.5, rng.unit());
    let amount = if large { from + share * (to - from) } else { share * small };
    if down { -amount } else { amount }
}
