//! The list of what a hostile user can try against the plugin, and what happened: one table, printed and checked
//! row by row. Every row is played against the built plugin, in the stub host where that is enough and in a private
//! Slurm where it is not, and after each the same is looked at: no hook failed or waited past its bound, the site's
//! record of the job is right, and nothing was written with root's rights outside the audit directory.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod files;
mod fuse;
mod hang;
mod links;
mod place;
mod races;
mod site;
mod slurm;
#[path = "../stub_driver/mod.rs"]
mod stub_driver;
#[path = "../sweep_on_disk/mod.rs"]
mod sweep_on_disk;
mod texts;

use std::panic::catch_unwind;
use std::sync::Mutex;
use std::time::Instant;

/// One thing that is tried.
pub struct Row {
    /// What.
    pub tried: &'static str,
    /// What must happen.
    pub happens: &'static str,
    /// Tries it; what happened. It panics where more than that is wrong.
    pub play: fn() -> String,
}

/// Rows that are played side by side: most of them wait.
const AT_ONCE: usize = 6;

/// Plays every row; what happened, by row.
fn play(rows: &[Row]) -> Vec<String> {
    let next = Mutex::new(0..rows.len());
    let seen = Mutex::new(vec![String::new(); rows.len()]);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(row) = next.lock().unwrap().next() else { return };
                    let began = Instant::now();
                    let happened = catch_unwind(rows[row].play).unwrap_or_else(|panic| {
                        let text = panic.downcast_ref::<String>().cloned();
                        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                            .unwrap_or_else(|| "a panic".to_owned())
                    });
                    eprintln!("{:5.1} s | {}", began.elapsed().as_secs_f64(), rows[row].tried);
                    seen.lock().unwrap()[row] = happened;
                }
            });
        }
    });
    seen.into_inner().unwrap()
}

#[test]
fn nothing_that_a_hostile_user_tries_gets_through() {
    // Those that take long first.
    let lists = [
        hang::rows(),
        slurm::rows(),
        races::rows(),
        links::rows(),
        files::rows(),
        texts::rows(),
        site::rows(),
    ];
    let rows: Vec<Row> = lists.into_iter().flatten().collect();
    let seen = play(&rows);
    let width = rows.iter().map(|row| row.tried.len()).max().unwrap();
    let mut wrong = Vec::new();
    for (row, happened) in rows.iter().zip(&seen) {
        println!("{:width$} | {happened}", row.tried);
        if happened != row.happens {
            wrong.push(format!("{}\n  must be: {}\n  was:     {happened}", row.tried, row.happens));
        }
    }
    println!("{} tried, {} got through", rows.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
