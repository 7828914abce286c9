//! What a spec would cost, for a person. Never more columns than fit 80.

use std::fmt::Write;

use comfy_table::CellAlignment;

use crate::render::plan::grouped;
use crate::render::table;
use crate::report::cost::Cost;

/// The table of brackets and what it comes to; empty where nothing is known.
#[must_use]
pub fn human(cost: &Cost, width: u16) -> String {
    let mut out = String::new();
    let hours = |units: u64| {
        #[expect(clippy::cast_precision_loss, reason = "hours to two digits")]
        cost.unit_hours
            .map_or_else(|| grouped(&units.to_string()), |unit| format!("{:.2}", units as f64 * unit))
    };
    if let Some(brackets) = &cost.table {
        let spent = if cost.unit_hours.is_some() { "hours" } else { "units" };
        let mut table = table::table(&["bracket", "stage", "configurations", "budget each", spent], width);
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for bracket in &brackets.brackets {
            let number = bracket.bracket.to_string();
            table.add_row([&number, "", "", "", &hours(bracket.units)]);
            for stage in &bracket.stages {
                let (count, budget) =
                    (grouped(&stage.configurations.to_string()), grouped(&stage.budget.to_string()));
                table.add_row(["", &stage.stage.to_string(), &count, &budget, &hours(stage.units)]);
            }
        }
        table.add_row(["all", "", "", "", &hours(brackets.units)]);
        out.push_str(&table::text(&table));
        let [begin, trials, units] =
            [brackets.configurations, brackets.trials, brackets.units].map(|n| grouped(&n.to_string()));
        let _ = writeln!(out, "\n{begin} configurations, {trials} trials, {units} units of budget");
    }
    if let Some(hours) = cost.hours {
        let _ = writeln!(out, "{hours:.2} hours, one trial after the other");
    }
    if let Some(hours) = cost.hours_with_checkpoints {
        let _ = writeln!(out, "{hours:.2} hours where trials go on from checkpoints: `checkpoint: true`");
    }
    if let Some(hours) = cost.limit_hours {
        let _ = writeln!(out, "at most {hours:.2} hours, by the time limit of each trial");
    }
    if let Some(node_hours) = cost.node_hours {
        let nodes = if cost.nodes == 1 { "1 node".into() } else { format!("{} nodes", cost.nodes) };
        let most = if cost.hours.is_some() { "" } else { "at most " };
        let _ = writeln!(out, "{most}{node_hours:.2} node-hours, {nodes} a trial");
    }
    for price in &cost.prices {
        let _ =
            writeln!(out, "price on {}: {:.2} at {} a node-hour", price.partition, price.price, price.rate);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}
