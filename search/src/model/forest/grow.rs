//! Growing one tree. Never a sort below the root: samples are sorted by each number once for the whole forest, and
//! every split keeps their order.

use super::{ABSENT, Feature, LeftIf, Node, Samples, Sampling, Settings, Splits, Tree, place};
use crate::rng::Rng;

/// What all trees of a forest share.
pub(super) struct Grower<'a> {
    samples: &'a Samples,
    values: &'a [f64],
    settings: &'a Settings,
    /// For each number, the samples from the lowest on.
    sorted: Vec<Vec<u32>>,
}

/// A tree that grows.
struct Growing<'a> {
    forest: &'a Grower<'a>,
    /// How often the tree sees each sample.
    counts: Vec<f64>,
    all: f64,
    /// For each number the samples that it sees, from the lowest on; behind them the same in their own order. Those of
    /// a node stand together.
    orders: Vec<Vec<u32>>,
    goes_left: Vec<bool>,
    spare: Vec<u32>,
    nodes: Vec<Node>,
}

/// A split that was found.
struct Found {
    feature: usize,
    left_if: LeftIf,
    gain: f64,
}

/// Weight and sum of some samples.
#[derive(Clone, Copy, Default)]
struct Sum {
    weight: f64,
    sum: f64,
}

impl Sum {
    fn add(&mut self, weight: f64, value: f64) {
        self.weight += weight;
        self.sum += weight * value;
    }

    fn without(self, other: Self) -> Self {
        Self { weight: self.weight - other.weight, sum: self.sum - other.sum }
    }

    fn mean(self) -> f64 {
        self.sum / self.weight
    }

    /// What a mean of its own takes off the squared error, beside a mean of 0.
    fn score(self) -> f64 {
        self.sum * self.sum / self.weight
    }
}

impl<'a> Grower<'a> {
    pub(super) fn new(samples: &'a Samples, values: &'a [f64], settings: &'a Settings) -> Self {
        let ids: Vec<u32> = (0..samples.len()).filter_map(|n| u32::try_from(n).ok()).collect();
        let sort = |(feature, of): (usize, &Feature)| {
            let column = samples.column(feature);
            let mut order = if *of == Feature::Number { ids.clone() } else { Vec::new() };
            order.sort_by(|a, b| column[*a as usize].total_cmp(&column[*b as usize]).then(a.cmp(b)));
            order
        };
        let mut sorted: Vec<Vec<u32>> = samples.features().iter().enumerate().map(sort).collect();
        sorted.push(ids);
        Self { samples, values, settings, sorted }
    }

    pub(super) fn tree(&self, rng: &mut Rng) -> Tree {
        let len = self.samples.len();
        let mut counts = vec![1.0; len];
        if self.settings.sampling == Sampling::Bootstrap {
            counts.fill(0.0);
            (0..len).for_each(|_| counts[rng.below(len)] += 1.0);
        }
        let seen = |order: &Vec<u32>| order.iter().copied().filter(|n| counts[*n as usize] > 0.0).collect();
        let orders: Vec<Vec<u32>> = self.sorted.iter().map(seen).collect();
        #[expect(clippy::cast_precision_loss, reason = "samples fit into memory")]
        let all = len as f64;
        let (goes_left, spare, nodes) = (vec![false; len], Vec::new(), Vec::new());
        let mut growing = Growing { forest: self, counts, all, orders, goes_left, spare, nodes };
        growing.grow(rng);
        Tree { nodes: growing.nodes }
    }
}

