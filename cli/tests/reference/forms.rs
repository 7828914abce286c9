//! The forms of JSON: what commands print for programs, and what a sweep's files hold. Types are read from the source,
//! and real output is held against the same reading, so that page, type and output cannot drift apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::sync::LazyLock;

use serde_json::Value;

use super::source::{Member, Type, types};
use super::{root, schema};

/// A form: its name here, its heading, the file of its type, the type.
pub type Form = (&'static str, &'static str, &'static str, &'static str);

const REPORTS: [Form; 17] = [
    ("plan", "`sweep plan`", "cli/src/report/plan.rs", "Plan"),
    ("init", "`sweep init`", "cli/src/command/init.rs", "Report"),
    ("submit", "`sweep submit`", "cli/src/command/submit/shown.rs", "Report"),
    ("status", "`sweep status`, and `sweep run` at its end", "cli/src/report/status.rs", "Status"),
    ("show", "`sweep show`", "cli/src/report/show.rs", "Show"),
    ("top", "`sweep top`", "cli/src/report/top.rs", "Top"),
    ("importance", "`sweep importance`", "cli/src/report/importance.rs", "Mattered"),
    ("compare", "`sweep compare`", "cli/src/report/compare.rs", "Compare"),
    ("collect", "`sweep collect`", "cli/src/command/collect.rs", "Report"),
    ("clean", "`sweep clean`", "cli/src/command/clean.rs", "Report"),
    ("archive", "`sweep archive`", "cli/src/command/archive.rs", "Report"),
    ("unarchive", "`sweep unarchive`", "cli/src/command/unarchive.rs", "Report"),
    ("list", "`sweep list`", "cli/src/report/list.rs", "List"),
    ("retry", "`sweep retry`", "cli/src/command/retry.rs", "Report"),
    ("resume", "`sweep resume`", "cli/src/command/resume.rs", "Report"),
    ("extend", "`sweep extend`", "cli/src/command/extend.rs", "Report"),
    ("stop", "`sweep stop`", "cli/src/command/stop.rs", "Report"),
];
const MORE_REPORTS: [Form; 3] = [
    ("doctor", "`sweep doctor`", "cli/src/doctor.rs", "Report"),
    ("verify", "`sweep audit verify`", "cli/src/audit/verify.rs", "Report"),
    ("told", "What `notify` reads", "cli/src/driver/notify.rs", "Told"),
];
const FILES: [Form; 6] = [
    ("manifest", "`sweep.json`", "core/src/manifest.rs", "Manifest"),
    ("intent", "`batches/<n>.json`", "core/src/batch.rs", "Intent"),
    ("event", "A line of `events/<fence>.jsonl`", "core/src/event.rs", "Event"),
    ("claim", "`trials/<trial>/claim.<batch>`", "core/src/claim.rs", "Claim"),
    ("record", "A line of `trials/<trial>/record.<job>.<start>.jsonl`", "core/src/record.rs", "Record"),
    ("best", "`best.json`", "cli/src/driver/best.rs", "Best"),
];

/// Where types lie that the forms are made of: files, and folders of files.
const PARTS: [&str; 9] = [
    "cli/src/driver/submit.rs",
    "cli/src/report",
    "cli/src/driver/budget.rs",
    "cli/src/driver/best.rs",
    "cli/src/driver/clean.rs",
    "cli/src/export/archive.rs",
    "cli/src/export/collect.rs",
    "core/src",
    "search/src/importance.rs",
];

