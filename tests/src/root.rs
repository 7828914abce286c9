//! Systems of other Debian releases: made by debootstrap, kept, and lent as copies that are thrown away. A kept root must
//! never change, and of a copy nothing may be left, however its owner ends.

use std::ffi::{CString, OsStr};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::error::TestbedError;
use crate::process::{ProcessStat, Ran, run};
use crate::requirements;
use crate::wait::wait_for;

/// What a private Slurm takes, beyond what every Debian has.
const PACKAGES: &str = "slurmctld,slurmd,slurm-client,munge,slurm-wlm-basic-plugins,libslurm-dev,procps";
/// Names a mirror of Debian, for machines whose apt has none.
const MIRROR_VARIABLE: &str = "SWEEP_DEBIAN_MIRROR";
/// debootstrap's own scripts, one a suite that it knows.
const SCRIPTS: &str = "/usr/share/debootstrap/scripts";
/// What the folder of a copy begins with; its owner's process id comes next.
const PREFIX: &str = "sweep-root-";
/// debootstrap takes 20 s on an idle machine, and much longer on one that is not.
const MAKE_LIMIT: Duration = Duration::from_secs(1800);
/// For what is over in moments.
const LIMIT: Duration = Duration::from_secs(60);

/// A system of another release: a folder with everything that is installed there.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
}

impl Root {
    /// The root of a Debian suite such as `trixie`, with Slurm, made in `folder` where it is not there yet. `mirror` is
    /// where its packages come from, [`mirror`] for one.
    pub fn kept(folder: &Path, suite: &str, mirror: &str) -> Result<Self, TestbedError> {
        let path = folder.join(suite);
        // Written last, so a root that was interrupted is made again; its text, so one of other packages is, too.
        let seal = folder.join(format!("{suite}.made"));
        let is_made = || fs::read_to_string(&seal).is_ok_and(|text| text == PACKAGES);
        if is_made() {
            return Ok(Self { path });
        }
        // Tests run side by side: one of them makes it, the others wait.
        fs::create_dir_all(folder).map_err(TestbedError::io("make", folder))?;
        let lock = folder.join(format!("{suite}.lock"));
        let lock_file = fs::File::create(&lock).map_err(TestbedError::io("create", &lock))?;
        lock_file.lock().map_err(TestbedError::io("lock", &lock))?;
        if is_made() {
            return Ok(Self { path });
        }
        requirements::check_programs(&["debootstrap", "unshare", "nsenter"])?;
        if path.exists() {
            fs::remove_dir_all(&path).map_err(TestbedError::io("remove", &path))?;
        }
        fs::create_dir_all(&path).map_err(TestbedError::io("make", &path))?;
        let known = Path::new(SCRIPTS).join(suite);
        // Suites that are not released yet are made as the one from which they come.
        let script = if known.is_file() { known } else { Path::new(SCRIPTS).join("sid") };
        let mut debootstrap = Command::new("debootstrap");
        debootstrap
            .args(["--variant=minbase", &format!("--include={PACKAGES}"), suite])
            .arg(&path)
            .arg(mirror)
            .arg(script)
            .env("PATH", requirements::PATH)
            .env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut debootstrap, MAKE_LIMIT)?.checked()?;
        let policy = path.join("usr/sbin/policy-rc.d");
        fs::write(&policy, "#!/bin/sh\nexit 101\n").map_err(TestbedError::io("write", &policy))?;
        fs::set_permissions(&policy, fs::Permissions::from_mode(0o755))
            .map_err(TestbedError::io("chmod", &policy))?;
        fs::write(&seal, PACKAGES).map_err(TestbedError::io("write", &seal))?;
        Ok(Self { path })
    }

    /// Where it is. To be read, and never written to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A copy for programs to run in.
    pub fn copy(&self) -> Result<RootCopy, TestbedError> {
        RootCopy::new(self)
    }
}

/// The mirror of Debian that this machine's apt is set up with, in whatever form and file, unless the environment names
/// another.
pub fn mirror() -> Result<String, TestbedError> {
    if let Ok(named) = std::env::var(MIRROR_VARIABLE) {
        return Ok(named);
    }
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let codename = system.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap_or("?");
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", "$(CREATED_BY) $(RELEASE) $(COMPONENT) $(REPO_URI)"]);
    let said = run(&mut apt, LIMIT).map(|ran| ran.stdout).unwrap_or_default();
    mirror_of(&said, codename).ok_or(TestbedError::Mirror { variable: MIRROR_VARIABLE })
}

/// Lines of `Packages bookworm main http://…/debian/`. The release's own, and not its updates'.
fn mirror_of(targets: &str, codename: &str) -> Option<String> {
    let start = format!("Packages {codename} main ");
    let uri = targets.lines().find_map(|line| line.strip_prefix(start.as_str()))?;
    Some(uri.trim_end_matches('/').to_owned())
}

/// A copy of a root, with processes of its own. All that is written into it lies in one temporary folder; dropping it,
/// or the end of its owner, ends every process in it and unmounts it.
#[derive(Debug)]
pub struct RootCopy {
    /// `cat` on a pipe that we alone hold, as the first process of the copy: it ends when the pipe does, and the kernel
    /// then ends all the others and lets go of the mounts.
    holder: Child,
    /// The first process's id outside.
    first: u32,
    /// What was written; removed last.
    _folder: tempfile::TempDir,
}

