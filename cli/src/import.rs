//! Searches of other tools as specs: what they say is carried over, what cannot be is named with its place. Never a
//! spec that `sweep plan` would refuse, and never a key that is dropped in silence.

mod crayai;
mod hpc_compose;
mod python;
mod snakemake;
mod spawn;
mod wandb;
mod write;

use std::fs;
use std::path::Path;

use sweep_core::error::printable;
use sweep_core::limits;

use crate::error::{At, Error, Result};
use crate::spec::mistake::{Mistakes, shown};
use crate::spec::yaml::{self, Entry, Kind as NodeKind, Node};
use crate::spec::{Position, Spec};

/// Whose search it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// spawn's parameter file: YAML, JSON or CSV
    Spawn,
    /// hpc-compose's file with a `sweep` block
    HpcCompose,
    /// A Python file with CrayAI's parameter list, or the list alone
    #[value(name = "crayai")]
    CrayAi,
    /// The directory that hyperband-snakemake generated
    HyperbandSnakemake,
    /// W&B's sweep configuration
    Wandb,
}

impl Kind {
    fn of_what(self) -> &'static str {
        match self {
            Self::Spawn => "a parameter file of spawn's",
            Self::HpcCompose => "a sweep file of hpc-compose's",
            Self::CrayAi => "parameters of CrayAI's",
            Self::HyperbandSnakemake => "a directory of hyperband-snakemake's",
            Self::Wandb => "a sweep of W&B's",
        }
    }
}

/// A spec that was made, and what it could not take from the original.
#[derive(Debug)]
pub struct Imported {
    /// Whose search it was.
    pub kind: Kind,
    /// The spec.
    pub text: String,
    /// What was not carried over, or not as it stood, in the order of the original.
    pub left: Vec<Left>,
}

/// Something that was not carried over, or not as it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where it stands in the original.
    pub at: Option<Position>,
    /// What it is and why.
    pub what: String,
}

/// Longest word on what was left, in characters; it repeats the original, which may say anything.
const WHAT: usize = 400;

/// A spec that is being made.
#[derive(Debug, Default)]
struct Draft {
    /// Keys with their values as YAML text.
    keys: Vec<(String, String)>,
    left: Vec<Left>,
}

impl Draft {
    fn set(&mut self, key: &str, yaml: impl Into<String>) {
        self.keys.push((key.to_owned(), yaml.into()));
    }

    fn leave(&mut self, at: Position, what: impl Into<String>) {
        self.left.push(Left { at: Some(at), what: printable(&what.into(), WHAT) });
    }

    /// What the original does not say, and the spec must.
    fn note(&mut self, what: impl Into<String>) {
        self.left.push(Left { at: None, what: printable(&what.into(), WHAT) });
    }

    fn text(&self) -> String {
        self.keys.iter().map(|(key, yaml)| write::entry(key, yaml)).collect()
    }
}

/// Reads another tool's search; `kind` where the user said whose it is.
///
/// # Errors
/// Where it cannot be read, is of none of these tools, or says what no spec can.
pub fn read(path: &Path, kind: Option<Kind>) -> Result<Imported> {
    let is_folder = fs::metadata(path).at("read", path)?.is_dir();
    if is_folder || kind == Some(Kind::HyperbandSnakemake) {
        if kind.is_some_and(|kind| kind != Kind::HyperbandSnakemake) {
            return Err(Error::user(format!(
                "`{}` is a folder, and only hyperband-snakemake's searches are",
                path.display()
            ))
            .hint("name the file"));
        }
        return finish(path, Kind::HyperbandSnakemake, snakemake::read(path)?, None);
    }
    parse(path, &read_file(path)?, kind)
}

/// Reads the bytes of a file; `path` is what it is called.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, bytes: &[u8], kind: Option<Kind>) -> Result<Imported> {
    let (kind, source) = match kind {
        Some(kind) => (kind, source(path, bytes, Some(kind))?),
        None => {
            let source = source(path, bytes, None)?;
            (detect(path, bytes, &source)?, source)
        }
    };
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let wrong = || {
        Error::user(format!("`{}` is not {}", path.display(), kind.of_what()))
            .hint("leave `--from` out: the kind is found by itself")
    };
    let draft = match (kind, &source) {
        (Kind::Spawn, Source::Tree(root)) => spawn::read(path, root)?,
        (Kind::HpcCompose, Source::Tree(root)) => hpc_compose::read(path, root)?,
        (Kind::Wandb, Source::Tree(root)) => {
            let (draft, kept) = wandb::read(path, bytes, root)?;
            return finish(path, kind, draft, kept);
        }
        (Kind::CrayAi, Source::Python(text)) => crayai::read(path, &name, text)?,
        _ => return Err(wrong()),
    };
    finish(path, kind, draft, None)
}

/// A file as its kind is read.
enum Source {
    Tree(Node),
    Python(String),
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = fs::File::open(path).at("open", path)?;
    file.take(limits::SPEC_LEN + 1).read_to_end(&mut bytes).at("read", path)?;
    if bytes.len() as u64 > limits::SPEC_LEN {
        return Err(Error::user(format!("`{}` is larger than {} bytes", path.display(), limits::SPEC_LEN)));
    }
    Ok(bytes)
}

