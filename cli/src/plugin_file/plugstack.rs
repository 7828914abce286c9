//! Slurm's list of plugins: where plugstack.conf is, what it includes, and our line in it. It reads and never writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{At, Error, Result};
use crate::executor::process::Call;

/// How long a question may take. A controller that is down is asked for nothing that a file says.
const LIMIT: Duration = Duration::from_secs(30);
/// Included files that are read.
const FILES: usize = 100;
/// Where distributions and Slurm's own build keep their configuration.
const USUAL: [&str; 4] = ["/etc/slurm", "/etc/slurm-llnl", "/usr/local/etc/slurm", "/usr/local/etc"];

/// The folder with Slurm's configuration and its plugstack.conf, which need not be there yet.
///
/// # Errors
/// The world's where no Slurm is configured here; the user's where a file of Slurm's own cache would be changed.
pub fn find(folder: Option<&Path>) -> Result<PathBuf> {
    let named = std::env::var_os("SLURM_CONF").map(PathBuf::from);
    let found = match (folder, named) {
        (Some(folder), _) => Some(beside(&folder.join("slurm.conf"))),
        (None, Some(file)) if file.is_file() => Some(beside(&file)),
        _ => by_word_of_slurm().or_else(usual),
    };
    let path = found.ok_or_else(|| {
        Error::world("cannot find plugstack.conf: Slurm does not say where its configuration is")
            .hint("name the folder of slurm.conf with --slurm-conf-dir")
    })?;
    let path = std::path::absolute(&path).at("find", &path)?;
    let text = path.to_string_lossy();
    if text.starts_with("/run/slurm/conf") || text.contains("/conf-cache/") {
        return Err(Error::user(format!("`{text}` is a copy that slurmd fetches from slurmctld"))
            .hint("on a configless cluster the line goes into plugstack.conf on slurmctld's host: see docs/install.md"));
    }
    Ok(path)
}

/// Where Slurm says that it reads its plugins' lines.
#[must_use]
pub fn by_word_of_slurm() -> Option<PathBuf> {
    let answer = Call::new("scontrol").args(["show", "config"]).run(LIMIT).ok()?;
    setting(&answer.stdout, "PlugStackConfig").map(PathBuf::from)
}

fn usual() -> Option<PathBuf> {
    let has = |folder: &Path| folder.join("slurm.conf").is_file() || folder.join("plugstack.conf").is_file();
    USUAL.iter().map(Path::new).find(|folder| has(folder)).map(|folder| beside(&folder.join("slurm.conf")))
}

/// The plugstack.conf of a slurm.conf: the one that it names, else the one beside it, as Slurm has it.
fn beside(slurm_conf: &Path) -> PathBuf {
    let text = fs::read_to_string(slurm_conf).unwrap_or_default();
    match setting(&text, "PlugStackConfig") {
        Some(path) => PathBuf::from(path),
        None => slurm_conf.with_file_name("plugstack.conf"),
    }
}

/// Whether nodes fetch their configuration from this one's slurmctld. They get plugstack.conf, and of what it includes
/// nothing that lies in another folder (Slurm's page on configless).
#[must_use]
pub fn is_configless(slurm_conf: &Path) -> bool {
    let text = fs::read_to_string(slurm_conf).unwrap_or_default();
    let words = setting(&text, "SlurmctldParameters").unwrap_or_default();
    words.split(',').any(|word| word.trim().eq_ignore_ascii_case("enable_configless"))
}

fn setting(text: &str, name: &str) -> Option<String> {
    let of = |line: &str| {
        let (key, value) = line.split('#').next()?.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    text.lines().filter_map(of).find(|value| !value.is_empty() && value != "(null)")
}

/// Our line and the file that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which file.
    pub file: PathBuf,
    /// `optional /path/spank_sweep.so audit=…`.
    pub text: String,
}

impl Line {
    /// The plugin's file.
    #[must_use]
    pub fn plugin(&self) -> Option<PathBuf> {
        self.text.split_whitespace().nth(1).map(PathBuf::from)
    }

    /// The words behind it.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        self.text.split_whitespace().skip(2).map(str::to_owned).collect()
    }
}

/// Our line in a text of plugstack.conf's form.
#[must_use]
pub fn line_of(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.starts_with('#') && line.contains("spank_sweep"))
}

/// The plugin's lines in a file and in those that it includes, at most 100 of them.
#[must_use]
pub fn lines(path: &Path) -> Vec<Line> {
    let mut files = vec![path.to_owned()];
    let (mut read, mut found) = (0, Vec::new());
    while let Some(file) = files.pop() {
        read += 1;
        let Ok(text) = fs::read_to_string(&file) else { continue };
        if let Some(line) = line_of(&text) {
            found.push(Line { file: file.clone(), text: line.to_owned() });
        }
        if read < FILES {
            for pattern in patterns(&file, &text) {
                files.extend(glob::glob(&pattern).into_iter().flatten().flatten().take(FILES));
            }
        }
    }
    found
}

