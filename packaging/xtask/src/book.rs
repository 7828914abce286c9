//! `cargo xtask book`: the book as a site, by mdBook, and every link of the pages that came out. It must never ask the
//! network for anything but mdBook itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::program::{self, step};
use crate::workspace;

/// The one that the pages were looked at with.
const MDBOOK: &str = "0.5.4";
/// Fewer pages than this are no book: the look at links would see nothing.
const FEWEST_PAGES: usize = 15;

pub fn run() -> Outcome {
    let mdbook = mdbook()?;
    let site = workspace::target().join("book");
    let mut build = Command::new(mdbook);
    program::run(build.arg("build").arg(workspace::root()).arg("--dest-dir").arg(&site))?;
    let pages = pages(&site)?;
    if pages.len() < FEWEST_PAGES {
        return Err(Failure::new(format!("mdBook made {} pages in `{}`", pages.len(), site.display())));
    }
    let broken: Vec<String> = pages.iter().flat_map(|(page, html)| broken(&site, page, html)).collect();
    if !broken.is_empty() {
        return Err(Failure::new(format!("links that lead nowhere:\n{}", broken.join("\n"))));
    }
    step(format!(
        "book: {} pages, every link leads somewhere: {}",
        pages.len(),
        site.join("index.html").display()
    ));
    Ok(())
}

/// mdBook of the one version, built where there is none: without its server, and without optimization, since the
/// book is small.
fn mdbook() -> Outcome<PathBuf> {
    let root = workspace::target().join("tools");
    let program = root.join("bin/mdbook");
    let version = program::output(Command::new(&program).arg("--version"));
    if version.is_some_and(|version| version.trim_start_matches("mdbook v") == MDBOOK) {
        return Ok(program);
    }
    let mut install = workspace::cargo();
    install
        .args(["install", "mdbook", "--version", &format!("={MDBOOK}"), "--locked", "--debug"])
        .args(["--no-default-features", "--features", "search", "--root"])
        .arg(&root)
        .env("CARGO_TARGET_DIR", root.join("build"));
    program::run(&mut install)?;
    Ok(program)
}

/// Every page of the site with its text. The page for what is not found names places from the site's root.
fn pages(site: &Path) -> Outcome<Vec<(PathBuf, String)>> {
    let mut pages = Vec::new();
    let mut folders = vec![site.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = || Failure::doing::<std::io::Error>(format!("read `{}`", folder.display()));
        for entry in fs::read_dir(&folder).map_err(failed())? {
            let path = entry.map_err(failed())?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") && !path.ends_with("404.html") {
                let html = fs::read_to_string(&path).map_err(failed())?;
                pages.push((path, html));
            }
        }
    }
    Ok(pages)
}

/// What a page names that is not in the site.
fn broken(site: &Path, page: &Path, html: &str) -> Vec<String> {
    let is_of_site = |target: &&str| !target.contains("://") && !target.starts_with("data:");
    let leads = |target: &&str| {
        let (file, id) = target.split_once('#').unwrap_or((target, ""));
        let to = if file.is_empty() { page.to_owned() } else { page.parent().unwrap_or(site).join(file) };
        let has_id = |html: String| html.contains(&format!("id=\"{id}\""));
        to.is_file() && (id.is_empty() || fs::read_to_string(&to).is_ok_and(has_id))
    };
    let named = ["href=\"", "src=\""].into_iter().flat_map(|word| html.split(word).skip(1));
    let targets = named.filter_map(|rest| rest.split('"').next()).filter(|target| !target.is_empty());
    let lost = targets.filter(is_of_site).filter(|target| !leads(target));
    lost.map(|target| format!("{}: {target}", page.display())).collect()
}

/// Links of a page that stands nowhere.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_page_or_heading_that_is_not_there_is_named() {
        let site = Path::new("/nonexistent");
        let html =
            r##"<h1 id="here"><a href="#there">x</a> <a href="https://a.b/c">y</a> <img src="z.png">"##;
        let broken = broken(site, &site.join("page.html"), html);
        assert_eq!(broken, ["/nonexistent/page.html: #there", "/nonexistent/page.html: z.png"]);
    }
}
