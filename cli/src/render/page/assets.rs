//! The files that a page is put together from, and the policy that lets a browser run these and nothing else. Never a
//! file that is fetched when a page is made or read.

use sha2::{Digest, Sha256};

/// The library of the plots, byte for byte as it was released.
pub const LIBRARY: &str = include_str!("../../../assets/page/vendor/uPlot.iife.min.js");
/// Its style.
const LIBRARY_STYLE: &str = include_str!("../../../assets/page/vendor/uPlot.min.css");
const STYLE: &str = include_str!("../../../assets/page/page.css");
/// The page itself.
pub const TEMPLATE: &str = include_str!("../../../assets/page/page.html");
/// Our scripts, each leaning on those before it only.
const SCRIPTS: [&str; 11] = [
    include_str!("../../../assets/page/js/columns.js"),
    include_str!("../../../assets/page/js/choice.js"),
    include_str!("../../../assets/page/js/paint.js"),
    include_str!("../../../assets/page/js/ink.js"),
    include_str!("../../../assets/page/js/axes.js"),
    include_str!("../../../assets/page/js/parallel.js"),
    include_str!("../../../assets/page/js/frame.js"),
    include_str!("../../../assets/page/js/plots.js"),
    include_str!("../../../assets/page/js/table.js"),
    include_str!("../../../assets/page/js/fields.js"),
    include_str!("../../../assets/page/js/page.js"),
];

/// Our scripts as one, in a scope of its own.
pub fn script() -> String {
    format!("(() => {{\n\"use strict\";\n{}}})();", SCRIPTS.concat())
}

/// The styles as one.
pub fn style() -> String {
    format!("{LIBRARY_STYLE}\n{STYLE}")
}

/// What a browser may do with the page: run these scripts, apply this style, and fetch nothing.
pub fn policy(scripts: &[&str], style: &str) -> String {
    let scripts: Vec<String> = scripts.iter().map(|script| source(script)).collect();
    format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        scripts.join(" "),
        source(style)
    )
}

/// A text as a source of the policy, by its hash.
fn source(text: &str) -> String {
    format!("'sha256-{}'", base64(&Sha256::digest(text)))
}

/// Base64 with padding, as the policy wants hashes.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let word =
            three.iter().fold(0_u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for n in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * n) & 63) as usize];
            text.push(if n > three.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

/// What is embedded.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_is_what_its_makers_released() {
        let sums = include_str!("../../../assets/page/vendor/README.md");
        for (name, text) in [("uPlot.iife.min.js", LIBRARY), ("uPlot.min.css", LIBRARY_STYLE)] {
            let sum = sweep_core::record::hex(&Sha256::digest(text));
            assert!(sums.lines().any(|line| line.contains(name) && line.contains(&sum)), "{name}: {sum}");
        }
    }

    #[test]
    fn no_script_or_style_ends_the_element_that_it_stands_in() {
        for script in [LIBRARY.to_owned(), script()] {
            assert!(!script.to_lowercase().contains("</script") && !script.contains("<!--"));
        }
        assert!(!style().to_lowercase().contains("</style"));
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(texts, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    /// On paper a browser wipes away what lies under the canvas too: the lines under the axes' texts.
    #[test]
    fn no_canvas_is_wiped() {
        assert!(!script().contains("clearRect"));
    }

    #[test]
    fn nothing_of_ours_fetches_anything() {
        for text in [script(), style(), TEMPLATE.to_owned()] {
            for word in [
                "http:",
                "https:",
                "fetch(",
                "XMLHttpRequest",
                "import(",
                "url(",
                "@import",
                "innerHTML",
                "eval(",
            ] {
                assert!(!text.contains(word), "{word}");
            }
        }
    }
}
