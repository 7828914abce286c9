//! That draws have the distribution that they should: Kolmogorov and Smirnov's distance to formulas that share no
//! code with the draws. The seed is fixed, so that the answer is.

use sweep_core::value::{Scalar, Value};
use sweep_search::{Domain, sample};

const DRAWS: u32 = 20_000;

fn draws(domain: &Domain) -> Vec<f64> {
    let unit = |trial| sample::unit("draws", trial, "x");
    let mut drawn: Vec<f64> =
        (0..u64::from(DRAWS)).map(|trial| domain.sample(unit(trial)).as_f64().expect("a number")).collect();
    drawn.sort_by(f64::total_cmp);
    drawn
}

/// The greatest distance between the share of draws up to a value and the expected one.
fn distance(domain: &Domain, share: impl Fn(f64) -> f64) -> f64 {
    let drawn = draws(domain);
    let mut most = 0.0_f64;
    let mut before = 0.0;
    for (place, x) in drawn.iter().enumerate() {
        // Of draws that are equal the last says what share lies up to them.
        if drawn.get(place + 1) == Some(x) {
            continue;
        }
        let after = (place + 1) as f64 / f64::from(DRAWS);
        let steps = matches!(domain, Domain::Rounded { .. }) || domain.size().is_some();
        most = most.max((after - share(*x)).abs());
        if !steps {
            most = most.max((share(*x) - before).abs());
        }
        before = after;
    }
    most
}

/// Draws that follow the distribution pass this in one of 100 seeds: 1.63 / √n.
fn critical() -> f64 {
    1.63 / f64::from(DRAWS).sqrt()
}

fn check(domain: &Domain, share: impl Fn(f64) -> f64) {
    let distance = distance(domain, share);
    assert!(distance < critical(), "{domain:?}: {distance} is not below {}", critical());
}

/// The share of the standard normal distribution below `z`, by Simpson's rule.
fn normal(z: f64) -> f64 {
    let (low, steps) = (-9.0, 200);
    if z <= low {
        return 0.0;
    }
    let width = (z - low) / f64::from(steps);
    let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let weight = |n: i32| {
        if n == 0 || n == steps {
            1.0
        } else if n % 2 == 1 {
            4.0
        } else {
            2.0
        }
    };
    let sum: f64 = (0..=steps).map(|n| weight(n) * density(low + f64::from(n) * width)).sum();
    sum * width / 3.0
}

/// The share of beta(2, 5) below `x`: its density is a polynomial.
fn beta_2_5(x: f64) -> f64 {
    1.0 - (1.0 - x).powi(5) * (1.0 + 5.0 * x)
}

fn rounded(of: Domain, step: f64) -> Domain {
    Domain::Rounded { of: Box::new(of), step, whole: false }
}

#[test]
fn real_numbers_have_their_distribution() {
    check(&Domain::Uniform { min: -2.0, max: 6.0 }, |x| (x + 2.0) / 8.0);
    check(&Domain::LogUniform { min: 1e-4, max: 10.0 }, |x| (x / 1e-4).ln() / 1e5_f64.ln());
    check(&Domain::of_exponents(-3.0, 2.0).expect("small"), |x| (x.ln() + 3.0) / 5.0);
    check(&Domain::Normal { mu: 5.0, sigma: 3.0 }, |x| normal((x - 5.0) / 3.0));
    check(&Domain::LogNormal { mu: -1.0, sigma: 0.5 }, |x| normal((x.ln() + 1.0) / 0.5));
    check(&Domain::Beta { a: 2.0, b: 5.0 }, beta_2_5);
    check(&Domain::Beta { a: 0.5, b: 0.5 }, |x| x.sqrt().asin() / std::f64::consts::FRAC_PI_2);
}

#[test]
fn rounded_numbers_have_the_shares_of_what_is_rounded() {
    check(&rounded(Domain::Uniform { min: 0.0, max: 10.0 }, 1.0), |x| ((x + 0.5) / 10.0).min(1.0));
    check(&rounded(Domain::Normal { mu: 0.0, sigma: 10.0 }, 4.0), |x| normal((x + 2.0) / 10.0));
    check(&rounded(Domain::LogUniform { min: 1.0, max: 100.0 }, 5.0), |x| {
        ((x + 2.5).ln() / 100_f64.ln()).min(1.0)
    });
    check(&rounded(Domain::LogNormal { mu: 2.0, sigma: 0.5 }, 1.0), |x| normal(((x + 0.5).ln() - 2.0) / 0.5));
    check(&rounded(Domain::Beta { a: 2.0, b: 5.0 }, 0.25), |x| beta_2_5((x + 0.125).min(1.0)));
}

#[test]
fn whole_numbers_and_lists_have_their_shares() {
    check(&Domain::IntUniform { min: -3, max: 16 }, |x| (x + 4.0) / 20.0);
    let values: Vec<Value> = (0..4).map(|n| Value::new(Scalar::Int(n))).collect();
    check(&Domain::Categorical(values.clone()), |x| (x + 1.0) / 4.0);
    let weights = vec![0.1, 0.2, 0.3, 0.4];
    check(&Domain::Weighted { values, weights }, |x| (x + 1.0) * (x + 2.0) / 20.0);
}

#[test]
fn another_distribution_is_found_out() {
    let normal_but_wider = Domain::Normal { mu: 0.0, sigma: 1.05 };
    assert!(distance(&normal_but_wider, normal) > critical());
    let rounded_down = rounded(Domain::Uniform { min: 0.0, max: 10.0 }, 1.0);
    assert!(distance(&rounded_down, |x| ((x + 1.0) / 11.0).min(1.0)) > critical());
}
