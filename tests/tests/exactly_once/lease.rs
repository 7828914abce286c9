//! A driver that is held up for longer than anybody waits for it, and then goes on as if nothing had happened.

use std::fs::{self, File};
use std::process::Stdio;
use std::time::Duration;

use sweep_testbed::{run, wait_for};

use crate::outcome::say;
use crate::site::{Home, LIMIT, TRIALS, undisturbed};
use crate::tracer::Traced;

/// A minute until the lease is free, half of one for the fence, and room for both on a busy machine.
const TAKE_OVER: Duration = Duration::from_secs(200);

#[test]
fn a_driver_that_stood_still_for_a_minute_does_nothing_more() {
    let home = Home::new(undisturbed(), "held-up");
    assert!(Traced::before_sbatch(&home).kill());
    let said = home.path.join("first.err");
    let mut first = home.command("sweep");
    first.arg("resume").stdout(Stdio::null()).stderr(File::create(&said).unwrap());
    let mut first = first.spawn().unwrap();
    let waits = wait_for(LIMIT, || fs::read_to_string(&said).unwrap().contains("looking for").then_some(()));
    waits.expect("the first driver waits for the fence");
    let pid = i32::try_from(first.id()).unwrap();
    // SAFETY: plain system calls on our own child, which was not waited for.
    unsafe { libc::kill(pid, libc::SIGSTOP) };
    let second = run(home.command("sweep").arg("resume"), TAKE_OVER);
    // SAFETY: as above.
    unsafe { libc::kill(pid, libc::SIGCONT) };
    let ended = wait_for(LIMIT, || first.try_wait().unwrap()).expect("the first driver ends");
    second.unwrap().checked().unwrap();
    let said = fs::read_to_string(&said).unwrap();
    assert_eq!(ended.code(), Some(1), "{said}");
    assert!(said.contains("another driver took over"), "{said}");
    home.wait_ran_once(TRIALS);
    assert_eq!(
        home.queue()
            .iter()
            .map(|line| line.split_once(' ').unwrap().0)
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        2
    );
    say("driver that stood still for a minute: jobs 2, lost 0, run twice 0");
}
