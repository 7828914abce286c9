//! What a test program said, one verdict a test. It never takes silence for success: a test that was begun and has no
//! verdict has failed.

use std::collections::BTreeMap;

/// How a journey went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// With the first words of the reason.
    Fail(String),
    /// It failed, and cannot be otherwise on that release: with why.
    Cannot(&'static str),
}

/// Longest reason that is kept.
const REASON_LEN: usize = 300;

/// The verdicts of a program's tests by name, from what it wrote to standard output; all that were `listed` have one.
pub fn read(output: &str, listed: &[String]) -> BTreeMap<String, Verdict> {
    let mut found = BTreeMap::new();
    for line in output.lines() {
        let Some((name, word)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... ")) else {
            continue;
        };
        let verdict = if word.trim() == "ok" { Verdict::Pass } else { Verdict::Fail(reason(output, name)) };
        found.insert(name.to_owned(), verdict);
    }
    for name in listed {
        found.entry(name.clone()).or_insert_with(|| Verdict::Fail("it did not end".to_owned()));
    }
    found
}

/// The names in the answer to `--list`: `a::name: test`.
pub fn names(listing: &str) -> Vec<String> {
    listing.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// The first line of a panic's message, in the part of the output that belongs to this test.
fn reason(output: &str, name: &str) -> String {
    let begin = format!("---- {name} stdout ----\n");
    let part = output.split_once(begin.as_str()).map_or("", |(_, rest)| rest);
    let part = part.split("\n---- ").next().unwrap_or_default();
    let mut lines = part.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    let line = lines.find(|line| !line.trim().is_empty()).unwrap_or("it failed without a word");
    line.chars().take(REASON_LEN).collect()
}

#[cfg(test)]
mod tests {
    //! A program's words, cut short.
    use super::*;

    #[test]
    fn each_test_has_a_verdict_and_a_failed_one_its_reason() {
        let output = "running 3 tests\ntest a::good ... ok\ntest a::bad ... FAILED\n\nfailures:\n\n---- a::bad stdout ----\n\n\
                      thread 'a::bad' panicked at x.rs:1:2:\nassertion failed: 1 == 2\nmore\n\nfailures:\n    a::bad\n";
        let listed = names("a::good: test\na::bad: test\na::hung: test\n\n3 tests, 0 benchmarks\n");
        let verdicts = read(output, &listed);
        assert_eq!(verdicts["a::good"], Verdict::Pass);
        assert_eq!(verdicts["a::bad"], Verdict::Fail("assertion failed: 1 == 2".to_owned()));
        assert_eq!(verdicts["a::hung"], Verdict::Fail("it did not end".to_owned()));
    }
}
