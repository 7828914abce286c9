//! The plugin in a real Slurm, used by a real unprivileged user with nothing but sbatch, salloc and srun. It never
//! calls the `sweep` command.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod sweep_on_disk;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sweep_core::environment::OPTION_PREFIX;
use sweep_core::layout::SweepDir;
use sweep_core::record::Kind;
use sweep_on_disk::{Sweep, records, site_records};
use sweep_testbed::{Cluster, ClusterConfig, JobId, Load, PluginSetup, artifacts, shared};

/// For a job of a second, on a busy machine.
const JOB_LIMIT: Duration = Duration::from_secs(90);

fn cluster() -> &'static Cluster {
    shared(&ClusterConfig::default().plugin(PluginSetup {
        path: artifacts::plugin().unwrap(),
        arguments: "audit={dir}/audit".to_owned(),
        load: Load::Optional,
    }))
}

/// A folder of the user's own for one test.
fn home(cluster: &Cluster, name: &str) -> PathBuf {
    let path = cluster.scratch().join(name);
    fs::create_dir_all(&path).unwrap();
    std::os::unix::fs::chown(&path, Some(cluster.user().uid), Some(cluster.user().gid)).unwrap();
    path
}

/// A sweep of the user's.
fn sweep(cluster: &Cluster, home: &Path) -> SweepDir {
    let owner = Some((cluster.user().uid, cluster.user().gid));
    Sweep { owner, ..Sweep::default() }.write(home)
}

