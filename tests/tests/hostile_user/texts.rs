//! Hostile text in every option, by the callback that slurmstepd makes and by the environment that a user sets.

use crate::Row;
use crate::place::Place;
use crate::stub_driver::Script;
use sweep_core::environment::{OPTION_PREFIX, RECORD_OF_JOB};

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            tried: "--sweep-dir with a newline and a forged record behind it",
            happens: "job without trial: control characters; site's record alone",
            play: || text("sweep-dir", b"/tmp/x\n{\"kind\":\"end\",\"uid\":0}"),
        },
        Row {
            tried: "--sweep-dir with escape sequences for a terminal",
            happens: "job without trial: control characters; site's record alone",
            play: || text("sweep-dir", b"/tmp/\x1b]0;x\x07\x1b[2J"),
        },
        Row {
            tried: "--sweep-dir that is not UTF-8",
            happens: "job without trial: not UTF-8; site's record alone",
            play: || text("sweep-dir", b"/tmp/\xff\xfe\xc0\xaf"),
        },
        Row {
            tried: "--sweep-dir of a hundred thousand bytes",
            happens: "job without trial: longer than; site's record alone",
            play: || text("sweep-dir", &[b'x'; 100_000]),
        },
        Row {
            tried: "--sweep-dir that climbs out of a folder to root's",
            happens: "job without trial: is not a sweep directory; site's record alone",
            play: || text("sweep-dir", b"/tmp/../../../../etc"),
        },
        Row {
            tried: "--sweep-dir in /proc/self of slurmstepd",
            happens: "job without trial: is not a sweep directory; site's record alone",
            play: || text("sweep-dir", b"/proc/self/fd"),
        },
        Row {
            tried: "--sweep-trial that is a path",
            happens: "job without trial: is not a trial; site's record alone",
            play: || text("sweep-trial", b"../../../etc/shadow"),
        },
        Row {
            tried: "--sweep-trial with two lines",
            happens: "job without trial: control characters; site's record alone",
            play: || text("sweep-trial", b"t001\nt002"),
        },
        Row {
            tried: "--sweep-trial of twenty digits",
            happens: "job without trial: is not a trial; site's record alone",
            play: || text("sweep-trial", b"99999999999999999999"),
        },
        Row {
            tried: "--sweep-set that would load a library into root's programs",
            happens: "job without trial: would shadow; site's record alone",
            play: || text("sweep-set", b"LD_PRELOAD=/tmp/x.so"),
        },
        Row {
            tried: "--sweep-set that would change SLURM_ and SPANK_ variables",
            happens: "job without trial: would shadow; site's record alone",
            play: || text("sweep-set", b"SPANK_X=1,SLURM_JOB_ID=7"),
        },
        Row {
            tried: "--sweep-set of a hundred thousand bytes",
            happens: "job without trial: longer than; site's record alone",
            play: || text("sweep-set", &[b'x'; 100_000]),
        },
        Row {
            tried: "a mark that says that this attempt is another's, set by the user",
            happens: "job has its trial; both records",
            play: || {
                let place = Place::new();
                let forged = format!("{}/00/other-1/t005/7/5", place.job);
                let script = place.script().env(RECORD_OF_JOB, forged.as_bytes());
                let script = script.env("SWEEP_PARAMS", b"{}").env("SWEEP_RECORD", b"../../etc/passwd");
                place.run_script(script.trial(place.dir.path(), "t001").start().end(0))
            },
        },
        Row {
            tried: "names of cluster, node and submit folder that lead elsewhere, set by the user",
            happens: "job has its trial; both records",
            play: || {
                let place = Place::new();
                let script = ["SLURM_CLUSTER_NAME", "SLURMD_NODENAME", "SLURM_SUBMIT_DIR", "SLURM_JOB_NAME"]
                    .iter()
                    .fold(place.script(), |script, name| script.env(name, b"../../../etc/cron.d/x"));
                place.run_script(script.trial(place.dir.path(), "t001").start().end(0))
            },
        },
    ]
}

/// A text in one option, the others as they should be: first by Slurm's callback, then by the job's environment.
fn text(option: &'static str, value: &[u8]) -> String {
    let by_callback = |script: Script, option: &str, value: &[u8]| script.option(option, value);
    let by_environment = |script: Script, option: &str, value: &[u8]| {
        script.env(&format!("{OPTION_PREFIX}{}", option.replace('-', "_")), value)
    };
    let first = with(option, value, by_callback);
    assert_eq!(first, with(option, value, by_environment), "by the environment");
    first
}

fn with(option: &str, value: &[u8], give: impl Fn(Script, &str, &[u8]) -> Script) -> String {
    let place = Place::new();
    let mut script = place.script();
    for (other, good) in
        [("sweep-dir", place.dir.path().as_os_str().as_encoded_bytes()), ("sweep-trial", b"t001")]
    {
        if other != option {
            script = give(script, other, good);
        }
    }
    place.run_script(give(script, option, value).start().end(0))
}
