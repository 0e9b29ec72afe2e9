//! Lists and makes directories.

use rustix::fs::{AtFlags, Dir, OFlags, mkdirat, statat};
use rustix::io::Errno;
use skreaver_policy::bounds::Place;

use super::read::{bytes, kind};
use super::results::{Created, Entry, Listing};
use super::{FileError, beneath};
use crate::error::FileProblem;

/// The most entries that are listed, and that are looked at for it.
const MOST_ENTRIES: usize = 1_000;
const MOST_SEEN: usize = 20_000;

/// What is in a directory, as far as `may_be_seen` admits its path.
pub(super) fn list(place: &Place, may_be_seen: impl Fn(&str) -> bool) -> Result<Listing, FileError> {
    let directory = beneath::open(place, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let path = place.root().join(place.beneath());
    let mut listing = Listing { entries: Vec::new(), complete: true };
    for (seen, entry) in Dir::read_from(&directory)?.enumerate() {
        let entry = entry?;
        // A name that is no text cannot be written as an argument either.
        let Ok(name) = entry.file_name().to_str() else { continue };
        if matches!(name, "." | "..") || !path.join(name).to_str().is_some_and(&may_be_seen) {
            continue;
        }
        if seen >= MOST_SEEN || listing.entries.len() >= MOST_ENTRIES {
            listing.complete = false;
            break;
        }
        match statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => listing.entries.push(Entry { name: name.to_owned(), kind: kind(&stat), size: bytes(&stat) }),
            // Deleted since.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    listing.entries.sort_unstable();
    Ok(listing)
}

/// Makes a directory and those on the way, each beneath the handle of the one before.
pub(super) fn create(place: &Place) -> Result<Created, FileError> {
    let mut directory = beneath::root(place)?;
    let mut new = false;
    for name in place.beneath().split('/').filter(|name| !name.is_empty()) {
        new = match mkdirat(&directory, name, beneath::DIRECTORY_MODE) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(errno.into()),
        };
        directory = beneath::below(&directory, name, OFlags::PATH | OFlags::DIRECTORY).map_err(|error| match error {
            FileError::Problem(FileProblem::NotADirectory) => FileProblem::Exists.into(),
            other => other,
        })?;
    }
    Ok(Created { new })
}
