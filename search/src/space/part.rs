//! Parts of a space: ranges and lists that are cut down around some configurations. Never a value that the whole
//! space does not have, and never one of those configurations left out.

use std::collections::BTreeMap;

use sweep_core::params::Params;
use sweep_core::start::Part;
use sweep_core::value::{Scalar, Value};

use super::link::LinkError;
use super::{Axis, Component, Domain, Space};

/// Most steps of a grid's range that are cut down to a list; a longer one stays whole.
const STEPS: u64 = 10_000;

impl Space {
    /// What is left of each parameter around some configurations: of a range `share` of its width, in its own scale,
    /// with the middle of theirs in the middle, never less than theirs and never more than the range; of a list the
    /// values that they have. Parameters that none of them has a fitting value for are left out, and stay whole.
    #[must_use]
    pub fn around(&self, best: &[Params], share: f64) -> BTreeMap<String, Part> {
        let mut parts = BTreeMap::new();
        for group in self.groups() {
            let of_axis = |axis: &Axis| -> Vec<Value> {
                let domain = &axis.domain;
                let values = best.iter().filter_map(|params| params.get(&axis.name));
                values.filter(|value| domain.contains(value)).cloned().collect()
            };
            if let [only] = group.axes[..] {
                let axis = &self.axes[only];
                if let Some(part) = axis.domain.around(&of_axis(axis), share) {
                    parts.insert(axis.name.clone(), part);
                }
                continue;
            }
            // Coupled lists keep whole rows.
            let mut rows: Vec<u64> = best
                .iter()
                .filter_map(|params| self.wanted_row(group, params))
                .map(|row| row as u64)
                .collect();
            rows.sort_unstable();
            rows.dedup();
            if !rows.is_empty() {
                let names = group.axes.iter().map(|axis| self.axes[*axis].name.clone());
                parts.extend(names.map(|name| (name, Part::Places(rows.clone()))));
            }
        }
        parts
    }

    /// The space with these parts of its parameters; conditions and couplings stay.
    ///
    /// # Errors
    /// [`LinkError::Unknown`] for a part that does not fit its parameter, or of none.
    pub fn part(&self, parts: &BTreeMap<String, Part>) -> Result<Self, LinkError> {
        let mut space = self.clone();
        for (name, part) in parts {
            let axis = space.axes.iter_mut().find(|axis| axis.name == *name);
            let cut = axis.as_ref().and_then(|axis| axis.domain.part(part));
            match (axis, cut) {
                (Some(axis), Some(domain)) => axis.domain = domain,
                _ => return Err(LinkError::Unknown { name: name.clone(), unknown: name.clone() }),
            }
        }
        let mut components = Vec::with_capacity(self.components.len());
        let ends = self.components.iter().skip(1).map(|next| next.start).chain([self.groups.len()]);
        for (component, end) in self.components.iter().zip(ends) {
            let groups = &space.groups[component.start..end];
            let cut = Component::new(component.start, groups, &space.axes);
            let name = || space.axes[groups[0].axes[0]].name.clone();
            components.push(cut.ok_or_else(|| LinkError::Entangled { name: name() })?);
        }
        space.components = components;
        // A value to begin with that is no more among the others would only be dropped later.
        let kept = space.defaults.iter().filter(|(name, value)| {
            space.axes.iter().any(|axis| axis.name == *name && axis.domain.contains(value))
        });
        space.defaults = kept.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        Ok(space)
    }
}

