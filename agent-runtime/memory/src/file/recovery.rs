//! Opening: reads the log back to the first thing that is not as it was written, and moves what lies beyond aside.
//!
//! The log is `N.base`, if there is one, and then the files `N+1.log`, `N+2.log` ...: a base holds what was left of all before
//! it. Whatever crash or flipped bit: what is kept is a prefix of what was written.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use super::disk::{Disk, DiskFile, failed};
use super::index::{Index, Segment};
use super::record::{FRAME, checksum, frame};
use crate::MemoryError;

/// The version of the format that is written.
const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"skreaver";
/// Magic, version and checksum of both.
pub(super) const HEADER: u64 = 16;

/// What could not be read and was moved aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where it began, and what was wrong there.
    pub problem: String,
    /// How many bytes were moved.
    pub bytes: u64,
    /// The files that hold them now.
    pub files: Vec<String>,
}

/// The log as it was found.
pub(super) struct Log {
    pub(super) index: Index,
    /// All but the last, which is written no more.
    pub(super) sealed: Vec<Arc<Segment>>,
    pub(super) sealed_bytes: u64,
    /// The last, which is written on from its end.
    pub(super) active: Arc<Segment>,
    pub(super) end: u64,
    pub(super) damage: Option<Damage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Base,
    Log,
}

/// Opens the log, or begins one.
pub(super) fn open(disk: &dyn Disk, what: &str) -> Result<Log, MemoryError> {
    let names = disk.list().map_err(|error| failed(what, error))?;
    let found = current(&names);
    let segments = found.iter().map(|(_, number, name)| segment(disk, *number, name)).collect::<io::Result<Vec<_>>>();
    let segments = segments.map_err(|error| failed(what, error))?;
    refuse_newer(&segments, what)?;
    read(disk, &names, segments).map_err(|error| failed(what, error))
}

/// The files of the log in its order: the last base, and the logs after it.
fn current(names: &[String]) -> Vec<(Kind, u64, String)> {
    let mut found: Vec<_> =
        names.iter().filter_map(|name| parse(name)).map(|(kind, n, name)| (kind, n, name.to_owned())).collect();
    found.sort_by_key(|(kind, number, _)| (*number, *kind));
    let base = found.iter().rposition(|(kind, _, _)| *kind == Kind::Base);
    let upto = base.map_or(0, |at| found[at].1);
    found.retain(|(kind, number, _)| *number > upto || (*kind == Kind::Base && *number == upto));
    found
}

fn parse(name: &str) -> Option<(Kind, u64, &str)> {
    let (number, extension) = name.split_once('.')?;
    let kind = match extension {
        "base" => Kind::Base,
        "log" => Kind::Log,
        _ => return None,
    };
    Some((kind, number.parse().ok()?, name))
}

pub(super) fn log_name(number: u64) -> String {
    format!("{number:020}.log")
}

pub(super) fn base_name(number: u64) -> String {
    format!("{number:020}.base")
}

pub(super) fn segment(disk: &dyn Disk, number: u64, name: &str) -> io::Result<Arc<Segment>> {
    Ok(Arc::new(Segment { name: name.to_owned(), number, file: disk.open(name)? }))
}

/// A file with its header and nothing else, not yet safe from a crash.
pub(super) fn begin(disk: &dyn Disk, number: u64, name: &str) -> io::Result<Arc<Segment>> {
    let segment = segment(disk, number, name)?;
    segment.file.truncate(0)?;
    segment.file.write(0, &header(VERSION))?;
    Ok(segment)
}

