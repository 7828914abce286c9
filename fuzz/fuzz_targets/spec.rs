//! Any bytes as a spec: they are refused with places inside the file, or they give trials.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sweep_cli::spec::Spec;

/// How many trials of a spec are made.
const TRIALS: usize = 1000;

fuzz_target!(|bytes: &[u8]| {
    let spec = match Spec::parse(Path::new("folder/sweep.yaml"), bytes.to_vec()) {
        Ok(spec) => spec,
        Err(errors) => {
            assert!(!errors.mistakes.is_empty());
            let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
            for mistake in &errors.mistakes {
                let at = mistake.at.unwrap_or_default();
                assert!(at.line <= lines + 1, "line {} of {lines}: {}", at.line, mistake.message);
            }
            let shown = errors.to_string();
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
            return;
        }
    };
    let Ok(count) = spec.count() else { return };
    let Ok(trials) = spec.trials("seed") else { return };
    let mut made = 0_u128;
    for trial in trials.take(TRIALS) {
        let trial = trial.expect("a spec without mistakes fills every text");
        let line = trial.to_line();
        let back = sweep_core::trial::Trial::parse(Path::new("t"), trial.index, &line);
        assert_eq!(back.expect("our own line reads back"), trial);
        made += 1;
    }
    assert_eq!(made, count.min(TRIALS as u128));
});
