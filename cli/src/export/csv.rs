//! A table as comma-separated values. Never a cell that a reader could take for two.

use std::error::Error;
use std::io::Write;

use super::{Cell, Column, Sink, flush, time_text};

/// Writes one line a row.
pub struct Csv<W: Write>(csv::Writer<W>);

impl<W: Write> Csv<W> {
    /// Writes the header.
    pub fn new(out: W, columns: &[Column]) -> Result<Self, Box<dyn Error>> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(columns.iter().map(|column| &column.name))?;
        Ok(Self(writer))
    }
}

impl<W: Write> Sink for Csv<W> {
    fn row(&mut self, row: &[Cell]) -> Result<(), Box<dyn Error>> {
        for cell in row {
            match cell {
                Cell::Empty => self.0.write_field("")?,
                Cell::Text(text) => self.0.write_field(text)?,
                Cell::Integer(number) => self.0.write_field(number.to_string())?,
                Cell::Real(number) => self.0.write_field(number.to_string())?,
                Cell::Boolean(value) => self.0.write_field(value.to_string())?,
                Cell::Time(time_ns) => self.0.write_field(time_text(*time_ns))?,
            }
        }
        self.0.write_record(None::<&[u8]>).map_err(Into::into)
    }

    fn finish(self: Box<Self>) -> Result<(), Box<dyn Error>> {
        flush(self.0.into_inner().map_err(|error| error.to_string())?)
    }
}
