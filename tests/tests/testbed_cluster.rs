//! The testbed itself: clusters side by side, what they leave behind, and what they say of a broken node.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in its helping functions")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sweep_testbed::{Cluster, ClusterConfig, Daemon, Persisted, shared, wait_for};

const JOB_LIMIT: Duration = Duration::from_secs(60);

/// Set in the process that a test starts of this very program, to be killed.
const VICTIM: &str = "SWEEP_TESTBED_VICTIM_REPORTS_TO";

/// Processes that have the cluster's directory in their command line, working directory or environment.
fn traces(directory: &Path) -> Vec<String> {
    let needle = directory.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let process = entry.path();
        if process.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()).is_none() {
            continue;
        }
        let text = |file: &str| {
            String::from_utf8_lossy(&fs::read(process.join(file)).unwrap_or_default()).replace('\0', " ")
        };
        let folder = fs::read_link(process.join("cwd")).unwrap_or_default();
        let command_line = text("cmdline");
        if folder.starts_with(directory) || command_line.contains(needle) || text("environ").contains(needle)
        {
            found.push(format!("{} {command_line}", process.display()));
        }
    }
    found
}

fn assert_nothing_left(directory: &Path) {
    let gone = wait_for(Duration::from_secs(30), || {
        (!directory.exists() && traces(directory).is_empty()).then_some(())
    });
    assert!(gone.is_some(), "directory there: {}, processes: {:#?}", directory.exists(), traces(directory));
}

#[test]
fn two_clusters_at_once_run_jobs_as_the_user_and_leave_nothing_behind() {
    let config = ClusterConfig { nodes: 1, ..ClusterConfig::default() };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| Cluster::start(config.clone()).unwrap());
        let second = scope.spawn(|| Cluster::start(config.clone()).unwrap());
        (first.join().unwrap(), second.join().unwrap())
    });
    let mut directories = BTreeSet::new();
    for cluster in [&first, &second] {
        let output = cluster.scratch().join("who");
        let who = format!("--output={}", output.display());
        cluster.submit_and_complete(&[&who, "--wrap", "id; srun id -un; pwd"], JOB_LIMIT).unwrap();
        let said = fs::read_to_string(&output).unwrap();
        let user = cluster.user();
        assert!(said.starts_with(&format!("uid={}({})", user.uid, user.name)), "{said}");
        assert!(said.contains("(sweepextra)"), "the second group is missing: {said}");
        assert!(said.contains(&format!("\n{}\n", user.name)), "srun ran as another: {said}");
        assert!(said.contains(cluster.scratch().to_str().unwrap()), "{said}");
        cluster.assert_no_drain().unwrap();
        // Something must be running when the cluster ends, also what ran away from its job.
        cluster.submit(&["--wrap", "setsid sleep 3600 & env -i setsid sleep 3601 & sleep 3602"]).unwrap();
        cluster
            .wait_for(JOB_LIMIT, "the runaway processes", || {
                (cluster.processes().iter().filter(|(_, name)| name == "sleep").count() == 3).then_some(())
            })
            .unwrap();
        directories.insert(cluster.directory().to_owned());
    }
    assert_eq!(directories.len(), 2);
    let started: Vec<(i32, String)> = first.processes().into_iter().chain(second.processes()).collect();
    drop((first, second));
    for directory in &directories {
        assert_nothing_left(directory);
    }
    let alive: Vec<_> =
        started.iter().filter(|(pid, name)| comm(*pid).is_some_and(|now| now == *name)).collect();
    assert!(alive.is_empty(), "still there: {alive:?}");
}

fn comm(pid: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/comm")).ok().map(|name| name.trim_end().to_owned())
}

/// What [`a_cluster_ends_when_its_owner_is_killed`] does in the process that it kills.
fn hold_a_cluster(report: &Path) -> ! {
    let cluster = Cluster::start(ClusterConfig { nodes: 1, ..ClusterConfig::default() }).unwrap();
    let job = cluster.submit(&["--wrap", "sleep 3600"]).unwrap();
    cluster.wait_job_state(job, &["RUNNING"], JOB_LIMIT).unwrap();
    let beside = report.with_extension("new");
    fs::write(&beside, cluster.directory().to_str().unwrap()).unwrap();
    fs::rename(&beside, report).unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
fn a_cluster_ends_when_its_owner_is_killed() {
    if let Some(report) = std::env::var_os(VICTIM) {
        hold_a_cluster(Path::new(&report));
    }
    let folder = tempfile::tempdir().unwrap();
    let (report, said) = (folder.path().join("report"), folder.path().join("said"));
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_cluster_ends_when_its_owner_is_killed", "--nocapture"])
        .env(VICTIM, &report)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&said).unwrap())
        .stderr(fs::OpenOptions::new().append(true).open(&said).unwrap())
        .spawn()
        .unwrap();
    let directory = wait_for(Duration::from_secs(120), || {
        let ended = victim.try_wait().unwrap();
        assert!(ended.is_none(), "the victim ended by itself: {}", fs::read_to_string(&said).unwrap());
        fs::read_to_string(&report).ok()
    });
    let directory = PathBuf::from(directory.expect("the victim's cluster came up"));
    assert!(!traces(&directory).is_empty(), "the cluster is running");
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert_nothing_left(&directory);
}

