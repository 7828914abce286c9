//! The linear algebra of one Gaussian process: a Cholesky factor, its inverse, and products with them. Lower triangles
//! stand in whole square matrices, row by row. Never a sum in another order than the one that is written here.

/// A pivot at or below this share of the largest diagonal entry counts as none.
const LEAST_PIVOT: f64 = 1e-13;

/// The scalar product. Eight partial sums, so that it is compiled to vector instructions, added in one fixed order.
#[inline]
#[must_use]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0_f64; 8];
    for (x, y) in a8.iter().zip(b8) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let mut sum = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
    for (x, y) in a_rest.iter().zip(b_rest) {
        sum += x * y;
    }
    sum
}

/// `a += c·b`.
pub(crate) fn add_scaled(a: &mut [f64], c: f64, b: &[f64]) {
    for (x, y) in a.iter_mut().zip(b) {
        *x += c * y;
    }
}

/// Replaces the lower triangle of a symmetric matrix by its Cholesky factor; `None` where it is not positive definite
/// in floating point.
pub(crate) fn cholesky(matrix: &mut [f64], n: usize) -> Option<()> {
    let largest = (0..n).map(|i| matrix[i * n + i]).fold(0.0, f64::max);
    for i in 0..n {
        let (above, row) = matrix.split_at_mut(i * n);
        for j in 0..i {
            let rest = row[j] - dot(&row[..j], &above[j * n..j * n + j]);
            row[j] = rest / above[j * n + j];
        }
        let pivot = row[i] - dot(&row[..i], &row[..i]);
        if !(pivot > LEAST_PIVOT * largest && pivot.is_finite()) {
            return None;
        }
        row[i] = pivot.sqrt();
    }
    Some(())
}

/// The transpose of the inverse of a lower triangle: an upper triangle.
#[must_use]
pub(crate) fn inverse_transposed(factor: &[f64], n: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; n * n];
    for j in 0..n {
        let column = &mut inverse[j * n..(j + 1) * n];
        column[j] = 1.0 / factor[j * n + j];
        for i in j + 1..n {
            let sum = dot(&factor[i * n + j..i * n + i], &column[j..i]);
            column[i] = -sum / factor[i * n + i];
        }
    }
    inverse
}

/// Solves `L·x = b`.
#[must_use]
pub(crate) fn forward(factor: &[f64], n: usize, b: &[f64]) -> Vec<f64> {
    let mut x = Vec::with_capacity(n);
    for i in 0..n {
        let sum = dot(&factor[i * n..i * n + i], &x);
        x.push((b[i] - sum) / factor[i * n + i]);
    }
    x
}

/// Solves `Lᵀ·x = b`.
#[must_use]
pub(crate) fn backward(factor: &[f64], n: usize, b: &[f64]) -> Vec<f64> {
    let mut x = b.to_vec();
    for i in (0..n).rev() {
        x[i] /= factor[i * n + i];
        let (before, from) = x.split_at_mut(i);
        add_scaled(before, -from[0], &factor[i * n..i * n + i]);
    }
    x
}

/// Against products that are written out.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// A random positive definite matrix.
    fn matrix(n: usize) -> Vec<f64> {
        let mut rng = Rng::new("matrix", n as u64);
        let a: Vec<f64> = (0..n * n).map(|_| rng.unit() - 0.5).collect();
        let mut m = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                m[i * n + j] = dot(&a[i * n..(i + 1) * n], &a[j * n..(j + 1) * n]) + f64::from(i == j);
            }
        }
        m
    }

    #[test]
    fn the_factor_times_its_transpose_is_the_matrix() {
        for n in [1, 2, 7, 8, 9, 40] {
            let whole = matrix(n);
            let mut factor = whole.clone();
            cholesky(&mut factor, n).unwrap();
            for i in 0..n {
                for j in 0..=i {
                    let product: f64 = (0..=j).map(|k| factor[i * n + k] * factor[j * n + k]).sum();
                    assert!((product - whole[i * n + j]).abs() < 1e-12, "{n}: {i} {j}");
                }
            }
        }
    }

    #[test]
    fn the_inverse_times_the_factor_is_one() {
        let n = 23;
        let mut factor = matrix(n);
        cholesky(&mut factor, n).unwrap();
        let inverse = inverse_transposed(&factor, n);
        for i in 0..n {
            for j in 0..=i {
                let product: f64 = (j..=i).map(|k| factor[i * n + k] * inverse[j * n + k]).sum();
                assert!((product - f64::from(i == j)).abs() < 1e-12, "{i} {j}");
            }
        }
    }

    #[test]
    fn solutions_solve() {
        let n = 19;
        let whole = matrix(n);
        let mut factor = whole.clone();
        cholesky(&mut factor, n).unwrap();
        let b: Vec<f64> = (0..n).map(|i| i as f64 - 7.0).collect();
        let x = backward(&factor, n, &forward(&factor, n, &b));
        for i in 0..n {
            assert!((dot(&whole[i * n..(i + 1) * n], &x) - b[i]).abs() < 1e-10);
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        assert_eq!(cholesky(&mut [1.0, 1.0, 1.0, 1.0], 2), None);
        assert_eq!(cholesky(&mut [-1.0], 1), None);
        assert_eq!(cholesky(&mut [f64::NAN], 1), None);
        assert_eq!(cholesky(&mut [f64::INFINITY], 1), None);
    }
}
