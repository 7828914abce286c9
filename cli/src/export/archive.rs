//! A sweep as one file, `<id>.tar.gz`, and back. The file appears when it is complete and every byte of it was compared
//! with the directory; a directory appears when all of it is there.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use sweep_core::id::SweepId;
use sweep_core::layout::SweepDir;

use crate::error::{At, Error, Result};

/// Bytes that are read or written at once.
const BUFFER_LEN: usize = 256 * 1024;

/// What an archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Packed {
    /// Files, links and directories.
    pub inodes: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Bytes of the archive.
    pub archive_bytes: u64,
}

/// Packs a sweep's directory into a file beside its place, compares the two, and then gives the file its name.
///
/// # Errors
/// Where the file is there already, something cannot be read, or what was packed is not what is in the directory.
pub fn pack(dir: &SweepDir, id: &SweepId, out: &Path) -> Result<Packed> {
    if out.symlink_metadata().is_ok() {
        return Err(
            Error::user(format!("`{}` is there already", out.display())).hint("name another file with -o")
        );
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let new = out.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let packed = write(dir, id, &new).and_then(|()| verify(dir, id, &new)).inspect_err(|_| {
        // An archive that is not complete is nobody's.
        let _ = fs::remove_file(&new);
    })?;
    fs::rename(&new, out).at("rename", &new)?;
    Ok(packed)
}

fn write(dir: &SweepDir, id: &SweepId, new: &Path) -> Result<()> {
    let file = BufWriter::with_capacity(BUFFER_LEN, File::create_new(new).at("create", new)?);
    let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    tar.follow_symlinks(false);
    for path in walk(dir.path())? {
        let inner = Path::new(id.as_str()).join(path.strip_prefix(dir.path()).unwrap_or(&path));
        tar.append_path_with_name(&path, &inner).at("pack", &path)?;
    }
    let file = tar.into_inner().and_then(GzEncoder::finish).at("write", new)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error).at("write", new)?;
    file.sync_all().at("write", new)
}

/// Everything of a directory, itself first, in the order of names. What is neither file, directory nor link cannot be
/// packed.
fn walk(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(path) = open.pop() {
        let kind = fs::symlink_metadata(&path).at("read", &path)?.file_type();
        if kind.is_dir() {
            for entry in fs::read_dir(&path).at("read", &path)? {
                open.push(entry.at("read", &path)?.path());
            }
        } else if !kind.is_file() && !kind.is_symlink() {
            return Err(Error::user(format!("`{}` is neither a file nor a directory", path.display()))
                .hint("remove it, such as a socket of a program that has ended"));
        }
        found.push(path);
    }
    found.sort();
    Ok(found)
}

/// Reads an archive to its end and compares it with the directory, in both directions.
fn verify(dir: &SweepDir, id: &SweepId, archive: &Path) -> Result<Packed> {
    let differs = |path: &Path| {
        Error::world(format!("`{}` changed while it was packed", path.display()))
            .hint("wait until nothing writes into the sweep any more, and pack it again")
    };
    let mut left: std::collections::BTreeSet<PathBuf> = walk(dir.path())?.into_iter().collect();
    let mut packed = Packed::default();
    each(archive, |entry| {
        let inner = entry.path().at("read", archive)?.into_owned();
        let path = dir.path().join(inner.strip_prefix(id.as_str()).unwrap_or(&inner));
        // The directory itself has a slash at its end.
        let path: PathBuf = path.components().collect();
        let metadata = fs::symlink_metadata(&path).map_err(|_| differs(&path))?;
        let same = match entry.header().entry_type() {
            tar::EntryType::Directory => metadata.is_dir(),
            tar::EntryType::Symlink => {
                let target = entry.link_name().at("read", archive)?;
                target.as_deref() == fs::read_link(&path).ok().as_deref()
            }
            _ => {
                let size = entry.size();
                packed.bytes += size;
                let there = File::open(&path).at("read", &path)?;
                metadata.len() == size
                    && digest(entry).at("read", archive)? == digest(there).at("read", &path)?
            }
        };
        if !same || !left.remove(&path) {
            return Err(differs(&path));
        }
        packed.inodes += 1;
        Ok(())
    })?;
    match left.first() {
        Some(path) => Err(differs(path)),
        None => {
            packed.archive_bytes = fs::metadata(archive).at("read", archive)?.len();
            Ok(packed)
        }
    }
}

