//! A private cluster: started, asked, and ended when it is dropped. It must never leave a process or a file behind.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::account::Account;
use crate::config::{self, ClusterConfig, Site};
use crate::daemon::Daemon;
use crate::error::TestbedError;
use crate::node::NodeShow;
use crate::persisted::Persisted;
use crate::ports::{NODES_MAX, PortBlock};
use crate::process::{Ran, run};
use crate::supervisor::Supervisor;
use crate::{database, plugstack, requirements, wait};

/// A command of Slurm's that takes longer than this hangs, whatever load the machine is under.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// From the daemons' start until all nodes are idle; some seconds on an idle machine.
const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// Lines of each log in an error.
const TAIL_LINES: usize = 12;

/// A running private Slurm. Dropping it ends it; so does the end of this process, however it comes.
#[derive(Debug)]
pub struct Cluster {
    config: ClusterConfig,
    site: Site,
    supervisor: Supervisor,
    daemons: Mutex<BTreeMap<Daemon, i32>>,
    user: Account,
    other: Account,
}

impl Cluster {
    /// Starts a cluster and waits until all its nodes are idle.
    pub fn start(config: ClusterConfig) -> Result<Self, TestbedError> {
        Self::start_site(config, None)
    }

    /// Starts a further cluster that shares this one's slurmdbd and credentials, so that the commands of each reach
    /// the other by `-M`. This one keeps accounts, and is to live as long.
    pub fn start_beside(&self, config: ClusterConfig) -> Result<Self, TestbedError> {
        Self::start_site(ClusterConfig { accounting: true, ..config }, Some(Box::new(self.site.clone())))
    }

    fn start_site(config: ClusterConfig, beside: Option<Box<Site>>) -> Result<Self, TestbedError> {
        requirements::check(config.accounting)?;
        if config.nodes == 0 || config.nodes > NODES_MAX {
            let text = format!("{} (1 to {NODES_MAX})", config.nodes);
            return Err(TestbedError::Unreadable { what: "a number of nodes", text });
        }
        let (user, other) = (Account::user()?, Account::other()?);
        let release = requirements::slurm_release()?;
        let block = PortBlock::reserve(config.nodes + 2)?;
        let ports = block.ports();
        let directory = make_directory()?;
        let supervisor = match Supervisor::start(&directory, block.into_reservation()) {
            Ok(supervisor) => supervisor,
            Err(error) => {
                // Without a keeper there is nobody else to remove what was made so far.
                let _ = fs::remove_dir_all(&directory);
                return Err(error);
            }
        };
        let site = Site { directory, host: short_host_name(), ports, release, beside };
        let cluster = Self { config, site, supervisor, daemons: Mutex::default(), user, other };
        cluster.write_files()?;
        cluster.start_daemons()?;
        Ok(cluster)
    }

    fn write_files(&self) -> Result<(), TestbedError> {
        let site = &self.site;
        for folder in
            ["bin", "munge", "state", "spool", "run", "plugin", "plugstack.conf.d", "scratch", "audit"]
        {
            make_folder(&site.path(folder))?;
        }
        chown(self.scratch(), Some(self.user.uid), Some(self.user.gid))
            .map_err(TestbedError::io("chown", &self.scratch()))?;
        write(&site.path("munge/key"), &random_bytes()?, 0o600)?;
        write(&site.slurm_conf(), config::slurm_conf(site, &self.config).as_bytes(), 0o644)?;
        write(&site.path("plugstack.conf"), config::plugstack_conf(site).as_bytes(), 0o644)?;
        write(&site.path("cgroup.conf"), config::cgroup_conf(site, &self.config).as_bytes(), 0o644)?;
        match &self.config.plugin {
            Some(plugin) => plugstack::install(site, plugin).map(|_| ()),
            // The include of an empty folder is an error to some releases.
            None => self.set_plugstack(""),
        }
    }

    fn start_daemons(&self) -> Result<(), TestbedError> {
        if self.site.beside.is_none() {
            self.launch(Daemon::Munged)?;
        }
        if self.config.accounting && self.site.beside.is_none() {
            make_folder(&self.site.path("database"))?;
            write(&self.site.path("slurmdbd.conf"), config::slurmdbd_conf(&self.site).as_bytes(), 0o600)?;
            database::install(&self.site)?;
            self.launch(Daemon::Mariadbd)?;
            self.launch(Daemon::Slurmdbd)?;
        }
        if self.config.accounting {
            let mut sacctmgr = self.command_as_root("sacctmgr");
            self.run(sacctmgr.args(["-i", "add", "cluster", &self.config.name]))?.checked()?;
        }
        self.launch(Daemon::Slurmctld)?;
        for node in 0..self.config.nodes {
            self.spawn_daemon(Daemon::Slurmd(node))?;
        }
        for node in 0..self.config.nodes {
            self.wait_until_up(Daemon::Slurmd(node))?;
        }
        let nodes = usize::from(self.config.nodes);
        self.wait_for(IDLE_LIMIT, "all nodes to be idle", || {
            let idle = |node: &&NodeShow| node.state == "IDLE";
            (self.nodes().ok()?.iter().filter(idle).count() == nodes).then_some(())
        })
    }

    /// The cluster's directory: root's, readable by all, on a short path.
    pub fn directory(&self) -> &Path {
        &self.site.directory
    }

    /// What SLURM_CONF is in the commands of this cluster.
    pub fn slurm_conf(&self) -> PathBuf {
        self.site.slurm_conf()
    }

    /// A folder of the unprivileged user's, where their commands start.
    pub fn scratch(&self) -> PathBuf {
        self.site.path("scratch")
    }

    /// A folder of root's for the plugin's site records (`audit={dir}/audit`).
    pub fn audit(&self) -> PathBuf {
        self.site.path("audit")
    }

