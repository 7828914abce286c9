//! Finding a trial costs the same in a sweep of ten and of a million: counted in system calls. It needs no Slurm, and
//! must never count what the trial's own command does.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bench::site::{json, write_spec};
use crate::bench::table::{Bar, Row, Table, Unit};
use crate::bench::{self, Artifacts, measure};
use crate::failure::{Failure, Outcome};

/// Sweeps by their number of parameters, of ten values each.
const SIZES: [(u32, &str); 3] = [(1, "10"), (3, "1,000"), (6, "1,000,000")];

pub fn measure(artifacts: &Artifacts) -> Outcome<Table> {
    let counts = SIZES.into_iter().map(|(axes, _)| count(artifacts, axes)).collect::<Outcome<Vec<_>>>()?;
    let all_equal = counts.iter().all(|count| *count == counts[0]);
    let bar = |axes| match axes {
        1 => Bar::None,
        _ => Bar::Judged { promise: "the same", met: all_equal },
    };
    let row = |((axes, trials), count): ((u32, &str), &usize)| {
        let number = f64::from(u32::try_from(*count).expect("a command makes few system calls"));
        Row::plain(format!("the last of {trials} trials"), number, Unit::SystemCalls).bar(bar(axes))
    };
    Ok(Table {
        title: "System calls until a trial's command starts",
        rows: SIZES.into_iter().zip(&counts).map(row).collect(),
        notes: vec![
            "All system calls of `sweep exec`, its start as a program among them, until it forks the child that runs \
             the trial's command, counted with strace."
                .to_owned(),
        ],
    })
}

fn count(artifacts: &Artifacts, axes: u32) -> Outcome<usize> {
    let folder = bench::folder(&format!("find-{axes}"))?;
    let sweeps = folder.join(".sweeps");
    if sweeps.exists() {
        fs::remove_dir_all(&sweeps).map_err(Failure::doing("remove an earlier run's sweeps"))?;
    }
    write_spec(&folder, axes)?;
    let sweep = |arguments: &[&str]| {
        let mut command = Command::new(&artifacts.sweep);
        command.args(arguments).current_dir(&folder);
        command
    };
    let made = measure::run(&mut sweep(&["init", "--format", "json"]))?;
    let dir = json(&made.stdout)?["dir"].as_str().unwrap_or_default().to_owned();
    let last = format!("t{:03}", 10_u32.pow(axes) - 1);
    let trace = folder.join("trace");
    let mut strace = Command::new("strace");
    strace.args(["--follow-forks", "--quiet=all", "--output"]).arg(&trace).arg(&artifacts.sweep);
    strace.args(["exec", "--local", &dir, "0", &last]).current_dir(&folder);
    measure::run(&mut strace)?;
    let counted = until_child_execs(&read(&trace)?)
        .ok_or_else(|| Failure::new(format!("no child's exec in `{}`", trace.display())));
    // A million trials are a tenth of a gigabyte.
    fs::remove_dir_all(&sweeps).map_err(Failure::doing("remove the sweep"))?;
    counted
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(Failure::doing(format!("read `{}`", path.display())))
}

/// The system calls of the first process up to the fork of the one that first becomes another program. What it does
/// after that is a race with its child.
fn until_child_execs(trace: &str) -> Option<usize> {
    let mut calls = 0;
    let mut at_fork = None;
    let mut first = None;
    for line in trace.lines() {
        let (pid, call) = line.split_once(char::is_whitespace)?;
        let call = call.trim_start();
        let ours = *first.get_or_insert(pid) == pid;
        if !ours && call.starts_with("execve(") && !call.contains(" = -1 ") {
            return at_fork;
        }
        // The other half of a call that another process came in between; signals and ends are no calls.
        let is_call = !call.starts_with("<...") && !call.starts_with("---") && !call.starts_with("+++");
        calls += usize::from(ours && is_call);
        let forks = ["clone(", "clone3(", "fork(", "vfork("].iter().any(|name| call.starts_with(name));
        if ours && forks && !call.contains("CLONE_THREAD") {
            at_fork = Some(calls);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    //! A trace as strace writes it.
    use super::*;

    #[test]
    fn only_calls_of_the_command_itself_count() {
        let trace = "10    execve(\"/usr/bin/sweep\", [\"sweep\"], 0x7ffd /* 9 vars */) = 0\n\
                     10    read(3, \"\", 832) = 0\n\
                     10    clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>\n\
                     11    setpgid(0, 0) = 0\n\
                     10    <... clone resumed>) = 11\n\
                     11    execve(\"/usr/local/bin/true\", [\"true\"], 0x1 /* 9 vars */) = -1 ENOENT (No such file)\n\
                     10    wait4(11,  <unfinished ...>\n\
                     11    execve(\"/usr/bin/true\", [\"true\"], 0x1 /* 9 vars */) = 0\n\
                     10    exit_group(0) = ?\n";
        assert_eq!(until_child_execs(trace), Some(3));
        assert_eq!(until_child_execs("10    exit_group(0) = ?\n"), None);
    }
}
