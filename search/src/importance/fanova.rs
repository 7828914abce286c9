//! Functional analysis of variance over a forest, after Hutter, Hoos and Leyton-Brown (ICML 2014). Each tree is a sum of
//! boxes, so its mean over all parameters but one, or two, is a sum over leaves, and nothing is sampled. Lists are
//! measured as Optuna does, so that both say the same of the same trials. Never a traversal for each point: every leaf is
//! added to the cells that it covers, as a difference at their ends.

use super::regimes::{Grown, regimes};
use super::study::Study;
use super::{Depth, Judgement, Pair, float, share};
use crate::model::forest::{Feature, LeftIf, Node, Tree};
use crate::rng::Rng;

/// Most values of a list that are switches.
const SWITCHES: usize = 6;
/// Points at which total effects are estimated.
const POINTS: usize = 512;

pub(super) fn judge(study: &Study, depth: Depth) -> (Vec<Judgement>, Vec<Pair>) {
    let count = study.parameters.len();
    let mut judgements: Vec<Judgement> = (0..count).map(|place| Judgement::of(study, place, 0.0)).collect();
    let wanted = if depth == Depth::Pairs { count } else { 0 };
    let wanted = (0..wanted).flat_map(|a| (a + 1..wanted).map(move |b| (a, b)));
    let mut pairs = Vec::new();
    for regime in regimes(study, wanted) {
        let grown = regime.grow(study);
        let effects = grown.as_ref().map(|grown| Effects::of(grown, &regime.parameters, &regime.pairs));
        let totals = grown.as_ref().map_or(Vec::new(), |grown| totals(study, grown, &regime.parameters));
        for (place, parameter) in regime.parameters.iter().enumerate() {
            let Some(effects) = &effects else { continue };
            let (importance, deviation) = mean_and_deviation(&effects.mains[place]);
            judgements[*parameter].importance = importance;
            judgements[*parameter].deviation = Some(deviation);
            judgements[*parameter].total = Some(totals[place]);
        }
        for (place, (a, b)) in regime.pairs.iter().enumerate() {
            let importance =
                effects.as_ref().map_or(0.0, |effects| mean_and_deviation(&effects.pairs[place]).0);
            let parameters = [*a, *b].map(|place| study.parameters[place].name.clone());
            let trials = regime.len();
            pairs.push(Pair { parameters, trials, coverage: share(trials, study.len()), importance });
        }
    }
    (judgements, pairs)
}

/// The shares of the variance, of each parameter and pair in each tree.
struct Effects {
    mains: Vec<Vec<f64>>,
    pairs: Vec<Vec<f64>>,
}

impl Effects {
    fn of(grown: &Grown, parameters: &[usize], pairs: &[(usize, usize)]) -> Self {
        let feature = |parameter: &usize| grown.features.iter().position(|found| found == parameter);
        let mains: Vec<_> = parameters.iter().map(feature).collect();
        let of_pairs: Vec<_> = pairs.iter().map(|(a, b)| feature(a).zip(feature(b))).collect();
        let mut effects = Self { mains: vec![Vec::new(); mains.len()], pairs: vec![Vec::new(); pairs.len()] };
        for tree in &grown.forest.trees {
            let boxes = Boxes::of(tree, grown);
            let variance = boxes.variance();
            // A tree of one leaf says nothing about anybody.
            if variance <= 0.0 {
                continue;
            }
            let marginals: Vec<Vec<f64>> =
                (0..grown.features.len()).map(|axis| boxes.marginal(axis)).collect();
            for (shares, axis) in effects.mains.iter_mut().zip(&mains) {
                shares.push(axis.map_or(0.0, |axis| boxes.main(axis, &marginals[axis]) / variance));
            }
            for (shares, axes) in effects.pairs.iter_mut().zip(&of_pairs) {
                shares.push(axes.map_or(0.0, |axes| boxes.pair(axes, &marginals) / variance));
            }
        }
        effects
    }
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = float(values.len().max(1));
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / count).sqrt())
}

/// A tree as leaves, each a product of cells.
struct Boxes {
    axes: Vec<Axis>,
    /// Cells next to each other, from and up to, without the last; spans name them.
    runs: Vec<(usize, usize)>,
    leaves: Vec<Leaf>,
    mean: f64,
}

/// A feature, cut into the cells that a tree tells apart.
struct Axis {
    /// Of numbers the ends of the cells, from 0 to 1.
    ends: Vec<f64>,
    /// How likely each cell is.
    weights: Vec<f64>,
    /// Of a list whose values are switches, those that the tree looks at: a cell's bits say which of them are on.
    switches: Option<Vec<usize>>,
}

impl Axis {
    fn of_number(mut ends: Vec<f64>) -> Self {
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let weights = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
        Self { ends, weights, switches: None }
    }

