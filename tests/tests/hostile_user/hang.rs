//! A file system that hangs, and a user who stops or kills what reads for the plugin.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use sweep_core::environment::ERROR;
use sweep_core::layout::SweepDir;
use sweep_testbed::{artifacts, wait_for};

use crate::Row;
use crate::fuse::{Hanging, Server};
use crate::place::Place;
use crate::stub_driver::{Script, Trace};

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            tried: "a FUSE file system whose server takes questions and never answers",
            happens: "job without trial: no answer within 5 s; site's record alone",
            play: || hanging(Server::Takes),
        },
        Row {
            tried: "a FUSE file system whose server takes no questions any more",
            happens: "job without trial: no answer within 5 s; site's record alone",
            play: || hanging(Server::Sleeps),
        },
        Row {
            tried: "sweep.json is a symlink into a file system that hangs",
            happens: "job without trial: no answer within 5 s; site's record alone",
            play: || {
                let place = Place::new();
                let mount = place.home.path().join("mount");
                let hanging = Hanging::mount(&mount, Server::Takes);
                place.link(&place.dir.manifest(), &mount.join("sweep.json"));
                let trace = place.script().trial(place.dir.path(), "t001").start().end(0);
                let trace = run(&trace);
                drop(hanging);
                place.judge(&trace)
            },
        },
        Row {
            tried: "the child that reads is stopped",
            happens: "job without trial: no answer within 5 s; site's record alone",
            play: || {
                let place = Place::new();
                let word = format!("audit={}", place.audit.path().display());
                let script = Script::batch(place.job, &[&word, "fault=stop_child"]);
                let script = script.trial(place.dir.path(), "t001").start().end(0);
                let script = script.get(&["lr", ERROR]);
                place.judge(&script.run(&artifacts::plugin_with_faults().unwrap()).all_well())
            },
        },
        Row {
            tried: "the user reads the memory of a child of slurmstepd's that hangs with their rights",
            happens: "environ, maps, mem and fd refused",
            play: || {
                const READER: u32 = 54_778;
                let place = Place::new();
                let mount = place.home.path().join("mount");
                let hanging = Hanging::mount(&mount, Server::Takes);
                let script =
                    place.script().line(&format!("item uid {READER}")).line(&format!("item gid {READER}"));
                let script = script.trial(&mount, "t001").start().end(0);
                let seen = std::thread::scope(|scope| {
                    let job = scope.spawn(|| run(&script));
                    // Once the kernel has seen the user's ids in it, it reads and hangs.
                    let child = wait_for(Duration::from_secs(4), || child_of(READER));
                    let seen = child.map_or_else(|| "no child".to_owned(), |child| refused(READER, &child));
                    job.join().unwrap();
                    seen
                });
                drop(hanging);
                seen
            },
        },
        Row {
            tried: "the user kills every process of their own, all the time",
            happens: "100 jobs, each with the site's record",
            play: || {
                const KILLED: u32 = 54_777;
                let place = Place::new();
                let mut killer = Command::new("/bin/bash");
                killer.args(["-c", "trap '' TERM; while :; do kill -KILL -1; done"]).uid(KILLED).gid(KILLED);
                killer.stderr(Stdio::null());
                let mut killer = killer.spawn().unwrap();
                let script =
                    place.script().line(&format!("item uid {KILLED}")).line(&format!("item gid {KILLED}"));
                let script = script.trial(place.dir.path(), "t001").line("repeat 100");
                run(&script.start().end(0));
                killer.kill().unwrap();
                killer.wait().unwrap();
                place.check_files();
                let site = crate::sweep_on_disk::site_records(place.audit.path(), place.job);
                assert!(site.iter().all(|record| record.uid == KILLED));
                format!("{} jobs, each with the site's record", site.len() / 2)
            },
        },
    ]
}

/// The process of a user that has none but the child that reads for the plugin.
fn child_of(uid: u32) -> Option<String> {
    std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid = entry.file_name().into_string().ok().filter(|name| name.parse::<u32>().is_ok())?;
        let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
        status.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}")).then_some(pid)
    })
}

/// What of a process a user cannot read, as that user.
fn refused(uid: u32, pid: &str) -> String {
    let own = format!("--reuid={uid}");
    let cannot = |name: &&str| {
        let read = if *name == "fd" { "ls" } else { "head -c1" };
        let mut setpriv = Command::new("setpriv");
        setpriv.args([&own, "--clear-groups", "sh", "-c", &format!("{read} /proc/{pid}/{name}")]);
        let output = setpriv.output().unwrap();
        !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("Permission denied")
    };
    let all = ["environ", "maps", "mem", "fd"];
    let refused: Vec<&str> = all.into_iter().filter(cannot).collect();
    if refused == all {
        "environ, maps, mem and fd refused".to_owned()
    } else {
        format!("only {refused:?} refused")
    }
}

fn hanging(server: Server) -> String {
    let place = Place::new();
    let mount = place.home.path().join("mount");
    let hanging = Hanging::mount(&mount, server);
    let dir = SweepDir::new(&mount);
    let trace = run(&place.script().trial(dir.path(), "t001").start().end(0));
    drop(hanging);
    place.judge(&trace)
}

fn run(script: &Script) -> Trace {
    let script = script.clone().get(&["lr", ERROR]);
    script.run(&artifacts::plugin().unwrap()).all_well()
}
