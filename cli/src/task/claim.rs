//! Taking a trial's claim before anything of the user's runs. A claim is written to a private file and linked to
//! its name, so two starts of one trial never both pass.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;

use sweep_core::attempt;
use sweep_core::claim::Claim;
use sweep_core::id::Token;
use sweep_core::layout::TrialDir;

use crate::error::{At, Error, Kind, Result};
use crate::task::identity::Identity;
use crate::task::ledger::Keeping;

/// Takes the claim of a batch on a trial for a job, or finds that the job holds it from before a requeue
/// ([`Linked::There`]).
///
/// # Errors
/// [`Kind::SecondStart`] where another job holds it, [`Kind::NoFolder`] where it cannot be written.
pub fn take(folder: &TrialDir, token: &Token, identity: &Identity) -> Result<Linked> {
    let linked = try_take(folder, token, identity, Keeping::Now)?;
    if linked == Linked::There {
        check_holder(&folder.claim(token.batch), identity)?;
    }
    Ok(linked)
}

/// Takes the claim of a batch on a trial for a job's agent, if nobody has it.
///
/// # Errors
/// [`Kind::NoFolder`] where it cannot be written.
pub fn try_take(folder: &TrialDir, token: &Token, identity: &Identity, keeping: Keeping) -> Result<Linked> {
    let claim = Claim::of_job(token.clone(), identity.job.clone())
        .on_cluster(identity.cluster.as_deref())
        .by_agent(identity.agent.as_ref());
    link_kept(folder, &claim, identity.job.as_str(), keeping)
}

/// Whether a job holds the claim of a batch on a trial, from before a requeue.
///
/// # Errors
/// [`Kind::SecondStart`] where another holds it.
pub fn check(folder: &TrialDir, token: &Token, identity: &Identity) -> Result<()> {
    check_holder(&folder.claim(token.batch), identity)
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
    link_kept(folder, claim, who, Keeping::Now)
}

fn link_kept(folder: &TrialDir, claim: &Claim, who: &str, keeping: Keeping) -> Result<Linked> {
    let path = folder.claim(claim.token.batch);
    let private = folder.private_claim(claim.token.batch, who, std::process::id());
    let no_folder = |error: Error| error.of_kind(Kind::NoFolder);
    write_private(&private, claim, keeping).at("write", &private).map_err(no_folder)?;
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

fn write_private(path: &std::path::Path, claim: &Claim, keeping: Keeping) -> std::io::Result<()> {
    // A private file of this name can only be left from an earlier start of this very process name.
    let mut file = fs::File::create(path)?;
    file.write_all(&claim.to_line())?;
    keeping.of(&file)
}

fn check_holder(path: &std::path::Path, identity: &Identity) -> Result<()> {
    let cluster = identity.cluster.as_deref();
    let bytes = fs::read(path).at("read", path).map_err(|error| error.of_kind(Kind::NoFolder))?;
    match Claim::parse(&bytes) {
        Some(claim) if attempt::may_go_on(&claim, &identity.job) && claim.may_be_of(cluster) => Ok(()),
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

    fn job(id: &str, cluster: Option<&str>) -> Identity {
        let env = |name: &str| match name {
            "SLURM_JOB_ID" => Some(id.to_owned()),
            "SLURM_CLUSTER_NAME" => cluster.map(str::to_owned),
            _ => None,
        };
        Identity::of_slurm(env).unwrap()
    }

    fn folder(dir: &tempfile::TempDir) -> TrialDir {
        let folder = SweepDir::new(dir.path()).trial(TrialIndex(0));
        fs::create_dir_all(folder.path()).unwrap();
        folder
    }

    #[test]
    fn one_job_passes_again_and_another_never() {
        let dir = tempfile::tempdir().unwrap();
        let folder = folder(&dir);
        let token: Token = "s.0".parse().unwrap();
        assert_eq!(take(&folder, &token, &job("7", None)).unwrap(), Linked::Made);
        assert_eq!(take(&folder, &token, &job("7", None)).unwrap(), Linked::There);
        let error = take(&folder, &token, &job("8", None)).unwrap_err();
        assert_eq!(error.exit_code(), 75);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["claim.0"]);
    }

    #[test]
    fn a_job_of_another_cluster_with_the_same_number_never_passes() {
        let dir = tempfile::tempdir().unwrap();
        let folder = folder(&dir);
        let token: Token = "s.0".parse().unwrap();
        take(&folder, &token, &job("7", Some("north"))).unwrap();
        take(&folder, &token, &job("7", Some("north"))).unwrap();
        assert_eq!(take(&folder, &token, &job("7", Some("south"))).unwrap_err().exit_code(), 75);
    }

    #[test]
    fn a_claim_of_an_earlier_build_names_no_cluster_and_lets_its_job_pass() {
        let dir = tempfile::tempdir().unwrap();
        let folder = folder(&dir);
        let token: Token = "s.0".parse().unwrap();
        let line = "{\"schema\":\"1.0\",\"token\":\"s.0\",\"holder\":{\"job\":\"7\"}}\n";
        fs::write(folder.claim(token.batch), line).unwrap();
        assert_eq!(take(&folder, &token, &job("7", Some("north"))).unwrap(), Linked::There);
    }

    #[test]
    fn a_missing_folder_is_said() {
        let folder = SweepDir::new("/nonexistent").trial(TrialIndex(0));
        let error = take(&folder, &"s.0".parse().unwrap(), &job("7", None)).unwrap_err();
        assert_eq!(error.exit_code(), 74);
    }
}
