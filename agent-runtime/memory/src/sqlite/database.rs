//! One database file: who has it, its schema, and the connections to it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::io::Errno;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::Mutex;

use super::error::failed;
use crate::MemoryError;

/// What takes a database from each version to the next; each sets `user_version`.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];
/// Readers at a time; SQLite lets them read while one writes.
const READERS: u32 = 4;
/// How long another connection is waited for, which is ours too: a checkpoint, or one that is being closed.
const BUSY: Duration = Duration::from_secs(5);
/// How long a process that is just ending is waited for.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// The files that this process has. One of them may keep several namespaces.
static OPEN: Mutex<Option<HashMap<PathBuf, Weak<Database>>>> = Mutex::const_new(None);

pub(super) struct Database {
    pub(super) what: String,
    pub(super) writer: Mutex<Writer>,
    pub(super) readers: SqlitePool,
    options: SqliteConnectOptions,
    /// Dropped last.
    _lock: File,
}

/// The one connection that writes.
pub(super) struct Writer {
    pub(super) connection: SqliteConnection,
    /// Whether commits of the connection are synced; nothing where that is not known.
    synchronous: Option<bool>,
    /// Whether a write failed. What SQLite then did of itself, such as rolling back when the disk is full, the connection may
    /// not know of.
    pub(super) is_broken: bool,
    /// When expired rows were last removed.
    pub(super) purged: Instant,
}

impl Database {
    /// The database of a file, made where there is none.
    pub(super) async fn open(file: &Path) -> Result<Arc<Self>, MemoryError> {
        let what = format!("memory in {}", file.display());
        let config = |problem: String| MemoryError::Config { what: what.clone(), problem };
        let name = file.file_name().ok_or_else(|| config("name a file".into()))?;
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder).map_err(|error| crate::file::failed(&what, error))?;
        let path = folder.canonicalize().map_err(|error| crate::file::failed(&what, error))?.join(name);
        let mut open = OPEN.lock().await;
        let open = open.get_or_insert_default();
        open.retain(|_, database| database.strong_count() > 0);
        if let Some(database) = open.get(&path).and_then(Weak::upgrade) {
            return Ok(database);
        }
        let database = Arc::new(Self::open_now(&path, what).await?);
        open.insert(path, Arc::downgrade(&database));
        Ok(database)
    }

    async fn open_now(path: &Path, what: String) -> Result<Self, MemoryError> {
        let lock = lock(path, &what).await?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(|error| failed(&what, error))?;
        migrate(&mut connection, &what).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).test_before_acquire(false).acquire_timeout(BUSY);
        let readers = readers.connect_lazy_with(options.clone().pragma("query_only", "true"));
        let writer = Mutex::new(Writer { connection, synchronous: Some(false), is_broken: false, purged: Instant::now() });
        Ok(Self { what, writer, readers, options, _lock: lock })
    }

    /// Puts a fresh connection in the place of one whose last write failed.
    pub(super) async fn mend(&self, writer: &mut Writer) -> Result<(), sqlx::Error> {
        if writer.is_broken {
            writer.connection = SqliteConnection::connect_with(&self.options).await?;
            (writer.synchronous, writer.is_broken) = (Some(false), false);
        }
        Ok(())
    }
}

impl Writer {
    /// Lets commits be synced from here on, or not. Cannot be changed inside a transaction.
    pub(super) async fn set_synchronous(&mut self, wanted: bool) -> Result<(), sqlx::Error> {
        if self.synchronous != Some(wanted) {
            // In between it is not known: who asked may go away while it is done.
            self.synchronous = None;
            let pragma = if wanted { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
            sqlx::query(pragma).execute(&mut self.connection).await?;
            self.synchronous = Some(wanted);
        }
        Ok(())
    }
}

/// Takes the file for this process. SQLite's own locks are between transactions, and let others in.
async fn lock(path: &Path, what: &str) -> Result<File, MemoryError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(name);
    let file = file.map_err(|error| crate::file::failed(what, error))?;
    let begin = Instant::now();
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) if begin.elapsed() < LOCK_PATIENCE => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(Errno::WOULDBLOCK) => return Err(MemoryError::Locked { what: what.to_owned() }),
            Err(error) => return Err(crate::file::failed(what, error.into())),
        }
    }
}

/// Brings the schema up to date, one version at a time, each whole or not at all.
async fn migrate(connection: &mut SqliteConnection, what: &str) -> Result<(), MemoryError> {
    let version = sqlx::query_scalar::<_, u32>("PRAGMA user_version").fetch_one(&mut *connection).await;
    let version = version.map_err(|error| failed(what, error))?;
    let Some(missing) = MIGRATIONS.get(version as usize..) else {
        return Err(MemoryError::NewerSchema { what: what.to_owned(), found: version, known: MIGRATIONS.len() as u32 });
    };
    for migration in missing {
        let whole = async {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
            transaction.commit().await
        };
        whole.await.map_err(|error: sqlx::Error| failed(what, error))?;
    }
    Ok(())
}
