//! What one trial reported and printed, read from its own folder: no Slurm is asked, so it may be read again whenever
//! a file of it grows.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::time::SystemTime;

use sweep_core::layout::TrialDir;
use sweep_core::metric::{STEP, number};

use crate::report::output;

/// Most bytes of a trial's metrics that are read.
const METRICS_LEN: u64 = 16 * 1024 * 1024;
/// Most curves of a trial.
const CURVES: usize = 30;
/// Most points of a curve; of more, every so many are left out.
const POINTS: usize = 4000;
/// Lines of output that are kept.
const LINES: usize = 200;

/// What a trial reported and printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detail {
    /// What it reported, by name: steps and values.
    pub curves: Vec<(String, Vec<(f64, f64)>)>,
    /// The last lines that it printed.
    pub output: Vec<String>,
}

/// By what it shows that a trial's files have grown.
pub type Stamp = [Option<(u64, SystemTime)>; 2];

/// The sizes and times of a trial's files now.
#[must_use]
pub fn stamp(folder: &TrialDir) -> Stamp {
    [folder.metrics(), folder.output()].map(|path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    })
}

impl Detail {
    /// Reads a trial's folder; what is not there yet is left out. The curve of `first` comes before the others.
    #[must_use]
    pub fn of(folder: &TrialDir, first: Option<&str>) -> Self {
        let output = output::tail(folder).unwrap_or_default();
        Self { curves: curves(folder, first), output: output::last_lines(&output, LINES) }
    }
}

/// What a trial reported, by name; the curve of `first` comes before the others.
#[must_use]
pub fn curves(folder: &TrialDir, first: Option<&str>) -> Vec<(String, Vec<(f64, f64)>)> {
    let mut bytes = Vec::new();
    let _ = File::open(folder.metrics()).and_then(|file| file.take(METRICS_LEN).read_to_end(&mut bytes));
    let mut curves = of_lines(&bytes);
    if let Some(place) = curves.iter().position(|(name, _)| Some(name.as_str()) == first) {
        curves[..=place].rotate_right(1);
    }
    curves
}

/// Every number of the lines of `metrics.jsonl`, by its key.
fn of_lines(bytes: &[u8]) -> Vec<(String, Vec<(f64, f64)>)> {
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    let mut found: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    let mut next = 0.0;
    for line in bytes[..whole].split(|&b| b == b'\n') {
        let Ok(object) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line) else {
            continue;
        };
        let step = object.get(STEP).and_then(number).unwrap_or(next);
        next = step + 1.0;
        for (name, value) in object.iter().filter(|(name, _)| *name != STEP) {
            let Some(value) = number(value) else { continue };
            if found.len() < CURVES || found.contains_key(name) {
                found.entry(name.clone()).or_default().push((step, value));
            }
        }
    }
    found.into_iter().map(|(name, points)| (name, thinned(points))).collect()
}

fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let each = points.len().div_ceil(POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let kept = points.into_iter().enumerate().filter(|(place, _)| place % each == 0 || *place == last);
    kept.map(|(_, point)| point).collect()
}

/// Curves as programs report them.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_a_point_of_its_curve() {
        let lines = b"{\"loss\":2,\"note\":\"x\"}\nnoise\n{\"step\":5,\"loss\":\"1\",\"acc\":0.5}\n{\"acc\":0.6}\n{\"acc\":1";
        let found = of_lines(lines);
        assert_eq!(found[0], ("acc".into(), vec![(5.0, 0.5), (6.0, 0.6)]));
        assert_eq!(found[1], ("loss".into(), vec![(0.0, 2.0), (5.0, 1.0)]));
    }

    #[test]
    fn a_long_curve_keeps_its_ends() {
        let points: Vec<(f64, f64)> = (0..100_001).map(|n| (f64::from(n), 0.0)).collect();
        let kept = thinned(points);
        assert!(kept.len() <= POINTS + 1 && kept[0].0 == 0.0 && kept[kept.len() - 1].0 == 100_000.0);
    }
}
