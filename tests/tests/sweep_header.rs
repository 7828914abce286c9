//! `include/sweep.h` in programs of C11 and C++17, compiled without a warning and run with what a job's environment
//! holds, read back by core's own readers. It never starts a Slurm.

#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case has nothing to say")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value as Json, json};
use sweep_core::manifest::{Goal, Metric};
use sweep_core::metric;
use sweep_testbed::{Ran, run};

const LIMIT: Duration = Duration::from_secs(60);

/// Standards and, last, a locale with a comma.
const FORMS: [(&str, bool, &[&str]); 3] =
    [("c11", false, &[]), ("c++17", true, &[]), ("c11", false, &["-DCOMMA"])];

/// The probe in every form, compiled once.
fn probes() -> &'static [PathBuf] {
    static PROBES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    PROBES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        FORMS.iter().enumerate().map(|(at, form)| compiled(folder, at, form)).collect()
    })
}

fn compiled(folder: &Path, at: usize, (standard, is_cpp, defines): &(&str, bool, &[&str])) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let out = folder.join(format!("header-probe-{at}"));
    let beside = out.with_extension(std::process::id().to_string());
    let mut build = cc::Build::new();
    build.cargo_metadata(false).target(&target).host(&target).opt_level(2).cpp(*is_cpp);
    let mut compiler = build.get_compiler().to_command();
    if *is_cpp {
        compiler.args(["-x", "c++"]);
    }
    compiler
        .arg(format!("-std={standard}"))
        .args(["-Wall", "-Wextra", "-pedantic", "-Wconversion", "-Wshadow", "-Werror"])
        .args(*defines)
        .arg("-I")
        .arg(root.join("../include"))
        .args([root.join("header/probe.c"), root.join("header/other.c")])
        .arg("-o")
        .arg(&beside);
    run(&mut compiler, LIMIT).and_then(Ran::checked).unwrap();
    // Another run of these tests may be using its own.
    fs::rename(&beside, &out).unwrap();
    out
}

/// Runs a probe with nothing of a sweep in its environment but what is given.
fn ran(probe: &Path, environment: &[(&str, String)], words: &[&str]) -> Ran {
    let mut command = Command::new(probe);
    command.args(words).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    run(&mut command, LIMIT).unwrap()
}

fn answers(probe: &Path, environment: &[(&str, String)], words: &[&str]) -> String {
    ran(probe, environment, words).checked().unwrap().stdout
}

