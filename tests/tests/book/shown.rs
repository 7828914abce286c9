//! Whether a command said what the page shows. `…` as a line stands for any lines, within a line for any text; runs of
//! spaces count as one, because a column is as wide as its longest cell. It never compares what the page leaves out.

use regex::Regex;

/// Whether `said` is what is `shown`.
pub fn agrees(shown: &str, said: &str) -> bool {
    let mut pattern = String::from(r"\A");
    for line in shown.lines() {
        if line.trim() == "…" {
            pattern.push_str(r"(?:[^\n]*\n)*?");
            continue;
        }
        let parts: Vec<_> = squeezed(line).split('…').map(regex::escape).collect();
        pattern.push_str(&parts.join(r"[^\n]*?"));
        pattern.push_str(r"\n");
    }
    pattern.push_str(r"\z");
    let said: String = said.lines().map(|line| squeezed(line) + "\n").collect();
    Regex::new(&pattern).expect("escaped text and three patterns of our own").is_match(&said)
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The page's notation.
#[test]
fn an_ellipsis_stands_for_any_text_and_nothing_else_does() {
    let said = "made  a-1 now\ntwo\nthree\nend\n";
    assert!(agrees("made a-… now\n…\nend\n", said));
    assert!(agrees("…\nend\n", said) && agrees("made…\n…\n", said));
    assert!(!agrees("made a-… now\nend\n", said) && !agrees("made…\n", said) && !agrees("…\ntwo\n", said));
    assert!(!agrees("made a.1 now\n…\n", said), "a dot is a dot");
}
