//! `checkpoint: {keep: K}`: removing checkpoints that nobody needs any more. Never that of one of the best or of their
//! ancestors, of a trial that another may still go on from, or anything outside of the sweep.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use sweep_core::id::TrialIndex;
use sweep_core::layout::{SweepDir, TrialDir};
use sweep_core::state::TrialState;
use sweep_search::Method;

use crate::driver::best;
use crate::driver::look::{Look, TrialLook};

/// Removes what a sweep does not need any more; `method` is none where its search is done. `notice` hears of folders
/// that cannot be removed, which is no reason to stop a search. Removing again changes nothing.
pub fn clear(dir: &SweepDir, look: &Look, method: Option<Method>, notice: &dyn Fn(&str)) {
    let Some(keep) = look.manifest.around.keep_checkpoints else { return };
    for trial in superfluous(look, method, keep) {
        let folder = dir.trial(trial);
        let path = folder.checkpoint();
        if !is_ours(&folder) {
            continue;
        }
        // It does not follow links that it finds inside.
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                notice(&format!(
                    "`{}` is not needed any more and cannot be removed: {error}",
                    path.display()
                ));
            }
            _ => {}
        }
    }
}

/// Whether a trial has a checkpoint folder that is no link: a link, of the folder or in place of it, may lead anywhere,
/// and what is behind it is the user's.
#[must_use]
pub fn is_ours(folder: &TrialDir) -> bool {
    let is_dir = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    is_dir(folder.path()) && is_dir(&folder.checkpoint())
}

/// The trials whose checkpoints are not needed any more where those of the `keep` best are kept, those that are removed
/// already among them; `method` is none where the search is done.
#[must_use]
pub fn superfluous(look: &Look, method: Option<Method>, keep: u32) -> Vec<TrialIndex> {
    let Some(metric) = look.manifest.metric.as_ref() else { return Vec::new() };
    let best = best::ranked(&look.trials, metric);
    // Where nothing completed, nobody knows what somebody wants to look at.
    if best.is_empty() {
        return Vec::new();
    }
    let mut needed: HashSet<TrialIndex> = HashSet::new();
    for trial in best.into_iter().take(keep as usize) {
        let mut next = Some(trial.trial.index);
        while let Some(index) = next.filter(|index| needed.insert(*index)) {
            next = look.trials.get(index.0 as usize).and_then(|trial| trial.trial.parent);
        }
    }
    let completed = look.trials.iter().filter(|trial| trial.status.state == TrialState::Completed);
    let went_on: HashSet<TrialIndex> = completed.filter_map(|trial| trial.trial.parent).collect();
    let newest = look.trials.iter().filter_map(|trial| trial.trial.rung).max().unwrap_or(0);
    let is_done = |trial: &&TrialLook| match method {
        None => trial.status.state.is_final(),
        Some(method) => {
            trial.status.state == TrialState::Completed
                && went_on.contains(&trial.trial.index)
                && !may_have_more_children(method, trial.trial.rung, newest)
        }
    };
    let done = look.trials.iter().filter(is_done).map(|trial| trial.trial.index);
    done.filter(|index| !needed.contains(index)).collect()
}

/// Whether a trial that one has gone on from, and completed, may have others go on from it.
fn may_have_more_children(method: Method, rung: Option<u32>, newest: u32) -> bool {
    match method {
        // A configuration is promoted once.
        Method::Hyperband(_) | Method::Halving(_) | Method::Asha(..) => false,
        // A generation goes on from the one before, and begins when that has ended whole.
        Method::Pbt(_) => rung.unwrap_or(0).saturating_add(2) > newest,
        // A deme's best is a parent for as long as nobody is better.
        _ => true,
    }
}