/// The types of every part, by file.
static KNOWN: LazyLock<Vec<(String, BTreeMap<String, Type>)>> = LazyLock::new(|| {
    let forms = REPORTS.iter().chain(&MORE_REPORTS).chain(&FILES).map(|(_, _, file, _)| (*file).to_owned());
    let mut files: BTreeSet<String> = forms.collect();
    for part in PARTS {
        let path = root().join(part);
        let Ok(entries) = fs::read_dir(&path) else {
            files.insert(part.to_owned());
            continue;
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files.extend(names.filter(|name| name.ends_with(".rs")).map(|name| format!("{part}/{name}")));
    }
    files.into_iter().map(|file| (file.clone(), types(&file))).collect()
});

/// What is written as one word or number, by its type.
pub const LEAVES: [(&str, &str); 22] = [
    ("String", "text"),
    ("str", "text"),
    ("PathBuf", "text"),
    ("bool", "true or false"),
    ("u8", "number"),
    ("u32", "number"),
    ("u64", "number"),
    ("usize", "number"),
    ("i32", "number"),
    ("f64", "number"),
    ("SweepId", "text"),
    ("TrialLabel", "text such as `t003`"),
    ("TrialIndex", "number"),
    ("BatchNumber", "number"),
    ("Token", "text such as `<sweep>.0`"),
    ("JobName", "text"),
    ("Schema", "text such as `1.0`"),
    ("Params", "object of values by name"),
    ("Value", "any value"),
    ("Start", "object"),
    ("Options", "object of texts by name"),
    ("Table", "object"),
];

pub fn json_page() -> String {
    let mut page = String::from(
        "# JSON for programs\n\n\
         What `--format json` prints, of the version that `schema_version` names. A member may be added within a \
         version; none is removed or means something else. A member that may be absent says so; every other is there, \
         if only as null. `sweep schema` prints each form as a JSON Schema.\n\n",
    );
    page += HOW_MADE;
    let mut told = BTreeSet::new();
    for form in REPORTS.iter().chain(&MORE_REPORTS) {
        section(&mut page, form, &mut told);
    }
    page
}

pub fn files_page() -> String {
    let mut page = String::from(
        "# Records, events and the other files\n\n\
         The files of a sweep directory that are JSON. `schema` is the version of the file or line: a reader of \
         another major version refuses it. Which file is where, and why, says [how it works](../explain/how-it-works.md).\n\n",
    );
    page += HOW_MADE;
    let mut told = BTreeSet::new();
    for form in &FILES {
        section(&mut page, form, &mut told);
    }
    page
}

const HOW_MADE: &str =
    "This page is made of the types in the source, and what is written is held against it by a test.\n";

/// A form with the types that it is made of, each once a page.
fn section(page: &mut String, (_, heading, file, name): &Form, told: &mut BTreeSet<String>) {
    let form = find(name, file);
    writeln!(page, "\n## {heading}\n\n{}", form.doc).unwrap();
    let mut open = Vec::new();
    describe(page, form, &mut open);
    open.reverse();
    while let Some((name, file)) = open.pop() {
        let title = title(&name, &file);
        if told.insert(title.clone()) {
            let part = find(&name, &file);
            writeln!(page, "\n### {title}\n\n{}", part.doc).unwrap();
            let mut parts = Vec::new();
            describe(page, part, &mut parts);
            parts.reverse();
            open.extend(parts);
        }
    }
}

/// Where there is a type of this name: beside the one that names it, else in the parts.
pub fn place(name: &str, beside: &str) -> Option<&'static str> {
    let is_part = |file: &str| PARTS.iter().any(|part| file.starts_with(part));
    let has = |(_, types): &&(String, BTreeMap<String, Type>)| types.contains_key(name);
    let near = KNOWN.iter().find(|(file, _)| file == beside).filter(has);
    near.or_else(|| KNOWN.iter().filter(|(file, _)| is_part(file)).find(has)).map(|(file, _)| file.as_str())
}

pub fn find(name: &str, beside: &str) -> &'static Type {
    let place = place(name, beside).unwrap_or_else(|| panic!("no type `{name}` in {beside}"));
    KNOWN.iter().find(|(file, _)| file == place).map(|(_, types)| &types[name]).unwrap()
}

