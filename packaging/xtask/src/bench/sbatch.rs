//! What the plugin costs in sbatch, in instructions: the same on every machine, however busy. It must never measure a
//! job that may start: all are held.

use std::path::Path;

use sweep_testbed::ClusterConfig;

use crate::bench::site::{Site, json, plugin_setup};
use crate::bench::statistics::Pairs;
use crate::bench::table::{Bar, Row, Table, Unit};
use crate::bench::{Artifacts, callgrind, measure};
use crate::failure::{Failure, Outcome};

/// Each case; counts differ by a few hundred from call to call.
const ROUNDS: usize = 7;
/// In place of a process id: sbatch does not fork.
const PID: &str = "sbatch";
/// Most times what sbatch takes without the plugin.
const RATIO_MAX: f64 = 1.03;

pub fn measure(artifacts: &Artifacts) -> Outcome<Table> {
    let site = Site::start(ClusterConfig { nodes: 1, ..ClusterConfig::default() }, artifacts)?;
    let plugin = plugin_setup(artifacts);
    let spec = site.spec(3)?;
    let made = measure::run(&mut site.sweep(&spec, &["init", "--format", "json"]))?;
    let dir = json(&made.stdout)?["dir"].as_str().unwrap_or_default().to_owned();
    let folder = site.folder("callgrind")?;
    let options = [format!("--sweep-dir={dir}"), "--sweep-trial=t003".to_owned()];
    let (mut plain, mut ours) = (Pairs::default(), Pairs::default());
    for _ in 0..ROUNDS {
        site.cluster.set_plugstack("")?;
        let without = count(&site, &folder, &[])?;
        site.cluster.install_plugin(&plugin)?;
        plain.add(count(&site, &folder, &[])?, without);
        ours.add(count(&site, &folder, &options)?, without);
        site.clear()?;
    }
    let met = plain.ratio().median <= RATIO_MAX;
    let row = |what: &str, pairs: &Pairs| {
        Row::plain(what, pairs.ours(), Unit::Instructions).beyond(pairs.beyond()).ratio(pairs.ratio())
    };
    Ok(Table {
        title: "Instructions of sbatch",
        rows: vec![
            Row::plain("without the plugin", plain.theirs(), Unit::Instructions),
            row("with it, a job without its options", &plain)
                .bar(Bar::Judged { promise: "≤ 1.03 times", met }),
            row("with it, `--sweep-dir` and `--sweep-trial` (checked before the job is submitted)", &ours),
        ],
        notes: vec![format!(
            "`sbatch --hold --wrap true` under callgrind, {ROUNDS} rounds. \"It\" is sbatch without the plugin. \
             Where calloc has to zero a large block or not, counts jump by 130,000 either way."
        )],
    })
}

fn count(site: &Site, folder: &Path, options: &[String]) -> Outcome<f64> {
    let mut command = site.cluster.command("valgrind");
    command.args(callgrind::arguments(folder, PID)).arg("sbatch").args(options);
    command.args(["--hold", "--output=/dev/null", "--wrap", "true"]);
    measure::run(&mut command)?;
    number(callgrind::take(folder, PID))
}

/// A count for statistics; that there is none is an error.
pub fn number(counted: std::io::Result<Option<u64>>) -> Outcome<f64> {
    let counted = counted.map_err(Failure::doing("read what callgrind wrote"))?;
    let counted = counted.ok_or_else(|| Failure::new("callgrind counted nothing"))?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    Ok(counted as f64)
}