#[test]
fn a_cluster_that_persists_outlives_its_handle_and_is_taken_down() {
    let cluster = Cluster::start(ClusterConfig { nodes: 1, ..ClusterConfig::default() }).unwrap();
    let directory = cluster.directory().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    cluster.persist().unwrap().write(&file).unwrap();
    let persisted = Persisted::read(&file).unwrap().expect("the state file is there");
    assert!(persisted.is_up());
    let nodes =
        Command::new("sinfo").args(["-h", "-o", "%T"]).env("SLURM_CONF", &persisted.slurm_conf).output();
    assert_eq!(String::from_utf8(nodes.unwrap().stdout).unwrap(), "idle\n");
    persisted.take_down().unwrap();
    assert!(!persisted.is_up());
    assert_nothing_left(&directory);
}

#[test]
fn accounting_shows_a_finished_job() {
    let config = ClusterConfig { nodes: 1, accounting: true, ..ClusterConfig::default() };
    let cluster = Cluster::start(config).unwrap();
    let job = cluster.submit(&["--job-name=kept", "--wrap", "exit 7"]).unwrap();
    cluster.wait_job_state(job, &["FAILED"], JOB_LIMIT).unwrap();
    let mut seen = String::new();
    let shown = cluster.wait_for(JOB_LIMIT, "sacct to show the job", || {
        let mut sacct = cluster.command("sacct");
        sacct.args(["-n", "-P", "-X", "-o", "JobIDRaw,JobName,State,ExitCode", "-j", &job.to_string()]);
        seen = cluster.run(&mut sacct).unwrap().stdout;
        (seen.trim() == format!("{job}|kept|FAILED|7:0")).then_some(())
    });
    assert!(shown.is_ok(), "last seen: {seen}\n{shown:?}");
}

#[test]
fn a_drained_node_is_reported_with_its_reason() {
    let cluster = Cluster::start(ClusterConfig::default()).unwrap();
    cluster.assert_no_drain().unwrap();
    cluster
        .scontrol(&["update", "NodeName=r1", "State=DRAIN", "Reason=broken fan"])
        .unwrap()
        .checked()
        .unwrap();
    let error = cluster.assert_no_drain().unwrap_err().to_string();
    assert!(error.contains("r1 is IDLE+DRAIN (broken fan"), "{error}");
    assert!(!error.contains("r0 is"), "{error}");
    cluster.resume_node(1).unwrap();
    cluster.assert_no_drain().unwrap();
}

#[test]
fn an_array_is_waited_for_task_by_task() {
    let cluster = shared(&ClusterConfig::default());
    let job =
        cluster.submit(&["--array=0-3", "--output=/dev/null", "--wrap", "exit $((SLURM_ARRAY_TASK_ID % 2))"]);
    let tasks = cluster.wait_array_done(job.unwrap(), JOB_LIMIT).unwrap();
    let ends: Vec<_> = tasks.iter().map(|task| (task.array_task(), task.state())).collect();
    assert_eq!(
        ends,
        [(Some(0), "COMPLETED"), (Some(1), "FAILED"), (Some(2), "COMPLETED"), (Some(3), "FAILED")]
    );
    let error =
        cluster.wait_job_state(job_task(&tasks[1]), &["COMPLETED"], JOB_LIMIT).unwrap_err().to_string();
    assert!(error.contains("ended as FAILED (exit code 1:0"), "{error}");
}

fn job_task(task: &sweep_testbed::JobShow) -> String {
    format!("{}_{}", task.get("ArrayJobId").unwrap(), task.array_task().unwrap())
}

