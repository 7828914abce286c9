//! Configurations as points: a coordinate for each parameter, or for each set of coupled ones. Never a point that is
//! no configuration: what is not active has no coordinate, and whole numbers and lists have those of their values.

use sweep_core::params::Params;
use sweep_core::value::{Scalar, Value};

use super::elementary::{below, gaussian};
use super::kernel::{ABSENT, Metric};
use crate::rng::Rng;
use crate::space::{Domain, Space, Test};
use crate::vary::is_ordered;

/// A configuration as the model sees it: numbers from 0 to 1, places of lists, or [`ABSENT`].
pub(crate) type Point = Vec<f64>;

/// How the configurations of a space become points.
#[derive(Clone, Debug)]
pub(crate) struct Encoding {
    space: Space,
    dims: Vec<Dim>,
    metrics: Vec<Metric>,
}

/// One coordinate.
#[derive(Clone, Debug)]
struct Dim {
    axes: Vec<usize>,
    kind: Kind,
    /// What must hold for it to be active; of a parameter with a fixed value, for it to have that.
    when: Vec<Need>,
    /// The coordinate that the fixed value has.
    fixed: Option<f64>,
}

/// What the values of a coordinate are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Places of a list without order: so many.
    List(usize),
    /// Values in order, each in the middle of its cell: so many.
    Ladder(f64),
    /// Every number.
    Line,
    /// The shares of a distribution that is rounded.
    Rounded,
}

/// A condition on another coordinate.
#[derive(Clone, Debug)]
struct Need {
    dim: usize,
    test: Allowed,
}

#[derive(Clone, Debug)]
enum Allowed {
    /// By place of the list.
    Places(Vec<bool>),
    /// By value of an axis.
    Value(usize, Test),
}

impl Encoding {
    /// That of a space.
    #[must_use]
    pub(crate) fn new(space: &Space) -> Self {
        let dim_of = |axis: usize| space.groups().iter().position(|group| group.axes.contains(&axis));
        let mut dims: Vec<Dim> = Vec::new();
        for group in space.groups() {
            let domain = &space.axes()[group.axes[0]].domain;
            let needs = group.when.iter().filter_map(|(axis, test)| {
                let dim = dim_of(*axis)?;
                Some(Need { dim, test: allowed(space, *axis, test, dims.get(dim)?.kind) })
            });
            let needs = needs.collect();
            let kind = kind(domain);
            dims.push(Dim { axes: group.axes.clone(), kind, when: needs, fixed: None });
            if let Some(then) = &group.then {
                let at = dims.len() - 1;
                dims[at].fixed = Some(coordinate(domain, kind, then).unwrap_or(ABSENT));
            }
        }
        let metric = |dim: &Dim| if matches!(dim.kind, Kind::List(_)) { Metric::Equal } else { Metric::Near };
        let metrics = dims.iter().map(metric).collect();
        Self { space: space.clone(), dims, metrics }
    }

    /// How the coordinates are compared.
    #[must_use]
    pub(crate) fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// How many values a coordinate that is a list has.
    #[must_use]
    pub(crate) fn list(&self, dim: usize) -> Option<usize> {
        match self.dims.get(dim)?.kind {
            Kind::List(count) => Some(count),
            _ => None,
        }
    }

    /// The distance of neighbouring values; 0 where there are values between any two.
    #[must_use]
    pub(crate) fn step(&self, dim: usize, point: &[f64]) -> f64 {
        match self.dims[dim].kind {
            Kind::List(_) | Kind::Line => 0.0,
            Kind::Ladder(count) => 1.0 / count,
            Kind::Rounded => self.rounded_step(dim, point[dim]),
        }
    }

    fn rounded_step(&self, dim: usize, u: f64) -> f64 {
        let domain = self.domain(dim);
        let Domain::Rounded { of, step, .. } = domain else { return 0.0 };
        let Some(x) = domain.sample(u).as_f64() else { return 0.0 };
        of.share_below(x + step / 2.0) - of.share_below(x - step / 2.0)
    }

    fn domain(&self, dim: usize) -> &Domain {
        &self.space.axes()[self.dims[dim].axes[0]].domain
    }

    /// Whether a coordinate may be chosen, given those before it.
    fn is_free(&self, dim: usize, point: &[f64]) -> bool {
        let dim = &self.dims[dim];
        if dim.when.is_empty() {
            return true;
        }
        let holds = dim.when.iter().all(|need| self.holds(need, point));
        holds == dim.fixed.is_none()
    }

    fn holds(&self, need: &Need, point: &[f64]) -> bool {
        let x = point[need.dim];
        if x < 0.0 {
            return false;
        }
        match &need.test {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place of a list")]
            Allowed::Places(places) => places.get(x as usize).copied().unwrap_or(false),
            Allowed::Value(axis, test) => {
                let domain = &self.space.axes()[*axis].domain;
                test.holds(&domain.sample(self.share(need.dim, x)))
            }
        }
    }

