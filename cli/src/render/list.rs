//! `sweep list` for a person.

use std::fmt::Write;

use crate::render::table;
use crate::report::list::List;

/// The report as text.
#[must_use]
pub fn human(list: &List, width: u16) -> String {
    let mut table = table::table(&["sweep", "method", "trials", "started", "made", ""], width);
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
