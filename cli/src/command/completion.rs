//! `sweep completion`, and what a word on the command line may be: sweeps, trials, specs and states by name. The shell
//! calls `sweep` itself for each word, so it must never print, wait or ask Slurm.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, Command, CommandFactory};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{CompleteEnv, Shells};
use sweep_core::find;
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use sweep_core::state::TrialState;

use crate::command::{Cli, print};
use crate::driver::home::Home;
use crate::error::{Error, Result};

/// Print the completion script of a shell
///
/// bash: add `source <(sweep completion bash)` to ~/.bashrc. zsh: the same with zsh in ~/.zshrc, behind compinit.
/// fish: `sweep completion fish > ~/.config/fish/completions/sweep.fish`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// A shell that asks programs for its words.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

/// The variable by which a completion script asks for words.
const VARIABLE: &str = "SWEEP_COMPLETE";
/// In a folder of zsh's functions the script is the function `_sweep`, and its first call has to answer too.
const OF_ZSH: &str = "\nif [[ $funcstack[1] == _sweep ]]; then _clap_dynamic_completer_sweep \"$@\"; fi\n";
/// Most trials that are offered at once.
const TRIALS: usize = 2000;

impl Args {
    /// Prints the script.
    ///
    /// # Errors
    /// None.
    pub fn run(&self) -> Result<ExitCode> {
        let name = match self.shell {
            Shell::Bash => "bash",
            Shell::Elvish => "elvish",
            Shell::Fish => "fish",
            Shell::Powershell => "powershell",
            Shell::Zsh => "zsh",
        };
        let shells = Shells::builtins();
        let shell = shells.completer(name).expect("each of ours is built in");
        let mut script = Vec::new();
        shell
            .write_registration(VARIABLE, "sweep", "sweep", "sweep", &mut script)
            .map_err(|error| Error::world(format!("no script for `{name}`")).because(&error))?;
        let mut script = String::from_utf8_lossy(&script).into_owned();
        if matches!(self.shell, Shell::Zsh) {
            script.push_str(OF_ZSH);
        }
        print(&script);
        Ok(ExitCode::SUCCESS)
    }
}

/// Answers a shell that asks for words, and ends the process then; else does nothing.
pub fn answer() {
    CompleteEnv::with_factory(|| with_words(Cli::command())).var(VARIABLE).complete();
}

/// Every argument with what completes it, by its name: so a new command has it without knowing.
fn with_words(command: Command) -> Command {
    command.mut_subcommands(with_words).mut_args(|arg| match words_of(&arg) {
        Some(completer) => arg.add(completer),
        None => arg,
    })
}

fn words_of(arg: &Arg) -> Option<ArgValueCompleter> {
    let value = arg.get_value_names().and_then(|names| names.first()).map(|name| name.as_str())?;
    match value {
        "SWEEP" | "SWEEPS" => Some(ArgValueCompleter::new(sweeps)),
        "TRIAL" | "TRIALS" => Some(ArgValueCompleter::new(trials)),
        "STATES" => Some(ArgValueCompleter::new(states)),
        "SPEC" => Some(ArgValueCompleter::new(specs)),
        _ => None,
    }
}

fn sweeps(current: &OsStr) -> Vec<CompletionCandidate> {
    let ids = home(&words()).sweeps().unwrap_or_default();
    candidates(current, ids.iter().map(ToString::to_string))
}

fn trials(current: &OsStr) -> Vec<CompletionCandidate> {
    let words = words();
    let count = named(&words).map_or(0, |dir| find::count(&dir).unwrap_or(0));
    candidates(current, (0..count).map(|index| TrialIndex(index).label().to_string()))
}

fn states(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(current, TrialState::ALL.iter().map(|state| state.name().to_owned()))
}

fn specs(current: &OsStr) -> Vec<CompletionCandidate> {
    let is_yaml = |path: &Path| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    PathCompleter::any().filter(move |path| path.is_file() && is_yaml(path)).complete(current)
}

/// Those that begin as the word does; in a list, behind its last comma.
fn candidates(current: &OsStr, words: impl Iterator<Item = String>) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let (before, begun) = current
        .rsplit_once(',')
        .map_or(("", &*current), |(_, begun)| (&current[..current.len() - begun.len()], begun));
    let fitting = words.filter(|word| word.starts_with(begun)).take(TRIALS);
    fitting.map(|word| CompletionCandidate::new(format!("{before}{word}"))).collect()
}

/// The command line so far: what stands behind `--` in the call of a completion script.
fn words() -> Vec<OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(1).collect()
}

/// Where sweeps are kept, by `--dir` where it was typed.
fn home(words: &[OsString]) -> Home {
    let apart = words.iter().skip_while(|word| *word != "--dir").nth(1).cloned();
    let joined = words.iter().find_map(|word| Some(OsString::from(word.to_str()?.strip_prefix("--dir=")?)));
    Home::resolve(apart.or(joined).as_deref().map(Path::new), Path::new("."))
}

/// The sweep that a word names whole, else the newest.
fn named(words: &[OsString]) -> Option<SweepDir> {
    let home = home(words);
    let ids = home.sweeps().ok()?;
    let typed = ids.iter().find(|id| words.iter().any(|word| word.to_str() == Some(id.as_str())));
    Some(SweepDir::complete(home.path(), typed.or_else(|| ids.first())?))
}
