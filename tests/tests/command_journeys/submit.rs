//! `sweep submit` on a real Slurm: which jobs it makes of trials, what it passes on, and what it says when Slurm
//! refuses.

use std::fs;

use sweep_core::record::Source;
use sweep_testbed::JobId;

use crate::site::{Home, Sweep, accounted, plain, plugged, states};

/// Twelve trials that leave their index and their array task.
fn twelve(more: &str) -> String {
    format!(
        "name: twelve\ncommand: [sh, -c, 'echo $x $SLURM_ARRAY_TASK_ID']\n\
         parameters: {{x: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}}\n{more}"
    )
}

/// What each trial printed, without the header.
fn printed(sweep: &Sweep<'_>, trials: u32) -> Vec<String> {
    let line = |trial| sweep.read(trial, "out.log").lines().last().unwrap().trim_end().to_owned();
    (0..trials).map(line).collect()
}

fn job_name(sweep: &Sweep<'_>, job: &str) -> String {
    sweep.home.cluster.job(job).unwrap().get("JobName").unwrap().to_owned()
}

#[test]
fn twelve_trials_are_one_array() {
    let home = Home::new(plain(), "twelve", &twelve(""));
    let sweep = home.submit(&[]);
    sweep.wait_completed(12);
    assert_eq!(printed(&sweep, 12), (0..12).map(|n| format!("{n} {n}")).collect::<Vec<_>>());
    let id = sweep.dir.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(job_name(&sweep, &sweep.job().task(3)), format!("{id}.0"));
}

#[test]
fn a_user_submits_an_array_waits_and_sees_every_trial_done() {
    let home = Home::new(plugged(), "waits", &twelve(""));
    let sweep = home.submit(&[]);
    let waited = home.sweep(&["wait", "--timeout", "80", sweep.path()]);
    assert!(waited.success(), "{waited}");
    let status = home.sweep(&["status", "--check", sweep.path()]);
    assert!(status.success() && status.stdout.contains("12"), "{status}");
    assert_eq!(printed(&sweep, 12), (0..12).map(|n| format!("{n} {n}")).collect::<Vec<_>>());
    for trial in 0..12 {
        assert_eq!(sweep.records(trial)[0][0].source, Source::Plugin, "{trial}");
    }
    let cluster = home.cluster;
    let run = |path: &str| {
        cluster
            .run(cluster.command_as_root("sweep").args(["audit", "list", "--format", "json", "--dir", path]))
            .unwrap()
    };
    let listed: serde_json::Value =
        serde_json::from_str(&run(cluster.audit().to_str().unwrap()).checked().unwrap().stdout).unwrap();
    let id = sweep.dir.path().file_name().unwrap().to_str().unwrap();
    let ours =
        listed["attempts"].as_array().unwrap().iter().filter(|attempt| attempt["claimed"]["sweep"] == id);
    assert_eq!(ours.count(), 12, "the site knows each of them");
}

#[test]
fn individual_trials_are_a_job_each() {
    let home = Home::new(plugged(), "individual", &twelve(""));
    let sweep = home.submit(&["--individual"]);
    assert_eq!(sweep.jobs.len(), 12);
    let status = sweep.wait_completed(12);
    assert_eq!(printed(&sweep, 12), (0..12).map(|n| n.to_string()).collect::<Vec<_>>());
    for (n, job) in sweep.jobs.iter().enumerate() {
        assert_eq!(status["trials"][n]["job_id"], job.as_str());
    }
}

#[test]
fn trials_with_other_sbatch_options_are_jobs_of_their_own() {
    let spec = "name: kinds\ncommand: [sh, -c, 'echo $size $SLURM_JOB_CPUS_PER_NODE $SLURM_ARRAY_TASK_ID']\n\
        sbatch: {cpus-per-task: 1}\nparams:\n\
        - {size: a}\n- {size: b, sbatch: {cpus-per-task: 2}}\n- {size: c}\n\
        - {size: d, sbatch: {cpus-per-task: 2}}\n- {size: e, sbatch: {cpus-per-task: 3}}\n";
    let home = Home::new(plugged(), "kinds", spec);
    let sweep = home.submit(&[]);
    assert_eq!(sweep.jobs.len(), 3);
    let status = sweep.wait_completed(5);
    assert_eq!(printed(&sweep, 5), ["a 1 0", "b 2 0", "c 1 1", "d 2 1", "e 3 0"]);
    assert_eq!(status["trials"][3]["job_id"], format!("{}_1", sweep.jobs[1]));
    assert!(sweep.dir.map(sweep_core::id::BatchNumber(1)).is_file(), "t001 and t003 are not neighbours");
}

#[test]
fn an_array_is_never_larger_than_slurm_allows() {
    let home = Home::new(accounted(), "split", &twelve(""));
    let sweep = home.submit(&[]);
    assert_eq!(sweep.jobs.len(), 3);
    sweep.wait_completed(12);
    let expected: Vec<_> = (0..12).map(|n| format!("{n} {}", n % 5)).collect();
    assert_eq!(printed(&sweep, 12), expected);
}

