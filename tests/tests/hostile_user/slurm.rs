//! What only a real Slurm can show: what a user's client smuggles past sbatch's checks, and limits that they set for
//! their job.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use sweep_core::environment::{CARRIER_PREFIX, OPTION_PREFIX};
use sweep_core::record::Kind;
use sweep_testbed::{Cluster, ClusterConfig, JobId, Load, PluginSetup, artifacts, shared};

use crate::Row;
use crate::sweep_on_disk::{Sweep, site_records};

/// For some jobs of a second, on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            tried: "_SLURM_SPANK_OPTION_sweep_* set by the user, past all checks of sbatch",
            happens: "8 jobs completed without trial, each with its reason in both places",
            play: || smuggled(CARRIER_PREFIX),
        },
        Row {
            tried: "SLURM_SPANK__SLURM_SPANK_OPTION_sweep_* set by the user for the job alone",
            happens: "8 jobs completed without trial, each with its reason in both places",
            play: || smuggled(OPTION_PREFIX),
        },
        Row {
            tried: "limits that leave the job no file, no process and hardly a descriptor",
            happens: "3 jobs, each with the site's record",
            play: limits,
        },
        Row {
            tried: "SPANK_*, LD_* and SWEEP_* set by the user for sbatch and job",
            happens: "job has its own trial and the site's record",
            play: variables,
        },
    ]
}

fn cluster() -> &'static Cluster {
    shared(&ClusterConfig { nodes: 1, ..ClusterConfig::default() }.plugin(PluginSetup {
        path: artifacts::plugin().unwrap(),
        arguments: "audit={dir}/audit".to_owned(),
        load: Load::Required,
    }))
}

fn home(name: &str) -> PathBuf {
    let cluster = cluster();
    let path = cluster.scratch().join(name);
    fs::create_dir_all(&path).unwrap();
    std::os::unix::fs::chown(&path, Some(cluster.user().uid), Some(cluster.user().gid)).unwrap();
    path
}

fn owner() -> Option<(u32, u32)> {
    Some((cluster().user().uid, cluster().user().gid))
}

fn nodes_are_well() {
    for node in cluster().nodes().unwrap() {
        assert!(!node.state.contains("DRAIN") && !node.state.contains("DOWN"), "{node:?}");
    }
}

/// Waits until the site has both records of a job: the end is written when its task is gone.
fn site_record(job: JobId) -> Vec<sweep_core::record::Record> {
    let cluster = cluster();
    let both = || {
        let site = site_records(&cluster.audit(), job.0);
        (site.len() >= 2).then_some(site)
    };
    let site = cluster.wait_for(LIMIT, "the site's record", both).unwrap();
    assert_eq!(site.iter().map(|record| record.kind).collect::<Vec<_>>(), [Kind::Start, Kind::End]);
    assert!(site.iter().all(|record| record.uid == cluster.user().uid));
    site
}

/// Every value in a job of its own, all at once.
fn smuggled(prefix: &str) -> String {
    let cluster = cluster();
    let home = home(&format!("smuggled{}", prefix.len()));
    let dir = Sweep { owner: owner(), ..Sweep::default() }.write(&home);
    let long = "x".repeat(120_000);
    let values: [(&str, &str, Vec<u8>, &str); 8] = [
        ("dir", "newline", b"/tmp/a\n{}".to_vec(), "control characters"),
        ("dir", "escape", b"/tmp/\x1b[2J".to_vec(), "control characters"),
        ("dir", "bytes", b"/tmp/\xff\xfe".to_vec(), "not UTF-8"),
        ("dir", "long", long.clone().into_bytes(), "longer than 4096 bytes"),
        ("dir", "system", b"/etc".to_vec(), "is not a sweep directory"),
        ("trial", "trial", b"../../t001".to_vec(), "is not a trial"),
        ("set", "path", b"LD_PRELOAD=/tmp/x.so".to_vec(), "would shadow"),
        ("set", "long", long.into_bytes(), "longer than 65536 bytes"),
    ];
    let script = "#!/bin/bash\necho \"LD=$LD_PRELOAD TRIAL=$SWEEP_TRIAL ERROR=$SWEEP_ERROR\" > $OUT\n";
    let script = cluster.write_script(&format!("smuggled{}.sh", prefix.len()), script).unwrap();
    let submit = |(option, name, value, _): &(&str, &str, Vec<u8>, &str)| {
        let out = home.join(format!("{option}.{name}"));
        let mut sbatch = cluster.command("sbatch");
        sbatch.env("OUT", &out).args(["--parsable", "--output=/dev/null"]);
        let other = match *option {
            "trial" => Some(("dir", dir.path().as_os_str().to_owned())),
            "dir" => Some(("trial", "t001".into())),
            _ => None,
        };
        if prefix == CARRIER_PREFIX {
            sbatch.env(format!("{prefix}sweep_{option}"), OsString::from_vec(value.clone()));
            sbatch.envs(other.map(|(name, value)| (format!("{prefix}sweep_{name}"), value)));
        } else {
            // sbatch itself would read this form from its own environment, so it is set for the job alone.
            let mut list = OsString::from(format!("--export=ALL,{prefix}sweep_{option}="));
            list.push(OsString::from_vec(value.clone()));
            if let Some((name, value)) = other {
                list.push(format!(",{prefix}sweep_{name}="));
                list.push(value);
            }
            sbatch.arg(list);
        }
        let ran = cluster.run(sbatch.arg(&script)).unwrap().checked().unwrap();
        (JobId(ran.stdout.trim().parse().unwrap()), out)
    };
    let jobs: Vec<_> = values.iter().map(submit).collect();
    let mut well = 0;
    for ((option, name, _, says), (job, out)) in values.iter().zip(jobs) {
        cluster.wait_job_state(job, &["COMPLETED"], LIMIT).unwrap();
        let seen = fs::read(&out).unwrap();
        let seen = String::from_utf8_lossy(&seen);
        assert!(seen.starts_with("LD= TRIAL= ERROR=") && seen.contains(says), "{option} {name}: {seen}");
        let site = site_record(job);
        assert!(site[0].refused.iter().any(|reason| reason.contains(says)), "{option} {name}: {site:?}");
        assert_eq!(site[0].claimed.sweep, None);
        well += 1;
    }
    nodes_are_well();
    format!("{well} jobs completed without trial, each with its reason in both places")
}