fn source(path: &Path, bytes: &[u8], kind: Option<Kind>) -> Result<Source> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if ending == "csv" {
        return spawn::rows_of_csv(path, bytes).map(Source::Tree);
    }
    let text = String::from_utf8_lossy(bytes);
    let is_python = ending == "py" || text.contains("Params(") || text.trim_start().starts_with("[[");
    if kind.map_or(is_python, |kind| kind == Kind::CrayAi) {
        return Ok(Source::Python(text.into_owned()));
    }
    let mut mistakes = Mistakes::default();
    let root = yaml::read(bytes, &mut mistakes);
    mistakes.finish(path).map_err(|errors| Error::user(errors.to_string()))?;
    root.map(Source::Tree).ok_or_else(|| unknown(path))
}

fn detect(path: &Path, bytes: &[u8], source: &Source) -> Result<Kind> {
    let Source::Tree(root) = source else { return Ok(Kind::CrayAi) };
    let NodeKind::Map(entries) = &root.kind else { return Err(unknown(path)) };
    let has = |key: &str| entries.iter().any(|entry| entry.key == key);
    if has("sweep") || has("services") {
        Ok(Kind::HpcCompose)
    } else if has("parameters") || has("params") && !entries.iter().all(|entry| spawn::is_key(&entry.key)) {
        let is_ours = !entries.iter().all(|entry| wandb::is_key(&entry.key));
        if is_ours && Spec::parse(path, bytes.to_vec()).is_ok() {
            let message = format!("`{}` is a spec already", path.display());
            return Err(Error::user(message).hint(format!("look at it with: sweep plan {}", path.display())));
        }
        Ok(if has("parameters") { Kind::Wandb } else { Kind::Spawn })
    } else if has("params") || has("grid") {
        Ok(Kind::Spawn)
    } else {
        Err(unknown(path))
    }
}

fn unknown(path: &Path) -> Error {
    Error::user(format!("`{}` is no search of a tool that is known here", path.display())).hint(
        "known: spawn's `params:` or `grid:`, hpc-compose's `sweep:` block, W&B's `parameters:`, CrayAI's \
         `Params([...])`, hyperband-snakemake's directory; say which with `--from`",
    )
}

/// Checks the spec as `sweep plan` would; `kept` is the original's own text where that is a spec already.
fn finish(path: &Path, kind: Kind, mut draft: Draft, kept: Option<String>) -> Result<Imported> {
    draft.left.sort_by_key(|left| left.at);
    let body = kept.unwrap_or_else(|| draft.text());
    let text = format!("{}{body}", head(path, kind, &draft.left));
    if let Err(errors) = Spec::parse(Path::new("spec"), text.clone().into_bytes()) {
        let said: Vec<String> = errors.mistakes.iter().map(|mistake| mistake.message.clone()).collect();
        return Err(Error::user(format!("`{}` says what no spec can", path.display())).said(&said.join("\n")));
    }
    Ok(Imported { kind, text, left: draft.left })
}

/// Lines of the spec's head that say what was left; `sweep import` prints all of them.
const HEAD: usize = 50;

fn head(path: &Path, kind: Kind, left: &[Left]) -> String {
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    let mut head = format!("# Made by `sweep import` from {}, {}.\n", shown(&name), kind.of_what());
    if !left.is_empty() {
        head.push_str("# Not carried over, or not as it stood:\n");
    }
    for Left { at, what } in left.iter().take(HEAD) {
        let place = at.map(|at| format!("line {}: ", at.line)).unwrap_or_default();
        head.push_str(&format!("#   {place}{what}\n"));
    }
    if left.len() > HEAD {
        head.push_str(&format!("#   and {} more\n", left.len() - HEAD));
    }
    head
}

/// The entries of a mapping.
fn entries<'a>(path: &Path, node: &'a Node, what: &str) -> Result<&'a [Entry]> {
    match &node.kind {
        NodeKind::Map(entries) => Ok(entries),
        _ => Err(misplaced(path, node.at, &format!("{what} must be a mapping, not {}", node.word()))),
    }
}

/// The text of a single value.
fn scalar<'a>(path: &Path, node: &'a Node, what: &str) -> Result<&'a str> {
    match &node.kind {
        NodeKind::Scalar { text, .. } => Ok(text),
        _ => Err(misplaced(path, node.at, &format!("{what} must be a single value, not {}", node.word()))),
    }
}

fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == key)
}

fn misplaced(path: &Path, at: Position, message: &str) -> Error {
    Error::user(format!("{}:{}:{}: {message}", path.display(), at.line, at.column))
}

/// A shell's text, kept from being filled in by a spec.
fn for_shell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if rest.starts_with('$') {
            out.push_str("$$$$");
            rest = &rest[1..];
        } else if rest.starts_with('{') {
            out.push_str("$$");
        } else {
            out.push('$');
        }
    }
    out + rest
}

/// Texts of shells.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shells_dollars_come_back_as_they_were() {
        for text in ["$LR ${LR} $$ ${X:-1} $(date) a$", "$$${x}", "none"] {
            let filled = sweep_core::interpolate::expand(&for_shell(text), |_| None).unwrap();
            assert_eq!(filled, text);
        }
    }
}
