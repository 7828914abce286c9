//! A forest of regression trees over numbers, categories and parameters that may be absent: what the importance of
//! parameters is read from, and what a proposer may ask for a mean and a variance. Never a draw that is not its seed's:
//! the same samples and seed give the same trees, bit for bit.
//!
//! Two ways to grow, by [`Splits`] and [`Sampling`]. Random forest: L. Breiman, "Random forests", Machine Learning 45
//! (2001): each tree sees a bootstrap of the samples and takes the best split. Extremely randomised trees: P. Geurts,
//! D. Ernst, L. Wehenkel, Machine Learning 63 (2006): each tree sees all samples, and thresholds are drawn.

mod grow;

use crate::rng::Rng;
use grow::Grower;

/// What a column of the samples holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Numbers from 0 to 1, or [`ABSENT`].
    Number,
    /// The numbers of so many categories from 0, or [`ABSENT`].
    Category(usize),
}

/// In the place of a value that a sample does not have. It lies below every number, so that one split can ask whether
/// there is a value at all.
pub const ABSENT: f64 = -1.0;

/// What a forest learns from, by columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    features: Vec<Feature>,
    columns: Vec<Vec<f64>>,
    len: usize,
}

impl Samples {
    /// Samples of one column a feature, all of the same length. A number is moved to the range from 0 to 1, a category
    /// that there is not is taken as absent, and so is what is no number.
    #[must_use]
    pub fn new(columns: Vec<(Feature, Vec<f64>)>) -> Self {
        let len = columns.iter().map(|(_, column)| column.len()).min().unwrap_or(0);
        let (features, mut columns): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        for (feature, column) in features.iter().zip(&mut columns) {
            column.truncate(len);
            column.iter_mut().for_each(|x| *x = feature.code(*x));
        }
        Self { features, columns, len }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What the columns hold.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// A column.
    pub(crate) fn column(&self, feature: usize) -> &[f64] {
        &self.columns[feature]
    }

    /// One sample.
    #[must_use]
    pub fn row(&self, sample: usize) -> Vec<f64> {
        self.columns.iter().map(|column| column[sample]).collect()
    }
}

impl Feature {
    fn code(self, x: f64) -> f64 {
        if x.is_nan() || x < 0.0 {
            return ABSENT;
        }
        match self {
            // To 30 binary digits: the middle of two numbers that differ lies between them, and a volume of many widths
            // does not vanish.
            Self::Number => libm::rint(x.min(1.0) * GRID) / GRID,
            #[expect(clippy::cast_precision_loss, reason = "categories are few")]
            Self::Category(count) if x < count as f64 => libm::floor(x),
            Self::Category(_) => ABSENT,
        }
    }
}

/// Steps between 0 and 1.
const GRID: f64 = (1_u64 << 30) as f64;

/// How a split is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splits {
    /// The one that leaves the least squared error, of all.
    Best,
    /// The same, where one category is parted from all others, as in trees for which each is a column of its own.
    BestAlone,
    /// The best of one drawn threshold, or set of categories, a feature.
    Drawn,
}

/// Which samples a tree sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// As many as there are, drawn with replacement.
    Bootstrap,
    /// All of them.
    All,
}

/// How a forest is grown.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Trees.
    pub trees: usize,
    /// The most splits on the way to a leaf.
    pub depth: usize,
    /// Fewer samples than this are not split.
    pub split_least: usize,
    /// How splits are found.
    pub splits: Splits,
    /// Which samples a tree sees.
    pub sampling: Sampling,
    /// What draws depend on.
    pub seed: String,
}

impl Settings {
    /// Breiman's forest, grown until leaves are pure: what importance is read from.
    #[must_use]
    pub fn random_forest(seed: impl Into<String>) -> Self {
        let (splits, sampling) = (Splits::Best, Sampling::Bootstrap);
        Self { trees: 64, depth: 64, split_least: 2, splits, sampling, seed: seed.into() }
    }

    /// Extremely randomised trees: smoother between samples, and they know less the farther they are from one.
    #[must_use]
    pub fn extra_trees(seed: impl Into<String>) -> Self {
        let (splits, sampling) = (Splits::Drawn, Sampling::All);
        Self { trees: 64, depth: 64, split_least: 4, splits, sampling, seed: seed.into() }
    }
}

/// Trees that were grown on samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    pub(crate) trees: Vec<Tree>,
    features: Vec<Feature>,
}

