//! The live view of `sweep watch`: what is shown is a function of one state, and only messages change that. It draws
//! when something has changed, asks Slurm no more often than a follower does, and never drives a sweep.

pub mod act;
pub mod draw;
pub mod rows;
pub mod source;
pub mod state;
pub mod terminal;
pub mod update;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, TryRecvError};
use std::time::Duration;

use crossterm::event::{self, Event};
use sweep_core::layout::SweepDir;

use crate::driver::home::Home;
use crate::error::{Error, Result};
use act::Actor;
use source::Order;
use state::{Message, State};
use terminal::Screen;
use update::{Wish, update};

/// How often it looks whether a key was pressed or something was told.
const TICK: Duration = Duration::from_millis(100);

/// How a view was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// By a key.
    ByKey,
    /// By a signal: SIGTERM or SIGHUP.
    BySignal,
}

/// Shows a sweep, or the list of them, until a person leaves.
///
/// # Errors
/// Where the terminal cannot be used. A sweep that cannot be read is said on the screen.
pub fn watch(home: &Home, dir: Option<SweepDir>, colour: bool) -> Result<Left> {
    let told = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&told))
            .map_err(|error| Error::world("cannot catch signals").because(&error))?;
    }
    let (sender, messages) = mpsc::channel();
    let (orders, waiting) = mpsc::channel();
    let mut state = State::new(dir.clone(), colour);
    source::start(home.clone(), waiting, sender.clone());
    let order = |order: Order| orders.send(order).map_err(|_| gone());
    order(dir.map_or(Order::Home, Order::Sweep))?;
    let actor = Actor::new(sender);
    let mut screen = Screen::enter()?;
    screen.draw(&mut state)?;
    loop {
        let mut changed = false;
        let mut wishes = Vec::new();
        if screen.poll(TICK)? {
            match event::read().map_err(|error| Error::world("cannot read the terminal").because(&error))? {
                Event::Key(key) => wishes.extend(update(&mut state, Message::Key(key))),
                Event::Resize(..) => {}
                _ => continue,
            }
            changed = true;
        }
        loop {
            match messages.try_recv() {
                Ok(message) => {
                    wishes.extend(update(&mut state, message));
                    changed = true;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(gone()),
            }
        }
        for wish in wishes {
            match wish {
                Wish::Leave => return Ok(Left::ByKey),
                Wish::Order(wanted) => order(wanted)?,
                Wish::Stop(dir) => actor.stop(&dir),
                Wish::Retry(dir, trials) => actor.retry(&dir, &trials),
                Wish::Open(path) => screen.page(&path)?,
            }
        }
        if told.load(Ordering::Relaxed) {
            return Ok(Left::BySignal);
        }
        if changed {
            screen.draw(&mut state)?;
        }
    }
}

fn gone() -> Error {
    Error::new(crate::error::Kind::Bug, "what looks at the sweep has ended")
}
