//! Medians of paired measurements, and how sure they are. Pure.

/// A median with the interval that holds the true one with 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub median: f64,
    /// None where there are too few values to say.
    pub interval: Option<(f64, f64)>,
}

/// What an interval may miss on one side.
const TAIL: f64 = 0.025;

/// The median of some values, none of them NaN.
pub fn median(values: &[f64]) -> f64 {
    estimate(values).median
}

/// The median and its interval. The number of values below the true median is binomial with one half, whatever their
/// distribution: so the interval is from the k-th lowest to the k-th highest.
pub fn estimate(values: &[f64]) -> Estimate {
    assert!(!values.is_empty(), "nothing was measured");
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let median = f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]);
    let interval = outside(n).map(|k| (sorted[k], sorted[n - 1 - k]));
    Estimate { median, interval }
}

/// How many values may lie outside on each side; none where even the extremes say too little.
fn outside(n: usize) -> Option<usize> {
    let all = i32::try_from(n).expect("measurements are few");
    let mut probability = 0.5_f64.powi(all);
    let mut below = 0.0;
    let mut k = 0;
    // The probability that at most k values lie below the true median.
    while below + probability <= TAIL {
        below += probability;
        #[expect(clippy::cast_precision_loss, reason = "measurements are few")]
        let factor = (n - k) as f64 / (k + 1) as f64;
        probability *= factor;
        k += 1;
    }
    k.checked_sub(1)
}

/// The same measurement of two things in turn, so that what disturbs one disturbs the other.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Pairs {
    pub fn add(&mut self, ours: f64, theirs: f64) {
        self.ours.push(ours);
        self.theirs.push(theirs);
    }

    pub fn len(&self) -> usize {
        self.ours.len()
    }

    pub fn ours(&self) -> f64 {
        median(&self.ours)
    }

    pub fn theirs(&self) -> f64 {
        median(&self.theirs)
    }

    /// By how much ours is more.
    pub fn beyond(&self) -> Estimate {
        estimate(&self.each(|ours, theirs| ours - theirs))
    }

    /// How many times theirs ours is.
    pub fn ratio(&self) -> Estimate {
        estimate(&self.each(|ours, theirs| ours / theirs))
    }

    fn each(&self, combine: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| combine(*ours, *theirs)).collect()
    }
}

#[cfg(test)]
mod tests {
    //! Against a table of the sign test.
    use super::*;

    #[test]
    fn the_interval_of_a_median_is_that_of_the_sign_test() {
        // Values outside on each side, at 95 %: the usual table.
        for (n, outside_each) in
            [(5, None), (6, Some(0)), (8, Some(0)), (9, Some(1)), (20, Some(5)), (30, Some(9))]
        {
            assert_eq!(outside(n), outside_each, "{n} values");
        }
    }

    #[test]
    fn one_wild_value_moves_neither_median_nor_interval_far() {
        let values: Vec<f64> = (0..20).map(f64::from).chain([1e9]).collect();
        let estimate = estimate(&values);
        assert_eq!(estimate.median, 10.0);
        assert_eq!(estimate.interval, Some((5.0, 15.0)));
    }

    #[test]
    fn pairs_are_compared_one_by_one() {
        let mut pairs = Pairs::default();
        // A machine that slows down in the middle: the difference stays 1.
        for theirs in [1.0, 1.0, 50.0, 50.0, 50.0] {
            pairs.add(theirs + 1.0, theirs);
        }
        assert_eq!(pairs.beyond().median, 1.0);
        assert_eq!(pairs.ratio().median, 51.0 / 50.0);
    }
}