/// Whether plugstack.conf with this text includes a file of this name, by whatever links its folder is reached.
#[must_use]
pub fn includes(plugstack: &Path, text: &str, file: &Path) -> bool {
    // As glob(3): a star does not cross a slash.
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
    let takes = |pattern: &str, file: &Path| {
        glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_path_with(file, options))
    };
    patterns(plugstack, text).iter().any(|pattern| {
        let real = real_folder(Path::new(pattern));
        takes(pattern, file) || takes(&real.to_string_lossy(), &real_folder(file))
    })
}

/// Whether two names mean the same file, which need not be there.
#[must_use]
pub fn is_same(a: &Path, b: &Path) -> bool {
    real_folder(a) == real_folder(b)
}

/// A path with the links of its folder followed, where the folder is there.
fn real_folder(path: &Path) -> PathBuf {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return path.to_owned() };
    fs::canonicalize(folder).map_or_else(|_| path.to_owned(), |folder| folder.join(name))
}

/// The patterns of a file's includes; relative ones start at the file's own folder (22.05 src/common/plugstack.c).
fn patterns(file: &Path, text: &str) -> Vec<String> {
    let base = file.parent().unwrap_or(Path::new("/"));
    let of = |line: &str| {
        let (word, pattern) = line.trim().split_once(char::is_whitespace)?;
        (word == "include").then(|| base.join(pattern.trim()).to_string_lossy().into_owned())
    };
    text.lines().filter_map(of).collect()
}

/// Lines and includes.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_through_an_include() {
        let dir = tempfile::tempdir().unwrap();
        let plugstack = dir.path().join("plugstack.conf");
        fs::create_dir(dir.path().join("plugstack.conf.d")).unwrap();
        fs::write(&plugstack, "# optional spank_sweep.so\ninclude plugstack.conf.d/*.conf\n").unwrap();
        assert_eq!(lines(&plugstack), []);
        let text = "optional /x/spank_sweep.so audit=/a";
        let file = dir.path().join("plugstack.conf.d/sweep.conf");
        fs::write(&file, text).unwrap();
        fs::write(dir.path().join("plugstack.conf.d/other.bak"), "required spank_sweep.so").unwrap();
        let found = lines(&plugstack);
        assert_eq!(found, [Line { file, text: text.to_owned() }]);
        assert_eq!(found[0].plugin(), Some("/x/spank_sweep.so".into()));
        assert_eq!(found[0].arguments(), ["audit=/a"]);
    }

    #[test]
    fn an_include_is_understood_as_slurm_does() {
        let plugstack = Path::new("/etc/slurm/plugstack.conf");
        let file = Path::new("/etc/slurm/plugstack.conf.d/sweep.conf");
        for text in [
            "include /etc/slurm/plugstack.conf.d/*.conf",
            "include\tplugstack.conf.d/*",
            "x\ninclude plugstack.conf.d/sweep.conf\n",
        ] {
            assert!(includes(plugstack, text, file), "{text}");
        }
        for text in ["", "#include plugstack.conf.d/*", "include *.conf", "include plugstack.conf.d/a*"] {
            assert!(!includes(plugstack, text, file), "{text}");
        }
    }

    #[test]
    fn a_configless_cluster_is_known_by_its_word() {
        let dir = tempfile::tempdir().unwrap();
        let conf = dir.path().join("slurm.conf");
        assert!(!is_configless(&conf));
        fs::write(&conf, "slurmctldparameters=cloud_dns,Enable_Configless\n").unwrap();
        assert!(is_configless(&conf));
        fs::write(&conf, "#SlurmctldParameters=enable_configless\n").unwrap();
        assert!(!is_configless(&conf));
    }

    #[test]
    fn a_folder_that_is_reached_by_a_link_is_the_same_folder() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("real/plugstack.conf.d")).unwrap();
        std::os::unix::fs::symlink(at("real"), at("link")).unwrap();
        let text = format!("include {}/*.conf\n", at("link/plugstack.conf.d").display());
        assert!(includes(&at("real/plugstack.conf"), &text, &at("real/plugstack.conf.d/sweep.conf")));
        assert!(!includes(&at("real/plugstack.conf"), &text, &at("real/sweep.conf")));
        assert!(is_same(&at("link/plugstack.conf.d/a.conf"), &at("real/plugstack.conf.d/a.conf")));
        assert!(!is_same(&at("link/plugstack.conf.d/a.conf"), &at("real/plugstack.conf.d/b.conf")));
    }

    #[test]
    fn slurm_conf_may_name_another_place() {
        let dir = tempfile::tempdir().unwrap();
        let conf = dir.path().join("slurm.conf");
        assert_eq!(find(Some(dir.path())).unwrap(), dir.path().join("plugstack.conf"));
        fs::write(&conf, "#PlugStackConfig=/no\nplugstackconfig = /else/where.conf # yes\n").unwrap();
        assert_eq!(find(Some(dir.path())).unwrap(), Path::new("/else/where.conf"));
        fs::write(&conf, "PlugStackConfig=/run/slurm/conf/plugstack.conf\n").unwrap();
        assert!(find(Some(dir.path())).unwrap_err().to_string().contains("copy"));
    }
}
