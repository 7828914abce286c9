//! `sweep audit verify`: every way of changing a file is found, with its place and kind, and a crash is none.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod audit_files;

use std::fs;

use audit_files::{NOVEMBER, SECOND, Site, end, only_break, printed, start, verify};
use sweep_cli::audit::files::Inventory;
use sweep_cli::audit::heads::Heads;
use sweep_cli::audit::verify::{Report, Verdict};
use sweep_core::chain::{Head, SiteFile};

const FILE: &str = "n1-202611.jsonl";

/// 25 jobs: 50 lines.
fn site() -> Site {
    let site = Site::new();
    site.jobs("n1", 0, 0..25);
    site
}

fn lines(site: &Site) -> Vec<String> {
    let text = fs::read_to_string(site.file(FILE)).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn write(site: &Site, lines: &[String]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(site.file(FILE), text).unwrap();
}

fn name() -> SiteFile {
    FILE.parse().unwrap()
}

#[track_caller]
fn check_broken(site: &Site, more: &[&str], line: Option<u64>, kind: &str) {
    let report = verify(1, site.path(), more);
    assert_eq!(only_break(&report), (FILE.to_owned(), line, kind.to_owned()), "{report:#}");
}

#[track_caller]
fn check_interrupted(site: &Site, records: u64) {
    let report = verify(0, site.path(), &[]);
    let file = &report["files"][0];
    assert_eq!((&file["verdict"], &file["records"]), (&"interrupted".into(), &records.into()), "{report:#}");
}

#[test]
fn what_the_plugin_wrote_is_clean() {
    let site = site();
    site.jobs("n2", 0, 0..3);
    let report = verify(0, site.path(), &[]);
    assert!(report["files"].as_array().unwrap().iter().all(|file| file["verdict"] == "clean"), "{report:#}");
    let file = site.file(FILE);
    let text = printed(0, &["verify", file.to_str().unwrap()]);
    assert_eq!(text, format!("clean {}: 50 records\n1 files, none broken\n", file.display()));
}

#[test]
fn a_changed_byte_is_found() {
    let site = site();
    let mut lines = lines(&site);
    lines[16] = lines[16].replace("\"uid\":70000", "\"uid\":70001");
    write(&site, &lines);
    check_broken(&site, &[], Some(17), "edited");
    let text = printed(1, &["verify", "--dir", site.path().to_str().unwrap()]);
    assert!(text.contains(&format!("{FILE}:17: edited: ")), "{text}");
}

#[test]
fn a_changed_link_is_found_where_it_is() {
    for (from, to) in [("\"sequence\":20", "\"sequence\":21"), ("\"previous\":\"", "\"previous\":\"x")] {
        let site = site();
        let mut lines = lines(&site);
        lines[20] = lines[20].replacen(from, to, 1);
        write(&site, &lines);
        check_broken(&site, &[], Some(21), "edited");
    }
}

#[test]
fn a_changed_last_line_is_found() {
    let site = site();
    let mut lines = lines(&site);
    lines[49] = lines[49].replace("\"exit\":0", "\"exit\":1");
    write(&site, &lines);
    check_broken(&site, &[], Some(50), "edited");
}

#[test]
fn a_removed_line_is_found() {
    for at in [0, 10, 48] {
        let site = site();
        let mut lines = lines(&site);
        lines.remove(at);
        write(&site, &lines);
        check_broken(&site, &[], Some(at as u64 + 1), "removed");
    }
}

#[test]
fn two_swapped_lines_are_found() {
    let site = site();
    let mut lines = lines(&site);
    lines.swap(30, 31);
    write(&site, &lines);
    check_broken(&site, &[], Some(31), "reordered");
    lines.swap(30, 31);
    let again = lines[12].clone();
    lines.insert(20, again);
    write(&site, &lines);
    check_broken(&site, &[], Some(21), "reordered");
}

#[test]
fn a_cut_tail_is_found_even_when_the_plugin_has_written_on() {
    let site = site();
    let mut lines = lines(&site);
    lines.truncate(45);
    write(&site, &lines);
    check_broken(&site, &[], Some(46), "cut");
    site.jobs("n1", 1000, 99..100);
    check_broken(&site, &[], Some(46), "removed");
    fs::write(site.file(FILE), "").unwrap();
    check_broken(&site, &[], Some(1), "cut");
}

#[test]
fn a_tail_that_was_cut_inside_a_line_is_no_crash() {
    let site = site();
    let bytes = fs::read(site.file(FILE)).unwrap();
    for len in [bytes.len() - 1, bytes.len() - 100] {
        fs::write(site.file(FILE), &bytes[..len]).unwrap();
        check_broken(&site, &[], Some(50), "edited");
    }
    fs::write(site.file(FILE), &bytes[..bytes.len() - 1500]).unwrap();
    let (_, _, kind) = only_break(&verify(1, site.path(), &[]));
    assert_eq!(kind, "cut");
}

#[test]
fn an_older_copy_of_the_file_is_found() {
    let site = Site::new();
    site.jobs("n1", 0, 0..10);
    let old = fs::read(site.file(FILE)).unwrap();
    site.jobs("n1", 0, 10..25);
    fs::write(site.file(FILE), old).unwrap();
    check_broken(&site, &[], Some(21), "cut");
}

#[test]
fn an_older_copy_of_file_and_head_is_found_by_a_head_kept_elsewhere() {
    let site = Site::new();
    site.jobs("n1", 0, 0..10);
    let old = [FILE.to_owned(), name().head_name()].map(|file| (fs::read(site.file(&file)).unwrap(), file));
    site.jobs("n1", 0, 10..25);
    let sent = site.head(&name()).unwrap().to_sent(&name());
    let log = site.file("messages");
    fs::write(&log, format!("Nov  1 00:04:05 n1 sweep-audit[7]: {sent}\n")).unwrap();
    let head = ["--head", log.to_str().unwrap()];
    assert_eq!(verify(0, site.path(), &head)["files"][0]["heads"], 1);
    for (bytes, file) in old {
        fs::write(site.file(&file), bytes).unwrap();
    }
    verify(0, site.path(), &[]);
    check_broken(&site, &head, Some(21), "cut");
    // The plugin goes on from the older copy, and has as many records again.
    site.jobs("n1", 5000, 10..25);
    verify(0, site.path(), &[]);
    check_broken(&site, &head, Some(50), "edited");
    site.jobs("n1", 9000, 30..31);
    check_broken(&site, &head, Some(50), "replaced");
    fs::remove_file(site.file(FILE)).unwrap();
    fs::remove_file(site.file(&name().head_name())).unwrap();
    check_broken(&site, &head, None, "missing");
}

#[test]
fn a_file_of_another_month_or_node_is_found() {
    let december = 31 * 86_400;
    for (node, from_s, other) in [("n1", december, "n1-202612.jsonl"), ("n2", 0, "n2-202611.jsonl")] {
        let site = site();
        site.jobs(node, from_s, 0..25);
        fs::copy(site.file(other), site.file(FILE)).unwrap();
        let (file, line, kind) = only_break(&verify(1, site.path(), &[]));
        assert_eq!((file.as_str(), line, kind.as_str()), (FILE, Some(1), "replaced"));
        // With its head, so that nothing but the name is wrong.
        fs::copy(site.file(&format!("{other}.head")), site.file(&name().head_name())).unwrap();
        check_broken(&site, &[], Some(1), "replaced");
    }
}

#[test]
fn a_file_that_was_written_anew_does_not_fit_a_head_kept_elsewhere() {
    let site = site();
    let heads = tempfile::tempdir().unwrap();
    let copy = heads.path().join(name().head_name());
    fs::copy(site.file(&name().head_name()), copy).unwrap();
    fs::remove_file(site.file(FILE)).unwrap();
    fs::remove_file(site.file(&name().head_name())).unwrap();
    site.jobs("n1", 7, 0..30);
    verify(0, site.path(), &[]);
    check_broken(&site, &["--head", heads.path().to_str().unwrap()], Some(50), "replaced");
}

#[test]
fn a_missing_file_or_head_or_part_is_found() {
    let site = site();
    let head = site.file(&name().head_name());
    let bytes = fs::read(&head).unwrap();
    fs::remove_file(&head).unwrap();
    check_broken(&site, &[], None, "head");
    fs::write(&head, "").unwrap();
    check_broken(&site, &[], None, "head");
    fs::write(&head, &bytes).unwrap();
    fs::rename(site.file(FILE), site.file("elsewhere")).unwrap();
    check_broken(&site, &[], None, "missing");
    fs::rename(site.file("elsewhere"), site.file(FILE)).unwrap();
    let next = name().next();
    site.append_to(&next, start("n1", 99, 999));
    verify(0, site.path(), &[]);
    fs::remove_file(site.file(FILE)).unwrap();
    fs::remove_file(&head).unwrap();
    let (file, line, kind) = only_break(&verify(1, site.path(), &[]));
    assert_eq!((file, line, kind.as_str()), (next.to_string(), None, "missing"));
    // On its own a part says what it can.
    printed(0, &["verify", site.file(&next.to_string()).to_str().unwrap()]);
}

#[test]
fn a_part_goes_on_from_the_part_before() {
    let site = site();
    let next = name().next();
    for job in 30..40 {
        site.append_to(&next, start("n1", job, 1000));
    }
    let report = verify(0, site.path(), &[]);
    assert_eq!(
        (&report["files"][1]["verdict"], &report["files"][1]["records"]),
        (&"clean".into(), &10.into())
    );
    // The first part cut and its head with it: the second still knows how far it went.
    let mut lines = lines(&site);
    lines.truncate(40);
    write(&site, &lines);
    let last = lines.last().unwrap();
    let head = Head {
        sequence: 40,
        offset: fs::metadata(site.file(FILE)).unwrap().len(),
        hash: sweep_core::chain::line_hash(last.as_bytes()),
        ..Head::default()
    };
    fs::write(site.file(&name().head_name()), head.to_bytes()).unwrap();
    let (file, line, kind) = only_break(&verify(1, site.path(), &[]));
    assert_eq!((file, line, kind.as_str()), (next.to_string(), Some(1), "removed"));
}

#[test]
fn what_a_crash_leaves_is_interrupted() {
    // A line that never got its end.
    let site = site();
    let whole = fs::read(site.file(FILE)).unwrap();
    let (line, _) = site.head(&name()).unwrap().append(&name(), start("n1", 99, 999));
    for cut in [1, 20, line.len() / 2, line.len() - 1] {
        fs::write(site.file(FILE), [&whole[..], &line[..cut]].concat()).unwrap();
        check_interrupted(&site, 50);
    }
    // The plugin has ended it and written on.
    fs::write(site.file(FILE), [&whole[..], &line[..20], b"\n"].concat()).unwrap();
    site.jobs("n1", 2000, 99..100);
    check_interrupted(&site, 52);
    // A head that a crash left behind by a line.
    let head = fs::read(site.file(&name().head_name())).unwrap();
    site.append(start("n1", 100, 3000));
    fs::write(site.file(&name().head_name()), head).unwrap();
    check_interrupted(&site, 53);
    // The very first line, before there was any head.
    let site = Site::new();
    site.append(start("n1", 1, 0));
    fs::remove_file(site.file(&name().head_name())).unwrap();
    check_interrupted(&site, 1);
}

#[test]
fn a_line_that_was_put_in_is_no_crash() {
    let site = site();
    let mut lines = lines(&site);
    lines.insert(10, "{\"se".into());
    write(&site, &lines);
    check_broken(&site, &[], Some(11), "inserted");
    lines[10] = "nothing of ours".into();
    write(&site, &lines);
    check_broken(&site, &[], Some(11), "edited");
}

#[test]
fn any_changed_byte_is_found_at_its_line_or_the_one_beside_it() {
    let site = site();
    let bytes = fs::read(site.file(FILE)).unwrap();
    let inventory = Inventory::of_directory(site.path()).unwrap();
    let heads = Heads::default();
    let mut line = 1u64;
    for at in 0..bytes.len() {
        // Another value for each place, among them newlines, NULs, quotes and what is no UTF-8.
        let others = [b'\n', 0, b'"', b'}', 0xff, b'0', b' '];
        let other = match at % 8 {
            7 => bytes[at] ^ 1,
            n => others[n],
        };
        if other != bytes[at] {
            let mut changed = bytes.clone();
            changed[at] = other;
            fs::write(site.file(FILE), &changed).unwrap();
            let report = Report::of(&inventory, &heads, true).unwrap();
            assert_eq!(report.files[0].verdict, Verdict::Broken, "byte {at}, {other}");
            let found = report.files[0].first_break.as_ref().unwrap();
            let found_at = found.line.unwrap();
            assert!(found_at.abs_diff(line) <= 1, "byte {at} of line {line}, {other}: {found:?}");
        }
        line += u64::from(bytes[at] == b'\n');
    }
}

#[test]
fn any_changed_byte_of_the_head_is_found() {
    let site = site();
    let path = site.file(&name().head_name());
    let bytes = fs::read(&path).unwrap();
    let inventory = Inventory::of_directory(site.path()).unwrap();
    for at in 0..bytes.len() - 1 {
        let mut changed = bytes.clone();
        changed[at] = if bytes[at] == b'1' { b'3' } else { b'1' };
        fs::write(&path, &changed).unwrap();
        match Report::of(&inventory, &Heads::default(), true) {
            Ok(report) => {
                // A later minor version is read as ours is.
                let is_minor = bytes[..at].ends_with(b"\"1.");
                assert!(is_minor || !report.is_clean, "byte {at}: {}", String::from_utf8_lossy(&changed));
            }
            Err(error) => assert!(error.message().contains("this build reads 1.x"), "{error}"),
        }
    }
}

#[test]
fn a_file_of_a_later_release_is_refused_with_the_way_out() {
    let site = site();
    let lines: Vec<_> = lines(&site).iter().map(|line| line.replace("\"1.0\"", "\"2.0\"")).collect();
    write(&site, &lines);
    let output = audit_files::audit(&["verify", "--dir", site.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("upgrade"), "{output:?}");
}

#[test]
fn wrong_places_are_named() {
    let site = site();
    let dir = site.path().to_str().unwrap();
    for (arguments, code, says) in [
        (vec!["verify", "--dir", "/nowhere/at/all"], 1, "`/nowhere/at/all`"),
        (vec!["verify", "/etc/passwd"], 2, "`/etc/passwd` is no file of site records"),
        (vec!["verify", "--dir", dir, "--head", "/etc/passwd"], 2, "holds no head"),
        (vec!["verify", "/nowhere/n1-202611.jsonl"], 2, "is no file"),
        (vec!["list", "--dir", dir, "--user", "no such user"], 2, "no such user"),
        (vec!["list", "--dir", dir, "--since", "soon"], 2, "`--since soon`"),
        (vec!["export", "--dir", dir, "--as", "sqlite"], 2, "-o FILE"),
    ] {
        let output = audit_files::audit(&arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn months_are_checked_each_on_its_own() {
    let site = site();
    let first = start("n1", 200, 30 * 86_400 - 1);
    site.append(first.clone());
    let path = site.append(end(&first, 30 * 86_400 + 5, 0));
    assert!(path.ends_with("n1-202612.jsonl"), "{}", path.display());
    assert_eq!(SiteFile::first("n1", (NOVEMBER + 30 * 86_400) * SECOND).to_string(), "n1-202612.jsonl");
    assert_eq!(verify(0, site.path(), &[])["files"].as_array().unwrap().len(), 2);
}
