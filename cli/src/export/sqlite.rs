//! Tables in an SQLite database of their own, times as RFC 3339 text, which sorts and which SQLite's functions read.
//! Never a name or a value as a part of a statement's text, but quoted names.

use std::error::Error;
use std::path::Path;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::{Cell, Column, Sink, Type, time_text};

/// Rows that go in with one statement.
const ROWS: usize = 1024;

/// Gathers some rows and writes them, all in one transaction.
pub struct Sqlite {
    database: Connection,
    insert: String,
    rows: Vec<Vec<Cell>>,
}

impl Sqlite {
    /// Makes the database and its table.
    pub fn new(path: &Path, table: &str, columns: &[Column]) -> Result<Self, Box<dyn Error>> {
        let database = Connection::open(path)?;
        // The file has its name only when it is complete: a crash leaves nothing that anyone reads.
        database.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN")?;
        let mut tables = Self { database, insert: String::new(), rows: Vec::new() };
        tables.begin(table, columns)?;
        Ok(tables)
    }

    fn begin(&mut self, table: &str, columns: &[Column]) -> Result<(), Box<dyn Error>> {
        let kinds: Vec<_> =
            columns.iter().map(|column| format!("{} {}", quoted(&column.name), kind(column.of))).collect();
        self.database.execute(&format!("CREATE TABLE {} ({})", quoted(table), kinds.join(", ")), [])?;
        let marks = vec!["?"; columns.len()].join(", ");
        self.insert = format!("INSERT INTO {} VALUES ({marks})", quoted(table));
        Ok(())
    }

    fn write_rows(&mut self) -> Result<(), Box<dyn Error>> {
        let mut insert = self.database.prepare(&self.insert)?;
        for row in self.rows.drain(..) {
            insert.execute(params_from_iter(&row))?;
        }
        Ok(())
    }
}

impl Sink for Sqlite {
    fn row(&mut self, row: &[Cell]) -> Result<(), Box<dyn Error>> {
        self.rows.push(row.to_vec());
        if self.rows.len() < ROWS { Ok(()) } else { self.write_rows() }
    }

    fn next(&mut self, table: &str, columns: &[Column]) -> Result<(), Box<dyn Error>> {
        self.write_rows()?;
        self.begin(table, columns)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Box<dyn Error>> {
        self.write_rows()?;
        self.database.execute_batch("COMMIT")?;
        self.database.close().map_err(|(_, error)| error.into())
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Empty => ToSqlOutput::Owned(Value::Null),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Integer(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Real(number) => ToSqlOutput::Owned(Value::Real(*number)),
            Self::Boolean(value) => ToSqlOutput::Owned(Value::Integer((*value).into())),
            Self::Time(time_ns) => ToSqlOutput::Owned(Value::Text(time_text(*time_ns))),
        })
    }
}

fn kind(of: Type) -> &'static str {
    match of {
        Type::Text | Type::Time | Type::Json => "TEXT",
        Type::Integer | Type::Boolean => "INTEGER",
        Type::Real => "REAL",
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
