//! What an installation added, kept beside the plugin so that exactly that can be taken away again. One a plugstack.conf:
//! several Slurms may share one folder of plugins.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{At, Error, Result};
use crate::plugin_file::image::sha256;

/// The version of the form; the first number changes when older programs must not touch it.
pub const SCHEMA: &str = "1.0";
/// The folder of receipts, in the folder of plugins.
pub const FOLDER: &str = "installed";

/// What was added for one plugstack.conf.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version of this form.
    pub schema: String,
    /// Whose it is.
    pub plugstack: PathBuf,
    /// The file with our line.
    pub line_file: PathBuf,
    /// What that file held before us, if it was there.
    pub line_before: Option<String>,
    /// Whether plugstack.conf itself is.
    pub plugstack_made: bool,
    /// The stamped plugins.
    pub plugins: Vec<PathBuf>,
    /// Folders that were not there, the outer before the inner.
    pub folders: Vec<PathBuf>,
}

impl Receipt {
    /// Where the receipt of a plugstack.conf is.
    #[must_use]
    pub fn path(lib_dir: &Path, plugstack: &Path) -> PathBuf {
        let name = sha256(plugstack.as_os_str().as_encoded_bytes());
        lib_dir.join(FOLDER).join(format!("{}.json", &name[..16]))
    }

    /// Reads the receipt of a plugstack.conf, if there is one.
    ///
    /// # Errors
    /// The world's where it cannot be read or is of a newer program.
    pub fn read(lib_dir: &Path, plugstack: &Path) -> Result<Option<Self>> {
        read(&Self::path(lib_dir, plugstack))
    }

    /// The receipts of installations for other Slurms.
    ///
    /// # Errors
    /// The world's where one cannot be read.
    pub fn others(lib_dir: &Path, plugstack: &Path) -> Result<Vec<Self>> {
        let own = Self::path(lib_dir, plugstack);
        let Ok(entries) = fs::read_dir(lib_dir.join(FOLDER)) else { return Ok(Vec::new()) };
        let paths = entries.flatten().map(|entry| entry.path());
        let others = paths.filter(|path| *path != own && path.extension().is_some_and(|end| end == "json"));
        others.filter_map(|path| read(&path).transpose()).collect()
    }

    /// Its text.
    ///
    /// # Panics
    /// Never: it is made of texts and lists of them.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = serde_json::to_string_pretty(self).expect("a receipt always serializes");
        text.push('\n');
        text.into_bytes()
    }
}

fn read(path: &Path) -> Result<Option<Receipt>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.at("read", path)?,
    };
    let receipt: Receipt = serde_json::from_str(&text).at("understand", path)?;
    if receipt.schema.split('.').next() != SCHEMA.split('.').next() {
        return Err(Error::world(format!(
            "`{}` has format {}, this build reads 1.x",
            path.display(),
            receipt.schema
        ))
        .hint("upgrade sweep on this machine"));
    }
    Ok(Some(receipt))
}

/// Receipts that are written and read.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_reads_back_and_a_newer_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let plugstack = Path::new("/etc/slurm/plugstack.conf");
        assert_eq!(Receipt::read(dir.path(), plugstack).unwrap(), None);
        let receipt = Receipt { schema: SCHEMA.into(), plugins: vec!["/x.so".into()], ..Receipt::default() };
        fs::create_dir(dir.path().join(FOLDER)).unwrap();
        fs::write(Receipt::path(dir.path(), plugstack), receipt.bytes()).unwrap();
        assert_eq!(Receipt::read(dir.path(), plugstack).unwrap(), Some(receipt.clone()));
        assert!(Receipt::others(dir.path(), plugstack).unwrap().is_empty());
        let other = Path::new("/opt/slurm/etc/plugstack.conf");
        assert_eq!(Receipt::others(dir.path(), other).unwrap().first(), Some(&receipt));
        let newer = Receipt { schema: "2.0".into(), ..receipt };
        fs::write(Receipt::path(dir.path(), plugstack), newer.bytes()).unwrap();
        assert!(Receipt::read(dir.path(), plugstack).unwrap_err().to_string().contains("2.0"));
    }
}
