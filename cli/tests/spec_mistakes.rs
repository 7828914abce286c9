//! What a person sees who made many mistakes at once. `UPDATE_GOLDENS=1` writes the files anew.

use std::path::{Path, PathBuf};

use sweep_cli::spec::Spec;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

fn check(name: &str, shown: &str) {
    let path = goldens().join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, shown).expect("the folder of goldens can be written to");
    }
    let golden = std::fs::read_to_string(&path).expect("UPDATE_GOLDENS=1 makes a missing golden");
    assert_eq!(shown, golden, "{name} differs; UPDATE_GOLDENS=1 accepts it");
}

#[test]
fn all_mistakes_of_a_spec_are_shown_at_once_with_place_and_hint() {
    let bytes = std::fs::read(goldens().join("mistakes.yaml")).unwrap();
    let errors = Spec::parse(Path::new("mistakes.yaml"), bytes).unwrap_err();
    check("mistakes.txt", &format!("{errors}\n"));
}

#[test]
fn mistakes_are_data_for_programs_as_well() {
    let bytes = b"metod: grid\nparameters: {lr: []}\n".to_vec();
    let errors = Spec::parse(Path::new("s.yaml"), bytes).unwrap_err();
    let json = serde_json::to_string_pretty(&errors).unwrap();
    check("mistakes.json", &format!("{json}\n"));
}