    /// Optuna's measure of a list: each value is a switch, on as often as off whatever the others are. Where they are
    /// too many for that, or some come more often than others, a list has its values and nothing else.
    fn of_list(weights: &[f64], mut looked_at: Vec<usize>) -> Self {
        if weights.len() > SWITCHES || weights.iter().any(|weight| *weight != weights[0]) {
            return Self { ends: Vec::new(), weights: weights.to_vec(), switches: None };
        }
        looked_at.sort_unstable();
        looked_at.dedup();
        let cells = 1 << looked_at.len();
        Self { ends: Vec::new(), weights: vec![1.0 / float(cells); cells], switches: Some(looked_at) }
    }

    /// Whether a cell of a list goes to the left.
    fn is_left(&self, cell: usize, categories: &[bool]) -> bool {
        let bit = |switches: &Vec<usize>| {
            switches.iter().position(|switch| alone(categories).is_some_and(|alone| alone == *switch))
        };
        match self.switches.as_ref().and_then(bit) {
            Some(bit) => cell >> bit & 1 == 1,
            None => categories[cell],
        }
    }
}

/// The category that a split parts from all others.
fn alone(categories: &[bool]) -> Option<usize> {
    categories.iter().position(|is_left| *is_left)
}

struct Leaf {
    value: f64,
    volume: f64,
    spans: Vec<Span>,
}

/// Part of an axis.
#[derive(Clone, Copy)]
struct Span {
    /// Its runs, by their places.
    runs: (usize, usize),
    measure: f64,
}

impl Boxes {
    fn of(tree: &Tree, grown: &Grown) -> Self {
        let mut thresholds: Vec<Vec<f64>> = vec![vec![0.0, 1.0]; grown.features.len()];
        let mut looked_at: Vec<Vec<usize>> = vec![Vec::new(); grown.features.len()];
        for node in &tree.nodes {
            match node {
                Node::Split { feature, left_if: LeftIf::UpTo(threshold), .. } => {
                    thresholds[*feature].push(threshold.clamp(0.0, 1.0));
                }
                Node::Split { feature, left_if: LeftIf::Among(categories), .. } => {
                    looked_at[*feature].extend(alone(categories));
                }
                Node::Leaf { .. } => {}
            }
        }
        let axis = |feature: usize| match grown.forest.features()[feature] {
            Feature::Number => Axis::of_number(std::mem::take(&mut thresholds[feature])),
            Feature::Category(_) => {
                Axis::of_list(&grown.weights[feature], std::mem::take(&mut looked_at[feature]))
            }
        };
        let axes: Vec<Axis> = (0..grown.features.len()).map(axis).collect();
        let runs: Vec<(usize, usize)> = axes.iter().map(|axis| (0, axis.weights.len())).collect();
        let mut spans: Vec<Span> =
            (0..runs.len()).map(|at| Span { runs: (at, at + 1), measure: 1.0 }).collect();
        let mut boxes = Self { axes, runs, leaves: Vec::new(), mean: 0.0 };
        boxes.walk(tree, 0, &mut spans, 1.0);
        boxes.mean = boxes.leaves.iter().map(|leaf| leaf.volume * leaf.value).sum();
        boxes
    }

    fn walk(&mut self, tree: &Tree, at: usize, spans: &mut Vec<Span>, volume: f64) {
        let (feature, left_if, left, right) = match &tree.nodes[at] {
            Node::Leaf { mean, .. } => {
                self.leaves.push(Leaf { value: *mean, volume, spans: spans.clone() });
                return;
            }
            Node::Split { feature, left_if, left, right, .. } => (*feature, left_if, *left, *right),
        };
        let whole = spans[feature];
        for (child, side) in [(left, true), (right, false)] {
            let part = self.cut(feature, whole, left_if, side);
            let volume = volume / whole.measure * part.measure;
            // What is never drawn has no part in any mean.
            if volume > 0.0 {
                spans[feature] = part;
                self.walk(tree, child, spans, volume);
            }
        }
        spans[feature] = whole;
    }

    /// The part of a span on one side of a split.
    fn cut(&mut self, feature: usize, whole: Span, left_if: &LeftIf, is_left: bool) -> Span {
        let from = self.runs.len();
        let mut measure = 0.0;
        for run in whole.runs.0..whole.runs.1 {
            let (low, high) = self.runs[run];
            match left_if {
                LeftIf::UpTo(threshold) => {
                    let ends = &self.axes[feature].ends;
                    let cut = ends.partition_point(|end| end < threshold).clamp(low, high);
                    let part = if is_left { (low, cut) } else { (cut, high) };
                    measure += ends[part.1] - ends[part.0];
                    self.runs.push(part);
                }
                LeftIf::Among(categories) => {
                    let axis = &self.axes[feature];
                    for place in (low..high).filter(|place| axis.is_left(*place, categories) == is_left) {
                        measure += axis.weights[place];
                        match self.runs[from..].last_mut() {
                            Some(last) if last.1 == place => last.1 += 1,
                            _ => self.runs.push((place, place + 1)),
                        }
                    }
                }
            }
        }
        Span { runs: (from, self.runs.len()), measure }
    }

