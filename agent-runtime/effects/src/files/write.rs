//! Writes, extends and deletes files.

use std::fs::File;
use std::io::Write;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, OFlags, renameat, statat, unlinkat};
use rustix::io::Errno;
use skreaver_policy::bounds::Place;
use uuid::Uuid;

use super::read::bytes;
use super::results::{Deleted, Written};
use super::{FileError, beneath};

/// Puts a new file in the place of the old one, at once: whoever has the old one open keeps it. The content is on the disk
/// before the name is.
pub(super) fn replace(place: &Place, content: &[u8]) -> Result<Written, FileError> {
    let (directory, name) = beneath::parent(place)?;
    match statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        // To replace a pipe would harm nobody outside, but it is no file that was meant.
        Ok(there) => beneath::is_regular(&there)?,
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let new = Unfinished::create(&directory)?;
    let mut file = new.file.try_clone()?;
    file.write_all(content)?;
    file.sync_all()?;
    // A rename follows no link: should one stand there by now, it is the link that goes.
    renameat(&directory, &new.name, &directory, name)?;
    new.finish();
    Ok(Written { size: content.len() as u64 })
}

/// A new file under a name of nobody's, which goes with it unless it is finished. A process that dies leaves it.
struct Unfinished<'a> {
    directory: &'a OwnedFd,
    name: String,
    file: File,
    finished: bool,
}

impl<'a> Unfinished<'a> {
    fn create(directory: &'a OwnedFd) -> Result<Self, FileError> {
        let name = format!(".{}.part", Uuid::new_v4());
        let file = beneath::below(directory, &name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        Ok(Self { directory, name, file: file.into(), finished: false })
    }

    fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be deleted stays, under a name that says what it is.
            let _ = unlinkat(self.directory, &self.name, AtFlags::empty());
        }
    }
}

pub(super) fn append(place: &Place, content: &[u8]) -> Result<Written, FileError> {
    let file = beneath::open(place, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE)?;
    beneath::regular(&file)?;
    let mut file = File::from(file);
    file.write_all(content)?;
    Ok(Written { size: file.metadata()?.len() })
}

/// Deletes the name. Should it be exchanged for another between the look and the deletion, that one goes, and nothing that
/// it leads to.
pub(super) fn delete(place: &Place) -> Result<Deleted, FileError> {
    let (directory, name) = beneath::parent(place)?;
    let there = statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    beneath::is_regular(&there)?;
    unlinkat(&directory, name, AtFlags::empty())?;
    Ok(Deleted { size: bytes(&there) })
}
