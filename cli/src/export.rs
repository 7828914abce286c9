//! Tables for other programs: columns with types, then rows one after the other, as CSV, JSON lines, SQLite or
//! Parquet. Rows stream: no form holds more than a group of rows in memory. Never a table that is half there: a
//! named file appears when it is complete.

pub mod archive;
pub mod brackets;
pub mod collect;
mod csv;
pub mod dictionary;
mod jsonl;
pub mod metrics;
pub mod mlflow;
mod parquet;
mod protobuf;
mod runs;
mod sqlite;
mod stdout;
pub mod tensorboard;
mod tfrecord;
pub mod trials;

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use stdout::Stdout;

use crate::error::{At, Error, Result};

/// The form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Comma-separated values with one header line, times as RFC 3339.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// A table in an SQLite database.
    Sqlite,
    /// Apache Parquet.
    Parquet,
}

/// What a column holds; any cell may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A floating-point number of 64 bits.
    Real,
    /// True or false.
    Boolean,
    /// A point in time, to the nanosecond.
    Time,
    /// A JSON text: an object or a list, where a table has no type for one.
    Json,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, unique in its table.
    pub name: String,
    /// What it holds.
    pub of: Type,
    /// What that means, for the data dictionary.
    pub about: String,
}

/// A value, of its column's type or empty.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Of [`Type::Text`] and [`Type::Json`].
    Text(String),
    /// Of [`Type::Integer`].
    Integer(i64),
    /// Of [`Type::Real`].
    Real(f64),
    /// Of [`Type::Boolean`].
    Boolean(bool),
    /// Of [`Type::Time`]: nanoseconds since 1970.
    Time(i64),
}

impl Column {
    /// A column.
    #[must_use]
    pub fn new(name: impl Into<String>, of: Type) -> Self {
        Self { name: name.into(), of, about: String::new() }
    }

    /// The same, with what it means.
    #[must_use]
    pub fn about(self, about: impl Into<String>) -> Self {
        Self { about: about.into(), ..self }
    }
}

impl Type {
    /// Its word in the data dictionary.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Real => "real",
            Self::Boolean => "boolean",
            Self::Time => "time",
            Self::Json => "json",
        }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<i32> for Cell {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u64> for Cell {
    /// A number that 64 bits with a sign do not hold is their largest.
    fn from(number: u64) -> Self {
        Self::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// A form's writer.
trait Sink {
    /// Writes a row of as many cells as there are columns.
    fn row(&mut self, row: &[Cell]) -> Result<(), Box<dyn std::error::Error>>;
    /// Ends this table and begins another in the same file.
    fn next(&mut self, _name: &str, _columns: &[Column]) -> Result<(), Box<dyn std::error::Error>> {
        Err("this form holds one table".into())
    }
    /// Writes what is left.
    fn finish(self: Box<Self>) -> Result<(), Box<dyn std::error::Error>>;
}

/// A table that is being written.
pub struct Table {
    sink: Box<dyn Sink>,
    columns: usize,
    /// The file as it is named in the end, and as it is named until then.
    file: Option<(PathBuf, PathBuf)>,
}

impl Table {
    /// Begins a table in a file, or on standard output where there is none and the form can go there.
    ///
    /// # Errors
    /// The user's where the form needs a file; the world's where it cannot be written.
    pub fn create(form: Form, file: Option<&Path>, name: &str, columns: &[Column]) -> Result<Self> {
        let Some(path) = file else {
            return Self::on_standard_output(form, columns);
        };
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.new", std::process::id()));
        let beside = PathBuf::from(beside);
        let open = || File::create(&beside).map(BufWriter::new).at("write", path);
        let sink: Box<dyn Sink> = match form {
            Form::Csv => Box::new(csv::Csv::new(open()?, columns).map_err(|e| failed(path, e.as_ref()))?),
            Form::Jsonl => Box::new(jsonl::Jsonl::new(open()?, columns)),
            Form::Sqlite => {
                // Left by one that was killed and had our number.
                let _ = std::fs::remove_file(&beside);
                Box::new(sqlite::Sqlite::new(&beside, name, columns).map_err(|e| failed(path, e.as_ref()))?)
            }
            Form::Parquet => {
                Box::new(parquet::Parquet::new(open()?, name, columns).map_err(|e| failed(path, e.as_ref()))?)
            }
        };
        Ok(Self { sink, columns: columns.len(), file: Some((path.to_owned(), beside)) })
    }

    fn on_standard_output(form: Form, columns: &[Column]) -> Result<Self> {
        let out = std::io::stdout();
        if form == Form::Sqlite || (form == Form::Parquet && out.is_terminal()) {
            return Err(Error::user("this form needs a file to be written to").hint("name one with -o FILE"));
        }
        let out = BufWriter::new(Stdout::default());
        let stdout = Path::new("standard output");
        let sink: Box<dyn Sink> = match form {
            Form::Csv => Box::new(csv::Csv::new(out, columns).map_err(|e| failed(stdout, e.as_ref()))?),
            Form::Jsonl => Box::new(jsonl::Jsonl::new(out, columns)),
            Form::Parquet | Form::Sqlite => Box::new(
                parquet::Parquet::new(out, "table", columns).map_err(|e| failed(stdout, e.as_ref()))?,
            ),
        };
        Ok(Self { sink, columns: columns.len(), file: None })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// The world's.
    ///
    /// # Panics
    /// Where the row has not one cell a column.
    pub fn row(&mut self, row: &[Cell]) -> Result<()> {
        assert_eq!(row.len(), self.columns, "one cell a column");
        self.sink.row(row).map_err(|error| failed(self.place(), error.as_ref()))
    }

    /// Begins another table in the same file; only an SQLite database holds several.
    ///
    /// # Errors
    /// The world's.
    pub fn next(&mut self, name: &str, columns: &[Column]) -> Result<()> {
        self.columns = columns.len();
        self.sink.next(name, columns).map_err(|error| failed(self.place(), error.as_ref()))
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// The world's; the file is then what it was before.
    pub fn finish(mut self) -> Result<()> {
        let sink = std::mem::replace(&mut self.sink, Box::new(Nothing));
        sink.finish().map_err(|error| failed(self.place(), error.as_ref()))?;
        let Some((path, beside)) = self.file.take() else { return Ok(()) };
        let named = File::open(&beside).and_then(|file| file.sync_all());
        named.and_then(|()| std::fs::rename(&beside, &path)).at("write", &path)
    }

    fn place(&self) -> &Path {
        self.file.as_ref().map_or(Path::new("standard output"), |(path, _)| path)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if let Some((_, beside)) = &self.file {
            let _ = std::fs::remove_file(beside);
        }
    }
}

/// What stands in the place of a sink that has finished.
struct Nothing;

impl Sink for Nothing {
    fn row(&mut self, _: &[Cell]) -> Result<(), Box<dyn std::error::Error>> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Box<dyn std::error::Error>> {
        Ok(())
    }
}

fn failed(path: &Path, error: &dyn std::error::Error) -> Error {
    Error::world(format!("cannot write `{}`", path.display())).because(error)
}

/// A time as RFC 3339, in UTC.
#[must_use]
pub fn time_text(time_ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(time_ns.into()).map_or_else(|_| time_ns.to_string(), |t| t.to_string())
}

/// Flushes and forgets.
fn flush(mut out: impl Write) -> Result<(), Box<dyn std::error::Error>> {
    out.flush().map_err(Into::into)
}
