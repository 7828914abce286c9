//! The site's records: the chain, its head, and the audit directory in every bad state. What the records say is
//! tested in `stub_host`.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod stub_driver;
mod sweep_on_disk;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use stub_driver::{Script, Trace, folder};
use sweep_core::chain::{GENESIS, Head, Link, line_hash};
use sweep_on_disk::{site_files, site_records};
use sweep_testbed::artifacts;

fn plugin() -> PathBuf {
    artifacts::plugin().unwrap()
}

/// One job with variables alone, which leaves a start and an end.
fn job(audit: &Path, job: u32) -> Trace {
    let word = format!("audit={}", audit.display());
    Script::batch(job, &[&word]).option("sweep-set", b"a=1").start().end(0).run(&plugin()).all_well()
}

/// Checks each line of the only file against the one before, and the head against the last; how many lines.
fn check_chain(audit: &Path) -> u64 {
    let files = site_files(audit);
    assert_eq!(files.len(), 1, "{files:?}");
    let bytes = fs::read(&files[0]).unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'));
    let (mut hash, mut sequence) = (GENESIS.to_owned(), 0);
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let Ok(link) = serde_json::from_slice::<Link>(line) else { continue };
        assert_eq!((link.sequence, &link.previous), (sequence, &hash));
        hash = line_hash(line);
        sequence += 1;
    }
    let head = head(audit);
    assert_eq!((head.sequence, head.offset, head.hash), (sequence, bytes.len() as u64, hash));
    sequence
}

fn head_path(audit: &Path) -> PathBuf {
    let file = site_files(audit).remove(0);
    PathBuf::from(format!("{}.head", file.display()))
}

fn head(audit: &Path) -> Head {
    let path = head_path(audit);
    Head::parse(&path, &fs::read(&path).unwrap()).unwrap()
}

#[test]
fn the_chain_goes_on_over_a_thousand_records_and_the_head_goes_to_the_log() {
    let audit = folder();
    let word = format!("audit={}", audit.path().display());
    let script = Script::batch(1, &[&word]).option("sweep-set", b"a=1").line("repeat 500").start().end(0);
    let trace = script.run(&plugin()).all_well();
    assert_eq!(trace.errors(), Vec::<String>::new());
    assert_eq!(check_chain(audit.path()), 1000);
    let reports = trace.words("log").filter(|words| words[1] == "info").count();
    assert_eq!(reports, 1 + 1000 / 64, "the first of a file, and one in 64");
    let name = site_files(audit.path())[0].file_name().unwrap().to_string_lossy().into_owned();
    let month = name.strip_prefix("stub1-").unwrap().strip_suffix(".jsonl").unwrap();
    assert!(month.len() == 6 && month.parse::<u32>().unwrap() > 202_000, "{name}");
}

#[test]
fn twenty_writers_at_once_keep_one_chain() {
    const WRITERS: u32 = 20;
    let audit = folder();
    let traces: Vec<Trace> = std::thread::scope(|scope| {
        let jobs: Vec<_> = (0..WRITERS)
            .map(|n| {
                scope.spawn({
                    let audit = audit.path();
                    move || job(audit, n + 1)
                })
            })
            .collect();
        jobs.into_iter().map(|job| job.join().unwrap()).collect()
    });
    assert!(traces.iter().all(|trace| trace.errors().is_empty()), "{traces:?}");
    assert_eq!(check_chain(audit.path()), u64::from(2 * WRITERS));
    assert!((1..=WRITERS).all(|n| site_records(audit.path(), n).len() == 2));
}

#[test]
fn a_head_that_a_crash_left_behind_is_caught_up() {
    let audit = folder();
    job(audit.path(), 1);
    let old = fs::read(head_path(audit.path())).unwrap();
    job(audit.path(), 2);
    fs::write(head_path(audit.path()), old).unwrap();
    job(audit.path(), 3);
    assert_eq!(check_chain(audit.path()), 6);
    fs::remove_file(head_path(audit.path())).unwrap();
    job(audit.path(), 4);
    assert_eq!(check_chain(audit.path()), 8);
}

#[test]
fn a_line_that_a_crash_cut_is_left_and_the_chain_goes_on_behind_it() {
    let audit = folder();
    job(audit.path(), 1);
    let file = site_files(audit.path()).remove(0);
    let mut end = fs::OpenOptions::new().append(true).open(&file).unwrap();
    end.write_all(b"{\"sequence\":2,\"prev").unwrap();
    job(audit.path(), 2);
    assert_eq!(check_chain(audit.path()), 4);
    assert!(fs::read_to_string(&file).unwrap().contains("\"prev\n"), "the cut line stays to be seen");
}