    fn runs(&self, leaf: &Leaf, axis: usize) -> &[(usize, usize)] {
        let (from, to) = leaf.spans[axis].runs;
        &self.runs[from..to]
    }

    fn variance(&self) -> f64 {
        let square = |leaf: &Leaf| leaf.volume * (leaf.value - self.mean) * (leaf.value - self.mean);
        self.leaves.iter().map(square).sum()
    }

    /// The mean over all other axes, beside the mean over all, for each cell of one.
    fn marginal(&self, axis: usize) -> Vec<f64> {
        let mut steps = vec![0.0; self.axes[axis].weights.len() + 1];
        for leaf in &self.leaves {
            let part = (leaf.value - self.mean) * (leaf.volume / leaf.spans[axis].measure);
            for (from, to) in self.runs(leaf, axis) {
                steps[*from] += part;
                steps[*to] -= part;
            }
        }
        summed(&mut steps);
        steps.pop();
        steps
    }

    /// The variance of what one axis explains by itself.
    fn main(&self, axis: usize, marginal: &[f64]) -> f64 {
        let cells = self.axes[axis].weights.iter().zip(marginal);
        cells.map(|(weight, apart)| weight * apart * apart).sum()
    }

    /// The variance of what two axes explain together and neither alone.
    fn pair(&self, (a, b): (usize, usize), marginals: &[Vec<f64>]) -> f64 {
        let (rows, columns) = (self.axes[a].weights.len(), self.axes[b].weights.len());
        // A tree that does not look at one of the two knows nothing of both.
        if rows < 2 || columns < 2 {
            return 0.0;
        }
        let width = columns + 1;
        let mut steps = vec![0.0; (rows + 1) * width];
        for leaf in &self.leaves {
            let measure = leaf.spans[a].measure * leaf.spans[b].measure;
            let part = (leaf.value - self.mean) * (leaf.volume / measure);
            for (top, bottom) in self.runs(leaf, a) {
                for (left, right) in self.runs(leaf, b) {
                    steps[top * width + left] += part;
                    steps[top * width + right] -= part;
                    steps[bottom * width + left] -= part;
                    steps[bottom * width + right] += part;
                }
            }
        }
        let mut variance = 0.0;
        for row in 0..rows {
            let (above, from) = steps.split_at_mut(row * width);
            let cells = &mut from[..width];
            summed(cells);
            if row > 0 {
                cells.iter_mut().zip(&above[(row - 1) * width..]).for_each(|(cell, above)| *cell += above);
            }
            for (column, both) in cells[..columns].iter().enumerate() {
                let apart = both - marginals[a][row] - marginals[b][column];
                variance += self.axes[a].weights[row] * self.axes[b].weights[column] * apart * apart;
            }
        }
        variance
    }
}

/// Each number becomes the sum up to it.
fn summed(steps: &mut [f64]) {
    let mut sum = 0.0;
    for step in steps {
        sum += *step;
        *step = sum;
    }
}

/// The share of the forest's variance that goes where one parameter alone is drawn anew: M. J. W. Jansen, "Analysis of
/// variance designs for model output", Computer Physics Communications 117 (1999).
fn totals(study: &Study, grown: &Grown, parameters: &[usize]) -> Vec<f64> {
    let feature = |parameter: &usize| grown.features.iter().position(|found| found == parameter);
    let features: Vec<_> = parameters.iter().map(feature).collect();
    let mut rng = Rng::new("importance: total effects", 0);
    let mut draw = |parameter: usize| study.parameters[parameter].drawn(rng.unit());
    let (mut sum, mut squares, mut apart) = (0.0, 0.0, vec![0.0; parameters.len()]);
    for _ in 0..POINTS {
        let mut point: Vec<f64> = grown.features.iter().map(|parameter| draw(*parameter)).collect();
        let before = grown.forest.predict(&point).mean;
        sum += before;
        squares += before * before;
        for (place, feature) in features.iter().enumerate() {
            let Some(feature) = *feature else { continue };
            let kept = std::mem::replace(&mut point[feature], draw(parameters[place]));
            let after = grown.forest.predict(&point).mean;
            apart[place] += (before - after) * (before - after) / 2.0;
            point[feature] = kept;
        }
    }
    let variance = squares - sum * sum / float(POINTS);
    let share = |apart: &f64| if variance > 0.0 { (apart / variance).clamp(0.0, 1.0) } else { 0.0 };
    apart.iter().map(share).collect()
}

