//! A table as a JSON object a line, every column in every line. Never a JSON text inside a string: what is JSON
//! stays JSON.

use std::error::Error;
use std::io::Write;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Cell, Column, Sink, Type, flush, time_text};

/// Writes one line a row.
pub struct Jsonl<W: Write> {
    out: W,
    columns: Vec<Column>,
}

impl<W: Write> Jsonl<W> {
    /// A table without a row.
    pub fn new(out: W, columns: &[Column]) -> Self {
        Self { out, columns: columns.to_vec() }
    }
}

impl<W: Write> Sink for Jsonl<W> {
    fn row(&mut self, row: &[Cell]) -> Result<(), Box<dyn Error>> {
        serde_json::to_writer(&mut self.out, &Line { columns: &self.columns, row })?;
        self.out.write_all(b"\n").map_err(Into::into)
    }

    fn finish(self: Box<Self>) -> Result<(), Box<dyn Error>> {
        flush(self.out)
    }
}

/// One row with its names.
struct Line<'a> {
    columns: &'a [Column],
    row: &'a [Cell],
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.row.len()))?;
        for (Column { name, of, .. }, cell) in self.columns.iter().zip(self.row) {
            match cell {
                Cell::Empty => map.serialize_entry(name, &())?,
                Cell::Text(text) if *of == Type::Json => {
                    let json: Value = serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
                    map.serialize_entry(name, &json)?;
                }
                Cell::Text(text) => map.serialize_entry(name, text)?,
                Cell::Integer(number) => map.serialize_entry(name, number)?,
                Cell::Real(number) => map.serialize_entry(name, number)?,
                Cell::Boolean(value) => map.serialize_entry(name, value)?,
                Cell::Time(time_ns) => map.serialize_entry(name, &time_text(*time_ns))?,
            }
        }
        map.end()
    }
}
