//! The plugin's file read as ELF: where its stamp is and what it needs from others. A hostile or damaged file ends in a
//! [`Flaw`]; it never runs the file, and of a file that it stamps it changes four bytes and no other.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use object::elf;
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _, SectionHeader as _, Sym as _};
use object::{Endianness, read};
use sha2::{Digest, Sha256};

use crate::error::{At, Error, Result};
use crate::plugin_file::release::Release;

/// What stands behind the four bytes of the stamp (plugin/src/abi.rs).
const MARK: &[u8; 20] = b"SWEEP-PLUGIN-STAMP:\0";
/// The stamp's bytes.
const STAMP: usize = 4;
/// No plugin of ours is near this; more is not read.
const FILE_MAX: u64 = 64 * 1024 * 1024;
/// Plugins of ours say so by these two symbols.
const NAMES: [(&str, &[u8; 6]); 2] = [("plugin_name", b"sweep\0"), ("plugin_type", b"spank\0")];

type Header = elf::FileHeader64<Endianness>;

/// Why a file is not a plugin of ours that can be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Something else altogether.
    #[error("it is no ELF shared object")]
    NotShared,
    /// For another kind of machine.
    #[error("it is for another architecture than this machine's")]
    Architecture,
    /// Its tables contradict themselves or point out of it.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// A shared object, and not ours.
    #[error("it is no plugin of slurm-sweep: {0}")]
    NotOurs(&'static str),
    /// More places look like the stamp than one.
    #[error("it has two stamps")]
    TwoStamps,
    /// The stamp names no release.
    #[error("it is damaged: its stamp is {0:#010x}, which no release of Slurm has")]
    Stamp(u32),
    /// The checksum beside it is another's.
    #[error("it is damaged: its SHA-256 is not the one in `{0}`")]
    Checksum(String),
}

impl From<read::Error> for Flaw {
    fn from(error: read::Error) -> Self {
        Self::Damaged(error.to_string().to_lowercase())
    }
}

/// A symbol that somebody else has to bring, with the version of it where it has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Such as `GLIBC_2.35`.
    pub version: Option<String>,
}

impl std::fmt::Display for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

/// A plugin that was read and found sound.
#[derive(Clone, Debug)]
pub struct Image {
    bytes: Vec<u8>,
    stamp_at: usize,
    little: bool,
    /// The release that it is stamped for.
    pub release: Release,
    /// Symbols that its host has to have.
    pub needs: BTreeSet<Symbol>,
    /// Libraries that it loads.
    pub libraries: Vec<String>,
}

impl Image {
    /// Reads a plugin. Where `FILE.sha256` stands beside it, as `sha256sum` writes it, that has to agree.
    ///
    /// # Errors
    /// The world's where it cannot be read; the user's, with the reason, where it is no sound plugin of ours.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = bounded(path)?;
        checksum_beside(path, &bytes).and_then(|()| Self::parse(bytes)).map_err(|flaw| {
            Error::user(format!("cannot use `{}`", path.display()))
                .because(&flaw)
                .hint("take spank_sweep.so from the release again, or build it: `cargo xtask build-plugin`")
        })
    }

    /// Looks at the bytes of a plugin.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Flaw> {
        let data = bytes.as_slice();
        let header = header(data)?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        if sections.is_empty() {
            return Err(Flaw::Damaged("it has no sections".into()));
        }
        for section in sections.iter() {
            section.data(endian, data)?;
        }
        let segments = header.program_headers(endian, data)?;
        for segment in segments {
            segment
                .data(endian, data)
                .map_err(|()| Flaw::Damaged("a segment ends behind the file".into()))?;
        }
        let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
        let place = |wanted: &'static str| -> Result<usize, Flaw> {
            let mut found = symbols.iter().filter(|symbol| {
                !symbol.is_undefined(endian)
                    && symbol.name(endian, symbols.strings()) == Ok(wanted.as_bytes())
            });
            let symbol = found.next().ok_or(Flaw::NotOurs("it lacks the symbols of a plugin"))?;
            if found.next().is_some() {
                return Err(Flaw::TwoStamps);
            }
            let address = symbol.st_value(endian);
            // Slurm reads memory, so the segment decides; the section has to say the same.
            let by_segment = segments.iter().find_map(|segment| {
                let inside = address.checked_sub(segment.p_vaddr(endian))?;
                let loaded = segment.p_type(endian) == elf::PT_LOAD && inside < segment.p_filesz(endian);
                loaded.then(|| segment.p_offset(endian).checked_add(inside))?
            });
            let section = sections.section(read::SectionIndex(usize::from(symbol.st_shndx(endian))))?;
            let by_section = address
                .checked_sub(section.sh_addr(endian))
                .and_then(|inside| section.sh_offset(endian).checked_add(inside));
            match (by_segment, by_section) {
                (Some(a), Some(b)) if a == b => usize::try_from(a).map_err(|_| Flaw::NotShared),
                _ => Err(Flaw::Damaged(format!("`{wanted}` lies nowhere"))),
            }
        };
        for (name, content) in NAMES {
            let at = place(name)?;
            if data.get(at..at.saturating_add(content.len())) != Some(content.as_slice()) {
                return Err(Flaw::NotOurs("it is a plugin of somebody else's"));
            }
        }
        let stamp_at = place("plugin_version")?;
        let marks: Vec<usize> = memory_find(data, MARK);
        match marks.as_slice() {
            [] => return Err(Flaw::NotOurs("it has no stamp")),
            [at] if stamp_at.checked_add(STAMP) == Some(*at) => {}
            [_] => return Err(Flaw::Damaged("its stamp is not where its version is".into())),
            _ => return Err(Flaw::TwoStamps),
        }
        let four: [u8; STAMP] = data[stamp_at..stamp_at + STAMP].try_into().expect("four bytes were cut out");
        let little = endian == Endianness::Little;
        let number = if little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) };
        let release = Release::from_number(number).ok_or(Flaw::Stamp(number))?;
        let (needs, libraries) = (undefined(data)?, needed(data)?);
        Ok(Self { stamp_at, little, release, needs, libraries, bytes })
    }

    /// A plugin without a file, with these needs.
    #[cfg(test)]
    pub(super) fn made_up(release: Release, needs: BTreeSet<Symbol>, libraries: Vec<String>) -> Self {
        Self { bytes: vec![0; STAMP], stamp_at: 0, little: true, release, needs, libraries }
    }

    /// The file's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same plugin for another release: exactly the four bytes differ.
    #[must_use]
    pub fn stamped(&self, release: Release) -> Self {
        let mut new = self.clone();
        let number = release.number();
        let four = if self.little { number.to_le_bytes() } else { number.to_be_bytes() };
        new.bytes[self.stamp_at..self.stamp_at + STAMP].copy_from_slice(&four);
        new.release = release;
        new
    }

    /// The SHA-256 of the file.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256(&self.bytes)
    }

    /// The SHA-256 with zeros for the stamp: the same for every stamp of one build.
    #[must_use]
    pub fn build_sha256(&self) -> String {
        let mut blank = self.bytes.clone();
        blank[self.stamp_at..self.stamp_at + STAMP].fill(0);
        sha256(&blank)
    }
}