#[test]
fn a_cut_tail_stays_visible() {
    let audit = folder();
    job(audit.path(), 1);
    job(audit.path(), 2);
    let file = site_files(audit.path()).remove(0);
    let text = fs::read_to_string(&file).unwrap();
    let kept: String = text.lines().take(3).map(|line| format!("{line}\n")).collect();
    fs::write(&file, kept).unwrap();
    job(audit.path(), 3);
    let text = fs::read_to_string(&file).unwrap();
    let sequences: Vec<u64> =
        text.lines().map(|line| serde_json::from_str::<Link>(line).unwrap().sequence).collect();
    assert_eq!(sequences, [0, 1, 2, 4, 5]);
}

#[test]
fn a_bad_audit_directory_is_one_line_a_record_and_no_file() {
    let place = folder();
    let good = place.path().join("good");
    fs::create_dir(&good).unwrap();
    let open = place.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir(open.join("below")).unwrap();
    let sticky = place.path().join("sticky");
    fs::create_dir(&sticky).unwrap();
    fs::set_permissions(&sticky, fs::Permissions::from_mode(0o1777)).unwrap();
    let users = sticky.join("users");
    fs::create_dir(&users).unwrap();
    std::os::unix::fs::chown(&users, Some(stub_driver::USER), None).unwrap();
    let link = place.path().join("link");
    symlink(&good, &link).unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    for (path, why) in [
        (place.path().join("absent"), "No such file"),
        (link.clone(), "is a symlink"),
        (link.join("below"), "is a symlink"),
        (open.clone(), "can be written by others"),
        (open.join("below"), "can be written by others"),
        (sticky.clone(), "can be written by others"),
        (users, "is not root's"),
        (file, "Not a directory"),
        (good.join("../good"), "is not a plain absolute path"),
    ] {
        let errors = job(&path, 1).errors();
        assert_eq!(errors.len(), 2, "{errors:?}");
        for (error, hook) in errors.iter().zip(["task_post_fork", "task_exit"]) {
            assert!(error.starts_with(&format!("sweep: {hook}: ")) && error.contains(why), "{why}: {error}");
        }
    }
    assert_eq!(fs::read_dir(&good).unwrap().count(), 0);
    fs::create_dir(sticky.join("roots")).unwrap();
    assert_eq!(job(&sticky.join("roots"), 1).errors(), Vec::<String>::new());
}

#[test]
fn a_full_disk_leaves_whole_lines_and_the_chain_goes_on_later() {
    let place = folder();
    let audit = place.path().join("audit");
    fs::create_dir(&audit).unwrap();
    let options = ["-t", "tmpfs", "-o", "size=16k,mode=0755", "tmpfs"];
    assert!(Command::new("mount").args(options).arg(&audit).status().unwrap().success());
    let mut failed = 0;
    for n in 1..40 {
        failed += job(&audit, n).errors().iter().filter(|error| error.contains("No space left")).count();
    }
    let whole = fs::read_to_string(site_files(&audit).remove(0)).unwrap();
    let lines = whole.lines().map(serde_json::from_str::<Link>).collect::<Vec<_>>();
    let remounted = Command::new("mount").args(["-o", "remount,size=1m"]).arg(&audit).status().unwrap();
    let after = job(&audit, 100).errors();
    let count = check_chain(&audit);
    assert!(Command::new("umount").arg(&audit).status().unwrap().success());
    assert!(remounted.success() && failed > 0, "{failed}");
    assert!(lines.iter().all(Result::is_ok), "{whole}");
    assert_eq!((after, count), (Vec::new(), lines.len() as u64 + 2));
}

#[test]
fn a_lock_that_others_keep_is_given_up_on() {
    let audit = folder();
    job(audit.path(), 1);
    let file = fs::File::open(site_files(audit.path()).remove(0)).unwrap();
    file.lock().unwrap();
    let trace = job(audit.path(), 2);
    assert_eq!(trace.errors().len(), 2, "{trace:?}");
    assert!(trace.errors()[0].contains("stays locked by others"));
    assert!(trace.took("task_exit").as_secs() < 4, "{:?}", trace.took("task_exit"));
    drop(file);
    assert_eq!(job(audit.path(), 3).errors(), Vec::<String>::new());
}
