//! Blocks of TCP ports, one a cluster. It never hands a port to two clusters, in this process or in another.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use crate::error::TestbedError;

/// Ports in a block: two for slurmctld and slurmdbd, the rest for the nodes.
const BLOCK: u16 = 64;
/// Below the kernel's ephemeral range, from which srun and every client take theirs.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;
/// What a block has left for nodes.
pub(crate) const NODES_MAX: u16 = BLOCK - 2;

/// A block of ports that is ours while the reservation is open.
#[derive(Debug)]
pub struct PortBlock {
    base: u16,
    /// An abstract Unix socket with the block's number in its name: the kernel lets one process bind it, and forgets
    /// it when the last holder is gone, so no crash leaves a block taken.
    reservation: UnixListener,
}

impl PortBlock {
    /// Finds a block that nobody has reserved and whose first `ports` ports nobody listens on.
    pub fn reserve(ports: u16) -> Result<Self, TestbedError> {
        let blocks = (LAST - FIRST) / BLOCK;
        // Clusters that start together should not all try the same block first.
        let offset = u16::try_from(std::process::id() % u32::from(blocks)).unwrap_or(0);
        for step in 0..blocks {
            let base = FIRST + (offset + step) % blocks * BLOCK;
            let name = format!("sweep-testbed-ports-{base}");
            let Ok(reservation) =
                SocketAddr::from_abstract_name(name).and_then(|address| UnixListener::bind_addr(&address))
            else {
                continue;
            };
            if (base..base + ports.min(BLOCK)).all(|port| TcpListener::bind(("0.0.0.0", port)).is_ok()) {
                return Ok(Self { base, reservation });
            }
        }
        Err(TestbedError::NoPorts { first: FIRST, last: LAST })
    }

    /// The first of its ports.
    pub fn base(&self) -> u16 {
        self.base
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports { base: self.base }
    }

    /// For the keeper, which holds the block for as long as the cluster lives.
    pub(crate) fn into_reservation(self) -> OwnedFd {
        self.reservation.into()
    }
}

/// Which daemon listens where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub base: u16,
}

impl Ports {
    pub fn slurmctld(self) -> u16 {
        self.base
    }

    pub fn slurmdbd(self) -> u16 {
        self.base + 1
    }

    pub fn slurmd(self, node: u16) -> u16 {
        self.base + 2 + node
    }
}

#[cfg(test)]
mod tests {
    //! Two clusters' ports never meet.
    use std::time::Duration;

    use crate::wait::wait_for;

    use super::*;

    #[test]
    fn two_blocks_held_at_once_are_different_and_a_dropped_one_is_free_again() {
        let first = PortBlock::reserve(4).unwrap();
        let second = PortBlock::reserve(4).unwrap();
        assert_ne!(first.base, second.base);
        let base = first.base;
        drop(first);
        let name = SocketAddr::from_abstract_name(format!("sweep-testbed-ports-{base}")).unwrap();
        // A program that another test starts at this moment holds a copy of everything open until it has its own image.
        let again = wait_for(Duration::from_secs(30), || UnixListener::bind_addr(&name).ok());
        assert!(again.is_some(), "block {base} is still taken");
    }
}
