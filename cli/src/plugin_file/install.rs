//! Putting the plugin where Slurm finds it: what has to change is worked out first, made, and then tried with Slurm
//! itself. It never leaves an sbatch that worked before in a worse state than it found it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{At, Error, Result};
use crate::plugin_file::change::{Change, Ledger};
use crate::plugin_file::image::Image;
use crate::plugin_file::plugstack::{self, Line};
use crate::plugin_file::receipt::{self, Receipt};
use crate::plugin_file::verify::{Asked, Sbatch};
use crate::plugin_file::{fit, host, place};

/// The folder of included lines, beside plugstack.conf, and our file in it.
const LINES: &str = "plugstack.conf.d";
const LINE_FILE: &str = "sweep.conf";
/// What our file holds; the packages ship the same text.
const LINE_TEXT: &str = include_str!("../../../packaging/plugstack.conf.d/sweep.conf.in");
/// What stands above an include of ours in plugstack.conf.
pub const INCLUDE_MARK: &str =
    "# Added by `sweep plugin install`, and removed by `sweep plugin install --undo`:";

/// What is wanted.
#[derive(Debug)]
pub struct Wish {
    /// The plugin, stamped for whatever release.
    pub file: PathBuf,
    /// Where the site's records go, or as it is.
    pub audit: Option<PathBuf>,
    /// The folder of slurm.conf, or where Slurm says.
    pub slurm_conf_dir: Option<PathBuf>,
    /// The folder of plugins.
    pub lib_dir: PathBuf,
    /// A job at the end, as whom.
    pub test: Option<TestJob>,
}

/// A job that tries the plugin.
#[derive(Debug)]
pub struct TestJob {
    /// As this user, else as root.
    pub user: Option<String>,
}

/// What was done, or would be.
#[derive(Debug)]
pub struct Done {
    /// One a change.
    pub changes: Vec<Change>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// What has to change for a wish.
#[derive(Debug)]
pub struct Plan {
    changes: Vec<Change>,
    notes: Vec<String>,
    lib_dir: PathBuf,
    slurm_conf: Option<PathBuf>,
}

/// What an installation on slurmctld's host does not do for others.
const CONFIGLESS_NOTE: &str = "this cluster is configless: machines that fetch their configuration get plugstack.conf \
                               but not plugstack.conf.d; docs/install.md says which line to give them";

impl Wish {
    /// Works out what has to change.
    ///
    /// # Errors
    /// Where the plugin is unsound or does not fit, where no Slurm is found, where a place is not safe.
    pub fn plan(&self) -> Result<Plan> {
        let image = Image::read(&self.file)?;
        let slurm = host::release(self.slurm_conf().as_deref())?;
        let image = image.stamped(slurm);
        let report = fit::judge(&self.file, &image, slurm, &host::loaders());
        if !report.fits {
            return Err(Error::world(format!("`{}` cannot run in this Slurm {slurm}", self.file.display()))
                .said(&report.problems.join("\n"))
                .hint("build it on this machine, or on one with the same or an older C library"));
        }
        let found = plugstack::find(self.slurm_conf_dir.as_deref())?;
        let lib_dir = place::plain(&self.lib_dir)?;
        let line_file = found.with_file_name(LINES).join(LINE_FILE);
        // An include of a path with blanks in it would mean several.
        place::plain(&line_file)?;
        let is_other = |line: &Line| !plugstack::is_same(&line.file, &line_file);
        if let Some(line) = plugstack::lines(&found).into_iter().find(is_other) {
            return Err(Error::user(format!("`{}` loads the plugin already", line.file.display()))
                .said(&line.text)
                .hint("remove that line, then install again: sweep.conf takes its place"));
        }
        let plugin = lib_dir.join(format!("spank_sweep-{slurm}.so"));
        let others = Receipt::others(&lib_dir, &found)?;
        let mut draft = Draft::new(Receipt::read(&lib_dir, &found)?, others, &found, &line_file);
        draft.safe_folders(&lib_dir.join(receipt::FOLDER), 0o755)?;
        draft.write(&plugin, image.bytes(), 0o755)?;
        draft.plugin(&plugin);
        let (text, audit) = self.line(&line_file, &plugin)?;
        if let Some(audit) = &audit {
            draft.safe_folders(audit, 0o750)?;
        }
        draft.line(&line_file, &text)?;
        draft.include(&found, &line_file)?;
        if plugstack::is_configless(&self.slurm_conf().unwrap_or_else(|| found.with_file_name("slurm.conf")))
        {
            draft.notes.push(CONFIGLESS_NOTE.to_owned());
        }
        Ok(draft.done(lib_dir, self.slurm_conf()))
    }