    /// Makes a point of wanted coordinates: what is not active is taken away, what is missing is drawn, and numbers
    /// become those of values.
    pub(crate) fn settle(&self, point: &mut [f64], rng: &mut Rng) {
        for dim in 0..self.dims.len() {
            if !self.is_free(dim, point) {
                point[dim] = self.dims[dim].fixed.unwrap_or(ABSENT);
            } else if point[dim] < 0.0 {
                point[dim] = self.draw(dim, rng);
            } else {
                point[dim] = self.snapped(dim, point[dim]);
            }
        }
    }

    fn draw(&self, dim: usize, rng: &mut Rng) -> f64 {
        match (self.dims[dim].kind, self.domain(dim)) {
            (Kind::List(count), Domain::Categorical(_)) => below(rng, count) as f64,
            (kind, domain @ Domain::Weighted { .. }) => {
                coordinate(domain, kind, &domain.sample(rng.unit())).unwrap_or(0.0)
            }
            _ => self.snapped(dim, rng.unit()),
        }
    }

    fn snapped(&self, dim: usize, x: f64) -> f64 {
        match self.dims[dim].kind {
            Kind::List(count) => x.clamp(0.0, count.saturating_sub(1) as f64).floor(),
            Kind::Line => x.clamp(0.0, 1.0),
            Kind::Ladder(count) => (((x * count).floor()).clamp(0.0, count - 1.0) + 0.5) / count,
            Kind::Rounded => {
                let domain = self.domain(dim);
                domain.cdf(&domain.sample(x.clamp(0.0, 1.0))).unwrap_or(0.5)
            }
        }
    }

    /// A configuration drawn from the space.
    #[must_use]
    pub(crate) fn random(&self, rng: &mut Rng) -> Point {
        let mut point = vec![ABSENT; self.dims.len()];
        self.settle(&mut point, rng);
        point
    }

    /// A configuration near another: numbers moved by about `spread` of their range, a list now and then to another
    /// of its values.
    #[must_use]
    pub(crate) fn mutated(&self, point: &[f64], spread: f64, rng: &mut Rng) -> Point {
        let free: Vec<usize> =
            (0..self.dims.len()).filter(|dim| point[*dim] >= 0.0 && self.is_free(*dim, point)).collect();
        let mut changed = point.to_vec();
        if free.is_empty() {
            return changed;
        }
        let each = 1.0 / free.len() as f64;
        let often = (1.5 * each).clamp(0.35, 1.0);
        let mut moved = false;
        for _ in 0..100 {
            for dim in &free {
                if let Some(count) = self.list(*dim) {
                    if rng.unit() < 0.6 * each {
                        changed[*dim] = below(rng, count) as f64;
                        moved = true;
                    }
                } else if rng.unit() < often {
                    let step = self.step(*dim, point);
                    let by = if spread < step && rng.unit() < 0.5 {
                        if rng.unit() < 0.5 { step } else { -step }
                    } else {
                        spread * gaussian(rng)
                    };
                    changed[*dim] = (point[*dim] + by).clamp(0.0, 1.0);
                    moved = true;
                }
            }
            if moved {
                break;
            }
        }
        self.settle(&mut changed, rng);
        changed
    }

    /// The `u` of a coordinate, as the space takes it.
    fn share(&self, dim: usize, x: f64) -> f64 {
        match self.dims[dim].kind {
            Kind::Line | Kind::Rounded => x,
            Kind::List(_) | Kind::Ladder(_) => {
                let domain = self.domain(dim);
                let weighted = matches!(domain, Domain::Weighted { .. });
                let (place, count) = match self.dims[dim].kind {
                    Kind::Ladder(count) => ((x * count).floor(), count),
                    _ => (x, domain.size().map_or(1.0, |size| size as f64)),
                };
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
                let value = weighted.then(|| domain.at(place as u64)).flatten();
                value.and_then(|value| domain.cdf(&value)).unwrap_or((place + 0.5) / count)
            }
        }
    }

    /// The configuration of a point.
    #[must_use]
    pub(crate) fn decode(&self, point: &[f64]) -> Params {
        self.space.assign(|axis| {
            let dim = self.dims.iter().position(|dim| dim.axes[0] == axis);
            dim.map_or(0.5, |dim| self.share(dim, point[dim].max(0.0)))
        })
    }

    /// The point of a configuration. One of another space gives the nearest: numbers outside become the ends, what
    /// does not fit counts as absent.
    #[must_use]
    pub(crate) fn encode(&self, params: &Params) -> Point {
        self.dims.iter().map(|dim| self.encoded(dim, params).unwrap_or(ABSENT)).collect()
    }

