//! Whose work is shipped besides our own, and on what terms: every crate that is linked into a package, with the texts
//! that its authors ship. It must never leave a crate out: one without terms is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use super::{Package, stage};
use crate::failure::{Failure, Outcome};
use crate::{program, workspace};

/// A crate that is linked in.
struct Crate {
    name: String,
    version: String,
    license: String,
    home: String,
    /// What it ships of texts, by file name.
    texts: BTreeMap<String, String>,
}

/// Debian's file of terms, which the other forms carry too.
pub fn copyright() -> Outcome<String> {
    let mut out =
        "slurm-sweep is licensed under the MIT licence or the Apache licence 2.0, at your choice.\n\
                   THIRD-PARTY.md beside this file names what is linked in besides.\n"
            .to_owned();
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        out.push_str(&format!("\n---- {name}\n\n{}", stage::read(&workspace::root().join(name))?));
    }
    Ok(out)
}

/// The notice of a package.
pub fn third_party(package: Package) -> Outcome<String> {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let mut cargo = workspace::cargo();
    cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &triple]);
    let text = program::output(&mut cargo).ok_or_else(|| Failure::new("`cargo metadata` failed"))?;
    let metadata: Json =
        serde_json::from_str(&text).map_err(Failure::doing("read the answer of `cargo metadata`"))?;
    notice(package, &linked(&metadata, package.built_from())?)
}

fn notice(package: Package, crates: &[Crate]) -> Outcome<String> {
    let mut out = format!(
        "# Third-party software in {}\n\n{}\n## Crates\n\n| crate | version | licence | home |\n|---|---|---|---|\n",
        package.name(),
        beside(package),
    );
    let mut texts: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for Crate { name, version, license, home, texts: own } in crates {
        out.push_str(&format!("| {name} | {version} | {license} | {home} |\n"));
        for (file, text) in own {
            texts.entry(text).or_default().insert(format!("{name} {version} ({file})"));
        }
    }
    out.push_str(
        "\nA crate without a text below ships none: its terms are those that the table names.\n\n## Texts\n",
    );
    let mut texts: Vec<(Vec<String>, &str)> =
        texts.into_iter().map(|(text, of)| (of.into_iter().collect(), text)).collect();
    texts.sort();
    for (of, text) in texts {
        out.push_str(&format!("\n### {}\n\n```\n{}\n```\n", of.join(", "), text.trim_end()));
    }
    Ok(out)
}

/// What no crate's own terms cover.
fn beside(package: Package) -> &'static str {
    match package {
        Package::Command => {
            "The program is static. Besides the crates below it holds Rust's standard library (MIT or Apache-2.0), \
             the C library musl (MIT, https://musl.libc.org) and SQLite (public domain, by way of libsqlite3-sys).\n"
        }
        Package::Plugin => {
            "Besides the crates below the plugin holds Rust's standard library (MIT or Apache-2.0). slurm-spank ships \
             declarations that bindgen made of Slurm's public header `spank.h`: names, types and numbers of the \
             interface, no code of Slurm. Slurm itself (GPL-2.0-or-later with an exception for OpenSSL, \
             https://slurm.schedmd.com) is not part of this package: it loads the plugin when it runs.\n"
        }
    }
}

/// The crates of other people that are linked into `root`, by name.
fn linked(metadata: &Json, root: &str) -> Outcome<Vec<Crate>> {
    let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Json> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Json> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let is_root = |(_, package): &(&String, &Json)| package["name"] == root;
    let (first, _) =
        packages.iter().find(is_root).ok_or_else(|| Failure::new(format!("there is no crate `{root}`")))?;
    let mut seen = BTreeSet::from([first.clone()]);
    let mut open = vec![first.clone()];
    while let Some(id) = open.pop() {
        for dependency in list(&nodes[&id]["deps"]) {
            // A kind of null is an ordinary dependency: those of builds and tests are not shipped.
            let is_linked = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let package = text(&dependency["pkg"]);
            let is_macro = list(&packages[&package]["targets"])
                .iter()
                .any(|target| list(&target["kind"]).iter().any(|kind| kind == "proc-macro"));
            if is_linked && !is_macro && seen.insert(package.clone()) {
                open.push(package);
            }
        }
    }
    let mut crates = Vec::new();
    // Our own crates have no registry that they come from.
    for package in seen.iter().map(|id| &packages[id]).filter(|package| package["source"].is_string()) {
        let (name, license) = (text(&package["name"]), text(&package["license"]));
        if license.is_empty() {
            return Err(Failure::new(format!("the crate `{name}` names no licence")));
        }
        let manifest = text(&package["manifest_path"]);
        let folder = Path::new(&manifest).parent().unwrap_or(Path::new("/"));
        crates.push(Crate {
            version: text(&package["version"]),
            home: text(&package["repository"]),
            texts: texts(folder)?,
            name,
            license,
        });
    }
    crates.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(crates)
}

/// The texts of terms in a crate's folder.
fn texts(folder: &Path) -> Outcome<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for path in super::files_in(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let upper = name.to_uppercase();
        let is_text = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT"]
            .iter()
            .any(|word| upper.starts_with(word));
        if is_text && path.is_file() {
            let bytes = fs::read(&path).map_err(Failure::doing(format!("read `{}`", path.display())))?;
            found.insert(name, String::from_utf8_lossy(&bytes).replace('\r', ""));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    //! What is linked in, and what is not.
    use super::*;

    fn metadata(folder: &Path) -> Json {
        let manifest = folder.join("Cargo.toml").to_string_lossy().into_owned();
        let package = |name: &str, kind: &str, source: Json| {
            serde_json::json!({
                "id": name, "name": name, "version": "1.0.0", "license": "MIT", "source": source,
                "repository": "", "manifest_path": manifest, "targets": [{"kind": [kind]}],
            })
        };
        let dependency =
            |name: &str, kind: Json| serde_json::json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        serde_json::json!({
            "packages": [
                package("ours", "lib", Json::Null),
                package("linked", "lib", "registry".into()),
                package("below", "lib", "registry".into()),
                package("builds", "lib", "registry".into()),
                package("derives", "proc-macro", "registry".into()),
            ],
            "resolve": {"nodes": [
                {"id": "ours", "deps": [dependency("linked", Json::Null), dependency("builds", "build".into()),
                                        dependency("derives", Json::Null)]},
                {"id": "linked", "deps": [dependency("below", Json::Null)]},
                {"id": "below", "deps": []}, {"id": "builds", "deps": []}, {"id": "derives", "deps": []},
            ]},
        })
    }

    #[test]
    fn what_is_linked_is_named_and_what_only_builds_is_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("LICENSE-MIT"), "terms\r\n").unwrap();
        let crates = linked(&metadata(folder.path()), "ours").unwrap();
        let names: Vec<&str> = crates.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["below", "linked"]);
        let notice = notice(Package::Command, &crates).unwrap();
        assert!(
            notice.contains("### below 1.0.0 (LICENSE-MIT), linked 1.0.0 (LICENSE-MIT)\n\n```\nterms\n```")
        );
    }

    #[test]
    fn a_crate_without_terms_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let mut metadata = metadata(folder.path());
        metadata["packages"][1]["license"] = Json::Null;
        assert!(linked(&metadata, "ours").err().unwrap().message.contains("`linked` names no licence"));
    }
}
