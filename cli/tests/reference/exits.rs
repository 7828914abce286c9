//! Exit codes. A kind of error that has no line here does not compile.

use std::fmt::Write as _;

use sweep_cli::error::{Error, Kind};

const KINDS: [Kind; 7] =
    [Kind::World, Kind::User, Kind::Bug, Kind::NoFolder, Kind::SecondStart, Kind::NoTrial, Kind::NotStarted];

fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::World => "the world failed: Slurm, a disk, the network. Try again when it is mended",
        Kind::User => "your input: a spec, an option, a name. Nothing was changed",
        Kind::Bug => "a fault of `sweep` itself. Please report it",
        Kind::NoFolder => "in a job: the trial's folder could not be made or written",
        Kind::SecondStart => "in a job: another job runs this trial already, so nothing was run",
        Kind::NoTrial => "in a job: it has no trial that it could run",
        Kind::NotStarted => "in a job: the spec's command could not be started",
    }
}

pub fn page() -> String {
    let mut page = String::from(
        "# Exit codes\n\n\
         0 is done. An error is on standard error: what is wrong, what lies behind it, and what to do.\n\n\
         | code | meaning |\n|--:|---|\n",
    );
    for kind in KINDS {
        writeln!(page, "| {} | {} |", Error::new(kind, "").exit_code(), meaning(kind)).unwrap();
    }
    page += "\nA command line that makes no sense is 2 as well. A job of a trial otherwise ends as its command ended: with the \
             same code, or by the same signal.\n\n\
             ## Codes that are an answer\n\n\
             | command | code | meaning |\n|---|--:|---|\n\
             | `sweep status --check`, `sweep wait`, `sweep run` | 0 | all trials completed |\n\
             | | 4 | all trials are over, and some failed |\n\
             | | 5 | some are to come; of `wait`, the time is up |\n\
             | `sweep run` | 130 | Ctrl-C: the trials go on |\n\
             | `sweep log` | 3 | the trial should stop now |\n\
             | a job | 3 | the sweep was stopped, or the trial told to end, before it began |\n\
             | `sweep doctor` | 1 | a sweep would not run here |\n\
             | `sweep plugin check` | 1 | the plugin does not fit this Slurm |\n\
             | `sweep audit verify` | 1 | a file is not what was written |\n";
    page
}
