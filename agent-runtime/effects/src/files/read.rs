//! Reads a file, and what is known of one.

use std::fs::File;
use std::io::{Read as _, Seek, SeekFrom};

use jiff::Timestamp;
use rustix::fs::{FileType, OFlags, Stat, fstat};
use skreaver_policy::bounds::Place;

use super::arguments::Read;
use super::results::{FileContent, Kind, Status};
use super::{FileError, beneath};
use crate::content::{Content, Encoding};
use crate::error::FileProblem;

pub(super) fn read(place: &Place, arguments: &Read, most: usize) -> Result<FileContent, FileError> {
    let file = beneath::open(place, OFlags::RDONLY)?;
    let size = bytes(&beneath::regular(&file)?);
    let bytes = part(File::from(file), arguments, most)?;
    let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let end = arguments.offset.saturating_add(read) >= size;
    let content = match arguments.encoding {
        Encoding::Base64 => Content::base64(&bytes),
        Encoding::Text => Content::Text(String::from_utf8(bytes).map_err(|_| FileProblem::NotText)?),
    };
    Ok(FileContent { size, end, content })
}

/// The part that is asked for, and never more than a call may hold: a file may grow while it is read.
fn part(mut file: File, arguments: &Read, most: usize) -> Result<Vec<u8>, FileError> {
    file.seek(SeekFrom::Start(arguments.offset))?;
    let bound = u64::try_from(most).unwrap_or(u64::MAX);
    let wanted = arguments.length.unwrap_or(u64::MAX);
    if arguments.length.is_some_and(|length| length > bound) {
        return Err(FileError::TooLarge(most));
    }
    let mut bytes = Vec::new();
    file.take(wanted.min(bound.saturating_add(1))).read_to_end(&mut bytes)?;
    if bytes.len() > most { Err(FileError::TooLarge(most)) } else { Ok(bytes) }
}

pub(super) fn stat(place: &Place) -> Result<Status, FileError> {
    let stat = fstat(beneath::open(place, OFlags::PATH)?)?;
    match kind(&stat) {
        Kind::Other => Err(beneath::is_regular(&stat).err().unwrap_or(FileProblem::NotAFile.into())),
        kind => Ok(Status { kind, size: bytes(&stat), modified: modified(&stat) }),
    }
}

pub(super) fn kind(stat: &Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        _ => Kind::Other,
    }
}

pub(super) fn bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

fn modified(stat: &Stat) -> String {
    let nanoseconds = i32::try_from(stat.st_mtime_nsec).unwrap_or_default();
    Timestamp::new(stat.st_mtime, nanoseconds).unwrap_or_default().to_string()
}
