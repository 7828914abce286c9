//! `cargo xtask overhead`: what a trial costs in an agent beyond its own time, beside HyperQueue and GNU parallel, in one
//! run on this machine. It must never count a run in which a trial is missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::failure::{Failure, Outcome};
use crate::program::{run as run_program, step};
use crate::{results, set_up, test, workspace};

/// Measure what a trial costs in `sweep agent`, beside HyperQueue and GNU parallel, and write RESULTS.md.
#[derive(clap::Args)]
pub struct Arguments {
    /// Rounds, each of which runs all of them one after the other
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Divide the number of trials by this; RESULTS.md then stays as it is
    #[arg(long, default_value_t = 1)]
    smaller: u32,
}

/// The version that the figures speak of.
const HYPERQUEUE: &str = "hyperqueue==0.27.0";
/// Trials at once, in each of them.
const SLOTS: u32 = 2;
/// The section of RESULTS.md.
const HEADING: &str = "What a trial costs in an agent";

/// What is run, and how often.
#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    argv: &'static [&'static str],
    trials: u32,
    /// What one trial takes by itself.
    alone_s: f64,
}

const LOADS: [Load; 2] = [
    Load { name: "`true`", argv: &["true"], trials: 10_000, alone_s: 0.0 },
    Load { name: "`sleep 0.1`", argv: &["sleep", "0.1"], trials: 1_000, alone_s: 0.1 },
];

#[derive(Clone, Copy)]
enum Runner {
    Agent,
    HyperQueue,
    Parallel,
}

impl Runner {
    const ALL: [Self; 3] = [Self::Agent, Self::HyperQueue, Self::Parallel];

    fn name(self) -> &'static str {
        match self {
            Self::Agent => "`sweep agent`, children",
            Self::HyperQueue => "HyperQueue 0.27.0",
            Self::Parallel => "GNU parallel",
        }
    }
}

struct Tools {
    sweep: PathBuf,
    python: PathBuf,
    folder: PathBuf,
}

pub fn run(arguments: &Arguments) -> Outcome {
    set_up::run()?;
    set_up::ensure(&set_up::PARALLEL)?;
    let folder = workspace::target().join("overhead");
    fs::create_dir_all(&folder).map_err(Failure::doing(format!("make `{}`", folder.display())))?;
    let tools = Tools { sweep: test::build_sweep()?, python: python()?, folder };
    let mut body = format!(
        "{SLOTS} at once. The median of {} rounds, in each of which all three ran one after the other. An agent's time is \
         that of the whole command, with the sweep directory made before; HyperQueue's begins with the submission, and its \
         client looks about once a second whether all is done. Each trial \
         of an agent leaves a claim, a record with its start and its end, its configuration and its output; HyperQueue \
         leaves two files of output a task, GNU parallel nothing. What an agent writes is synced once a second.\n\n\
         | load | trials | by | time (s) | overhead a trial (ms) | ratio to HyperQueue |\n|---|--:|---|--:|--:|--:|\n",
        arguments.rounds
    );
    for load in LOADS {
        let load = Load { trials: (load.trials / arguments.smaller.max(1)).max(1), ..load };
        let mut times: [Vec<f64>; 3] = Default::default();
        for round in 0..arguments.rounds.max(1) {
            for (runner, times) in Runner::ALL.into_iter().zip(&mut times) {
                let took = tools.measure(runner, load, round)?;
                step(format!("{} × {}: {} took {took:.2} s", load.trials, load.name, runner.name()));
                times.push(took);
            }
        }
        let overhead = times.map(|times| overhead_ms(load, median(times)));
        let [_, rival, _] = overhead;
        for (runner, ms) in Runner::ALL.into_iter().zip(overhead) {
            let time_s = time_of(load, ms);
            body.push_str(&format!(
                "| {} | {} | {} | {time_s:.2} | {ms:.2} | {:.2} |\n",
                load.name,
                load.trials,
                runner.name(),
                ms / rival
            ));
        }
    }
    println!("{body}");
    if arguments.smaller == 1 {
        results::write(HEADING, &body)?;
        step(format!("`{HEADING}` is written into RESULTS.md"));
    }
    Ok(())
}

/// What a trial costs beyond its own time, where so many run at once.
fn overhead_ms(load: Load, time_s: f64) -> f64 {
    let alone_s = f64::from(load.trials) * load.alone_s / f64::from(SLOTS);
    (time_s - alone_s) / f64::from(load.trials) * 1000.0
}

