//! `sweep watch` itself in a real terminal, tmux's: each key on a sweep of this machine, and the terminal as it was
//! after leaving, after SIGTERM and after a panic.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::path::Path;
use std::process::Command;

use command_site::{Site, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sweep_cli::live::terminal::Screen;

/// A tmux server of its own with one window of 80 by 24.
struct Tmux<'a> {
    site: &'a Site,
}

impl<'a> Tmux<'a> {
    fn new(site: &'a Site) -> Self {
        let tmux = Self { site };
        tmux.call(&["new-session", "-d", "-x", "80", "-y", "24", "env PS1='ready> ' sh"]);
        tmux.see("ready>");
        tmux
    }

    fn call(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.args(["-f", "/dev/null", "-S"]).arg(self.site.path("tmux")).args(arguments);
        command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", self.site.path("bin").display()));
        command.env("LANG", "C.UTF-8").env("TERM", "xterm-256color").env("HOME", self.site.path(""));
        let output =
            command.current_dir(self.site.path("")).output().expect("tmux is installed: cargo xtask set-up");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn screen(&self) -> String {
        self.call(&["capture-pane", "-p"])
    }

    fn press(&self, key: &str) {
        self.call(&["send-keys", key]);
    }

    fn write(&self, text: &str) {
        self.call(&["send-keys", "-l", text]);
    }

    fn enter(&self, line: &str) {
        self.write(line);
        self.press("Enter");
    }

    fn see(&self, text: &str) -> String {
        let mut last = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for(text, || {
                last = self.screen();
                last.contains(text).then_some(())
            });
        }));
        assert!(found.is_ok(), "`{text}` is not on the screen:\n{last}");
        last
    }

    /// Waits until the shell is there again, on its own screen, with the modes that it had.
    fn is_as_it_was(&self) {
        self.enter("stty -a >modes; echo back=$?");
        self.see("back=0");
        let modes = std::fs::read_to_string(self.site.path("modes")).unwrap();
        for mode in ["icanon", "echo", "isig", "icrnl", "opost"] {
            assert!(modes.split_whitespace().any(|word| word == mode), "{mode} is not on: {modes}");
        }
        let alternate = self.call(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(alternate.trim(), "0 1");
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(self.site.path("tmux")).arg("kill-server").output();
    }
}

fn link(site: &Site, programs: &[&str]) {
    for program in programs {
        let found = ["/usr/bin", "/bin"].iter().map(|dir| Path::new(dir).join(program)).find(|p| p.exists());
        std::os::unix::fs::symlink(found.unwrap(), site.path("bin").join(program)).unwrap();
    }
}

const SPEC: &str = "name: live\nmetric: {name: loss, goal: minimize}\nconcurrency: 2\nparams:\n\
    - {x: 1, then: 'exit 0'}\n- {x: 2, then: 'exit 7'}\n- {x: 3, then: 'sleep 600'}\n- {x: 4, then: 'sleep 600'}\n\
    - {x: 5, then: 'exit 0'}\n\
    shell: 'for i in 1 2 3; do sweep log --step $i loss=0.$x$i acc=$i; done; echo words of $x; eval \"$then\"'\n";

