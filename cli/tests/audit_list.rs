//! `sweep audit list`, `export` and `collect`: attempts made of records, as text, JSON and tables that read back.
#![allow(clippy::unwrap_used, reason = "in a test program a panic is the message")]

mod audit_files;

use std::fs;
use std::path::Path;

use audit_files::{NOVEMBER, SECOND, Site, end, printed, start, verify};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use rusqlite::Connection;
use serde_json::Value;
use sweep_core::record::Record;

/// Two nodes, two users, every state.
fn site() -> Site {
    let site = Site::new();
    site.jobs("n1", 0, 0..6);
    let failed = start("n1", 6, 100);
    site.append(failed.clone());
    site.append(end(&failed, 110, 3));
    let killed = start("n2", 7, 200);
    site.append(killed.clone());
    site.append(Record { exit: None, signal: Some(9), ..end(&killed, 210, 0) });
    site.append(start("n2", 8, 300));
    site.append(start("n2", 8, 400));
    // Over the end of the month.
    let long = start("n2", 9, 30 * 86_400 - 10);
    site.append(long.clone());
    site.append(end(&long, 30 * 86_400 + 10, 0));
    site
}

fn list(site: &Site, more: &[&str]) -> Vec<Value> {
    let dir = site.path().to_str().unwrap();
    let text = printed(0, &[&["list", "--format", "json", "--dir", dir], more].concat());
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["schema_version"], 1);
    report["attempts"].as_array().unwrap().clone()
}

fn jobs(attempts: &[Value]) -> Vec<&str> {
    attempts.iter().map(|attempt| attempt["slurm"]["job"].as_str().unwrap()).collect()
}

#[test]
fn starts_and_ends_are_joined_and_slurms_word_stands_apart_from_the_users() {
    let site = site();
    let attempts = list(&site, &[]);
    assert_eq!(jobs(&attempts), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "8"]);
    let states: Vec<_> = attempts.iter().map(|a| a["slurm"]["state"].as_str().unwrap()).collect();
    let six = ["completed"; 6];
    assert_eq!(states, [&six[..], &["failed", "signalled", "interrupted", "completed", "running"]].concat());
    let first = &attempts[0];
    assert_eq!(first["slurm"]["start"], "2026-11-01T00:00:00Z");
    assert_eq!(first["slurm"]["end"], "2026-11-01T00:00:05Z");
    assert_eq!((&first["slurm"]["uid"], &first["slurm"]["elapsed_s"]), (&70_000.into(), &5.0.into()));
    assert_eq!((&first["claimed"]["sweep"], &first["claimed"]["trial"]), (&"iris-0".into(), &"t000".into()));
    assert_eq!(first["claimed"]["values"]["lr"], "0.1");
    let of = |part: &str| first[part].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert!(of("slurm").iter().all(|key| !of("claimed").contains(key)), "{first:#}");
}

#[test]
fn attempts_are_chosen_by_each_filter() {
    let site = site();
    let chosen = |more: &[&str]| jobs(&list(&site, more)).join(" ");
    assert_eq!(chosen(&["--user", "70001"]), "1 3 5 7 9");
    assert_eq!(chosen(&["--node", "n2", "--state", "completed"]), "9");
    assert_eq!(chosen(&["--state", "running"]), "8");
    assert_eq!(chosen(&["--sweep", "iris-1", "--node", "n1"]), "1 3 5");
    assert_eq!(chosen(&["--since", "2026-11-01T00:01:40Z", "--until", "2026-11-02"]), "6 7 8 8");
    assert_eq!(chosen(&["--since", "2026-11-30", "--until", "2026-12-01"]), "9");
    assert_eq!(chosen(&["--until", "2026-11-01T00:00:10Z"]), "0");
    assert_eq!(chosen(&["--user", "root"]), "");
}

#[test]
fn a_person_reads_one_line_an_attempt_within_the_width() {
    let site = site();
    let hostile = Record { refused: vec!["\u{1b}[31mred\nline".into()], ..start("n3", 11, 0) };
    site.append(hostile);
    let text = printed(0, &["list", "--dir", site.path().to_str().unwrap()]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 13);
    assert!(lines[0].starts_with("start (UTC)") && lines[0].contains("| claimed by the user"), "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 120 && !line.contains('\u{1b}')), "{text}");
    assert_eq!(lines[7], "2026-11-01 00:01 70000    n1       6         exit 3      0:10     | t006 iris-0");
}

#[test]
fn a_long_month_is_listed_and_checked_in_little_memory() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let site = Site::new();
    let name = "n1-202611.jsonl".parse().unwrap();
    let mut head = sweep_core::chain::Head::default();
    let mut file = std::io::BufWriter::new(fs::File::create(site.file("n1-202611.jsonl")).unwrap());
    for job in 0..100_000 {
        let begun = start("n1", job, u64::from(job));
        for record in [begun.clone(), end(&begun, u64::from(job) + 5, 0)] {
            let (line, next) = head.append(&name, record);
            file.write_all(&line).unwrap();
            head = next;
        }
    }
    file.flush().unwrap();
    fs::write(site.file("n1-202611.jsonl.head"), head.to_bytes()).unwrap();
    // Less address space in all than the file has bytes.
    let limited = |arguments: &str| {
        let line = format!("ulimit -v 65536; exec \"$0\" audit {arguments} --dir \"$1\"");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_sweep")]).arg(site.path());
        command.stdout(Stdio::piped()).output().unwrap()
    };
    let listed = limited("list --user 70001");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    assert_eq!(listed.stdout.iter().filter(|&&byte| byte == b'\n').count(), 50_001);
    assert!(limited("verify").status.success());
    assert!(fs::metadata(site.file("n1-202611.jsonl")).unwrap().len() > 80 << 20, "the test says nothing");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let site = Site::new();
    site.jobs("n1", 0, 0..2000);
    let line = "\"$0\" audit list --dir \"$1\" | head -n 1; exit ${PIPESTATUS[0]}";
    let mut command = std::process::Command::new("/bin/bash");
    let output = command.args(["-c", line, env!("CARGO_BIN_EXE_sweep")]).arg(site.path()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
}

fn export(site: &Site, form: &str, file: &Path) {
    let dir = site.path().to_str().unwrap();
    printed(0, &["export", "--dir", dir, "--as", form, "-o", file.to_str().unwrap()]);
}

#[test]
fn csv_and_json_lines_read_back() {
    let site = site();
    let dir = site.path().to_str().unwrap();
    let text = printed(0, &["export", "--dir", dir, "--as", "csv"]);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 11);
    let cell = |row: usize, name: &str| {
        rows[row][headers.iter().position(|header| header == name).unwrap()].to_owned()
    };
    assert_eq!((cell(6, "exit"), cell(6, "claimed_trial")), ("3".to_owned(), "t006".to_owned()));
    assert_eq!((cell(0, "claimed_values").as_str(), cell(10, "end").as_str()), ("{\"lr\":\"0.1\"}", ""));

    let text = printed(0, &["export", "--dir", dir, "--as", "jsonl", "--user", "70001"]);
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!((&rows[3]["signal"], &rows[3]["exit"]), (&9.into(), &Value::Null));
    assert_eq!(rows[0]["claimed_values"]["lr"], "0.1");
}