/// What is kept, and what is removed.
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    use crate::driver::look::Batches;
    use sweep_core::manifest::Manifest;
    use sweep_core::state::Bucket;
    use sweep_core::status::Status;
    use sweep_core::trial::Trial;
    use sweep_search::Rungs;
    use sweep_search::ladder::Ladder;
    use sweep_search::source::Proposals;

    fn manifest(keep: u32) -> Manifest {
        let json = serde_json::json!({
            "schema": "1.0", "id": "s", "name": "s", "created": "", "spec_digest": "", "method": "asha",
            "matrix": "none", "seed": "1", "workdir": ".", "replicates": 1, "versions": {},
            "metric": {"name": "loss", "goal": "minimize"}, "around": {"keep_checkpoints": keep},
        });
        serde_json::from_value(json).unwrap()
    }

    /// A completed trial of `parent rung metric`, `-` for none; a budget for each rung.
    fn trial(place: usize, text: &str) -> TrialLook {
        let words: Vec<&str> = text.split(' ').collect();
        let rung: Option<u32> = words[1].parse().ok();
        let index = TrialIndex(u32::try_from(place).unwrap());
        let line = serde_json::json!({"trial": index.label(), "index": index, "params": {}, "budget": rung, "rung": rung});
        let mut trial = Trial::parse(Path::new("t"), index, line.to_string().as_bytes()).unwrap();
        trial.parent = words[0].parse().ok().map(TrialIndex);
        let state = TrialState::Completed;
        TrialLook {
            trial,
            status: Status { state, bucket: Bucket::of(state, false), attempt: 0, job: None },
            batch: None,
            job: None,
            shares_job: false,
            record: None,
            refusal: None,
            task_error: None,
            metric: words[2].parse().ok(),
            others: Vec::new(),
            spent_s: 0.0,
            nodes: 1,
            partition: None,
            cluster: None,
        }
    }

    fn looked(keep: u32, trials: &[&str]) -> Look {
        let trials = trials.iter().enumerate().map(|(place, text)| trial(place, text)).collect();
        Look {
            full: None,
            open_jobs: None,
            events: Vec::new(),
            batches: Batches::default(),
            manifest: manifest(keep),
            stopped: None,
            unanswered: None,
            driver: None,
            finished: true,
            trials,
        }
    }

    fn check(method: Option<&str>, keep: u32, trials: &[&str], expected: &[u32]) {
        let method = method.map(|word| match word {
            "pbt" => Method::Pbt(sweep_search::pbt::Settings::default()),
            "genetic" => Method::Genetic(sweep_search::genetic::Settings::default()),
            _ => {
                let ladder = Ladder::of_s_max(2, 3, 1).unwrap();
                Method::Hyperband(Rungs { ladder, proposals: Proposals::Random })
            }
        });
        let found = superfluous(&looked(keep, trials), method, keep);
        let found: Vec<u32> = found.into_iter().map(|index| index.0).collect();
        assert_eq!(found, expected, "{trials:?}");
    }

    #[test]
    fn in_the_end_only_the_best_and_their_ancestors_are_left() {
        let trials = ["- 0 5", "- 0 4", "- 0 6", "1 1 3", "0 1 2", "4 2 1"];
        check(None, 1, &trials, &[1, 2, 3]);
        check(None, 3, &trials, &[2]);
        check(None, 9, &trials, &[]);
        check(None, 1, &["- 0 -", "- 0 -"], &[]);
    }

    #[test]
    fn while_it_searches_only_those_whose_children_went_on_and_are_the_last() {
        let trials = ["- 0 5", "- 0 4", "- 0 6", "1 1 3", "0 1 2", "4 2 1"];
        check(Some("hyperband"), 1, &trials, &[1]);
        check(Some("pbt"), 1, &trials, &[1]);
        check(Some("pbt"), 1, &trials[..5], &[]);
        check(Some("genetic"), 1, &trials, &[]);
        check(Some("hyperband"), 1, &["- 0 5", "0 1 -"], &[]);
    }

    #[test]
    fn links_are_not_followed_and_twice_is_as_good_as_once() {
        let (dir, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sweep = SweepDir::new(dir.path());
        let write = |folder: &Path| {
            fs::create_dir_all(folder.join("deep")).unwrap();
            fs::write(folder.join("deep/model"), "7").unwrap();
        };
        let trials = ["- 0 1", "- 0 2", "- 0 3", "- 0 4", "- 0 5"];
        let checkpoint = |index| sweep.trial(TrialIndex(index)).checkpoint();
        // The best; one that holds a link; a link in its place; a trial's folder that is a link; none at all.
        [0, 1].into_iter().for_each(|index| write(&checkpoint(index)));
        write(&beside.path().join("checkpoint"));
        symlink(beside.path(), checkpoint(1).join("deep/away")).unwrap();
        fs::create_dir_all(sweep.trial(TrialIndex(2)).path()).unwrap();
        symlink(beside.path().join("checkpoint"), checkpoint(2)).unwrap();
        symlink(beside.path(), sweep.trial(TrialIndex(3)).path()).unwrap();
        for _ in 0..2 {
            clear(&sweep, &looked(1, &trials), None, &|text| panic!("{text}"));
            assert!(checkpoint(0).join("deep/model").exists() && !checkpoint(1).exists());
            assert!(beside.path().join("checkpoint/deep/model").exists());
        }
    }
}
