//! `cargo xtask race`: our search and others' over the same problems, curves and trials, in one run, by a harness that is
//! given. It must never show a seed's figure of one without that of the others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};
use crate::program::{run as run_program, step};
use crate::{results, set_up, test, workspace};

/// Race our search against Optuna's and others over a harness's problems and learning curves, and write RESULTS.md.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder that holds the harness: `bench.py`, `mf.py`, their data and rivals' runs
    #[arg(long, value_name = "DIR")]
    harness: PathBuf,
    /// Only these, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// So many seeds of the learning curves, from 0
    #[arg(long, default_value_t = 20)]
    seeds: u32,
    /// So many seeds of the problems, from 0; fewer leave RESULTS.md as it is
    #[arg(long, default_value_t = SEEDS)]
    core_seeds: u32,
}

/// Seeds of the problems that the bars speak of.
const SEEDS: u32 = 10;
/// Seeds of trials whose importance is compared: Optuna takes its time.
const IMPORTANCE_SEEDS: u32 = 3;

/// Seeds of searches by several metrics.
const FRONT_SEEDS: u32 = 10;

/// What is raced.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Schedulers: epochs until learning curves are as good as a level
    Schedulers,
    /// Bayesian search over the problems, one trial at a time
    Core,
    /// The same with eight asynchronous workers
    Workers,
    /// Bayesian search on problems and seeds that nothing was chosen by
    Others,
    /// Model-based ASHA over learning curves
    Curves,
    /// Importance of parameters beside Optuna's
    Importance,
    /// Search by several metrics beside Optuna's
    Fronts,
    /// What an ask takes, in time and memory
    Limits,
}

impl Part {
    /// The section of RESULTS.md.
    fn heading(self) -> &'static str {
        match self {
            Self::Schedulers => "Search over learning curves",
            Self::Core => "Bayesian search beside rivals",
            Self::Workers => "Bayesian search beside rivals, eight workers",
            Self::Others => "Bayesian search on other problems and seeds",
            Self::Curves => "Model-based ASHA over learning curves",
            Self::Importance => "Importance beside Optuna's",
            Self::Fronts => "Search by several metrics beside Optuna's",
            Self::Limits => "What an ask takes",
        }
    }

    /// Its script, and what it is called.
    fn script(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Schedulers => Some(("epochs.py", include_str!("race/epochs.py"))),
            Self::Core | Self::Workers => Some(("core.py", include_str!("race/core.py"))),
            Self::Others => Some(("others.py", include_str!("race/others.py"))),
            Self::Curves => Some(("curves.py", include_str!("race/curves.py"))),
            Self::Importance => Some(("importance.py", include_str!("race/importance.py"))),
            Self::Fronts => Some(("fronts.py", include_str!("race/fronts.py"))),
            Self::Limits => None,
        }
    }
}

/// What the harness and the rivals need; the versions that the figures speak of.
const PACKAGES: [&str; 6] = [
    "numpy==2.4.6",
    "scipy==1.17.1",
    "scikit-learn==1.9.1",
    "optuna==5.0.0",
    "cmaes==0.13.1",
    "coco-experiment==2.8.2",
];

pub fn run(arguments: &Arguments) -> Outcome {
    set_up::run()?;
    let sweep = test::build_sweep()?;
    let harness = fs::canonicalize(&arguments.harness).map_err(Failure::doing("find the harness"))?;
    for file in ["bench.py", "mf.py"] {
        if !harness.join(file).is_file() {
            return Err(Failure::new(format!("there is no `{file}` in `{}`", harness.display())));
        }
    }
    let python = python()?;
    let all = <Part as clap::ValueEnum>::value_variants();
    for part in all.iter().filter(|part| arguments.only.is_empty() || arguments.only.contains(part)) {
        step(format!("race: {}; this takes some minutes", part.heading()));
        let table = match part.script() {
            Some((name, text)) => {
                let script = workspace::target().join("race").join(name);
                fs::create_dir_all(workspace::target().join("race"))
                    .map_err(Failure::doing("make a folder"))?;
                fs::write(&script, text).map_err(Failure::doing("write the script"))?;
                let mut command = Command::new(&python);
                command.arg(script).args(part.words(&harness, &sweep, arguments));
                said(&mut command)?
            }
            None => {
                let mut command = workspace::cargo();
                command.args(["bench", "--quiet", "--package", "sweep-search", "--bench", "limits"]);
                said(&mut command)?
            }
        };
        println!("{table}");
        let is_whole = !matches!(part, Part::Core | Part::Workers) || arguments.core_seeds == SEEDS;
        if is_whole {
            results::write(part.heading(), &table)?;
            step(format!("`{}` is written into RESULTS.md", part.heading()));
        } else {
            step("RESULTS.md stays as it is: it takes all seeds");
        }
    }
    Ok(())
}

impl Part {
    /// The words behind the script's name.
    fn words(self, harness: &Path, sweep: &Path, arguments: &Arguments) -> Vec<PathBuf> {
        let word = |word: u32| PathBuf::from(word.to_string());
        let (harness, sweep) = (harness.to_owned(), sweep.to_owned());
        let runs = workspace::target().join("race").join("runs");
        match self {
            Self::Schedulers | Self::Curves => vec![harness, sweep, word(arguments.seeds)],
            Self::Core => vec![harness, sweep, runs, word(arguments.core_seeds), word(1)],
            Self::Workers => vec![harness, sweep, runs, word(arguments.core_seeds), word(8)],
            Self::Others => vec![harness, sweep, runs],
            Self::Importance => vec![sweep, word(IMPORTANCE_SEEDS)],
            Self::Fronts => vec![sweep, word(FRONT_SEEDS)],
            Self::Limits => Vec::new(),
        }
    }
}

/// What a program prints; what it says on standard error goes to ours.
fn said(command: &mut Command) -> Outcome<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(Failure::doing(format!("run `{program}`")))?;
    if !output.status.success() {
        return Err(Failure::new(format!("the race failed: `{program}` ended with {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A Python with the packages, below our own build folder.
fn python() -> Outcome<PathBuf> {
    let venv = workspace::target().join("race-venv");
    let python = venv.join("bin/python");
    let installed = venv.join("installed");
    // Other packages than those that are wanted are no reason to begin anew: pip sees to that.
    if !fs::read_to_string(&installed).is_ok_and(|text| text == PACKAGES.join("\n")) {
        run_program(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(&venv))?;
        run_program(Command::new(venv.join("bin/pip")).args(["install", "--quiet"]).args(PACKAGES))?;
        fs::write(&installed, PACKAGES.join("\n")).map_err(Failure::doing("note what is installed"))?;
    }
    Ok(python)
}
