//! The daemons of a cluster: how each is started, and what a test may do to one. It must never reach a daemon of
//! another cluster: each is signalled through this cluster's keeper.

use std::fmt;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::config::Site;
use crate::error::TestbedError;
use crate::process::{self, ProcessStat};
use crate::requirements;

/// A daemon that was told to end, or killed.
const END_LIMIT: Duration = Duration::from_secs(30);
/// A daemon that was started until it answers.
const START_LIMIT: Duration = Duration::from_secs(60);

/// One daemon of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Daemon {
    /// The credentials of everybody.
    Munged,
    /// The database, where there is accounting.
    Mariadbd,
    /// The accounting daemon, where there is accounting.
    Slurmdbd,
    /// The controller.
    Slurmctld,
    /// The daemon of node `r<N>`.
    Slurmd(u16),
}

impl fmt::Display for Daemon {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Munged => formatter.write_str("munged"),
            Self::Mariadbd => formatter.write_str("mariadbd"),
            Self::Slurmdbd => formatter.write_str("slurmdbd"),
            Self::Slurmctld => formatter.write_str("slurmctld"),
            Self::Slurmd(node) => write!(formatter, "slurmd-r{node}"),
        }
    }
}

impl Daemon {
    /// Its command line: in the foreground, so that it stays the keeper's child.
    pub(crate) fn argv(self, site: &Site) -> Vec<String> {
        let path = |relative: &str| site.path(relative).display().to_string();
        let conf = site.slurm_conf().display().to_string();
        let words: Vec<String> = match self {
            Self::Munged => vec![
                "munged".to_owned(),
                "--foreground".to_owned(),
                format!("--key-file={}", path("munge/key")),
                format!("--socket={}", site.munge_socket().display()),
                format!("--pid-file={}", path("munge/pid")),
                format!("--seed-file={}", path("munge/seed")),
                "--num-threads=2".to_owned(),
            ],
            Self::Mariadbd => crate::database::argv(site),
            Self::Slurmdbd => vec!["slurmdbd".to_owned(), "-D".to_owned()],
            Self::Slurmctld => vec!["slurmctld".to_owned(), "-D".to_owned(), "-f".to_owned(), conf],
            Self::Slurmd(node) => {
                vec![
                    "slurmd".to_owned(),
                    "-D".to_owned(),
                    "-f".to_owned(),
                    conf,
                    "-N".to_owned(),
                    format!("r{node}"),
                ]
            }
        };
        words
    }

    /// Its environment: nothing of the test's own, which would reach jobs and plugins.
    pub(crate) fn environment(self, site: &Site) -> Vec<String> {
        vec![
            format!("PATH={}", requirements::PATH),
            "LANG=C.UTF-8".to_owned(),
            format!("SLURM_CONF={}", site.slurm_conf().display()),
            // slurmdbd.conf has no word for the database's socket; the client library reads this variable.
            format!("MYSQL_UNIX_PORT={}", site.database_socket().display()),
        ]
    }
}

impl Cluster {
    /// The daemon's process id; an error once it has ended.
    pub fn pid(&self, daemon: Daemon) -> Result<i32, TestbedError> {
        self.daemons()
            .get(&daemon)
            .copied()
            .filter(|pid| ProcessStat::of(*pid).is_some_and(|process| process.is_alive()))
            .ok_or_else(|| TestbedError::DaemonEnded { daemon: daemon.to_string(), logs: self.log_tails() })
    }

    /// Sends a signal to a daemon.
    pub fn signal(&self, daemon: Daemon, signal: i32) -> Result<(), TestbedError> {
        self.supervisor().signal(self.pid(daemon)?, signal)
    }

    /// Stops a daemon where it stands (SIGSTOP); its port still takes connections and nobody answers.
    pub fn freeze(&self, daemon: Daemon) -> Result<(), TestbedError> {
        self.signal(daemon, libc::SIGSTOP)?;
        let pid = self.pid(daemon)?;
        self.wait_for(END_LIMIT, &format!("{daemon} to stop"), || {
            ProcessStat::of(pid).filter(|process| process.state == 'T').map(|_| ())
        })
    }

    /// Lets a frozen daemon go on.
    pub fn thaw(&self, daemon: Daemon) -> Result<(), TestbedError> {
        self.signal(daemon, libc::SIGCONT)
    }