    /// The slurm.conf of the folder that was named, where it has one.
    pub(super) fn slurm_conf(&self) -> Option<PathBuf> {
        self.slurm_conf_dir.as_ref().map(|dir| dir.join("slurm.conf")).filter(|path| path.is_file())
    }

    /// The text of sweep.conf, with the words that stand in it now, and the audit directory that it names.
    fn line(&self, line_file: &Path, plugin: &Path) -> Result<(String, Option<PathBuf>)> {
        let there = fs::read_to_string(line_file).unwrap_or_default();
        let line =
            plugstack::line_of(&there).map(|text| Line { file: line_file.to_owned(), text: text.to_owned() });
        let mut words = line.map(|line| line.arguments()).unwrap_or_default();
        if let Some(audit) = &self.audit {
            let audit = place::plain(audit)?;
            words.retain(|word| !word.starts_with("audit="));
            words.insert(0, format!("audit={}", audit.display()));
        }
        let audit = words.iter().find_map(|word| word.strip_prefix("audit=")).map(PathBuf::from);
        let mut rest = words.join(" ");
        if !rest.is_empty() {
            rest.insert(0, ' ');
        }
        let text = LINE_TEXT.replace("@PLUGIN@", &plugin.display().to_string()).replace("@WORDS@", &rest);
        Ok((text, audit))
    }
}

impl Plan {
    /// What would be done.
    #[must_use]
    pub fn dry(self) -> Done {
        Done { changes: self.changes, notes: self.notes }
    }

    /// Makes the changes and tries the plugin; puts everything back where it does not work.
    ///
    /// # Errors
    /// The world's, with what was put back.
    pub fn carry_out(self, wish: &Wish) -> Result<Done> {
        let _held = hold(&self.lib_dir)?;
        let asked = Asked { slurm_conf: self.slurm_conf.as_deref() };
        let before = asked.sbatch()?;
        let mut ledger = Ledger::default();
        let made = ledger.make(&self.changes).and_then(|()| tried(asked, &before, wish));
        match made {
            Ok(note) => {
                Ok(Done { changes: self.changes, notes: self.notes.into_iter().chain(note).collect() })
            }
            Err(error) => Err(ledger.put_back(error)),
        }
    }
}

/// Asks Slurm whether the plugin works; a note where it cannot be asked.
fn tried(asked: Asked<'_>, before: &Sbatch, wish: &Wish) -> Result<Option<String>> {
    let after = asked.sbatch()?;
    if !before.starts && !after.starts {
        let why = after.said.lines().next().unwrap_or("it says nothing").to_owned();
        return Ok(Some(format!("not tried: sbatch does not start here, as before ({why})")));
    }
    if !after.has_options {
        return Err(Error::world("sbatch does not show the plugin's options after the installation")
            .said(&after.said)
            .hint("`sweep plugin check` says whether the file fits this Slurm"));
    }
    if let Some(test) = &wish.test {
        asked.job(test.user.as_deref())?;
    }
    Ok(None)
}

/// Keeps a second installation out; a folder that is not there yet is nobody's.
pub(super) fn hold(lib_dir: &Path) -> Result<Option<File>> {
    let Ok(folder) = File::open(lib_dir) else { return Ok(None) };
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Error::world(format!("another `sweep plugin install` is at work in `{}`", lib_dir.display()))
                .hint("try again when it has ended"))
        }
        // A file system without locks has one installer at a time by custom.
        Err(fs::TryLockError::Error(_)) => Ok(None),
    }
}

/// The innermost part of a path that is there, if only as a link to nowhere.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|part| fs::symlink_metadata(part).is_ok()).unwrap_or(Path::new("/"))
}

/// Changes and the receipt for them, as they are worked out.
struct Draft {
    changes: Vec<Change>,
    notes: Vec<String>,
    receipt: Receipt,
    before: Option<Receipt>,
    others: Vec<Receipt>,
}

impl Draft {
    fn new(before: Option<Receipt>, others: Vec<Receipt>, plugstack: &Path, line_file: &Path) -> Self {
        // What we wrote ourselves, and whose receipt was lost, was not there before us.
        let is_ours = |text: &str| text.lines().next() == LINE_TEXT.lines().next();
        let receipt = before.clone().unwrap_or_else(|| Receipt {
            schema: receipt::SCHEMA.to_owned(),
            plugstack: plugstack.to_owned(),
            line_file: line_file.to_owned(),
            line_before: fs::read_to_string(line_file).ok().filter(|text| !is_ours(text)),
            ..Receipt::default()
        });
        Self { changes: Vec::new(), notes: Vec::new(), receipt, before, others }
    }

