//! `cargo xtask set-up`: installs what a private Slurm and the tests need, where apt-get can. It must never start a
//! system daemon, nor leave behind what it put in their way.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};
use crate::program::{self, step};

/// A Debian package, and the file that shows that it, or its like from elsewhere, is here.
pub struct Need {
    package: &'static str,
    evidence: Evidence,
}

enum Evidence {
    /// A program in one of the system's folders.
    Program(&'static str),
    /// A file.
    File(&'static str),
    /// A file whose name starts so, in a folder below /usr/lib: where libraries lie depends on version and machine.
    Library(&'static str),
    /// A module of the system's own Python, whatever its version.
    PythonModule(&'static str),
}

const NEEDS: [Need; 20] = [
    Need { package: "slurmctld", evidence: Evidence::Program("slurmctld") },
    Need { package: "slurmd", evidence: Evidence::Program("slurmd") },
    Need { package: "slurmdbd", evidence: Evidence::Program("slurmdbd") },
    Need { package: "slurm-client", evidence: Evidence::Program("sbatch") },
    Need { package: "munge", evidence: Evidence::Program("munged") },
    Need { package: "mariadb-server", evidence: Evidence::Program("mariadbd") },
    Need { package: "passwd", evidence: Evidence::Program("useradd") },
    Need { package: "libslurm-dev", evidence: Evidence::File("/usr/include/slurm/spank.h") },
    Need { package: "libclang-dev", evidence: Evidence::Library("libclang.so") },
    Need { package: "gcc", evidence: Evidence::Program("gcc") },
    Need { package: "g++", evidence: Evidence::Program("g++") },
    Need { package: "libc6-dev", evidence: Evidence::File("/usr/include/stdio.h") },
    Need { package: "valgrind", evidence: Evidence::Program("valgrind") },
    Need { package: "strace", evidence: Evidence::Program("strace") },
    Need { package: "python3", evidence: Evidence::Program("python3") },
    Need { package: "python3-venv", evidence: Evidence::PythonModule("ensurepip") },
    Need { package: "git", evidence: Evidence::Program("git") },
    Need { package: "tmux", evidence: Evidence::Program("tmux") },
    // Completion is tested in the shells themselves.
    Need { package: "zsh", evidence: Evidence::Program("zsh") },
    Need { package: "fish", evidence: Evidence::Program("fish") },
];

/// invoke-rc.d and deb-systemd-invoke ask this program whether a package may start its daemon.
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// 101 is "no". The first lines tell ours from an administrator's.
const POLICY_TEXT: &str =
    "#!/bin/sh\n# Made by slurm-sweep's `cargo xtask set-up`; may be removed.\nexit 101\n";

/// What systems of other releases are made with.
pub const ROOTS: [Need; 1] = [Need { package: "debootstrap", evidence: Evidence::Program("debootstrap") }];
/// What a static `sweep` needs beside.
pub const STATIC: [Need; 1] = [Need { package: "musl-tools", evidence: Evidence::Program("musl-gcc") }];
/// What an agent is compared with.
pub const PARALLEL: [Need; 1] = [Need { package: "parallel", evidence: Evidence::Program("parallel") }];
/// What the proof of the page needs beside: a browser, and letters for it to draw.
pub const BROWSER: [Need; 2] = [
    Need { package: "chromium", evidence: Evidence::Program("chromium") },
    Need {
        package: "fonts-dejavu-core",
        evidence: Evidence::File("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    },
];
/// What `cargo xtask package` needs beside.
pub const PACKAGING: [Need; 1] = [Need { package: "rpm", evidence: Evidence::Program("rpmbuild") }];

pub fn run() -> Outcome {
    ensure(&NEEDS)
}

/// Installs those of `needs` that are not here.
pub fn ensure(needs: &[Need]) -> Outcome {
    remove_stale_policy();
    let missing: Vec<&str> = needs.iter().filter(|need| !need.is_here()).map(|need| need.package).collect();
    if missing.is_empty() {
        step("set-up: everything is here");
        return Ok(());
    }
    step(format!("set-up: missing: {}", missing.join(" ")));
    if !Path::new("/usr/bin/apt-get").is_file() {
        return Err(Failure::new(format!(
            "this machine has no apt-get; install by its own means what these Debian packages hold: {}",
            missing.join(" ")
        )));
    }
    program::run(&mut as_root(["apt-get", "update", "-qq"])?)?;
    let policy = Policy::put()?;
    let mut install = as_root(["apt-get", "install", "-y", "-qq", "--no-install-recommends"])?;
    program::run(install.args(&missing))?;
    drop(policy);
    let still: Vec<&str> = needs.iter().filter(|need| !need.is_here()).map(|need| need.package).collect();
    if still.is_empty() {
        step("set-up: installed");
        return Ok(());
    }
    Err(Failure::new(format!("apt-get said that it succeeded, but these are not here: {}", still.join(" "))))
}

impl Need {
    fn is_here(&self) -> bool {
        match self.evidence {
            Evidence::Program(name) => {
                ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
                    .iter()
                    .any(|folder| Path::new(folder).join(name).is_file())
            }
            Evidence::File(path) => Path::new(path).is_file(),
            Evidence::Library(prefix) => library(prefix),
            Evidence::PythonModule(name) => python_module(name),
        }
    }
}

/// Looks in /usr/lib/*, /usr/lib/*/lib and /usr/lib64.
fn library(prefix: &str) -> bool {
    let mut folders = vec![Path::new("/usr/lib64").to_owned()];
    for entry in fs::read_dir("/usr/lib").into_iter().flatten().flatten() {
        folders.push(entry.path());
        folders.push(entry.path().join("lib"));
    }
    folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten().any(|entry| {
        // The file must be there, and not only a link to one that was removed.
        entry.file_name().to_string_lossy().starts_with(prefix) && entry.path().is_file()
    })
}

/// Looks in /usr/lib/python3.*.
fn python_module(name: &str) -> bool {
    fs::read_dir("/usr/lib").into_iter().flatten().flatten().any(|entry| {
        entry.file_name().to_string_lossy().starts_with("python3.")
            && entry.path().join(name).join("__init__.py").is_file()
    })
}

/// A command as root, through sudo where we are somebody else.
fn as_root<const N: usize>(words: [&str; N]) -> Outcome<Command> {
    let mut command = if nix::unistd::geteuid().is_root() {
        Command::new("env")
    } else if Path::new("/usr/bin/sudo").is_file() {
        let mut sudo = Command::new("sudo");
        sudo.arg("env");
        sudo
    } else {
        return Err(Failure::new("packages have to be installed: run this as root, or install sudo"));
    };
    // Through `env`, because sudo drops variables.
    command.arg("DEBIAN_FRONTEND=noninteractive").args(words).stdin(Stdio::inherit());
    Ok(command)
}

/// Keeps packages from starting their daemons while it lives.
struct Policy {
    /// An administrator's own is left alone, and decides as it did before.
    ours: bool,
}

impl Policy {
    fn put() -> Outcome<Self> {
        if Path::new(POLICY).exists() {
            step(format!("set-up: {POLICY} is there already and stays as it is"));
            return Ok(Self { ours: false });
        }
        let failed = || Failure::doing::<std::io::Error>(format!("write `{POLICY}`"));
        if nix::unistd::geteuid().is_root() {
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o755).open(POLICY).map_err(failed())?;
            file.write_all(POLICY_TEXT.as_bytes()).map_err(failed())?;
        } else {
            let beside = std::env::temp_dir().join(format!("sweep-policy-{}", std::process::id()));
            fs::write(&beside, POLICY_TEXT).map_err(failed())?;
            let installed = as_root(["install", "-m", "755"])
                .and_then(|mut command| program::run(command.arg(&beside).arg(POLICY)));
            let _ = fs::remove_file(&beside);
            installed?;
        }
        Ok(Self { ours: true })
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.ours {
            remove_stale_policy();
        }
    }
}

/// Removes ours, also one that an interrupted set-up left; an administrator's has another text.
fn remove_stale_policy() {
    if fs::read_to_string(POLICY).is_ok_and(|text| text == POLICY_TEXT) {
        let removed = as_root(["rm", "-f"]).map(|mut command| command.arg(OsStr::new(POLICY)).status());
        if !matches!(removed, Ok(Ok(status)) if status.success()) {
            step(format!("set-up: `{POLICY}` could not be removed: do it by hand"));
        }
    }
}
