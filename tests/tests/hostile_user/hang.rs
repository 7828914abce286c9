//! A file system that hangs, and a user who stops or kills what reads for the plugin.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use sweep_core::environment::ERROR;
use sweep_core::layout::SweepDir;
use sweep_testbed::artifacts;

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
