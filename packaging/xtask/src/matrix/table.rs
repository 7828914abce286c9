//! The table: a line a journey, a column a release. It never leaves a failure without its reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::matrix::suite::Column;
use crate::matrix::verdicts::Verdict;

/// Programs with their tests, in the order of the first column that has them.
fn rows(columns: &[Column]) -> Vec<&(String, String)> {
    let mut rows: Vec<&(String, String)> = Vec::new();
    for (row, _) in columns.iter().flat_map(|column| &column.verdicts) {
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

fn verdict<'a>(column: &'a Column, row: &(String, String)) -> Option<&'a Verdict> {
    column.verdicts.iter().find(|(name, _)| name == row).map(|(_, verdict)| verdict)
}

fn word(verdict: Option<&Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Pass) => "pass",
        Some(Verdict::Fail(_)) => "**FAIL**",
        Some(Verdict::Cannot(_)) => "cannot be",
        None => "not run",
    }
}

/// `plugin_journeys`, `a::name_of_a_test` as people say it.
fn spoken(row: &(String, String)) -> String {
    row.1.rsplit("::").next().unwrap_or(&row.1).replace('_', " ")
}

/// One line a release and reason; journeys that failed for the same reason stand together.
fn reasons(columns: &[Column]) -> Vec<String> {
    let mut lines = Vec::new();
    for column in columns {
        let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (row, verdict) in &column.verdicts {
            let reason = match verdict {
                Verdict::Pass => continue,
                Verdict::Fail(reason) => reason.as_str(),
                Verdict::Cannot(reason) => reason,
            };
            by_reason.entry(reason).or_default().push(spoken(row));
        }
        for (reason, journeys) in by_reason {
            lines.push(format!("Slurm {}, {}: {reason}", column.slurm, journeys.join("; ")));
        }
    }
    lines
}

/// For a terminal: counts, and every journey that did not pass.
pub fn text(columns: &[Column]) -> String {
    let mut text = String::new();
    for column in columns {
        let passed = column.verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Pass).count();
        let (suite, all) = (column.suite.name(), column.verdicts.len());
        writeln!(text, "Slurm {} ({suite}): {passed} of {all} pass", column.slurm)
            .expect("writing to a String cannot fail");
    }
    for line in reasons(columns) {
        writeln!(text, "- {line}").expect("writing to a String cannot fail");
    }
    text
}

/// For RESULTS.md.
pub fn markdown(columns: &[Column]) -> String {
    let mut out = String::new();
    let builds: Vec<&str> = columns.iter().map(|column| column.build_sha256.as_str()).collect();
    let is_one = builds.windows(2).all(|pair| pair[0] == pair[1]);
    let said = if is_one { "the same file but for the stamp's four bytes" } else { "**NOT the same build**" };
    let mut line = |text: String| writeln!(out, "{text}").expect("writing to a String cannot fail");
    line(format!(
        "`spank_sweep.so` was built once and put into each release by `sweep plugin install`: {said} (SHA-256 with \
         zeros there: `{}`).\n",
        builds.first().unwrap_or(&"none")
    ));
    line("| Slurm | system | glibc | SHA-256 as stamped | passed |\n|---|---|---|---|---|".to_owned());
    for column in columns {
        let passed = column.verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Pass).count();
        line(format!(
            "| {} | {} | {} | `{}…` | {passed} of {} |",
            column.slurm,
            column.suite.name(),
            column.glibc,
            column.sha256.chars().take(16).collect::<String>(),
            column.verdicts.len()
        ));
    }
    let heads: Vec<&str> = columns.iter().map(|column| column.slurm.as_str()).collect();
    line(format!("\n| journey | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len())));
    let mut program = "";
    for row in rows(columns) {
        if row.0 != program {
            program = &row.0;
            line(format!("| *{}* |{}", program.replace('_', " "), " |".repeat(heads.len())));
        }
        let cells: Vec<&str> = columns.iter().map(|column| word(verdict(column, row))).collect();
        line(format!("| {} | {} |", spoken(row), cells.join(" | ")));
    }
    let reasons = reasons(columns);
    if !reasons.is_empty() {
        line("\nWhy:\n".to_owned());
        for reason in reasons {
            line(format!("- {}", reason.replace('|', "\\|")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    //! Two releases, one of which fails.
    use super::*;
    use crate::matrix::suite::Suite;

    fn column(suite: Suite, slurm: &str, verdict: Verdict) -> Column {
        let row = ("plugin_journeys".to_owned(), "a::job_runs".to_owned());
        let text = str::to_owned;
        let (glibc, sha256, build_sha256) = (text("2.36"), text("ab"), text("cd"));
        Column { suite, slurm: text(slurm), glibc, sha256, build_sha256, verdicts: vec![(row, verdict)] }
    }

    #[test]
    fn each_journey_is_a_line_and_each_failure_has_its_reason_and_counts_where_it_is_promised() {
        let failed = || Verdict::Fail("why | so".to_owned());
        let columns =
            [column(Suite::Bookworm, "22.05.8", Verdict::Pass), column(Suite::Forky, "26.05.5", failed())];
        let table = markdown(&columns);
        assert!(table.contains("| journey | 22.05.8 | 26.05.5 |\n|---|---|---|\n"), "{table}");
        assert!(table.contains("| job runs | pass | **FAIL** |"), "{table}");
        assert!(table.contains("- Slurm 26.05.5, job runs: why \\| so"), "{table}");
        assert!(columns[0].complaint().is_none() && columns[1].complaint().is_some());
        assert!(column(Suite::Bullseye, "20.11.7", failed()).complaint().is_none());
    }
}