fn params(json: &Json) -> [(&'static str, String); 1] {
    [("SWEEP_PARAMS", json.to_string())]
}

#[test]
fn parameters_arrive_as_they_are_in_c_and_cpp_and_with_a_comma_for_a_point() {
    let odd = "say \"hi\"\\\n\ttwo {lines}, a: b ü 漢 \u{1f980} \u{7f}";
    let long = "x".repeat(100_000);
    let environment = params(&json!({
        "lr": 1e-4, "odd \"name\"": odd, "n": -3, "whole": 3.0, "big": i64::MAX, "yes": true, "no": false,
        "text": "0.25", "nan": "NaN", "long": long, "empty": "", "optimizer.lr": 0.5,
    }));
    // Any escapes that JSON has, also those that our own writer does not use.
    let escaped = [("SWEEP_PARAMS", r#" { "a" : "\u00e4\ud83e\udd80\/\b\f\ud800" , "b" : 2 } "#.to_owned())];
    for probe in probes() {
        let of = |words: &[&str]| answers(probe, &environment, words);
        assert_eq!(of(&["double", "lr", "7", "other", "lr", ""]), "0x1.a36e2eb1c432dp-14\n".repeat(2));
        assert_eq!(of(&["string", "odd \"name\"", "no"]), format!("{odd}\n"));
        assert_eq!(of(&["string", "long", "no", "string", "empty", "no"]), format!("{long}\n\n"));
        assert_eq!(of(&["long", "n", "7", "long", "whole", "7"]), "-3\n3\n");
        assert_eq!(of(&["long", "big", "7"]), format!("{}\n", i64::MAX));
        assert_eq!(of(&["bool", "yes", "0", "bool", "no", "1"]), "1\n0\n");
        assert_eq!(of(&["double", "text", "7", "double", "optimizer.lr", "7"]), "0x1p-2\n0x1p-1\n");
        assert_eq!(of(&["double", "nan", "7"]).trim_start_matches('-'), "nan\n");
        assert_eq!(of(&["has", "lr", "", "has", "other", ""]), "1 1\n0 1\n");
        assert_eq!(
            of(&["string", "other", "mine", "long", "other", "9", "bool", "other", "1"]),
            "mine\n9\n1\n"
        );
        let text = answers(probe, &escaped, &["string", "a", "", "long", "b", "0"]);
        assert_eq!(text, "ä\u{1f980}/\u{8}\u{c}\u{fffd}\n2\n");
    }
}

#[test]
fn a_parameter_of_another_kind_ends_the_program_and_says_which() {
    let environment = params(&json!({"lr": "fast", "n": 2.5, "flag": "maybe", "huge": 1e300, "part": "1x"}));
    for probe in probes() {
        for (what, name, said) in [
            ("double", "lr", "parameter `lr` is `fast`, which is no number"),
            ("double", "part", "is `1x`, which is no number"),
            ("long", "n", "which is no whole number"),
            ("long", "huge", "which is no whole number"),
            ("bool", "flag", "is `maybe`, which is no truth"),
        ] {
            let ran = ran(probe, &environment, &[what, name, "1"]);
            assert_eq!(ran.code, Some(78), "{ran}");
            assert!(ran.stderr.contains(said), "{ran}");
        }
    }
}

#[test]
fn a_program_runs_unchanged_outside_a_sweep_and_leaves_nothing() {
    for probe in probes() {
        let words = [
            "string",
            "s",
            "mine",
            "double",
            "d",
            "0.5",
            "long",
            "l",
            "4",
            "bool",
            "b",
            "1",
            "has",
            "s",
            "",
            "log",
            "loss",
            "1",
            "stop",
            "",
            "",
            "done",
            "",
            "",
            "checkpoint",
            "",
            "",
            "budget",
            "",
            "3",
        ];
        assert_eq!(answers(probe, &[], &words), "mine\n0x1p-1\n4\n1\n0 0\n0\n0\n0\nnone none\n3\n");
        // What is no object has no parameters, and harms nobody.
        for broken in
            ["", "{", "{\"s\"", "{\"s\":", "{\"s\":\"x", "[1]", "{\"s\":\"\\u12", "{1:2}", "{\"s\":\"\\"]
        {
            let environment = [("SWEEP_PARAMS", broken.to_owned())];
            assert!(ran(probe, &environment, &["string", "s", "mine"]).success(), "{broken}");
        }
    }
}

#[test]
fn reports_are_lines_that_core_reads_whatever_their_names_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = folder.path().join("metrics.jsonl");
    let long = "m".repeat(50_000);
    let names = ["loss", "a \"quoted\\\" name\nwith lines", "\u{1}ü漢\u{1f980}", &long];
    for probe in probes() {
        fs::write(&metrics, "").unwrap();
        let environment = [("SWEEP_METRICS", metrics.to_string_lossy().into_owned())];
        let say = |words: &[&str]| assert_eq!(answers(probe, &environment, words), "0\n");
        for (name, value) in names.iter().zip(["0.1", "-1.7976931348623157e308", "5e-324", "3"]) {
            say(&["log", name, value]);
            let read = metric::last(&fs::read(&metrics).unwrap(), name);
            assert_eq!(read, Some(value.parse().unwrap()), "{name}");
        }
        // No number never counts, and stands there as `sweep log` writes it.
        for value in ["nan", "inf", "-inf"] {
            say(&["log7", "loss", value]);
        }
        say(&["log7", "loss", "0.25"]);
        say(&["both", "first", "2"]);
        let bytes = fs::read(&metrics).unwrap();
        let loss = Metric::reported("loss", Goal::Minimize);
        assert_eq!(loss.series(&bytes).collect::<Vec<_>>(), [(0, 0.1), (7, 0.25)]);
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains("{\"step\":7,\"loss\":\"nan\"}\n{\"step\":7,\"loss\":\"inf\"}\n"), "{text}");
        assert!(text.ends_with("{\"step\":8,\"first\":2,\"second\":-0}\n"), "{text}");
        assert!(!metric::says_success(&bytes));
        say(&["done", "", ""]);
        assert!(metric::says_success(&fs::read(&metrics).unwrap()));
    }
}

#[test]
fn a_name_that_is_no_text_spoils_no_line() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let metrics = folder.path().join("metrics.jsonl");
    for probe in probes() {
        let mut command = Command::new(probe);
        command.arg("log").arg(OsStr::from_bytes(b"a\xffb\xe2\x82")).arg("1").env("SWEEP_METRICS", &metrics);
        run(&mut command, LIMIT).and_then(Ran::checked).unwrap();
        let line = fs::read_to_string(&metrics).unwrap();
        assert_eq!(serde_json::from_str::<Json>(&line).unwrap(), json!({"a\u{fffd}b\u{fffd}\u{fffd}": 1}));
        fs::remove_file(&metrics).unwrap();
    }
}

#[test]
fn who_is_to_stop_hears_so_and_an_unwritable_report_does_not_end_the_trial() {
    for probe in probes() {
        for stop in ["stopped", "trial/veto"] {
            let sweep = tempfile::tempdir().unwrap();
            let trial = sweep.path().join("trial");
            fs::create_dir(&trial).unwrap();
            let text = |path: &Path| path.to_string_lossy().into_owned();
            let environment = [
                ("SWEEP_DIR", text(sweep.path())),
                ("SWEEP_TRIAL_DIR", text(&trial)),
                ("SWEEP_METRICS", text(&trial.join("metrics.jsonl"))),
                ("SWEEP_CHECKPOINT_OUT", "/out".to_owned()),
                ("SWEEP_CHECKPOINT_IN", "/in".to_owned()),
                ("SWEEP_BUDGET", "27".to_owned()),
            ];
            let words = ["stop", "", "", "log", "loss", "1", "checkpoint", "", "", "budget", "", "0"];
            assert_eq!(answers(probe, &environment, &words), "0\n0\n/in /out\n27\n");
            fs::write(sweep.path().join(stop), "").unwrap();
            assert_eq!(answers(probe, &environment, &words), "1\n3\n/in /out\n27\n");
        }
        let nowhere = [("SWEEP_METRICS", "/no-such-folder/metrics.jsonl".to_owned())];
        assert_eq!(answers(probe, &nowhere, &["log", "loss", "1"]), "-1\n");
    }
}
