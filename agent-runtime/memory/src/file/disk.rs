//! All access to the disk: a folder of files, and what can be done with them.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;
use rustix::io::{Errno, ReadWriteFlags};

/// A folder of files.
pub trait Disk: Send + Sync {
    /// The names of its files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// A file, made where there is none.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file another name, in the place of whatever has it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file; who has it open may still read it.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Returns when the names are safe from a crash of the machine.
    fn sync(&self) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Its size in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Fills the buffer from there on, or fails.
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()>;
    /// As [`read`](Self::read), but `false` where that would have to wait for the disk.
    fn read_at_once(&self, at: u64, into: &mut [u8]) -> io::Result<bool>;
    /// Writes all of it, or fails after any part.
    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts it.
    fn truncate(&self, size: u64) -> io::Result<()>;
    /// Returns when what was written is safe from a crash of the machine.
    fn sync(&self) -> io::Result<()>;
}

/// A folder of this machine, had by one process at a time.
pub(super) struct Folder {
    path: PathBuf,
    /// Held as long as the folder.
    _lock: File,
}

impl Folder {
    /// The folder, made where there is none; nothing where another process has it.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        if !path.is_dir() {
            std::fs::create_dir_all(path)?;
            if let Some(parent) = path.parent() {
                File::open(parent)?.sync_all()?;
            }
        }
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path.join("lock"))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { path: path.into(), _lock: lock })),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        std::fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.path.join(name))?;
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

impl DiskFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(into, at)
    }

    fn read_at_once(&self, at: u64, into: &mut [u8]) -> io::Result<bool> {
        let wanted = into.len();
        match rustix::io::preadv2(self, &mut [IoSliceMut::new(into)], at, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(read == wanted),
            // The page is not in the cache, or the file system cannot say.
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The kinds of failure that a caller can do something about.
pub(crate) fn failed(what: &str, error: io::Error) -> crate::MemoryError {
    let (what, source) = (what.to_owned(), Box::new(error));
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => crate::MemoryError::Full { what, source },
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => crate::MemoryError::ReadOnly { what, source },
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::NotFound | ErrorKind::AlreadyExists => {
            crate::MemoryError::Config { what, problem: format!("{source}; name a folder that can be made or is there") }
        }
        _ => crate::MemoryError::Server { what, source },
    }
}
