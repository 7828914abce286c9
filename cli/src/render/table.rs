//! Tables that fit the screen, or 80 columns where there is none. Never a border: a table is to be read, cut and
//! pasted.

use comfy_table::{ContentArrangement, Table, presets};

/// Columns of a screen that is not one.
const COLUMNS: u16 = 80;

/// The width to write for.
#[must_use]
pub fn width() -> u16 {
    let from_variable = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    from_variable.or_else(of_terminal).unwrap_or(COLUMNS).max(40)
}

fn of_terminal() -> Option<u16> {
    let mut size = nix::libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the call fills the structure that it is given, of the type that TIOCGWINSZ asks for.
    let answer = unsafe { nix::libc::ioctl(nix::libc::STDOUT_FILENO, nix::libc::TIOCGWINSZ, &raw mut size) };
    (answer == 0 && size.ws_col > 0).then_some(size.ws_col)
}

/// An empty table with a head.
#[must_use]
pub fn table(head: &[&str], width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width).set_header(head.to_vec());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// A table as text, without blanks at the ends of its lines.
#[must_use]
pub fn text(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
