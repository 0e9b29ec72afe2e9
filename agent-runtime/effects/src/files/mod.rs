//! Files for tools: every path is opened beneath the handle of an allowed directory, by `openat2`, through no link.
//!
//! What was opened is judged, and not its name: a regular file with one name, or a directory. A race changes what a path
//! leads to, but not where it can lead. There is no fallback for kernels without `openat2` (before Linux 5.6): there, nothing
//! is opened.

mod arguments;
mod beneath;
mod directory;
mod read;
mod results;
mod write;

use skreaver_policy::bounds::{Bounds, Limits, Place, shown};
use tokio::task::spawn_blocking;

pub use arguments::{Change, Path, Read};
pub use results::{Created, Deleted, Entry, FileContent, Kind, Listing, Status, Written};

use crate::error::{EffectError, FileProblem};
use crate::guard::Guard;

/// The most bytes that one call reads or writes, however much memory it may have.
const MOST_BYTES: usize = 8 << 20;

/// `file_read`: a file, or a part of it.
///
/// # Errors
/// When the policies do not admit it, it is no regular file, or the part is larger than a call may hold.
pub async fn read(guard: &Guard, bounds: &Bounds, arguments: Read) -> Result<FileContent, EffectError> {
    let path = arguments.path.clone();
    run(guard, bounds, &path, move |place, most| read::read(place, &arguments, most)).await
}

/// `file_write`: makes a file, or puts a new one in the place of an old one. Readers see the old or the new content, never a
/// part. Directories on the way must exist.
///
/// # Errors
/// When the policies do not admit it, or something else than a regular file is there.
pub async fn write(guard: &Guard, bounds: &Bounds, arguments: Change) -> Result<Written, EffectError> {
    let (path, content) = content(bounds, arguments)?;
    run(guard, bounds, &path, move |place, _| write::replace(place, &content)).await
}

/// `file_append`: adds to the end of a file, which is made if it is missing. Not atomic: when the disk is full, a part may
/// have been added.
///
/// # Errors
/// As [`write()`].
pub async fn append(guard: &Guard, bounds: &Bounds, arguments: Change) -> Result<Written, EffectError> {
    let (path, content) = content(bounds, arguments)?;
    run(guard, bounds, &path, move |place, _| write::append(place, &content)).await
}

/// `file_delete`: deletes a regular file.
///
/// # Errors
/// When the policies do not admit it, or it is no regular file.
pub async fn delete(guard: &Guard, bounds: &Bounds, arguments: Path) -> Result<Deleted, EffectError> {
    run(guard, bounds, &arguments.path, |place, _| write::delete(place)).await
}

/// `file_stat`: what is known of a file or directory.
///
/// # Errors
/// When the policies do not admit it, or it is neither.
pub async fn stat(guard: &Guard, bounds: &Bounds, arguments: Path) -> Result<Status, EffectError> {
    run(guard, bounds, &arguments.path, |place, _| read::stat(place)).await
}

/// `directory_list`: the files and directories in a directory, by name. What the policies deny is not listed.
///
/// # Errors
/// When the policies do not admit it, or it is no directory.
pub async fn list(guard: &Guard, bounds: &Bounds, arguments: Path) -> Result<Listing, EffectError> {
    let judge = bounds.clone();
    run(guard, bounds, &arguments.path, move |place, _| directory::list(place, |child| judge.path(child).is_ok())).await
}

/// `directory_create`: makes a directory, and those on the way to it. One that is there already is as good.
///
/// # Errors
/// When the policies do not admit it, or something else is in the way.
pub async fn create(guard: &Guard, bounds: &Bounds, arguments: Path) -> Result<Created, EffectError> {
    run(guard, bounds, &arguments.path, |place, _| directory::create(place)).await
}

/// Judges the path, and does the work on a thread that may wait for a disk. The call counts as one at work until the work is
/// done, also when nobody waits for it any more.
async fn run<T, W>(guard: &Guard, bounds: &Bounds, path: &str, work: W) -> Result<T, EffectError>
where
    T: Send + 'static,
    W: FnOnce(&Place, usize) -> Result<T, FileError> + Send + 'static,
{
    let place = bounds.path(path)?;
    guard.tell(bounds.would_refuse(|bounds| bounds.path(path)));
    let limits = bounds.limits();
    let most = most_bytes(&limits);
    let done = guard.within(&limits, |pass| async move {
        let done = spawn_blocking(move || {
            let done = work(&place, most);
            drop(pass);
            done
        });
        Ok(done.await)
    });
    match done.await? {
        Ok(done) => done.map_err(|error| error.told(path)),
        Err(_) => Err(FileError::from(FileProblem::Machine("the work was given up: the process ends".into())).told(path)),
    }
}

fn content(bounds: &Bounds, arguments: Change) -> Result<(String, Vec<u8>), EffectError> {
    let Change { path, content, encoding } = arguments;
    let most = most_bytes(&bounds.limits());
    let content = encoding.decode(content).map_err(|why| EffectError::Arguments { what: "content".into(), why: why.into() })?;
    match content.len() <= most {
        true => Ok((path, content)),
        false => Err(EffectError::TooLarge { what: "the content".into(), limit: most, instead: "append it in parts" }),
    }
}

fn most_bytes(limits: &Limits) -> usize {
    limits.bytes().min(MOST_BYTES)
}

/// Why a file was not had, before it is told which.
#[derive(Debug)]
enum FileError {
    Problem(FileProblem),
    TooLarge(usize),
}

impl FileError {
    fn told(self, path: &str) -> EffectError {
        match self {
            Self::Problem(problem) => EffectError::File { path: shown(path).into(), problem },
            Self::TooLarge(limit) => EffectError::TooLarge {
                what: format!("`{}`", shown(path)).into(),
                limit,
                instead: "read it in parts, with `offset` and `length`",
            },
        }
    }
}

impl From<FileProblem> for FileError {
    fn from(problem: FileProblem) -> Self {
        Self::Problem(problem)
    }
}

impl From<rustix::io::Errno> for FileError {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Problem(beneath::problem(errno))
    }
}

impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> Self {
        match rustix::io::Errno::from_io_error(&error) {
            Some(errno) => errno.into(),
            None => Self::Problem(FileProblem::Machine(error.to_string().into())),
        }
    }
}