/// Trees.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::forest::{Forest, Samples, Settings, Splits};

    /// f = 1 up to x = 1/4; beyond, 2 for category a and 4 for b and c, whose weights are 1/2, 1/4 and 1/4.
    #[test]
    fn a_tree_is_decomposed_as_by_hand() {
        let leaf = |mean| Node::Leaf { mean, variance: 0.0 };
        let split = |feature, left_if, left, right| Node::Split { feature, left_if, left, right, gain: 0.0 };
        let nodes = vec![
            split(0, LeftIf::UpTo(0.25), 1, 2),
            leaf(1.0),
            split(1, LeftIf::Among(vec![true, false, false, true]), 3, 4),
            leaf(2.0),
            leaf(4.0),
        ];
        let features = vec![(Feature::Number, vec![0.5]), (Feature::Category(3), vec![0.0])];
        let forest = Forest::grow(&Samples::new(features), &[0.0], &Settings::random_forest("s"));
        let weights = vec![Vec::new(), vec![0.5, 0.25, 0.25]];
        let grown = Grown { forest, features: vec![0, 1], weights };
        let boxes = Boxes::of(&Tree { nodes }, &grown);
        // Means: 2.5; of x 1 and 3; of the category 1.75 and 3.25.
        assert_eq!(boxes.mean, 2.5);
        assert_eq!(boxes.variance(), 0.25 * 2.25 + 0.375 * 0.25 + 0.375 * 2.25);
        let marginals = [boxes.marginal(0), boxes.marginal(1)];
        assert_eq!(marginals[0], [-1.5, 0.5]);
        assert_eq!(marginals[1], [-0.75, 0.75, 0.75]);
        let mains = [0.25 * 2.25 + 0.75 * 0.25, 0.75 * 0.75];
        assert_eq!([boxes.main(0, &marginals[0]), boxes.main(1, &marginals[1])], mains);
        let both = boxes.variance() - mains[0] - mains[1];
        assert!((boxes.pair((0, 1), &marginals) - both).abs() < 1e-15);
    }

    /// f = 1 for category a, 2 for b and 4 for c: with a switch each, a is on in a half, of the rest b in a half.
    #[test]
    fn the_values_of_a_list_are_switches() {
        let leaf = |mean| Node::Leaf { mean, variance: 0.0 };
        let alone = |category, left, right| {
            let left_if = LeftIf::Among((0..4).map(|place| place == category).collect());
            Node::Split { feature: 0, left_if, left, right, gain: 0.0 }
        };
        let nodes = vec![alone(0, 1, 2), leaf(1.0), alone(1, 3, 4), leaf(2.0), leaf(4.0)];
        let features = vec![(Feature::Category(3), vec![0.0])];
        let forest = Forest::grow(&Samples::new(features), &[0.0], &Settings::random_forest("s"));
        let grown = Grown { forest, features: vec![0], weights: vec![vec![1.0 / 3.0; 3]] };
        let boxes = Boxes::of(&Tree { nodes }, &grown);
        assert_eq!((boxes.mean, boxes.variance()), (2.0, 0.5 + 0.25 * 4.0));
        let marginal = boxes.marginal(0);
        // Nothing on, a, b, both.
        assert_eq!(marginal, [2.0, -1.0, 0.0, -1.0]);
        assert_eq!(boxes.main(0, &marginal), boxes.variance());
    }

    /// Of two features mains and pair are all of the variance, of any tree.
    #[test]
    fn mains_and_pairs_of_two_features_add_up() {
        let mut rng = Rng::new("two", 0);
        let category: Vec<f64> = (0..80).map(|_| (rng.unit() * 6.0).floor()).collect();
        let number: Vec<f64> = (0..80).map(|_| rng.unit()).collect();
        let values: Vec<f64> =
            category.iter().zip(&number).map(|(c, x)| (c * x).sin() + rng.unit()).collect();
        let samples = Samples::new(vec![(Feature::Number, number), (Feature::Category(6), category)]);
        let settings = Settings { splits: Splits::BestAlone, ..Settings::random_forest("s") };
        let forest = Forest::grow(&samples, &values, &settings);
        let weights = vec![Vec::new(), vec![1.0 / 6.0; 6]];
        let grown = Grown { forest, features: vec![0, 1], weights };
        for tree in &grown.forest.trees {
            let boxes = Boxes::of(tree, &grown);
            let marginals = [boxes.marginal(0), boxes.marginal(1)];
            let mains = boxes.main(0, &marginals[0]) + boxes.main(1, &marginals[1]);
            let all = mains + boxes.pair((0, 1), &marginals);
            assert!((all - boxes.variance()).abs() < 1e-12, "{all} of {}", boxes.variance());
            let volume: f64 = boxes.leaves.iter().map(|leaf| leaf.volume).sum();
            assert!((volume - 1.0).abs() < 1e-12);
        }
    }
}
