//! What the plugin costs the process that it lives in: panics, a file system that hangs, system calls, memory and
//! descriptors, and what valgrind says.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod stub_driver;
mod sweep_on_disk;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use stub_driver::{Script, USER, folder, users_folder};
use sweep_core::environment::ERROR;
use sweep_core::layout::SweepDir;
use sweep_on_disk::{Sweep, records, site_records};
use sweep_testbed::artifacts;

fn plugin() -> PathBuf {
    artifacts::plugin().unwrap()
}

fn sweep(home: &Path, trials: u32) -> SweepDir {
    let id = format!("sweep-of-{trials:07}");
    Sweep { id: &id, trials, owner: Some((USER, USER)), ..Sweep::default() }.write(home)
}

#[test]
fn only_hooks_and_slurms_three_symbols_are_exported_and_nothing_that_22_05_lacks_is_needed() {
    for so in [plugin(), artifacts::plugin_with_faults().unwrap()] {
        let nm = Command::new("nm").args(["-D", "--format=posix"]).arg(&so).output().unwrap();
        let text = String::from_utf8(nm.stdout).unwrap();
        let symbols = |kind: fn(&str) -> bool| -> Vec<&str> {
            let lines = text.lines().map(|line| line.split(' ').collect::<Vec<_>>());
            lines.filter(|words| kind(words[1])).map(|words| words[0]).collect()
        };
        let exported = symbols(|kind| !"Uw".contains(kind));
        assert_eq!(
            exported,
            [
                "plugin_name",
                "plugin_type",
                "plugin_version",
                "slurm_spank_init",
                "slurm_spank_init_post_opt",
                "slurm_spank_task_exit",
                "slurm_spank_task_init",
                "slurm_spank_task_post_fork",
                "slurm_spank_user_init",
            ]
        );
        let needed: Vec<_> = symbols(|kind| kind == "U")
            .into_iter()
            .filter(|name| name.contains("sp") && name.contains("ank") || name.starts_with("slurm"))
            .collect();
        let stock = [
            "slurm_error",
            "slurm_info",
            "slurm_spank_log",
            "spank_context",
            "spank_get_item",
            "spank_getenv",
            "spank_option_register",
            "spank_setenv",
            "spank_unsetenv",
        ];
        assert!(needed.iter().all(|name| stock.contains(name)), "{needed:?}");
    }
}

/// Red Hat 8's, the oldest that a Slurm of 22.05 or later is packaged for.
const GLIBC_NEWEST: &str = "2.28";
/// The released plugin is 1.3 MB.
const SIZE_MAX: u64 = 1_600_000;

