//! The commands, one file each, named after it: arguments as they are typed, then the work, then what is shown.
//! The help of a command is the doc comment of its arguments.

pub mod advance;
pub mod agent;
pub mod archive;
pub mod ask_tell;
pub mod audit;
pub mod best;
pub mod clean;
pub mod collect;
pub mod compare;
pub mod completion;
pub mod doctor;
pub mod drive;
pub mod exec;
pub mod export;
pub mod extend;
pub mod import;
pub mod importance;
pub mod init;
pub mod list;
pub mod log;
pub mod manual;
pub mod pause;
pub mod plan;
pub mod plugin;
pub mod report;
pub mod resume;
pub mod retry;
pub mod run;
pub mod schema;
pub mod show;
pub mod status;
pub mod stop;
pub mod submit;
pub mod supervise;
pub mod top;
pub mod unarchive;
pub mod wait;
pub mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::driver::home::Home;
use crate::error::{Error, Result};
use crate::executor::process::quoted;
use crate::spec::Spec;

/// Hyper-parameter sweeps that Slurm itself knows about.
#[derive(Debug, Parser)]
#[command(name = "sweep", version, disable_help_subcommand = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::Args),
    Init(init::Args),
    Submit(submit::Args),
    Run(run::Args),
    Status(status::Args),
    Watch(watch::Args),
    List(list::Args),
    Show(show::Args),
    Top(top::Args),
    Best(best::Args),
    Compare(compare::Args),
    Collect(collect::Args),
    Report(report::Args),
    Export(export::Args),
    Import(import::Args),
    Importance(importance::Args),
    Stop(stop::Args),
    Pause(pause::Args),
    Resume(resume::Args),
    Retry(retry::Args),
    Extend(extend::Args),
    Wait(wait::Args),
    Advance(advance::Args),
    Clean(clean::Args),
    Archive(archive::Args),
    Unarchive(unarchive::Args),
    Log(log::Args),
    Agent(agent::Args),
    AskTell(ask_tell::Args),
    Schema(schema::Args),
    Doctor(doctor::Args),
    Audit(audit::Args),
    Plugin(plugin::Args),
    Exec(exec::Args),
    Completion(completion::Args),
    Manual(manual::Args),
    Supervise(supervise::Args),
    Drive(drive::Args),
}

impl Cli {
    /// Does what was asked.
    ///
    /// # Errors
    /// The command's own.
    pub fn run(&self) -> Result<ExitCode> {
        match &self.command {
            Command::Plan(args) => args.run(),
            Command::Init(args) => args.run(),
            Command::Submit(args) => args.run(),
            Command::Run(args) => args.run(),
            Command::Status(args) => args.run(),
            Command::Watch(args) => args.run(),
            Command::List(args) => args.run(),
            Command::Show(args) => args.run(),
            Command::Top(args) => args.run(),
            Command::Best(args) => args.run(),
            Command::Compare(args) => args.run(),
            Command::Collect(args) => args.run(),
            Command::Report(args) => args.run(),
            Command::Export(args) => args.run(),
            Command::Import(args) => args.run(),
            Command::Importance(args) => args.run(),
            Command::Stop(args) => args.run(),
            Command::Pause(args) => args.run(),
            Command::Resume(args) => args.run(),
            Command::Retry(args) => args.run(),
            Command::Extend(args) => args.run(),
            Command::Wait(args) => args.run(),
            Command::Advance(args) => args.run(),
            Command::Clean(args) => args.run(),
            Command::Archive(args) => args.run(),
            Command::Unarchive(args) => args.run(),
            Command::Log(args) => args.run(),
            Command::Agent(args) => args.run(),
            Command::AskTell(args) => args.run(),
            Command::Schema(args) => args.run(),
            Command::Doctor(args) => args.run(),
            Command::Audit(args) => args.run(),
            Command::Plugin(args) => args.run(),
            Command::Exec(args) => args.run(),
            Command::Completion(args) => args.run(),
            Command::Manual(args) => args.run(),
            Command::Supervise(args) => args.run(),
            Command::Drive(args) => args.run(),
        }
    }
}

/// Which sweep, of the commands that look at one.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The sweep: its id, a prefix of it, or its directory; the newest where it is left out
    #[arg(value_name = "SWEEP")]
    pub sweep: Option<String>,
    #[command(flatten)]
    home: Where,
}

/// Where sweeps are kept.
#[derive(Debug, clap::Args)]
pub struct Where {
    /// Where sweeps are kept [default: $SWEEP_HOME, or .sweeps beside the spec]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

impl Where {
    /// The folder of sweeps, where `base` is the spec's folder or the current one.
    #[must_use]
    pub fn home(&self, base: &Path) -> Home {
        Home::resolve(self.dir.as_deref(), base)
    }
}

impl Which {
    /// The sweep's directory.
    ///
    /// # Errors
    /// Where there is none, or several are meant.
    pub fn find(&self) -> Result<sweep_core::layout::SweepDir> {
        self.home.home(Path::new(".")).find(self.sweep.as_deref())
    }

    /// How the sweep was named, as words behind another command, each with a blank before it.
    #[must_use]
    pub fn words(&self) -> String {
        let dir = self.home.dir.iter().flat_map(|dir| ["--dir".to_owned(), dir.display().to_string()]);
        dir.chain(self.sweep.clone()).map(|word| format!(" {}", quoted(&word))).collect()
    }
}

/// Reads a spec.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path) -> Result<Spec> {
    Spec::load(path).map_err(|errors| Error::user(errors.to_string().trim_end()))
}

/// Prints a text; a reader that went away, as `head` does, is no error.
pub fn print(text: &str) {
    use std::io::Write;
    // To look for colours that a file should not have takes longer than all else where there are megabytes of JSON.
    if !text.as_bytes().contains(&b'\x1b') {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        return;
    }
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Tells a person what is waited for.
fn notice(text: &str) {
    anstream::eprintln!("{text}");
}
