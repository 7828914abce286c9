//! Twenty thousand short trials through two nodes while jobs are cancelled and requeued, daemons restarted and drivers
//! killed; and hundreds of trials that a better partition's jobs drive out again and again. At the end the books must
//! balance: every trial in one final state, every record an attempt, none at work twice at a time. Trials write down
//! themselves what they did, so that nothing here believes what `sweep` says of a run.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod books;
mod chaos;
mod preempt;
mod site;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use books::Books;
use chaos::Chaos;
use site::{Site, Sweep};
use sweep_testbed::ClusterConfig;

/// Trials of the sweep that does not fit into the controller.
const STATIC: usize = 15_500;
/// Configurations of the search beside it; with what it promotes they are a third more.
const CONFIGURATIONS: usize = 3_400;

/// For all of it.
const LONGEST: Duration = Duration::from_secs(2 * 3600);

/// A trial: no two may be at work on one at the same time (`!`), and each leaves a line as it begins and as it ends.
const PROGRAM: &str = "exec 9>locks/$SWEEP_TRIAL
flock -n 9 || echo \"! $SWEEP_TRIAL\" >> ran
echo \"+ $SWEEP_TRIAL $SWEEP_ATTEMPT\" >> ran
sleep 0.4
sweep log loss=$x
echo \"- $SWEEP_TRIAL $SWEEP_ATTEMPT\" >> ran
";

/// How much of the whole is run: less than 1 where somebody tries the proof itself.
fn share() -> f64 {
    std::env::var("SWEEP_SOAK_SHARE").map_or(1.0, |text| text.parse().expect("SWEEP_SOAK_SHARE is a number"))
}

/// Adds what was seen to what the command that runs this reads, one part after the other.
fn say(key: &str, lines: &str) {
    static SAID: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    println!("{lines}");
    let mut said = SAID.lock().unwrap();
    said.insert(key.to_owned(), lines.to_owned());
    let text = said.values().cloned().collect::<Vec<_>>().join("\n");
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("soak.txt"), text).unwrap();
}

#[test]
fn the_books_balance_after_everything_that_can_befall_twenty_thousand_trials() {
    let config = ClusterConfig { accounting: true, cpus_per_node: 12, ..ClusterConfig::default() };
    let site =
        Site::start(config.set("MaxJobCount", "2500").set("MaxArraySize", "1001").set("MinJobAge", "60"));
    let share = share();
    let scaled = |count: usize| (count as f64 * share).round() as usize;
    let began = Instant::now();
    let many = format!("method: random\ntrials: {}\n", scaled(STATIC));
    let search = format!(
        "method: asha\nasha: {{max_budget: 9}}\nmetric: {{name: loss}}\ntrials: {}\nconcurrency: 60\n",
        scaled(CONFIGURATIONS)
    );
    let sweeps = [site.submit("search", PROGRAM, &search), site.submit("many", PROGRAM, &many)];
    let mut chaos = Chaos::new(&site);
    while !sweeps.iter().all(Sweep::is_over) {
        assert!(began.elapsed() < LONGEST, "not over after {} s", LONGEST.as_secs());
        chaos.strike(&sweeps);
    }
    let took = began.elapsed();
    site.wait_idle();
    let books = sweeps.iter().map(|sweep| Books::of(&site, sweep)).collect::<Vec<_>>();
    site.verify_audit();
    say("books", &books::sheet(&books, &chaos, took));
    for book in &books {
        book.assert_balanced();
    }
    assert!(books::lost(&books) <= chaos.cancelled_waiting(), "lost otherwise than by a cancellation");
    if share >= 1.0 {
        chaos.assert_everything_happened();
        assert!(books.iter().map(|book| book.proposed).sum::<usize>() >= 20_000);
    }
}
