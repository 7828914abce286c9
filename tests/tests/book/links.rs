//! Links between pages: to a file that is there, and to a heading that the page has. It never asks the network.

use std::fs;
use std::path::Path;

/// The links of a page that lead nowhere, each with its place. A page of the book may link only to the book: what lies
/// beside it in the repository is not on its site.
pub fn broken(root: &Path, name: &str) -> Vec<String> {
    let page = root.join(name);
    let text = fs::read_to_string(&page).unwrap();
    let is_of_book = |path: &Path| path.starts_with(root.join("docs"));
    let mut broken = Vec::new();
    for target in targets(&text).filter(|target| !target.contains("://")) {
        let (file, heading) = target.split_once('#').map_or((target, None), |(file, id)| (file, Some(id)));
        let to = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
        let leads = fs::canonicalize(&to).is_ok_and(|to| {
            let stays = !is_of_book(&page) || is_of_book(&to);
            let is_there = |id| headings(&fs::read_to_string(&to).unwrap()).any(|known| known == id);
            stays && heading.is_none_or(|id: &str| is_there(id.to_owned()))
        });
        if !leads {
            broken.push(format!("{name}: `{target}` leads nowhere"));
        }
    }
    broken
}

/// What stands in the round brackets of `[text](target)`, outside of blocks.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let outside = text.split("\n```").step_by(2);
    outside
        .flat_map(|part| part.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(to, _)| to)
}

/// The ids of headings, as mdBook and GitHub make them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let outside = text.split("\n```").step_by(2).flat_map(str::lines);
    let titles = outside.filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    titles.map(|title| {
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
    })
}
