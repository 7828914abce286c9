//! Taking an installation away: what the receipt names, in the order in which Slurm stops needing it. It never removes
//! what it did not add, nor a folder that somebody keeps something in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::plugin_file::change::{Change, Ledger};
use crate::plugin_file::install::{Done, INCLUDE_MARK, Wish, hold};
use crate::plugin_file::receipt::Receipt;
use crate::plugin_file::verify::Asked;
use crate::plugin_file::{place, plugstack};

impl Wish {
    /// What has to go.
    ///
    /// # Errors
    /// The world's where a receipt cannot be read.
    pub fn plan_undo(&self) -> Result<Done> {
        let lib_dir = place::plain(&self.lib_dir)?;
        let plugstack = plugstack::find(self.slurm_conf_dir.as_deref())?;
        let Some(receipt) = Receipt::read(&lib_dir, &plugstack)? else {
            let note = format!("nothing was installed in {} for {}", lib_dir.display(), plugstack.display());
            return Ok(Done { changes: Vec::new(), notes: vec![note] });
        };
        let others = Receipt::others(&lib_dir, &plugstack)?;
        let is_shared = |path: &PathBuf| others.iter().any(|other| other.plugins.contains(path));
        let mut changes = Vec::new();
        changes.extend(without_include(&plugstack, receipt.plugstack_made));
        let before = receipt.line_before.as_ref().filter(|_| receipt.line_file.exists());
        changes.push(match before {
            Some(text) => {
                Change::Write { path: receipt.line_file.clone(), bytes: text.clone().into(), mode: 0o644 }
            }
            None => Change::Remove(receipt.line_file.clone()),
        });
        changes.extend(receipt.plugins.iter().filter(|path| !is_shared(path)).cloned().map(Change::Remove));
        changes.push(Change::Remove(Receipt::path(&lib_dir, &plugstack)));
        changes.extend(receipt.folders.iter().rev().cloned().map(Change::RemoveFolder));
        Ok(Done { changes, notes: Vec::new() })
    }

    /// Takes it away and asks sbatch whether it still starts; puts everything back where it does not.
    ///
    /// # Errors
    /// The world's, with what was put back.
    pub fn undo(&self) -> Result<Done> {
        let done = self.plan_undo()?;
        if done.changes.is_empty() {
            return Ok(done);
        }
        let _held = hold(&self.lib_dir)?;
        let slurm_conf = self.slurm_conf();
        let asked = Asked { slurm_conf: slurm_conf.as_deref() };
        // A machine whose Slurm went first is no reason to keep the plugin.
        let worked = asked.sbatch().is_ok_and(|sbatch| sbatch.starts);
        let mut ledger = Ledger::default();
        let gone = ledger.make(&done.changes).and_then(|()| match asked.sbatch() {
            Ok(after) if after.starts || !worked => Ok(()),
            Ok(after) => Err(Error::world("sbatch does not start without the plugin").said(&after.said)),
            Err(_) if !worked => Ok(()),
            Err(error) => Err(error),
        });
        gone.map_err(|error| ledger.put_back(error))?;
        Ok(done)
    }
}

/// plugstack.conf without our two lines, wherever they stand by now; gone if it was ours and nothing else is in it.
fn without_include(plugstack: &Path, was_made: bool) -> Option<Change> {
    let path = fs::canonicalize(plugstack).ok()?;
    let text = fs::read_to_string(&path).ok()?;
    let rest = without_mark(&text)?;
    if was_made && rest.trim().is_empty() {
        return Some(Change::Remove(path));
    }
    Some(Change::Write { path, bytes: rest.into_bytes(), mode: 0o644 })
}

fn without_mark(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = lines.iter().position(|line| line.trim_end() == INCLUDE_MARK)?;
    let is_include = lines.get(at + 1).is_some_and(|line| line.trim_start().starts_with("include"));
    let behind = at + 1 + usize::from(is_include);
    Some(lines[..at].iter().chain(&lines[behind..]).copied().collect())
}

/// Texts of plugstack.conf.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_two_lines_go_and_all_others_stay() {
        let text = format!("optional a.so\n{INCLUDE_MARK}\ninclude /x/*.conf\n# later\noptional b.so\n");
        assert_eq!(without_mark(&text).unwrap(), "optional a.so\n# later\noptional b.so\n");
        assert_eq!(without_mark(&format!("{INCLUDE_MARK}\noptional b.so\n")).unwrap(), "optional b.so\n");
        assert_eq!(without_mark("include /x/*.conf\n"), None);
    }
}