#[test]
fn sqlite_reads_back() {
    let site = site();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.sqlite");
    export(&site, "sqlite", &file);
    // Again over it: a new table, not more rows.
    export(&site, "sqlite", &file);
    let database = Connection::open(&file).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM attempts"), 11);
    assert_eq!(count("SELECT count(*) FROM attempts WHERE \"end\" IS NULL"), 2);
    assert_eq!(count("SELECT exit FROM attempts WHERE job = '6'"), 3);
    let total = "SELECT sum(elapsed_s) FROM attempts WHERE state = 'completed'";
    let total: f64 = database.query_row(total, [], |row| row.get(0)).unwrap();
    assert!((total - 50.0).abs() < 1e-9, "{total}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn parquet_reads_back() {
    let site = site();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.parquet");
    export(&site, "parquet", &file);
    let reader = SerializedFileReader::new(fs::File::open(&file).unwrap()).unwrap();
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let at = |name: &str| (0..schema.num_columns()).find(|&n| schema.column(n).name() == name).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 11);
    assert_eq!(rows[6].get_long(at("exit")).unwrap(), 3);
    assert_eq!(rows[6].get_string(at("claimed_trial")).unwrap(), "t006");
    assert_eq!(rows[0].get_double(at("elapsed_s")).unwrap().to_bits(), 5.0f64.to_bits());
    assert!(rows[10].get_long(at("end")).is_err(), "there is no end");
    let column = schema.column(at("start"));
    assert!(format!("{:?}", column.logical_type_ref()).contains("NANOS"), "{column:?}");
}

#[test]
fn directories_are_collected_and_nothing_is_taken_back() {
    let (one, two, out) = (Site::new(), Site::new(), tempfile::tempdir().unwrap());
    let file = one.jobs("n1", 0, 0..5);
    two.jobs("n2", 0, 0..5);
    let collect = |code: i32| -> Vec<String> {
        let dirs = [out.path(), one.path(), two.path()].map(|path| path.to_str().unwrap().to_owned());
        let text = printed(code, &["collect", "--format", "json", &dirs[0], &dirs[1], &dirs[2]]);
        let report: Value = serde_json::from_str(&text).unwrap();
        let files = report["files"].as_array().unwrap();
        files.iter().map(|file| file["outcome"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(collect(0), ["new", "new"]);
    assert_eq!(collect(0), ["same", "same"]);
    one.jobs("n1", 0, 5..9);
    assert_eq!(collect(0), ["grown", "same"]);
    verify(0, out.path(), &[]);
    let collected = out.path().join("n1-202611.jsonl");
    let good = fs::read(&collected).unwrap();
    assert_eq!(good, fs::read(&file).unwrap());

    // A shorter one whose head was made to fit, another one, and a broken one.
    fs::remove_file(&file).unwrap();
    fs::remove_file(one.file("n1-202611.jsonl.head")).unwrap();
    one.jobs("n1", 0, 0..5);
    assert_eq!(collect(1), ["refused", "same"]);
    one.jobs("n1", 77, 5..20);
    assert_eq!(collect(1), ["refused", "same"]);
    fs::write(&file, &good[..good.len() - 700]).unwrap();
    assert_eq!(collect(1), ["refused", "same"]);
    assert_eq!(fs::read(&collected).unwrap(), good);
    verify(0, out.path(), &[]);
}

#[test]
fn a_cut_line_leaves_what_ran_before_it_interrupted() {
    let site = Site::new();
    site.append(start("n1", 1, 0));
    let path = site.append(start("n1", 2, 1));
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend(b"{\"sequence\":2,\n");
    fs::write(&path, bytes).unwrap();
    let begun = Record { time_ns: (NOVEMBER + 50) * SECOND, ..start("n1", 3, 0) };
    site.append(begun);
    let attempts = list(&site, &[]);
    let states: Vec<_> = attempts.iter().map(|a| a["slurm"]["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["interrupted", "interrupted", "running"]);
}
