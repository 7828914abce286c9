//! `sweep plugin`: the plugin's file, for administrators.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::command::print;
use crate::error::{Error, Result};
use crate::plugin_file::fit::{self, Report};
use crate::plugin_file::image::Image;
use crate::plugin_file::install::{Done, TestJob, Wish};
use crate::plugin_file::release::Release;
use crate::plugin_file::{host, nodes, place, plugstack};
use crate::render::{Format, json};

/// Where packages put the plugin and where it is installed.
const LIB_DIR: &str = "/usr/lib/slurm-sweep";
/// The plugin as packages bring it, whatever it is stamped for.
const SHIPPED: &str = "/usr/lib/slurm-sweep/spank_sweep.so";

/// Check, stamp and install the SPANK plugin, for administrators
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
    Stamp(Stamp),
    Install(Install),
}

/// Say whether the Slurm of this machine can load the plugin; exit 1 and say why where it cannot
#[derive(Debug, clap::Args)]
struct Check {
    /// The plugin [default: the one that plugstack.conf names]
    file: Option<PathBuf>,
    /// Run a small job on every free node, to see what each has and whether it loads there; name the others
    #[arg(long)]
    nodes: bool,
    /// For whom
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Write a copy of the plugin for another release of Slurm: four bytes differ
#[derive(Debug, clap::Args)]
struct Stamp {
    /// The release, such as 24.11.5 or 24.11
    #[arg(long, value_name = "RELEASE")]
    slurm: Release,
    /// The plugin
    #[arg(value_name = "IN")]
    from: PathBuf,
    /// The copy, put in place by rename; it may be IN itself
    #[arg(value_name = "OUT")]
    to: PathBuf,
}

/// Install the plugin for the Slurm of this machine, try it, and put everything back where it does not work
///
/// Safe to run again and from a package's trigger: it asks nothing, needs no network, and changes nothing where all is
/// as it should be. Exit 0: done, or nothing to do. 1: it did not work, and all is as before. 2: a wrong argument or file.
#[derive(Debug, clap::Args)]
struct Install {
    /// The plugin, stamped for whatever release
    #[arg(default_value = SHIPPED)]
    file: PathBuf,
    /// The directory for the site's records; made where it is missing [default: as the line has it, else none]
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
    /// The folder of slurm.conf [default: as $SLURM_CONF or Slurm says]
    #[arg(long, value_name = "DIR")]
    slurm_conf_dir: Option<PathBuf>,
    /// Where the stamped plugin goes
    #[arg(long, value_name = "DIR", default_value = LIB_DIR)]
    lib_dir: PathBuf,
    /// Run a job that needs the plugin, too
    #[arg(long)]
    test_job: bool,
    /// Run that job as this user
    #[arg(long, value_name = "USER", requires = "test_job")]
    test_user: Option<String>,
    /// Take away exactly what was installed
    #[arg(long, conflicts_with_all = ["audit", "test_job"])]
    undo: bool,
    /// Say what would change and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// The exit code where the plugin does not fit.
const UNFIT: u8 = 1;

impl Args {
    /// Does what was asked.
    ///
    /// # Errors
    /// The command's own.
    pub fn run(&self) -> Result<ExitCode> {
        match &self.command {
            Command::Check(check) => check.run(),
            Command::Stamp(stamp) => stamp.run(),
            Command::Install(install) => install.run(),
        }
    }
}

impl Check {
    fn run(&self) -> Result<ExitCode> {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => installed()?,
        };
        let image = Image::read(&file)?;
        let mut report = fit::judge(&file, &image, host::release(None)?, &host::loaders());
        if self.nodes {
            let file = std::path::absolute(&file).unwrap_or(file);
            report.nodes = nodes::ask(&file, &report.sha256)?;
        }
        print(&match self.format {
            Format::Human => screen(&report),
            Format::Json => json(&report),
        });
        let is_well = report.fits && report.nodes.iter().all(|node| node.problem.is_none());
        Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(UNFIT) })
    }
}

