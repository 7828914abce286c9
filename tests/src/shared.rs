//! One cluster for all tests of a program that ask for the same one. It never hands out a cluster that failed to start.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::cluster::Cluster;
use crate::config::ClusterConfig;

type Slot = Arc<OnceLock<Result<&'static Cluster, String>>>;

/// The clusters of this program. A list and not a map: there are two or three.
static CLUSTERS: Mutex<Vec<(ClusterConfig, Slot)>> = Mutex::new(Vec::new());

/// The program's one cluster with this configuration, started by the first who asks; the keeper ends it when the
/// program ends. Tests that share it must not disturb each other's nodes.
///
/// # Panics
/// With the reason, in every test that asks, where it cannot be started.
pub fn shared(config: &ClusterConfig) -> &'static Cluster {
    let slot = {
        let mut clusters = CLUSTERS.lock().unwrap_or_else(PoisonError::into_inner);
        match clusters.iter().find(|(known, _)| known == config) {
            Some((_, slot)) => Arc::clone(slot),
            None => {
                let slot = Slot::default();
                clusters.push((config.clone(), Arc::clone(&slot)));
                slot
            }
        }
    };
    let started = slot.get_or_init(|| {
        // Never dropped, like any static: its end is the keeper's work.
        Cluster::start(config.clone())
            .map(|cluster| &*Box::leak(Box::new(cluster)))
            .map_err(|error| error.to_string())
    });
    match started {
        Ok(cluster) => cluster,
        Err(error) => panic!("{error}"),
    }
}
