//! A Sobol sequence with Owen's scrambling (Burley 2020): draws that fill the space more evenly than independent
//! ones. Never a point that depends on how many are asked for.

use sha2::{Digest, Sha256};
use sweep_core::id::TrialIndex;

use crate::error::Error;
use crate::rng::Rng;
use crate::sample;
use crate::space::Space;
use crate::strategy::{Ask, Event, Proposal, Strategy};

/// Points of one sequence; the next ones are those of another, scrambled anew.
const BLOCK: u64 = 1 << 16;
/// The sequence's dimensions. A trial may have no more parameters than that anyway.
const AXES: usize = sobol_burley::NUM_DIMENSIONS as usize;
/// The steps of a coordinate: what is finer is drawn for itself.
const STEPS: f64 = (1_u32 << 24) as f64;

/// Proposes the points of a sequence.
#[derive(Clone, Debug)]
pub struct Sobol {
    space: Space,
    seed: String,
    count: u64,
    next: u64,
}

impl Sobol {
    /// The first `count` points.
    ///
    /// # Errors
    /// [`Error::TooManyAxes`].
    pub fn new(space: Space, seed: &str, count: u64) -> Result<Self, Error> {
        match space.axes().len() {
            axes if axes > AXES => Err(Error::TooManyAxes { axes, most: AXES }),
            _ => Ok(Self { space, seed: seed.to_owned(), count, next: 0 }),
        }
    }

    /// A coordinate in `[0, 1)`.
    fn unit(&self, scramble: u32, axis: usize) -> f64 {
        let point = u32::try_from(self.next % BLOCK).expect("below 2^16");
        let dimension = u32::try_from(axis).expect("checked when it was made");
        let step = f64::from(sobol_burley::sample(point, dimension, scramble));
        let name = self.space.axes().get(axis).map_or("", |axis| axis.name.as_str());
        step + sample::unit(&self.seed, self.next, name) / STEPS
    }

    /// What the sequence of this block is scrambled by.
    fn scramble(&self) -> u32 {
        let block = (self.next / BLOCK).to_be_bytes();
        let digest =
            Sha256::new().chain_update("sobol ").chain_update(&self.seed).chain_update(block).finalize();
        u32::from_be_bytes(digest[..4].try_into().expect("a digest has 32 bytes"))
    }
}

impl Strategy for Sobol {
    fn ask(&self, _rng: &mut Rng) -> Ask {
        if self.next >= self.count {
            return Ask::Done;
        }
        let scramble = self.scramble();
        let params = self.space.assign(|axis| self.unit(scramble, axis));
        Ask::Run(Proposal { params, ..Proposal::default() })
    }

    fn tell(&mut self, trial: TrialIndex, event: &Event) {
        if let Event::Proposed(_) = event {
            self.next = self.next.max(u64::from(trial.0) + 1);
        }
    }
}

/// Points.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Axis, Domain};

    fn sobol(axes: usize, seed: &str) -> Sobol {
        let domain = Domain::Uniform { min: 0.0, max: 1.0 };
        let axes = (0..axes).map(|n| Axis { name: format!("p{n:03}"), domain: domain.clone() }).collect();
        Sobol::new(Space::new(axes), seed, u64::MAX).unwrap()
    }

    fn points(mut sobol: Sobol, count: u32) -> Vec<Vec<f64>> {
        let mut points = Vec::new();
        for number in 0..count {
            let Ask::Run(proposal) = sobol.ask(&mut Rng::new("", 0)) else { panic!("it ended") };
            points.push(proposal.params.iter().map(|(_, value)| value.as_f64().unwrap()).collect());
            sobol.tell(TrialIndex(number), &Event::Proposed(proposal));
        }
        points
    }

    #[test]
    fn each_sixteenth_of_two_axes_is_met_once_by_sixteen_points() {
        for seed in ["1", "2", "3"] {
            let points = points(sobol(2, seed), 16);
            for (across, down) in [(16, 1), (8, 2), (4, 4), (2, 8), (1, 16)] {
                let cell = |point: &Vec<f64>| {
                    ((point[0] * f64::from(across)) as u32, (point[1] * f64::from(down)) as u32)
                };
                let mut cells: Vec<_> = points.iter().map(cell).collect();
                cells.sort_unstable();
                cells.dedup();
                assert_eq!(cells.len(), 16, "{across} by {down}");
            }
        }
    }

    #[test]
    fn another_seed_and_another_block_are_other_points() {
        assert_ne!(points(sobol(1, "1"), 4), points(sobol(1, "2"), 4));
        let mut late = sobol(1, "1");
        late.next = BLOCK - 1;
        let across = points(late, 1);
        let mut next = sobol(1, "1");
        next.next = BLOCK;
        assert_ne!(points(next, 4), points(sobol(1, "1"), 4));
        assert_ne!(across, points(sobol(1, "1"), 1));
    }

    #[test]
    fn more_axes_than_the_sequence_has_are_refused() {
        assert!(points(sobol(AXES, "1"), 1)[0].iter().all(|x| (0.0..1.0).contains(x)));
        let domain = Domain::Uniform { min: 0.0, max: 1.0 };
        let axes = (0..=AXES).map(|n| Axis { name: format!("p{n}"), domain: domain.clone() }).collect();
        let error = Sobol::new(Space::new(axes), "1", 1).unwrap_err();
        assert_eq!(error, Error::TooManyAxes { axes: 257, most: 256 });
    }
}
