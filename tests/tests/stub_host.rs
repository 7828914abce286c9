//! What the plugin makes of good and of hostile options, in milliseconds and without Slurm. What only a real Slurm
//! can show is in the `plugin_…` tests.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod stub_driver;
mod sweep_on_disk;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use stub_driver::{Script, USER, folder, users_folder};
use sweep_core::claim::Claim;
use sweep_core::environment::{ERROR, OPTION_PREFIX, OURS};
use sweep_core::id::{JobName, TrialIndex};
use sweep_core::layout::SweepDir;
use sweep_core::record::Kind;
use sweep_on_disk::{Sweep, records, site_records};
use sweep_testbed::artifacts;

fn plugin() -> PathBuf {
    artifacts::plugin().unwrap()
}

fn sweep(home: &Path) -> SweepDir {
    Sweep { owner: Some((USER, USER)), ..Sweep::default() }.write(home)
}

const ASKED: [&str; 8] =
    ["lr", "n", "text", "SWEEP_TRIAL", "SWEEP_ATTEMPT", "SWEEP_RECORD", "SWEEP_PARAMS", ERROR];

#[test]
fn a_label_an_index_an_offset_and_a_map_find_their_trials() {
    let home = users_folder();
    let dir = sweep(home.path());
    for (n, (trial, task, found)) in
        [("t003", "none", 3), ("4", "none", 4), ("@2", "1", 3), ("@map:2", "1", 3), ("", "5", 5)]
            .into_iter()
            .enumerate()
    {
        let mut script = Script::batch(u32::try_from(n).unwrap() + 1, &[])
            .line(&format!("item array_task {task}"))
            .line("item array_job 1")
            .option("sweep-dir", dir.path().as_os_str().as_encoded_bytes());
        if !trial.is_empty() {
            script = script.option("sweep-trial", trial.as_bytes());
        }
        let trace = script.start().get(&ASKED).run(&plugin()).all_well();
        assert_eq!(trace.errors(), Vec::<String>::new(), "{trial}");
        assert_eq!(trace.get("lr"), Some(format!("0.{found}")), "{trial}");
        assert_eq!(trace.get("SWEEP_TRIAL"), Some(TrialIndex(found).label().to_string()));
        assert_eq!(trace.get("text").as_deref(), Some("it's a \"test\""));
        assert_eq!(trace.get(ERROR), None);
    }
}

#[test]
fn a_step_without_options_is_left_alone_within_microseconds() {
    let trace = Script::batch(1, &["audit=/nowhere"]).start().end(0).get(&OURS).run(&plugin()).all_well();
    assert!(OURS.iter().all(|name| trace.get(name).is_none()));
    assert_eq!(trace.errors(), Vec::<String>::new(), "not even the audit directory is looked at");
    assert!(trace.took("user_init").as_micros() < 1000, "{:?}", trace.took("user_init"));
}

#[test]
fn options_that_export_kept_from_the_node_are_read_from_the_jobs_environment() {
    let home = users_folder();
    let dir = sweep(home.path());
    let script = Script::batch(1, &[])
        .env(&format!("{OPTION_PREFIX}sweep_dir"), dir.path().file_name().unwrap().as_encoded_bytes())
        .env(&format!("{OPTION_PREFIX}sweep_trial"), b"t002")
        .env("SLURM_SUBMIT_DIR", home.path().as_os_str().as_encoded_bytes());
    let inherited = format!("{OPTION_PREFIX}sweep_dir");
    let trace = script.start().get(&ASKED).get(&[&inherited]).run(&plugin()).all_well();
    assert_eq!(trace.get("lr").as_deref(), Some("0.2"));
    assert_eq!(trace.get(&inherited).as_deref(), dir.path().to_str(), "what steps inherit is absolute");
}

