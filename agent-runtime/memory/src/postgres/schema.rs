//! Our schema in a database: its versions, and what the server's settings promise for it.

use sqlx::{Connection, PgConnection, PgPool};

use super::error::typed;
use crate::strength::Strength;
use crate::{Durability, MemoryError};

/// From each version to the next. What has been released is not changed. While an image is rolled out, replicas of the old
/// one go on working: a new version adds tables, columns and functions, and leaves those of the one before.
const MIGRATIONS: [&str; 1] = [include_str!("schema/1.sql")];
/// The newest version.
const KNOWN: u32 = MIGRATIONS.len() as u32;
/// The advisory lock under which the schema changes: `skreaver` in bytes.
const LOCK: i64 = i64::from_be_bytes(*b"skreaver");

/// Brings the schema to the newest version. Replicas that start together wait for one of them. Where it is there already,
/// nothing is written, and no right to create is needed.
pub(super) async fn migrate(pool: &PgPool, what: &str) -> Result<(), MemoryError> {
    let found = bring(pool).await.map_err(|source| typed(what, source))?;
    if found > KNOWN { Err(MemoryError::NewerSchema { what: what.to_owned(), found, known: KNOWN }) } else { Ok(()) }
}

/// Gives the version that is there at the end.
async fn bring(pool: &PgPool) -> Result<u32, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let found = version(&mut connection).await?;
    if found >= KNOWN {
        return Ok(found);
    }
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    let found = version(&mut transaction).await?;
    for migration in MIGRATIONS.iter().skip(found as usize) {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
    }
    sqlx::query("UPDATE skreaver.schema SET version = $1 WHERE version < $1")
        .bind(KNOWN as i32)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(found.max(KNOWN))
}

/// The version that is there; 0 where there is none.
///
/// The catalogue is read as tables, which shows what is committed. `to_regclass` looks into the session's cache, and one that
/// waits for [`LOCK`] may have kept there that the schema is missing.
async fn version(connection: &mut PgConnection) -> Result<u32, sqlx::Error> {
    let sql = "SELECT EXISTS (
        SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'skreaver' AND c.relname = 'schema')";
    let is_there: bool = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
    if !is_there {
        return Ok(0);
    }
    let version: i32 = sqlx::query_scalar("SELECT version FROM skreaver.schema").fetch_one(connection).await?;
    Ok(version.unsigned_abs())
}

/// What the server keeps, as its settings say.
pub(super) async fn strength(pool: &PgPool, what: &str) -> Result<Strength, MemoryError> {
    let sql = "SELECT current_setting('fsync')::boolean, current_setting('full_page_writes')::boolean,
            relpersistence = 'p', current_setting('transaction_isolation') = 'read committed'
        FROM pg_class WHERE oid = 'skreaver.entries'::regclass";
    let settings = sqlx::query_as(sql).fetch_one(pool).await.map_err(|source| typed(what, source))?;
    let (fsync, full_page_writes, is_logged, sees_what_is_committed): (bool, bool, bool, bool) = settings;
    if !sees_what_is_committed {
        let problem = "a proxy before it drops our startup options; let `options` through, or name the server itself";
        return Err(MemoryError::Config { what: what.to_owned(), problem: problem.into() });
    }
    Ok(if !is_logged {
        Strength::at_most(Durability::Ephemeral, "its table `skreaver.entries` is unlogged; set it to logged")
    } else if !fsync {
        Strength::at_most(Durability::Buffered, "its setting `fsync` is off; switch it on")
    } else if !full_page_writes {
        Strength::at_most(Durability::Buffered, "its setting `full_page_writes` is off; switch it on")
    } else {
        Strength::durable()
    })
}