fn digest(mut from: impl Read) -> io::Result<[u8; 32]> {
    struct Sink(Sha256);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut sink = Sink(Sha256::new());
    io::copy(&mut from, &mut sink)?;
    Ok(sink.0.finalize().into())
}

type Entry<'a> = tar::Entry<'a, MultiGzDecoder<BufReader<File>>>;

/// Reads every entry of an archive, and the archive to its end, where its checksum stands.
fn each(archive: &Path, mut see: impl FnMut(&mut Entry<'_>) -> Result<()>) -> Result<()> {
    let file = BufReader::with_capacity(BUFFER_LEN, File::open(archive).at("open", archive)?);
    let mut tar = tar::Archive::new(MultiGzDecoder::new(file));
    for entry in tar.entries().at("read", archive)? {
        see(&mut entry.at("read", archive)?)?;
    }
    io::copy(&mut tar.into_inner(), &mut io::sink()).at("read", archive)?;
    Ok(())
}

/// The sweep that an archive holds, by its first entry.
///
/// # Errors
/// Where it is no archive of a sweep.
fn id_of(archive: &Path) -> Result<SweepId> {
    let file = BufReader::new(File::open(archive).at("open", archive)?);
    let mut tar = tar::Archive::new(MultiGzDecoder::new(file));
    let first = tar.entries().ok().and_then(|mut entries| entries.next()).and_then(io::Result::ok);
    let path = first.and_then(|entry| entry.path().ok().map(std::borrow::Cow::into_owned));
    let id = path.and_then(|path| path.to_str()?.trim_end_matches('/').parse::<SweepId>().ok());
    id.ok_or_else(|| {
        Error::user(format!("`{}` is no archive of a sweep", archive.display()))
            .hint("`sweep archive` writes <id>.tar.gz, a directory of that name in a gzipped tar")
    })
}

/// Unpacks an archive into a folder of sweeps; the sweep appears when all of it is there.
///
/// # Errors
/// Where the sweep is there already, or the archive is damaged or holds anything but one sweep.
pub fn unpack(archive: &Path, home: &Path) -> Result<SweepDir> {
    let id = id_of(archive)?;
    let complete = SweepDir::complete(home, &id);
    if complete.path().symlink_metadata().is_ok() {
        return Err(Error::user(format!("`{}` is there already", complete.path().display())));
    }
    fs::create_dir_all(home).at("make", home)?;
    let new = SweepDir::unfinished(home, &id);
    fs::create_dir(new.path()).at("make", new.path())?;
    let unpacked = each(archive, |entry| {
        let path = entry.path().at("read", archive)?.into_owned();
        let mut parts = path.components();
        let is_inside = parts.next() == Some(Component::Normal(id.as_str().as_ref()))
            && parts.all(|part| matches!(part, Component::Normal(_)));
        let kind = entry.header().entry_type();
        if !is_inside
            || !matches!(kind, tar::EntryType::Directory | tar::EntryType::Regular | tar::EntryType::Symlink)
        {
            return Err(Error::user(format!("`{}` of the archive is not of the sweep", path.display())));
        }
        // Nothing is written through a link that leads out of the folder.
        if entry.unpack_in(new.path()).at("unpack", &path)? {
            Ok(())
        } else {
            Err(Error::user(format!("`{}` leaves the archive", path.display())))
        }
    });
    let inner = new.path().join(id.as_str());
    let done = unpacked.and_then(|()| fs::rename(&inner, complete.path()).at("rename", &inner));
    let removed = fs::remove_dir_all(new.path());
    done?;
    removed.at("remove", new.path())?;
    Ok(complete)
}