    fn encoded(&self, dim: &Dim, params: &Params) -> Option<f64> {
        let axes = self.space.axes();
        let axis = &axes[dim.axes[0]];
        let value = params.get(&axis.name)?;
        if dim.axes.len() == 1 {
            return coordinate(&axis.domain, dim.kind, value);
        }
        // Coupled lists may have a value twice; the row is that where all agree.
        let rows = u64::try_from(axis.domain.size()?).ok()?;
        let agrees = |row: &u64| {
            dim.axes.iter().all(|axis| axes[*axis].domain.at(*row).as_ref() == params.get(&axes[*axis].name))
        };
        let row = (0..rows).find(agrees).or_else(|| axis.domain.place(value))?;
        Some(of_place(dim.kind, row as f64))
    }
}

fn kind(domain: &Domain) -> Kind {
    match (domain, domain.size()) {
        (Domain::Categorical(_) | Domain::Weighted { .. }, Some(size)) if size < 3 || !is_ordered(domain) => {
            Kind::List(usize::try_from(size).unwrap_or(usize::MAX))
        }
        (_, Some(size)) => Kind::Ladder(size as f64),
        (Domain::Rounded { .. }, None) => Kind::Rounded,
        (_, None) => Kind::Line,
    }
}

fn allowed(space: &Space, axis: usize, test: &Test, kind: Kind) -> Allowed {
    let domain = &space.axes()[axis].domain;
    let Kind::List(count) = kind else { return Allowed::Value(axis, test.clone()) };
    let holds = |place| domain.at(place).is_some_and(|value| test.holds(&value));
    Allowed::Places((0..count as u64).map(holds).collect())
}

fn of_place(kind: Kind, place: f64) -> f64 {
    match kind {
        Kind::Ladder(count) => (place + 0.5) / count,
        _ => place,
    }
}

/// The coordinate of a value; of a number outside, that of the nearest end.
fn coordinate(domain: &Domain, kind: Kind, value: &Value) -> Option<f64> {
    if let Some(place) = domain.place(value) {
        return Some(of_place(kind, place as f64));
    }
    if let Kind::List(_) = kind {
        return None;
    }
    if let Some(u) = domain.cdf(value).filter(|_| domain.size().is_none()) {
        return Some(u);
    }
    let x = value.as_f64()?;
    let (low, high) = domain.limits()?;
    match kind {
        Kind::Line => domain.cdf(&Value::new(Scalar::Float(x.clamp(low, high)))),
        Kind::Ladder(count) if high > low => {
            let u = ((x - low) / (high - low)).clamp(0.0, 1.0);
            Some(((u * count).floor().min(count - 1.0) + 0.5) / count)
        }
        Kind::Rounded => match domain {
            Domain::Rounded { of, .. } => {
                let u = of.share_below(x);
                domain.cdf(&domain.sample(u))
            }
            _ => None,
        },
        _ => None,
    }
}

/// There and back.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::tangled;

    #[test]
    fn a_point_is_a_configuration_and_a_configuration_its_point() {
        let space = tangled();
        let encoding = Encoding::new(&space);
        let mut rng = Rng::new("encoding", 0);
        let mut point = encoding.random(&mut rng);
        for round in 0..500 {
            let params = encoding.decode(&point);
            assert!(space.admits(&params), "{params:?}");
            let back = encoding.encode(&params);
            for (a, b) in point.iter().zip(&back) {
                assert!((a - b).abs() < 1e-9, "{params:?}: {point:?} {back:?}");
            }
            assert_eq!(encoding.decode(&point), params);
            point = match round % 3 {
                0 => encoding.random(&mut rng),
                1 => encoding.mutated(&point, 0.3, &mut rng),
                _ => encoding.mutated(&point, 1e-4, &mut rng),
            };
        }
    }

    #[test]
    fn what_does_not_fit_has_the_nearest_point() {
        let axis = |name: &str, domain| crate::space::Axis { name: name.into(), domain };
        let words = |list: &str| Domain::Categorical(list.split(' ').map(Value::from_word).collect());
        let space = Space::new(vec![
            axis("kind", words("a b")),
            axis("lr", Domain::LogUniform { min: 1e-4, max: 1.0 }),
            axis("n", Domain::IntUniform { min: 1, max: 10 }),
            axis("size", words("16 32 64 128")),
        ]);
        let encoding = Encoding::new(&space);
        let encode = |pairs: &[(&str, &str)]| {
            encoding.encode(&pairs.iter().map(|(n, w)| ((*n).to_owned(), Value::from_word(w))).collect())
        };
        let whole = encode(&[("kind", "b"), ("lr", "0.01"), ("n", "1"), ("size", "32")]);
        assert!(whole.iter().zip([1.0, 0.5, 0.05, 0.375]).all(|(a, b)| (a - b).abs() < 1e-12), "{whole:?}");
        assert_eq!(encode(&[("kind", "z"), ("lr", "7"), ("n", "99")]), [ABSENT, 1.0, 0.95, ABSENT]);
        assert_eq!(encode(&[("lr", "x"), ("n", "1.5"), ("other", "1")])[1], ABSENT);
    }
}
