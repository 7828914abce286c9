//! How long a look at a sweep takes, beside the questions to Slurm that it cannot do without. It never measures a sweep
//! whose jobs are just changing.

use std::path::Path;
use std::time::Duration;

use sweep_testbed::{ClusterConfig, ended};

use crate::bench::site::{Site, json};
use crate::bench::statistics::{Pairs, median};
use crate::bench::submit::submit;
use crate::bench::table::{Bar, Row, Table, Unit};
use crate::bench::{Artifacts, measure};
use crate::failure::{Failure, Outcome};
use crate::program::{self, step};

const ROUNDS: usize = 15;
const ROUNDS_LARGE: usize = 7;
const BEYOND_MAX_MS: f64 = 60.0;
/// For 1,000 jobs of `true` on two nodes of this one machine.
const DRAIN_LIMIT: Duration = Duration::from_secs(1200);
/// What hpc-compose 0.2.3 took for 1,000 trials on another machine of two cores.
const HPC_COMPOSE_MS: f64 = 2270.0;

pub fn measure(artifacts: &Artifacts) -> Outcome<Table> {
    let config = ClusterConfig { accounting: true, cpus_per_node: 16, ..ClusterConfig::default() }
        // Jobs that ended stay in squeue's answer: the most that it can have to say.
        .set("MinJobAge", "7200");
    let site = Site::start(config, artifacts)?;
    step("1,000 trials that wait");
    let waiting = held(&site, 3, ROUNDS)?;
    step("100,000 trials that wait");
    let large = held(&site, 5, ROUNDS_LARGE)?;
    step("1,000 trials that ran");
    let spec = site.spec(3)?;
    let arguments = ["submit", "--executor", "slurm", "--max-trials", "1000", "--format", "json"];
    let submitted = measure::run(&mut site.sweep(&spec, &arguments))?;
    site.wait_until_idle(DRAIN_LIMIT)?;
    let ended = pairs(&site, &spec, &submitted.stdout, ROUNDS)?;
    step("100,000 trials that ended");
    let (first, remembered) = many_ended(artifacts)?;
    let row = |what: &str, pairs: &Pairs| {
        Row::plain(what, pairs.ours(), Unit::Milliseconds).beyond(pairs.beyond()).ratio(pairs.ratio())
    };
    let asked = |what: &str, pairs: &Pairs| Row::plain(what, pairs.theirs(), Unit::Milliseconds);
    let judged = |pairs: &Pairs| Bar::Judged {
        promise: "≤ 60 ms beyond",
        met: pairs.beyond().median <= BEYOND_MAX_MS,
    };
    let rows = vec![
        asked("1,000 waiting: `squeue` and `sacct`", &waiting),
        row("1,000 waiting: `sweep status --format json`", &waiting).bar(judged(&waiting)),
        asked("1,000 ended: `squeue` and `sacct`", &ended),
        row("1,000 ended: `sweep status --format json`", &ended).bar(judged(&ended)),
        Row::plain(
            "1,000: hpc-compose 0.2.3 `sweep status --format json`",
            HPC_COMPOSE_MS,
            Unit::Milliseconds,
        )
        .bar(Bar::Quoted),
        asked("100,000 waiting: `squeue` and `sacct`", &large),
        row("100,000 waiting: `sweep status --format json`", &large).bar(in_a_second(large.ours())),
        Row::plain(
            "100,000 ended: `sweep status --format json`, nothing remembered, once",
            first,
            Unit::Milliseconds,
        ),
        Row::plain("100,000 ended: `sweep status --format json`, again", remembered, Unit::Milliseconds)
            .bar(in_a_second(remembered)),
    ];
    let mut notes = vec![format!(
        "{ROUNDS} and {ROUNDS_LARGE} pairs in changing order, with accounting. \"It\" is the same questions to `squeue` \
         and `sacct`, asked alone, their answers thrown away."
    )];
    notes.push(
        "Records of the 100,000 that ended are written by the code that writes them in a job, and Slurm has forgotten the \
         jobs: nobody is asked then."
            .to_owned(),
    );
    Ok(Table { title: "Status", rows, notes })
}

