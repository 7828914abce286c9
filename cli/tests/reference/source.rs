//! Types as they stand in the source: their members, what each is for, and how serde writes them. It reads files that
//! rustfmt has made alike, and never guesses: what it does not know is a panic.

use std::collections::BTreeMap;
use std::fs;

use super::root;

/// A struct, an enum, or one variant of an enum.
#[derive(Clone, Debug, Default)]
pub struct Type {
    pub doc: String,
    pub members: Vec<Member>,
    pub variants: Vec<(String, Type)>,
    /// The member that holds the variant's name, where serde puts it there.
    pub tag: Option<String>,
    /// Where it stands.
    pub file: String,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    pub kind: String,
    pub doc: String,
    /// May be absent.
    pub is_optional: bool,
    /// Its members stand in place of it.
    pub is_flat: bool,
}

/// The types of a source file, by name.
pub fn types(file: &str) -> BTreeMap<String, Type> {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let code = text.split("#[cfg(test)]").next().unwrap();
    let mut types = BTreeMap::new();
    let mut above: Vec<&str> = Vec::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("///") || line.starts_with("#[") {
            above.push(line);
            continue;
        }
        let head = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(super) ")).unwrap_or(line);
        let rest = head.strip_prefix("struct ").or_else(|| head.strip_prefix("enum "));
        if let Some(rest) = rest.filter(|rest| rest.ends_with('{')) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            let body: Vec<_> = lines.by_ref().take_while(|line| *line != "}").collect();
            types.insert(name, read(&above, &body, head.starts_with("enum "), file));
        }
        above.clear();
    }
    types
}

fn read(above: &[&str], body: &[&str], is_enum: bool, file: &str) -> Type {
    let serde = attributes(above);
    let mut found =
        Type { doc: doc(above), tag: value(&serde, "tag"), file: file.to_owned(), ..Type::default() };
    let case = value(&serde, "rename_all").unwrap_or_default();
    let mut before: Vec<&str> = Vec::new();
    let mut lines = body.iter().map(|line| line.trim());
    while let Some(line) = lines.next() {
        if line.starts_with("///") || line.starts_with("#[") {
            before.push(line);
            continue;
        }
        let here = attributes(&before);
        if is_enum {
            let name: String = line.chars().take_while(|c| c.is_alphanumeric()).collect();
            let mut variant = Type { doc: doc(&before), ..Type::default() };
            if line.ends_with('{') {
                let inner: Vec<_> = lines.by_ref().take_while(|line| *line != "},").collect();
                variant.members = read(&[], &inner, false, file).members;
            } else if let Some((_, kind)) = line.split_once('(') {
                let kind = kind.trim_end_matches(',').trim_end_matches(')').to_owned();
                let member = Member {
                    name: String::new(),
                    kind,
                    doc: String::new(),
                    is_optional: false,
                    is_flat: true,
                };
                variant.members.push(member);
            }
            let name = value(&here, "rename").unwrap_or_else(|| cased(&name, &case));
            found.variants.push((name, variant));
        } else {
            if here.contains("skip)") {
                before.clear();
                continue;
            }
            let line = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(super) ")).unwrap_or(line);
            let (name, kind) =
                line.split_once(": ").unwrap_or_else(|| panic!("{file}: `{line}` is no member"));
            found.members.push(Member {
                name: value(&here, "rename").unwrap_or_else(|| name.to_owned()),
                kind: kind.trim_end_matches(',').to_owned(),
                doc: doc(&before),
                is_optional: here.contains("skip_serializing_if"),
                is_flat: here.contains("flatten"),
            });
        }
        before.clear();
    }
    found
}

fn attributes(above: &[&str]) -> String {
    above.iter().filter(|line| line.trim().starts_with("#[serde")).copied().collect()
}

fn value(attributes: &str, key: &str) -> Option<String> {
    let (_, rest) = attributes.split_once(&format!("{key} = \""))?;
    rest.split('"').next().map(str::to_owned)
}

/// The doc comment as one text, its links as plain names.
fn doc(above: &[&str]) -> String {
    let lines = above.iter().filter_map(|line| line.trim().strip_prefix("///")).map(str::trim);
    let text = lines.collect::<Vec<_>>().join(" ");
    text.replace("[`", "`").replace("`]", "`")
}

fn cased(name: &str, case: &str) -> String {
    let snake = || {
        let mut text = String::new();
        for c in name.chars() {
            if c.is_uppercase() && !text.is_empty() {
                text.push('_');
            }
            text.push(c.to_ascii_lowercase());
        }
        text
    };
    match case {
        "lowercase" => name.to_lowercase(),
        "snake_case" => snake(),
        "kebab-case" => snake().replace('_', "-"),
        "" => name.to_owned(),
        other => panic!("rename_all = \"{other}\" is not known here"),
    }
}