/// A tree: its nodes, each before its children, the root first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

/// A node of a tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Where a way ends.
    Leaf {
        /// The mean of its samples.
        mean: f64,
        /// Their variance.
        variance: f64,
    },
    /// Where it forks.
    Split {
        /// The feature that is looked at.
        feature: usize,
        /// Where a sample goes to the left.
        left_if: LeftIf,
        /// The left child.
        left: usize,
        /// The right child.
        right: usize,
        /// By how much the squared error falls, summed over the tree's samples and divided by their number.
        gain: f64,
    },
}

/// What sends a sample to the left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LeftIf {
    /// A number up to this, or absence.
    UpTo(f64),
    /// A category of these; the last place is that of absence.
    Among(Vec<bool>),
}

impl LeftIf {
    fn holds(&self, x: f64) -> bool {
        match self {
            Self::UpTo(threshold) => x <= *threshold,
            Self::Among(categories) => categories[place(x, categories.len() - 1)],
        }
    }
}

/// The place of a category's number among `count` categories; absence comes behind them.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "codes are small and whole")]
pub(crate) fn place(x: f64, count: usize) -> usize {
    if x < 0.0 { count } else { x as usize }
}

/// What a forest says about a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The mean of the trees.
    pub mean: f64,
    /// How far the trees are from each other, and the samples of their leaves from theirs: the law of total variance,
    /// as in F. Hutter et al., "Algorithm runtime prediction", Artificial Intelligence 206 (2014), section 4.3.2.
    pub variance: f64,
}

impl Forest {
    /// Grows a forest: `values` are finite, one a sample.
    ///
    /// # Panics
    /// Where there are no samples, or not as many values.
    #[must_use]
    pub fn grow(samples: &Samples, values: &[f64], settings: &Settings) -> Self {
        assert!(!samples.is_empty(), "a forest needs samples");
        assert_eq!(samples.len(), values.len(), "one value a sample");
        let grower = Grower::new(samples, values, settings);
        let tree = |number: usize| grower.tree(&mut Rng::new(&settings.seed, number as u64));
        Self { trees: (0..settings.trees).map(tree).collect(), features: samples.features.clone() }
    }

    /// What the trees say about a point, given as a row of [`Samples`].
    ///
    /// # Panics
    /// Where the point has not one value a feature.
    #[must_use]
    pub fn predict(&self, point: &[f64]) -> Prediction {
        assert_eq!(point.len(), self.features.len(), "one value a feature");
        let (mut sum, mut squares, mut within) = (0.0, 0.0, 0.0);
        for tree in &self.trees {
            let (mean, variance) = tree.leaf(point);
            sum += mean;
            squares += mean * mean;
            within += variance;
        }
        #[expect(clippy::cast_precision_loss, reason = "trees are few")]
        let count = self.trees.len().max(1) as f64;
        let mean = sum / count;
        Prediction { mean, variance: (squares / count - mean * mean).max(0.0) + within / count }
    }

    /// What the columns hold that it was grown on.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }
}

impl Tree {
    /// The mean and the variance of the leaf that a point falls into.
    pub(crate) fn leaf(&self, point: &[f64]) -> (f64, f64) {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf { mean, variance } => return (*mean, *variance),
                Node::Split { feature, left_if, left, right, .. } => {
                    at = if left_if.holds(point[*feature]) { *left } else { *right };
                }
            }
        }
    }
}