#[test]
fn set_alone_sets_variables_and_over_a_trial_the_record_says_so() {
    let home = users_folder();
    let audit = folder();
    let word = format!("audit={}", audit.path().display());
    let script = Script::batch(1, &[&word]).option("sweep-set", br#"{"lr": 0.5, "x": "a,b"}"#).start().end(0);
    let trace = script.get(&ASKED).get(&["x"]).run(&plugin()).all_well();
    assert_eq!((trace.get("lr").as_deref(), trace.get("x").as_deref()), (Some("0.5"), Some("a,b")));
    assert_eq!(trace.get("SWEEP_PARAMS").as_deref(), Some(r#"{"lr":0.5,"x":"a,b"}"#));
    assert_eq!(trace.get("SWEEP_TRIAL"), None);
    assert_eq!(site_records(audit.path(), 1).len(), 2);

    let dir = sweep(home.path());
    let script = Script::batch(2, &[&word]).trial(dir.path(), "t001").option("sweep-set", b"lr=9,x=y");
    let trace = script.start().end(0).get(&ASKED).get(&["x"]).run(&plugin()).all_well();
    assert_eq!((trace.get("lr").as_deref(), trace.get("n").as_deref()), (Some("9"), Some("1")));
    assert_eq!(trace.get("x").as_deref(), Some("y"));
    let site = site_records(audit.path(), 2);
    assert_eq!(site[0].claimed.overridden, ["lr", "x"]);
    assert_eq!(site, records(&dir, 1)[0].1);
}

#[test]
fn hostile_values_become_an_error_variable_and_a_note() {
    let home = users_folder();
    let dir = sweep(home.path());
    let audit = folder();
    let word = format!("audit={}", audit.path().display());
    let long = vec![b'x'; 1024 * 1024];
    let path = dir.path().as_os_str().as_encoded_bytes();
    let values: [(&str, &[u8], &str); 9] = [
        ("sweep-dir", b"/tmp/x\n{\"kind\":\"end\"}", "control characters"),
        ("sweep-dir", &long, "longer than 4096 bytes"),
        ("sweep-dir", b"/tmp/\xff\xfe", "not UTF-8"),
        ("sweep-dir", b"\x01", "control characters"),
        ("sweep-trial", b"t001\nt002", "control characters"),
        ("sweep-trial", b"99999999999999999999", "is not a trial"),
        ("sweep-trial", b"t006", "out of range"),
        ("sweep-set", b"LD_PRELOAD=/tmp/x.so", "would shadow"),
        ("sweep-set", &long, "longer than 65536 bytes"),
    ];
    let mut job = 10;
    for by_callback in [true, false] {
        for (option, value, why) in values {
            // Slurm itself takes no string of 128 KiB into an environment.
            let value = if by_callback { value } else { &value[..value.len().min(100_000)] };
            job += 1;
            let give = |script: Script, option: &str, value: &[u8]| match by_callback {
                true => script.option(option, value),
                false => script.env(&format!("{OPTION_PREFIX}{}", option.replace('-', "_")), value),
            };
            let mut script = Script::batch(job, &[&word]);
            match option {
                "sweep-dir" => script = give(script, "sweep-trial", b"t001"),
                _ => script = give(script, "sweep-dir", path),
            }
            if option == "sweep-set" {
                script = give(script, "sweep-trial", b"t001");
            }
            let trace = give(script, option, value).start().end(0).get(&ASKED).run(&plugin()).all_well();
            let error = trace.get(ERROR).unwrap_or_else(|| panic!("{option} {why}"));
            assert!(error.contains(why) && error.len() <= 1024, "{option}: {error}");
            assert!(!error.chars().any(char::is_control), "{error:?}");
            assert_eq!((trace.get("lr"), trace.get("SWEEP_TRIAL")), (None, None), "all or nothing");
            let errors = trace.errors();
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].starts_with("sweep: user_init: ") && errors[0].len() <= 512, "{errors:?}");
            let site = site_records(audit.path(), job);
            assert_eq!(site.iter().map(|record| record.kind).collect::<Vec<_>>(), [Kind::Start, Kind::End]);
            assert!(site[0].refused.iter().any(|note| note.contains(why)), "{option}: {site:?}");
        }
    }
    assert!(records(&dir, 1).is_empty(), "nothing of it is in the trial's folder");
}

#[test]
fn what_an_outer_trial_left_in_the_environment_goes_first() {
    let home = users_folder();
    let dir = sweep(home.path());
    let outer = |script: Script| OURS.iter().fold(script, |script, name| script.env(name, b"outer"));
    let trace =
        outer(Script::batch(1, &[])).trial(dir.path(), "t001").start().get(&OURS).run(&plugin()).all_well();
    assert!(OURS.iter().all(|name| trace.get(name).as_deref() != Some("outer")), "{trace:?}");
    let trace =
        outer(Script::batch(2, &[])).trial(dir.path(), "t009").start().get(&OURS).run(&plugin()).all_well();
    let left: Vec<_> = OURS.iter().filter(|name| trace.get(name).is_some()).collect();
    assert_eq!(left, [&ERROR]);
}

#[test]
fn attempts_are_counted_over_requeues_and_not_over_refused_twins() {
    let home = users_folder();
    let dir = sweep(home.path());
    let name = format!("{}.0", dir.path().file_name().unwrap().display());
    let attempt = |job: u32, name: &str| {
        let script = Script::batch(job, &[]).env("SLURM_JOB_NAME", name.as_bytes()).trial(dir.path(), "t001");
        let trace = script.start().end(0).get(&ASKED).run(&plugin()).all_well();
        assert_eq!(trace.errors(), Vec::<String>::new());
        trace.get("SWEEP_ATTEMPT").unwrap()
    };
    assert_eq!(attempt(7, &name), "0");
    let claim = Claim::of_job(name.parse().unwrap(), JobName::slurm(7));
    fs::write(dir.trial(TrialIndex(1)).claim(claim.token.batch), claim.to_line()).unwrap();
    assert_eq!(attempt(7, &name), "1", "a requeue is the next attempt");
    assert_eq!(attempt(8, &name), "2", "a twin cannot know that it will be refused");
    assert_eq!(attempt(7, &name), "2", "and then it counts for nothing");
    assert_eq!(attempt(9, "by hand"), "3", "a job of the flags alone counts without a claim");
    assert_eq!(attempt(7, &name), "4");
}

#[test]
fn an_attempt_before_on_a_node_whose_clock_is_ahead_counts() {
    let home = users_folder();
    let dir = sweep(home.path());
    let script = || Script::batch(7, &[]).trial(dir.path(), "t001").start().end(0).get(&ASKED);
    script().run(&plugin()).all_well();
    let folder = dir.trial(TrialIndex(1));
    let name = &records(&dir, 1)[0].0;
    fs::rename(folder.path().join(name), folder.path().join("record.7.9000000000000000000.jsonl")).unwrap();
    assert_eq!(script().run(&plugin()).all_well().get("SWEEP_ATTEMPT").as_deref(), Some("1"));
}

#[test]
fn a_copied_sweep_still_knows_the_jobs_of_its_own_batches() {
    let home = users_folder();
    let dir = sweep(home.path());
    let moved = SweepDir::new(home.path().join("moved"));
    let token = format!("{}.0", dir.path().file_name().unwrap().display());
    fs::rename(dir.path(), moved.path()).unwrap();
    let script = Script::batch(7, &[]).env("SLURM_JOB_NAME", token.as_bytes()).trial(moved.path(), "t001");
    script.start().end(0).run(&plugin()).all_well();
    let claimed = &records(&moved, 1)[0].1[0].claimed;
    assert_eq!(claimed.token.as_ref().map(ToString::to_string), Some(token));
}

#[test]
fn the_records_of_many_attempts_are_all_counted_and_few_are_read() {
    let home = users_folder();
    let dir = sweep(home.path());
    let folder = dir.trial(TrialIndex(1));
    fs::create_dir(folder.path()).unwrap();
    std::os::unix::fs::chown(folder.path(), Some(USER), Some(USER)).unwrap();
    // Their names take more than the first look at a folder has room for.
    for n in 0..1000 {
        fs::write(folder.path().join(format!("record.{n}.{n}.jsonl")), vec![b'{'; 4096]).unwrap();
    }
    let script = Script::batch(10_000, &[]).trial(dir.path(), "t001").start().get(&ASKED);
    assert_eq!(script.run(&plugin()).all_well().get("SWEEP_ATTEMPT").as_deref(), Some("1000"));
}

#[test]
fn a_long_manifest_is_read_whole_and_one_beyond_the_limit_is_refused() {
    let home = users_folder();
    let dir = sweep(home.path());
    let manifest = fs::read_to_string(dir.manifest()).unwrap();
    for (len, error) in [(200_000, None), (300_000, Some("more than the limit of 262144"))] {
        fs::write(dir.manifest(), format!("{manifest}{}", " ".repeat(len))).unwrap();
        let trace =
            Script::batch(1, &[]).trial(dir.path(), "t001").start().get(&ASKED).run(&plugin()).all_well();
        assert_eq!(trace.get("lr").is_some(), error.is_none());
        assert_eq!(trace.get(ERROR).is_some_and(|said| said.contains(error.unwrap_or("-"))), error.is_some());
    }
}

#[test]
fn a_missing_or_unreadable_directory_is_said_and_nothing_else_happens() {
    let home = users_folder();
    let dir = sweep(home.path());
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o000)).unwrap();
    for (path, why) in [
        (home.path().join("missing"), "No such file"),
        (dir.path().to_owned(), "Permission denied"),
        (home.path().to_owned(), "is not a sweep directory"),
        (PathBuf::from("/proc/self/mem"), "Not a directory"),
    ] {
        let trace =
            Script::batch(1, &[]).trial(&path, "t001").start().end(0).get(&ASKED).run(&plugin()).all_well();
        assert!(trace.get(ERROR).is_some_and(|error| error.contains(why)), "{:?}", trace.get(ERROR));
        assert_eq!(trace.errors().len(), 1, "{trace:?}");
    }
}

