//! A page of 10,000 trials: its size, how long it takes to make and to show, and how long one choice takes, as a table for
//! people. Never a bar that a slow machine would miss: what must hold whatever the machine is that choosing is right.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::browser::Browser;
use crate::large;
use crate::place::{Place, assert_quiet, kept};

const TRIALS: u32 = 10_000;
const ROUNDS: usize = 5;

/// The times of a page that was opened, in milliseconds: first paint, all read, everything drawn, and the longest time in
/// which it did not listen.
const OPENED: &str = "new Promise((done) => {
    const at = (name) => performance.getEntriesByName(name)[0].startTime;
    const times = [at('first-contentful-paint'), at('sweep-begun'), at('sweep-drawn'), 0];
    const hear = (tasks) => tasks.forEach((one) => { times[3] = Math.max(times[3], one.duration); });
    const observer = new PerformanceObserver((list) => hear(list.getEntries()));
    observer.observe({type: 'longtask', buffered: true});
    setTimeout(() => { hear(observer.takeRecords()); done(times); }, 100);
})";
/// The times of the last choice, from when it was made: everything in sight shows it, the table does, everything does; and
/// the longest time in which the page did not listen.
const CHOSEN: &str = "(() => { const at = (name) => performance.getEntriesByName(name)[0].startTime;
    const chosen = at('sweep-choice');
    return [at('sweep-seen') - chosen, at('sweep-table') - chosen, at('sweep-drawn') - chosen, Math.max(0, ...window.tasks)]; })()";

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn a_page_of_ten_thousand_trials() {
    let place = Place::new();
    let dir = large::write(&place.path(""), TRIALS);
    let dir = dir.to_str().unwrap();
    let mut made = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        place.page(&[dir]);
        made.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let page = place.path("page.html");
    let bytes = fs::metadata(&page).unwrap().len();
    let empty = empty();
    let mut browser = Browser::start();
    browser.look(1280, 900, "light");
    let mut opened: Vec<[f64; 4]> = Vec::new();
    for _ in 0..ROUNDS {
        browser.open(&page);
        opened.push(serde_json::from_value(browser.see(OPENED)).unwrap());
    }
    assert_eq!(
        browser.see("document.querySelector('[data-place=parallel] output').textContent"),
        "all 10,000 trials"
    );
    browser.picture(&kept("large-light.png"), None);
    let chosen = choose(&mut browser);
    browser.picture(&kept("large-brushed.png"), None);
    browser.look(1280, 900, "dark");
    browser.settle();
    browser.picture(&kept("large-dark.png"), None);
    let pdf = browser.print(&kept("large.pdf"));
    assert!(pdf.starts_with(b"%PDF-"));
    assert_quiet(&mut browser);

    #[expect(clippy::cast_precision_loss, reason = "megabytes to two digits")]
    let megabytes = |bytes: u64| format!("{:.2} MB", bytes as f64 / 1e6);
    let of =
        |times: &[[f64; 4]], n: usize| format!("{:.0} ms", median(times.iter().map(|one| one[n]).collect()));
    let rows = [
        ("the page without trials", megabytes(empty)),
        ("the page", megabytes(bytes)),
        ("`sweep report`, the look at the sweep included", format!("{:.0} ms", median(made))),
        ("first paint", of(&opened, 0)),
        ("the table and every field are there", of(&opened, 1)),
        ("all plots are drawn", of(&opened, 2)),
        ("opening: the longest time without an answer", of(&opened, 3)),
        ("one brush: until all in sight shows it", of(&chosen, 0)),
        ("one brush: until the table, out of sight, shows it", of(&chosen, 1)),
        ("one brush: until every plot shows it", of(&chosen, 2)),
        ("one brush: the longest time without an answer", of(&chosen, 3)),
    ];
    let mut text = format!(
        "A sweep of {TRIALS} trials with 11 parameters, two of them conditional, two metrics, four rungs, failures and learning curves; Chromium without a window and without a GPU, medians of {ROUNDS}.\n\n| what | figure |\n|---|--:|\n"
    );
    for (what, figure) in rows {
        text += &format!("| {what} | {figure} |\n");
    }
    println!("{text}");
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("page.txt"), text).unwrap();
}

/// Bytes of a page of a sweep without trials that ran.
fn empty() -> u64 {
    let place = Place::with("name: none\nshell: 'true'\nparams: [{a: 1}]\n");
    place.sweep(&["init", "sweep.yaml"], &[0]);
    fs::metadata(place.page(&[])).unwrap().len()
}

/// The middle of an axis is dragged over, again and again, and each time the table has what lies there.
fn choose(browser: &mut Browser) -> Vec<[f64; 4]> {
    browser.see("document.querySelector('.parallel').scrollIntoView({block: 'center', behavior: 'instant'})");
    let axis: [f64; 3] = serde_json::from_value(browser.see(
        "(() => { const box = document.querySelector('.parallel .front').getBoundingClientRect();
        const button = [...document.querySelectorAll('.parallel button')].find((one) => one.textContent === 'lr');
        const own = button.getBoundingClientRect();
        return [own.x + own.width / 2, box.y + 44, box.y + 400 - 64]; })()",
    ))
    .unwrap();
    browser.see("(() => { window.tasks = []; new PerformanceObserver((list) => list.getEntries().forEach((one) => window.tasks.push(one.duration))).observe({type: 'longtask'}); })()");
    let mut chosen = Vec::new();
    for round in 0..ROUNDS {
        browser.see("(() => { window.tasks.length = 0; })()");
        let height = axis[2] - axis[1];
        let from = axis[1] + height * (0.2 + 0.05 * round as f64);
        browser.drag((axis[0], from), (axis[0], from + height * 0.3));
        browser.settle();
        // An answer of the observer comes with the next turn of the page.
        browser.see("new Promise((done) => setTimeout(done)).then(() => 1)");
        chosen.push(serde_json::from_value(browser.see(CHOSEN)).unwrap());
        let [count, rows]: [u64; 2] = serde_json::from_value(browser.see(
            "[Number(document.querySelector('[data-place=parallel] output').textContent.split(' ')[0].replace(',', '')), Number(document.querySelector('.rows table').getAttribute('aria-rowcount')) - 1]",
        ))
        .unwrap();
        assert!(count == rows && count > 2000 && count < 4000, "{count} chosen, {rows} in the table");
    }
    chosen
}
