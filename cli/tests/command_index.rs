//! What looks remember of trials that ended: it spares reading, it is never the only place of anything, and nothing of a
//! trial that may still change is in it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;
mod written_sweep;

use std::fs;
use std::path::{Path, PathBuf};

use command_site::Site;
use serde_json::Value;
use written_sweep::{One, Written};

/// More than as many as are worth a file.
const TRIALS: u32 = 40;

fn ended() -> Written {
    let one = |n: u32| One {
        started: Some(Some(i32::from(n == 7))),
        losses: vec![format!("0.{n}")],
        ..One::default()
    };
    let trials = (0..TRIALS).map(one).collect();
    Written { id: "ended-20260102-030405-abcd", method: "grid", more: "", trials, refused: 0 }
}

/// Writes the sweep as if processes of this machine that are gone had run it.
fn write(site: &Site) -> PathBuf {
    let dir = ended().write(&site.path(".sweeps"));
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    // No process has these numbers: they are above the kernel's limit.
    let here = |text: &str| text.replace("elsewhere:", &format!("{host}:9000"));
    for n in 0..TRIALS {
        let folder = dir.join(format!("trials/t{n:03}"));
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let text = here(&fs::read_to_string(&path).unwrap());
            let name = here(path.file_name().unwrap().to_str().unwrap());
            fs::remove_file(&path).unwrap();
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let events = dir.join("events/1.jsonl");
    fs::write(&events, here(&fs::read_to_string(&events).unwrap())).unwrap();
    dir
}

fn index(dir: &Path) -> PathBuf {
    dir.join("looked.idx")
}

fn forget_folders(dir: &Path) {
    (0..TRIALS).for_each(|n| fs::remove_dir_all(dir.join(format!("trials/t{n:03}"))).unwrap());
}

/// What is shown of a sweep, without the output of a failed trial: nobody remembers that.
fn shown(site: &Site) -> Value {
    let mut status = site.json(&["status"]);
    status["failure"]["output"].take();
    status
}

fn states(status: &Value) -> &Value {
    &status["states"]
}

#[test]
fn the_records_of_trials_that_ended_for_good_are_read_once() {
    let site = Site::new("");
    let dir = write(&site);
    let first = shown(&site);
    assert_eq!(states(&first), &serde_json::json!({"completed": TRIALS - 1, "failed": 1}));
    assert!(index(&dir).is_file());
    let (csv, page) = (site.good(&["export"]), site.good(&["top", "--format", "json"]));
    // What is not there cannot be read: the answers come from what is remembered.
    forget_folders(&dir);
    assert!(shown(&site) == first);
    assert_eq!(site.good(&["export"]), csv);
    assert_eq!(site.good(&["top", "--format", "json"]), page);
}

#[test]
fn what_is_remembered_may_be_removed_or_damaged_at_any_time() {
    let site = Site::new("");
    let dir = write(&site);
    let first = shown(&site);
    let whole = fs::read(index(&dir)).unwrap();
    for len in (0..whole.len()).step_by(311) {
        fs::write(index(&dir), &whole[..len]).unwrap();
        assert!(shown(&site) == first, "cut to {len}");
        // Whoever finds it damaged makes it anew.
        assert_eq!(fs::read(index(&dir)).unwrap(), whole, "cut to {len}");
    }
    let mut turned = whole.clone();
    turned[whole.len() / 2] ^= 0x40;
    fs::write(index(&dir), &turned).unwrap();
    assert!(shown(&site) == first);
    fs::remove_file(index(&dir)).unwrap();
    assert!(shown(&site) == first);
    // One of another sweep says nothing of this one.
    let other = String::from_utf8_lossy(&whole).contains("ended-20260102-030405-abcd");
    assert!(other, "it names its sweep");
    let manifest = dir.join("sweep.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("ended-20260102-030405-abcd", "ended-20260102-030405-abce")).unwrap();
    forget_folders(&dir);
    assert_ne!(states(&shown(&site)), states(&first));
}

#[test]
fn a_trial_that_goes_to_another_batch_is_read_again() {
    let site = Site::new("");
    let dir = write(&site);
    let first = shown(&site);
    let id = "ended-20260102-030405-abcd";
    let intent = format!(
        r#"{{"schema":"1.0","token":"{id}.1","executor":"local","trials":{{"single":7}},"sbatch":{{}},"extra":[]}}"#
    );
    fs::write(dir.join("batches/1.json"), intent).unwrap();
    let events = dir.join("events/1.jsonl");
    let more = "{\"event\":\"submitted\",\"batch\":1,\"job\":\"elsewhere:1:2\",\"time_ns\":9}\n";
    fs::write(&events, fs::read_to_string(&events).unwrap() + more).unwrap();
    let second = shown(&site);
    assert_eq!(states(&second), &serde_json::json!({"completed": TRIALS - 1, "submitted": 1}), "{second}");
    assert_eq!(second["trials"][7]["attempt"], 1);
    assert_eq!(second["trials"][8], first["trials"][8]);
}

#[test]
fn what_ended_just_now_is_not_remembered() {
    let site = Site::new("");
    let dir = write(&site);
    let now_ns = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    for n in 0..TRIALS {
        for entry in fs::read_dir(dir.join(format!("trials/t{n:03}"))).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                let text = fs::read_to_string(&path).unwrap();
                fs::write(&path, text.replace("\"time_ns\":1000000000", &format!("\"time_ns\":{now_ns}")))
                    .unwrap();
            }
        }
    }
    let first = shown(&site);
    assert_eq!(states(&first)["completed"], TRIALS - 1);
    assert!(!index(&dir).exists());
    forget_folders(&dir);
    assert_ne!(states(&shown(&site)), states(&first));
}

#[test]
fn a_reader_who_does_not_own_the_sweep_leaves_nothing_in_it() {
    let site = Site::new("");
    let dir = write(&site);
    let first = shown(&site);
    fs::remove_file(index(&dir)).unwrap();
    // The manifest's owner is the sweep's.
    let manifest = dir.join("sweep.json");
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&manifest, Some(12345), None).unwrap();
        assert!(shown(&site) == first);
        assert!(!index(&dir).exists());
    }
}
