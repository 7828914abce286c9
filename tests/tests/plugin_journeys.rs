//! The plugin in a real Slurm, used by a real unprivileged user with nothing but sbatch, salloc and srun. It never
//! calls the `sweep` command.

mod sweep_on_disk;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
        assert_eq!(task.state(), "COMPLETED", "{task:?}\n{}", cluster.slurmd_log(0));
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
        assert!(from_script.starts_with(&format!("lr=0.{n} n={n} SWEEP_TRIAL=t00{n} SWEEP_ATTEMPT=0 ")), "{from_script}");
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
fn probe() {
    let cluster = cluster();
    let home = home(cluster, "probe");
    let dir = sweep(cluster, &home);
    let script = cluster.write_script("probe.sh", &format!("#!/bin/bash\nenv > {h}/env\nsrun --export=NONE /usr/bin/env > {h}/stepenv\nsrun env > {h}/stepenv2\n", h=home.display())).unwrap();
    let option = format!("--sweep-dir={}", dir.path().display());
    let ran = cluster.run(cluster.command("sbatch").env("SLURM_CLUSTER_NAME","forged").args(["--parsable","--export=NONE","--output=/dev/null","--sweep-trial=t003",&option]).arg(&script)).unwrap();
    println!("{ran:?}");
    let job = JobId(ran.stdout.trim().parse().unwrap());
    done(cluster, job);
    println!("{}", read(&home.join("env")));
    println!("==== step NONE\n{}", read(&home.join("stepenv")));
    println!("==== step\n{}", read(&home.join("stepenv2")));
    println!("{:?}", site_records(&cluster.audit(), job.0));
    println!("{}", cluster.slurmd_log(0).lines().filter(|l| l.contains("sweep")).collect::<Vec<_>>().join("\n"));
}
