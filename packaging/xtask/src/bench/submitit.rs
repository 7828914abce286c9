//! submitit from PyPI, to be compared with. It must never be installed anywhere but below our own build folder and in
//! the private cluster's.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::bench::site::Site;
use crate::bench::{self, measure};
use crate::failure::{Failure, Outcome};
use crate::program;

/// The version that the project's figures speak of.
const VERSION: &str = "1.5.4";

/// Python code that times `map_array` itself, without the start of Python and imports.
const SCRIPT: &str = r#"
import sys, time, submitit
def nothing(x):
    return x
executor = submitit.AutoExecutor(folder=sys.argv[1], cluster="slurm")
executor.update_parameters(slurm_additional_parameters={"hold": True}, slurm_array_parallelism=int(sys.argv[2]))
start = time.perf_counter()
executor.map_array(nothing, range(int(sys.argv[2])))
print((time.perf_counter() - start) * 1000)
"#;

/// submitit, where the cluster's user can run it.
pub struct Submitit {
    packages: PathBuf,
    pub version: &'static str,
}

impl Submitit {
    pub fn install(site: &Site) -> Outcome<Self> {
        let venv = bench::folder("submitit")?;
        let installed = venv.join(format!("{VERSION}.installed"));
        if !installed.is_file() {
            program::run(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(&venv))?;
            let mut pip = Command::new(venv.join("bin/pip"));
            program::run(pip.args(["install", "--quiet", &format!("submitit=={VERSION}")]))?;
            fs::write(&installed, "").map_err(Failure::doing("note that submitit is installed"))?;
        }
        // The build folder may be closed to the user.
        let packages = site.cluster.directory().join("python");
        let script = format!("cp -a {}/lib/python3*/site-packages {}", venv.display(), packages.display());
        program::run(Command::new("sh").args(["-c", &script]))?;
        Ok(Self { packages, version: VERSION })
    }

    /// Milliseconds that `map_array` took for so many held trials.
    pub fn map_array(&self, site: &Site, trials: u32) -> Outcome<f64> {
        let folder = site.folder("submitit")?;
        let mut python = site.cluster.command("/usr/bin/python3");
        python.args(["-c", SCRIPT]).arg(folder.join("log")).arg(trials.to_string());
        python.env("PYTHONPATH", &self.packages).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(&folder);
        let printed = measure::run(&mut python)?.stdout;
        fs::remove_dir_all(folder.join("log")).map_err(Failure::doing("remove submitit's folder"))?;
        printed.trim().parse().map_err(Failure::doing(format!("read submitit's time in `{printed}`")))
    }
}