#[test]
fn it_is_small_and_needs_no_library_but_glibc_of_2018() {
    let readelf = |option: &str, so: &Path| {
        let output = Command::new("readelf").args(["--wide", option]).arg(so).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for so in [plugin(), artifacts::plugin_with_faults().unwrap()] {
        let size = fs::metadata(&so).unwrap().len();
        assert!(size <= SIZE_MAX, "{} is {size} bytes", so.display());

        let dynamic = readelf("--dynamic", &so);
        let library =
            |line: &str| Some(line.split_once("Shared library: [")?.1.trim_end_matches(']').to_owned());
        let libraries: Vec<_> =
            dynamic.lines().filter(|line| line.contains("(NEEDED)")).filter_map(library).collect();
        assert_eq!(libraries, ["libc.so.6", "ld-linux-x86-64.so.2"]);

        let versions = readelf("--version-info", &so);
        let needed: Vec<&str> = versions
            .lines()
            .filter_map(|line| line.split_once("Name: GLIBC_")?.1.split(' ').next())
            .collect();
        let number =
            |version: &str| -> Vec<u32> { version.split('.').map(|part| part.parse().unwrap()).collect() };
        assert!(needed.len() > 3, "no versions are read from readelf's answer:\n{versions}");
        let young: Vec<_> = needed.iter().filter(|version| number(version) > number(GLIBC_NEWEST)).collect();
        assert!(young.is_empty(), "it needs glibc {young:?}: define what brings them in plugin/old_glibc.c");
    }
}

#[test]
fn the_version_can_be_found_and_stamped_in_the_file() {
    let bytes = fs::read(plugin()).unwrap();
    let mark = b"SWEEP-PLUGIN-STAMP:\0";
    let places: Vec<usize> =
        (4..bytes.len() - mark.len()).filter(|&n| bytes[n..].starts_with(mark)).collect();
    assert_eq!(places.len(), 1);
    let number: [u8; 4] = bytes[places[0] - 4..places[0]].try_into().unwrap();
    let trace = Script::new().run(&plugin()).all_well();
    let said = trace.words("plugin").next().unwrap()[3].trim_start_matches("0x").to_owned();
    assert_eq!(u32::from_str_radix(&said, 16).unwrap(), u32::from_le_bytes(number));
}

#[test]
fn a_panic_in_a_hook_is_one_line_and_later_hooks_work() {
    let faults = artifacts::plugin_with_faults().unwrap();
    for hook in ["init", "init_post_opt", "user_init", "task_init", "task_post_fork", "task_exit"] {
        let home = users_folder();
        let audit = folder();
        let dir = sweep(home.path(), 6);
        let words = [format!("audit={}", audit.path().display()), format!("fault=panic:{hook}")];
        let mut script = Script::batch(1, &[&words[0], &words[1]]);
        for (name, value) in [("dir", dir.path().to_str().unwrap()), ("trial", "t001")] {
            let name = format!("{}sweep_{name}", sweep_core::environment::OPTION_PREFIX);
            script = script.env(&name, value.as_bytes());
        }
        let trace = script.start().end(0).get(&["lr"]).run(&faults).all_well();
        assert_eq!(trace.errors().len(), 1, "{trace:?}");
        let line = &trace.errors()[0];
        assert!(
            line.starts_with(&format!("sweep: {hook}: bug at ")) && line.contains("a panic was asked for")
        );
        assert_eq!(trace.ran.stderr, "", "nothing is printed");
        if hook != "user_init" {
            assert_eq!(trace.get("lr").as_deref(), Some("0.1"), "{hook}");
        }
        let lost = match hook {
            "user_init" => 2,
            "task_post_fork" | "task_exit" => 1,
            _ => 0,
        };
        assert_eq!(site_records(audit.path(), 1).len(), 2 - lost, "{hook}");
    }
}

#[test]
fn a_child_that_hangs_is_killed_after_five_seconds_and_leaves_nothing() {
    let home = users_folder();
    let dir = sweep(home.path(), 6);
    let script = Script::batch(1, &["fault=stop_child"]).line("count_children").trial(dir.path(), "t001");
    let trace =
        script.start().end(0).get(&[ERROR]).line("children").run(&artifacts::plugin_with_faults().unwrap());
    let trace = trace.all_well();
    let took = trace.took("user_init").as_millis();
    assert!((4900..6500).contains(&took), "{took} ms");
    // The kernel tells a parent of a child that stops, whatever its exit signal is; of its end it tells nobody.
    assert_eq!(trace.words("children").next().unwrap()[1..], ["left=0", "signals=1", "reaped=0"]);
    assert!(trace.get(ERROR).unwrap().contains("no answer within 5 s"));
    assert_eq!(trace.errors().len(), 1);
    assert!(records(&dir, 1).is_empty());
}

#[test]
fn children_are_neither_seen_nor_left_by_a_host_that_waits_for_any_child() {
    let home = users_folder();
    let dir = sweep(home.path(), 6);
    let script = Script::batch(1, &[]).line("count_children").trial(dir.path(), "t001").start().end(0);
    let trace = script.line("children").run(&plugin()).all_well();
    assert_eq!(trace.words("children").next().unwrap()[1..], ["left=0", "signals=0", "reaped=0"]);
    assert_eq!(records(&dir, 1).len(), 1);
}

#[test]
fn finding_a_trial_takes_the_same_system_calls_in_ten_and_in_a_million() {
    let home = users_folder();
    let calls = |trials: u32| {
        let dir = sweep(home.path(), trials);
        let log = home.path().join(format!("strace.{trials}"));
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o"]).arg(&log);
        let last = format!("t{:03}", trials - 1);
        let script = Script::batch(1, &[]).trial(dir.path(), &last).start().get(&["n"]);
        let trace = script.run_below(&plugin(), strace).all_well();
        assert_eq!(trace.get("n"), Some((trials - 1).to_string()));
        // How often a parent polls or naps, and in how many pieces a pipe is read, is the scheduler's.
        let noise = ["ppoll", "read", "wait4", "clock_nanosleep", "restart_syscall"];
        let mut count = BTreeMap::<String, u32>::new();
        for line in fs::read_to_string(log).unwrap().lines() {
            let call = line.split_whitespace().nth(1).unwrap_or_default();
            let name = call.split('(').next().unwrap_or_default();
            let is_call = call.contains('(')
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if is_call && !noise.contains(&name) {
                *count.entry(name.to_owned()).or_default() += 1;
            }
        }
        count
    };
    let few = calls(10);
    assert!(few["pread64"] > 3 && few["openat"] > 3, "{few:?}");
    assert_eq!(few, calls(1_000_000));
}

#[test]
fn ten_thousand_cycles_leave_no_memory_and_no_descriptor_behind() {
    let home = users_folder();
    let audit = tempfile::tempdir_in("/dev/shm").unwrap();
    let dir = sweep(home.path(), 6);
    let word = format!("audit={}", audit.path().display());
    let cycle = |rounds: u32| {
        let script = Script::batch(1, &[&word]).trial(dir.path(), "t009");
        let script = script.line("hook user_init").line("size").line(&format!("repeat {rounds}"));
        script.line("hook init").start().end(0).line("size")
    };
    // A trial out of range: everything but a folder that grows with each cycle, which would cost ever more.
    let trace = cycle(10_000).run(&plugin()).all_well();
    let sizes: Vec<Vec<u64>> = trace
        .words("size")
        .map(|words| words[1..].iter().map(|word| word.split_once('=').unwrap().1.parse().unwrap()).collect())
        .collect();
    assert_eq!(sizes.len(), 10_001);
    let (early, late) = (&sizes[500], &sizes[10_000]);
    assert_eq!(early[0], late[0], "descriptors");
    assert!(late[1] <= early[1] + 256, "{} KiB became {}", early[1], late[1]);
    assert_eq!(site_records(audit.path(), 1).len(), 20_000);
}

#[test]
fn valgrind_finds_nothing_in_any_hook() {
    let home = users_folder();
    let audit = folder();
    let dir = sweep(home.path(), 6);
    let word = format!("audit={}", audit.path().display());
    let valgrind = || {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
        valgrind
    };
    for trial in ["t001", "t009", "@map:2"] {
        let script = Script::batch(1, &[&word]).line("item array_task 1").trial(dir.path(), trial);
        let script = script.option("sweep-set", b"x=y").start().end(256).get(&["x"]);
        let trace = script.run_below(&plugin(), valgrind()).all_well();
        assert_eq!(trace.get("x").is_some(), trial != "t009");
    }
    let sbatch = Script::new().line("context allocator").line("hook init").trial(dir.path(), "t001");
    let sbatch = sbatch.option("sweep-set", b"a=1").option("sweep-set", b"a=2").line("hook init_post_opt");
    assert_eq!(sbatch.run_below(&plugin(), valgrind()).all_well().told().len(), 1);
}