impl Growing<'_> {
    fn grow(&mut self, rng: &mut Rng) {
        let all = self.orders.last().map_or(0, Vec::len);
        self.nodes.push(self.leaf(0, all));
        let mut open = vec![(0, 0, all, 0)];
        while let Some((node, from, to, depth)) = open.pop() {
            let few = to - from < self.forest.settings.split_least.max(2);
            if few || depth >= self.forest.settings.depth || self.is_pure(node) {
                continue;
            }
            let Some(found) = self.find(from, to, rng) else { continue };
            let middle = self.part(from, to, &found);
            let (left, right) = (self.nodes.len(), self.nodes.len() + 1);
            let (left_leaf, right_leaf) = (self.leaf(from, middle), self.leaf(middle, to));
            self.nodes.extend([left_leaf, right_leaf]);
            let Found { feature, left_if, gain } = found;
            self.nodes[node] = Node::Split { feature, left_if, left, right, gain: gain / self.all };
            open.extend([(right, middle, to, depth + 1), (left, from, middle, depth + 1)]);
        }
    }

    fn members(&self, from: usize, to: usize) -> &[u32] {
        &self.orders[self.orders.len() - 1][from..to]
    }

    fn sum(&self, members: &[u32]) -> Sum {
        let mut sum = Sum::default();
        members.iter().for_each(|n| sum.add(self.counts[*n as usize], self.forest.values[*n as usize]));
        sum
    }

    fn leaf(&self, from: usize, to: usize) -> Node {
        let members = self.members(from, to);
        let sum = self.sum(members);
        let first = self.forest.values[members[0] as usize];
        // The mean of equal values is that value: sums would round.
        if members.iter().all(|n| self.forest.values[*n as usize] == first) {
            return Node::Leaf { mean: first, variance: 0.0 };
        }
        let mean = sum.mean();
        let square = |n: &u32| {
            let apart = self.forest.values[*n as usize] - mean;
            self.counts[*n as usize] * apart * apart
        };
        Node::Leaf { mean, variance: members.iter().map(square).sum::<f64>() / sum.weight }
    }

    fn is_pure(&self, node: usize) -> bool {
        matches!(self.nodes[node], Node::Leaf { variance, .. } if variance == 0.0)
    }

    /// The best split of some samples; none where no feature tells them apart.
    fn find(&self, from: usize, to: usize, rng: &mut Rng) -> Option<Found> {
        let all = self.sum(self.members(from, to));
        let features = self.forest.samples.features();
        let mut best: Option<Found> = None;
        // Of splits that are as good the first is kept; few samples make many of them, so the order is drawn.
        let mut order: Vec<usize> = (0..features.len()).collect();
        rng.shuffle(&mut order);
        for feature in order {
            let found = match (features[feature], self.forest.settings.splits) {
                (Feature::Number, Splits::Best | Splits::BestAlone) => {
                    self.best_threshold(feature, from, to, all)
                }
                (Feature::Number, Splits::Drawn) => self.drawn_threshold(feature, from, to, all, rng),
                (Feature::Category(count), _) => self.categories(feature, count, from, to, all, rng),
            };
            if let Some(found) = found
                && best.as_ref().is_none_or(|best| found.gain > best.gain)
            {
                best = Some(found);
            }
        }
        best
    }

    fn best_threshold(&self, feature: usize, from: usize, to: usize, all: Sum) -> Option<Found> {
        let column = self.forest.samples.column(feature);
        let order = &self.orders[feature][from..to];
        let (mut left, mut best) = (Sum::default(), None);
        for pair in order.windows(2) {
            let (here, next) = (pair[0] as usize, pair[1] as usize);
            left.add(self.counts[here], self.forest.values[here]);
            if column[here] < column[next] {
                let score = left.score() + all.without(left).score();
                if best.is_none_or(|(best, _, _)| score > best) {
                    best = Some((score, column[here], column[next]));
                }
            }
        }
        let (score, low, high) = best?;
        let threshold = if low == ABSENT { ABSENT / 2.0 } else { f64::midpoint(low, high) };
        Some(Found { feature, left_if: LeftIf::UpTo(threshold), gain: score - all.score() })
    }

    fn drawn_threshold(
        &self,
        feature: usize,
        from: usize,
        to: usize,
        all: Sum,
        rng: &mut Rng,
    ) -> Option<Found> {
        let column = self.forest.samples.column(feature);
        let order = &self.orders[feature][from..to];
        let (low, high) = (column[*order.first()? as usize], column[*order.last()? as usize]);
        if low == high {
            return None;
        }
        let drawn = low + rng.unit() * (high - low);
        // Between absence and 0 every threshold is the same question.
        let threshold = if drawn < 0.0 { ABSENT / 2.0 } else { drawn };
        let left = order.partition_point(|n| column[*n as usize] <= threshold);
        // Sums may round to the last number.
        if left == order.len() {
            return None;
        }
        let left = self.sum(&order[..left]);
        let gain = left.score() + all.without(left).score() - all.score();
        Some(Found { feature, left_if: LeftIf::UpTo(threshold), gain })
    }

    /// Of all sets of categories the best is among those of the lowest means (W. D. Fisher, "On grouping for maximum
    /// homogeneity", JASA 53, 1958); a drawn one has each category with one half. One alone: the best of each.
    fn categories(
        &self,
        feature: usize,
        count: usize,
        from: usize,
        to: usize,
        all: Sum,
        rng: &mut Rng,
    ) -> Option<Found> {
        let column = self.forest.samples.column(feature);
        let mut sums = vec![Sum::default(); count + 1];
        for n in self.members(from, to) {
            let n = *n as usize;
            sums[place(column[n], count)].add(self.counts[n], self.forest.values[n]);
        }
        let mut there: Vec<usize> = (0..=count).filter(|place| sums[*place].weight > 0.0).collect();
        if there.len() < 2 {
            return None;
        }
        let score = |left: Sum| left.score() + all.without(left).score();
        let (taken, left) = match self.forest.settings.splits {
            Splits::Drawn => {
                let mut rest = there.clone();
                // One on each side, the others as a coin falls.
                let mut taken = vec![rest.swap_remove(rng.below(rest.len()))];
                rest.swap_remove(rng.below(rest.len()));
                taken.extend(rest.into_iter().filter(|_| rng.bits() >> 63 == 1));
                taken.sort_unstable();
                let mut left = Sum::default();
                taken.iter().for_each(|place| {
                    left.weight += sums[*place].weight;
                    left.sum += sums[*place].sum;
                });
                (taken, left)
            }
            Splits::BestAlone => {
                // Two categories are told apart by either.
                rng.shuffle(&mut there);
                let better = |best: usize, place: &usize| {
                    if score(sums[*place]) > score(sums[best]) { *place } else { best }
                };
                let alone = there[1..].iter().fold(there[0], better);
                (vec![alone], sums[alone])
            }
            Splits::Best => {
                there.sort_by(|a, b| sums[*a].mean().total_cmp(&sums[*b].mean()).then(a.cmp(b)));
                let (mut left, mut best) = (Sum::default(), (f64::NEG_INFINITY, 1, sums[there[0]]));
                for (taken, place) in there[..there.len() - 1].iter().enumerate() {
                    left.weight += sums[*place].weight;
                    left.sum += sums[*place].sum;
                    if score(left) > best.0 {
                        best = (score(left), taken + 1, left);
                    }
                }
                (there[..best.1].to_vec(), best.2)
            }
        };
        // Categories that are not here go with the larger part, unless one is parted from all others.
        let is_alone = self.forest.settings.splits == Splits::BestAlone;
        let mut among = vec![!is_alone && left.weight * 2.0 > all.weight; count + 1];
        there.iter().for_each(|place| among[*place] = false);
        taken.iter().for_each(|place| among[*place] = true);
        Some(Found { feature, left_if: LeftIf::Among(among), gain: score(left) - all.score() })
    }

    /// Puts those that go to the left first, in every order; where the others begin.
    fn part(&mut self, from: usize, to: usize, found: &Found) -> usize {
        let column = self.forest.samples.column(found.feature);
        let members = self.orders.len() - 1;
        for n in &self.orders[members][from..to] {
            self.goes_left[*n as usize] = found.left_if.holds(column[*n as usize]);
        }
        let mut middle = from;
        for order in self.orders.iter_mut().filter(|order| !order.is_empty()) {
            self.spare.clear();
            let mut place = from;
            for at in from..to {
                let n = order[at];
                if self.goes_left[n as usize] {
                    order[place] = n;
                    place += 1;
                } else {
                    self.spare.push(n);
                }
            }
            order[place..to].copy_from_slice(&self.spare);
            middle = place;
        }
        middle
    }
}