fn time_of(load: Load, overhead_ms: f64) -> f64 {
    f64::from(load.trials) * (overhead_ms / 1000.0 + load.alone_s / f64::from(SLOTS))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

impl Tools {
    fn measure(&self, runner: Runner, load: Load, round: u32) -> Outcome<f64> {
        match runner {
            Runner::Agent => self.agent(load, round),
            Runner::HyperQueue => self.hyperqueue(load),
            Runner::Parallel => self.parallel(load),
        }
    }

    fn agent(&self, load: Load, round: u32) -> Outcome<f64> {
        let home = self.folder.join(format!("{}-{round}", load.argv[0]));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).map_err(Failure::doing("make a folder"))?;
        let argv: Vec<String> = load.argv.iter().map(|word| format!("{word:?}")).collect();
        let spec = format!(
            "name: overhead\ncommand: [{}]\nparameters: {{x: {{distribution: int_uniform, min: 0, max: {}}}}}\n",
            argv.join(", "),
            load.trials - 1
        );
        fs::write(home.join("sweep.yaml"), spec).map_err(Failure::doing("write a spec"))?;
        let sweep = |words: &[&str]| {
            let mut command = Command::new(&self.sweep);
            command.args(words).current_dir(&home).stdin(Stdio::null());
            command
        };
        run_program(sweep(&["init"]).stdout(Stdio::null()))?;
        let began = Instant::now();
        let told = said(&mut sweep(&["agent", "--launch", "direct", "--slots", &SLOTS.to_string()]))?;
        let took = began.elapsed().as_secs_f64();
        if !told.contains(&format!("{} completed, 0 failed", load.trials)) {
            return Err(Failure::new(format!("the agent did not run all trials: {told}")));
        }
        // Thousands of small files are nothing to leave behind.
        let _ = fs::remove_dir_all(&home);
        Ok(took)
    }

    fn hyperqueue(&self, load: Load) -> Outcome<f64> {
        // Not `hyperqueue.py`: Python would take the script for the library.
        let script = self.folder.join("tasks.py");
        fs::write(&script, include_str!("overhead/tasks.py")).map_err(Failure::doing("write a script"))?;
        let mut command = Command::new(&self.python);
        command.arg(script).args([load.trials.to_string(), SLOTS.to_string()]).args(load.argv);
        command.current_dir(&self.folder).stdin(Stdio::null());
        let told = said(&mut command)?;
        let took = told.lines().find_map(|line| line.strip_prefix("took ")?.trim().parse().ok());
        took.ok_or_else(|| Failure::new(format!("HyperQueue did not say how long it took: {told}")))
    }

    fn parallel(&self, load: Load) -> Outcome<f64> {
        let list = self.folder.join("list");
        let numbers: String = (0..load.trials).map(|number| format!("{number}\n")).collect();
        fs::write(&list, numbers).map_err(Failure::doing("write a list"))?;
        let mut command = Command::new("parallel");
        command.args(["--will-cite", "--jobs", &SLOTS.to_string(), "--max-replace-args", "0", "--arg-file"]);
        command.arg(list).args(load.argv).stdin(Stdio::null());
        let began = Instant::now();
        run_program(&mut command)?;
        Ok(began.elapsed().as_secs_f64())
    }
}

fn said(command: &mut Command) -> Outcome<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(Failure::doing(format!("run `{program}`")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("`{program}` ended with {}: {}", output.status, said.trim_end())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A Python with HyperQueue, below our own build folder.
fn python() -> Outcome<PathBuf> {
    let venv = workspace::target().join("overhead-venv");
    let (python, installed) = (venv.join("bin/python"), venv.join("installed"));
    if !fs::read_to_string(&installed).is_ok_and(|text| text == HYPERQUEUE) {
        run_program(Command::new(Path::new("/usr/bin/python3")).args(["-m", "venv"]).arg(&venv))?;
        run_program(Command::new(venv.join("bin/pip")).args(["install", "--quiet", HYPERQUEUE]))?;
        fs::write(&installed, HYPERQUEUE).map_err(Failure::doing("note what is installed"))?;
    }
    Ok(python)
}

#[cfg(test)]
mod tests {
    //! What is worked out of times.
    use super::*;

    #[test]
    fn an_overhead_is_what_is_over_a_trials_own_time() {
        let load = Load { trials: 100, alone_s: 0.1, ..LOADS[1] };
        assert!((overhead_ms(load, 6.0) - 10.0).abs() < 1e-9);
        assert!((time_of(load, 10.0) - 6.0).abs() < 1e-9);
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
    }
}
