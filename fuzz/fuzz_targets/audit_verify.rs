//! A directory of site records with other bytes in it. `verify` and `list` come to an end over any of them, and a
//! chain in which a byte before its head has changed is never called intact.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sweep_cli::audit::files::Inventory;
use sweep_cli::audit::heads::Heads;
use sweep_cli::audit::verify::{Report, Verdict};
use sweep_core::chain::{Head, SiteFile};
use sweep_core::id::JobName;
use sweep_core::record::{Claimed, Kind, Record, Source};

/// Most records of a chain.
const RECORDS: usize = 6;

// Four bytes that say how an intact chain is changed, then texts for its records; or the bytes of a directory's
// files in parts.
fuzz_target!(|bytes: &[u8]| {
    let Some((change, rest)) = bytes.split_first_chunk::<4>() else { return };
    match change[0] {
        b'#' => any_directory(rest),
        _ => changed_chain(*change, rest),
    }
});

fn verify(dir: &Path) -> Option<Report> {
    let inventory = Inventory::of_directory(dir).expect("it was just written");
    Report::of(&inventory, &Heads::default(), true).ok()
}

fn any_directory(bytes: &[u8]) {
    let dir = sweep_fuzz::folder();
    let names = ["n-202601.jsonl", "n-202601.jsonl.head", "n-202601.1.jsonl", "n-202601.1.jsonl.head"];
    for (name, part) in names.iter().zip(sweep_fuzz::parts(bytes)) {
        sweep_fuzz::write(&dir.join(name), part);
    }
    if let Some(report) = verify(dir) {
        assert_eq!(report.is_clean, report.files.iter().all(|file| file.verdict != Verdict::Broken));
    }
}

fn changed_chain([how, at, to, more]: [u8; 4], texts: &[u8]) {
    let name = SiteFile::first("n", 1_767_225_600_000_000_000);
    let (mut file, mut head) = (Vec::new(), Head::default());
    let mut lines = Vec::new();
    for (n, text) in (0..).zip(texts.split(|&byte| byte == b'\n').take(RECORDS)) {
        let (line, next) = head.append(&name, record(n, text));
        head = next;
        file.extend(&line);
        lines.push(line);
    }
    let dir = sweep_fuzz::folder();
    let path = dir.join(name.to_string());
    sweep_fuzz::write(&path, &file);
    sweep_fuzz::write(&dir.join(name.head_name()), &head.to_bytes());
    let intact = verify(dir).expect("our own version");
    assert!(intact.is_clean && intact.files[0].verdict == Verdict::Clean, "{intact:?}");

    let position = (usize::from(at) << 8 | usize::from(more)) % file.len();
    let line = usize::from(at) % lines.len();
    let changed = match how % 5 {
        0 => {
            file[position] = to;
            file
        }
        1 => {
            lines.remove(line);
            lines.concat()
        }
        2 => {
            let other = usize::from(to) % lines.len();
            lines.swap(line, other);
            lines.concat()
        }
        3 => file[..position].to_vec(),
        _ => {
            lines.insert(line, lines[usize::from(to) % lines.len()].clone());
            lines.concat()
        }
    };
    let is_changed = !changed.starts_with(&lines_of(&intact, &dir.join(name.to_string())));
    sweep_fuzz::write(&path, &changed);
    let Some(report) = verify(dir) else { return };
    if is_changed {
        assert!(!report.is_clean, "a changed chain is called {:?}", report.files[0].verdict);
    } else {
        assert!(report.files[0].records >= intact.files[0].records);
    }
}

/// The intact file's bytes.
fn lines_of(report: &Report, path: &Path) -> Vec<u8> {
    assert_eq!(report.files[0].path, path);
    std::fs::read(path).expect("it was just checked")
}

fn record(n: u32, text: &[u8]) -> Record {
    let text = String::from_utf8_lossy(text).into_owned();
    let time_ns = 1_767_225_600_000_000_000 + u64::from(n);
    Record {
        kind: if n % 2 == 0 { Kind::Start } else { Kind::End },
        claimed: Claimed { values: [("x".to_owned(), text.clone())].into(), ..Claimed::default() },
        refused: vec![text],
        ..Record::start(Source::Plugin, "n", (1000, 1000), JobName::slurm(n / 2 + 1), time_ns)
    }
}
