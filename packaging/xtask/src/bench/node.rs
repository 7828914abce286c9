//! What the plugin costs in slurmstepd, in instructions: slurmd is told of another slurmstepd, a script that runs the
//! real one under callgrind. It must never leave that slurmd behind.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use sweep_testbed::{ClusterConfig, Daemon, JobId};

use crate::bench::site::{Site, json, plugin_setup};
use crate::bench::statistics::Pairs;
use crate::bench::table::{Bar, Row, Table, Unit};
use crate::bench::{Artifacts, callgrind, measure, sbatch};
use crate::failure::{Failure, Outcome};

/// Each case. slurmstepd looks at every process of the machine now and then, so single counts differ by some percent.
const ROUNDS: usize = 20;
const RATIO_MAX: f64 = 1.03;
/// A job under callgrind takes two seconds.
const JOB_LIMIT: Duration = Duration::from_secs(120);

pub fn measure(artifacts: &Artifacts) -> Outcome<Table> {
    let site = Site::start(ClusterConfig { nodes: 1, ..ClusterConfig::default() }, artifacts)?;
    let spec = site.spec(3)?;
    let made = measure::run(&mut site.sweep(&spec, &["init", "--format", "json"]))?;
    let dir = json(&made.stdout)?["dir"].as_str().unwrap_or_default().to_owned();
    let node = Node::start(&site)?;
    let option = format!("--sweep-dir={dir}");
    let plugin = plugin_setup(artifacts);
    let (mut plain, mut ours) = (Pairs::default(), Pairs::default());
    // The first job of a slurmd is not like the others.
    node.count(&site, &[])?;
    for round in 0..ROUNDS {
        let without = || {
            site.cluster.set_plugstack("")?;
            node.count(&site, &["--array=3"])
        };
        let with = || {
            site.cluster.install_plugin(&plugin)?;
            Ok::<_, Failure>((
                node.count(&site, &["--array=3"])?,
                node.count(&site, &["--array=3", &option])?,
            ))
        };
        let (without, (job, trial)) = if round % 2 == 0 {
            (without()?, with()?)
        } else {
            let with = with()?;
            (without()?, with)
        };
        plain.add(job, without);
        ours.add(trial, without);
    }
    node.end();
    let row = |what: &str, pairs: &Pairs| {
        let met = pairs.ratio().median <= RATIO_MAX;
        Row::plain(what, pairs.ours(), Unit::Instructions)
            .beyond(pairs.beyond())
            .ratio(pairs.ratio())
            .bar(Bar::Judged { promise: "≤ 1.03 times", met })
    };
    Ok(Table {
        title: "Instructions of slurmstepd",
        rows: vec![
            Row::plain("without the plugin", plain.theirs(), Unit::Instructions),
            row("with it, a job without its options", &plain),
            row("with it, a job of a sweep (variables, and records of the user and the site)", &ours),
        ],
        notes: vec![format!(
            "A batch job of `true` as an array task, its slurmstepd under callgrind, {ROUNDS} rounds in turn. \"It\" is \
             slurmstepd without the plugin. What its forks do is not counted: the plugin's children, that read and \
             write as the user, only make system calls."
        )],
    })
}

/// A slurmd in the place of the cluster's own, whose slurmstepds are counted.
struct Node {
    slurmd: Child,
    folder: PathBuf,
}

impl Node {
    fn start(site: &Site) -> Outcome<Self> {
        let folder = site.cluster.directory().join("callgrind");
        let failed = |action: &str| Failure::doing::<std::io::Error>(action.to_owned());
        // The user's task is forked from the slurmstepd and may write a file before it becomes another program.
        fs::create_dir_all(&folder)
            .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)))
            .map_err(failed("make callgrind's folder"))?;
        let wrapper = site.cluster.directory().join("slurmstepd.sh");
        fs::write(&wrapper, script(&folder))
            .and_then(|()| fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)))
            .map_err(failed("write the script for slurmstepd"))?;
        site.cluster.shut_down(Daemon::Slurmd(0))?;
        let log = File::create(site.cluster.directory().join("log/slurmd-counted.out"))
            .map_err(failed("make a log"))?;
        let mut command = site.cluster.command_as_root("slurmd");
        command.arg("-D").arg("-f").arg(site.cluster.slurm_conf()).args(["-N", "r0", "-d"]).arg(&wrapper);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // SAFETY: a plain system call between fork and exec; it ends slurmd with us, however we end.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
                Ok(())
            });
        }
        let slurmd = command.spawn().map_err(failed("start slurmd"))?;
        Ok(Self { slurmd, folder })
    }

    /// The instructions of the slurmstepd of one job of `true`.
    fn count(&self, site: &Site, options: &[&str]) -> Outcome<f64> {
        let mut words = options.to_vec();
        words.extend(["--output=/dev/null", "--wrap", "true"]);
        let job: JobId = site.cluster.submit(&words)?;
        for task in site.cluster.wait_array_done(job, JOB_LIMIT)? {
            if task.state() != "COMPLETED" {
                return Err(Failure::new(format!("a job of `true` ended as {}", task.state())));
            }
        }
        // The job is over for Slurm some time before its slurmstepd ends.
        let pid = site.cluster.wait_for(JOB_LIMIT, "callgrind to write", || written(&self.folder))?;
        sbatch::number(callgrind::take(&self.folder, &pid))
    }

    fn end(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Ok(None) = self.slurmd.try_wait() {
            let pid = i32::try_from(self.slurmd.id()).expect("Linux process ids fit in an i32");
            // SAFETY: a plain system call; the process is our own child and not reaped yet.
            unsafe { libc::kill(pid, libc::SIGTERM) };
            let _ = self.slurmd.wait();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Keeps its process id by exec, and says which one it is: forks write files as well.
fn script(folder: &Path) -> String {
    let arguments = callgrind::arguments(folder, "%p").join(" ");
    format!(
        "#!/bin/sh\n: >{}/parent.$$\nexec valgrind {arguments} \"$(command -v slurmstepd)\" \"$@\"\n",
        folder.display()
    )
}

/// The slurmstepd that was started, once it has written all.
fn written(folder: &Path) -> Option<String> {
    let mut names =
        fs::read_dir(folder).ok()?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let pid = names.find_map(|name| Some(name.strip_prefix("parent.")?.to_owned()))?;
    let text = fs::read_to_string(folder.join(format!("out.{pid}"))).ok()?;
    callgrind::instructions(&text).map(|_| pid)
}