fn in_a_second(ms: f64) -> Bar {
    Bar::Judged { promise: "≤ 1 s with a warm index", met: ms <= 1000.0 }
}

/// The first look at 100,000 trials that ended, and the median of those after it, in milliseconds.
fn many_ended(artifacts: &Artifacts) -> Outcome<(f64, f64)> {
    let config = ClusterConfig { nodes: 1, ..ClusterConfig::default() };
    let site = Site::start(config.set("MinJobAge", "2"), artifacts)?;
    let spec = site.spec(5)?;
    let submitted = json(&measure::run(&mut site.sweep(&spec, &submit("100000")))?.stdout)?;
    let batches = submitted["batches"].as_array().into_iter().flatten();
    let jobs: Vec<u32> = batches.filter_map(|batch| batch["job"].as_str()?.parse().ok()).collect();
    let dir = submitted["dir"].as_str().ok_or_else(|| Failure::new("`sweep submit` named no directory"))?;
    site.clear()?;
    let user = site.cluster.user();
    site.cluster.wait_for(DRAIN_LIMIT, "squeue to forget the jobs", || {
        let mut squeue = site.cluster.command_as_root("squeue");
        let said = program::output(squeue.args(["--noheader", "--states=all", "--user", &user.name]))?;
        said.is_empty().then_some(())
    })?;
    ended::of_sweep(user, Path::new(dir), &jobs, &(0..100_000))
        .map_err(Failure::doing("write trials that ended"))?;
    let look = || measure::run(&mut site.sweep(&spec, &["status", "--format", "json"]));
    let first = look()?.ms();
    let mut times = Vec::new();
    for _ in 0..ROUNDS_LARGE {
        times.push(look()?.ms());
    }
    Ok((first, median(&times)))
}

fn held(site: &Site, axes: u32, rounds: usize) -> Outcome<Pairs> {
    let spec = site.spec(axes)?;
    let trials = 10_u32.pow(axes).to_string();
    let submitted = measure::run(&mut site.sweep(&spec, &submit(&trials)))?;
    let pairs = pairs(site, &spec, &submitted.stdout, rounds)?;
    site.clear()?;
    Ok(pairs)
}

fn pairs(site: &Site, spec: &Path, submitted: &str, rounds: usize) -> Outcome<Pairs> {
    let submitted = json(submitted)?;
    let jobs: Vec<&str> = submitted["batches"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|batch| batch["job"].as_str())
        .collect();
    if jobs.is_empty() {
        return Err(Failure::new("`sweep submit` named no jobs"));
    }
    let jobs = jobs.join(",");
    let mut pairs = Pairs::default();
    for round in 0..rounds {
        let ours =
            || Ok::<_, Failure>(measure::run(&mut site.sweep(spec, &["status", "--format", "json"]))?.ms());
        let (ours, asked) = if round % 2 == 0 {
            let asked = ask(site, &jobs)?;
            (ours()?, asked)
        } else {
            (ours()?, ask(site, &jobs)?)
        };
        pairs.add(ours, asked);
    }
    Ok(pairs)
}

/// The questions that the command asks, with the same words.
fn ask(site: &Site, jobs: &str) -> Outcome<f64> {
    let user = format!("--user={}", site.cluster.user().uid);
    let mut squeue = site.cluster.command("squeue");
    squeue
        .args(["--noheader", "--states=all", &user, "--format=%F|%K|%A|%T|%j"])
        .env("SLURM_BITSTR_LEN", "0");
    let mut sacct = site.cluster.command("sacct");
    sacct.env("SLURM_BITSTR_LEN", "0");
    sacct.args(["--allocations", "--noheader", "--parsable2", "--format=JobID,JobIDRaw,State"]);
    Ok(measure::run(&mut squeue)?.ms() + measure::run(sacct.args(["--jobs", jobs]))?.ms())
}
