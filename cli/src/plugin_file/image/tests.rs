//! Files that are plugins, nearly plugins and not at all, made by the C compiler that Rust links with.

use std::process::Command;

use super::*;

const PLUGIN: &str = r#"
extern int slurm_spank_log(const char *, ...);
extern int maybe(void) __attribute__((weak));
const char plugin_name[] = "sweep";
const char plugin_type[] = "spank";
const struct { unsigned number; char mark[20]; } plugin_version = { 0x160508, "SWEEP-PLUGIN-STAMP:" };
int slurm_spank_init(void) { return slurm_spank_log("x") + (maybe ? maybe() : 0); }
"#;

fn compiled(source: &str, flags: &[&str]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (c, out) = (dir.path().join("p.c"), dir.path().join("p.so"));
    std::fs::write(&c, source).unwrap();
    let made = Command::new("cc").args(["-w", "-fPIC", "-o"]).arg(&out).args(flags).arg(&c).status().unwrap();
    assert!(made.success());
    std::fs::read(out).unwrap()
}

fn plugin() -> Vec<u8> {
    compiled(PLUGIN, &["-shared"])
}

fn flaw(bytes: Vec<u8>) -> Flaw {
    Image::parse(bytes).unwrap_err()
}

#[test]
fn exactly_four_bytes_change_and_change_back() {
    let bytes = plugin();
    let image = Image::parse(bytes.clone()).unwrap();
    assert_eq!(image.release.to_string(), "22.05.8");
    let stamped = image.stamped("24.11.5".parse().unwrap());
    let differing: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != stamped.bytes()[*at]).collect();
    assert_eq!(stamped.bytes().len(), bytes.len());
    assert!(
        !differing.is_empty() && differing.iter().all(|at| (image.stamp_at..image.stamp_at + 4).contains(at))
    );
    let again = Image::parse(stamped.bytes().to_vec()).unwrap();
    assert_eq!(again.release.to_string(), "24.11.5");
    assert_eq!(again.build_sha256(), image.build_sha256());
    assert_ne!(again.sha256(), image.sha256());
    assert_eq!(again.stamped("22.05.8".parse().unwrap()).bytes(), bytes);
}

#[test]
fn what_it_needs_is_what_may_not_be_missing() {
    let needs = Image::parse(plugin()).unwrap().needs;
    let names: Vec<&str> = needs.iter().map(|symbol| symbol.name.as_str()).collect();
    assert!(names.contains(&"slurm_spank_log") && !names.contains(&"maybe"), "{names:?}");
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let bytes = plugin();
    for end in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        assert!(Image::parse(bytes[..end].to_vec()).is_err(), "cut at {end}");
    }
}

#[test]
fn a_flipped_byte_is_refused_or_changes_nothing_that_stamping_touches() {
    let bytes = plugin();
    let image = Image::parse(bytes.clone()).unwrap();
    for at in image.stamp_at + 4..image.stamp_at + 24 {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x20;
        assert_eq!(flaw(flipped), Flaw::NotOurs("it has no stamp"), "{at}");
    }
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0xff;
        // What no table covers can only be told by a checksum; nothing may panic or move the stamp.
        if let Ok(read) = Image::parse(flipped.clone()) {
            assert_eq!(read.stamp_at, image.stamp_at, "{at}");
            let back = read.stamped(read.release);
            assert_eq!(back.bytes(), flipped, "{at}");
        }
    }
    let mut top = bytes;
    top[image.stamp_at + 3] = 0xff;
    assert!(matches!(flaw(top), Flaw::Stamp(_)));
}

#[test]
fn no_stamp_two_stamps_and_other_peoples_plugins_are_refused() {
    let unstamped = PLUGIN.replace("SWEEP-PLUGIN-STAMP:", "a-plugin-of-old:");
    assert_eq!(flaw(compiled(&unstamped, &["-shared"])), Flaw::NotOurs("it has no stamp"));
    let two = format!("{PLUGIN}\nconst char again[] = \"SWEEP-PLUGIN-STAMP:\";");
    assert_eq!(flaw(compiled(&two, &["-shared"])), Flaw::TwoStamps);
    let other = PLUGIN.replace("\"sweep\"", "\"pyxis\"");
    assert_eq!(flaw(compiled(&other, &["-shared"])), Flaw::NotOurs("it is a plugin of somebody else's"));
    assert!(matches!(flaw(compiled("int x;", &["-shared"])), Flaw::NotOurs(_)));
}

#[test]
fn what_is_no_shared_object_of_this_machine_is_refused() {
    assert_eq!(flaw(Vec::new()), Flaw::NotShared);
    assert_eq!(flaw(b"#!/bin/sh\n".to_vec()), Flaw::NotShared);
    assert_eq!(flaw(compiled(PLUGIN, &["-c"])), Flaw::NotShared);
    let mut foreign = plugin();
    foreign[18] ^= 0x40;
    assert_eq!(flaw(foreign), Flaw::Architecture);
    let mut small = plugin();
    small[4] = elf::ELFCLASS32;
    assert_eq!(flaw(small), Flaw::Architecture);
}

#[test]
fn a_checksum_beside_the_file_has_to_agree() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spank_sweep.so");
    let bytes = plugin();
    std::fs::write(&path, &bytes).unwrap();
    std::fs::write(dir.path().join("spank_sweep.so.sha256"), format!("{}  spank_sweep.so\n", sha256(&bytes)))
        .unwrap();
    assert!(Image::read(&path).is_ok());
    let mut flipped = bytes;
    // Code: no table of the file covers it.
    let last = flipped.windows(4).rposition(|window| window != [0; 4]).unwrap();
    flipped[last] ^= 1;
    std::fs::write(&path, flipped).unwrap();
    assert!(Image::read(&path).unwrap_err().to_string().contains("damaged"));
}
