//! The data dictionary: what each column of each table of a sweep holds, as a table itself. Never a column that is
//! written and not in it: it is made of the same columns.

use super::{Cell, Column, Table, Type};
use crate::error::Result;

/// The name of its table.
pub const NAME: &str = "dictionary";

/// Its own columns.
#[must_use]
pub fn columns() -> Vec<Column> {
    vec![
        Column::new("table", Type::Text).about("the table that the column is of"),
        Column::new("position", Type::Integer).about("its place in that table, from 0"),
        Column::new("column", Type::Text).about("its name"),
        Column::new("type", Type::Text).about("text, integer, real, boolean, time or json"),
        Column::new("about", Type::Text)
            .about("what it holds; a cell is empty where there is nothing to say"),
    ]
}

/// Writes a row for each column of these tables, and for its own.
///
/// # Errors
/// Those of [`Table::row`].
pub fn write(table: &mut Table, tables: &[(&str, &[Column])]) -> Result<()> {
    let own = columns();
    for (name, columns) in tables.iter().copied().chain([(NAME, own.as_slice())]) {
        for (position, column) in columns.iter().enumerate() {
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            let cells: [Cell; 5] = [
                name.into(),
                position.into(),
                column.name.as_str().into(),
                column.of.word().into(),
                column.about.as_str().into(),
            ];
            table.row(&cells)?;
        }
    }
    Ok(())
}