    /// A folder of root's, with those above it, each of which has to be safe.
    fn safe_folders(&mut self, path: &Path, mode: u32) -> Result<()> {
        if let Some(problem) = place::problem(existing(path)) {
            return Err(Error::world(format!(
                "`{}` is no safe place for what root loads or writes",
                path.display()
            ))
            .said(&problem)
            .hint("every part has to be a real directory of root's that nobody else can write"));
        }
        // Who shares a folder with another Slurm's installation removes it where that one is gone by then.
        let shared =
            self.others.iter().flat_map(|other| &other.folders).filter(|folder| path.starts_with(folder));
        for folder in shared {
            if !self.receipt.folders.contains(folder) {
                self.receipt.folders.push(folder.clone());
            }
        }
        self.folders(path, mode);
        Ok(())
    }

    /// A folder with those above it. Slurm's own is as safe as its site has made it.
    fn folders(&mut self, path: &Path, mode: u32) {
        let there = existing(path);
        let missing: Vec<&Path> = path.ancestors().take_while(|part| *part != there).collect();
        for part in missing.into_iter().rev() {
            let is_planned = self
                .changes
                .iter()
                .any(|change| matches!(change, Change::MakeFolder { path, .. } if path == part));
            if !is_planned {
                let mode = if part == path { mode } else { 0o755 };
                self.changes.push(Change::MakeFolder { path: part.to_owned(), mode });
                if !self.receipt.folders.iter().any(|known| known == part) {
                    self.receipt.folders.push(part.to_owned());
                }
            }
        }
    }

    fn write(&mut self, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
        match fs::read(path) {
            Ok(there) if there == bytes => {}
            Ok(_) => self.changes.push(Change::Write { path: path.to_owned(), bytes: bytes.to_vec(), mode }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.changes.push(Change::Write { path: path.to_owned(), bytes: bytes.to_vec(), mode });
            }
            Err(error) => return Err(error).at("read", path),
        }
        Ok(())
    }

    fn plugin(&mut self, path: &Path) {
        if !self.receipt.plugins.iter().any(|known| known == path) {
            self.receipt.plugins.push(path.to_owned());
        }
    }

    fn line(&mut self, path: &Path, text: &str) -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        self.folders(folder, 0o755);
        let was_required = fs::read_to_string(path)
            .is_ok_and(|there| plugstack::line_of(&there).is_some_and(|line| line.starts_with("required")));
        if was_required {
            self.notes.push(
                "the plugin was `required` and is `optional` now: no fault of it can drain a node".into(),
            );
        }
        self.write(path, text.as_bytes(), 0o644)
    }

    fn include(&mut self, plugstack: &Path, line_file: &Path) -> Result<()> {
        let there = match fs::read_to_string(plugstack) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            read => Some(read.at("read", plugstack)?),
        };
        let text = there.clone().unwrap_or_default();
        if plugstack::includes(plugstack, &text, line_file) {
            return Ok(());
        }
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let pattern = line_file.with_file_name("*.conf");
        let text = format!("{text}{end}{INCLUDE_MARK}\ninclude {}\n", pattern.display());
        self.receipt.plugstack_made |= there.is_none();
        // A link is followed: to replace it would undo what some other tool set up.
        let real = fs::canonicalize(plugstack).unwrap_or_else(|_| plugstack.to_owned());
        self.write(&real, text.as_bytes(), 0o644)
    }

    /// The receipt is written before the first line of Slurm's configuration: who is stopped between can be undone.
    fn done(mut self, lib_dir: PathBuf, slurm_conf: Option<PathBuf>) -> Plan {
        if self.before.as_ref() != Some(&self.receipt) {
            let path = Receipt::path(&lib_dir, &self.receipt.plugstack);
            let bytes = self.receipt.bytes();
            let is_folder_of_ours = |change: &Change| matches!(change, Change::MakeFolder { path: made, .. } if path.starts_with(made));
            let at = self.changes.iter().rposition(is_folder_of_ours).map_or(0, |at| at + 1);
            self.changes.insert(at, Change::Write { path, bytes, mode: 0o644 });
        }
        Plan { changes: self.changes, notes: self.notes, lib_dir, slurm_conf }
    }
}
