//! What is done to a search: its driver killed at chosen moments and cancelled, slurmctld restarted, nodes lost. Every
//! step waits for the one before. It must never end a process that is not below the test's own cluster.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use sweep_testbed::Daemon;

use crate::found::Runs;
use crate::place::{LIMIT, Place, SEARCH_LIMIT};

/// A driver that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    pub pid: i32,
    pub job: String,
    pub node: u16,
}

/// Between two looks for the moment at which a driver is killed: shorter than any of its steps.
const MOMENT: Duration = Duration::from_micros(300);

/// The processes that drive the sweep, other than these.
fn drivers(place: &Place<'_>, but: &[i32]) -> Vec<Driver> {
    let processes = place.cluster.processes().into_iter().map(|(pid, _)| pid);
    let driver = |pid: i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        let variable = |name: &str| environment.split('\0').find_map(|line| line.strip_prefix(name));
        let node = variable("SLURMD_NODENAME=r")?.parse().ok()?;
        Some(Driver { pid, job: variable("SLURM_JOB_ID=")?.to_owned(), node })
    };
    processes.filter(|pid| !but.contains(pid) && drives(place, *pid)).filter_map(driver).collect()
}

/// Whether a process drives the sweep.
fn drives(place: &Place<'_>, pid: i32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    words.get(1) == Some(&b"drive".as_slice())
        && words.get(2).copied() == Some(place.dir.as_os_str().as_encoded_bytes())
}

/// Processes that drive the sweep.
pub fn driving(place: &Place<'_>) -> usize {
    drivers(place, &[]).len()
}

/// The driver, once another waits behind it.
pub fn driver(place: &Place<'_>) -> Driver {
    place.wait("a driver with another behind it", LIMIT, || {
        assert!(!place.is_finished(), "the search was done before all was done to it");
        let driver = drivers(place, &[]).pop()?;
        let own = format!("{} ", driver.job);
        let is_next = |line: &String| line.contains(".driver PENDING") && !line.starts_with(&own);
        place.queue().iter().any(is_next).then_some(driver)
    })
}

