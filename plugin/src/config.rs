//! The words behind the plugin's path in plugstack.conf. A word that is not known is a warning, never a failure:
//! a mistake here must not cost anyone a job.

use std::path::PathBuf;

use crate::audit::Limits;

/// What the site set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where site records go; none are written without it.
    pub audit: Option<PathBuf>,
    /// How much of them is kept.
    pub audit_limits: Limits,
    /// Whether a plain sbatch job whose trial cannot be resolved fails.
    pub strict: bool,
    /// Faults on demand.
    #[cfg(feature = "faults")]
    pub faults: Vec<crate::faults::Fault>,
    /// What was not understood, for one warning.
    pub warnings: Vec<String>,
}

/// One key of the table: its name and what its value does.
type Key = (&'static str, fn(&mut Config, &str) -> Result<(), &'static str>);

/// Every key that there is.
const KEYS: &[Key] = &[
    ("audit", set_audit),
    ("audit_file_mib", |config, value| {
        config.audit_limits.file_len = mebibytes(value)?;
        Ok(())
    }),
    ("audit_user_mib", |config, value| {
        config.audit_limits.user_len = mebibytes(value)?;
        Ok(())
    }),
    ("strict", |config, value| {
        config.strict = yes_or_no(value)?;
        Ok(())
    }),
    ("epilog", |_, value| match yes_or_no(value)? {
        true => Err("this build has no epilog hook"),
        false => Ok(()),
    }),
    #[cfg(feature = "faults")]
    ("fault", |config, value| {
        config.faults.push(value.parse()?);
        Ok(())
    }),
];

impl Config {
    /// Reads the words; what is wrong is noted in [`Config::warnings`] and left out.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut config = Self::default();
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let result = match KEYS.iter().find(|(key, _)| *key == name) {
                Some((_, set)) => set(&mut config, value),
                None => Err("no such key"),
            };
            if let Err(reason) = result {
                config.warnings.push(format!("`{word}` in plugstack.conf: {reason}"));
            }
        }
        config
    }
}

fn set_audit(config: &mut Config, value: &str) -> Result<(), &'static str> {
    if !value.starts_with('/') {
        return Err("the audit directory must be an absolute path");
    }
    config.audit = Some(value.into());
    Ok(())
}

fn mebibytes(value: &str) -> Result<u64, &'static str> {
    match value.parse::<u32>() {
        Ok(mebibytes) if mebibytes > 0 => Ok(u64::from(mebibytes) << 20),
        _ => Err("must be a number of MiB, at least 1"),
    }
}

fn yes_or_no(value: &str) -> Result<bool, &'static str> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("must be yes or no"),
    }
}

/// Words of plugstack.conf.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read() {
        let config = Config::parse(["audit=/var/spool/slurm-sweep", "strict=yes", "epilog=no"]);
        assert_eq!(config.audit, Some("/var/spool/slurm-sweep".into()));
        let limits = Config::parse(["audit_file_mib=2", "audit_user_mib=3"]).audit_limits;
        assert_eq!(limits, Limits { file_len: 2 << 20, user_len: 3 << 20 });
        assert!(config.strict && config.warnings.is_empty(), "{config:?}");
        assert_eq!(Config::parse([]), Config::default());
    }

    #[test]
    fn what_is_wrong_is_a_warning_and_the_rest_counts() {
        let config = Config::parse([
            "audit=relative",
            "strict=maybe",
            "epilog=yes",
            "color=red",
            "audit_user_mib=0",
            "strict=yes",
        ]);
        assert_eq!(config.warnings.len(), 5, "{:?}", config.warnings);
        assert!(config.strict && config.audit.is_none());
    }
}
