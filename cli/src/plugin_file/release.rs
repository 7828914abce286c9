//! A release of Slurm, as people write it and as the four bytes in a plugin say it. It never guesses: what is not a
//! release is refused.

use std::fmt;
use std::str::FromStr;

/// A release such as 24.11.5. Slurm itself keeps it as `0xMMmmpp`, each part in binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    major: u8,
    minor: u8,
    micro: u8,
}

/// A text that names no release.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no release of Slurm: write it like 24.11.5 or 24.11")]
pub struct NoRelease(String);

impl Release {
    /// The release that a plugin's four bytes name, or none where no Slurm ever had such a number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        let [top, major, minor, micro] = number.to_be_bytes();
        let release = Self { major, minor, micro };
        (top == 0 && release.is_sound()).then_some(release)
    }

    /// The four bytes as a number.
    #[must_use]
    pub fn number(self) -> u32 {
        u32::from_be_bytes([0, self.major, self.minor, self.micro])
    }

    /// Whether a Slurm of release `host` loads a plugin that is stamped for this one: it compares the first two
    /// parts alone (22.05 src/common/plugin.c, 26.05 the same).
    #[must_use]
    pub fn is_loaded_by(self, host: Self) -> bool {
        (self.major, self.minor) == (host.major, host.minor)
    }

    /// What `sbatch --version` and `slurmd -V` print: `slurm 24.11.5`, `slurm-wlm 22.05.8`, `slurm 25.05.0-0rc1`.
    #[must_use]
    pub fn of_answer(text: &str) -> Option<Self> {
        let line = text.lines().find(|line| line.starts_with("slurm"))?;
        let word = line.split_whitespace().last()?;
        let release = word.split(['-', '~', '+']).next()?;
        // A release candidate may have letters right behind the number.
        let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
        release[..end].parse().ok()
    }

    /// Releases are named by year and month since 02, and no year is before 2010 or after 2099.
    fn is_sound(self) -> bool {
        (10..=99).contains(&self.major) && (1..=12).contains(&self.minor) && self.micro <= 99
    }
}

impl FromStr for Release {
    type Err = NoRelease;

    fn from_str(text: &str) -> Result<Self, NoRelease> {
        let refused = || NoRelease(text.to_owned());
        let digits = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let parts: Vec<&str> = text.split('.').collect();
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(|part| digits(part)) {
            return Err(refused());
        }
        let part = |at: usize| parts.get(at).map_or(Ok(0), |part| part.parse::<u8>()).map_err(|_| refused());
        let release = Self { major: part(0)?, minor: part(1)?, micro: part(2)? };
        release.is_sound().then_some(release).ok_or_else(refused)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}.{}", self.major, self.minor, self.micro)
    }
}

impl serde::Serialize for Release {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Numbers and texts.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_one_number_and_reads_back() {
        for (text, number, shown) in [
            ("22.05.8", 0x16_0508, "22.05.8"),
            ("22.05", 0x16_0500, "22.05.0"),
            ("26.05.5", 0x1a_0505, "26.05.5"),
        ] {
            let release: Release = text.parse().unwrap();
            assert_eq!((release.number(), release.to_string().as_str()), (number, shown));
            assert_eq!(Release::from_number(number), Some(release));
        }
    }

    #[test]
    fn what_is_no_release_is_refused() {
        for text in [
            "",
            "22",
            "22.05.8.1",
            "22.x",
            "22.05.",
            "+2.05",
            "300.05",
            "22.13",
            "22.00",
            "9.05",
            "22.05.100",
            "v22.05",
        ] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
        for number in [0, 0x0116_0508, 0xffff_ffff, 0x16_0d08] {
            assert_eq!(Release::from_number(number), None, "{number:x}");
        }
    }

    #[test]
    fn slurms_own_answers_are_understood() {
        let of = |text: &str| Release::of_answer(text).map(|release| release.to_string());
        assert_eq!(of("slurm-wlm 22.05.8\n").as_deref(), Some("22.05.8"));
        assert_eq!(of("slurm 24.11.5").as_deref(), Some("24.11.5"));
        assert_eq!(of("slurm 25.05.0-0rc1").as_deref(), Some("25.05.0"));
        assert_eq!(of("slurm 23.02.0rc1").as_deref(), Some("23.02.0"));
        assert_eq!(of("command not found"), None);
    }

    #[test]
    fn only_year_and_month_decide_what_is_loaded() {
        let is_loaded = |a: &str, b: &str| a.parse::<Release>().unwrap().is_loaded_by(b.parse().unwrap());
        assert!(is_loaded("22.05.8", "22.05.11"));
        assert!(!is_loaded("22.05.8", "23.05.8") && !is_loaded("22.05.8", "22.11.8"));
    }
}
