//! What a cluster is to be, and its configuration files as text. It never touches a disk: what is rendered here can be
//! compared with a golden text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::ports::Ports;

/// What [`crate::Cluster::start`] is to start. `ClusterConfig { nodes: 3, ..Default::default() }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// What it calls itself, in `-M` and in records.
    pub name: String,
    /// How many slurmd, named `r0`, `r1`, …
    pub nodes: u16,
    /// What each node claims to have, whatever the machine has.
    pub cpus_per_node: u16,
    /// What each node claims to have.
    pub memory_mib_per_node: u32,
    /// The plugin in plugstack.conf.d, or none.
    pub plugin: Option<PluginSetup>,
    /// Start slurmdbd on a MariaDB of the cluster's own, so that `sacct` works.
    pub accounting: bool,
    /// Settings of slurm.conf, by name; they replace the testbed's own. `{dir}` stands for the cluster's directory.
    pub settings: BTreeMap<String, String>,
    /// The text of cgroup.conf, for tests that need cgroups; the testbed's own uses none.
    pub cgroup_conf: Option<String>,
    /// Whole lines behind all others in slurm.conf, such as further partitions.
    pub lines: Vec<String>,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            name: "testbed".to_owned(),
            nodes: 2,
            cpus_per_node: 8,
            memory_mib_per_node: 16 * 1024,
            plugin: None,
            accounting: false,
            settings: BTreeMap::new(),
            cgroup_conf: None,
            lines: Vec::new(),
        }
    }
}

impl ClusterConfig {
    /// Adds or replaces a setting of slurm.conf.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a partition over all nodes, for instance `("low", "PriorityTier=1")`.
    #[must_use]
    pub fn partition(mut self, name: &str, options: &str) -> Self {
        self.lines.push(format!("PartitionName={name} Nodes=ALL MaxTime=INFINITE State=UP {options}"));
        self
    }

    /// Loads this plugin.
    #[must_use]
    pub fn plugin(mut self, plugin: PluginSetup) -> Self {
        self.plugin = Some(plugin);
        self
    }
}

/// One line of plugstack.conf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSetup {
    /// The built .so; the cluster runs a copy.
    pub path: PathBuf,
    /// Arguments, as in plugstack.conf. `{dir}` stands for the cluster's directory.
    pub arguments: String,
    /// Whether a failure counts.
    pub load: Load,
}

/// The first word of a plugstack.conf line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// Failures are ignored: how the plugin ships.
    Optional,
    /// Failures end jobs and drain nodes.
    Required,
}

impl Load {
    /// As plugstack.conf spells it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }
}

/// Where a cluster lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    pub directory: PathBuf,
    /// Short host name of the machine.
    pub host: String,
    pub ports: Ports,
    /// Slurm's release, as (year, month).
    pub release: (u32, u32),
    /// The cluster whose munged and slurmdbd it shares.
    pub beside: Option<Box<Site>>,
}

impl Site {
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.directory.join(relative)
    }

    pub fn slurm_conf(&self) -> PathBuf {
        self.path("slurm.conf")
    }

    pub fn munge_socket(&self) -> PathBuf {
        self.beside.as_ref().map_or_else(|| self.path("munge/socket"), |first| first.munge_socket())
    }

    pub fn slurmdbd_port(&self) -> u16 {
        self.beside.as_ref().map_or_else(|| self.ports.slurmdbd(), |first| first.slurmdbd_port())
    }

    pub fn database_socket(&self) -> PathBuf {
        self.path("database/socket")
    }
}

