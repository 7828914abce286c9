//! What a site's admins say of how often Slurm may be asked: `/etc/slurm-sweep/site.conf`, lines of `name = seconds`. It
//! never makes a command fail: what is not understood is left out, and `sweep doctor` names it.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

/// Where it is, unless [`VARIABLE`] names another.
const PATH: &str = "/etc/slurm-sweep/site.conf";
/// Names another file.
const VARIABLE: &str = "SWEEP_SITE_CONF";
/// No wait is longer: whoever writes more means another unit.
const SECONDS_MAX: f64 = 86_400.0;

/// The site's word.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// `least_wait_s`: the shortest time between two looks of one command.
    pub least_wait: Option<Duration>,
    /// `most_wait_s`: the longest.
    pub most_wait: Option<Duration>,
    /// Lines that say nothing that is known.
    pub wrong: Vec<String>,
}

/// Where the site's word is.
#[must_use]
pub fn path() -> PathBuf {
    std::env::var_os(VARIABLE).map_or_else(|| PATH.into(), PathBuf::from)
}

/// The site's word, read once; nothing where there is no file.
pub fn site() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(|| parse(&fs::read_to_string(path()).unwrap_or_default()))
}

fn parse(text: &str) -> Site {
    let mut site = Site::default();
    for line in text.lines() {
        let said = line.split('#').next().unwrap_or_default().trim();
        if said.is_empty() {
            continue;
        }
        let (name, value) =
            said.split_once('=').map_or((said, ""), |(name, value)| (name.trim(), value.trim()));
        let seconds = value.parse::<f64>().ok().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
        match (name, seconds.map(Duration::from_secs_f64)) {
            ("least_wait_s", Some(wait)) => site.least_wait = Some(wait),
            ("most_wait_s", Some(wait)) => site.most_wait = Some(wait),
            _ => site.wrong.push(line.trim().to_owned()),
        }
    }
    site
}

/// What admins write.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_names_and_seconds_and_what_is_not_known_is_named() {
        let text = "# how often Slurm is asked\nleast_wait_s = 5 # five\n\nmost_wait_s=120\nleast = 3\nmost_wait_s = soon\n";
        let site = parse(text);
        assert_eq!(site.least_wait, Some(Duration::from_secs(5)));
        assert_eq!(site.most_wait, Some(Duration::from_secs(120)));
        assert_eq!(site.wrong, ["least = 3", "most_wait_s = soon"]);
        assert_eq!(parse("least_wait_s = -1").least_wait, None);
        assert_eq!(parse(""), Site::default());
    }
}
