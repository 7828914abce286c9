//! What stands in the way inside the audit directory, should anyone have managed to put it there, and a full disk
//! under it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::Row;
use crate::files::Disk;
use crate::place::Place;
use crate::stub_driver::{Script, Trace, USER};
use crate::sweep_on_disk::site_files;
use sweep_testbed::artifacts;

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            tried: "the site's file is a symlink",
            happens: "2 lines in the log, the target untouched",
            play: || in_the_way(|file, target| symlink(target, file).unwrap()),
        },
        Row {
            tried: "the site's file is a hard link to another of root's",
            happens: "2 lines in the log, the target untouched",
            play: || in_the_way(|file, target| fs::hard_link(target, file).unwrap()),
        },
        Row {
            tried: "the site's file is a fifo",
            happens: "2 lines in the log, the target untouched",
            play: || {
                in_the_way(|file, _| {
                    assert!(std::process::Command::new("mkfifo").arg(file).status().unwrap().success());
                })
            },
        },
        Row {
            tried: "the site's file is the user's",
            happens: "2 lines in the log, the target untouched",
            play: || {
                in_the_way(|file, _| {
                    fs::write(file, "").unwrap();
                    std::os::unix::fs::chown(file, Some(USER), None).unwrap();
                })
            },
        },
        Row {
            tried: "the disk of the site's records is full",
            happens: "job has its trial; 2 lines in the log",
            play: || {
                let place = Place::new();
                let disk = Disk::mount(&place.audit.path().join("disk"), 0);
                assert!(fs::write(disk.0.join("filler"), vec![0; 1 << 20]).is_err(), "the disk is not small");
                let word = format!("audit={}", disk.0.display());
                let script = Script::batch(place.job, &[&word]).trial(place.dir.path(), "t001");
                let trace = script.start().end(0).get(&["lr"]).run(&artifacts::plugin().unwrap()).all_well();
                drop(disk);
                place.check_files();
                assert_eq!(trace.get("lr").as_deref(), Some("0.1"));
                let lines = trace.errors();
                assert!(lines.iter().all(|line| line.contains("No space left")), "{lines:?}");
                format!("job has its trial; {} lines in the log", lines.len())
            },
        },
    ]
}

fn job(place: &Place) -> Trace {
    let script = place.script().trial(place.dir.path(), "t001").start().end(0).get(&["lr"]);
    script.run(&artifacts::plugin().unwrap()).all_well()
}

/// A job whose site's file is something else: it has its trial all the same.
fn in_the_way(put: fn(&PathBuf, &PathBuf)) -> String {
    let place = Place::new();
    assert_eq!(job(&place).errors(), Vec::<String>::new());
    let file = site_files(place.audit.path()).remove(0);
    let target = place.audit.path().join("target");
    fs::rename(&file, &target).unwrap();
    let before = fs::read(&target).unwrap();
    put(&file, &target);
    let trace = job(&place);
    assert_eq!(trace.get("lr").as_deref(), Some("0.1"));
    assert_eq!(fs::read(&target).unwrap(), before);
    place.check_files();
    format!("{} lines in the log, the target untouched", trace.errors().len())
}
