//! Any bytes as the records and claims of a trial's folder: a torn or foreign line is left out, what is read is
//! written the same again, and attempts are counted from it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sweep_core::attempt::{self, Seen};
use sweep_core::claim::Claim;
use sweep_core::layout::{RecordName, claim_of};
use sweep_core::record::Record;

// A record's file; then claims and names, a line each.
fuzz_target!(|bytes: &[u8]| {
    let parts = sweep_fuzz::parts(bytes);
    let file = parts[0];
    let records = Record::parse_file(file);
    for cut in (0..file.len()).step_by(1 + file.len() / 8) {
        let fewer = Record::parse_file(&file[..cut]);
        assert!(records.starts_with(&fewer), "a cut file says something else");
    }
    let again: Vec<u8> = records.iter().flat_map(Record::to_line).collect();
    assert_eq!(Record::parse_file(&again), records);
    for record in &records {
        assert_eq!(record.to_line().iter().filter(|&&byte| byte == b'\n').count(), 1);
    }

    let lines = || parts[1..].iter().flat_map(|part| part.split(|&byte| byte == b'\n'));
    let claims: Vec<Claim> = lines().filter_map(Claim::parse).collect();
    for claim in &claims {
        assert_eq!(Claim::parse(&claim.to_line()).as_ref(), Some(claim));
    }
    let texts = || lines().filter_map(|line| std::str::from_utf8(line).ok());
    for batch in texts().filter_map(claim_of) {
        assert_eq!(claim_of(&format!("claim.{batch}")), Some(batch));
    }
    let names = texts().filter_map(|text| text.parse::<RecordName>().ok());
    let token = records.first().and_then(|record| record.claimed.token.clone());
    let seen: Vec<Seen> = names.map(|name| Seen { name, token: token.clone() }).collect();
    let counted = attempt::counted(&seen, &claims).len();
    assert_eq!(attempt::number(None, &seen, &claims) as usize, counted);
    for one in &seen {
        assert!(attempt::number(Some(&one.name), &seen, &claims) as usize <= counted);
    }
});