/// The plugin that plugstack.conf names.
fn installed() -> Result<PathBuf> {
    let plugstack = plugstack::by_word_of_slurm().map_or_else(|| plugstack::find(None), Ok)?;
    let lines = plugstack::lines(&plugstack);
    lines.first().and_then(plugstack::Line::plugin).ok_or_else(|| {
        Error::user(format!("`{}` has no line for the plugin", plugstack.display()))
            .hint("name a file, or install one: `sweep plugin install FILE`")
    })
}

fn screen(report: &Report) -> String {
    let mut out = format!(
        "file         {}\nsha256       {}\nbuild        {}\nstamped for  Slurm {}\nSlurm here   {}\n",
        report.file.display(),
        report.sha256,
        report.build_sha256,
        report.stamped_for,
        report.slurm,
    );
    let looked: Vec<String> = report.looked_at.iter().map(|path| path.display().to_string()).collect();
    let looked =
        if looked.is_empty() { "no program of Slurm's here to ask".to_owned() } else { looked.join(", ") };
    out.push_str(&format!("symbols      {} needed, looked for in {looked}\n", report.symbols_needed));
    for problem in &report.problems {
        out.push_str(&format!("BAD          {problem}\n"));
    }
    for node in &report.nodes {
        if !node.asked {
            out.push_str(&format!("{:<13}node {} is {}: it was not asked\n", "?", node.node, node.state));
            continue;
        }
        let slurm = node.slurm.map_or_else(|| "Slurm unknown".to_owned(), |slurm| format!("Slurm {slurm}"));
        let said = node.problem.as_deref().unwrap_or("has this file and loads it");
        let mark = if node.problem.is_some() { "BAD" } else { "ok" };
        out.push_str(&format!("{mark:<13}node {}: {slurm}, {said}\n", node.node));
    }
    out.push_str(if report.fits { "it fits this Slurm\n" } else { "it does not fit this Slurm\n" });
    out
}

impl Stamp {
    fn run(&self) -> Result<ExitCode> {
        let image = Image::read(&self.from)?;
        let stamped = image.stamped(self.slurm);
        place::replace(&self.to, stamped.bytes(), 0o755)?;
        print(&format!("{} is for Slurm {} (was {})\n", self.to.display(), self.slurm, image.release));
        Ok(ExitCode::SUCCESS)
    }
}

impl Install {
    fn run(&self) -> Result<ExitCode> {
        let wish = Wish {
            file: self.file.clone(),
            audit: self.audit.clone(),
            slurm_conf_dir: self.slurm_conf_dir.clone(),
            lib_dir: self.lib_dir.clone(),
            test: self.test_job.then(|| TestJob { user: self.test_user.clone() }),
        };
        if !self.dry_run && !nix::unistd::geteuid().is_root() {
            return Err(Error::user(
                "`sweep plugin install` changes Slurm's configuration, which takes root",
            )
            .hint("run it as root, or with --dry-run to see what it would do"));
        }
        let done = match (self.undo, self.dry_run) {
            (false, false) => wish.plan()?.carry_out(&wish)?,
            (false, true) => wish.plan()?.dry(),
            (true, false) => wish.undo()?,
            (true, true) => wish.plan_undo()?,
        };
        print(&self.said(&done));
        Ok(ExitCode::SUCCESS)
    }

    fn said(&self, done: &Done) -> String {
        let would = if self.dry_run { "would " } else { "" };
        let mut out = String::new();
        for change in &done.changes {
            out.push_str(&format!("{would}{change}\n"));
        }
        for note in &done.notes {
            out.push_str(&format!("note: {note}\n"));
        }
        if done.changes.is_empty() {
            out.push_str("nothing to change\n");
        } else if !self.dry_run {
            let what = if self.undo {
                "the plugin is gone, and sbatch works as before"
            } else {
                "the plugin is installed"
            };
            out.push_str(&format!("{what}\n"));
        }
        out
    }
}
