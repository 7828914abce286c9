//! A thread that exchanges a folder or a file of the sweep for a symlink to root's, as fast as it can, while hooks
//! run. An exchange is one system call, so that there is never nothing.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use sweep_core::record::Kind;
use sweep_testbed::artifacts;

use crate::Row;
use crate::place::Place;
use crate::stub_driver::USER;
use crate::sweep_on_disk::site_records;

/// Jobs of one race.
const ROUNDS: usize = 100;

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            tried: "the trial's folder and a symlink to root's change places all the time",
            happens: "100 jobs, each with the site's record; root's files untouched",
            play: || race(|place| (place.trial(), place.treasure.path().to_owned())),
        },
        Row {
            tried: "trials/ and a symlink to root's change places all the time",
            happens: "100 jobs, each with the site's record; root's files untouched",
            play: || {
                race(|place| (place.trial().parent().unwrap().to_owned(), place.treasure.path().to_owned()))
            },
        },
        Row {
            tried: "the sweep directory and a symlink to root's change places all the time",
            happens: "100 jobs, each with the site's record; root's files untouched",
            play: || race(|place| (place.dir.path().to_owned(), place.treasure.path().to_owned())),
        },
        Row {
            tried: "sweep.json and a symlink to root's secret change places all the time",
            happens: "100 jobs, each with the site's record; root's files untouched",
            play: || race(|place| (place.dir.manifest(), place.treasure("secret"))),
        },
    ]
}

fn race(of: fn(&Place) -> (PathBuf, PathBuf)) -> String {
    let place = Place::new();
    place.make_trial();
    let (ours, target) = of(&place);
    let link = place.home.path().join("swap");
    symlink(target, &link).unwrap();
    lchown(&link, Some(USER), Some(USER)).unwrap();
    chown(place.home.path(), Some(USER), Some(USER)).unwrap();
    let over = AtomicBool::new(false);
    let script = place.script().trial(place.dir.path(), "t001");
    let script = script.line(&format!("repeat {ROUNDS}")).start().end(0);
    let swaps = std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut swaps = 0_u64;
            while !over.load(Ordering::Relaxed) {
                exchange(&ours, &link);
                swaps += 1;
            }
            swaps
        });
        // Whatever comes of it, the swapper must end.
        let trace = std::panic::catch_unwind(|| script.run(&artifacts::plugin().unwrap()));
        over.store(true, Ordering::Relaxed);
        let swaps = swapper.join().unwrap();
        trace.unwrap().all_well();
        swaps
    });
    assert!(swaps > 10 * ROUNDS as u64, "only {swaps} exchanges: no race");
    place.check_files();
    let site = site_records(place.audit.path(), place.job);
    let kinds: Vec<Kind> = site.iter().map(|record| record.kind).collect();
    let whole = kinds.chunks(2).filter(|pair| *pair == [Kind::Start, Kind::End]).count();
    let text =
        fs::read_dir(place.audit.path()).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let told = text.into_iter().any(|bytes| String::from_utf8_lossy(&bytes).contains("the-secret-of-root"));
    assert!(!told, "root's secret is in the site's records");
    format!("{whole} jobs, each with the site's record; root's files untouched")
}

fn exchange(one: &Path, other: &Path) {
    let path = |path: &Path| CString::new(path.as_os_str().as_encoded_bytes()).unwrap();
    let (one, other) = (path(one), path(other));
    // SAFETY: two C strings that live as long as the call.
    let code = unsafe {
        libc::renameat2(libc::AT_FDCWD, one.as_ptr(), libc::AT_FDCWD, other.as_ptr(), libc::RENAME_EXCHANGE)
    };
    assert_eq!(code, 0, "{}", std::io::Error::last_os_error());
}
