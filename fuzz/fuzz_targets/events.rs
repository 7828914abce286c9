//! Any bytes as the journals of drivers: the fold takes what counts, and what a driver writes after it lost its
//! lease changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sweep_core::event::{self, Event};

// A part is the file of a fence, in rising order.
fuzz_target!(|bytes: &[u8]| {
    let files: Vec<(u64, Vec<u8>)> =
        (1..).zip(sweep_fuzz::parts(bytes)).map(|(fence, part)| (fence, part.to_vec())).collect();
    let folded = event::fold(&files);
    for (_, file) in &files {
        let (events, torn) = event::parse_file(file);
        assert_eq!(torn, file.last().is_some_and(|&byte| byte != b'\n'));
        let again: Vec<u8> = events.iter().flat_map(Event::to_line).collect();
        let (back, torn) = event::parse_file(&again);
        assert!(!torn);
        assert_eq!(format!("{back:?}"), format!("{events:?}"));
    }

    // The first file's driver goes on writing; its successor has said how far it read.
    let successor =
        files[1..].iter().find_map(|(_, file)| match event::parse_file(file).0.into_iter().next() {
            Some(Event::Began { read, .. }) => Some(read),
            _ => None,
        });
    let read = successor.map(|read| read.iter().find(|read| read.fence == 1).map_or(0, |read| read.bytes));
    if read.is_some_and(|read| read <= files[0].1.len() as u64) {
        let mut late = files.clone();
        late[0].1.extend(event_line());
        assert_eq!(format!("{:?}", event::fold(&late)), format!("{folded:?}"));
    }
});

fn event_line() -> Vec<u8> {
    Event::Stopped { reason: "late".into(), time_ns: 1 }.to_line()
}
