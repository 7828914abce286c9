//! `sweep list` for a person.

use std::fmt::Write;

use comfy_table::ColumnConstraint;

use crate::render::table;
use crate::report::list::List;

/// The report as text.
#[must_use]
pub fn human(list: &List, width: u16) -> String {
    let mut table = table::table(&["sweep", "method", "trials", "started", "made", ""], width);
    // An id is there to be copied: it stays in one piece.
    if let Some(ids) = table.column_mut(0) {
        ids.set_constraint(ColumnConstraint::ContentWidth);
    }
    for entry in &list.sweeps {
        table.add_row([
            entry.manifest.id.to_string(),
            entry.manifest.method.clone(),
            entry.trials.to_string(),
            entry.started.to_string(),
            entry.manifest.created.clone(),
            entry.stopped.as_ref().map(|reason| format!("stopped: {reason}")).unwrap_or_default(),
        ]);
    }
    let mut out = if list.sweeps.is_empty() { "no sweeps here\n".into() } else { table::text(&table) };
    for error in &list.unreadable {
        let _ = writeln!(out, "unreadable: {error}");
    }
    out
}

/// Lists of sweeps.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_never_broken() {
        let id = format!("{}-20260102-030405-abcd", "n".repeat(40));
        let json = serde_json::json!({
            "schema": "1.0", "id": id, "name": "n", "created": "2026-01-02T03:04:05Z", "spec_digest": "",
            "method": "random", "matrix": "none", "seed": "1", "workdir": ".", "replicates": 1, "versions": {},
        });
        let manifest = serde_json::from_value(json).unwrap();
        let entry = crate::report::list::Entry {
            manifest,
            trials: 20,
            started: 0,
            stopped: Some("seen enough".into()),
        };
        let list = List { schema_version: 1, home: "".into(), sweeps: vec![entry], unreadable: vec![] };
        let text = human(&list, 80);
        assert!(text.contains(&id), "{text}");
    }
}
