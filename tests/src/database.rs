//! The cluster's own MariaDB, for slurmdbd: without a port, without durability. It must never reach another database.

use std::process::Command;
use std::time::Duration;

use crate::config::Site;
use crate::error::TestbedError;
use crate::process::{Ran, run};
use crate::requirements;

/// Making the system tables takes some seconds on a slow disk.
const INSTALL_LIMIT: Duration = Duration::from_secs(120);

/// The server's command line. It runs as root, which owns the cluster's directory.
pub(crate) fn argv(site: &Site) -> Vec<String> {
    vec![
        "mariadbd".to_owned(),
        // First, by the server's own rule: no configuration of this machine.
        "--no-defaults".to_owned(),
        "--user=root".to_owned(),
        format!("--datadir={}", site.path("database/data").display()),
        format!("--socket={}", site.database_socket().display()),
        format!("--pid-file={}", site.path("database/pid").display()),
        "--skip-networking".to_owned(),
        "--innodb-buffer-pool-size=64M".to_owned(),
        "--innodb-lock-wait-timeout=900".to_owned(),
        // It dies with the cluster: nothing needs to survive a power cut.
        "--innodb-flush-log-at-trx-commit=0".to_owned(),
        "--innodb-flush-method=nosync".to_owned(),
        "--innodb-doublewrite=0".to_owned(),
    ]
}

/// Makes the system tables; the only user is root, without a password, reachable by the socket alone.
pub(crate) fn install(site: &Site) -> Result<(), TestbedError> {
    let mut command = Command::new("mariadb-install-db");
    command
        .args(["--no-defaults", "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db"])
        // Else it refuses where the machine's own name cannot be looked up, which nobody here needs.
        .arg("--force")
        .arg(format!("--datadir={}", site.path("database/data").display()))
        .args(["--innodb-flush-method=nosync", "--innodb-doublewrite=0"])
        .env_clear()
        .env("PATH", requirements::PATH)
        .current_dir(&site.directory);
    run(&mut command, INSTALL_LIMIT).and_then(Ran::checked).map(|_| ())
}
