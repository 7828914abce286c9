//! Going on after a time limit: whether a trial that was told by signal, and ended, is to be put back into the queue.
//! Never a trial that said that it is done.

use nix::sys::signal::Signal;
use sweep_core::layout::TrialDir;
use sweep_core::metric;

/// Whether a trial that heard `told` before its end wants to go on later; `requeue_on` is the spec's signal.
#[must_use]
pub fn is_wanted(requeue_on: Option<&str>, told: Option<Signal>, folder: &TrialDir) -> bool {
    let asked =
        requeue_on.and_then(|name| format!("SIG{}", name.trim_start_matches("SIG")).parse::<Signal>().ok());
    let is_told = asked.is_some() && asked == told;
    is_told && !std::fs::read(folder.metrics()).is_ok_and(|bytes| metric::says_success(&bytes))
}

/// Trials that end after a signal.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::id::TrialIndex;
    use sweep_core::layout::SweepDir;

    #[test]
    fn a_trial_goes_on_after_its_signal_unless_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let folder = SweepDir::new(dir.path()).trial(TrialIndex(0));
        std::fs::create_dir_all(folder.path()).unwrap();
        assert!(is_wanted(Some("USR1"), Some(Signal::SIGUSR1), &folder));
        assert!(!is_wanted(Some("USR1"), Some(Signal::SIGTERM), &folder));
        assert!(!is_wanted(Some("USR1"), None, &folder));
        assert!(!is_wanted(None, Some(Signal::SIGUSR1), &folder));
        std::fs::write(folder.metrics(), "{\"final\":\"success\"}\n").unwrap();
        assert!(!is_wanted(Some("USR1"), Some(Signal::SIGUSR1), &folder));
    }
}
