//! Files that are none, that nobody may read, that are too large or too many, and a full disk.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use sweep_core::layout::SweepDir;

use crate::Row;
use crate::place::{Place, remove};
use crate::stub_driver::USER;
use crate::sweep_on_disk::Sweep;

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            tried: "sweep.json, trials.idx and trials.jsonl are fifos",
            happens: "job without trial: Invalid argument; site's record alone",
            play: || {
                let of = |file: fn(&SweepDir) -> std::path::PathBuf| {
                    let place = Place::new();
                    fifo(&file(&place.dir));
                    place.run()
                };
                let seen = [of(SweepDir::manifest), of(SweepDir::index), of(SweepDir::trials)];
                assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
                seen[0].clone()
            },
        },
        Row {
            tried: "sweep.json is /dev/zero, trials.idx /dev/random, trials.jsonl /dev/full",
            happens: "job without trial: Invalid argument; site's record alone",
            play: || {
                let of = |file: fn(&SweepDir) -> std::path::PathBuf, device: &str| {
                    let place = Place::new();
                    place.link(&file(&place.dir), Path::new(device));
                    place.run()
                };
                let zero = of(SweepDir::manifest, "/dev/zero");
                assert_eq!(zero, of(SweepDir::index, "/dev/random"));
                assert_eq!(zero, of(SweepDir::trials, "/dev/full"));
                zero
            },
        },
        Row {
            tried: "claims and records of the trial's folder are fifos",
            happens: "job has its trial; both records",
            play: || {
                let place = Place::new();
                let folder = place.make_trial();
                ["claim.0", "claim.1"].iter().for_each(|name| fifo(&folder.join(name)));
                place.run()
            },
        },
        Row {
            tried: "the trial's folder is a fifo",
            happens: "job has its trial; site's record alone",
            play: || {
                let place = Place::new();
                let folder = place.make_trial();
                remove(&folder);
                fifo(&folder);
                place.run()
            },
        },
        Row {
            tried: "umask 000, and 777",
            happens: "job has its trial; both records",
            play: || {
                let seen = ["000", "777"].map(|mask| {
                    let place = Place::new();
                    place.make_trial();
                    let script = place.script().line(&format!("umask {mask}"));
                    let seen = place
                        .run_script(script.trial(place.dir.path(), "t001").start().line("umask 0").end(0));
                    for entry in fs::read_dir(place.audit.path()).unwrap() {
                        let metadata = entry.unwrap().metadata().unwrap();
                        assert_eq!(metadata.permissions().mode() & 0o777, 0o640, "umask {mask}");
                    }
                    seen
                });
                assert!(seen[1].starts_with("job has its trial"), "{}", seen[1]);
                seen[0].clone()
            },
        },
        Row {
            tried: "set-user, set-group and sticky bits on the sweep's folders",
            happens: "job has its trial; both records",
            play: || {
                let place = Place::new();
                let folder = place.make_trial();
                for path in [place.dir.path(), folder.parent().unwrap(), &folder] {
                    fs::set_permissions(path, fs::Permissions::from_mode(0o7777)).unwrap();
                }
                let seen = place.run();
                for entry in fs::read_dir(&folder).unwrap() {
                    let mode = entry.unwrap().metadata().unwrap().permissions().mode();
                    assert_eq!(mode & 0o7000, 0, "{mode:o}");
                }
                seen
            },
        },
        Row {
            tried: "another user's sweep that all may read",
            happens: "job has its trial; site's record alone",
            play: || others(0o755),
        },
        Row {
            tried: "another user's sweep that nobody else may read",
            happens: "job without trial: Permission denied; site's record alone",
            play: || others(0o700),
        },
        Row {
            tried: "the home is unreadable",
            happens: "job without trial: Permission denied; site's record alone",
            play: || {
                let place = Place::new();
                fs::set_permissions(place.home.path(), fs::Permissions::from_mode(0o000)).unwrap();
                place.run()
            },
        },
        Row {
            tried: "the sweep is gone before the job starts",
            happens: "job without trial: No such file; site's record alone",
            play: || {
                let place = Place::new();
                fs::remove_dir_all(place.dir.path()).unwrap();
                place.run()
            },
        },
        Row {
            tried: "sweep.json of a terabyte, of holes",
            happens: "job without trial: more than the limit; site's record alone",
            play: || {
                let place = Place::new();
                let file = fs::OpenOptions::new().write(true).open(place.dir.manifest()).unwrap();
                file.set_len(1 << 40).unwrap();
                place.run()
            },
        },
        Row {
            tried: "trials.idx of a terabyte whose entry points past all files",
            happens: "job without trial: Invalid argument; site's record alone",
            play: || {
                let place = Place::new();
                let file = fs::OpenOptions::new().write(true).open(place.dir.index()).unwrap();
                std::os::unix::fs::FileExt::write_all_at(&file, &[0xff; 10], 32).unwrap();
                file.set_len(1 << 40).unwrap();
                place.run()
            },
        },
        Row {
            tried: "twenty thousand files in the trial's folder",
            happens: "job has its trial; both records",
            play: || {
                let place = Place::new();
                let folder = place.make_trial();
                for n in 0..10_000 {
                    fs::write(folder.join(format!("record.{n}.{n}.jsonl")), "{\"kind\":\"start\"").unwrap();
                    fs::write(folder.join(format!("claim.{n}")), "x").unwrap();
                }
                place.run()
            },
        },
        Row {
            tried: "names of 255 bytes and of every byte in the trial's folder",
            happens: "job has its trial; both records",
            play: || {
                use std::os::unix::ffi::OsStrExt;
                let place = Place::new();
                let folder = place.make_trial();
                for byte in (1..=255_u8).filter(|&byte| byte != b'/') {
                    let name = [b"record.", &[byte; 240][..]].concat();
                    fs::write(folder.join(std::ffi::OsStr::from_bytes(&name)), "x").unwrap();
                }
                place.run()
            },
        },
        Row {
            tried: "the user's disk is full",
            happens: "job has its trial; site's record alone",
            play: || {
                let place = Place::new();
                let disk = Disk::mount(&place.home.path().join("disk"), USER);
                let dir = Sweep { owner: Some((USER, USER)), ..Sweep::default() }.write(&disk.0);
                let _ = fs::write(disk.0.join("filler"), vec![0; 1 << 20]);
                let script = place.script().trial(dir.path(), "t001").start().end(0);
                let seen = place.run_script(script);
                drop(disk);
                seen
            },
        },
    ]
}

fn fifo(path: &Path) {
    remove(path);
    assert!(Command::new("mkfifo").args(["-m", "666"]).arg(path).status().unwrap().success());
    chown(path, Some(USER), Some(USER)).unwrap();
}

/// A sweep of another user's, with this mode.
fn others(mode: u32) -> String {
    let place = Place::new();
    let home = place.home.path().join("other");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(54_322), Some(54_322)).unwrap();
    let dir = Sweep { owner: Some((54_322, 54_322)), ..Sweep::default() }.write(&home);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
    place.run_script(place.script().trial(dir.path(), "t001").start().end(0))
}

/// A small disk of its own; unmounted when it is dropped.
pub struct Disk(pub std::path::PathBuf);

impl Disk {
    /// Mounts it for a user.
    pub fn mount(path: &Path, uid: u32) -> Self {
        fs::create_dir(path).unwrap();
        let options = format!("size=64k,mode=0755,uid={uid},gid={uid}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).status();
        assert!(mounted.unwrap().success());
        Self(path.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
