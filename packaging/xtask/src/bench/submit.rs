//! How long it takes to submit a sweep, beside the shortest call that could do it and what people use today. All jobs
//! are held: it must never time a machine that runs them meanwhile.

use std::fs;
use std::path::Path;

use sweep_testbed::ClusterConfig;

use crate::bench::site::Site;
use crate::bench::statistics::{Pairs, median};
use crate::bench::submitit::Submitit;
use crate::bench::table::{Bar, Row, Table, Unit};
use crate::bench::{Artifacts, measure};
use crate::failure::{Failure, Outcome};
use crate::program::step;

/// Pairs of a sweep of 1,000 trials, and of 100,000.
const ROUNDS: usize = 21;
const ROUNDS_LARGE: usize = 9;
/// What was promised.
const BEYOND_MAX_MS: f64 = 25.0;
const LARGE_MAX_MS: f64 = 1500.0;
const LARGE_MAX_MIB: f64 = 64.0;
/// What hpc-compose 0.2.3 took for 1,000 trials of `true` on another machine of two cores.
const HPC_COMPOSE_MS: f64 = 8900.0;

/// Times of one size.
#[derive(Default)]
struct Times {
    pairs: Pairs,
    /// One round's worth of another program's.
    other: Pairs,
    peak_mib: Vec<f64>,
}

pub fn measure(artifacts: &Artifacts) -> Outcome<Table> {
    let site = Site::start(ClusterConfig { nodes: 1, ..ClusterConfig::default() }, artifacts)?;
    let submitit = Submitit::install(&site)?;
    step("1,000 trials");
    let small = times(&site, 3, ROUNDS, Some(&submitit))?;
    let looped = sbatch_loop(&site)?;
    step("100,000 trials");
    let large = times(&site, 5, ROUNDS_LARGE, None)?;
    let bare = small.pairs.theirs();
    let beyond = small.pairs.beyond();
    let large_mib = large.peak_mib.iter().copied().fold(0.0, f64::max);
    let judged = |promise, met| Bar::Judged { promise, met };
    let rows = vec![
        Row::plain("1,000 trials: `sbatch --array=0-999`", bare, Unit::Milliseconds),
        Row::plain("1,000 trials: `sweep submit`", small.pairs.ours(), Unit::Milliseconds)
            .beyond(beyond)
            .ratio(small.pairs.ratio())
            .bar(judged("≤ 25 ms beyond", beyond.median <= BEYOND_MAX_MS)),
        Row::plain("1,000 trials: `sweep submit`, peak memory", median(&small.peak_mib), Unit::Mebibytes),
        Row::plain(
            format!("1,000 trials: submitit {} `map_array`", submitit.version),
            small.other.ours(),
            Unit::Milliseconds,
        )
        .beyond(small.other.beyond())
        .ratio(small.other.ratio()),
        one("1,000 trials: a shell loop of 1,000 `sbatch`, once", looped, bare),
        one("1,000 trials: hpc-compose 0.2.3 `sweep submit`", HPC_COMPOSE_MS, bare).bar(Bar::Quoted),
        Row::plain("100,000 trials: `sbatch --array=0-99999`", large.pairs.theirs(), Unit::Milliseconds),
        Row::plain("100,000 trials: `sweep submit`", large.pairs.ours(), Unit::Milliseconds)
            .beyond(large.pairs.beyond())
            .ratio(large.pairs.ratio())
            .bar(judged("≤ 1.5 s", large.pairs.ours() <= LARGE_MAX_MS)),
        Row::plain(
            "100,000 trials: `sweep submit`, peak memory, the most of all rounds",
            large_mib,
            Unit::Mebibytes,
        )
        .bar(judged("≤ 64 MiB", large_mib <= LARGE_MAX_MIB)),
    ];
    let notes = vec![format!(
        "{} and {} rounds, the calls of a round one after the other and in changing order; all jobs held. \"It\" is the \
         bare `sbatch --array` of as many tasks, the plugin loaded. The specs lie in a git repository. submitit's time \
         is that of the call alone, without the start of Python.",
        small.pairs.len(),
        large.pairs.len()
    )];
    Ok(Table { title: "Submit", rows, notes })
}

/// What was timed once, beside the bare call.
fn one(what: &str, time_ms: f64, bare: f64) -> Row {
    let mut pair = Pairs::default();
    pair.add(time_ms, bare);
    Row::plain(what, time_ms, Unit::Milliseconds).beyond(pair.beyond()).ratio(pair.ratio())
}

fn times(site: &Site, axes: u32, rounds: usize, submitit: Option<&Submitit>) -> Outcome<Times> {
    let trials = 10_u32.pow(axes);
    let spec = site.spec(axes)?;
    let mut times = Times::default();
    for round in 0..rounds {
        let ours = || measure::run(&mut site.sweep(&spec, &submit(&trials.to_string())));
        let bare = || sbatch_array(site, trials);
        let (ours, bare) = if round % 2 == 0 {
            let bare = bare()?;
            (ours()?, bare)
        } else {
            (ours()?, bare()?)
        };
        times.pairs.add(ours.ms(), bare);
        times.peak_mib.push(ours.peak_mib);
        if let Some(submitit) = submitit {
            times.other.add(submitit.map_array(site, trials)?, bare);
        }
        site.clear()?;
        remove_sweeps(&spec)?;
    }
    Ok(times)
}

/// The words of a submission of so many trials, all held.
pub fn submit(trials: &str) -> [&str; 9] {
    ["submit", "--executor", "slurm", "--max-trials", trials, "--format", "json", "--", "--hold"]
}

fn sbatch_array(site: &Site, trials: u32) -> Outcome<f64> {
    let script = site.cluster.write_script("true.sh", "#!/bin/sh\ntrue\n")?;
    let mut command = site.cluster.command("sbatch");
    command.args(["--parsable", "--hold", "--output=/dev/null"]).arg(format!("--array=0-{}", trials - 1));
    Ok(measure::run(command.arg(script))?.ms())
}

fn sbatch_loop(site: &Site) -> Outcome<f64> {
    let line = "for n in $(seq 1000); do sbatch --parsable --hold --output=/dev/null true.sh || exit 1; done";
    let time_ms = measure::run(site.cluster.command("sh").args(["-c", line]))?.ms();
    site.clear()?;
    Ok(time_ms)
}

fn remove_sweeps(spec: &Path) -> Outcome {
    let folder = spec.join(".sweeps");
    fs::remove_dir_all(&folder).map_err(Failure::doing(format!("remove `{}`", folder.display())))
}