pub(super) fn header(version: u32) -> [u8; HEADER as usize] {
    let mut header = [0; HEADER as usize];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&version.to_le_bytes());
    let checksum = crc32c::crc32c(&header[..12]);
    header[12..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// The version of a file; nothing where its header is not one.
fn version(file: &dyn DiskFile) -> io::Result<Option<u32>> {
    let mut found = [0; HEADER as usize];
    if file.size()? < HEADER {
        return Ok(None);
    }
    file.read(0, &mut found)?;
    let version = u32::from_le_bytes([found[8], found[9], found[10], found[11]]);
    Ok((found == header(version)).then_some(version))
}

/// Before anything is touched.
fn refuse_newer(segments: &[Arc<Segment>], what: &str) -> Result<(), MemoryError> {
    for segment in segments {
        match version(&*segment.file).map_err(|error| failed(what, error))? {
            Some(found) if found > VERSION => {
                return Err(MemoryError::NewerSchema { what: what.to_owned(), found, known: VERSION });
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

fn read(disk: &dyn Disk, names: &[String], segments: Vec<Arc<Segment>>) -> io::Result<Log> {
    let mut index = Index::new();
    let mut kept: Vec<(Arc<Segment>, u64)> = Vec::new();
    let mut damage = None;
    for (place, segment) in segments.iter().enumerate() {
        let follows = match kept.last() {
            Some((last, _)) => segment.number == last.number + 1,
            None => segment.number == 1 || segment.name == base_name(segment.number),
        };
        let (end, problem) = if follows { replay(segment, &mut index)? } else { (0, Some("a file before it is missing")) };
        if end > HEADER || problem.is_none() {
            kept.push((Arc::clone(segment), end));
        }
        if let Some(problem) = problem {
            damage = set_aside(disk, &segments[place..], end, problem)?;
            break;
        }
    }
    remove_leftovers(disk, names, &segments)?;
    let (active, end) = match kept.pop_if(|(segment, _)| segment.name == log_name(segment.number)) {
        Some(last) => last,
        None => {
            let number = kept.last().map_or(0, |(last, _)| last.number) + 1;
            (begin(disk, number, &log_name(number))?, HEADER)
        }
    };
    // What was read may be promised to somebody at once.
    active.file.sync()?;
    disk.sync()?;
    let sealed_bytes = kept.iter().map(|(_, end)| end).sum();
    let sealed = kept.into_iter().map(|(segment, _)| segment).collect();
    Ok(Log { index, sealed, sealed_bytes, active, end, damage })
}

/// Takes in the records of a file: where the last good one ends, and what is wrong there.
fn replay(segment: &Arc<Segment>, index: &mut Index) -> io::Result<(u64, Option<&'static str>)> {
    if version(&*segment.file)?.is_none() {
        return Ok((0, Some("no header")));
    }
    let size = segment.file.size()?;
    let mut at = HEADER;
    let mut reader = BufReader::with_capacity(1 << 18, Reader { file: &*segment.file, at, size });
    while at < size {
        let Some(left) = (size - at).checked_sub(FRAME as u64) else { return Ok((at, Some("a record is cut off"))) };
        let mut bytes = [0; FRAME];
        reader.read_exact(&mut bytes)?;
        let (length, sum) = frame(bytes);
        if length == 0 || length > left {
            return Ok((at, Some("a record is cut off")));
        }
        let mut payload = vec![0; length as usize];
        reader.read_exact(&mut payload)?;
        if checksum(&length.to_le_bytes(), &payload) != sum {
            return Ok((at, Some("the checksum of a record differs")));
        }
        if index.replay(segment, at + FRAME as u64, &payload).is_none() {
            return Ok((at, Some("a record cannot be read")));
        }
        at += FRAME as u64 + length;
    }
    Ok((at, None))
}

struct Reader<'a> {
    file: &'a dyn DiskFile,
    at: u64,
    size: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX).min(into.len());
        self.file.read(self.at, &mut into[..left])?;
        self.at += left as u64;
        Ok(left)
    }
}

/// Moves everything from there on aside: the later files first, the last one before the others, so that a crash in between
/// finds the same damage again.
fn set_aside(disk: &dyn Disk, segments: &[Arc<Segment>], end: u64, problem: &str) -> io::Result<Option<Damage>> {
    let (first, later) = segments.split_first().expect("the damaged file is among them");
    let mut damage = Damage { problem: format!("{} at byte {end}: {problem}", first.name), bytes: 0, files: Vec::new() };
    let whole = if end > HEADER { later } else { segments };
    for segment in whole.iter().rev() {
        let size = segment.file.size()?;
        if size <= HEADER {
            // Begun, and nothing was ever written to it.
            disk.remove(&segment.name)?;
            continue;
        }
        let name = free_name(disk, &segment.name)?;
        disk.rename(&segment.name, &name)?;
        damage.bytes += size;
        damage.files.push(name);
    }
    disk.sync()?;
    if end > HEADER {
        let mut tail = vec![0; (first.file.size()? - end) as usize];
        first.file.read(end, &mut tail)?;
        let name = free_name(disk, &first.name)?;
        let copy = disk.open(&name)?;
        copy.write(0, &tail)?;
        copy.sync()?;
        disk.sync()?;
        first.file.truncate(end)?;
        first.file.sync()?;
        damage.bytes += tail.len() as u64;
        damage.files.push(name);
    }
    Ok((damage.bytes > 0).then_some(damage))
}

/// A name for what is moved aside from a file.
fn free_name(disk: &dyn Disk, name: &str) -> io::Result<String> {
    let taken = disk.list()?;
    let numbered = (2..).map(|number| format!("{name}.{number}.damaged"));
    let mut names = std::iter::once(format!("{name}.damaged")).chain(numbered);
    Ok(names.find(|name| !taken.contains(name)).expect("numbers do not end"))
}

/// Removes what a compaction replaced, or left unfinished.
fn remove_leftovers(disk: &dyn Disk, names: &[String], segments: &[Arc<Segment>]) -> io::Result<()> {
    let is_current = |name: &str| segments.iter().any(|segment| segment.name == name);
    let is_ours = |name: &str| parse(name).is_some() || name.strip_suffix(".new").is_some_and(|base| parse(base).is_some());
    names.iter().filter(|name| is_ours(name) && !is_current(name)).try_for_each(|name| disk.remove(name))
}
