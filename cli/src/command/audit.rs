//! `sweep audit`: the site's records, for administrators.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::audit::collect::{self, Collected};
use crate::audit::files::{self, Inventory};
use crate::audit::filter::Asked;
use crate::audit::heads::Heads;
use crate::audit::list::{self, Met};
use crate::audit::screen;
use crate::audit::table::{self, Listed, Names};
use crate::audit::verify::{self, Report};
use crate::command::print;
use crate::error::{Error, Result};
use crate::export::{Form, Table};
use crate::render::{Format, json, table as screen_table};

/// List, check, export and collect the site's records, for administrators
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(List),
    Verify(Verify),
    Export(Export),
    Collect(Collect),
}

/// Where the site's records are.
#[derive(Debug, clap::Args)]
struct Where {
    /// The audit directory: `audit=` of the plugin's line in plugstack.conf
    #[arg(long, value_name = "DIR", default_value = files::DIR)]
    dir: PathBuf,
}

/// List attempts: what Slurm says of each, and what its user claimed
#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    asked: Asked,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Check that files are what the plugin wrote; exit 1 and name the first wrong line of each where not
#[derive(Debug, clap::Args)]
struct Verify {
    #[command(flatten)]
    place: Where,
    /// These files alone, in place of a directory
    #[arg(value_name = "FILE", conflicts_with = "dir")]
    files: Vec<PathBuf>,
    /// Heads that were kept elsewhere: a log with them, a .head file, a directory of those, or `journal`
    #[arg(long, value_name = "FILE|DIR|journal")]
    head: Option<PathBuf>,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Write attempts as a table
#[derive(Debug, clap::Args)]
struct Export {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    asked: Asked,
    /// The table's form
    #[arg(long = "as", value_enum, value_name = "FORM")]
    form: Form,
    /// Into this file, which appears when it is complete; CSV and JSON lines go to standard output without
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Gather many nodes' directories into one, checking each file; exit 1 where one was refused
#[derive(Debug, clap::Args)]
struct Collect {
    /// Where to
    out: PathBuf,
    /// The nodes' directories
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Args {
    /// Does what was asked.
    ///
    /// # Errors
    /// The command's own.
    pub fn run(&self) -> Result<ExitCode> {
        match &self.command {
            Command::List(args) => args.run(),
            Command::Verify(args) => args.run(),
            Command::Export(args) => args.run(),
            Command::Collect(args) => args.run(),
        }
    }
}

impl List {
    fn run(&self) -> Result<ExitCode> {
        let inventory = Inventory::of_directory(&self.place.dir)?;
        let filter = self.asked.resolve()?;
        let mut out = BufWriter::new(io::stdout().lock());
        let mut names = Names::default();
        let mut is_first = true;
        let width = screen_table::width();
        let written = match self.format {
            Format::Human => {
                let head = out.write_all(screen::head(width).as_bytes()).map_err(|error| gone(&error));
                head.and_then(|()| {
                    list::each(&inventory, &filter, |attempt| {
                        out.write_all(screen::attempt(attempt, &mut names, width).as_bytes())
                            .map_err(|error| gone(&error))
                    })
                })
            }
            Format::Json => {
                // One text that is never in memory whole.
                let begin =
                    out.write_all(b"{\"schema_version\":1,\"attempts\":[").map_err(|error| gone(&error));
                let each = begin.and_then(|()| {
                    list::each(&inventory, &filter, |attempt| {
                        let comma: &[u8] = if std::mem::take(&mut is_first) { b"\n" } else { b",\n" };
                        out.write_all(comma).map_err(|error| gone(&error))?;
                        let listed = Listed::of(attempt, &mut names);
                        serde_json::to_writer(&mut out, &listed).map_err(|error| gone(&error.into()))
                    })
                });
                each.and_then(|met| out.write_all(b"\n]}\n").map_err(|error| gone(&error)).map(|()| met))
            }
        };
        let met = written.and_then(|met| out.flush().map_err(|error| gone(&error)).map(|()| met));
        match met {
            Ok(met) => warn(met, &inventory),
            // A reader that went away, as `head` does, has all that it wanted.
            Err(error) if error.message() == GONE => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(error),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Verify {
    fn run(&self) -> Result<ExitCode> {
        let heads = self.head.as_deref().map(Heads::read).transpose()?.unwrap_or_default();
        let is_whole_directory = self.files.is_empty();
        let inventory = if is_whole_directory {
            Inventory::of_directory(&self.place.dir)?
        } else {
            verify::require(&self.files)?;
            Inventory::of_files(&self.files)?
        };
        let report = Report::of(&inventory, &heads, is_whole_directory)?;
        print(&match self.format {
            Format::Human => verify::human(&report),
            Format::Json => json(&report),
        });
        Ok(if report.is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Export {
    fn run(&self) -> Result<ExitCode> {
        let inventory = Inventory::of_directory(&self.place.dir)?;
        let filter = self.asked.resolve()?;
        let mut names = Names::default();
        let mut table = Table::create(self.form, self.output.as_deref(), "attempts", &table::columns())?;
        let met = list::each(&inventory, &filter, |attempt| table.row(&table::row(attempt, &mut names)))?;
        table.finish()?;
        warn(met, &inventory);
        Ok(ExitCode::SUCCESS)
    }
}

impl Collect {
    fn run(&self) -> Result<ExitCode> {
        let collected: Collected = collect::collect(&self.out, &self.dirs)?;
        print(&match self.format {
            Format::Human => collect::human(&collected),
            Format::Json => json(&collected),
        });
        Ok(if collected.is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The message of an error that is none.
const GONE: &str = "cannot write to standard output, which was closed";

fn gone(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Error::world(GONE),
        _ => Error::world("cannot write to standard output").because(error),
    }
}

/// Says what is not in the list, once it is written.
fn warn(met: Met, inventory: &Inventory) {
    if met.unreadable > 0 {
        anstream::eprintln!("{} lines are no records: see `sweep audit verify`", met.unreadable);
    }
    if met.foreign > 0 {
        anstream::eprintln!("{} records are of a later release: upgrade sweep here", met.foreign);
    }
    for (tally, users) in files::dropped(&inventory.files) {
        for user in users {
            anstream::eprintln!(
                "{tally}: {} records of uid {} were dropped past the bound",
                user.dropped,
                user.uid
            );
        }
    }
}