fn kill(pid: i32) {
    // SAFETY: a plain system call; the process was seen just now below the cluster's keeper.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Waits for a driver other than this one.
pub fn wait_next(place: &Place<'_>, before: &Driver) {
    place.wait("the next driver", LIMIT, || {
        let after = drivers(place, &[before.pid]);
        after.into_iter().find(|next| next.job != before.job)
    });
}

/// Kills the driver, whatever it does.
pub fn kill_driver(place: &Place<'_>) {
    let driver = driver(place);
    kill(driver.pid);
    wait_next(place, &driver);
}

/// What a driver is seen to do.
#[derive(Clone, Copy)]
pub enum Act {
    /// It has added trials to the table.
    Proposes,
    /// It has written the intent of a batch down.
    Submits,
    /// It has written an event.
    Learns,
}

impl Act {
    /// Something that grows when a driver does it.
    fn size(self, place: &Place<'_>) -> u64 {
        let files = |folder: &str| {
            fs::read_dir(place.dir.join(folder)).unwrap().filter_map(|entry| entry.ok()?.metadata().ok())
        };
        let len = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        match self {
            Self::Proposes => len(&place.dir.join("trials.idx")),
            Self::Submits => files("batches").count() as u64,
            Self::Learns => files("events").map(|metadata| metadata.len()).sum(),
        }
    }

    /// Whether something of this was done that no event tells.
    fn is_untold(self, place: &Place<'_>) -> bool {
        let events = place.events();
        let sum = |kind: &str, of: fn(&Value) -> u64| -> u64 {
            events.iter().filter(|event| event["event"] == kind).map(of).sum()
        };
        match self {
            // A header and an entry are 16 bytes each.
            Self::Proposes => {
                let told = sum("proposed", |event| event["count"].as_u64().unwrap());
                self.size(place) / 16 > told + 1
            }
            Self::Submits => {
                let intents =
                    fs::read_dir(place.dir.join("batches")).unwrap().map(|entry| entry.unwrap().path());
                let intents = intents.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
                intents.count() as u64 > sum("submitted", |_| 1) + sum("submit_failed", |_| 1)
            }
            Self::Learns => false,
        }
    }
}

/// Lets trials go on, kills the driver the moment it is seen to do something, and has trials wait again, so that the
/// next driver finds as much left to do on a quick machine as on a slow one. Whether the driver had not come to writing
/// down what it did.
pub fn kill_driver_as_it(place: &Place<'_>, act: Act) -> bool {
    let driver = driver(place);
    let before = act.size(place);
    place.release();
    let began = Instant::now();
    while act.size(place) == before {
        assert!(!place.is_finished(), "the search was done before all was done to it");
        assert!(began.elapsed() < SEARCH_LIMIT, "the driver did nothing");
        std::thread::sleep(MOMENT);
    }
    assert!(drives(place, driver.pid), "the driver ended by itself");
    kill(driver.pid);
    place.hold();
    let in_between = act.is_untold(place);
    wait_next(place, &driver);
    in_between
}

/// Cancels the driver's job, as a person would who sees a job that they do not know.
pub fn cancel_driver(place: &Place<'_>) {
    let driver = driver(place);
    place.cluster.run(place.command("scancel").arg(&driver.job)).unwrap().checked().unwrap();
    wait_next(place, &driver);
}

/// Waits until so many trials of the table have begun and have not ended.
pub fn wait_running(place: &Place<'_>, count: usize) {
    place.wait(&format!("{count} trials to run"), LIMIT, || {
        let runs = Runs::of(place);
        let ended: usize = runs.ended.values().map(Vec::len).sum();
        (runs.begun.len() >= count + ended).then_some(())
    });
}

/// Restarts slurmctld.
pub fn restart_controller(place: &Place<'_>) {
    place.cluster.restart(Daemon::Slurmctld).unwrap();
}

/// All that runs on a node ends at once, as when the power is cut; somebody notices, and it comes back. The jobs that
/// ran there: Slurm puts them back into the queue.
pub fn lose_node(place: &Place<'_>, node: u16) -> BTreeSet<String> {
    let cluster = place.cluster;
    let name = format!("r{node}");
    let on_node = |line: &String| -> Option<(String, String)> {
        let words: Vec<&str> = line.split(' ').collect();
        (words[3] == "RUNNING" && words.get(4) == Some(&name.as_str()))
            .then(|| (words[0].to_owned(), words[1].to_owned()))
    };
    let jobs: Vec<(String, String)> = place.queue().iter().filter_map(on_node).collect();
    cluster.kill(Daemon::Slurmd(node)).unwrap();
    // The driver does not end with its slurmstepd as trials do.
    let drivers = drivers(place, &[]).into_iter().filter(|driver| driver.node == node);
    let steps = jobs.iter().flat_map(|(_, raw)| cluster.slurmstepds(raw));
    steps.chain(drivers.map(|driver| driver.pid)).collect::<Vec<_>>().into_iter().for_each(kill);
    let scontrol = |arguments: &[&str]| cluster.scontrol(arguments).unwrap().checked().unwrap();
    scontrol(&["update", &format!("NodeName={name}"), "State=DOWN", "Reason=power"]);
    place.wait("Slurm to give up the node's jobs", LIMIT, || {
        let stays = |line: &String| line.ends_with(&format!(" {name}"));
        (!place.queue().iter().any(stays)).then_some(())
    });
    cluster.launch(Daemon::Slurmd(node)).unwrap();
    // A node that says that it is there is taken back (ReturnToService=2).
    place.wait("the node to be back", LIMIT, || {
        cluster.node(node).ok().filter(|node| !node.is_out_of_service())
    });
    for (job, _) in &jobs {
        cluster.start_requeued(job, LIMIT).unwrap();
    }
    jobs.into_iter().map(|(_, raw)| raw).collect()
}
