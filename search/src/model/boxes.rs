//! What a front leaves free below a reference, as boxes that do not overlap. Never a box that a point of the front
//! dominates any of, and none beyond the reference.
//!
//! The space is cut along the last metric wherever a point begins to count; what is free in a slab is that of the
//! points below it in one metric less, and what stays the same from slab to slab is one box. With two metrics there is
//! one box more than points, with three about two for each (the count of Yang et al. 2019, "Efficient computation of
//! expected hypervolume improvement using box decomposition algorithms").

use std::collections::BTreeMap;

/// A span of one metric: places in its edges.
pub(crate) type Span = (usize, usize);

/// Boxes by the edges of each metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Boxes {
    /// Rising, for each metric: those of the points, then the reference. Place 0 means that there is no end below, and
    /// place `n` the edge at `n - 1`.
    pub(crate) edges: Vec<Vec<f64>>,
    /// For each box the span of each metric.
    pub(crate) spans: Vec<Vec<Span>>,
}

impl Boxes {
    /// What is free below the reference. Points that are not below it in every metric count for nothing.
    #[must_use]
    pub(crate) fn beyond(front: &[Vec<f64>], reference: &[f64]) -> Self {
        let below = |point: &&Vec<f64>| point.iter().zip(reference).all(|(a, b)| a < b);
        let front: Vec<&Vec<f64>> = front.iter().filter(below).collect();
        let edges: Vec<Vec<f64>> = (0..reference.len())
            .map(|metric| {
                let mut edges: Vec<f64> = front.iter().map(|point| point[metric]).collect();
                edges.push(reference[metric]);
                edges.sort_by(f64::total_cmp);
                edges.dedup();
                edges
            })
            .collect();
        let place = |metric: usize, value: f64| edges[metric].partition_point(|edge| *edge < value) + 1;
        let places: Vec<Vec<usize>> = front
            .iter()
            .map(|point| point.iter().enumerate().map(|(metric, value)| place(metric, *value)).collect())
            .collect();
        let tops: Vec<usize> = edges.iter().map(Vec::len).collect();
        let places: Vec<&[usize]> = places.iter().map(Vec::as_slice).collect();
        let spans = free(&places, &tops);
        Self { edges, spans }
    }
}

/// What the points leave free, over as many metrics as there are tops.
fn free(points: &[&[usize]], tops: &[usize]) -> Vec<Vec<Span>> {
    let Some((top, lower)) = tops.split_last() else { return Vec::new() };
    let last = lower.len();
    if last == 0 {
        let end = points.iter().map(|point| point[0]).min().unwrap_or(*top);
        return vec![vec![(0, end)]];
    }
    let mut order: Vec<&[usize]> = points.to_vec();
    order.sort_by_key(|point| point[last]);
    let mut found = Vec::new();
    // Where each box of one metric less began.
    let mut open: BTreeMap<Vec<Span>, usize> = free(&[], lower).into_iter().map(|spans| (spans, 0)).collect();
    let mut counts = 0;
    while let Some(level) = order.get(counts).map(|point| point[last]) {
        counts = order.partition_point(|point| point[last] <= level);
        let now: Vec<Vec<Span>> = free(&order[..counts], lower);
        let mut next: BTreeMap<Vec<Span>, usize> = BTreeMap::new();
        for spans in now {
            let began = open.remove(&spans).unwrap_or(level);
            next.insert(spans, began);
        }
        found.extend(open.into_iter().map(|(spans, began)| closed(spans, (began, level))));
        open = next;
    }
    found.extend(open.into_iter().map(|(spans, began)| closed(spans, (began, *top))));
    found
}

fn closed(mut spans: Vec<Span>, last: Span) -> Vec<Span> {
    spans.push(last);
    spans
}

/// Boxes, against points that are drawn.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::pareto;
    use crate::rng::Rng;

    fn inside(boxes: &Boxes, spans: &[Span], point: &[f64]) -> bool {
        spans.iter().enumerate().all(|(metric, (low, high))| {
            let above = *low == 0 || point[metric] >= boxes.edges[metric][low - 1];
            above && point[metric] < boxes.edges[metric][high - 1]
        })
    }

    #[test]
    fn a_point_is_in_one_box_where_nothing_dominates_it_and_else_in_none() {
        let mut rng = Rng::new("boxes", 0);
        for metrics in 1..=4 {
            for points in [0, 1, 2, 9, 25] {
                let mut draw = |steps: f64| -> Vec<f64> {
                    (0..metrics).map(|_| (rng.unit() * steps).floor() / steps).collect()
                };
                // Coarse ones have equal coordinates.
                let front: Vec<Vec<f64>> = (0..points).map(|n| draw([8.0, 1e9][n % 2])).collect();
                let reference = vec![0.8; metrics];
                let boxes = Boxes::beyond(&front, &reference);
                for _ in 0..200 {
                    let point = draw(1e9);
                    let is_free = point.iter().all(|x| *x < 0.8)
                        && !front.iter().any(|other| other.iter().zip(&point).all(|(a, b)| a <= b));
                    let within = boxes.spans.iter().filter(|spans| inside(&boxes, spans, &point)).count();
                    assert_eq!(within, usize::from(is_free), "{front:?} {point:?}");
                }
            }
        }
    }

    #[test]
    fn there_are_about_two_boxes_for_each_point_of_three_metrics() {
        let mut rng = Rng::new("boxes", 1);
        // Points of a sphere, none of which dominates another.
        let front: Vec<Vec<f64>> = (0..60)
            .map(|_| {
                let point: Vec<f64> = (0..3).map(|_| rng.unit() + 1e-3).collect();
                let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
                point.iter().map(|x| x / length).collect()
            })
            .collect();
        assert!(pareto::ranks(&some(&front)).iter().all(|rank| *rank == Some(0)));
        assert_eq!(Boxes::beyond(&front, &[2.0; 3]).spans.len(), 2 * 60 + 1);
        let flat: Vec<Vec<f64>> = front.iter().map(|point| vec![point[0], -point[0]]).collect();
        assert_eq!(Boxes::beyond(&flat, &[2.0; 2]).spans.len(), 61);
    }

    fn some(points: &[Vec<f64>]) -> Vec<Vec<Option<f64>>> {
        points.iter().map(|point| point.iter().copied().map(Some).collect()).collect()
    }
}
