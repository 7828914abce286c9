//! The live view as a function of its state: each screen at 80 by 24 and at 160 by 50, and what each key does. No
//! terminal is needed. `UPDATE_GOLDENS=1` writes the files anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod written_sweep;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};
use sweep_cli::driver::home::Home;
use sweep_cli::driver::look::look;
use sweep_cli::live::draw::draw;
use sweep_cli::live::source::Order;
use sweep_cli::live::state::{Message, Overlay, Sort, State, View};
use sweep_cli::live::update::{Wish, update};
use sweep_cli::report::detail::Detail;
use sweep_cli::report::list::List;
use sweep_cli::report::status::Status;
use sweep_core::id::TrialIndex;
use sweep_core::layout::SweepDir;
use written_sweep::{Written, check, rungs, six};

struct Watched {
    _home: tempfile::TempDir,
    dir: SweepDir,
    state: State,
}

impl Watched {
    fn new(written: &Written, colour: bool) -> Self {
        let home = tempfile::tempdir().unwrap();
        let dir = SweepDir::new(written.write(home.path()));
        let mut state = State::new(Some(dir.clone()), colour);
        let status = Box::new(Status::of(look(&dir).unwrap()));
        update(&mut state, Message::Looked { dir: dir.clone(), status, seen: "12:34:56".into() });
        Self { _home: home, dir, state }
    }

    fn press(&mut self, code: KeyCode) -> Vec<Wish> {
        update(&mut self.state, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    fn letter(&mut self, letter: char) -> Vec<Wish> {
        self.press(KeyCode::Char(letter))
    }

    fn write(&mut self, text: &str) {
        text.chars().for_each(|letter| assert!(self.letter(letter).is_empty()));
    }

    fn open(&mut self) {
        let Some(Wish::Order(Order::Trial(Some(index)))) = self.press(KeyCode::Enter).pop() else { panic!() };
        let detail = Detail::of(&self.dir.trial(index), Some("loss"));
        update(&mut self.state, Message::Detail(index, detail));
    }

    fn backend(&mut self, width: u16, height: u16) -> TestBackend {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, &mut self.state)).unwrap();
        terminal.backend().clone()
    }

    fn text(&mut self, width: u16, height: u16) -> String {
        let backend = self.backend(width, height);
        let cells = backend.buffer().content.chunks(usize::from(width));
        let line = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect::<String>();
        cells.map(|row| format!("{}\n", line(row).trim_end())).collect()
    }

    fn check(&mut self, name: &str) {
        for (width, height) in [(80, 24), (160, 50)] {
            check(&format!("watch.{name}.{width}x{height}.txt"), &self.text(width, height));
        }
    }

    fn chosen(&self) -> u32 {
        self.state.chosen().unwrap().index.0
    }
}

#[test]
fn each_view_has_its_screen() {
    let mut six = Watched::new(&six(), false);
    six.check("sweep");
    six.open();
    six.check("trial");
    six.letter('?');
    six.check("help");
    let mut rungs = Watched::new(&rungs(), false);
    rungs.check("rungs");
    let mut list = rungs;
    let home = Home::resolve(list.dir.path().parent(), std::path::Path::new("."));
    assert_eq!(list.letter('l'), [Wish::Order(Order::Home)]);
    let sweeps = List::of(&home).unwrap();
    update(&mut list.state, Message::Sweeps(sweeps));
    list.check("list");
}

#[test]
fn a_screen_that_is_much_too_small_is_drawn_all_the_same() {
    let mut watched = Watched::new(&rungs(), false);
    for (width, height) in [(1, 1), (5, 3), (20, 6), (300, 2)] {
        watched.text(width, height);
        watched.letter('?');
        watched.text(width, height);
        watched.letter('?');
    }
    watched.open();
    for (width, height) in [(1, 1), (5, 3), (20, 6)] {
        watched.text(width, height);
    }
}

#[test]
fn without_colours_there_is_none_and_failures_are_bold() {
    let colours = |colour: bool| {
        let mut watched = Watched::new(&six(), colour);
        let backend = watched.backend(80, 24);
        let cells = &backend.buffer().content;
        let coloured = cells.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
        let failed = cells.iter().find(|cell| cell.symbol() == "F").unwrap().clone();
        (coloured, failed.modifier.contains(Modifier::BOLD), failed.fg)
    };
    assert_eq!(colours(false), (false, true, Color::Reset));
    assert_eq!(colours(true), (true, false, Color::Red));
}

#[test]
fn the_cursor_stays_on_its_trial_when_the_order_changes() {
    let mut watched = Watched::new(&six(), false);
    watched.press(KeyCode::Down);
    watched.press(KeyCode::Down);
    assert_eq!(watched.chosen(), 2);
    let status = Box::new(Status::of(look(&watched.dir).unwrap()));
    watched.state.reverse = true;
    update(&mut watched.state, Message::Looked { dir: watched.dir.clone(), status, seen: "12:34:57".into() });
    assert_eq!((watched.chosen(), watched.state.cursor), (2, 3));
    watched.press(KeyCode::End);
    assert_eq!(watched.chosen(), 0);
    watched.press(KeyCode::Home);
    assert_eq!(watched.chosen(), 5);
}

