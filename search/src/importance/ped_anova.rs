//! How far the best trials differ from all, parameter by parameter, after Watanabe, Bansal and Hutter (IJCAI 2023). Never
//! a model of the metric: only of where trials were.

use std::f64::consts::FRAC_1_SQRT_2;

use super::study::{Parameter, Study};
use super::{Better, Judgement, float, share};
use crate::model::forest::{ABSENT, Feature};

/// The best of all, as a share.
const BEST: f64 = 0.1;
/// Cells of a range.
const CELLS: usize = 50;
/// Fewer trials have no density.
const FEWEST: usize = 2;
/// The narrowest kernel, in cells: nine tenths of it lie in its own.
const NARROWEST: f64 = 0.5 / 1.64;
/// What keeps a quotient of densities a number.
const FLOOR: f64 = 1e-12;

pub(super) fn judge(study: &Study, better: Better) -> Vec<Judgement> {
    let sign = if better == Better::Low { 1.0 } else { -1.0 };
    let mut sorted: Vec<f64> = study.metrics.iter().map(|metric| sign * metric).collect();
    sorted.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
    let wanted = libm::ceil(BEST * float(study.len())) as usize;
    let last = sorted.get(wanted.saturating_sub(1)).copied();
    let is_best: Vec<bool> =
        study.metrics.iter().map(|metric| last.is_some_and(|last| sign * metric <= last)).collect();
    let best = is_best.iter().filter(|is_best| **is_best).count();
    let judge = |place: usize| {
        let parameter = &study.parameters[place];
        let importance = divergence(parameter, &is_best).map_or(0.0, |(divergence, best_with)| {
            // Of trials with the parameter: how many of the best have it, beside how many of all do.
            let weight = share(best_with, best).powi(2) / share(parameter.active(), study.len());
            weight * divergence * share(best, study.len()).powi(2)
        });
        Judgement::of(study, place, importance)
    };
    (0..study.parameters.len()).map(judge).collect()
}

/// Pearson's divergence of the density of the best trials from that of all, and how many of the best have it.
fn divergence(parameter: &Parameter, is_best: &[bool]) -> Option<(f64, usize)> {
    let had = || parameter.codes.iter().zip(is_best).filter(|(code, _)| **code != ABSENT);
    let all: Vec<f64> = had().map(|(code, _)| *code).collect();
    let best: Vec<f64> = had().filter(|(_, is_best)| **is_best).map(|(code, _)| *code).collect();
    if all.len() < FEWEST || best.is_empty() {
        return None;
    }
    let (of_best, of_all) = (density(parameter, &best), density(parameter, &all));
    let apart = |(best, all): (&f64, &f64)| {
        let quotient = (best + FLOOR) / (all + FLOOR) - 1.0;
        (all + FLOOR) * quotient * quotient
    };
    Some((of_best.iter().zip(&of_all).map(apart).sum(), best.len()))
}

/// How likely each cell is, by what was seen and one more observation that could be anywhere.
fn density(parameter: &Parameter, codes: &[f64]) -> Vec<f64> {
    let feature = parameter.feature;
    let cells = match feature {
        Feature::Number => parameter.size.unwrap_or(CELLS).clamp(1, CELLS),
        Feature::Category(count) => count,
    };
    let mut counts = vec![0.0; cells];
    for code in codes {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "codes are small")]
        let cell = if feature == Feature::Number { (code * float(cells)) as usize } else { *code as usize };
        counts[cell.min(cells - 1)] += 1.0;
    }
    let all = float(codes.len()) + 1.0;
    if feature != Feature::Number {
        return counts.iter().map(|count| (count + 1.0 / float(cells)) / all).collect();
    }
    let width = bandwidth(&counts);
    let mut density = vec![0.0; cells];
    let seen = counts.iter().enumerate().filter(|(_, count)| **count > 0.0);
    let kernels = seen.map(|(cell, count)| (float(cell), width, *count));
    let anywhere = (share(cells - 1, 2), float(cells), 1.0);
    for (middle, width, weight) in kernels.chain([anywhere]) {
        let below = |x: f64| 0.5 * libm::erfc((middle - x) / width * FRAC_1_SQRT_2);
        let (low, high) = (below(-0.5), below(float(cells) - 0.5));
        for (cell, density) in density.iter_mut().enumerate() {
            let x = float(cell);
            *density += weight / all * (below(x + 0.5) - below(x - 0.5)) / (high - low);
        }
    }
    density
}

/// Scott's rule for the width of a kernel, in cells (D. W. Scott, "Multivariate density estimation", 1992), by the
/// narrower of two measures of how far the numbers spread.
fn bandwidth(counts: &[f64]) -> f64 {
    let all: f64 = counts.iter().sum();
    let moment = |f: &dyn Fn(f64) -> f64| {
        counts.iter().enumerate().map(|(cell, count)| count * f(float(cell))).sum::<f64>()
    };
    let mean = moment(&|x| x) / all;
    let deviation = (moment(&|x| (x - mean) * (x - mean)) / (all - 1.0).max(1.0)).sqrt();
    let quantile = |part: f64| {
        let mut below = 0.0;
        let cell = counts.iter().position(|count| {
            below += count;
            below >= part * all
        });
        float(cell.unwrap_or(0))
    };
    let middle_half = quantile(0.75) - quantile(0.25);
    (1.059 * (middle_half / 1.34).min(deviation) * libm::pow(all, -0.2)).max(NARROWEST)
}