    /// Kills a daemon (SIGKILL) and waits until it is gone.
    pub fn kill(&self, daemon: Daemon) -> Result<(), TestbedError> {
        self.end(daemon, libc::SIGKILL)
    }

    /// Asks a daemon to end (SIGTERM) and waits until it is gone. Jobs of a slurmd go on without it.
    pub fn shut_down(&self, daemon: Daemon) -> Result<(), TestbedError> {
        self.end(daemon, libc::SIGTERM)
    }

    /// Ends a daemon if it runs, starts it, and waits until it answers.
    pub fn restart(&self, daemon: Daemon) -> Result<(), TestbedError> {
        if self.pid(daemon).is_ok() {
            self.shut_down(daemon)?;
        }
        self.launch(daemon)
    }

    /// Starts a daemon that has ended, and waits until it answers.
    pub fn launch(&self, daemon: Daemon) -> Result<(), TestbedError> {
        self.spawn_daemon(daemon)?;
        self.wait_until_up(daemon)
    }

    /// Starts a daemon and does not wait.
    pub(crate) fn spawn_daemon(&self, daemon: Daemon) -> Result<(), TestbedError> {
        let output = self.site().path(format!("log/{daemon}.out"));
        let pid =
            self.supervisor().spawn(&daemon.argv(self.site()), &daemon.environment(self.site()), &output)?;
        self.daemons().insert(daemon, pid);
        Ok(())
    }

    /// Waits until a daemon answers; an error at once if it ends meanwhile.
    pub(crate) fn wait_until_up(&self, daemon: Daemon) -> Result<(), TestbedError> {
        let mut ended = None;
        self.wait_for(START_LIMIT, &format!("{daemon} to answer"), || {
            if let Err(error) = self.pid(daemon) {
                ended = Some(error);
                return Some(());
            }
            self.answers(daemon).then_some(())
        })?;
        ended.map_or(Ok(()), Err)
    }

    fn answers(&self, daemon: Daemon) -> bool {
        match daemon {
            Daemon::Munged => std::os::unix::net::UnixStream::connect(self.site().munge_socket()).is_ok(),
            Daemon::Mariadbd => {
                std::os::unix::net::UnixStream::connect(self.site().database_socket()).is_ok()
            }
            Daemon::Slurmdbd => accepts(self.site().ports.slurmdbd()),
            Daemon::Slurmctld => {
                self.scontrol(&["ping"]).is_ok_and(|ran| ran.success() && ran.stdout.contains("is UP"))
            }
            Daemon::Slurmd(node) => accepts(self.site().ports.slurmd(node)),
        }
    }

    fn end(&self, daemon: Daemon, signal: i32) -> Result<(), TestbedError> {
        let pid = self.pid(daemon)?;
        self.supervisor().signal(pid, signal)?;
        self.wait_for(END_LIMIT, &format!("{daemon} to end"), || {
            ProcessStat::of(pid).is_none_or(|process| !process.is_alive()).then_some(())
        })
    }

    /// The slurmstepd processes of a job (not of an array: of the job id that a task runs under).
    pub fn slurmstepds(&self, job: impl fmt::Display) -> Vec<i32> {
        let mark = format!("[{job}.");
        process::descendants(self.supervisor().pid())
            .into_iter()
            .filter(|process| process.name.starts_with("slurmstepd"))
            // slurmstepd writes `slurmstepd: [7.batch]` over its command line.
            .filter(|process| {
                std::fs::read(format!("/proc/{}/cmdline", process.pid))
                    .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&mark))
            })
            .map(|process| process.pid)
            .collect()
    }

    /// Kills the slurmstepd processes of a job (SIGKILL), as a crash would; its tasks live on.
    pub fn kill_slurmstepds(&self, job: impl fmt::Display) -> Result<(), TestbedError> {
        let job = job.to_string();
        let found = self.wait_for(START_LIMIT, &format!("a slurmstepd of job {job}"), || {
            Some(self.slurmstepds(&job)).filter(|found| !found.is_empty())
        })?;
        for pid in found {
            // SAFETY: a plain system call; the pid was seen just now below our keeper.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        Ok(())
    }

    /// Every living process of this cluster, daemons and jobs, as (pid, name).
    pub fn processes(&self) -> Vec<(i32, String)> {
        let keeper = self.supervisor().pid();
        process::descendants(keeper).into_iter().map(|process| (process.pid, process.name)).collect()
    }
}

fn accepts(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}
