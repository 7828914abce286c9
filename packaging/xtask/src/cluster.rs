//! `cargo xtask cluster`: a private Slurm with the plugin that stays until it is taken down. It must never start a
//! second one over the first.

use std::fs;
use std::path::PathBuf;
use std::process::Command as Process;

use sweep_testbed::{Cluster, ClusterConfig, Load, Persisted, PluginSetup};

use crate::build_plugin::{self, Variant};
use crate::failure::{Failure, Outcome};
use crate::program::step;
use crate::{program, set_up, test, workspace};

/// A private Slurm with the plugin that stays until it is taken down.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Start it.
    Up {
        /// How many nodes.
        #[arg(long, default_value_t = 2)]
        nodes: u16,
        /// With slurmdbd and a database, so that sacct works.
        #[arg(long)]
        accounting: bool,
    },
    /// End it, and everything that runs on it.
    Down,
    /// Print what to eval in a shell to use it: `eval "$(cargo xtask cluster env)"`.
    Env,
    /// Open a shell as its unprivileged user.
    Shell,
}

pub fn run(command: &Command) -> Outcome {
    match command {
        Command::Up { nodes, accounting } => {
            up(ClusterConfig { nodes: *nodes, accounting: *accounting, ..ClusterConfig::default() })
        }
        Command::Down => down(),
        Command::Env => env(),
        Command::Shell => shell(),
    }
}

/// The plugin as a site would load it, with the cluster's own audit folder.
pub fn plugin_setup() -> Outcome<PluginSetup> {
    let path = build_plugin::build(Variant::Released)?;
    Ok(PluginSetup { path, arguments: "audit={dir}/audit".to_owned(), load: Load::Optional })
}

fn state_file() -> PathBuf {
    workspace::target().join("cluster/state.json")
}

fn up(config: ClusterConfig) -> Outcome {
    let file = state_file();
    if let Some(cluster) = Persisted::read(&file)?.filter(Persisted::is_up) {
        return Err(Failure::new(format!(
            "a cluster is up already, in `{}`\nhint: cargo xtask cluster down",
            cluster.directory.display()
        )));
    }
    set_up::run()?;
    let sweep = test::build_sweep()?;
    let config = config.plugin(plugin_setup()?);
    step("starting slurmctld and its nodes");
    let cluster = Cluster::start(config)?;
    cluster.install_program(&sweep, "sweep")?;
    let folder = file.parent().expect("the state file lies in a folder");
    fs::create_dir_all(folder).map_err(Failure::doing(format!("make `{}`", folder.display())))?;
    let persisted = cluster.persist()?;
    if let Err(error) = persisted.write(&file) {
        // Nobody would find it again.
        persisted.take_down()?;
        return Err(error.into());
    }
    println!("up in {}", persisted.directory.display());
    println!("use it:  eval \"$(cargo xtask cluster env)\"   or   cargo xtask cluster shell");
    Ok(())
}

fn down() -> Outcome {
    let file = state_file();
    match Persisted::read(&file)? {
        Some(cluster) => {
            cluster.take_down()?;
            fs::remove_file(&file).map_err(Failure::doing(format!("remove `{}`", file.display())))?;
            println!("down");
        }
        None => println!("no cluster is up"),
    }
    Ok(())
}

fn the_one() -> Outcome<Persisted> {
    Persisted::read(&state_file())?
        .filter(Persisted::is_up)
        .ok_or_else(|| Failure::new("no cluster is up\nhint: cargo xtask cluster up"))
}

fn env() -> Outcome {
    let cluster = the_one()?;
    println!("export SLURM_CONF={}", quoted(&cluster.slurm_conf.display().to_string()));
    println!("export PATH={}:\"$PATH\"", quoted(&cluster.directory.join("bin").display().to_string()));
    Ok(())
}

/// For a shell: in single quotes, whatever the temporary folder is called.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn shell() -> Outcome {
    let cluster = the_one()?;
    let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/bash".to_owned());
    let mut command: Process = cluster.command(&shell)?;
    if let Ok(terminal) = std::env::var("TERM") {
        command.env("TERM", terminal);
    }
    step(format!("{} in {}", cluster.user, cluster.scratch.display()));
    program::run(&mut command)
}

#[cfg(test)]
mod tests {
    //! What a shell evals.
    use super::*;

    #[test]
    fn a_quote_in_a_path_survives_the_shell() {
        let printed = program::output(Process::new("sh").arg("-c").arg(format!("echo {}", quoted("a'b c"))));
        assert_eq!(printed.as_deref(), Some("a'b c"));
    }
}
