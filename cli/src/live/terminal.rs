//! The terminal: taken over, drawn on, and given back as it was, whatever happens in between. Nobody else changes its
//! modes.

use std::io::{IsTerminal, Stdout, stdin, stdout};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::Show;
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::draw::draw;
use super::state::State;
use crate::error::{Error, Result};

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// How long the view may take to leave by itself once its terminal is gone.
const GRACE: Duration = Duration::from_secs(1);
/// The shell's code for an end by SIGHUP.
const HUNG_UP: i32 = 129;

/// The terminal, while it is ours.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// Where there is none.
    pub fn enter() -> Result<Self> {
        if !stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(Error::user("`sweep watch` needs a terminal")
                .hint("for a file or a script there is `sweep status`, also with --format json"));
        }
        // A panic's message would else be lost with the screen that it is written on.
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                give_back();
                before(info);
            }));
        });
        end_with_terminal();
        take().map_err(failed)?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout())).map_err(|error| {
            give_back();
            failed(error)
        })?;
        Ok(Self { terminal })
    }

    /// Draws the state; only what differs from the last time is sent.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn draw(&mut self, state: &mut State) -> Result<()> {
        if !TAKEN.load(Ordering::SeqCst) {
            return Err(Error::new(crate::error::Kind::Bug, "the view was left by a fault of its own"));
        }
        self.terminal.draw(|frame| draw(frame, state)).map_err(failed)?;
        Ok(())
    }

    /// Waits for a key; whether there is one.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn poll(&self, limit: Duration) -> Result<bool> {
        match crossterm::event::poll(limit) {
            Ok(is_there) => Ok(is_there),
            // A signal: whoever caught it decides.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Shows a file in the person's pager, and comes back.
    ///
    /// # Errors
    /// Where the terminal is gone. A pager that cannot be started is passed over.
    pub fn page(&mut self, path: &Path) -> Result<()> {
        let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
        let pager = pager.unwrap_or_else(|| "less".into());
        give_back();
        // A pager may be set with options, as in `less -R`; it is the person's own word.
        let status = Command::new("sh").args(["-c", &format!("{pager} \"$1\""), "sh"]).arg(path).status();
        if let Err(error) = status {
            anstream::eprintln!("cannot start `{pager}`: {error}");
        }
        take().map_err(failed)?;
        self.terminal.clear().map_err(failed)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> std::io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode().and_then(|()| execute!(stdout(), EnterAlternateScreen)).inspect_err(|_| give_back())
}

/// Ends this program where its terminal hangs up. Whoever reads keys from a terminal that is gone reads nothing, for ever
/// and without a rest, and then hears of no signal either.
fn end_with_terminal() {
    std::thread::spawn(|| {
        let stdin = stdin();
        // Asked for nothing, it tells of a hang-up alone.
        let mut watched = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
        while poll(&mut watched, PollTimeout::NONE) == Err(Errno::EINTR) {}
        std::thread::sleep(GRACE);
        give_back();
        std::process::exit(HUNG_UP);
    });
}

/// Gives the terminal back; doing so twice does no more than once.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn failed(error: std::io::Error) -> Error {
    Error::world("cannot use the terminal").because(&error)
}
