//! `sweep schema`.

use std::fmt::Write as _;
use std::process::ExitCode;

use crate::command::print;
use crate::error::{Error, Result};

/// Print the JSON Schema of what commands and files say
///
/// Without a name, all names. They are of draft 2020-12; a later release may write members that they do not have.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sweep schema                          what there are schemas of
  sweep schema status >status.json      of `sweep status --format json`
  sweep schema manifest                 of a sweep's `sweep.json`")]
pub struct Args {
    /// Of what
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Every schema, by its name. They are made of the types in the source, and a test holds them to it.
const SCHEMAS: [(&str, &str); 26] = [
    ("plan", include_str!("../../../docs/reference/schemas/plan.json")),
    ("init", include_str!("../../../docs/reference/schemas/init.json")),
    ("submit", include_str!("../../../docs/reference/schemas/submit.json")),
    ("status", include_str!("../../../docs/reference/schemas/status.json")),
    ("show", include_str!("../../../docs/reference/schemas/show.json")),
    ("top", include_str!("../../../docs/reference/schemas/top.json")),
    ("importance", include_str!("../../../docs/reference/schemas/importance.json")),
    ("compare", include_str!("../../../docs/reference/schemas/compare.json")),
    ("collect", include_str!("../../../docs/reference/schemas/collect.json")),
    ("clean", include_str!("../../../docs/reference/schemas/clean.json")),
    ("archive", include_str!("../../../docs/reference/schemas/archive.json")),
    ("unarchive", include_str!("../../../docs/reference/schemas/unarchive.json")),
    ("list", include_str!("../../../docs/reference/schemas/list.json")),
    ("retry", include_str!("../../../docs/reference/schemas/retry.json")),
    ("resume", include_str!("../../../docs/reference/schemas/resume.json")),
    ("extend", include_str!("../../../docs/reference/schemas/extend.json")),
    ("stop", include_str!("../../../docs/reference/schemas/stop.json")),
    ("doctor", include_str!("../../../docs/reference/schemas/doctor.json")),
    ("verify", include_str!("../../../docs/reference/schemas/verify.json")),
    ("told", include_str!("../../../docs/reference/schemas/told.json")),
    ("manifest", include_str!("../../../docs/reference/schemas/manifest.json")),
    ("intent", include_str!("../../../docs/reference/schemas/intent.json")),
    ("event", include_str!("../../../docs/reference/schemas/event.json")),
    ("claim", include_str!("../../../docs/reference/schemas/claim.json")),
    ("record", include_str!("../../../docs/reference/schemas/record.json")),
    ("best", include_str!("../../../docs/reference/schemas/best.json")),
];

impl Args {
    /// Prints a schema, or their names.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn run(&self) -> Result<ExitCode> {
        let Some(name) = &self.name else {
            print(&names());
            return Ok(ExitCode::SUCCESS);
        };
        let Some((_, schema)) = SCHEMAS.iter().find(|(known, _)| known == name) else {
            let all = SCHEMAS.map(|(known, _)| known);
            return Err(Error::user(format!("there is no schema of `{name}`"))
                .hint(format!("there are {}", all.join(", "))));
        };
        print(schema);
        Ok(ExitCode::SUCCESS)
    }
}

/// A line a schema: its name, and what it is of.
fn names() -> String {
    let mut text = String::new();
    for (name, schema) in SCHEMAS {
        let schema: serde_json::Value = serde_json::from_str(schema).expect("a test reads each of them");
        let title = schema["title"].as_str().unwrap_or_default();
        let _ = writeln!(text, "{name:<12}{title}");
    }
    text
}