/// Slurm gives a job the limits that its sbatch had. What becomes of such a job is its user's own affair.
fn limits() -> String {
    let cluster = cluster();
    let home = home("limits");
    let dir = Sweep { owner: owner(), ..Sweep::default() }.write(&home);
    let script = cluster.write_script("limits.sh", "#!/bin/bash\ntrue\n").unwrap();
    let mut jobs = Vec::new();
    for limit in ["ulimit -f 1", "ulimit -n 16", "ulimit -u 1 -l 0 -c 0"] {
        let line = format!(
            "{limit}; exec sbatch --parsable --output=/dev/null --propagate=ALL --sweep-dir={} --sweep-trial=t001 {}",
            dir.path().display(),
            script.display()
        );
        let ran = cluster.run(cluster.command("/bin/bash").args(["-c", &line])).unwrap().checked().unwrap();
        jobs.push(JobId(ran.stdout.trim().parse().unwrap()));
    }
    for job in &jobs {
        cluster.wait_array_done(*job, LIMIT).unwrap();
        let site = site_record(*job);
        assert_eq!(site[0].claimed.trial.map(|trial| trial.to_string()).as_deref(), Some("t001"));
    }
    nodes_are_well();
    format!("{} jobs, each with the site's record", jobs.len())
}

fn variables() -> String {
    let cluster = cluster();
    let home = home("variables");
    let dir = Sweep { owner: owner(), ..Sweep::default() }.write(&home);
    let out = home.join("out");
    let text = format!("#!/bin/bash\necho \"$SWEEP_TRIAL $SWEEP_ATTEMPT $lr\" > {}\n", out.display());
    let script = cluster.write_script("variables.sh", &text).unwrap();
    let mut sbatch = cluster.command("sbatch");
    for name in ["SPANK_SWEEP_TRIAL", "SWEEP_TRIAL", "SWEEP_ATTEMPT", "SWEEP_RECORD", "SWEEP_DIR", "LD_AUDIT"]
    {
        sbatch.env(name, "../../../etc/x");
    }
    sbatch.env("SLURM_CLUSTER_NAME", "forged").env("SLURMD_NODENAME", "../../forged");
    sbatch.args(["--parsable", "--output=/dev/null", "--sweep-trial=t001"]);
    sbatch.arg(format!("--sweep-dir={}", dir.path().display())).arg(script);
    let ran = cluster.run(&mut sbatch).unwrap().checked().unwrap();
    let job = JobId(ran.stdout.trim().parse().unwrap());
    cluster.wait_job_state(job, &["COMPLETED"], LIMIT).unwrap();
    assert_eq!(fs::read_to_string(out).unwrap(), "t001 0 0.1\n");
    let site = site_record(job);
    let of_slurm = |record: &sweep_core::record::Record| {
        record.node == "r0" && record.cluster.as_deref() == Some("testbed")
    };
    assert!(site.iter().all(of_slurm), "{site:?}");
    nodes_are_well();
    "job has its own trial and the site's record".to_owned()
}
