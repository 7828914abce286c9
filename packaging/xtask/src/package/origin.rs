//! What a release is made of: version, time and processor. It must never read the clock: the time is the commit's, so
//! that anybody who packs the same commit gets the same bytes.

use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::{program, workspace};

/// Version, time and processor of a release.
#[derive(Clone, Debug)]
pub struct Origin {
    pub version: &'static str,
    /// Seconds since 1970: `SOURCE_DATE_EPOCH`, else the commit's time.
    pub epoch: u64,
}

impl Origin {
    pub fn of_checkout() -> Outcome<Self> {
        let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(text) => text,
            Err(_) => program::output(Command::new("git").current_dir(workspace::root()).args([
                "log",
                "-1",
                "--format=%ct",
            ]))
            .ok_or_else(|| {
                Failure::new("this is no git checkout\nhint: set SOURCE_DATE_EPOCH to the release's time")
            })?,
        };
        let epoch = epoch.trim().parse().map_err(|_| {
            Failure::new(format!("`SOURCE_DATE_EPOCH={epoch}` is not a number of seconds since 1970"))
        })?;
        Ok(Self { version: env!("CARGO_PKG_VERSION"), epoch })
    }

    /// A program that takes its times from the release.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env("SOURCE_DATE_EPOCH", self.epoch.to_string()).env("LC_ALL", "C").env("TZ", "UTC");
        command
    }

    /// Debian's word for the processor.
    pub fn debian_architecture(&self) -> &'static str {
        match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }
    }
}
