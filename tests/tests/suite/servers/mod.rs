//! Memory on real servers: Redis, Redis Cluster, PostgreSQL.

mod contract;
mod deaths;
mod expiry;
mod failover;
mod faults;
mod kills;
mod promises;
mod races;
mod tls;

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use skreaver_memory::{Key, Memory, MemoryError, PostgresMemory, RedisMemory};
use skreaver_tests::servers::PostgresServer;

/// Lines of configuration with which Redis keeps what it acknowledges.
const DURABLE: [&str; 2] = ["appendonly yes", "appendfsync always"];

type Handle = Arc<dyn Memory>;

async fn redis(url: &str, namespace: &str) -> Result<RedisMemory, MemoryError> {
    RedisMemory::open(&url.to_owned().into(), namespace).await
}

async fn postgres(server: &PostgresServer, namespace: &str) -> Result<PostgresMemory, MemoryError> {
    PostgresMemory::open(&server.url().into(), namespace).await
}

fn handle(memory: impl Memory + 'static) -> Handle {
    Arc::new(memory)
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn value(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// All that an error may print, with its sources.
fn printed(error: &MemoryError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(" {error} {error:?}");
        source = error.source();
    }
    text
}