    /// The unprivileged user that tests submit as.
    pub fn user(&self) -> &Account {
        &self.user
    }

    /// Another unprivileged user.
    pub fn other_user(&self) -> &Account {
        &self.other
    }

    /// How the cluster was asked for.
    pub fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// A command that runs as the unprivileged user, in their scratch folder, with a small clean environment.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        self.command_as(&self.user, program)
    }

    /// As [`Cluster::command`], as root.
    pub fn command_as_root(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        self.command_as(&Account::root(), program)
    }

    /// As [`Cluster::command`], as any account.
    pub fn command_as(&self, account: &Account, program: impl AsRef<std::ffi::OsStr>) -> Command {
        account.command(&self.site.directory, program)
    }

    /// Copies a program to where every user of this cluster can run it, first in the PATH of their commands: a build
    /// folder below somebody's home is closed to others. Returns where the copy is.
    pub fn install_program(&self, program: &Path, name: &str) -> Result<PathBuf, TestbedError> {
        let target = self.site.path("bin").join(name);
        // By a process of its own: a file that this one had open for writing could not be run ("text file busy") while
        // a child that another thread forked meanwhile still has it open.
        self.run(Command::new("cp").arg("--remove-destination").arg(program).arg(&target))?.checked()?;
        set_mode(&target, 0o755)?;
        Ok(target)
    }

    /// Runs a command to its end, within a minute.
    pub fn run(&self, command: &mut Command) -> Result<Ran, TestbedError> {
        run(command, COMMAND_LIMIT)
    }

    /// Runs `scontrol` as root.
    pub fn scontrol(&self, arguments: &[&str]) -> Result<Ran, TestbedError> {
        self.run(self.command_as_root("scontrol").args(arguments))
    }

    /// Asks `probe` until it answers; the error after `deadline` shows the daemons' last lines.
    pub fn wait_for<T>(
        &self,
        deadline: Duration,
        what: &str,
        probe: impl FnMut() -> Option<T>,
    ) -> Result<T, TestbedError> {
        wait::wait_for(deadline, probe).ok_or_else(|| TestbedError::Deadline {
            what: what.to_owned(),
            waited: deadline,
            logs: self.log_tails(),
        })
    }

    /// Writes a file of the unprivileged user's into their scratch folder, executable; returns its path.
    pub fn write_script(&self, name: &str, text: &str) -> Result<PathBuf, TestbedError> {
        let path = self.scratch().join(name);
        write(&path, text.as_bytes(), 0o755)?;
        chown(&path, Some(self.user.uid), Some(self.user.gid)).map_err(TestbedError::io("chown", &path))?;
        Ok(path)
    }

    /// slurmctld's log so far.
    pub fn slurmctld_log(&self) -> String {
        self.read_log("slurmctld.log")
    }

    /// The log of a node's slurmd, where its slurmstepds and plugins write too.
    pub fn slurmd_log(&self, node: u16) -> String {
        self.read_log(&format!("slurmd-r{node}.log"))
    }

    fn read_log(&self, name: &str) -> String {
        fs::read(self.site.path("log").join(name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The last lines of every log, for errors.
    pub(crate) fn log_tails(&self) -> String {
        let mut names: Vec<String> = fs::read_dir(self.site.path("log"))
            .map(|entries| {
                entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect()
            })
            .unwrap_or_default();
        names.sort();
        let mut text = String::new();
        for name in &names {
            // A Slurm daemon in the foreground says everything twice: what it wrote to its log is enough.
            let log = name.strip_suffix(".out").map(|stem| format!("{stem}.log"));
            if log.is_some_and(|log| names.contains(&log)) {
                continue;
            }
            let content = self.read_log(name);
            let lines: Vec<&str> = content.lines().collect();
            let tail = &lines[lines.len().saturating_sub(TAIL_LINES)..];
            writeln!(text, "--- {name}\n{}", tail.join("\n")).expect("writing to a String cannot fail");
        }
        text
    }

    /// Lets the cluster live on after this program; [`Persisted::take_down`] ends it.
    pub fn persist(self) -> Result<Persisted, TestbedError> {
        let keeper = self.supervisor.detach()?;
        Ok(Persisted::new(&self.site.directory, &self.user, &keeper))
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    pub(crate) fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    pub(crate) fn daemons(&self) -> MutexGuard<'_, BTreeMap<Daemon, i32>> {
        // A panic between two map operations cannot leave the map half changed.
        self.daemons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the cluster's directory: a short path, because a Unix socket's name has room for 107 bytes.
fn make_directory() -> Result<PathBuf, TestbedError> {
    let parent = std::env::temp_dir();
    let directory = tempfile::Builder::new()
        .prefix("sweep-")
        .tempdir_in(&parent)
        .map_err(TestbedError::io("make a folder in", &parent))?
        // The keeper removes it.
        .keep();
    make_folder(&directory.join("log"))?;
    set_mode(&directory, 0o755)?;
    Ok(directory)
}

fn make_folder(path: &Path) -> Result<(), TestbedError> {
    fs::create_dir_all(path).map_err(TestbedError::io("make", path))?;
    // Whatever the umask of the person who runs the tests is.
    set_mode(path, 0o755)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), TestbedError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(TestbedError::io("chmod", path))
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), TestbedError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    options
        .open(path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, bytes))
        .map_err(TestbedError::io("write", path))?;
    set_mode(path, mode)
}

fn random_bytes() -> Result<[u8; 1024], TestbedError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 1024];
    fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(TestbedError::io("read", source))?;
    Ok(bytes)
}

fn short_host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    name.split('.').next().filter(|short| !short.is_empty()).unwrap_or("localhost").to_owned()
}