impl Domain {
    /// What is left around some of its values; none where there are no values, or nothing would be cut.
    fn around(&self, best: &[Value], share: f64) -> Option<Part> {
        if best.is_empty() {
            return None;
        }
        match self {
            Self::Categorical(_) | Self::Weighted { .. } => {
                let mut places: Vec<u64> = best.iter().filter_map(|value| self.place(value)).collect();
                places.sort_unstable();
                places.dedup();
                Some(Part::Places(places))
            }
            Self::IntUniform { min, max } => {
                let wholes = best.iter().filter_map(|value| match value.scalar() {
                    Scalar::Int(n) => Some(*n),
                    _ => None,
                });
                Some(Part::Whole(whole_around([*min, *max], wholes, share)?))
            }
            Self::Steps { count, .. } => {
                let last = i64::try_from(count.saturating_sub(1)).ok()?;
                let places = best
                    .iter()
                    .filter_map(|value| self.place(value))
                    .filter_map(|place| i64::try_from(place).ok());
                let [first, last] = whole_around([0, last], places, share)?;
                let length = u64::try_from(last - first).ok()? + 1;
                (length <= STEPS).then(|| {
                    Part::Places((first..=last).filter_map(|place| u64::try_from(place).ok()).collect())
                })
            }
            _ => {
                let numbers: Vec<f64> = best.iter().filter_map(Value::as_f64).collect();
                let low = numbers.iter().copied().min_by(f64::total_cmp)?;
                let high = numbers.iter().copied().max_by(f64::total_cmp)?;
                Some(Part::Real(self.real_around(low, high, share)?))
            }
        }
    }

    /// The limits around the numbers from `low` to `high`.
    fn real_around(&self, low: f64, high: f64, share: f64) -> Option<[f64; 2]> {
        match self {
            Self::Uniform { min, max } => Some(between([*min, *max], [low, high], share)),
            Self::LogUniform { min, max } => {
                let logs = between([*min, *max].map(libm::log), [low, high].map(libm::log), share);
                // exp(log(x)) is not always x.
                let [from, to] = logs.map(libm::exp);
                Some([from.clamp(*min, low), to.clamp(high, *max)])
            }
            // Without an end, or thin at its ends: its own scale is that of its shares.
            Self::Normal { .. } | Self::LogNormal { .. } | Self::Beta { .. } => {
                let shares = [low, high].map(|x| self.share_below(x));
                let [from, to] = between([0.0, 1.0], shares, share).map(|u| self.quantile(u));
                Some([from.min(low), to.max(high)])
            }
            // What is rounded may lie half a step outside of what it is made of.
            Self::Rounded { of, .. } => {
                let (min, max) = of.limits()?;
                of.real_around(low.clamp(min, max), high.clamp(min, max), share)
            }
            _ => None,
        }
    }

