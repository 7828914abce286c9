//! Symlinks and hard links wherever a name of ours appears.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::Row;
use crate::place::{Place, remove};
use crate::stub_driver::{USER, encode};

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            tried: "the sweep directory is a symlink to a sweep",
            happens: "job without trial: Not a directory; site's record alone",
            play: || {
                let place = Place::new();
                let away = place.home.path().join("away");
                fs::rename(place.dir.path(), &away).unwrap();
                place.link(place.dir.path(), &away);
                place.run()
            },
        },
        Row {
            tried: "the sweep directory is a symlink to root's folder",
            happens: "job without trial: Not a directory; site's record alone",
            play: || {
                let place = Place::new();
                place.link(place.dir.path(), place.treasure.path());
                place.run()
            },
        },
        Row {
            tried: "sweep.json is a symlink to a file that only root reads",
            happens: "job without trial: Permission denied; site's record alone",
            play: || linked(|place| place.dir.manifest(), "secret"),
        },
        Row {
            tried: "trials.idx is a symlink to a file that only root reads",
            happens: "job without trial: Permission denied; site's record alone",
            play: || linked(|place| place.dir.index(), "secret"),
        },
        Row {
            tried: "trials.jsonl is a symlink to a file that only root reads",
            happens: "job without trial: Permission denied; site's record alone",
            play: || linked(|place| place.dir.trials(), "secret"),
        },
        Row {
            tried: "sweep.json is a symlink to root's file that all may read",
            happens: "job without trial: is damaged; site's record alone",
            play: || linked(|place| place.dir.manifest(), "open"),
        },
        Row {
            tried: "sweep.json is a symlink to itself",
            happens: "job without trial: Too many levels; site's record alone",
            play: || {
                let place = Place::new();
                place.link(&place.dir.manifest(), &place.dir.manifest());
                place.run()
            },
        },
        Row {
            tried: "trials/ is a symlink to root's folder",
            happens: "job has its trial; site's record alone",
            play: || linked(|place| place.trial().parent().unwrap().to_owned(), ""),
        },
        Row {
            tried: "the trial's folder is a symlink to root's folder",
            happens: "job has its trial; site's record alone",
            play: || {
                let place = Place::new();
                place.make_trial();
                place.link(&place.trial(), place.treasure.path());
                place.run()
            },
        },
        Row {
            tried: "a claim in the trial's folder is a symlink to root's file",
            happens: "job has its trial; both records",
            play: || {
                let place = Place::new();
                place.link(&place.make_trial().join("claim.0"), &place.treasure("secret"));
                place.run()
            },
        },
        Row {
            tried: "an earlier record is a symlink to root's file",
            happens: "job has its trial; both records",
            play: || {
                let place = Place::new();
                let folder = place.make_trial();
                place.link(&folder.join("record.1.5.jsonl"), &place.treasure("open"));
                place.run()
            },
        },
        Row {
            tried: "while the job runs, its record becomes a symlink to root's file",
            happens: "job has its trial; site's record alone",
            play: || between("rm -f record.*; ln -s TREASURE/open NAME"),
        },
        Row {
            tried: "while the job runs, its record becomes a hard link to root's file",
            happens: "job has its trial; site's record alone",
            play: || between_as(0, "rm -f record.*; ln TREASURE/open NAME"),
        },
        Row {
            tried: "while the job runs, its record becomes a fifo",
            happens: "job has its trial; site's record alone",
            play: || between("rm -f record.*; mkfifo -m 666 NAME"),
        },
        Row {
            tried: "while the job runs, its record becomes a folder",
            happens: "job has its trial; site's record alone",
            play: || between("rm -f record.*; mkdir NAME"),
        },
        Row {
            tried: "while the job runs, its trial's folder becomes a symlink to root's folder",
            happens: "job has its trial; site's record alone",
            play: || between("rm -r FOLDER; ln -s TREASURE FOLDER"),
        },
        Row {
            tried: "sweep.json is a hard link to a file that only root reads",
            happens: "job without trial: Permission denied; site's record alone",
            play: || {
                let place = Place::new();
                remove(&place.dir.manifest());
                // As on a system that does not protect hard links.
                let hidden = place.home.path().join("roots");
                fs::write(&hidden, "hidden").unwrap();
                fs::set_permissions(&hidden, fs::Permissions::from_mode(0o600)).unwrap();
                fs::hard_link(&hidden, place.dir.manifest()).unwrap();
                place.run()
            },
        },
    ]
}

/// A file of the sweep is a symlink to a name of the treasure.
fn linked(file: fn(&Place) -> std::path::PathBuf, name: &str) -> String {
    let place = Place::new();
    place.link(&file(&place), &place.treasure(name));
    place.run()
}

/// Runs shell words as the user between the start and the end of a job, in the trial's folder. `NAME` is the job's
/// own record.
fn between(words: &str) -> String {
    between_as(USER, words)
}

fn between_as(uid: u32, words: &str) -> String {
    let place = Place::new();
    let folder = place.trial();
    let words = words.replace("NAME", "\"$name\"").replace("TREASURE", &shown(place.treasure.path()));
    let words = words.replace("FOLDER", &shown(&folder));
    let words = format!("cd {}; name=$(echo record.*); {words}", shown(&folder));
    let shell = format!("setpriv --reuid {uid} --regid {uid} --clear-groups sh -c '{words}'");
    let script = place.script().trial(place.dir.path(), "t001").start();
    place.run_script(script.line(&format!("run {}", encode(shell.as_bytes()))).end(0))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
