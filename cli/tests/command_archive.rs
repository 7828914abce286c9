//! `sweep clean`, `archive` and `unarchive`: what may go goes, what must stay stays. The sweeps are run by the local
//! executor; no Slurm is needed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use command_site::{Site, wait_for};

const SPEC: &str = "name: kept\nmetric: {name: loss, goal: minimize}\nparameters: {x: [3, 1, 2]}\ncheckpoint: true\n\
    shell: 'echo $x >$SWEEP_CHECKPOINT_OUT/model; sweep log loss=$x'\n";

/// Everything of a directory: files with their bytes and modes, links with their targets.
fn content(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mut bytes = format!("{:o} ", metadata.permissions().mode()).into_bytes();
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if metadata.is_symlink() {
            bytes.extend(fs::read_link(&path).unwrap().to_str().unwrap().bytes());
        } else {
            bytes.extend(fs::read(&path).unwrap());
        }
        found.insert(path.strip_prefix(dir).unwrap().to_owned(), bytes);
    }
    found
}

/// A directory in which nothing has changed for two hours.
fn old(site: &Site, name: &str) -> PathBuf {
    let path = site.path(".sweeps").join(name);
    fs::create_dir(&path).unwrap();
    fs::write(path.join("sweep.json"), "{}").unwrap();
    let then = SystemTime::now() - Duration::from_secs(7200);
    for path in [path.join("sweep.json"), path.clone()] {
        fs::File::open(path).unwrap().set_modified(then).unwrap();
    }
    path
}

#[test]
fn only_what_was_broken_off_and_superfluous_checkpoints_are_removed() {
    let site = Site::new(SPEC);
    let dir = site.run(0);
    let left =
        [old(&site, ".kept-20260101-000000-abcd.new"), old(&site, ".kept-20260101-000000-abcd.removed")];
    let kept = [old(&site, ".mine.new"), site.path(".sweeps/.kept-20260101-000001-abcd.new")];
    fs::create_dir(&kept[1]).unwrap();
    let model = |trial: u32| dir.join(format!("trials/t{trial:03}/checkpoint/model"));

    // Without a word about checkpoints, they stay.
    let dry = site.good(&["clean", "--dry-run"]);
    assert!(
        dry.contains("never completed") && dry.contains("half removed") && !dry.contains("checkpoint"),
        "{dry}"
    );
    assert!(dry.contains("in all 4 files and directories") && left[0].exists(), "{dry}");
    let ran = site.sweep(&["clean"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("nobody can be asked") && ran.stderr.contains("--yes"), "{}", ran.stderr);
    let json = site.json(&["clean", "--yes", "--keep-checkpoints", "1"]);
    assert_eq!((&json["inodes"], json["removed"].as_array().unwrap().len()), (&8.into(), 4));
    assert!(!left[0].exists() && !left[1].exists() && kept.iter().all(|path| path.exists()));
    assert!(!model(0).exists() && model(1).exists() && !model(2).exists());
    // Results stay, and there is nothing left to do.
    assert_eq!(site.states(&dir), ["completed"; 3]);
    assert_eq!(site.good(&["clean", "--keep-checkpoints", "1"]), "there is nothing to remove\n");
}

#[test]
fn nothing_of_a_sweep_that_runs_is_removed_or_packed() {
    let site = Site::new(&SPEC.replace("loss=$x'", "loss=$x; sleep 600'"));
    site.good(&["submit", "--executor", "local"]);
    let dir = site.newest();
    let model = dir.join("trials/t000/metrics.jsonl");
    wait_for("the trial", || model.exists().then_some(()));
    assert_eq!(site.good(&["clean", "--keep-checkpoints", "1", "--yes"]), "there is nothing to remove\n");
    let ran = site.sweep(&["archive", "kept"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("is not over") && ran.stderr.contains("sweep stop"), "{}", ran.stderr);
    site.good(&["stop"]);
}

#[test]
fn a_sweep_is_packed_compared_removed_and_brought_back_as_it_was() {
    let site = Site::new(SPEC);
    let dir = site.run(0);
    std::os::unix::fs::symlink("checkpoint/model", dir.join("trials/t001/best")).unwrap();
    fs::create_dir(dir.join("trials/t001/empty")).unwrap();
    let long = format!("trials/t001/{}", "long-".repeat(40));
    fs::write(dir.join(&long), "a name of 200 letters").unwrap();
    let (before, status) = (content(&dir), site.good(&["status", "--all"]));

    let said = site.good(&["archive", "kept"]);
    assert!(
        said.contains("are now one file") && said.contains("--remove takes the directory away"),
        "{said}"
    );
    let name = format!("{}.tar.gz", dir.file_name().unwrap().to_str().unwrap());
    let archive = site.path(".sweeps").join(&name);
    assert!(dir.exists() && archive.exists());
    let ran = site.sweep(&["archive", "kept", "--remove"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("is there already") && dir.exists(), "{}", ran.stderr);
    fs::remove_file(&archive).unwrap();
    let json = site.json(&["archive", "kept", "--remove"]);
    assert_eq!((&json["removed"], json["inodes"].as_u64().unwrap()), (&true.into(), before.len() as u64));
    let names: Vec<_> = fs::read_dir(site.path(".sweeps")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [name.as_str()], "neither the directory nor `latest` is left");

    let path = archive.to_str().unwrap();
    assert_eq!(
        site.good(&["unarchive", path]).trim(),
        dir.strip_prefix(site.path("")).map(|p| format!("./{}", p.display())).unwrap()
    );
    assert_eq!(content(&dir), before);
    assert_eq!(site.good(&["status", "--all"]), status);
    assert!(site.sweep(&["unarchive", path]).stderr.contains("is there already"));
}

#[test]
fn a_damaged_archive_brings_nothing_back() {
    let site = Site::new(SPEC);
    let dir = site.run(0);
    let json = site.json(&["archive", "kept", "--remove"]);
    let archive = json["archive"].as_str().unwrap().to_owned();
    let whole = fs::read(&archive).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    for bytes in [&damaged[..], &whole[..whole.len() - 4], b"not an archive"] {
        fs::write(&archive, bytes).unwrap();
        let ran = site.sweep(&["unarchive", &archive]);
        assert!(matches!(ran.code, Some(1 | 2)), "{}", ran.stderr);
        assert!(!dir.exists());
    }
    fs::write(&archive, whole).unwrap();
    site.good(&["unarchive", &archive]);
    assert_eq!(site.states(&dir), ["completed"; 3]);
}
