//! `sweep report`: the page as a file. What a browser makes of it is shown by `cargo xtask prove --only page`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;

use command_site::Site;
use serde_json::Value;
use sha2::{Digest, Sha256};

const SPEC: &str = "name: page\ndescription: '</script><script>alert(1)</script>'\nmetric: [{name: loss}, {name: acc, goal: maximize}]\n\
    shell: 'echo \"<b>last $n</b>\"; test $n != 3 && sweep log --step 0 loss=9 acc=0 && sweep log --step 1 loss=$n acc=$n'\n\
    params: [{name: first, n: 1, lr: 1e-3, mixed: 'a<b'}, {n: 2, lr: 0.1, mixed: 7}, {n: 3, lr: 0.5, mixed: true}, {n: 4, lr: 0.2}]\n";

/// Base64, made bit by bit so that it is not the page's own way.
fn base64(bytes: &[u8]) -> String {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1)).collect();
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let mut text: String = bits
        .chunks(6)
        .map(|six| letters[(0..6).fold(0, |sum, n| sum * 2 + usize::from(six.get(n).copied().unwrap_or(0)))])
        .collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// What stands between two texts.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("no {from}")).1;
    rest.split_once(to).unwrap().0
}

fn data(page: &str) -> Value {
    serde_json::from_str(between(page, "<script type=\"application/json\" id=\"data\">", "</script>"))
        .unwrap()
}

fn column<'a>(sweep: &'a Value, name: &str) -> &'a Value {
    let columns = sweep["columns"].as_array().unwrap();
    columns.iter().find(|column| column["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn a_page_has_all_that_is_known_as_data_and_as_tables() {
    let site = Site::new(SPEC);
    let dir = site.run(4);
    let id = dir.file_name().unwrap().to_str().unwrap();
    assert_eq!(site.good(&["report"]), format!("{id}.html\n"));
    let page = fs::read_to_string(site.path(&format!("{id}.html"))).unwrap();
    let sweep = &data(&page)[0];
    assert_eq!((&sweep["id"], &sweep["rows"]), (&id.into(), &4.into()));
    let values = |name: &str| column(sweep, name)["values"].clone();
    assert_eq!(values("loss"), serde_json::json!([1.0, 2.0, null, 4.0]));
    assert_eq!(values("lr"), serde_json::json!([0.001, 0.1, 0.5, 0.2]));
    let mixed = column(sweep, "mixed");
    assert_eq!(mixed["levels"], serde_json::json!(["7", "true", "a<b"]));
    assert_eq!(mixed["values"], serde_json::json!([2.0, 0.0, 1.0, null]));
    assert_eq!(column(sweep, "acc")["maximize"], true);
    // Three curves of two points, one behind the other.
    assert_eq!(sweep["curves"]["starts"], serde_json::json!([0, 2, 4, 6]));
    assert_eq!(sweep["order"].as_array().unwrap().len(), 3);
    for text in [
        "failed, exit code 1",
        "t002",
        "&lt;b&gt;last 3&lt;&#x2f;b&gt;",
        "Pareto front",
        "<dt>Seed</dt>",
        "name: page",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert_eq!(site.good(&["report", id, "-o", "-"]).lines().next(), Some("<!doctype html>"));
}

#[test]
fn nothing_that_a_user_wrote_is_markup_and_the_policy_names_every_script() {
    let site = Site::new(SPEC);
    site.run(4);
    site.good(&["report", "-o", "page.html"]);
    let page = fs::read_to_string(site.path("page.html")).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("<b>last"));
    assert_eq!(page.matches("<script").count(), 3, "the data, the library and ours");
    assert_eq!(page.matches("</script>").count(), 3);
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src &#x27;none&#x27;; script-src "), "{policy}");
    let scripts = page.split("<script>").skip(1).map(|rest| rest.split_once("</script>").unwrap().0);
    let style = between(&page, "<style>", "</style>");
    for text in scripts.chain([style]) {
        let sum = base64(&Sha256::digest(text));
        assert!(policy.contains(&sum.replace('/', "&#x2f;")) || policy.contains(&sum), "{sum} {policy}");
    }
    for word in ["src=\"", "url(", "@import", "href=\"http", "javascript:"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn several_sweeps_stand_on_one_page_and_a_wrong_name_is_told() {
    let site = Site::new("name: one\nshell: 'true'\nparams: [{a: 1}]\n");
    site.run(0);
    site.write("sweep.yaml", "name: two\nshell: 'true'\nparams: [{a: 1}, {a: 2}]\n");
    site.run(0);
    site.good(&["report", "one", "two", "-o", "both.html"]);
    let page = fs::read_to_string(site.path("both.html")).unwrap();
    let rows: Vec<_> = data(&page).as_array().unwrap().iter().map(|sweep| sweep["rows"].clone()).collect();
    assert_eq!(rows, [1, 2]);
    let ran = site.sweep(&["report", "three"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("three"), "{}", ran.stderr);
    let ran = site.sweep(&["report", "one", "-o", "nowhere/page.html"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("nowhere/.page.html"), "{}", ran.stderr);
}