/// The symbols that a program or library offers, each with its version where it has one, and once without.
///
/// # Errors
/// Where it is no ELF file of this machine's.
pub fn offered(bytes: &[u8]) -> Result<BTreeSet<Symbol>, Flaw> {
    symbols_of(bytes, Side::Offered)
}

/// The SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

/// A whole file, unless it is longer than any of ours or Slurm's.
///
/// # Errors
/// The world's.
pub fn bounded(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).at("open", path)?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).at("read", path)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(Error::user(format!("`{}` is longer than {} MiB", path.display(), FILE_MAX >> 20)));
    }
    Ok(bytes)
}

fn checksum_beside(path: &Path, bytes: &[u8]) -> Result<(), Flaw> {
    let mut name = path.as_os_str().to_owned();
    name.push(".sha256");
    let Ok(text) = std::fs::read_to_string(&name) else { return Ok(()) };
    let wanted = text.split_whitespace().next().unwrap_or_default();
    if wanted.eq_ignore_ascii_case(&sha256(bytes)) {
        return Ok(());
    }
    Err(Flaw::Checksum(name.to_string_lossy().into_owned()))
}

fn header(data: &[u8]) -> Result<&Header, Flaw> {
    if data.get(..4) != Some(&elf::ELFMAG) {
        return Err(Flaw::NotShared);
    }
    if data.get(4) != Some(&elf::ELFCLASS64) {
        return Err(Flaw::Architecture);
    }
    let header = Header::parse(data)?;
    let endian = header.endian()?;
    if header.e_type(endian) != elf::ET_DYN {
        return Err(Flaw::NotShared);
    }
    let ours = match std::env::consts::ARCH {
        "x86_64" => Some(elf::EM_X86_64),
        "aarch64" => Some(elf::EM_AARCH64),
        "powerpc64" => Some(elf::EM_PPC64),
        "riscv64" => Some(elf::EM_RISCV),
        "s390x" => Some(elf::EM_S390),
        _ => None,
    };
    if ours.is_some_and(|machine| machine != header.e_machine(endian)) {
        return Err(Flaw::Architecture);
    }
    Ok(header)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Undefined,
    Offered,
}

fn undefined(data: &[u8]) -> Result<BTreeSet<Symbol>, Flaw> {
    symbols_of(data, Side::Undefined)
}

fn symbols_of(data: &[u8], side: Side) -> Result<BTreeSet<Symbol>, Flaw> {
    let header = header(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let versions = sections.versions(endian, data)?;
    let mut found = BTreeSet::new();
    for (index, symbol) in symbols.enumerate() {
        let name = symbol.name(endian, symbols.strings())?;
        let is_undefined = symbol.is_undefined(endian);
        // A weak one may be missing: the loader leaves it empty and the plugin looks before it calls.
        let is_wanted = match side {
            Side::Undefined => is_undefined && symbol.st_bind() == elf::STB_GLOBAL,
            Side::Offered => !is_undefined && symbol.st_bind() != elf::STB_LOCAL,
        };
        if !is_wanted || name.is_empty() {
            continue;
        }
        let name = text(name)?;
        let version = match &versions {
            Some(table) => {
                table.version(table.version_index(endian, index))?.map(|v| text(v.name())).transpose()?
            }
            None => None,
        };
        if side == Side::Offered {
            found.insert(Symbol { name: name.clone(), version: None });
        }
        found.insert(Symbol { name, version });
    }
    Ok(found)
}

fn needed(data: &[u8]) -> Result<Vec<String>, Flaw> {
    let header = header(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let Some((entries, link)) = sections.dynamic(endian, data)? else {
        return Err(Flaw::Damaged("it has no dynamic section".into()));
    };
    let strings = sections.strings(endian, data, link)?;
    let of_need = entries.iter().filter(|entry| entry.tag32(endian) == Some(elf::DT_NEEDED));
    of_need.map(|entry| text(entry.string(endian, strings)?)).collect()
}

fn text(bytes: &[u8]) -> Result<String, Flaw> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Flaw::Damaged("a name in it is no text".into()))
}

fn memory_find(data: &[u8], wanted: &[u8]) -> Vec<usize> {
    data.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests;
