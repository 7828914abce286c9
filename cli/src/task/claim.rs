//! Taking a trial's claim before anything of the user's runs. A claim is written to a private file and linked to
//! its name, so two starts of one trial never both pass.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;

use sweep_core::attempt;
use sweep_core::claim::Claim;
use sweep_core::id::{JobName, Token};
use sweep_core::layout::TrialDir;

use crate::error::{At, Error, Kind, Result};

/// Takes the claim of a batch on a trial for a job, or finds that the job holds it from before a requeue.
///
/// # Errors
/// [`Kind::SecondStart`] where another job holds it, [`Kind::NoFolder`] where it cannot be written.
pub fn take(folder: &TrialDir, token: &Token, job: &JobName) -> Result<()> {
    match link(folder, &Claim::of_job(token.clone(), job.clone()), job.as_str())? {
        Linked::Made => Ok(()),
        Linked::There => check_holder(&folder.claim(token.batch), job),
    }
}

/// What came of linking a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// It is ours.
    Made,
    /// There was one already.
    There,
}

/// Links a claim to its name, once and for all. `who` tells private files of different writers apart.
///
/// # Errors
/// [`Kind::NoFolder`] where it cannot be written.
pub fn link(folder: &TrialDir, claim: &Claim, who: &str) -> Result<Linked> {
    let path = folder.claim(claim.token.batch);
    let private = folder.private_claim(claim.token.batch, who, std::process::id());
    let no_folder = |error: Error| error.of_kind(Kind::NoFolder);
    write_private(&private, claim).at("write", &private).map_err(no_folder)?;
    let linked = fs::hard_link(&private, &path);
    // Over a network file system a link may be made and its answer lost; the count of links tells.
    let made = linked.is_ok() || fs::metadata(&private).is_ok_and(|metadata| metadata.nlink() == 2);
    fs::remove_file(&private).at("remove", &private).map_err(no_folder)?;
    match linked {
        _ if made => Ok(Linked::Made),
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).at("link", &path).map_err(no_folder)
        }
        _ => Ok(Linked::There),
    }
}

fn write_private(path: &std::path::Path, claim: &Claim) -> std::io::Result<()> {
    // A private file of this name can only be left from an earlier start of this very process name.
    let mut file = fs::File::create(path)?;
    file.write_all(&claim.to_line())?;
    file.sync_all()
}

fn check_holder(path: &std::path::Path, job: &JobName) -> Result<()> {
    let bytes = fs::read(path).at("read", path).map_err(|error| error.of_kind(Kind::NoFolder))?;
    match Claim::parse(&bytes) {
        Some(claim) if attempt::may_go_on(&claim, job) => Ok(()),
        _ => Err(Error::new(Kind::SecondStart, format!("`{}` is held by another job", path.display()))
            .said(String::from_utf8_lossy(&bytes).trim())),
    }
}

/// Claims in a folder.
#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::id::TrialIndex;
    use sweep_core::layout::SweepDir;

    #[test]
    fn one_job_passes_again_and_another_never() {
        let dir = tempfile::tempdir().unwrap();
        let folder = SweepDir::new(dir.path()).trial(TrialIndex(0));
        fs::create_dir_all(folder.path()).unwrap();
        let token: Token = "s.0".parse().unwrap();
        take(&folder, &token, &JobName::slurm(7)).unwrap();
        take(&folder, &token, &JobName::slurm(7)).unwrap();
        let error = take(&folder, &token, &JobName::slurm(8)).unwrap_err();
        assert_eq!(error.exit_code(), 75);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["claim.0"]);
    }

    #[test]
    fn a_missing_folder_is_said() {
        let folder = SweepDir::new("/nonexistent").trial(TrialIndex(0));
        let error = take(&folder, &"s.0".parse().unwrap(), &JobName::slurm(7)).unwrap_err();
        assert_eq!(error.exit_code(), 74);
    }
}
