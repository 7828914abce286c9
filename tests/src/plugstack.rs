//! The plugin in a cluster's plugstack. Files are put in place by rename: a step that starts meanwhile must never load
//! half a plugin.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::cluster::Cluster;
use crate::config::{PluginSetup, Site};
use crate::error::TestbedError;

/// File name of the plugin and, with another ending, of its line.
const PLUGIN: &str = "spank_sweep.so";
const LINE: &str = "spank_sweep.conf";

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
    let target = plugin_path(site);
    let bytes = fs::read(&plugin.path).map_err(TestbedError::io("read", &plugin.path))?;
    replace(&target, &bytes, 0o755)?;
    let arguments = plugin.arguments.replace("{dir}", &site.directory.display().to_string());
    set(site, &format!("{} {} {arguments}\n", plugin.load.word(), target.display()))?;
    Ok(target)
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
