//! Doing what a key asked for: the same commands that a person would type, called as programs, so that nothing of
//! them writes on the screen. It never waits for them itself.

use std::path::Path;
use std::sync::mpsc::Sender;
use std::time::Duration;

use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;

use super::state::Message;
use crate::executor::process::Call;

/// How long a command may take: a retry may wait for another driver.
const LIMIT: Duration = Duration::from_secs(300);

/// Who acts.
#[derive(Debug)]
pub struct Actor {
    messages: Sender<Message>,
}

impl Actor {
    /// One that tells what came of it.
    #[must_use]
    pub fn new(messages: Sender<Message>) -> Self {
        Self { messages }
    }

    /// Stops a sweep.
    pub fn stop(&self, dir: &SweepDir) {
        self.call(dir.path(), vec!["stop".into(), "--reason".into(), "stopped in sweep watch".into()]);
    }

    /// Runs trials again; all that failed where none is named.
    pub fn retry(&self, dir: &SweepDir, trials: &[TrialIndex]) {
        let mut words = vec!["retry".to_owned()];
        if !trials.is_empty() {
            let labels: Vec<String> = trials.iter().map(|trial| trial.label().to_string()).collect();
            words.extend(["--trial".to_owned(), labels.join(",")]);
        }
        self.call(dir.path(), words);
    }

    fn call(&self, dir: &Path, mut words: Vec<String>) {
        let messages = self.messages.clone();
        let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
        words.push(dir.display().to_string());
        std::thread::spawn(move || {
            // A line of the screen has no room for a path that the person knows.
            let name = dir.file_name().unwrap_or_default().to_string_lossy();
            let said = outcome(words).replace(&dir.display().to_string(), &name);
            // Where nobody listens any more, the person has left.
            let _ = messages.send(Message::Said(said));
        });
    }
}

/// What a command said, in one line.
fn outcome(words: Vec<String>) -> String {
    let program = match std::env::current_exe() {
        Ok(path) => path.display().to_string(),
        Err(error) => return format!("cannot find this program: {error}"),
    };
    let what = words.first().cloned().unwrap_or_default();
    match Call::new(&program).args(words).run(LIMIT) {
        Ok(answer) => {
            let text = if answer.success { answer.stdout } else { answer.stderr };
            text.lines().next().map_or_else(|| format!("{what} is done"), str::to_owned)
        }
        Err(error) => error.to_string(),
    }
}
