//! Opens beneath a directory handle, and judges what was opened.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2};
use rustix::io::Errno;
use skreaver_policy::bounds::Place;

use super::FileError;
use crate::error::FileProblem;

/// Beneath the handle, on its file system, and through no link of any kind. `NO_XDEV` keeps `/proc` and other mounts closed
/// below a wide root.
const BENEATH: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::NO_XDEV);

/// The same for each part of a path, without which a name could be exchanged for a link between two looks at it.
const ROOT: ResolveFlags = ResolveFlags::NO_SYMLINKS.union(ResolveFlags::NO_MAGICLINKS);

/// No program that we start gets the handle.
const ALWAYS: OFlags = OFlags::CLOEXEC.union(OFlags::NOFOLLOW);

/// A pipe is not waited for, and a terminal not taken over. The kernel refuses these where nothing is really opened.
const OPENED: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// What files and directories are made with: nobody else may read them.
pub(super) const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
pub(super) const DIRECTORY_MODE: Mode = Mode::RWXU;

/// The allowed directory. It is opened for each call: one that is exchanged or mounted anew is found as it is.
pub(super) fn root(place: &Place) -> Result<OwnedFd, FileError> {
    let flags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    openat2(CWD, place.root(), flags, Mode::empty(), ROOT).map_err(|errno| match problem(errno) {
        FileProblem::Kernel => FileProblem::Kernel.into(),
        problem => FileProblem::Root(place.root().display().to_string().into(), Box::new(problem)).into(),
    })
}

/// What the place is, opened with these flags.
pub(super) fn open(place: &Place, flags: OFlags) -> Result<OwnedFd, FileError> {
    let way = if place.beneath().is_empty() { "." } else { place.beneath() };
    below(&root(place)?, way, flags)
}

/// What lies there below a directory, opened with these flags.
pub(super) fn below(directory: &OwnedFd, way: &str, flags: OFlags) -> Result<OwnedFd, FileError> {
    let mode = if flags.contains(OFlags::CREATE) { FILE_MODE } else { Mode::empty() };
    let flags = if flags.contains(OFlags::PATH) { flags } else { flags.union(OPENED) };
    Ok(openat2(directory, way, flags.union(ALWAYS), mode, BENEATH)?)
}

/// The directory in which the place is, and the name that it has there.
pub(super) fn parent(place: &Place) -> Result<(OwnedFd, &str), FileError> {
    let (way, name) = place.beneath().rsplit_once('/').unwrap_or((".", place.beneath()));
    if name.is_empty() {
        // The allowed directory itself.
        return Err(FileProblem::NotAFile.into());
    }
    Ok((below(&root(place)?, way, OFlags::PATH.union(OFlags::DIRECTORY))?, name))
}

/// A regular file with one name, or what else it is. A file with a second name may have it outside of the allowed directory:
/// such a link is made by whoever may write to both, and reading it here would read it there.
pub(super) fn regular(file: impl AsFd) -> Result<Stat, FileError> {
    let stat = fstat(file)?;
    is_regular(&stat)?;
    if stat.st_nlink > 1 { Err(FileProblem::Linked.into()) } else { Ok(stat) }
}

pub(super) fn is_regular(stat: &Stat) -> Result<(), FileError> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Symlink => Err(FileProblem::Link.into()),
        _ => Err(FileProblem::NotAFile.into()),
    }
}

/// What a failure of the kernel means.
pub(super) fn problem(errno: Errno) -> FileProblem {
    match errno {
        Errno::NOENT => FileProblem::Missing,
        Errno::EXIST => FileProblem::Exists,
        Errno::LOOP => FileProblem::Link,
        Errno::XDEV => FileProblem::Outside,
        Errno::NOTDIR => FileProblem::NotADirectory,
        // A pipe or socket that nobody serves, a device without a driver, a directory.
        Errno::ISDIR | Errno::NXIO | Errno::NODEV => FileProblem::NotAFile,
        Errno::ACCESS | Errno::PERM | Errno::ROFS => FileProblem::Permission,
        Errno::NOSYS => FileProblem::Kernel,
        other => FileProblem::Machine(std::io::Error::from(other).to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_cannot_open_beneath_is_told_as_such() {
        assert_eq!(problem(Errno::NOSYS), FileProblem::Kernel);
    }
}