/// A script that writes the variables that count into a file, from the script itself and from a step.
fn script(cluster: &Cluster, home: &Path, name: &str, header: &str, srun: &str) -> String {
    let line = r#"lr=$lr n=$n SWEEP_TRIAL=$SWEEP_TRIAL SWEEP_ATTEMPT=$SWEEP_ATTEMPT SWEEP_RECORD=$SWEEP_RECORD SWEEP_ERROR=$SWEEP_ERROR SWEEP_PARAMS=$SWEEP_PARAMS"#;
    let text = format!(
        "#!/bin/bash\n{header}\nout={home}/out.${{SLURM_ARRAY_TASK_ID:-x}}\necho \"{line}\" > $out.script\n\
         {srun} /bin/bash -c 'echo \"{line}\"' > $out.step 2> $out.steperr\n",
        home = home.display(),
    );
    cluster.write_script(name, &text).unwrap().display().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn done(cluster: &Cluster, job: JobId) {
    for task in cluster.wait_array_done(job, JOB_LIMIT).unwrap() {
        assert_eq!(task.state(), "COMPLETED", "{task:?}");
    }
}

#[test]
fn each_task_of_an_array_has_its_own_trial_in_script_and_step() {
    let cluster = cluster();
    let home = home(cluster, "array");
    let dir = sweep(cluster, &home);
    let option = format!("--sweep-dir={}", dir.path().display());
    let script = script(cluster, &home, "array.sh", "", "srun");
    let job = cluster.submit(&[&option, "--array=0-5", "--output=/dev/null", &script]).unwrap();
    done(cluster, job);
    for n in 0..6 {
        let from_script = read(&home.join(format!("out.{n}.script")));
        assert!(
            from_script.starts_with(&format!("lr=0.{n} n={n} SWEEP_TRIAL=t00{n} SWEEP_ATTEMPT=0 ")),
            "{from_script}"
        );
        assert_eq!(from_script, read(&home.join(format!("out.{n}.step"))));
        let records = records(&dir, n);
        assert_eq!(records.len(), 1, "{records:?}");
        let lines = &records[0].1;
        assert_eq!(lines.iter().map(|l| l.kind).collect::<Vec<_>>(), [Kind::Start, Kind::End]);
        assert_eq!((lines[1].exit, lines[1].array_task), (Some(0), Some(n)));
        let site = site_records(&cluster.audit(), lines[0].job.slurm_id().unwrap());
        assert_eq!(&site, lines);
    }
}

#[test]
fn options_in_the_script_count_as_those_on_the_command_line() {
    let cluster = cluster();
    let home = home(cluster, "header");
    let dir = sweep(cluster, &home);
    let header = format!("#SBATCH --sweep-dir={}\n#SBATCH --sweep-trial=4\n", dir.path().display());
    let script = script(cluster, &home, "header.sh", &header, "srun --ntasks=1");
    let job = cluster.submit(&["--ntasks=3", "--output=/dev/null", &script]).unwrap();
    done(cluster, job);
    assert_eq!(records(&dir, 4)[0].1.len(), 2, "a batch script is one task, whatever the job has");
    assert!(read(&home.join("out.x.script")).starts_with("lr=0.4 n=4 SWEEP_TRIAL=t004 SWEEP_ATTEMPT=0 "));
    assert_eq!(read(&home.join("out.x.script")), read(&home.join("out.x.step")));
}

#[test]
fn an_option_in_sbatchs_environment_counts_as_one_on_the_command_line() {
    let cluster = cluster();
    let home = home(cluster, "environment");
    let dir = sweep(cluster, &home);
    let script = script(cluster, &home, "environment.sh", "", "srun");
    let mut sbatch = cluster.command("sbatch");
    sbatch
        .env(format!("{OPTION_PREFIX}sweep_dir"), dir.path())
        .env(format!("{OPTION_PREFIX}sweep_trial"), "@3")
        .args(["--parsable", "--array=1-2", "--output=/dev/null", &script]);
    let ran = cluster.run(&mut sbatch).unwrap().checked().unwrap();
    done(cluster, JobId(ran.stdout.trim().parse().unwrap()));
    for (task, trial) in [(1, 4), (2, 5)] {
        let text = read(&home.join(format!("out.{task}.script")));
        assert!(text.starts_with(&format!("lr=0.{trial} n={trial} SWEEP_TRIAL=t00{trial} ")), "{text}");
        assert_eq!(text, read(&home.join(format!("out.{task}.step"))));
    }
}

#[test]
fn no_form_of_export_loses_the_trial() {
    let cluster = cluster();
    for (n, export) in ["--export=NONE", "--export=A=1"].into_iter().enumerate() {
        let home = home(cluster, &format!("export{n}"));
        let dir = sweep(cluster, &home);
        let option = format!("--sweep-dir={}", dir.path().display());
        let script = script(cluster, &home, &format!("export{n}.sh"), "", "srun --export=NONE");
        let job = cluster.submit(&[&option, export, "--array=1,3", "--output=/dev/null", &script]).unwrap();
        done(cluster, job);
        for trial in [1, 3] {
            let text = read(&home.join(format!("out.{trial}.script")));
            assert!(text.starts_with(&format!("lr=0.{trial} n={trial} SWEEP_TRIAL=t00{trial} ")), "{text}");
            assert_eq!(text, read(&home.join(format!("out.{trial}.step"))));
            assert_eq!(records(&dir, trial).len(), 1, "the step is no attempt of its own");
        }
    }
}

#[test]
fn variables_can_be_set_without_any_sweep() {
    let cluster = cluster();
    let home = home(cluster, "set");
    let script = script(cluster, &home, "set.sh", "", "srun --export=NONE");
    let job = cluster.submit(&["--sweep-set=lr=0.1,n=a b", "--output=/dev/null", &script]).unwrap();
    done(cluster, job);
    let text = read(&home.join("out.x.script"));
    assert!(text.starts_with("lr=0.1 n=a b SWEEP_TRIAL= "), "{text}");
    assert_eq!(text, read(&home.join("out.x.step")));
    let site = site_records(&cluster.audit(), job.0);
    assert_eq!(site.iter().map(|r| r.kind).collect::<Vec<_>>(), [Kind::Start, Kind::End]);
    assert_eq!(site[0].claimed.values["n"], "a b");
}

#[test]
fn a_relative_directory_is_that_of_the_submission_whatever_chdir_says() {
    let cluster = cluster();
    let home = home(cluster, "relative");
    let dir = sweep(cluster, &home);
    let elsewhere = home.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let relative = format!("--sweep-dir={}", dir.path().file_name().unwrap().display());
    let script = script(cluster, &home, "relative.sh", "", "srun --export=NONE");
    let mut sbatch = cluster.command("sbatch");
    sbatch.current_dir(&home).args(["--parsable", &relative, "--sweep-trial=t002", "--export=NONE"]);
    sbatch.arg(format!("--chdir={}", elsewhere.display())).args(["--output=/dev/null", &script]);
    let ran = cluster.run(&mut sbatch).unwrap().checked().unwrap();
    done(cluster, JobId(ran.stdout.trim().parse().unwrap()));
    let text = read(&home.join("out.x.script"));
    assert!(text.starts_with("lr=0.2 n=2 SWEEP_TRIAL=t002 "), "{text}");
    assert_eq!(text, read(&home.join("out.x.step")), "{}", read(&home.join("out.x.steperr")));
}

#[test]
fn each_srun_of_an_allocation_is_an_attempt() {
    let cluster = cluster();
    let home = home(cluster, "salloc");
    let dir = sweep(cluster, &home);
    let script = cluster
        .write_script("salloc.sh", "#!/bin/bash\nsrun bash -c 'echo $lr $SWEEP_ATTEMPT'\nsrun bash -c 'echo $lr $SWEEP_ATTEMPT; exit 3'\n")
        .unwrap();
    let option = format!("--sweep-dir={}", dir.path().display());
    let mut salloc = cluster.command("salloc");
    let ran = cluster.run(salloc.args([&option, "--sweep-trial=t005"]).arg(script)).unwrap();
    assert_eq!(ran.stdout, "0.5 0\n0.5 1\n", "{ran:?}");
    let records = records(&dir, 5);
    let ends: Vec<_> = records.iter().map(|(_, lines)| (lines[0].attempt, lines[1].exit)).collect();
    assert_eq!(ends, [(0, Some(0)), (1, Some(3))]);
    assert_eq!(records[1].1[0].step, "1");
    let job = records[0].1[0].job.slurm_id().unwrap();
    assert_eq!(site_records(&cluster.audit(), job).len(), 4);
}

#[test]
fn an_srun_over_two_nodes_is_one_attempt_with_variables_on_both() {
    let cluster = cluster();
    let home = home(cluster, "nodes");
    let dir = sweep(cluster, &home);
    let option = format!("--sweep-dir={}", dir.path().display());
    let mut srun = cluster.command("srun");
    srun.args([&option, "--sweep-trial=t003", "--nodes=2", "--ntasks=4", "--ntasks-per-node=2"]);
    let ran =
        cluster.run(srun.args(["bash", "-c", "echo $SLURMD_NODENAME $lr; exit $SLURM_PROCID"])).unwrap();
    let mut lines: Vec<_> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["r0 0.3", "r0 0.3", "r1 0.3", "r1 0.3"], "{ran:?}");
    let records = records(&dir, 3);
    assert_eq!(records.len(), 1, "{records:?}");
    let ends: Vec<_> = records[0].1.iter().map(|record| (record.kind, record.exit)).collect();
    assert_eq!(ends, [(Kind::Start, None), (Kind::End, Some(1))], "the worst of the first node's tasks");
}

