//! What SQLite and PostgreSQL cost through the trait, beside the raw driver that runs the same statements on a database of its
//! own, in turn in the same rounds.
//!
//! Nothing is synced, so that the disk is not what is measured. PostgreSQL is left out where it is not installed.

use std::fmt::Display;
use std::time::{Duration, Instant};

use bytes::Bytes;
use secrecy::SecretString;
use skreaver::memory::{Keep, Key, Memory, Op, PostgresMemory, SqliteMemory, Transaction};
use skreaver_benches::median;
use skreaver_tests::servers::PostgresServer;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};

const ROUNDS: usize = 31;
/// Of one kind in one round.
const CALLS: usize = 200;
const VALUE: [u8; 256] = [b'v'; 256];

fn main() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        sqlite().await?;
        match PostgresServer::start(&[]) {
            Ok(server) => postgres(&server).await,
            Err(error) => {
                println!("PostgreSQL is left out: {error:#}");
                Ok(())
            }
        }
    })
}

/// The key of a call.
fn key(number: usize) -> Key {
    Key::parse(format!("session/amber/{number:06}")).expect("it is a key")
}

/// One write, kept as little as the trait lets it.
async fn store(memory: &dyn Memory, number: usize) -> anyhow::Result<()> {
    let op = Op::put(key(number), Bytes::from_static(&VALUE));
    memory.commit(&[Transaction { checks: Vec::new(), ops: vec![op] }], Keep::Written).await?;
    Ok(())
}

async fn load(memory: &dyn Memory, number: usize) -> anyhow::Result<()> {
    anyhow::ensure!(memory.get(&key(number)).await?.is_some(), "what was stored is gone");
    Ok(())
}

/// The time of a round of calls.
async fn round(call: impl AsyncFn(usize) -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    for number in 0..CALLS {
        call(number).await?;
    }
    Ok(begin.elapsed())
}

/// Compares ours with the raw driver, and prints it.
async fn compare(
    what: impl Display,
    raw: impl AsyncFn(usize) -> anyhow::Result<()>,
    ours: impl AsyncFn(usize) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // The first calls prepare statements and open connections.
    round(&raw).await?;
    round(&ours).await?;
    let (mut times, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    for number in 0..ROUNDS {
        let (raw, ours) = if number % 2 == 0 {
            let raw = round(&raw).await?;
            (raw, round(&ours).await?)
        } else {
            let ours = round(&ours).await?;
            (round(&raw).await?, ours)
        };
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / CALLS as f64;
        times[0].push(micros(raw));
        times[1].push(micros(ours));
        ratios.push(ours.as_secs_f64() / raw.as_secs_f64());
    }
    let [raw, ours] = times.map(median);
    println!("{what:18} raw driver {raw:7.1} us, ours {ours:7.1} us, ours / raw {:.2} (medians of {ROUNDS})", median(ratios));
    Ok(())
}

async fn sqlite() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let memory = SqliteMemory::open(&folder.path().join("ours.db"), "amber").await?;
    // It makes the schema, with its triggers, and is not used again: its namespace is the first one.
    let _schema = SqliteMemory::open(&folder.path().join("raw.db"), "amber").await?;
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("raw.db"))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .disable_statement_logging();
    let writer = tokio::sync::Mutex::new(SqliteConnection::connect_with(&options).await?);
    let readers: SqlitePool =
        SqlitePoolOptions::new().max_connections(4).test_before_acquire(false).connect_with(options).await?;
    let raw_store = async |number| {
        let put = "INSERT INTO memory (namespace, key, value, expires_at) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";
        let key = key(number);
        let put = sqlx::query(put).bind(1_i64).bind(key.as_str().as_bytes()).bind(&VALUE[..]).bind(None::<i64>);
        put.execute(&mut *writer.lock().await).await?;
        Ok(())
    };
    compare("SQLite, store", raw_store, async |number| store(&memory, number).await).await?;
    let raw_load = async |number| {
        let get = "SELECT value FROM memory WHERE namespace = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)";
        let key = key(number);
        let get = sqlx::query_scalar::<_, Vec<u8>>(get).bind(1_i64).bind(key.as_str().as_bytes()).bind(1_i64);
        anyhow::ensure!(get.fetch_optional(&readers).await?.is_some(), "what was stored is gone");
        Ok(())
    };
    compare("SQLite, load", raw_load, async |number| load(&memory, number).await).await
}

async fn postgres(server: &PostgresServer) -> anyhow::Result<()> {
    let memory = PostgresMemory::open(&SecretString::from(server.url()), "amber").await?;
    let options: PgConnectOptions = server.url().parse()?;
    // As ours does: a connection that was just used is not asked first whether it works.
    let connect = |options| PgPoolOptions::new().test_before_acquire(false).connect_with(options);
    let pool = connect(options.clone()).await?;
    let unsynced = connect(options.options([("synchronous_commit", "off")])).await?;
    let raw_call = async |number| {
        let sql = "SELECT skreaver.commit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
        let key = key(number);
        let none: [&str; 0] = [];
        let call = sqlx::query_scalar::<_, Vec<Option<i32>>>(sql).bind("raw").bind(false).bind([key.as_str()]);
        let call = call.bind([0_i32]).bind(none).bind([None::<&[u8]>; 0]);
        let call = call.bind([1_i32]).bind([key.as_str()]).bind([None::<&str>]).bind([Some(&VALUE[..])]);
        call.bind([None::<i64>]).bind([None::<&str>]).fetch_one(&pool).await?;
        Ok(())
    };
    compare("PostgreSQL, store", raw_call, async |number| store(&memory, number).await).await?;
    let raw_insert = async |number| {
        let sql = "INSERT INTO skreaver.entries AS e (namespace, key, value, expires_at, words) VALUES ($1, $2, $3, NULL, NULL) \
                   ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";
        let key = key(number);
        sqlx::query(sql).bind("raw").bind(key.as_str()).bind(&VALUE[..]).execute(&unsynced).await?;
        Ok(())
    };
    compare("  bare INSERT", raw_insert, async |number| store(&memory, number).await).await?;
    let raw_load = async |number| {
        let sql = "SELECT value FROM skreaver.entries
            WHERE namespace = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > now())";
        let key = key(number);
        let row = sqlx::query_scalar::<_, Vec<u8>>(sql).bind("raw").bind(key.as_str()).fetch_optional(&pool).await?;
        anyhow::ensure!(row.is_some(), "what was stored is gone");
        Ok(())
    };
    compare("PostgreSQL, load", raw_load, async |number| load(&memory, number).await).await
}