/// Forests.
#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(seed: &str, features: &[Feature], len: usize) -> Samples {
        let mut rng = Rng::new(seed, 0);
        let columns = features.iter().map(|feature| {
            let draw = |rng: &mut Rng| match feature {
                Feature::Number => rng.unit(),
                #[expect(clippy::cast_precision_loss, reason = "few")]
                Feature::Category(count) => (rng.unit() * *count as f64).floor(),
            };
            (*feature, (0..len).map(|_| draw(&mut rng)).collect())
        });
        Samples::new(columns.collect())
    }

    /// The share of the variance of `f` at 500 new points that a forest of 400 explains.
    fn explained(settings: &Settings, features: &[Feature], f: impl Fn(&[f64]) -> f64) -> f64 {
        let samples = uniform("learn", features, 400);
        let values: Vec<f64> = (0..samples.len()).map(|n| f(&samples.row(n))).collect();
        let forest = Forest::grow(&samples, &values, settings);
        let fresh = uniform("ask", features, 500);
        let truth: Vec<f64> = (0..fresh.len()).map(|n| f(&fresh.row(n))).collect();
        let mean = truth.iter().sum::<f64>() / 500.0;
        let error: f64 =
            truth.iter().enumerate().map(|(n, y)| (forest.predict(&fresh.row(n)).mean - y).powi(2)).sum();
        1.0 - error / truth.iter().map(|y| (y - mean).powi(2)).sum::<f64>()
    }

    #[test]
    fn a_forest_learns_numbers_categories_and_what_is_absent() {
        let features = [Feature::Number, Feature::Category(30), Feature::Number];
        let f = |x: &[f64]| {
            let odd = x[1] % 2.0;
            (6.0 * x[0]).sin() + odd + if odd > 0.0 { x[2] } else { 0.0 }
        };
        for settings in [Settings::random_forest("s"), Settings::extra_trees("s")] {
            let share = explained(&settings, &features, f);
            assert!(share > 0.75, "{settings:?} explains {share}");
        }
    }

    #[test]
    fn one_split_asks_whether_there_is_a_value() {
        let samples = Samples::new(vec![(Feature::Number, vec![0.0, f64::NAN, 1.0, f64::NAN])]);
        let settings = Settings { sampling: Sampling::All, ..Settings::random_forest("s") };
        let forest = Forest::grow(&samples, &[1.0, 5.0, 1.0, 5.0], &settings);
        assert!(forest.trees.iter().all(|tree| tree.nodes.len() == 3), "{forest:?}");
        assert_eq!(forest.predict(&[ABSENT]).mean, 5.0);
        assert_eq!(forest.predict(&[0.5]).mean, 1.0);
    }

    #[test]
    fn the_same_seed_grows_the_same_forest_and_another_does_not() {
        let samples = uniform("learn", &[Feature::Number, Feature::Category(3)], 60);
        let values: Vec<f64> = (0..60).map(|n| samples.row(n)[0]).collect();
        for settings in [Settings::random_forest("a"), Settings::extra_trees("a")] {
            let grow = |seed: &str| {
                Forest::grow(&samples, &values, &Settings { seed: seed.into(), ..settings.clone() })
            };
            assert_eq!(grow("a"), grow("a"));
            assert_ne!(grow("a"), grow("b"));
        }
    }

    #[test]
    fn trees_know_less_far_from_what_they_saw() {
        // Samples at both ends, nothing in between.
        let column: Vec<f64> =
            (0..40_u8).map(|n| f64::from(n % 20) / 100.0 + f64::from(n / 20) * 0.8).collect();
        let values: Vec<f64> = column.iter().map(|x| if *x < 0.5 { 0.0 } else { 1.0 }).collect();
        let samples = Samples::new(vec![(Feature::Number, column)]);
        let forest = Forest::grow(&samples, &values, &Settings::extra_trees("s"));
        assert!(forest.predict(&[0.5]).variance > 0.1);
        assert!(forest.predict(&[0.05]).variance < 1e-3);
    }

    #[test]
    fn nothing_to_learn_is_one_leaf() {
        let samples = uniform("learn", &[Feature::Number, Feature::Category(1)], 30);
        let forest = Forest::grow(&samples, &[2.5; 30], &Settings::random_forest("s"));
        assert!(forest.trees.iter().all(|tree| tree.nodes.len() == 1));
        assert_eq!(forest.predict(&[0.3, ABSENT]), Prediction { mean: 2.5, variance: 0.0 });
        let same = Samples::new(vec![(Feature::Number, vec![0.5; 4])]);
        let forest = Forest::grow(&same, &[0.0, 1.0, 0.0, 1.0], &Settings::extra_trees("s"));
        assert_eq!(forest.predict(&[0.9]), Prediction { mean: 0.5, variance: 0.25 });
    }

    #[test]
    fn what_is_no_value_is_absent() {
        let columns = vec![
            (Feature::Number, vec![2.0, -3.0, f64::NAN, 0.25]),
            (Feature::Category(3), vec![3.0, f64::NAN, 2.0, 0.0]),
        ];
        let samples = Samples::new(columns);
        assert_eq!(samples.row(0), [1.0, ABSENT]);
        assert_eq!(samples.row(1), [ABSENT, ABSENT]);
        assert_eq!(samples.row(2), [ABSENT, 2.0]);
        assert_eq!(samples.row(3), [0.25, 0.0]);
    }
}
