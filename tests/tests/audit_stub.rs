//! What bounds the site's records: parts of a month, a user's allowance, a log that does not listen. Driven through
//! the stub host, so that it is the built plugin that is bounded.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod stub_driver;
mod sweep_on_disk;

use std::fs;
use std::path::Path;

use stub_driver::{Script, Trace, folder};
use sweep_core::chain::{GENESIS, Head, Link, SiteFile, line_hash, tally};
use sweep_on_disk::site_files;
use sweep_testbed::artifacts;

/// So many jobs in one slurmstepd, with a value that makes each of their records about a kibibyte and a half.
fn jobs(audit: &Path, job: u32, count: u32, words: &[&str]) -> Trace {
    let word = format!("audit={}", audit.display());
    let words = [&[word.as_str()], words].concat();
    let value = format!("a={}", "x".repeat(1000));
    let script = Script::batch(job, &words).option("sweep-set", value.as_bytes());
    let script = script.line(&format!("repeat {count}")).start().end(0);
    script.run(&artifacts::plugin().unwrap()).all_well()
}

/// The links of all files in order, each file's first naming it, and its head at its end.
fn chain(audit: &Path) -> Vec<Link> {
    let mut names: Vec<SiteFile> = site_files(audit)
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().parse().unwrap())
        .collect();
    names.sort();
    let (mut hash, mut links) = (GENESIS.to_owned(), Vec::<Link>::new());
    for name in names {
        let bytes = fs::read(audit.join(name.to_string())).unwrap();
        for (number, line) in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
            let link: Link = serde_json::from_slice(line).unwrap();
            assert_eq!((link.sequence, &link.previous), (links.len() as u64, &hash), "{name}");
            assert_eq!(link.file, (number == 0).then(|| name.to_string()));
            hash = line_hash(line);
            links.push(link);
        }
        let path = audit.join(name.head_name());
        let head = Head::parse(&path, &fs::read(&path).unwrap()).unwrap();
        let expected = (links.len() as u64, bytes.len() as u64, &hash);
        assert_eq!((head.sequence, head.offset, &head.hash), expected, "{name}");
    }
    links
}

#[test]
fn a_long_month_goes_on_in_parts_of_one_chain() {
    let audit = folder();
    let trace = jobs(audit.path(), 1, 1200, &["audit_file_mib=1"]);
    assert_eq!(trace.errors(), Vec::<String>::new());
    let files = site_files(audit.path());
    assert!(files.len() >= 3, "{files:?}");
    assert!(files.iter().all(|path| fs::metadata(path).unwrap().len() < (1 << 20) + 4096));
    assert_eq!(chain(audit.path()).len(), 2400);
    // A crash took the last part's head: it is found again from the part before.
    let last: SiteFile = {
        let mut names: Vec<SiteFile> =
            files.iter().map(|path| path.file_name().unwrap().to_str().unwrap().parse().unwrap()).collect();
        names.sort();
        names.pop().unwrap()
    };
    fs::remove_file(audit.path().join(last.head_name())).unwrap();
    jobs(audit.path(), 2, 1, &["audit_file_mib=1"]);
    assert_eq!(chain(audit.path()).len(), 2402);
}

#[test]
fn many_writers_begin_a_part_once() {
    let audit = folder();
    std::thread::scope(|scope| {
        for job in 1..=8 {
            let audit = audit.path();
            scope.spawn(move || jobs(audit, job, 100, &["audit_file_mib=1"]));
        }
    });
    assert_eq!(chain(audit.path()).len(), 1600);
    assert!(site_files(audit.path()).len() >= 2);
}

#[test]
fn a_user_past_the_bound_gets_one_line_and_the_rest_is_counted() {
    let audit = folder();
    let trace = jobs(audit.path(), 1, 600, &["audit_user_mib=1"]);
    assert_eq!(trace.errors(), Vec::<String>::new());
    let said = trace.words("log").filter(|words| words.join(" ").contains("dropped")).count();
    assert_eq!(said, 1);
    let links = chain(audit.path());
    let last = links.last().unwrap();
    assert!(last.record.refused[0].contains("further records are dropped"), "{last:?}");
    assert!(last.record.claimed.values.is_empty());
    assert_eq!(links.iter().filter(|link| !link.record.refused.is_empty()).count(), 1);
    let name = SiteFile::first("stub1", last.record.time_ns).tally_name();
    let users = tally::parse(name.as_ref(), &fs::read(audit.path().join(&name)).unwrap()).unwrap();
    assert_eq!(users.len(), 1);
    let kept = links.len() as u32 - 1;
    assert_eq!((users[0].uid, users[0].dropped), (stub_driver::USER, 1200 - kept));
    assert!(users[0].bytes <= 1 << 20 && users[0].bytes > (1 << 20) - 4096, "{users:?}");

    // Another user writes on, and a lost tally begins again.
    let word = format!("audit={}", audit.path().display());
    let other = Script::batch(9, &[&word, "audit_user_mib=1"]).line("item uid 54322");
    other.option("sweep-set", b"a=1").start().end(0).run(&artifacts::plugin().unwrap()).all_well();
    assert_eq!(chain(audit.path()).len(), links.len() + 2);
    fs::write(audit.path().join(&name), "no tally").unwrap();
    jobs(audit.path(), 10, 1, &["audit_user_mib=1"]);
    assert_eq!(chain(audit.path()).len(), links.len() + 4);
}

#[test]
fn a_long_file_whose_head_a_crash_took_goes_on_from_its_last_record() {
    let audit = folder();
    jobs(audit.path(), 1, 500, &[]);
    let file = site_files(audit.path()).remove(0);
    assert!(fs::metadata(&file).unwrap().len() > 1 << 20);
    let head = format!("{}.head", file.display());
    fs::write(&head, "").unwrap();
    jobs(audit.path(), 2, 1, &[]);
    assert_eq!(chain(audit.path()).len(), 1002);
    // With a line that the same crash cut.
    fs::remove_file(&head).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    bytes.extend(b"{\"sequence\":1002,");
    fs::write(&file, bytes).unwrap();
    jobs(audit.path(), 3, 1, &[]);
    let text = fs::read_to_string(&file).unwrap();
    let last: Link = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last.sequence, 1003);
}
