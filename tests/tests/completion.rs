//! Completion as people have it: bash, zsh and fish themselves, with the script that `sweep completion` prints, in a
//! folder with two sweeps and their specs. It never looks at the script, only at what the shell makes of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up has nothing to say")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use sweep_testbed::{artifacts, run};

/// For a shell and a few processes of a moment, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

struct Site {
    folder: tempfile::TempDir,
    /// The older sweep's id, of two trials.
    older: String,
    /// The newer one's, of twelve.
    newer: String,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("bin")).unwrap();
        symlink(artifacts::sweep().unwrap(), path("bin/sweep")).unwrap();
        let init = |name: &str, values: u32| {
            let values: Vec<_> = (0..values).map(|value| value.to_string()).collect();
            let spec = format!("name: {name}\nparameters: {{x: [{}]}}\n", values.join(", "));
            fs::write(path(&format!("{name}.yaml")), spec).unwrap();
            let mut sweep = Command::new(path("bin/sweep"));
            sweep.args(["init", &format!("{name}.yaml")]).current_dir(folder.path()).env_remove("SWEEP_HOME");
            run(&mut sweep, LIMIT).unwrap().checked().unwrap();
            let latest = fs::canonicalize(path(".sweeps/latest")).unwrap();
            latest.file_name().unwrap().to_str().unwrap().to_owned()
        };
        let (older, newer) = (init("older", 2), init("newer", 12));
        fs::write(path("notes.txt"), "").unwrap();
        Self { folder, older, newer }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a shell says that reads nothing of its user's own.
    fn say(&self, shell: &[&str], script: &str) -> String {
        let mut command = Command::new(shell[0]);
        command.args(&shell[1..]).arg(script).current_dir(self.folder.path()).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()));
        command.env("HOME", self.folder.path()).env("TERM", "dumb").env("LANG", "C.UTF-8");
        run(&mut command, LIMIT).unwrap().checked().unwrap().stdout
    }

    fn in_bash(&self, words: &[&str]) -> Vec<String> {
        let script = format!(
            "source <(sweep completion bash)
            COMP_WORDS=({words}); COMP_CWORD={last}; COMP_LINE='{words}'; COMP_POINT=${{#COMP_LINE}}; COMP_TYPE=9
            completer=$(complete -p sweep); completer=${{completer##*-F }}; \"${{completer%% *}}\" sweep '{current}' '{before}'
            printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words = words.join(" "),
            last = words.len() - 1,
            current = words[words.len() - 1],
            before = words[words.len() - 2],
        );
        sorted(&self.say(&["bash", "--norc", "-c"], &script))
    }

    fn in_fish(&self, words: &[&str]) -> Vec<String> {
        let script = format!("sweep completion fish | source; complete -C '{}'", words.join(" "));
        sorted(&self.say(&["fish", "--no-config", "-c"], &script))
    }

    /// Types a line and a tab into a zsh on a terminal of its own, until `whole` stands there.
    fn in_zsh(&self, set_up: &str, line: &str, whole: &str) {
        let script = format!(
            "zmodload zsh/zpty
            zpty shell zsh -f -i
            zpty -w shell 'PS1=; autoload -U compinit; {set_up}; echo re\"\"ady'
            zpty -r shell shown '*ready*' || exit 1
            zpty -w -n shell '{line}'$'\\t'
            zpty -r shell shown '*{whole}*' && echo found"
        );
        let said = self.say(&["zsh", "-f", "-c"], &script);
        assert!(said.contains("found"), "`{line}` did not become `{whole}`: {said}");
    }
}

/// The words of an answer; fish puts what a word means behind a tab.
fn sorted(said: &str) -> Vec<String> {
    let words = said.lines().filter_map(|line| line.split('\t').next()).map(|word| word.trim().to_owned());
    let mut words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.sort();
    words
}

#[test]
fn bash_and_fish_know_sweeps_trials_specs_methods_and_states() {
    let site = Site::new();
    let check = |words: &[&str], expected: &[&str]| {
        assert_eq!(site.in_bash(words), expected, "bash: {words:?}");
        assert_eq!(site.in_fish(words), expected, "fish: {words:?}");
    };
    check(&["sweep", "status", "ne"], &[&site.newer]);
    check(&["sweep", "retry", "ol"], &[&site.older]);
    check(&["sweep", "show", "t01"], &["t010", "t011"]);
    check(&["sweep", "retry", "--trial", "t003,t01"], &["t003,t010", "t003,t011"]);
    check(&["sweep", "retry", &site.older, "--trial", "t"], &["t000", "t001"]);
    check(&["sweep", "retry", "--state", "time"], &["timeout"]);
    check(&["sweep", "plan", "n"], &["newer.yaml"]);
    check(&["sweep", "ask-tell", "--method", "h"], &["halving", "hyperband"]);
    check(&["sweep", "stat"], &["status"]);
}

#[test]
fn zsh_knows_sweeps_trials_and_specs() {
    let site = Site::new();
    let sourced = "compinit -u -D; source <(sweep completion zsh)";
    site.in_zsh(sourced, "sweep status ne", &site.newer);
    site.in_zsh(sourced, "sweep show t01", "t011");
    site.in_zsh(sourced, "sweep plan ol", "older.yaml");
}

/// As packages put it.
#[test]
fn zsh_loads_the_script_from_a_folder_of_functions_at_the_first_tab() {
    let site = Site::new();
    fs::create_dir(site.path("functions")).unwrap();
    let loaded = "sweep completion zsh > functions/_sweep; fpath=($PWD/functions $fpath); compinit -u -D";
    site.in_zsh(loaded, "sweep status ne", &site.newer);
}

#[test]
fn sweeps_are_found_where_the_line_says_that_they_are() {
    let site = Site::new();
    fs::create_dir(site.path("elsewhere")).unwrap();
    fs::rename(site.path(".sweeps"), site.path("elsewhere/kept")).unwrap();
    assert_eq!(site.in_bash(&["sweep", "status", "ne"]), [""; 0]);
    let known = site.in_bash(&["sweep", "status", "--dir", "elsewhere/kept", "ne"]);
    assert_eq!(known, [site.newer.as_str()]);
}
