//! Every way in which a trial can end, on a real Slurm, with slurmdbd and without, as array tasks and as jobs of their
//! own: what Slurm says, what `sweep status` says, and after how many looks. The table is left in the target folder.
//! It must never take our word for Slurm's: each row's end is read from `scontrol` first.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod act;
mod end;
mod place;
mod resources;
mod row;
mod sweep;

use std::fs;
use std::path::Path;
use std::thread;

use place::Place;
use row::Row;

/// Everything that happens on one cluster, from both sweeps' submission to Slurm's having forgotten them.
fn live(accounting: bool) -> (Vec<Row>, Vec<String>) {
    let place = Place::start(accounting);
    let sweeps = sweep::Sweep::submit_both(&place);
    let mut rows = row::rows(&place, &sweeps);
    act::wait_begun(&place, &sweeps, &rows);
    act::disturb(&place, &sweeps, &rows);
    row::settle(&place, &sweeps, &mut rows);
    let mut problems: Vec<String> = rows.iter().filter_map(Row::problem).collect();
    problems.extend(act::doubled(&sweeps, &rows));
    if accounting {
        problems.extend(resources::check(&place, &sweeps, &rows));
    }
    act::make_slurm_forget(&place, &rows);
    problems.extend(row::look_when_forgotten(&place, &sweeps, &mut rows));
    (rows, problems)
}

#[test]
fn every_end_is_known_after_one_look() {
    place::need_memory_controller();
    let (with, without) = thread::scope(|scope| {
        let with = scope.spawn(|| live(true));
        let without = scope.spawn(|| live(false));
        (with.join(), without.join())
    });
    let rows: Vec<&Row> = [&with, &without].into_iter().flatten().flat_map(|(rows, _)| rows).collect();
    let text = row::table(&rows);
    println!("{text}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("ends.txt");
    fs::write(&path, &text).unwrap();
    let problems: Vec<String> = [with, without].into_iter().flat_map(|lived| lived.unwrap().1).collect();
    assert!(problems.is_empty(), "{}\n{text}", problems.join("\n"));
}