    /// The domain with this part of its values; none where the part is not of this kind, or empty.
    fn part(&self, part: &Part) -> Option<Self> {
        match (self, part) {
            (Self::Categorical(_) | Self::Steps { .. }, Part::Places(places)) => {
                let values: Option<Vec<Value>> = places.iter().map(|place| self.at(*place)).collect();
                values.filter(|values| !values.is_empty()).map(Self::Categorical)
            }
            (Self::Weighted { weights, .. }, Part::Places(places)) => {
                let values: Option<Vec<Value>> = places.iter().map(|place| self.at(*place)).collect();
                let weight = |place: &u64| weights.get(usize::try_from(*place).ok()?).copied();
                let weights = places.iter().map(weight).collect::<Option<Vec<f64>>>()?;
                values.filter(|values| !values.is_empty()).map(|values| Self::Weighted { values, weights })
            }
            (Self::IntUniform { min, max }, Part::Whole([from, to])) => {
                (min <= from && from <= to && to <= max).then_some(Self::IntUniform { min: *from, max: *to })
            }
            (_, Part::Real([min, max])) => {
                let (low, high) = self.limits().filter(|_| min <= max)?;
                let (min, max) = (*min, *max);
                match self {
                    Self::Uniform { .. } | Self::Normal { .. } | Self::Beta { .. } => {
                        (low <= min && max <= high).then_some(Self::Uniform { min, max })
                    }
                    Self::LogUniform { .. } | Self::LogNormal { .. } => {
                        (low <= min && max <= high && min > 0.0).then_some(Self::LogUniform { min, max })
                    }
                    Self::Rounded { of, step, whole } => {
                        let of = Box::new(of.part(part)?);
                        Some(Self::Rounded { of, step: *step, whole: *whole })
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// So much of a range, around the middle of a span that lies in it, never less than the span.
fn between([min, max]: [f64; 2], [low, high]: [f64; 2], share: f64) -> [f64; 2] {
    // In halves: the widest ranges have no width that a double holds.
    let middle = low / 2.0 + high / 2.0;
    let half = share * (max / 2.0 - min / 2.0);
    [(middle - half).max(min).min(low), (middle + half).min(max).max(high)]
}

/// The same of whole numbers; the ends are rounded outwards.
fn whole_around(
    [min, max]: [i64; 2],
    values: impl Iterator<Item = i64> + Clone,
    share: f64,
) -> Option<[i64; 2]> {
    let (low, high) = (values.clone().min()?, values.max()?);
    #[expect(clippy::cast_precision_loss, reason = "ends of a search to 53 bits are enough")]
    let [from, to] = between([min as f64, max as f64], [low as f64, high as f64], share);
    #[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the last number")]
    let (from, to) = (libm::floor(from) as i64, libm::ceil(to) as i64);
    Some([from.clamp(min, low), to.clamp(high, max)])
}

/// Parts of domains and spaces.
#[cfg(test)]
mod tests {
    use super::super::{Condition, Links, Rule, Test};
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        pairs.iter().map(|(name, word)| ((*name).to_owned(), Value::from_word(word))).collect()
    }

    fn words(words: &str) -> Domain {
        Domain::Categorical(words.split(' ').map(Value::from_word).collect())
    }

    fn check(domain: &Domain, share: f64, best: &str, expected: &Domain) {
        let space = Space::new(vec![Axis { name: "x".into(), domain: domain.clone() }]);
        let best: Vec<Params> = best.split(' ').map(|word| params(&[("x", word)])).collect();
        let cut = space.part(&space.around(&best, share)).unwrap();
        assert_eq!(&cut.axes()[0].domain, expected);
        for params in best {
            assert!(cut.admits(&params), "{params:?}");
        }
    }

    #[test]
    fn a_range_is_cut_around_the_best_and_never_leaves_the_old_one() {
        let unit = Domain::Uniform { min: 0.0, max: 1.0 };
        check(&unit, 0.5, "0.5 0.5", &Domain::Uniform { min: 0.25, max: 0.75 });
        check(&unit, 0.5, "0.25 0.5", &Domain::Uniform { min: 0.125, max: 0.625 });
        check(&unit, 0.5, "0.875", &Domain::Uniform { min: 0.625, max: 1.0 });
        check(&unit, 0.25, "0.0 0.875", &Domain::Uniform { min: 0.0, max: 0.875 });
        check(&unit, 1.0, "0.5", &unit);
        let whole = Domain::IntUniform { min: 0, max: 100 };
        check(&whole, 0.1, "50", &Domain::IntUniform { min: 45, max: 55 });
        check(&whole, 0.1, "3 2", &Domain::IntUniform { min: 0, max: 8 });
        check(&whole, 0.0, "7", &Domain::IntUniform { min: 7, max: 7 });
        let all = Domain::IntUniform { min: i64::MIN, max: i64::MAX };
        check(&all, 1.0, "5", &all);
        let widest = Domain::Uniform { min: -f64::MAX, max: f64::MAX };
        check(&widest, 0.5, "0.0", &Domain::Uniform { min: -f64::MAX / 2.0, max: f64::MAX / 2.0 });
    }

    #[test]
    fn a_logarithmic_range_is_cut_by_its_logarithm() {
        let domain = Domain::LogUniform { min: 1e-4, max: 1.0 };
        let space = Space::new(vec![Axis { name: "x".into(), domain: domain.clone() }]);
        let parts = space.around(&[params(&[("x", "0.01")])], 0.5);
        let Part::Real([min, max]) = parts["x"] else { panic!("{parts:?}") };
        assert!((min - 1e-3).abs() < 1e-12 && (max - 0.1).abs() < 1e-12, "{min} {max}");
        check(&domain, 1.0, "0.0001 1.0", &domain);
    }

    #[test]
    fn lists_keep_what_the_best_had() {
        check(&words("a b c d"), 0.5, "d b", &words("b d"));
        let values = || ["a", "b", "c"].map(Value::from_word).to_vec();
        let weighted = Domain::Weighted { values: values(), weights: vec![1.0, 2.0, 3.0] };
        let kept = Domain::Weighted { values: values()[1..].to_vec(), weights: vec![2.0, 3.0] };
        check(&weighted, 0.5, "c b", &kept);
        let steps = Domain::Steps { first: 0.0, step: 0.25, count: 9, whole: false };
        check(&steps, 0.25, "1.0", &words("0.75 1.0 1.25"));
    }

    #[test]
    fn a_distribution_without_ends_becomes_a_range_of_its_middle() {
        let normal = Domain::Normal { mu: 3.0, sigma: 2.0 };
        let space = Space::new(vec![Axis { name: "x".into(), domain: normal }]);
        let cut = space.part(&space.around(&[params(&[("x", "3.0")])], 0.5)).unwrap();
        let Domain::Uniform { min, max } = cut.axes()[0].domain else { panic!("{cut:?}") };
        // The quartiles of the normal distribution are 0.6745 from its middle.
        assert!((min - (3.0 - 1.349)).abs() < 1e-3 && (max - (3.0 + 1.349)).abs() < 1e-3, "{min} {max}");
        let rounded =
            Domain::Rounded { of: Box::new(Domain::Uniform { min: 0.6, max: 10.4 }), step: 1.0, whole: true };
        let space = Space::new(vec![Axis { name: "x".into(), domain: rounded }]);
        let cut = space.part(&space.around(&[params(&[("x", "10")])], 0.2)).unwrap();
        assert!(cut.admits(&params(&[("x", "10")])) && !cut.admits(&params(&[("x", "7")])), "{cut:?}");
    }

    #[test]
    fn conditions_and_couplings_stay() {
        let rule = Rule {
            name: "l1".into(),
            when: vec![Condition {
                parent: "solver".into(),
                test: Test::OneOf(vec![Value::from_word("saga")]),
            }],
            then: None,
        };
        let links = Links {
            rules: vec![rule],
            coupled: vec![vec!["lr".into(), "batch".into()]],
            defaults: params(&[("l1", "0.5"), ("solver", "sag")]),
        };
        let axes = [
            ("solver", words("saga lbfgs sag")),
            ("l1", Domain::Uniform { min: 0.0, max: 1.0 }),
            ("lr", words("0.1 0.2 0.1")),
            ("batch", words("32 64 128")),
        ];
        let axes = axes.map(|(name, domain)| Axis { name: name.into(), domain });
        let space = Space::linked(axes.into(), &links).unwrap();
        let best = [
            params(&[("batch", "128"), ("l1", "0.5"), ("lr", "0.1"), ("solver", "saga")]),
            params(&[("batch", "32"), ("lr", "0.1"), ("solver", "lbfgs")]),
        ];
        let cut = space.part(&space.around(&best, 0.5)).unwrap();
        assert!(best.iter().all(|params| cut.admits(params)));
        assert!(!cut.admits(&params(&[("batch", "64"), ("lr", "0.2"), ("solver", "lbfgs")])));
        assert!(!cut.admits(&params(&[("batch", "32"), ("lr", "0.1"), ("solver", "sag")])));
        assert!(!cut.admits(&params(&[("batch", "32"), ("lr", "0.1"), ("solver", "saga"), ("l1", "0.9")])));
        assert_eq!(cut.defaults(), &params(&[("l1", "0.5")]));
        for place in 0..50 {
            let drawn = cut.assign(|axis| {
                f64::from(place * 7 % 50) / 50.0 * 0.9 + f64::from(u8::try_from(axis).unwrap()) / 100.0
            });
            assert!(space.admits(&drawn), "{drawn:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_nobody_has_stays_whole() {
        let space = Space::new(vec![Axis { name: "x".into(), domain: words("a b") }]);
        assert!(space.around(&[params(&[("y", "1")]), params(&[("x", "z")])], 0.5).is_empty());
        for (name, part) in [
            ("x", Part::Real([0.0, 1.0])),
            ("x", Part::Places(vec![2])),
            ("x", Part::Places(Vec::new())),
            ("y", Part::Places(vec![0])),
        ] {
            assert!(space.part(&[(name.to_owned(), part)].into()).is_err());
        }
    }
}
