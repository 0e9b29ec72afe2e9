//! Memory in a PostgreSQL server. A commit is one call of a function in the database: one round trip, one SQL transaction.

mod call;
mod connect;
mod error;
mod schema;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use sqlx::PgPool;
use tokio::time::timeout;

use crate::search::by_reading;
use crate::strength::Strength;
use crate::transaction::{KeyRange, prefix_end};
use crate::{Durability, Entry, Keep, Key, Memory, MemoryError, NOTES, Order, Scan, Search, Transaction, Verdict};
use call::{Call, bound, end, query};
use error::{is_conflict, typed};

/// The longest that one read or write may take. The server gives up a little earlier.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long it may take to answer whether it is healthy.
const HEALTH: Duration = Duration::from_secs(3);
/// How often a commit is tried that loses against others.
const ATTEMPTS: usize = 8;

/// Memory in the schema `skreaver` of a PostgreSQL database, version 13 or later.
///
/// Any number of processes may share it. `sslmode` in its URL says whether TLS is used.
pub struct PostgresMemory {
    pool: PgPool,
    what: String,
    namespace: String,
    strength: Strength,
}

impl PostgresMemory {
    /// Opens a namespace of a database, and makes our schema there if it is missing.
    ///
    /// The URL is `postgres://user:password@host:5432/database?sslmode=verify-full`.
    ///
    /// # Errors
    /// [`MemoryError`], within a few seconds: the server is not there, refuses us, has a newer schema ...
    pub async fn open(url: &SecretString, namespace: &str) -> Result<Self, MemoryError> {
        let namespace = Key::parse(namespace)?;
        let server = connect::Server::parse(url)?;
        let what = server.what.clone();
        let opened = timeout(DEADLINE, async {
            let pool = server.connect().await?;
            schema::migrate(&pool, &what).await?;
            let strength = schema::strength(&pool, &what).await?;
            Ok(Self { pool, what: what.clone(), namespace: namespace.to_string(), strength })
        });
        opened.await.unwrap_or_else(|late| Err(MemoryError::Unavailable { what, source: late.into() }))
    }

    /// Whether the server keeps what this class promises.
    ///
    /// # Errors
    /// [`MemoryError::NotDurable`], which names the setting.
    pub fn require(&self, class: Durability) -> Result<(), MemoryError> {
        self.strength.require(&self.what, class)
    }

    /// Asks the server, with a deadline.
    async fn ask<T>(&self, asking: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, MemoryError> {
        self.ask_within(DEADLINE, asking).await
    }

    async fn ask_within<T>(
        &self,
        deadline: Duration,
        asking: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, MemoryError> {
        match timeout(deadline, asking).await {
            Ok(answer) => answer.map_err(|source| typed(&self.what, source)),
            Err(late) => Err(MemoryError::Unavailable { what: self.what.clone(), source: late.into() }),
        }
    }

    fn entries(rows: Vec<(String, Vec<u8>)>) -> Result<Vec<Entry>, MemoryError> {
        rows.into_iter().map(|(key, value)| Ok((Key::parse(key)?, value.into()))).collect()
    }
}

#[async_trait]
impl Memory for PostgresMemory {
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, MemoryError> {
        let sql = "SELECT value FROM skreaver.entries
            WHERE namespace = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > now())";
        let row = sqlx::query_scalar(sql).bind(&self.namespace).bind(key.as_str()).fetch_optional(&self.pool);
        Ok(self.ask(row).await?.map(|value: Vec<u8>| value.into()))
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, MemoryError> {
        let Some(KeyRange { from, to }) = scan.range() else { return Ok(Vec::new()) };
        let sql = match scan.order {
            Order::Ascending => {
                "SELECT key, value FROM skreaver.entries
                WHERE namespace = $1 AND key >= $2 AND key < $3 AND (expires_at IS NULL OR expires_at > now())
                ORDER BY key LIMIT $4"
            }
            Order::Descending => {
                "SELECT key, value FROM skreaver.entries
                WHERE namespace = $1 AND key >= $2 AND key < $3 AND (expires_at IS NULL OR expires_at > now())
                ORDER BY key DESC LIMIT $4"
            }
        };
        let rows = sqlx::query_as(sql).bind(&self.namespace).bind(bound(&from)).bind(end(to)).bind(limit(scan.limit));
        Self::entries(self.ask(rows.fetch_all(&self.pool)).await?)
    }

    async fn commit(&self, transactions: &[Transaction], keep: Keep) -> Result<Vec<Verdict>, MemoryError> {
        transactions.iter().try_for_each(Transaction::fits)?;
        if transactions.is_empty() {
            return Ok(Vec::new());
        }
        let call = Call::of(transactions);
        let mut attempts = 1;
        let refused = loop {
            match self.ask(async { Ok(call.make(&self.pool, &self.namespace, keep).await) }).await? {
                Ok(refused) => break refused,
                // The server has undone all of it.
                Err(error) if is_conflict(&error) && attempts < ATTEMPTS => attempts += 1,
                Err(error) => return Err(typed(&self.what, error)),
            }
        };
        Ok(refused.into_iter().map(verdict).collect())
    }

    async fn health(&self) -> Result<(), MemoryError> {
        let sql = "SELECT current_setting('transaction_read_only')::boolean";
        let read_only: bool = self.ask_within(HEALTH, sqlx::query_scalar(sql).fetch_one(&self.pool)).await?;
        let source = "new transactions are read-only there; it may be a standby".into();
        if read_only { Err(MemoryError::ReadOnly { what: self.what.clone(), source }) } else { Ok(()) }
    }

    fn strongest(&self) -> Durability {
        self.strength.class()
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn search(&self, search: &Search) -> Result<Vec<Entry>, MemoryError> {
        let Search { prefix, words, limit: most } = search;
        if !prefix.starts_with(NOTES) {
            return by_reading(self, search).await;
        }
        let sql = "SELECT key, value FROM skreaver.entries
            WHERE namespace = $1 AND key >= $2 AND key < $3 AND (expires_at IS NULL OR expires_at > now())
                AND words @@ $4::tsquery
            ORDER BY ts_rank(words, $4::tsquery) DESC, key LIMIT $5";
        let range = sqlx::query_as(sql).bind(&self.namespace).bind(bound(prefix)).bind(end(prefix_end(prefix)));
        let rows = range.bind(query(words)).bind(limit(*most));
        Self::entries(self.ask(rows.fetch_all(&self.pool)).await?)
    }
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// The place of the check that did not hold, as the database says it, if there was one.
fn verdict(refused: Option<i32>) -> Verdict {
    match refused {
        None => Verdict::Written,
        Some(check) => Verdict::Refused { check: usize::try_from(check).unwrap_or_default() },
    }
}