#[test]
fn in_a_folder_that_is_not_the_users_only_the_site_has_a_record() {
    let home = folder();
    let audit = folder();
    let dir = Sweep::default().write(home.path());
    let word = format!("audit={}", audit.path().display());
    let script = Script::batch(5, &[&word]).trial(dir.path(), "t001").start().end(256);
    let trace = script.get(&ASKED).run(&plugin()).all_well();
    assert_eq!((trace.get("lr").as_deref(), trace.get("SWEEP_ATTEMPT").as_deref()), (Some("0.1"), Some("0")));
    assert_eq!((trace.get("SWEEP_RECORD"), trace.errors().len()), (None, 0));
    assert!(records(&dir, 1).is_empty());
    let site = site_records(audit.path(), 5);
    assert_eq!((site.len(), site[1].exit), (2, Some(1)));
}

#[test]
fn records_are_the_users_files_made_with_the_users_groups_and_umask() {
    use std::os::unix::fs::MetadataExt;
    let home = users_folder();
    let dir = sweep(home.path());
    // Only a further group of the user's may write here.
    let folder = dir.trial(TrialIndex(1));
    fs::create_dir(folder.path()).unwrap();
    std::os::unix::fs::chown(folder.path(), Some(0), Some(54_322)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o775)).unwrap();
    let script = Script::batch(1, &[]).line("group 54322").line("umask 027").trial(dir.path(), "t001");
    let trace = script.start().end(9).get(&ASKED).run(&plugin()).all_well();
    assert_eq!(trace.errors(), Vec::<String>::new());
    let records = records(&dir, 1);
    assert_eq!(Some(&records[0].0), trace.get("SWEEP_RECORD").as_ref());
    assert_eq!((records[0].1[1].signal, records[0].1[1].exit), (Some(9), None));
    let metadata = fs::metadata(folder.path().join(&records[0].0)).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o777), (USER, USER, 0o640));
}

