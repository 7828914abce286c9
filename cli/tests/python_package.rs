//! packaging/python: its own tests, and trials of this machine that use it: parameters, reports, a veto, checkpoints.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod command_site;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use command_site::{Site, wait_for};

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("packaging/python")
}

/// A folder with a spec for `program`, which finds the package.
fn site(spec: &str, program: &str) -> Site {
    let source = package().join("src");
    let site = Site::new(&format!(
        "name: python\ncommand: [python3, train.py]\nmetric: {{name: loss}}\n\
         env: {{PYTHONPATH: {source:?}, PYTHONDONTWRITEBYTECODE: '1'}}\n{spec}"
    ));
    site.write("train.py", program);
    site
}

#[test]
fn the_package_passes_its_own_tests() {
    let mut python = Command::new("python3");
    python.args(["-B", "-m", "unittest", "discover", "-s", "tests"]).current_dir(package());
    let output = python.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("\nOK") && !said.contains("Ran 0 tests"), "{said}");
}

#[test]
fn a_trial_has_typed_parameters_and_reports_what_the_sweep_reads() {
    let site = site(
        "parameters: {lr: [1, 0.5], warm: [true]}\n",
        "import slurm_sweep\n\
         p = slurm_sweep.params(lr=0.1, depth=2)\n\
         print(type(p['lr']).__name__, type(p['warm']).__name__, p['depth'], slurm_sweep.trial())\n\
         for step in slurm_sweep.steps(3): slurm_sweep.report(step=step, loss=p['lr'] / (step + 1))\n\
         slurm_sweep.final('success')\n",
    );
    let dir = site.run(0);
    assert_eq!(site.output(&dir, 0), "float bool 2 t000\n");
    let status = site.json(&["status", dir.to_str().unwrap()]);
    assert_eq!(status["trials"][0]["metric"], 1.0 / 3.0);
    let csv = site.good(&["export", "--table", "metrics"]);
    assert!(csv.contains("\nt001,1,1,1,loss,0.25,\n"), "{csv}");
}

#[test]
fn a_trial_with_a_veto_stops_early_and_saves() {
    let site = site(
        "checkpoint: true\nparameters: {lr: [1]}\n",
        "import slurm_sweep, time\n\
         deadline, step = time.monotonic() + 60, 0\n\
         while not slurm_sweep.should_stop():\n    \
             assert time.monotonic() < deadline\n    \
             slurm_sweep.report(step=step, loss=1.0)\n    \
             step += 1\n    \
             time.sleep(0.01)\n\
         slurm_sweep.save_checkpoint('step', lambda path: path.write_text(str(step)))\n\
         slurm_sweep.final('stopped')\n\
         print('stopped early')\n",
    );
    let mut run = site.command(&["run", "--executor", "local"]).spawn().unwrap();
    let trial = wait_for("the trial's first report", || {
        let sweeps = fs::read_dir(site.path(".sweeps")).ok()?;
        let folders = sweeps.flatten().map(|sweep| sweep.path().join("trials/t000"));
        folders.into_iter().find(|folder| folder.join("metrics.jsonl").exists())
    });
    fs::write(trial.join("veto"), "").unwrap();
    assert!(run.wait().is_ok());
    assert_eq!(site.output(&site.newest(), 0), "stopped early\n");
    assert!(fs::read_to_string(trial.join("checkpoint/step")).unwrap().parse::<u32>().unwrap() > 0);
}

#[test]
fn a_promoted_trial_goes_on_from_its_parents_checkpoint() {
    let site = site(
        "method: halving\nhalving: {max_budget: 4, eta: 2}\nseed: 3\ncheckpoint: true\n\
         parameters: {lr: {min: 0.0, max: 1.0}}\n",
        "import slurm_sweep\n\
         path = slurm_sweep.load_checkpoint('step')\n\
         start = int(path.read_text()) if path else 0\n\
         end = int(slurm_sweep.budget())\n\
         for step in slurm_sweep.steps(end, start):\n    \
             slurm_sweep.report(step=step, loss=slurm_sweep.params()['lr'] / (step + 1))\n\
         slurm_sweep.save_checkpoint('step', lambda path: path.write_text(str(end)))\n\
         print(start, end)\n",
    );
    let dir = site.run(0);
    let said: Vec<String> = (0..7).map(|trial| site.output(&dir, trial)).collect();
    assert_eq!(said, ["0 1\n", "0 1\n", "0 1\n", "0 1\n", "1 2\n", "1 2\n", "2 4\n"]);
}
