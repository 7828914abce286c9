//! What a trial used: our end record, which needs no accounts, against sacct's word. sacct samples memory, so its peak
//! may miss some, and it counts from when the step was set up.

use crate::place::Place;
use crate::row::Row;
use crate::sweep::Sweep;

/// What the trial does: Python burns 1.2 s and keeps 100 MiB; the rest is Python's own.
const CPU_S: std::ops::Range<f64> = 1.2..4.0;
const MEMORY_MIB: std::ops::Range<f64> = 100.0..140.0;
/// sacct counts whole seconds, from before the step is set up until slurmctld has heard of its end.
const ELAPSED_S: f64 = 3.0;
/// Both are the kernel's count; slurmstepd's own share is in one of them.
const CPU_TOLERANCE_S: f64 = 0.5;
/// Ours is the largest process, sacct's the largest sum of all at a sample.
const MEMORY_TOLERANCE_MIB: f64 = 16.0;

/// Compares `sweep show` with sacct for each form; what does not agree.
pub fn check(place: &Place, sweeps: &[Sweep], rows: &[Row]) -> Vec<String> {
    let mut problems = Vec::new();
    for row in rows.iter().filter(|row| row.end.name == "resources") {
        let sweep = sweeps.iter().find(|sweep| sweep.form == row.form).expect("each form has a sweep");
        let ours = Used::of_show(&sweep.show(place, row.trial));
        let slurms = place.wait("sacct to know the batch step's end", || Used::of_sacct(place, &row.job));
        println!("{}: {ours:?}, sacct {slurms:?}", row.name());
        let mut near = |what: &str, ours: f64, slurms: f64, tolerance: f64| {
            if (ours - slurms).abs() > tolerance {
                problems.push(format!("{}: {what} {ours}, sacct says {slurms}", row.name()));
            }
        };
        near("elapsed", ours.elapsed_s, slurms.elapsed_s, ELAPSED_S);
        near("CPU", ours.cpu_s, slurms.cpu_s, CPU_TOLERANCE_S);
        near("memory", ours.memory_mib, slurms.memory_mib, MEMORY_TOLERANCE_MIB);
        if !CPU_S.contains(&ours.cpu_s) || !MEMORY_MIB.contains(&ours.memory_mib) || ours.elapsed_s < 4.0 {
            problems.push(format!("{}: {ours:?} is not what the trial did", row.name()));
        }
    }
    problems
}

#[derive(Debug)]
struct Used {
    elapsed_s: f64,
    cpu_s: f64,
    memory_mib: f64,
}

impl Used {
    /// `attempt 0   job 3 on r0, exit code 0, 4.2 s, 1.3 s of CPU, 111 MiB at most`
    fn of_show(text: &str) -> Self {
        let line = text.lines().find(|line| line.starts_with("attempt 0")).expect("show has an attempt");
        let part = |end: &str| {
            let part = line.split(", ").find_map(|part| part.strip_suffix(end)?.parse().ok());
            part.unwrap_or_else(|| panic!("no `{end}` in: {line}"))
        };
        Self { elapsed_s: part(" s"), cpu_s: part(" s of CPU"), memory_mib: part(" MiB at most") }
    }

    fn of_sacct(place: &Place, job: &str) -> Option<Self> {
        let mut sacct = place.cluster.command("sacct");
        sacct.args(["--noheader", "--parsable2", "--format=State,ElapsedRaw,TotalCPU,MaxRSS"]);
        sacct.arg(format!("--jobs={job}.batch"));
        let ran = place.cluster.run(&mut sacct).unwrap().checked().unwrap();
        let fields: Vec<&str> = ran.stdout.lines().next()?.split('|').collect();
        let ["COMPLETED", elapsed, cpu, memory] = fields.as_slice() else { return None };
        // `00:01.234`
        let (minutes, seconds) = cpu.rsplit_once(':')?;
        let minutes: f64 = minutes.rsplit(':').next()?.parse().ok()?;
        let cpu_s = 60.0 * minutes + seconds.parse::<f64>().ok()?;
        let kib: f64 = memory.strip_suffix('K')?.parse().ok()?;
        Some(Self { elapsed_s: elapsed.parse().ok()?, cpu_s, memory_mib: kib / 1024.0 })
    }
}