#[test]
fn in_a_batch_job_only_a_step_with_another_trial_is_an_attempt() {
    let cluster = cluster();
    let home = home(cluster, "steps");
    let dir = sweep(cluster, &home);
    let text = format!(
        "#!/bin/bash\nexport lr=mine\nsrun bash -c 'echo $lr $SWEEP_TRIAL' > {home}/same\n\
         srun --sweep-trial=t004 bash -c 'echo $lr $SWEEP_TRIAL $SWEEP_ATTEMPT' > {home}/other\n",
        home = home.display()
    );
    let script = cluster.write_script("steps.sh", &text).unwrap().display().to_string();
    let option = format!("--sweep-dir={}", dir.path().display());
    let job = cluster.submit(&[&option, "--sweep-trial=t001", "--output=/dev/null", &script]).unwrap();
    done(cluster, job);
    assert_eq!(read(&home.join("same")), "mine t001\n", "what the script changed stays changed");
    assert_eq!(read(&home.join("other")), "0.4 t004 0\n");
    assert_eq!((records(&dir, 1).len(), records(&dir, 4).len()), (1, 1));
    let steps: Vec<_> = site_records(&cluster.audit(), job.0).into_iter().map(|r| r.step).collect();
    assert_eq!(steps, ["batch", "0", "0", "batch"].map(|s| if s == "0" { "1" } else { s }));
}