#[test]
fn each_key_does_what_the_help_says() {
    let site = Site::new(SPEC);
    link(&site, &["stty"]);
    site.good(&["submit", "--executor", "local"]);
    let dir = site.newest();
    wait_for("the long trials", || (site.states(&dir)[2..4] == ["running", "running"]).then_some(()));
    let tmux = Tmux::new(&site);
    tmux.enter("sweep watch; echo left=$?");
    let screen = tmux.see("completed 1");
    assert!(
        screen.contains("failed 1") && screen.contains("running 2") && screen.contains("CFRR."),
        "{screen}"
    );
    assert!(screen.contains("best t000 loss 0.13"), "{screen}");
    tmux.press("?");
    tmux.see("leave: the sweep goes on");
    tmux.press("Escape");
    tmux.see("Enter trial");

    // The trial under the cursor: what it reported and printed.
    tmux.press("Enter");
    let screen = tmux.see("words of 1");
    assert!(
        screen.contains("t000: completed") && screen.contains("loss 0.13, 3 reports, metric 1 of 2"),
        "{screen}"
    );
    tmux.press("m");
    tmux.see("acc 3, 3 reports, metric 2 of 2");
    tmux.press("Down");
    tmux.see("t001: failed");
    tmux.press("Up");
    tmux.see("t000: completed");
    tmux.press("Escape");
    tmux.see("Enter trial");

    // Sorting and the filter.
    tmux.press("s");
    let screen = tmux.see("state▼");
    let first = screen.lines().position(|line| line.contains("state▼")).unwrap() + 1;
    assert!(screen.lines().nth(first).unwrap().starts_with("t001"), "{screen}");
    tmux.press("S");
    tmux.see("state▲");
    tmux.press("/");
    tmux.write("x>=4");
    tmux.see("(2 of 5)");
    tmux.press("Enter");
    tmux.see("Enter trial");
    tmux.press("/");
    tmux.press("Escape");
    wait_for("all trials", || (!tmux.screen().contains("of 5)")).then_some(()));

    // The failed one runs again.
    tmux.press("/");
    tmux.write("failed");
    tmux.see("(1 of 5)");
    tmux.press("Enter");
    tmux.press("r");
    tmux.see("Run t001 again? y/n");
    tmux.press("n");
    tmux.see("left as it is");
    tmux.press("r");
    tmux.see("Run t001 again? y/n");
    tmux.press("y");
    tmux.see("1 trial runs again: t001");
    tmux.press("u");
    wait_for("its second attempt", || {
        site.json(&["status"])["trials"][1]["attempt"].as_u64().filter(|attempt| *attempt == 1)
    });

    // Everything that ended without success.
    tmux.press("/");
    tmux.press("Escape");
    wait_for("all trials", || (!tmux.screen().contains("of 5)")).then_some(()));
    wait_for("its second end", || {
        let trial = &site.json(&["status"])["trials"][1];
        (trial["attempt"] == 1 && trial["state"] == "failed").then_some(())
    });
    tmux.press("u");
    tmux.see("failed 1");
    tmux.press("R");
    tmux.see("Run all that ended without success again, 1 failed among them? y/n");
    tmux.press("y");
    tmux.see("1 trial runs again: t001");
    wait_for("its third attempt", || {
        site.json(&["status"])["trials"][1]["attempt"].as_u64().filter(|attempt| *attempt == 2)
    });

    // The list of sweeps, and back.
    tmux.press("l");
    tmux.see("started");
    tmux.press("Enter");
    tmux.see("completed 1");

    // Stopping asks first.
    tmux.press("x");
    tmux.see("Stop the sweep");
    tmux.press("y");
    tmux.see("told to end");
    tmux.see("stopped: stopped in sweep watch");
    assert_eq!(site.json(&["status"])["stopped"], "stopped in sweep watch");
    tmux.press("x");
    tmux.see("stopped already");
    tmux.press("q");
    tmux.see("left=0");
    tmux.is_as_it_was();
}