/// slurm.conf.
pub(crate) fn slurm_conf(site: &Site, config: &ClusterConfig) -> String {
    let mut settings = base_settings(site, &config.name);
    if config.accounting {
        settings.extend([
            ("AccountingStorageType", "accounting_storage/slurmdbd".to_owned()),
            ("AccountingStorageHost", "127.0.0.1".to_owned()),
            ("AccountingStoragePort", site.slurmdbd_port().to_string()),
            // Of all things, this names the munge socket for talks with slurmdbd.
            ("AccountingStoragePass", site.munge_socket().display().to_string()),
        ]);
    }
    let mut text = String::new();
    let own =
        settings.iter().filter(|(name, _)| !config.settings.keys().any(|key| key.eq_ignore_ascii_case(name)));
    for (name, value) in own {
        writeln!(text, "{name}={value}").expect("writing to a String cannot fail");
    }
    for (name, value) in &config.settings {
        let value = value.replace("{dir}", &site.directory.display().to_string());
        writeln!(text, "{name}={value}").expect("writing to a String cannot fail");
    }
    for node in 0..config.nodes {
        writeln!(
            text,
            "NodeName=r{node} NodeHostname={} NodeAddr=127.0.0.1 Port={} CPUs={} RealMemory={} State=UNKNOWN",
            site.host,
            site.ports.slurmd(node),
            config.cpus_per_node,
            config.memory_mib_per_node,
        )
        .expect("writing to a String cannot fail");
    }
    text.push_str("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n");
    for line in &config.lines {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn base_settings(site: &Site, name: &str) -> Vec<(&'static str, String)> {
    let path = |relative: &str| site.path(relative).display().to_string();
    vec![
        ("ClusterName", name.to_owned()),
        ("SlurmctldHost", format!("{}(127.0.0.1)", site.host)),
        ("SlurmUser", "root".to_owned()),
        ("SlurmdUser", "root".to_owned()),
        ("SlurmctldPort", site.ports.slurmctld().to_string()),
        ("AuthType", "auth/munge".to_owned()),
        ("CredType", "cred/munge".to_owned()),
        ("AuthInfo", format!("socket={}", site.munge_socket().display())),
        ("StateSaveLocation", path("state")),
        ("SlurmdSpoolDir", path("spool/%n")),
        ("SlurmctldPidFile", path("run/slurmctld.pid")),
        ("SlurmdPidFile", path("run/slurmd-%n.pid")),
        ("SlurmctldLogFile", path("log/slurmctld.log")),
        ("SlurmdLogFile", path("log/slurmd-%n.log")),
        ("SlurmctldDebug", "verbose".to_owned()),
        ("SlurmdDebug", "debug".to_owned()),
        ("PlugStackConfig", path("plugstack.conf")),
        ("MailProg", "/bin/true".to_owned()),
        // A daemon that starts by itself for MPI, or limits of the calling shell, have no place in a test.
        ("MpiDefault", "none".to_owned()),
        ("PropagateResourceLimits", "NONE".to_owned()),
        ("ProctrackType", "proctrack/linuxproc".to_owned()),
        ("TaskPlugin", "task/none".to_owned()),
        ("JobAcctGatherType", "jobacct_gather/linux".to_owned()),
        ("JobAcctGatherFrequency", "30".to_owned()),
        ("AccountingStorageType", "accounting_storage/none".to_owned()),
        // A node may claim more CPUs than the machine has.
        ("SlurmdParameters", "config_overrides".to_owned()),
        ("SelectType", "select/cons_tres".to_owned()),
        ("SelectTypeParameters", "CR_CPU".to_owned()),
        ("ReturnToService", "2".to_owned()),
        // A job should start when it is submitted, and not when the scheduler next looks.
        ("SchedulerType", "sched/backfill".to_owned()),
        (
            "SchedulerParameters",
            "batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1".to_owned(),
        ),
        ("KillWait", "2".to_owned()),
        ("MessageTimeout", "20".to_owned()),
    ]
}

/// cgroup.conf. No plugin of ours uses cgroups, but slurmd loads its cgroup plugin all the same, and fails where it
/// finds no cgroup file system to choose one by, as in many containers. Named, v1 asks for none before it is used.
pub(crate) fn cgroup_conf<'a>(site: &Site, config: &'a ClusterConfig) -> &'a str {
    match &config.cgroup_conf {
        Some(text) => text,
        None if site.release >= (23, 11) => "CgroupPlugin=disabled\n",
        None if site.release >= (22, 5) => "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n",
        // Before 22.05 there was one kind, and no word to name it.
        None => "CgroupAutomount=no\n",
    }
}

/// plugstack.conf: includes the folder beside it, as distributions do.
pub(crate) fn plugstack_conf(site: &Site) -> String {
    format!("include {}/*.conf\n", site.path("plugstack.conf.d").display())
}

