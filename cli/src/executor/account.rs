//! Names and numbers of the system's users. A static program's own library knows /etc/passwd alone, so the system is
//! asked as well, which also knows LDAP's and SSSD's. It never decides what a user may do.

use std::time::Duration;

use nix::unistd::{Uid, User};

use crate::executor::process::Call;

/// The system's own, whatever the PATH is: administrators ask as root.
const GETENT: &str = "/usr/bin/getent";
/// How long a directory service may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The number of a user, where this machine knows one of that name.
#[must_use]
pub fn uid_of(name: &str) -> Option<u32> {
    let own = User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
    own.or_else(|| asked(name).filter(|(found, _)| found == name).map(|(_, uid)| uid))
}

/// The name of a user, where this machine knows one.
#[must_use]
pub fn name_of(uid: u32) -> Option<String> {
    let own = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
    own.or_else(|| asked(&uid.to_string()).filter(|(_, found)| *found == uid).map(|(name, _)| name))
}

/// What the system says of a name or a number.
fn asked(key: &str) -> Option<(String, u32)> {
    let answer = Call::new(GETENT).args(["passwd", "--", key]).run(LIMIT).ok()?;
    entry(&answer.stdout)
}

/// A line of the form of /etc/passwd.
fn entry(line: &str) -> Option<(String, u32)> {
    let mut fields = line.trim().split(':');
    let (name, _, uid) = (fields.next()?, fields.next()?, fields.next()?);
    Some((name.to_owned(), uid.parse().ok()?))
}

/// Users that every system has, and none.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_both_ways_and_nobody_else_is_made_up() {
        assert_eq!(uid_of("root"), Some(0));
        assert_eq!(name_of(0).as_deref(), Some("root"));
        assert_eq!(asked("root"), Some(("root".to_owned(), 0)));
        assert_eq!(uid_of("no-such-user-here"), None);
        assert_eq!(uid_of("--help"), None);
        assert_eq!(name_of(3_999_999_999), None);
    }

    #[test]
    fn an_answer_is_a_line_of_passwd() {
        assert_eq!(entry("alice:x:1000:1000::/home/alice:/bin/sh\n"), Some(("alice".to_owned(), 1000)));
        assert_eq!(entry(""), None);
    }
}