#[test]
fn concurrency_holds_over_all_arrays_and_the_chain_ends() {
    // Long enough that trials that could overlap do.
    let spec = twelve("concurrency: 2\n").replace("echo", "sleep 0.2; echo");
    let home = Home::new(accounted(), "chain", &spec);
    let sweep = home.submit(&[]);
    assert_eq!(sweep.jobs.len(), 3);
    sweep.wait_completed(12);
    let mut changes = Vec::new();
    for trial in 0..12 {
        let records = &sweep.records(trial)[0];
        changes.extend([(records[0].time_ns, 1), (records[1].time_ns, -1)]);
    }
    changes.sort_unstable();
    let mut running = 0;
    let most = changes.iter().map(|(_, change)| {
        running += change;
        running
    });
    assert_eq!(most.max(), Some(2), "{changes:?}");
}

#[test]
fn single_jobs_with_a_concurrency_form_that_many_chains() {
    let spec =
        twelve("concurrency: 3\n").replace("[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]", "[0, 1, 2, 3, 4]");
    let home = Home::new(plain(), "chains", &spec);
    let sweep = home.submit(&["--individual", "--", "--hold"]);
    let dependency = |job: &String| home.cluster.job(job).unwrap().get("Dependency").unwrap().to_owned();
    let dependencies: Vec<_> = sweep.jobs.iter().map(dependency).collect();
    let after = |n: usize| format!("afterany:{}(unfulfilled)", sweep.jobs[n]);
    assert_eq!(dependencies, ["(null)".into(), "(null)".into(), "(null)".into(), after(0), after(1)]);
    home.cluster
        .run(home.command("scontrol").arg("release").arg(sweep.jobs.join(",")))
        .unwrap()
        .checked()
        .unwrap();
    sweep.wait_completed(5);
}

#[test]
fn further_sbatch_options_are_passed_on() {
    let home = Home::new(plain(), "extra", &twelve("sbatch: {comment: spec}\n"));
    let sweep = home.submit(&["--", "--comment=of mine", "-n", "1", "--hold"]);
    let job = home.cluster.job(sweep.job()).unwrap();
    assert_eq!((job.get("Comment"), job.state()), (Some("of mine"), "PENDING"));
    home.sweep(&["stop", sweep.path()]).checked().unwrap();
}

#[test]
fn a_refused_job_is_said_once_and_its_trials_are_submit_failed() {
    let home = Home::new(accounted(), "refused", &twelve("sbatch: {partition: nowhere}\n"));
    let ran = home.sweep(&["submit"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran}");
    assert!(ran.stderr.starts_with("error: sbatch refused the job\ncaused by: "), "{ran}");
    assert!(ran.stderr.contains("invalid partition specified: nowhere"), "{ran}");
    assert!(ran.stderr.contains("0 of 3 batches are submitted, 3 are not"), "{ran}");

    let sweep = home.newest();
    let status = sweep.status();
    let expected = [vec!["submit_failed"; 5], vec!["planned"; 7]].concat();
    assert_eq!(states(&status), expected);
    assert!(status["trials"][0]["refusal"].as_str().unwrap().contains("nowhere"), "{status}");
    // Nothing of it runs or waits: whoever polls must not poll for ever.
    assert_eq!(home.sweep(&["status", "--check", sweep.path()]).code, Some(4));
    assert!(sweep.show("t001").contains("nowhere"));
    assert_eq!(fs::read_dir(sweep.dir.trials_folder()).unwrap().count(), 0);
}

#[test]
fn the_users_environment_cannot_change_what_a_submission_is() {
    let home = Home::new(plain(), "environment", &twelve(""));
    let mut submit = home.command("sweep");
    submit.args(["submit", "--format", "json", "--executor", "slurm"]);
    submit.env("SBATCH_JOB_NAME", "mine").env("SBATCH_ARRAY_INX", "0-1").env("SBATCH_OUTPUT", "/nowhere/x");
    submit.env("SBATCH_WAIT", "1").env("SBATCH_COMMENT", "stays");
    let ran = home.cluster.run(&mut submit).unwrap().checked().unwrap();
    let sweep = home.submitted(&serde_json::from_str(&ran.stdout).unwrap());
    sweep.wait_completed(12);
    let job: JobId = sweep.job();
    assert_ne!(job_name(&sweep, &job.task(0)), "mine");
}

#[test]
fn a_dry_run_shows_the_calls_and_makes_neither_job_nor_directory() {
    let home = Home::new(accounted(), "dry", &twelve("concurrency: 2\n"));
    let text = home.sweep(&["submit", "--dry-run", "--", "--comment=x"]).checked().unwrap().stdout;
    let calls: Vec<_> = text.lines().filter(|line| line.contains(" sbatch --parsable ")).collect();
    assert_eq!(calls.len(), 3, "{text}");
    assert!(calls[1].contains(" --array=0-4%2 "), "{text}");
    assert!(calls[1].contains(" --dependency=afterany:JOB_OF_BATCH_0 "), "{text}");
    assert!(calls.iter().all(|call| call.contains(" --comment=x ")), "{text}");
    assert!(text.ends_with("\nnothing was submitted\n"), "{text}");
    assert!(!home.path.join(".sweeps").exists());
}
