//! The plugin in a cluster's plugstack. Files are put in place by rename: a step that starts meanwhile must never load
//! half a plugin.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::account::Account;
use crate::artifacts;
use crate::cluster::Cluster;
use crate::config::{PluginSetup, Site};
use crate::error::TestbedError;
use crate::process::run;

/// File name of the plugin and, with another ending, of its line.
const PLUGIN: &str = "spank_sweep.so";
const LINE: &str = "spank_sweep.conf";
/// The file with the line that `sweep plugin install` writes.
const INSTALLED_LINE: &str = "sweep.conf";
/// `sweep plugin install` asks some programs of Slurm's and runs no job.
const INSTALL_LIMIT: Duration = Duration::from_secs(120);

impl Cluster {
    /// Copies a plugin into the cluster and makes it the only one of plugstack.conf.d. New submissions and new steps
    /// use it at once; a slurmd keeps what it loaded at its start. Returns where the copy is.
    pub fn install_plugin(&self, plugin: &PluginSetup) -> Result<PathBuf, TestbedError> {
        install(self.site(), plugin)
    }

    /// Replaces the text of the cluster's one file in plugstack.conf.d; an empty text unloads the plugin.
    pub fn set_plugstack(&self, text: &str) -> Result<(), TestbedError> {
        set(self.site(), text)
    }

    /// Where [`Cluster::install_plugin`] puts its copy.
    pub fn plugin_path(&self) -> PathBuf {
        plugin_path(self.site())
    }
}

fn plugin_path(site: &Site) -> PathBuf {
    site.path("plugin").join(PLUGIN)
}

pub(crate) fn install(site: &Site, plugin: &PluginSetup) -> Result<PathBuf, TestbedError> {
    let target = match artifacts::installer()? {
        Some(sweep) => by_command(site, plugin, &sweep)?,
        None => {
            let target = plugin_path(site);
            let bytes = fs::read(&plugin.path).map_err(TestbedError::io("read", &plugin.path))?;
            replace(&target, &bytes, 0o755)?;
            target
        }
    };
    let arguments = plugin.arguments.replace("{dir}", &site.directory.display().to_string());
    set(site, &format!("{} {} {arguments}\n", plugin.load.word(), target.display()))?;
    Ok(target)
}

/// As at a site: the command stamps the plugin for the Slurm that is here, puts it in place and tries it. Its line then
/// makes room for ours, which may say `required` and other words behind the path. Returns where the plugin is.
fn by_command(site: &Site, plugin: &PluginSetup, sweep: &Path) -> Result<PathBuf, TestbedError> {
    set(site, "")?;
    let mut command = Account::root().command(&site.directory, sweep);
    command.args(["plugin", "install"]).arg(&plugin.path);
    command.arg("--lib-dir").arg(site.path("plugin")).arg("--slurm-conf-dir").arg(&site.directory);
    let ran = run(&mut command, INSTALL_LIMIT)?.checked()?;
    let path = site.path("plugstack.conf.d").join(INSTALLED_LINE);
    let text = fs::read_to_string(&path).map_err(TestbedError::io("read", &path))?;
    fs::remove_file(&path).map_err(TestbedError::io("remove", &path))?;
    let line = text.lines().find_map(|line| line.strip_prefix("optional ")?.split(' ').next());
    line.map(PathBuf::from).ok_or(TestbedError::Failed(Box::new(ran)))
}

fn set(site: &Site, text: &str) -> Result<(), TestbedError> {
    replace(&site.path("plugstack.conf.d").join(LINE), text.as_bytes(), 0o644)
}

/// Writes beside the target under a name that no include matches, then renames.
fn replace(target: &Path, bytes: &[u8], mode: u32) -> Result<(), TestbedError> {
    let beside = target.with_extension("new");
    fs::write(&beside, bytes).map_err(TestbedError::io("write", &beside))?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(mode))
        .map_err(TestbedError::io("chmod", &beside))?;
    fs::rename(&beside, target).map_err(TestbedError::io("rename to", target))
}