#[test]
fn the_worst_task_of_a_step_decides_its_end() {
    let home = users_folder();
    let dir = sweep(home.path());
    let script = Script::batch(1, &[]).line("item step 0").line("item local_tasks 3");
    let script = script.trial(dir.path(), "t001").start().end(256).end(9).end(512);
    script.run(&plugin()).all_well();
    let records = records(&dir, 1);
    assert_eq!((records[0].1.len(), records[0].1[1].signal), (2, Some(9)));
    assert_eq!(records[0].1[0].step, "0");
}

#[test]
fn sbatch_is_told_what_is_wrong_and_nothing_where_all_is_well() {
    let home = folder();
    let dir = Sweep::default().write(home.path());
    let client = |script: Script| {
        let script = script.line("hook init_post_opt");
        script.run(&plugin()).all_well()
    };
    let sbatch = || Script::new().line("context allocator").line("hook init");
    let good = client(sbatch().trial(dir.path(), "t005").option("sweep-set", b"a=1"));
    assert_eq!((good.verdicts(), good.errors().len(), good.told().len()), (vec![true; 3], 0, 0));
    let bad = client(sbatch().trial(dir.path(), "t006"));
    assert_eq!(bad.verdicts(), [true, false]);
    assert!(bad.errors()[0].starts_with("sweep: trial 6 is out of range"), "{:?}", bad.errors());
    assert!(bad.errors()[1].starts_with("sweep: hint: trials are t000"), "{:?}", bad.errors());
    let lonely = client(sbatch().option("sweep-trial", b"t001"));
    assert_eq!((lonely.verdicts(), lonely.told().len()), (vec![true], 1));
}

#[test]
fn an_srun_inside_a_job_does_not_check_again_what_it_has_from_the_job() {
    let gone = "/no/longer/there";
    let srun = || Script::new().line("context local").line("hook init").line("own_env SLURM_JOB_ID 7");
    let inherited = srun()
        .line(&format!("own_env {OPTION_PREFIX}sweep_dir {gone}"))
        .option("sweep-dir", gone.as_bytes())
        .run(&plugin())
        .all_well();
    assert_eq!((inherited.verdicts(), inherited.errors().len()), (vec![true], 0));
    let own = srun().option("sweep-dir", gone.as_bytes()).run(&plugin()).all_well();
    assert_eq!(own.verdicts(), [false]);
}