impl RootCopy {
    fn new(root: &Root) -> Result<Self, TestbedError> {
        requirements::check_programs(&["unshare", "nsenter"])?;
        let parent = std::env::temp_dir();
        remove_orphans(&parent);
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .tempdir_in(&parent)
            .map_err(TestbedError::io("make a folder in", &parent))?;
        for name in ["top", "upper", "work"] {
            let path = folder.path().join(name);
            fs::create_dir(&path).map_err(TestbedError::io("make", &path))?;
            // What is merged has the mode of the upper one.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(TestbedError::io("chmod", &path))?;
        }
        let mounts = Mounts::new(root.path(), folder.path())
            .map_err(TestbedError::io("mount a copy in", folder.path()))?;
        let mut unshare = Command::new("unshare");
        unshare
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .arg(format!("--root={}", folder.path().join("top").display()))
            .arg("/bin/cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        // SAFETY: the closure makes plain system calls with texts that were made before the fork.
        unsafe { unshare.pre_exec(move || mounts.mount()) };
        let holder = unshare
            .spawn()
            .map_err(|source| TestbedError::Spawn { command: "unshare".to_owned(), source })?;
        let mut copy = Self { holder, first: 0, _folder: folder };
        let children = format!("/proc/{0}/task/{0}/children", copy.holder.id());
        // cat is there once it is called so: until then it is unshare's own fork.
        let first = || {
            let pid: u32 = fs::read_to_string(&children).ok()?.trim().parse().ok()?;
            (fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim() == "cat").then_some(pid)
        };
        copy.first = wait_for(LIMIT, first).ok_or_else(|| TestbedError::Deadline {
            what: format!("the first process of a copy of `{}`", root.path().display()),
            waited: LIMIT,
            logs: String::new(),
        })?;
        Ok(copy)
    }

    /// A command that runs in the copy as root, in its `/`, with a small clean environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.first))
            .args(["--mount", "--pid", "--root", "--wd", "--"])
            .arg(program)
            .env_clear()
            .env("PATH", requirements::PATH)
            .env("HOME", "/root")
            .env("LANG", "C.UTF-8")
            .env("TERM", "dumb")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// Runs a command in the copy to its end; [`Ran::checked`] says whether it went well.
    pub fn run(&self, program: &str, arguments: &[&str], deadline: Duration) -> Result<Ran, TestbedError> {
        run(self.command(program).args(arguments), deadline)
    }

    /// Puts a file of this machine into the copy, where everybody may run it, and makes its folders.
    pub fn put(&self, file: &Path, path: &str) -> Result<(), TestbedError> {
        let bytes = fs::read(file).map_err(TestbedError::io("read", file))?;
        // Through the first process's own view: below the mount and not beside it.
        let target = PathBuf::from(format!("/proc/{}/root{path}", self.first));
        let folder = target.parent().unwrap_or(&target).to_owned();
        fs::create_dir_all(&folder).map_err(TestbedError::io("make", &folder))?;
        fs::write(&target, bytes).map_err(TestbedError::io("write", &target))?;
        fs::set_permissions(&target, fs::Permissions::from_mode(0o755))
            .map_err(TestbedError::io("chmod", &target))
    }

    /// A path of the copy as this machine's own programs reach it, while the copy lives.
    pub fn outside(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.first))
    }
}

/// Removes what owners left who were killed: their processes and mounts went with them, the written files did not.
fn remove_orphans(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok());
        if owner.is_some_and(|pid| ProcessStat::of(pid).is_none()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for RootCopy {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        // unshare ends when cat has, and cat at the end of its input; the folder goes after that.
        if wait_for(LIMIT, || self.holder.try_wait().ok().flatten()).is_none() {
            let _ = self.holder.kill();
            let _ = self.holder.wait();
        }
    }
}

/// What is mounted in the copy, ready before the fork.
struct Mounts {
    top: CString,
    layers: CString,
    /// Of this machine, and where in the copy.
    shared: Vec<(CString, CString)>,
}

impl Mounts {
    fn new(root: &Path, folder: &Path) -> io::Result<Self> {
        let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from);
        let top = folder.join("top");
        let layers = format!(
            "lowerdir={},upperdir={},workdir={}",
            root.display(),
            folder.join("upper").display(),
            folder.join("work").display()
        );
        let shared = ["/dev", "/sys"].iter().map(Path::new);
        let inside = |path: &Path| top.join(path.strip_prefix("/").unwrap_or(path));
        let shared = shared.map(|path| Ok((text(path)?, text(&inside(path))?)));
        Ok(Self {
            layers: CString::new(layers)?,
            shared: shared.collect::<io::Result<_>>()?,
            top: text(&top)?,
        })
    }

    /// In the child: mounts that nobody outside sees and that go with the last process inside.
    fn mount(&self) -> io::Result<()> {
        let done = |code: libc::c_int| if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
        let none = std::ptr::null();
        // SAFETY: plain system calls with C strings that live as long as `self`, or NULL where Linux takes it.
        unsafe {
            done(libc::unshare(libc::CLONE_NEWNS))?;
            done(libc::mount(none, c"/".as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, none.cast()))?;
            let overlay = c"overlay".as_ptr();
            done(libc::mount(overlay, self.top.as_ptr(), overlay, 0, self.layers.as_ptr().cast()))?;
            for (source, target) in &self.shared {
                let flags = libc::MS_BIND | libc::MS_REC;
                done(libc::mount(source.as_ptr(), target.as_ptr(), none, flags, none.cast()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    //! What apt says of its sources.
    use super::*;

    #[test]
    fn the_mirror_is_that_of_the_release_itself() {
        let said = "Packages bookworm-security main http://a/debian-security/\nDEP-11 bookworm main http://b/\n\
                    Packages bookworm main http://c/debian/\nPackages bookworm-updates main http://d/debian/\n";
        assert_eq!(mirror_of(said, "bookworm").as_deref(), Some("http://c/debian"));
        assert_eq!(mirror_of(said, "noble"), None);
    }
}
