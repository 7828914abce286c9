//! Small changes of a configuration, for searches that breed. Never a value outside its domain.

use sweep_core::params::Params;
use sweep_core::value::{Scalar, Value};

use crate::space::{Domain, Space};

/// A change of one value: numbers are multiplied by `1 + times` and then moved by `by` of their range; the places of
/// lists are moved by `by` of the list's length, at least by one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Move {
    pub(crate) times: f64,
    pub(crate) by: f64,
}

impl Move {
    fn back(self) -> Self {
        Self { times: -self.times, by: -self.by }
    }
}

/// How near to the ends of a distribution without ends a move may come, as a share.
const TAIL: f64 = 1e-6;

/// The value after a move. One that stays as it is, by rounding or at an end of its range, is moved by one place or
/// the other way; where nothing else is possible it stays.
pub(crate) fn moved(domain: &Domain, value: &Value, change: Move) -> Value {
    let there = once(domain, value, change);
    if there != *value {
        return there;
    }
    once(domain, value, change.back())
}

fn once(domain: &Domain, value: &Value, change: Move) -> Value {
    let moved = match domain {
        Domain::IntUniform { .. } => whole(domain, value, change),
        _ if domain.size().is_some() => place_moved(domain, value, change),
        Domain::Rounded { of, .. } => share_of(of, value, change).map(|u| domain.sample(u)),
        _ => share_of(domain, value, change).map(|u| domain.sample(u)),
    };
    moved.unwrap_or_else(|| value.clone())
}

/// Along a list.
fn place_moved(domain: &Domain, value: &Value, change: Move) -> Option<Value> {
    let last = i128::try_from(domain.size()?).ok()? - 1;
    let place = i128::from(domain.place(value)?);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a length of a list")]
    let far = (libm::rint(change.by.abs() * (last + 1) as f64) as i128).max(1);
    let direction = if change.by + change.times < 0.0 { -1 } else { 1 };
    let mut to = place + direction * far;
    // The ends are mirrors.
    if to > last {
        to = 2 * last - to;
    }
    if to < 0 {
        to = -to;
    }
    domain.at(u64::try_from(to.clamp(0, last)).ok()?)
}

/// Whole numbers, at least by one.
fn whole(domain: &Domain, value: &Value, change: Move) -> Option<Value> {
    let Scalar::Int(old) = value.scalar() else { return None };
    let (low, high) = domain.limits()?;
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "moves are rough")]
    let (delta, old) = {
        let delta = *old as f64 * change.times + change.by * (high - low);
        let far = libm::rint(delta.abs()).max(1.0);
        ((if delta < 0.0 { -far } else { far }) as i128, i128::from(*old))
    };
    let Domain::IntUniform { min, max } = domain else { return None };
    let new = (old + delta).clamp((*min).into(), (*max).into());
    Some(Value::new(Scalar::Int(i64::try_from(new).ok()?)))
}

/// Where a real number comes to lie, as a share of its distribution. A range on a logarithm is moved along by its
/// logarithm.
fn share_of(domain: &Domain, value: &Value, change: Move) -> Option<f64> {
    let (low, high) = domain.limits()?;
    let x = (value.as_f64()? * (1.0 + change.times)).clamp(low, high);
    let u = domain.cdf(&Value::new(Scalar::Float(x)))? + change.by;
    let endless = matches!(domain, Domain::Normal { .. } | Domain::LogNormal { .. });
    let tail = if endless { TAIL } else { 0.0 };
    Some(u.clamp(tail, 1.0 - tail))
}

/// Whether a list is one of numbers that rise or fall, so that its neighbours are alike.
pub(crate) fn is_ordered(domain: &Domain) -> bool {
    let Some(size) = domain.size().and_then(|size| u64::try_from(size).ok()) else { return true };
    match domain {
        Domain::Categorical(_) | Domain::Weighted { .. } => {
            let numbers = (0..size).map(|place| domain.at(place).and_then(|value| value.as_f64()));
            let Some(numbers) = numbers.collect::<Option<Vec<f64>>>() else { return false };
            numbers.is_sorted_by(|a, b| a < b) || numbers.is_sorted_by(|a, b| a > b)
        }
        _ => true,
    }
}

/// The axes that may be varied: those that lead themselves and have more than one value, each with the axes that it
/// brings along.
pub(crate) fn leaders(space: &Space) -> Vec<(usize, Vec<usize>)> {
    let axes = 0..space.axes().len();
    let led = |leader: usize| axes.clone().filter(|axis| space.leader(*axis) == leader).collect::<Vec<_>>();
    let varies = |axis: &usize| {
        space.leader(*axis) == *axis && space.axes()[*axis].domain.size().is_none_or(|size| size > 1)
    };
    axes.clone().filter(varies).map(|axis| (axis, led(axis))).collect()
}