#[test]
fn trials_are_sorted_by_each_column() {
    let mut watched = Watched::new(&six(), false);
    watched.letter('s');
    assert_eq!((watched.state.sort, watched.state.rows[0]), (Sort::State, 2));
    watched.letter('s');
    assert_eq!((watched.state.sort, watched.state.rows[0]), (Sort::Metric, 1));
    watched.letter('S');
    assert_eq!(watched.state.rows.last(), Some(&1));
    watched.letter('s');
    assert_eq!(watched.state.sort, Sort::Time);
    watched.letter('s');
    assert_eq!(watched.state.sort, Sort::Parameter(0));
    assert!(watched.text(80, 24).contains("by learning_rate"));
    (0..4).for_each(|_| drop(watched.letter('s')));
    assert_eq!(watched.state.sort, Sort::Trial);
}

#[test]
fn a_filter_is_words_or_conditions_and_esc_clears_it() {
    let mut watched = Watched::new(&six(), false);
    for (text, rows) in [
        ("sgd", &[1, 3, 5][..]),
        ("wide", &[1]),
        ("state=failed", &[2]),
        ("width>=512 optimizer=sgd", &[3, 5]),
    ] {
        watched.letter('/');
        watched.write(text);
        watched.press(KeyCode::Enter);
        assert_eq!(watched.state.rows, rows, "{text}");
        assert!(watched.text(80, 24).contains(&format!("/{text} ({} of 6)", rows.len())));
        watched.letter('/');
        watched.press(KeyCode::Esc);
        assert_eq!(watched.state.rows.len(), 6);
    }
    watched.letter('/');
    watched.write("xq");
    assert!(watched.state.rows.is_empty() && watched.text(80, 24).contains("/xq▏"));
    // A letter of the filter is no key, and nothing can be done to a trial that is not there.
    watched.press(KeyCode::Enter);
    assert!(watched.press(KeyCode::Enter).is_empty() && watched.letter('r').is_empty());
    assert_eq!(watched.state.view, View::Sweep);
}

#[test]
fn what_cannot_be_taken_back_is_asked_first() {
    let mut watched = Watched::new(&six(), false);
    assert!(watched.letter('x').is_empty());
    assert!(watched.text(80, 24).contains("Stop the sweep"));
    assert!(watched.letter('n').is_empty());
    assert_eq!(watched.state.overlay, Overlay::None);
    watched.letter('x');
    assert_eq!(watched.letter('y'), [Wish::Stop(watched.dir.clone())]);
    // A trial that runs does not run again; one that failed does.
    (0..3).for_each(|_| drop(watched.press(KeyCode::Down)));
    assert!(watched.letter('r').is_empty());
    assert!(watched.text(80, 24).contains("t003 is running"));
    watched.press(KeyCode::Up);
    watched.letter('r');
    assert_eq!(watched.letter('y'), [Wish::Retry(watched.dir.clone(), vec![TrialIndex(2)])]);
    watched.letter('R');
    assert!(watched.text(80, 24).contains("2 failed among them"));
    assert_eq!(watched.letter('y'), [Wish::Retry(watched.dir.clone(), Vec::new())]);
}

#[test]
fn an_open_trial_leads_to_its_neighbours_its_curves_and_back() {
    let mut watched = Watched::new(&six(), false);
    watched.open();
    assert_eq!(watched.letter('j'), [Wish::Order(Order::Trial(Some(TrialIndex(1))))]);
    assert_eq!(watched.letter('k'), [Wish::Order(Order::Trial(Some(TrialIndex(0))))]);
    assert!(watched.letter('k').is_empty());
    let curves = ["a", "b"].map(|name| (name.to_owned(), vec![(0.0, 1.0)])).to_vec();
    update(&mut watched.state, Message::Detail(TrialIndex(0), Detail { curves, output: Vec::new() }));
    // What comes late of another trial is not shown.
    update(&mut watched.state, Message::Detail(TrialIndex(4), Detail::default()));
    watched.letter('m');
    assert!(watched.text(80, 24).contains(" b 1, 1 reports, metric 2 of 2"));
    watched.letter('m');
    assert_eq!(watched.state.curve, 0);
    let output = watched.dir.trial(TrialIndex(0)).output();
    assert_eq!(watched.letter('o'), [Wish::Open(output)]);
    assert_eq!(watched.press(KeyCode::Esc), [Wish::Order(Order::Trial(None))]);
    assert_eq!(watched.state.view, View::Sweep);
    assert_eq!(watched.letter('q'), [Wish::Leave]);
}