fn describe(page: &mut String, of: &Type, parts: &mut Vec<(String, String)>) {
    let row = |page: &mut String, variant: &str, member: &Member, parts: &mut Vec<(String, String)>| {
        let absent = if member.is_optional { "; may be absent" } else { "" };
        let kind = if member.is_optional {
            inner(&member.kind, "Option").unwrap_or(&member.kind)
        } else {
            &member.kind
        };
        let words = words(kind, of, parts);
        let name = if member.is_flat { "its members".to_owned() } else { format!("`{}`", member.name) };
        writeln!(page, "| {variant}{name} | {words}{absent} | {} |", member.doc.replace('|', "\\|")).unwrap();
    };
    if !of.members.is_empty() {
        page.push_str("\n| member | is | meaning |\n|---|---|---|\n");
        of.members.iter().for_each(|member| row(page, "", member, parts));
    }
    if of.variants.is_empty() {
        return;
    }
    if let Some(tag) = &of.tag {
        writeln!(page, "\n| `{tag}` | member | is | meaning |\n|---|---|---|---|").unwrap();
        for (name, variant) in &of.variants {
            writeln!(page, "| `{name}` | | | {} |", variant.doc).unwrap();
            variant.members.iter().for_each(|member| row(page, "| ", member, parts));
        }
        return;
    }
    page.push_str("\n| is | meaning |\n|---|---|\n");
    for (name, variant) in &of.variants {
        let members = variant.members.iter().map(|member| match member.name.as_str() {
            "" => words(&member.kind, of, parts),
            name => format!("`{name}`: {}", words(&member.kind, of, parts)),
        });
        let members: Vec<_> = members.collect();
        let written = if members.is_empty() {
            format!("`{name}`")
        } else {
            format!("object, `{name}`: {}", members.join(", "))
        };
        writeln!(page, "| {written} | {} |", variant.doc).unwrap();
    }
}

/// A type in words; those that have a section of their own are noted.
fn words(kind: &str, of: &Type, parts: &mut Vec<(String, String)>) -> String {
    let kind = bare(kind);
    if let Some(kind) = inner(kind, "Option") {
        return format!("{} or null", words(kind, of, parts));
    }
    if let Some(kind) = listed(kind) {
        return format!("list of: {}", words(kind, of, parts));
    }
    if let Some(kinds) = inner(kind, "BTreeMap") {
        let (_, kind) = kinds.split_once(", ").unwrap();
        return format!("object by name of: {}", words(kind, of, parts));
    }
    if let Some((_, word)) = LEAVES.iter().find(|(leaf, _)| *leaf == kind) {
        return (*word).to_owned();
    }
    let place = place(kind, &of.file);
    let place = place.unwrap_or_else(|| panic!("`{kind}`: add its file to PARTS or its word to LEAVES"));
    parts.push((kind.to_owned(), place.to_owned()));
    let title = title(kind, place);
    let id: String = title.to_lowercase().replace(' ', "-").replace(['(', ')'], "");
    format!("[{kind}](#{id})")
}

/// The heading of a type; where two files have a type of this name, with the file.
pub fn title(name: &str, file: &str) -> String {
    let homes = KNOWN.iter().filter(|(_, types)| types.contains_key(name)).count();
    let stem = file.rsplit('/').next().unwrap().trim_end_matches(".rs");
    if homes == 1 { name.to_owned() } else { format!("{name} ({stem})") }
}

/// Without reference, lifetime and path.
pub fn bare(kind: &str) -> &str {
    let kind = kind.trim_start_matches('&');
    let kind = kind.strip_prefix("'static ").or_else(|| kind.strip_prefix("'a ")).unwrap_or(kind);
    let kind = kind.strip_suffix("<'a>").unwrap_or(kind);
    let end = kind.find('<').unwrap_or(kind.len());
    kind[..end].rfind("::").map_or(kind, |at| &kind[at + 2..])
}

