//! A table as Apache Parquet, plain and without compression: any reader takes it, and no codec comes along.
//! Times are in UTC to the nanosecond. Never more rows in memory than one group has.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type as Schema;

use super::{Cell, Column, Sink, Type, flush};

/// Rows of a group.
const ROWS: usize = 16 * 1024;

/// Gathers rows and writes them group by group.
pub struct Parquet<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl<W: Write + Send> Parquet<W> {
    /// Writes the beginning.
    pub fn new(out: W, name: &str, columns: &[Column]) -> Result<Self, Box<dyn Error>> {
        let fields = columns.iter().map(field).collect::<Result<Vec<_>, _>>()?;
        let schema = Schema::group_type_builder(name).with_fields(fields).build()?;
        let properties = WriterProperties::builder().set_created_by("slurm-sweep".to_owned()).build();
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        Ok(Self { writer, columns: columns.to_vec(), rows: Vec::new() })
    }

    fn write_group(&mut self) -> Result<(), Box<dyn Error>> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for (at, column) in self.columns.iter().enumerate() {
            let cells = self.rows.iter().map(|row| &row[at]);
            match column.of {
                Type::Text | Type::Json => write::<ByteArrayType, W>(&mut group, cells, |cell| match cell {
                    Cell::Text(text) => Some(ByteArray::from(text.as_str())),
                    _ => None,
                })?,
                Type::Integer => write::<Int64Type, W>(&mut group, cells, |cell| match cell {
                    Cell::Integer(number) => Some(*number),
                    _ => None,
                })?,
                Type::Time => write::<Int64Type, W>(&mut group, cells, |cell| match cell {
                    Cell::Time(time_ns) => Some(*time_ns),
                    _ => None,
                })?,
                Type::Real => write::<DoubleType, W>(&mut group, cells, |cell| match cell {
                    Cell::Real(number) => Some(*number),
                    _ => None,
                })?,
                Type::Boolean => write::<BoolType, W>(&mut group, cells, |cell| match cell {
                    Cell::Boolean(value) => Some(*value),
                    _ => None,
                })?,
            }
        }
        group.close()?;
        self.rows.clear();
        Ok(())
    }
}

impl<W: Write + Send> Sink for Parquet<W> {
    fn row(&mut self, row: &[Cell]) -> Result<(), Box<dyn Error>> {
        self.rows.push(row.to_vec());
        if self.rows.len() < ROWS { Ok(()) } else { self.write_group() }
    }

    fn finish(mut self: Box<Self>) -> Result<(), Box<dyn Error>> {
        self.write_group()?;
        flush(self.writer.into_inner()?)
    }
}

fn field(column: &Column) -> Result<Arc<Schema>, Box<dyn Error>> {
    let (physical, logical) = match column.of {
        Type::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Type::Json => (Physical::BYTE_ARRAY, Some(LogicalType::Json)),
        Type::Integer => (Physical::INT64, None),
        Type::Real => (Physical::DOUBLE, None),
        Type::Boolean => (Physical::BOOLEAN, None),
        Type::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS))),
    };
    let builder = Schema::primitive_type_builder(&column.name, physical);
    let field = builder.with_repetition(Repetition::OPTIONAL).with_logical_type(logical).build()?;
    Ok(Arc::new(field))
}

/// Writes the next column of a group: the values that are there, and for each row whether there is one.
fn write<'a, T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    cells: impl Iterator<Item = &'a Cell>,
    value: impl Fn(&Cell) -> Option<T::T>,
) -> Result<(), Box<dyn Error>> {
    let values: Vec<Option<T::T>> = cells.map(value).collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    let mut column = group.next_column()?.ok_or("fewer columns than the schema has")?;
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close().map_err(Into::into)
}