/// slurmdbd.conf. Slurm refuses it unless its mode is 0600.
pub(crate) fn slurmdbd_conf(site: &Site) -> String {
    let path = |relative: &str| site.path(relative).display().to_string();
    let settings = [
        ("AuthType", "auth/munge".to_owned()),
        ("AuthInfo", format!("socket={}", site.munge_socket().display())),
        ("DbdHost", "localhost".to_owned()),
        ("DbdAddr", "127.0.0.1".to_owned()),
        ("DbdPort", site.slurmdbd_port().to_string()),
        ("SlurmUser", "root".to_owned()),
        ("DebugLevel", "verbose".to_owned()),
        ("LogFile", path("log/slurmdbd.log")),
        ("PidFile", path("run/slurmdbd.pid")),
        ("StorageType", "accounting_storage/mysql".to_owned()),
        ("StorageHost", "localhost".to_owned()),
        ("StorageUser", "root".to_owned()),
        ("StorageLoc", "slurm_acct_db".to_owned()),
    ];
    settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

#[cfg(test)]
mod tests {
    //! The text of a fixed site, line by line where a line matters.
    use super::*;

    fn site() -> Site {
        Site {
            directory: PathBuf::from("/t/c"),
            host: "box".to_owned(),
            ports: Ports { base: 20_000 },
            release: (22, 5),
            beside: None,
        }
    }

    #[test]
    fn each_node_has_its_own_name_and_port() {
        let text = slurm_conf(&site(), &ClusterConfig::default());
        let nodes: Vec<&str> = text.lines().filter(|line| line.starts_with("NodeName")).collect();
        assert_eq!(
            nodes,
            [
                "NodeName=r0 NodeHostname=box NodeAddr=127.0.0.1 Port=20002 CPUs=8 RealMemory=16384 State=UNKNOWN",
                "NodeName=r1 NodeHostname=box NodeAddr=127.0.0.1 Port=20003 CPUs=8 RealMemory=16384 State=UNKNOWN",
            ]
        );
    }

    #[test]
    fn a_setting_replaces_the_testbeds_own_whatever_its_case() {
        let config = ClusterConfig::default().set("killwait", "30").set("MaxArraySize", "11");
        let text = slurm_conf(&site(), &config);
        let matching: Vec<&str> =
            text.lines().filter(|line| line.to_lowercase().starts_with("killwait")).collect();
        assert_eq!(matching, ["killwait=30"]);
        assert!(text.contains("\nMaxArraySize=11\n"));
    }

    #[test]
    fn accounting_points_at_the_clusters_own_slurmdbd() {
        let config = ClusterConfig { accounting: true, ..ClusterConfig::default() };
        assert!(slurm_conf(&site(), &config).contains("AccountingStoragePort=20001\n"));
        assert!(slurmdbd_conf(&site()).contains("DbdPort=20001\n"));
    }

    #[test]
    fn a_second_cluster_has_the_firsts_credentials_and_database_and_its_own_name_and_ports() {
        let second = Site {
            directory: PathBuf::from("/t/d"),
            ports: Ports { base: 21_000 },
            beside: Some(Box::new(site())),
            ..site()
        };
        let config = ClusterConfig { name: "north".to_owned(), accounting: true, ..ClusterConfig::default() };
        let text = slurm_conf(&second, &config);
        for line in [
            "ClusterName=north",
            "SlurmctldPort=21000",
            "AccountingStoragePort=20001",
            "AuthInfo=socket=/t/c/munge/socket",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}");
        }
    }

    #[test]
    fn every_path_lies_in_the_clusters_directory() {
        let config = ClusterConfig { accounting: true, ..ClusterConfig::default() };
        let text = slurm_conf(&site(), &config) + &slurmdbd_conf(&site()) + &plugstack_conf(&site());
        for word in text.split(['=', ' ', '\n']).filter(|word| word.starts_with('/')) {
            assert!(word.starts_with("/t/c/") || word == "/bin/true", "{word}");
        }
    }

    #[test]
    fn the_cgroup_plugin_fits_the_release_unless_the_test_says_otherwise() {
        let config = ClusterConfig::default();
        assert!(cgroup_conf(&site(), &config).starts_with("CgroupPlugin=cgroup/v1\n"));
        assert_eq!(cgroup_conf(&Site { release: (24, 11), ..site() }, &config), "CgroupPlugin=disabled\n");
        assert_eq!(cgroup_conf(&Site { release: (20, 11), ..site() }, &config), "CgroupAutomount=no\n");
        let config = ClusterConfig { cgroup_conf: Some("ConstrainRAMSpace=yes\n".to_owned()), ..config };
        assert_eq!(cgroup_conf(&site(), &config), "ConstrainRAMSpace=yes\n");
    }
}