/// What a list is of.
pub fn listed(kind: &str) -> Option<&str> {
    let array = || kind.strip_prefix('[')?.strip_suffix(']')?.split(';').next();
    inner(kind, "Vec").or_else(array)
}

/// What a type of the source is made of.
pub fn inner<'a>(kind: &'a str, outer: &str) -> Option<&'a str> {
    kind.strip_prefix(outer)?.strip_prefix('<')?.strip_suffix('>')
}

/// Every form.
pub fn all() -> impl Iterator<Item = &'static Form> {
    REPORTS.iter().chain(&MORE_REPORTS).chain(&FILES)
}

/// Holds a value against the form that its page tells, and against its schema.
pub fn check(form: &str, value: &Value) {
    let found = all().find(|(known, ..)| *known == form).unwrap_or_else(|| panic!("no form `{form}`"));
    let (_, _, file, name) = found;
    check_kind(form, name, value, find(name, file));
    schema::hold(&schema::of(found), value);
}

fn check_kind(place: &str, kind: &str, value: &Value, within: &Type) {
    let kind = bare(kind);
    if let Some(kind) = inner(kind, "Option") {
        if !value.is_null() {
            check_kind(place, kind, value, within);
        }
        return;
    }
    if let Some(kind) = listed(kind) {
        let list = value.as_array().unwrap_or_else(|| panic!("{place}: {value} is no list"));
        return list
            .iter()
            .enumerate()
            .for_each(|(at, value)| check_kind(&format!("{place}[{at}]"), kind, value, within));
    }
    if let Some(kinds) = inner(kind, "BTreeMap") {
        let (_, kind) = kinds.split_once(", ").unwrap();
        let object = value.as_object().unwrap_or_else(|| panic!("{place}: {value} is no object"));
        return object
            .iter()
            .for_each(|(name, value)| check_kind(&format!("{place}.{name}"), kind, value, within));
    }
    if let Some((_, word)) = LEAVES.iter().find(|(leaf, _)| *leaf == kind) {
        let fits = match word.split(' ').next().unwrap() {
            "text" => value.is_string(),
            "number" => value.is_number(),
            "true" => value.is_boolean(),
            "any" => true,
            _ => value.is_object(),
        };
        return assert!(fits, "{place}: {value} is no {word}");
    }
    let of = find(kind, &within.file);
    if of.variants.is_empty() {
        return check_members(place, &of.members, value, of, None);
    }
    if let Some(tag) = &of.tag {
        let name = value[tag].as_str().unwrap_or_else(|| panic!("{place}: {value} has no `{tag}`"));
        let variant = of.variants.iter().find(|(known, _)| known == name);
        let (_, variant) = variant.unwrap_or_else(|| panic!("{place}: no `{name}`"));
        return check_members(place, &variant.members, value, of, Some(tag));
    }
    let word = value.as_str().or_else(|| value.as_object()?.keys().next().map(String::as_str));
    assert!(of.variants.iter().any(|(name, _)| Some(name.as_str()) == word), "{place}: {value} is no {kind}");
}

fn check_members(place: &str, members: &[Member], value: &Value, within: &Type, tag: Option<&str>) {
    let object = value.as_object().unwrap_or_else(|| panic!("{place}: {value} is no object"));
    let flat = members.iter().filter(|member| member.is_flat);
    let flat = flat.flat_map(|member| &find(bare(&member.kind), &within.file).members);
    let members: Vec<_> = members.iter().filter(|member| !member.is_flat).chain(flat).collect();
    for name in object.keys().filter(|name| Some(name.as_str()) != tag) {
        assert!(members.iter().any(|member| member.name == *name), "{place}: `{name}` is not on the page");
    }
    for member in members {
        match object.get(&member.name) {
            Some(value) => check_kind(&format!("{place}.{}", member.name), &member.kind, value, within),
            None => assert!(member.is_optional, "{place}: `{}` is missing in {value}", member.name),
        }
    }
}