/// What is wanted of a configuration, axis by axis.
pub(crate) fn wanted(space: &Space, params: &Params) -> Vec<Option<Value>> {
    space.axes().iter().map(|axis| params.get(&axis.name).cloned()).collect()
}

/// The configuration that is wanted; what it lacks is drawn.
pub(crate) fn completed(space: &Space, wanted: Vec<Option<Value>>, unit: impl FnMut(usize) -> f64) -> Params {
    space.complete(&space.params(wanted), unit)
}

/// Moves.
#[cfg(test)]
mod tests {
    use super::*;

    fn text(domain: &Domain, word: &str, times: f64, by: f64) -> String {
        moved(domain, &Value::from_word(word), Move { times, by }).to_string()
    }

    fn list(words: &[&str]) -> Domain {
        Domain::Categorical(words.iter().map(|word| Value::from_word(word)).collect())
    }

    #[test]
    fn a_list_is_moved_along_by_places() {
        let hundred: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let hundred = list(&hundred.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(text(&hundred, "20", 0.0, 0.001), "21");
        assert_eq!(text(&hundred, "20", 0.0, -0.03), "17");
        assert_eq!(text(&hundred, "20", 0.2, 0.13), "33");
        assert_eq!(text(&hundred, "99", 0.0, 0.05), "94");
        assert_eq!(text(&hundred, "1", 0.0, -0.05), "4");
        let two = list(&["false", "true"]);
        assert_eq!(text(&two, "true", 0.0, 0.01), "false");
        assert_eq!(text(&two, "false", 0.0, -0.13), "true");
        assert_eq!(text(&list(&["a"]), "a", 0.2, 0.13), "a");
    }

    #[test]
    fn a_number_is_multiplied_and_moved_along_its_range() {
        let uniform = Domain::Uniform { min: 0.0, max: 10.0 };
        assert_eq!(text(&uniform, "5.0", 0.1, 0.0), "5.5");
        assert_eq!(text(&uniform, "5.0", 0.0, 0.25), "7.5");
        assert_eq!(text(&uniform, "5.0", 0.1, -0.05), "5.0");
        // At an end it goes the other way.
        assert_eq!(text(&uniform, "10.0", 0.1, 0.0), "9.0");
        let log = Domain::LogUniform { min: 1e-4, max: 1.0 };
        let x: f64 = text(&log, "0.01", 0.0, 0.25).parse().unwrap();
        assert!((x - 0.1).abs() < 1e-12, "{x}");
    }

    #[test]
    fn whole_numbers_move_by_one_at_least() {
        let ints = Domain::IntUniform { min: 1, max: 20 };
        assert_eq!(text(&ints, "5", 0.01, 0.0), "6");
        assert_eq!(text(&ints, "5", -0.01, 0.0), "4");
        assert_eq!(text(&ints, "20", 0.1, 0.1), "16");
        let all = Domain::IntUniform { min: i64::MIN, max: i64::MAX };
        assert!(all.contains(&moved(&all, &Value::new(Scalar::Int(i64::MAX)), Move { times: 1.0, by: 1.0 })));
    }

    #[test]
    fn every_move_stays_inside() {
        let domains = [
            Domain::Normal { mu: 0.0, sigma: 1.0 },
            Domain::LogNormal { mu: 0.0, sigma: 1.0 },
            Domain::Beta { a: 2.0, b: 3.0 },
            Domain::Uniform { min: -1.0, max: 1.0 },
            Domain::Rounded { of: Box::new(Domain::Uniform { min: 0.0, max: 9.9 }), step: 0.5, whole: false },
            Domain::Steps { first: 0.0, step: 0.5, count: 9, whole: false },
            Domain::Weighted {
                values: vec![Value::from_word("a"), Value::from_word("b")],
                weights: vec![0.9, 0.1],
            },
        ];
        for domain in domains {
            for n in 0..100 {
                let value = domain.sample(f64::from(n) / 100.0);
                for (times, by) in [(0.2, 0.1), (-0.2, -0.1), (0.0, 0.001), (-9.0, 2.0)] {
                    let new = moved(&domain, &value, Move { times, by });
                    assert!(domain.contains(&new), "{domain:?}: {value} to {new}");
                }
            }
        }
    }

    #[test]
    fn numbers_in_order_are_neighbours() {
        assert!(is_ordered(&list(&["16", "32", "64"])));
        assert!(is_ordered(&list(&["1e-1", "1e-2"])));
        assert!(!is_ordered(&list(&["1", "3", "2"])));
        assert!(!is_ordered(&list(&["adam", "sgd"])));
        assert!(!is_ordered(&list(&["false", "true"])));
    }
}
