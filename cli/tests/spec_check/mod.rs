//! One check for the tables of rules.

use std::path::Path;

use sweep_cli::spec::Spec;

/// That a spec has exactly these mistakes, in the order of the file.
pub fn check(spec: &str, expected: &[&str]) {
    let found: Vec<String> = match Spec::parse(Path::new("sweep.yaml"), spec.as_bytes().to_vec()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors
            .mistakes
            .iter()
            .map(|mistake| {
                let at = mistake.at.map(|at| format!("{}:{}: ", at.line, at.column)).unwrap_or_default();
                let hint = mistake.hint.as_ref().map(|hint| format!(" | {hint}")).unwrap_or_default();
                format!("{at}{}{hint}", mistake.message)
            })
            .collect(),
    };
    assert_eq!(found, expected, "{spec}");
}
