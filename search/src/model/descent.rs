//! A minimum of a smooth function inside a box: L-BFGS with a line search that only goes down (Nocedal and Wright,
//! algorithm 7.4). Never more evaluations than it is allowed.

use super::linear::{add_scaled, dot};

/// Pairs of steps that are remembered.
const MEMORY: usize = 8;
/// Halvings of one step.
const HALVINGS: usize = 8;

/// Where and how long to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Steps.
    pub(crate) steps: usize,
    /// The least fall of a step that goes on.
    pub(crate) fall: f64,
    /// The longest move of one coordinate in a step.
    pub(crate) stride: f64,
}

/// The value and the gradient at a point; `None` where there is none.
pub(crate) trait Smooth {
    /// At a point.
    fn at(&mut self, x: &[f64]) -> Option<(f64, Vec<f64>)>;
}

impl<F: FnMut(&[f64]) -> Option<(f64, Vec<f64>)>> Smooth for F {
    fn at(&mut self, x: &[f64]) -> Option<(f64, Vec<f64>)> {
        self(x)
    }
}

struct Pair {
    step: Vec<f64>,
    turn: Vec<f64>,
    scale: f64,
}

/// The least value found from a point, and where; `None` where there is no value at the start.
pub(crate) fn minimise(
    start: Vec<f64>,
    bounds: &[(f64, f64)],
    limits: Limits,
    function: &mut impl Smooth,
) -> Option<(f64, Vec<f64>)> {
    let mut x = start;
    clamp(&mut x, bounds);
    let (mut value, mut gradient) = function.at(&x)?;
    let mut pairs: Vec<Pair> = Vec::new();
    for _ in 0..limits.steps {
        let mut direction = direction(&gradient, &pairs);
        hold(&mut direction, &x, bounds);
        let mut descent = dot(&gradient, &direction);
        if descent <= 0.0 {
            if pairs.is_empty() {
                break;
            }
            pairs.clear();
            direction = self::direction(&gradient, &pairs);
            hold(&mut direction, &x, bounds);
            descent = dot(&gradient, &direction);
            if descent <= 0.0 {
                break;
            }
        }
        let Some((next, low, slope)) =
            search(&x, value, &direction, descent, bounds, limits.stride, function)
        else {
            if pairs.is_empty() {
                break;
            }
            pairs.clear();
            continue;
        };
        let step: Vec<f64> = next.iter().zip(&x).map(|(a, b)| a - b).collect();
        let turn: Vec<f64> = slope.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&step, &turn);
        if curvature > 1e-10 * dot(&turn, &turn).sqrt() * dot(&step, &step).sqrt() && curvature > 1e-300 {
            pairs.push(Pair { step, turn, scale: 1.0 / curvature });
            if pairs.len() > MEMORY {
                pairs.remove(0);
            }
        }
        let fall = value - low;
        (x, value, gradient) = (next, low, slope);
        if fall < limits.fall {
            break;
        }
    }
    Some((value, x))
}

/// A shorter and shorter step, until one falls far enough.
fn search(
    x: &[f64],
    value: f64,
    direction: &[f64],
    descent: f64,
    bounds: &[(f64, f64)],
    stride: f64,
    function: &mut impl Smooth,
) -> Option<(Vec<f64>, f64, Vec<f64>)> {
    let longest = direction.iter().fold(0.0, |most: f64, d| most.max(d.abs()));
    let mut size = if longest > stride { stride / longest } else { 1.0 };
    for _ in 0..HALVINGS {
        let mut next: Vec<f64> = x.iter().zip(direction).map(|(x, d)| x - size * d).collect();
        clamp(&mut next, bounds);
        if let Some((low, slope)) = function.at(&next)
            && low < value - 1e-5 * size * descent
        {
            return Some((next, low, slope));
        }
        size *= 0.4;
    }
    None
}

/// The two-loop recursion: the way up of a quadratic model.
fn direction(gradient: &[f64], pairs: &[Pair]) -> Vec<f64> {
    let mut way = gradient.to_vec();
    let mut shares = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let share = pair.scale * dot(&pair.step, &way);
        add_scaled(&mut way, -share, &pair.turn);
        shares.push(share);
    }
    let size = match pairs.last() {
        Some(pair) => 1.0 / (pair.scale * dot(&pair.turn, &pair.turn)),
        None => 0.5 / dot(gradient, gradient).sqrt().max(1.0),
    };
    way.iter_mut().for_each(|d| *d *= size);
    for (pair, share) in pairs.iter().zip(shares.iter().rev()) {
        let back = pair.scale * dot(&pair.turn, &way);
        add_scaled(&mut way, share - back, &pair.step);
    }
    way
}

/// Nothing is moved out of its bounds.
fn hold(direction: &mut [f64], x: &[f64], bounds: &[(f64, f64)]) {
    for ((d, x), (low, high)) in direction.iter_mut().zip(x).zip(bounds) {
        if !d.is_finite() || (*x <= *low && *d > 0.0) || (*x >= *high && *d < 0.0) {
            *d = 0.0;
        }
    }
}

fn clamp(x: &mut [f64], bounds: &[(f64, f64)]) {
    for (x, (low, high)) in x.iter_mut().zip(bounds) {
        *x = x.clamp(*low, *high);
    }
}

/// Functions whose minimum is known.
#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { steps: 200, fall: 1e-14, stride: 10.0 };

    fn rosenbrock(x: &[f64]) -> Option<(f64, Vec<f64>)> {
        let (a, b) = (x[0], x[1]);
        let value = (1.0 - a) * (1.0 - a) + 100.0 * (b - a * a) * (b - a * a);
        Some((value, vec![-2.0 * (1.0 - a) - 400.0 * a * (b - a * a), 200.0 * (b - a * a)]))
    }

    #[test]
    fn the_valley_of_rosenbrock_is_followed_to_its_end() {
        let (value, x) = minimise(vec![-1.2, 1.0], &[(-5.0, 5.0); 2], LIMITS, &mut rosenbrock).unwrap();
        assert!(value < 1e-9 && (x[0] - 1.0).abs() < 1e-4, "{value} {x:?}");
    }

    #[test]
    fn a_minimum_at_the_bounds_is_found() {
        let (value, x) = minimise(vec![0.0, 0.0], &[(-0.5, 0.5); 2], LIMITS, &mut rosenbrock).unwrap();
        assert!((x[0] - 0.5).abs() < 1e-4 && (x[1] - 0.25).abs() < 1e-3 && value < 0.2501, "{value} {x:?}");
    }

    #[test]
    fn a_function_without_values_has_no_minimum() {
        assert!(minimise(vec![0.0], &[(-1.0, 1.0)], LIMITS, &mut |_: &[f64]| None).is_none());
        // One whose gradient leads nowhere stays where it is.
        let stuck = minimise(vec![0.3], &[(-1.0, 1.0)], LIMITS, &mut |_: &[f64]| Some((1.0, vec![f64::NAN])));
        assert_eq!(stuck.unwrap().1, [0.3]);
    }
}