#[test]
fn the_pager_gets_all_of_the_output_and_gives_the_screen_back() {
    let site = Site::new("name: paged\nparameters: {x: [1]}\nshell: 'echo the words of $x'\n");
    link(&site, &["stty"]);
    site.run(0);
    let pager = site.write("pager", "#!/bin/sh\necho pager has: $(cat \"$1\")\nread answer\n");
    std::fs::set_permissions(&pager, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let tmux = Tmux::new(&site);
    tmux.enter("PAGER=./pager sweep watch; echo left=$?");
    tmux.see("completed 1");
    tmux.press("o");
    tmux.see("the words of 1");
    tmux.press("Enter");
    tmux.see("Enter trial");
    tmux.press("C-c");
    tmux.see("left=0");
    tmux.is_as_it_was();
}

#[test]
fn keys_move_by_a_trial_a_page_and_to_the_ends() {
    let values: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let spec =
        format!("name: moved\nparameters: {{x: [{}]}}\nmethod: grid\ncommand: ['true']\n", values.join(", "));
    let site = Site::new(&spec);
    link(&site, &["stty"]);
    site.good(&["init"]);
    let tmux = Tmux::new(&site);
    tmux.enter("sweep watch; echo left=$?");
    // The table goes down to the line above the keys.
    let screen = wait_for("the whole table", || {
        let screen = tmux.screen();
        screen.lines().nth(22).is_some_and(|line| line.starts_with("t0")).then_some(screen)
    });
    let shown = screen.lines().filter(|line| line.starts_with("t0")).count();
    assert!(shown > 5 && shown < 40, "{screen}");
    // Which trial the cursor is on shows where it is opened.
    let leads_to = |keys: &[&str], trial: usize| {
        keys.iter().for_each(|key| tmux.press(key));
        tmux.press("Enter");
        tmux.see(&format!("t{trial:03}: planned"));
        tmux.press("Escape");
        tmux.see("Enter trial");
    };
    leads_to(&["j", "j", "Down"], 3);
    leads_to(&["k"], 2);
    leads_to(&["G"], 39);
    leads_to(&["Up"], 38);
    leads_to(&["g"], 0);
    leads_to(&["NPage"], shown);
    leads_to(&["Space"], 2 * shown);
    leads_to(&["PPage"], shown);
    leads_to(&["End"], 39);
    leads_to(&["j"], 39);
    leads_to(&["Home"], 0);
    leads_to(&["k"], 0);
    // From trial to trial, in the order of the table.
    tmux.press("Enter");
    tmux.see("t000: planned");
    for (key, trial) in [("j", 1), ("Right", 2), ("k", 1), ("Left", 0)] {
        tmux.press(key);
        tmux.see(&format!("t{trial:03}: planned"));
    }
    tmux.press("BSpace");
    tmux.see("Enter trial");
    tmux.press("h");
    tmux.see("leave: the sweep goes on");
    tmux.press("Escape");
    tmux.press("C-c");
    tmux.see("left=0");
    tmux.is_as_it_was();
}

/// Whether a process has ended, though nobody may have asked for its end yet.
fn has_ended(pid: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    stat.rsplit(')').next().unwrap().trim_start().starts_with('Z')
}

#[test]
fn it_ends_with_its_terminal_whatever_it_hears_of_that() {
    // With SIGHUP, with the shell's wish that it be passed over, and as nobody's foreground, who gets none.
    for call in ["sh -c", "trap '' HUP; sh -c", "setsid sh -c"] {
        let site = Site::new("name: left\nparameters: {x: [1]}\ncommand: ['true']\n");
        link(&site, &["setsid"]);
        site.good(&["init"]);
        let tmux = Tmux::new(&site);
        tmux.enter(&format!("{call} 'echo $$ >pid; exec sweep watch'"));
        tmux.see("Enter trial");
        let pid = std::fs::read_to_string(site.path("pid")).unwrap().trim().parse().unwrap();
        assert!(!has_ended(pid));
        tmux.call(&["kill-server"]);
        wait_for("the end of the view", || has_ended(pid).then_some(()));
    }
}

#[test]
fn a_sigterm_gives_the_terminal_back() {
    let site = Site::new("name: told\nparameters: {x: [1]}\ncommand: ['true']\n");
    link(&site, &["stty"]);
    site.run(0);
    let tmux = Tmux::new(&site);
    tmux.enter("sh -c 'echo $$ >pid; exec sweep watch'; echo left=$?");
    tmux.see("completed 1");
    let pid = std::fs::read_to_string(site.path("pid")).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    tmux.see("left=143");
    tmux.is_as_it_was();
}

/// Set in the program that panics in the view.
const PANICS: &str = "SWEEP_TEST_PANICS";

#[test]
fn a_panic_gives_the_terminal_back_and_its_message_can_be_read() {
    if std::env::var_os(PANICS).is_some() {
        let _screen = Screen::enter().unwrap();
        panic!("on purpose");
    }
    let site = Site::new("name: none\n");
    link(&site, &["stty"]);
    let program = std::env::current_exe().unwrap();
    let tmux = Tmux::new(&site);
    let name = "a_panic_gives_the_terminal_back_and_its_message_can_be_read";
    tmux.enter(&format!("{PANICS}=1 {} --exact {name} --nocapture; echo left=$?", program.display()));
    let screen = tmux.see("left=101");
    assert!(screen.contains("on purpose"), "{screen}");
    tmux.is_as_it_was();
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let site = Site::new("name: none\nparameters: {x: [1]}\ncommand: ['true']\n");
    site.run(0);
    let ran = site.sweep(&["watch"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("needs a terminal") && ran.stderr.contains("sweep status"), "{}", ran.stderr);
}