#[test]
fn daemons_can_be_frozen_killed_and_restarted_while_jobs_run() {
    let cluster = Cluster::start(ClusterConfig { nodes: 1, ..ClusterConfig::default() }).unwrap();
    let before = cluster.pid(Daemon::Slurmctld).unwrap();
    // Before there are jobs: a controller that is killed forgets what it has not saved yet.
    cluster.kill(Daemon::Slurmctld).unwrap();
    assert!(cluster.pid(Daemon::Slurmctld).is_err());
    cluster.restart(Daemon::Slurmctld).unwrap();
    assert_ne!(cluster.pid(Daemon::Slurmctld).unwrap(), before);

    let job = cluster.submit(&["--wrap", "while [ ! -e go ]; do sleep 0.1; done"]).unwrap();
    cluster.wait_job_state(job, &["RUNNING"], JOB_LIMIT).unwrap();
    cluster.freeze(Daemon::Slurmctld).unwrap();
    let hung = sweep_testbed::run(&mut cluster.command("squeue"), Duration::from_millis(500)).unwrap_err();
    assert!(hung.to_string().contains("did not end within"), "{hung}");
    cluster.thaw(Daemon::Slurmctld).unwrap();
    cluster.restart(Daemon::Slurmctld).unwrap();
    let slurmd = cluster.pid(Daemon::Slurmd(0)).unwrap();
    cluster.restart(Daemon::Slurmd(0)).unwrap();
    assert_ne!(cluster.pid(Daemon::Slurmd(0)).unwrap(), slurmd);
    assert_eq!(cluster.job(job).unwrap().state(), "RUNNING");
    cluster.write_script("go", "").unwrap();
    cluster.wait_job_state(job, &["COMPLETED"], JOB_LIMIT).unwrap();
}

#[test]
fn a_killed_slurmstepd_is_the_jobs_own_and_not_anothers() {
    let cluster = Cluster::start(ClusterConfig { nodes: 1, ..ClusterConfig::default() }).unwrap();
    let jobs: Vec<_> = (0..2).map(|_| cluster.submit(&["--wrap", "sleep 3600"]).unwrap()).collect();
    for job in &jobs {
        cluster.wait_job_state(job, &["RUNNING"], JOB_LIMIT).unwrap();
        cluster
            .wait_for(JOB_LIMIT, "its slurmstepd", || (!cluster.slurmstepds(job).is_empty()).then_some(()))
            .unwrap();
    }
    cluster.kill_slurmstepds(jobs[0]).unwrap();
    cluster
        .wait_for(JOB_LIMIT, "it to be gone", || cluster.slurmstepds(jobs[0]).is_empty().then_some(()))
        .unwrap();
    assert_eq!(cluster.slurmstepds(jobs[1]).len(), 1);
}

#[test]
fn a_job_with_an_empty_environment_still_finds_its_cluster() {
    let cluster = shared(&ClusterConfig::default());
    let output = cluster.scratch().join("name");
    let output_option = format!("--output={}", output.display());
    cluster
        .submit_and_complete(
            &[&output_option, "--export=NONE", "--wrap", "srun /bin/true && echo done"],
            JOB_LIMIT,
        )
        .unwrap();
    assert!(fs::read_to_string(&output).unwrap().contains("done"));
}

#[test]
fn daemons_and_jobs_start_with_no_signal_blocked() {
    let cluster = shared(&ClusterConfig::default());
    let output = cluster.scratch().join("mask");
    let output_option = format!("--output={}", output.display());
    cluster
        .submit_and_complete(&[&output_option, "--wrap", "grep SigBlk /proc/self/status"], JOB_LIMIT)
        .unwrap();
    assert_eq!(fs::read_to_string(&output).unwrap().trim(), "SigBlk:\t0000000000000000");
}

#[test]
fn tests_that_ask_for_the_same_cluster_share_one() {
    let (first, second) = std::thread::scope(|scope| {
        let ask = || scope.spawn(|| shared(&ClusterConfig::default()).directory());
        let (first, second) = (ask(), ask());
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!(first, second);
}

#[test]
fn what_a_test_mounted_in_a_cluster_goes_with_it() {
    let cluster = Cluster::start(ClusterConfig { nodes: 1, ..ClusterConfig::default() }).unwrap();
    let directory = cluster.directory().to_owned();
    let mut mount = cluster.command_as_root("mount");
    mount.args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(cluster.audit());
    cluster.run(&mut mount).unwrap().checked().unwrap();
    fs::write(cluster.audit().join("file"), "x").unwrap();
    drop(cluster);
    assert_nothing_left(&directory);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(directory.to_str().unwrap()), "{mounts}");
}
