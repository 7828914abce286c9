//! Any bytes as what a trial reports: what counts is always a finite number, and a torn last line changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sweep_core::metric;

fuzz_target!(|bytes: &[u8]| {
    let last = metric::last(bytes, "loss");
    assert!(last.is_none_or(f64::is_finite));
    assert!(metric::result(bytes).is_none_or(f64::is_finite));
    if bytes.last() == Some(&b'\n') {
        let torn = [bytes, b"{\"loss\":99"].concat();
        assert_eq!(metric::last(&torn, "loss").map(f64::to_bits), last.map(f64::to_bits));
        let more = [bytes, b"{\"loss\":0.5}\n"].concat();
        assert_eq!(metric::last(&more, "loss"), Some(0.5));
    }
});
