//! The metric of a program that does not report it: read in its output or in a JSON file of its own when it has ended,
//! and written where a report would stand. A value that is no finite number is none.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use regex::Regex;
use serde_json::Value as Json;
use sweep_core::layout::TrialDir;
use sweep_core::manifest::{Goal, Metric, Source, Take};
use sweep_core::metric;

use crate::error::{At, Error, Result};

/// Most bytes of a JSON file that is read for a metric.
const JSON_LEN: u64 = 64 * 1024 * 1024;
/// Most bytes of one line of output that are looked at.
const LINE_LEN: u64 = 64 * 1024;

/// Reads the metric of an attempt whose output begins at `from` and writes it down, if there is one.
///
/// # Errors
/// Those of the file system; a file that is not there, or holds no number, is none.
pub fn collect(metric: &Metric, folder: &TrialDir, from: u64, workdir: &Path) -> Result<()> {
    let value = match &metric.from {
        None => return Ok(()),
        Some(Source::Output { pattern, take }) => {
            let pattern = Regex::new(pattern).map_err(|e| Error::user("the metric's pattern").because(&e))?;
            in_output(&pattern, *take, metric.goal, &folder.output(), from)?
        }
        Some(Source::Json { path, field }) => in_json(&workdir.join(path), field),
    };
    let Some(value) = value else { return Ok(()) };
    let line = serde_json::json!({ &metric.name: value });
    let path = folder.metrics();
    let mut file = fs::OpenOptions::new().append(true).create(true).open(&path).at("open", &path)?;
    file.write_all(format!("{line}\n").as_bytes()).at("write", &path)
}

fn in_output(pattern: &Regex, take: Take, goal: Goal, path: &Path, from: u64) -> Result<Option<f64>> {
    let mut file = File::open(path).at("open", path)?;
    file.seek(SeekFrom::Start(from)).at("read", path)?;
    let mut lines = BufReader::new(file);
    let mut found: Option<f64> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        // A line without end is cut into pieces rather than kept whole.
        if lines.by_ref().take(LINE_LEN).read_until(b'\n', &mut line).at("read", path)? == 0 {
            return Ok(found);
        }
        let text = String::from_utf8_lossy(&line);
        for captures in pattern.captures_iter(&text) {
            let whole = captures.get(1).or_else(|| captures.get(0));
            let Some(value) = whole.and_then(|text| metric::result(text.as_str().as_bytes())) else {
                continue;
            };
            let replaces = match (take, found) {
                (_, None) | (Take::Last, _) => true,
                (Take::Best, Some(best)) => goal.is_better(value, best),
                (Take::First, Some(_)) => false,
            };
            if replaces {
                found = Some(value);
            }
        }
    }
}

fn in_json(path: &Path, field: &str) -> Option<f64> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(JSON_LEN).read_to_end(&mut bytes).ok()?;
    let root: Json = serde_json::from_slice(&bytes).ok()?;
    let inside = |json: &'_ Json, key: &str| match json {
        Json::Array(items) => items.get(key.parse::<usize>().ok()?).cloned(),
        _ => json.get(key).cloned(),
    };
    let value = field.split('.').try_fold(root, |json, key| inside(&json, key))?;
    metric::number(&value)
}

/// Metrics of programs that know nothing of us.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::id::TrialIndex;
    use sweep_core::layout::SweepDir;

    fn collected(from: Source, goal: Goal) -> String {
        let dir = tempfile::tempdir().unwrap();
        let folder = SweepDir::new(dir.path()).trial(TrialIndex(0));
        fs::create_dir_all(folder.path()).unwrap();
        let first = "FoM: 9\n";
        fs::write(folder.output(), format!("{first}FoM: 3 FoM: 1e0\nFoM: nan\nFoM: 2\nlast FoM: x\n"))
            .unwrap();
        fs::write(dir.path().join("out.json"), r#"{"a": {"b": [1, {"loss": "0.25"}]}}"#).unwrap();
        let metric = Metric { from: Some(from), ..Metric::reported("fom", goal) };
        collect(&metric, &folder, first.len() as u64, dir.path()).unwrap();
        fs::read_to_string(folder.metrics()).unwrap_or_default()
    }

    fn output(pattern: &str, take: Take) -> Source {
        Source::Output { pattern: pattern.into(), take }
    }

    fn json(path: &str, field: &str) -> Source {
        Source::Json { path: path.into(), field: field.into() }
    }

    #[test]
    fn one_of_several_matches_counts_by_choice() {
        let pattern = r"FoM: (\S+)";
        for (take, goal, line) in [
            (Take::Last, Goal::Minimize, "{\"fom\":2.0}\n"),
            (Take::First, Goal::Minimize, "{\"fom\":3.0}\n"),
            (Take::Best, Goal::Minimize, "{\"fom\":1.0}\n"),
            (Take::Best, Goal::Maximize, "{\"fom\":3.0}\n"),
        ] {
            assert_eq!(collected(output(pattern, take), goal), line, "{take:?} {goal:?}");
        }
        assert_eq!(collected(output("no such text", Take::Last), Goal::Minimize), "");
    }

    #[test]
    fn a_field_is_found_by_its_path() {
        assert_eq!(collected(json("out.json", "a.b.1.loss"), Goal::Minimize), "{\"fom\":0.25}\n");
        for (path, field) in [("out.json", "a.b.2.loss"), ("out.json", "a.b"), ("none.json", "a")] {
            assert_eq!(collected(json(path, field), Goal::Minimize), "", "{path} {field}");
        }
    }
}