#[test]
fn a_requeued_trial_is_the_next_attempt_of_the_same_trial() {
    let cluster = cluster();
    let home = home(cluster, "requeue");
    let dir = sweep(cluster, &home);
    let text = format!(
        "#!/bin/bash\necho $SWEEP_TRIAL $SWEEP_ATTEMPT >> {home}/seen\n\
         [ $SWEEP_ATTEMPT = 1 ] || while :; do sleep 0.1; done\nexit 7\n",
        home = home.display()
    );
    let script = cluster.write_script("requeue.sh", &text).unwrap().display().to_string();
    let option = format!("--sweep-dir={}", dir.path().display());
    let job =
        cluster.submit(&[&option, "--sweep-trial=t002", "--requeue", "--output=/dev/null", &script]).unwrap();
    let seen = home.join("seen");
    cluster
        .wait_for(JOB_LIMIT, "the first attempt", || {
            let text = fs::read_to_string(&seen).ok()?;
            text.ends_with('\n').then_some(())
        })
        .unwrap();
    cluster.scontrol(&["requeue", &job.to_string()]).unwrap().checked().unwrap();
    cluster.start_requeued(job, JOB_LIMIT).unwrap();
    cluster
        .wait_job_state(job, &["FAILED"], JOB_LIMIT)
        .unwrap_or_else(|error| panic!("{error}\n{}\n{:?}", read(&seen), records(&dir, 2)));
    assert_eq!(read(&seen), "t002 0\nt002 1\n");
    let records = records(&dir, 2);
    assert_eq!(records.len(), 2, "{records:?}");
    assert_eq!(records[0].1[1].signal, Some(15));
    assert_eq!((records[1].1[0].attempt, records[1].1[1].exit), (1, Some(7)));
}

#[test]
fn a_cancelled_task_has_its_end_with_the_signal_and_the_others_go_on() {
    let cluster = cluster();
    let home = home(cluster, "cancel");
    let dir = sweep(cluster, &home);
    let text = format!(
        "#!/bin/bash\n[ $n = 1 ] && exit 3\ntouch {home}/runs\nwhile :; do sleep 0.1; done\n",
        home = home.display()
    );
    let script = cluster.write_script("cancel.sh", &text).unwrap().display().to_string();
    let option = format!("--sweep-dir={}", dir.path().display());
    let job = cluster.submit(&[&option, "--array=0-1", "--output=/dev/null", &script]).unwrap();
    cluster.wait_for(JOB_LIMIT, "the first task", || home.join("runs").exists().then_some(())).unwrap();
    cluster.run(cluster.command("scancel").arg(job.task(0))).unwrap().checked().unwrap();
    cluster.wait_job_state(job.task(0), &["CANCELLED"], JOB_LIMIT).unwrap();
    cluster.wait_job_state(job.task(1), &["FAILED"], JOB_LIMIT).unwrap();
    let end = |trial| {
        cluster
            .wait_for(JOB_LIMIT, "the end of a record", || {
                let mut lines = records(&dir, trial).pop()?.1;
                (lines.len() == 2).then(|| lines.remove(1))
            })
            .unwrap()
    };
    let (cancelled, failed) = (end(0), end(1));
    assert_eq!((cancelled.signal, failed.exit), (Some(15), Some(3)), "{cancelled:?}");
    cluster.assert_no_drain().unwrap();
}

#[test]
fn a_colleagues_sweep_runs_and_only_the_site_keeps_the_record() {
    let cluster = cluster();
    let home = home(cluster, "colleague");
    let other = cluster.other_user();
    let owner = Some((other.uid, other.gid));
    let dir = Sweep { owner, ..Sweep::default() }.write(&home);
    let script = script(cluster, &home, "colleague.sh", "", "srun --export=NONE");
    let option = format!("--sweep-dir={}", dir.path().display());
    let job = cluster.submit(&[&option, "--sweep-trial=t001", "--output=/dev/null", &script]).unwrap();
    done(cluster, job);
    let text = read(&home.join("out.x.script"));
    assert!(
        text.starts_with("lr=0.1 n=1 SWEEP_TRIAL=t001 SWEEP_ATTEMPT=0 SWEEP_RECORD= SWEEP_ERROR= "),
        "{text}"
    );
    assert_eq!(text, read(&home.join("out.x.step")));
    assert!(records(&dir, 1).is_empty());
    assert_eq!(site_records(&cluster.audit(), job.0).len(), 2);
}

#[test]
fn the_cluster_in_a_record_is_slurms_word_and_not_the_users() {
    let cluster = cluster();
    let mut sbatch = cluster.command("sbatch");
    sbatch.env("SLURM_CLUSTER_NAME", "forged").env("SLURMD_NODENAME", "../../forged");
    sbatch.args(["--parsable", "--sweep-set=a=1", "--output=/dev/null", "--wrap=true"]);
    let ran = cluster.run(&mut sbatch).unwrap().checked().unwrap();
    let job = JobId(ran.stdout.trim().parse().unwrap());
    done(cluster, job);
    let site = site_records(&cluster.audit(), job.0);
    assert_eq!(site.len(), 2);
    assert!(
        site.iter()
            .all(|record| record.cluster.as_deref() == Some("testbed") && record.node.starts_with('r')),
        "{site:?}"
    );
}
