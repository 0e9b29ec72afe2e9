//! Memory in a SQLite database: one table, and full-text search over long-term memory.
//!
//! One connection writes, a few read beside it (WAL). One commit is one transaction of SQL; it is synced where it has to
//! survive the machine, and the ones before with it.

mod database;
mod error;
#[cfg(test)]
mod tests;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;

use crate::ordered::now;
use crate::transaction::{KeyRange, prefix_end};
use crate::{Durability, Entry, Keep, Key, Memory, MemoryError, NOTES, Order, Scan, Search, Transaction, Verdict};
use database::Database;
use error::failed;
use write::write;

/// How often expired rows are removed.
const PURGE: Duration = Duration::from_secs(60);

/// Memory in a SQLite database, had by one process. Its file may keep several namespaces.
pub struct SqliteMemory {
    database: Arc<Database>,
    namespace: i64,
}

impl SqliteMemory {
    /// Opens the memory of a namespace in a database, which is made where there is none.
    ///
    /// # Errors
    /// [`MemoryError`]: another process has it, it is of a newer version, it is damaged, or cannot be used.
    pub async fn open(file: &Path, namespace: &str) -> Result<Self, MemoryError> {
        let database = Database::open(file).await?;
        let add = "INSERT INTO namespace (name) VALUES (?1) ON CONFLICT DO UPDATE SET name = name RETURNING id";
        let namespace = {
            let mut writer = database.writer.lock().await;
            sqlx::query_scalar(add).bind(namespace).fetch_one(&mut writer.connection).await
        };
        let namespace = namespace.map_err(|error| failed(&database.what, error))?;
        Ok(Self { database, namespace })
    }

    fn failed(&self, error: sqlx::Error) -> MemoryError {
        failed(&self.database.what, error)
    }

    fn entry(&self, (key, value): (Vec<u8>, Vec<u8>)) -> Result<Entry, MemoryError> {
        let key = String::from_utf8(key).ok().and_then(|key| Key::parse(key).ok());
        let damage = || MemoryError::Corrupt { what: self.database.what.clone(), damage: "it holds a key that is none".into() };
        Ok((key.ok_or_else(damage)?, value.into()))
    }
}

/// Now, as it stands in the database.
fn clock() -> i64 {
    now() as i64
}

/// Where a range of keys ends; behind every key where it does not, because no text has this byte.
fn end(to: Option<String>) -> Vec<u8> {
    to.map_or(vec![0xff], String::into_bytes)
}

/// A limit, as SQL takes it.
fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[async_trait]
impl Memory for SqliteMemory {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        let get = "SELECT value FROM memory WHERE namespace = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)";
        let get = sqlx::query_scalar::<_, Vec<u8>>(get).bind(self.namespace).bind(key.as_str().as_bytes()).bind(clock());
        let value = get.fetch_optional(&self.database.readers).await.map_err(|error| self.failed(error))?;
        Ok(value.map(Bytes::from))
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, MemoryError> {
        let Some(KeyRange { from, to }) = scan.range() else { return Ok(Vec::new()) };
        let select = match scan.order {
            Order::Ascending => {
                "SELECT key, value FROM memory WHERE namespace = ?1 AND key >= ?2 AND key < ?3 \
                 AND (expires_at IS NULL OR expires_at > ?4) ORDER BY key LIMIT ?5"
            }
            Order::Descending => {
                "SELECT key, value FROM memory WHERE namespace = ?1 AND key >= ?2 AND key < ?3 \
                 AND (expires_at IS NULL OR expires_at > ?4) ORDER BY key DESC LIMIT ?5"
            }
        };
        let select = sqlx::query_as(select).bind(self.namespace).bind(from.into_bytes()).bind(end(to));
        let rows = select.bind(clock()).bind(limited(scan.limit)).fetch_all(&self.database.readers).await;
        rows.map_err(|error| self.failed(error))?.into_iter().map(|row| self.entry(row)).collect()
    }

    async fn commit(&self, transactions: &[Transaction], keep: Keep) -> Result<Vec<Verdict>, MemoryError> {
        transactions.iter().try_for_each(Transaction::fits)?;
        let mut writer = self.database.writer.lock().await;
        self.database.mend(&mut writer).await.map_err(|error| self.failed(error))?;
        let verdicts = match write(&mut writer, self.namespace, transactions, keep).await {
            Ok(verdicts) => verdicts,
            Err(error) => {
                writer.is_broken = true;
                return Err(self.failed(error));
            }
        };
        if writer.purged.elapsed() > PURGE {
            writer.purged = Instant::now();
            let purge = sqlx::query("DELETE FROM memory WHERE expires_at <= ?1").bind(clock());
            if let Err(error) = purge.execute(&mut writer.connection).await {
                crate::trace::warn!(what = self.database.what, %error, "expired memory could not be removed; it is tried again");
            }
        }
        Ok(verdicts)
    }

    async fn health(&self) -> Result<(), MemoryError> {
        sqlx::query("SELECT id FROM namespace WHERE id = ?1")
            .bind(self.namespace)
            .fetch_one(&self.database.readers)
            .await
            .map(drop)
            .map_err(|error| self.failed(error))
    }

    fn strongest(&self) -> Durability {
        Durability::Durable
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn search(&self, search: &Search) -> Result<Vec<Entry>, MemoryError> {
        let Search { prefix, words, limit } = search;
        if !prefix.starts_with(NOTES) {
            return crate::search::by_reading(self, search).await;
        }
        // Between quotes nothing is an operator; words have none themselves.
        let words: Vec<_> = crate::search::words(words).into_iter().map(|word| format!("\"{word}\"")).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let select = "SELECT memory.key, memory.value FROM note_text JOIN note ON note.id = note_text.rowid \
                      JOIN memory ON memory.namespace = note.namespace AND memory.key = note.key \
                      WHERE note_text MATCH ?1 AND note.namespace = ?2 AND note.key >= ?3 AND note.key < ?4 \
                      AND (expires_at IS NULL OR expires_at > ?5) ORDER BY bm25(note_text), note.key LIMIT ?6";
        let select = sqlx::query_as(select).bind(words.join(" OR ")).bind(self.namespace);
        let select = select.bind(prefix.as_bytes()).bind(end(prefix_end(prefix)));
        let rows = select.bind(clock()).bind(limited(*limit)).fetch_all(&self.database.readers).await;
        rows.map_err(|error| self.failed(error))?.into_iter().map(|row| self.entry(row)).collect()
    }
}
