//! How alike two points are: a Matérn-5/2 kernel of a weighted distance in which parameters that are absent in both
//! points do not count. Never a distance between the places of an unordered list.

use super::elementary::exp;

/// The coordinate of a parameter that a configuration does not have.
pub(crate) const ABSENT: f64 = -1.0;
/// The distance between a value and none, where the whole range is 1.
const HALF_ABSENT: f64 = 0.3;

/// What a coordinate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    /// A number from 0 to 1: near ones are alike.
    Near,
    /// The place in a list without order: alike is only what is equal.
    Equal,
}

/// The squared distance of two coordinates.
#[inline]
#[must_use]
pub(crate) fn distance(metric: Metric, a: f64, b: f64) -> f64 {
    if a < 0.0 || b < 0.0 {
        return if a < 0.0 && b < 0.0 { 0.0 } else { HALF_ABSENT };
    }
    match metric {
        Metric::Near => (a - b) * (a - b),
        Metric::Equal => f64::from(a != b),
    }
}

/// The squared distance of two points, every parameter weighted alike.
#[must_use]
pub(crate) fn apart(metrics: &[Metric], a: &[f64], b: &[f64]) -> f64 {
    metrics.iter().zip(a.iter().zip(b)).map(|(metric, (a, b))| distance(*metric, *a, *b)).sum()
}

/// (1 + a + a²/3)·exp(-a) with a = √(5r²), and its derivative by r²: -(5/6)(1 + a)·exp(-a).
#[inline]
#[must_use]
pub(crate) fn matern(r2: f64) -> (f64, f64) {
    let a = (5.0 * r2).sqrt();
    let e = exp(-a);
    ((1.0 + a + a * a / 3.0) * e, -(5.0 / 6.0) * (1.0 + a) * e)
}

/// Points parameter by parameter, so that what is done for one parameter goes through memory in order.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    metrics: Vec<Metric>,
    /// How many points.
    pub(crate) n: usize,
    values: Vec<f64>,
}

impl Columns {
    /// These points.
    #[must_use]
    pub(crate) fn new(metrics: &[Metric], points: &[&[f64]]) -> Self {
        let n = points.len();
        let mut values = vec![0.0; n * metrics.len()];
        for (i, point) in points.iter().enumerate() {
            for (q, x) in point.iter().enumerate() {
                values[q * n + i] = *x;
            }
        }
        Self { metrics: metrics.to_vec(), n, values }
    }

    /// `out[i] = s2·k(x, point i)`, for these weights of the squared distances.
    pub(crate) fn row(&self, weights: &[f64], s2: f64, x: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (q, metric) in self.metrics.iter().enumerate() {
            let (x, w) = (x[q], weights[q]);
            let column = &self.values[q * self.n..(q + 1) * self.n];
            let pairs = out.iter_mut().zip(column);
            match metric {
                _ if x < 0.0 => {
                    pairs.for_each(|(sum, c)| *sum += if *c < 0.0 { 0.0 } else { w * HALF_ABSENT })
                }
                Metric::Near => pairs.for_each(|(sum, c)| {
                    let squared = (x - c) * (x - c);
                    *sum += w * if *c < 0.0 { HALF_ABSENT } else { squared };
                }),
                Metric::Equal => pairs.for_each(|(sum, c)| {
                    let other = if *c < 0.0 { HALF_ABSENT } else { 1.0 };
                    *sum += w * if *c == x { 0.0 } else { other };
                }),
            }
        }
        for r2 in out.iter_mut() {
            *r2 = s2 * matern(*r2).0;
        }
    }
}

/// Distances and likeness.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_has_its_closed_form() {
        // (1 + √5 + 5/3)·exp(-√5) at distance 1.
        let expected = (1.0 + 5.0_f64.sqrt() + 5.0 / 3.0) * (-(5.0_f64.sqrt())).exp();
        assert!((matern(1.0).0 - expected).abs() < 1e-15);
        assert_eq!(matern(0.0).0, 1.0);
        assert!(matern(1e12).0 < 1e-290);
    }

    #[test]
    fn the_derivative_is_that_of_finite_differences() {
        for r2 in [1e-3, 0.1, 1.0, 7.0] {
            let h = 1e-6 * r2;
            let slope = (matern(r2 + h).0 - matern(r2 - h).0) / (2.0 * h);
            assert!((matern(r2).1 - slope).abs() < 1e-7 * slope.abs() + 1e-10, "{r2}");
        }
    }

    #[test]
    fn what_both_lack_does_not_count() {
        assert_eq!(distance(Metric::Near, ABSENT, ABSENT), 0.0);
        assert_eq!(distance(Metric::Near, 0.2, ABSENT), HALF_ABSENT);
        assert_eq!(distance(Metric::Equal, ABSENT, 3.0), HALF_ABSENT);
        assert_eq!(distance(Metric::Equal, 3.0, 3.0), 0.0);
        assert_eq!(distance(Metric::Equal, 3.0, 2.0), 1.0);
        assert!((distance(Metric::Near, 0.75, 0.25) - 0.25).abs() < 1e-15);
    }

    #[test]
    fn a_row_is_the_kernel_point_by_point() {
        let metrics = [Metric::Near, Metric::Equal, Metric::Near];
        let points: Vec<Vec<f64>> = vec![
            vec![0.1, 0.0, ABSENT],
            vec![0.9, 2.0, 0.5],
            vec![ABSENT, ABSENT, 0.25],
            vec![0.5, 1.0, 1.0],
        ];
        let refs: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
        let columns = Columns::new(&metrics, &refs);
        let weights = [3.0, 0.5, 2.0];
        for x in &points {
            let mut row = vec![0.0; 4];
            columns.row(&weights, 1.5, x, &mut row);
            for (point, got) in points.iter().zip(row) {
                let r2: f64 = (0..3).map(|q| weights[q] * distance(metrics[q], x[q], point[q])).sum();
                assert!((got - 1.5 * matern(r2).0).abs() < 1e-15);
            }
        }
    }
}
