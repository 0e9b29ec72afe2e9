//! What a server is not configured to keep is refused with the setting's name.

use skreaver_memory::{Durability, Memory, MemoryError};
use skreaver_protocol::config::StoreConfig;
use skreaver_tests::servers::{PostgresServer, RedisServer};

use super::{DURABLE, postgres, redis};

/// The strongest class of a Redis with this configuration, and the sentence that refuses `Durable`.
async fn of_redis(lines: &[&str]) -> (Durability, String) {
    let server = RedisServer::start(lines).unwrap();
    let memory = redis(&server.url(), "slate").await.unwrap();
    (memory.strongest(), memory.require(Durability::Durable).unwrap_err().to_string())
}

#[tokio::test]
async fn redis_promises_what_its_settings_keep() {
    for (lines, expected, sentence) in [
        (vec![], Durability::Ephemeral, "cannot keep `Durable`: it writes no append-only file; set `appendonly` to `yes`"),
        (vec!["appendonly yes"], Durability::Buffered, "its `appendfsync` is `everysec`; set it to `always`"),
        ([&DURABLE[..], &["maxmemory-policy allkeys-lru"]].concat(), Durability::Ephemeral, "set it to `noeviction`"),
        ([&DURABLE[..], &["no-appendfsync-on-rewrite yes"]].concat(), Durability::Buffered, "no-appendfsync-on-rewrite"),
        ([&DURABLE[..], &["user default on nopass ~* &* +@all -config"]].concat(), Durability::Buffered, "CONFIG GET"),
    ] {
        let (strongest, refused) = of_redis(&lines).await;
        assert_eq!(strongest, expected, "{lines:?}");
        assert!(refused.contains(sentence), "{refused}");
    }
}

#[tokio::test]
async fn postgres_promises_what_its_settings_keep() {
    for (settings, sentence) in [(["fsync=off"], "its setting `fsync` is off"), (["full_page_writes=off"], "`full_page_writes`")]
    {
        let server = PostgresServer::start(&settings).unwrap();
        let memory = postgres(&server, "slate").await.unwrap();
        assert_eq!(memory.strongest(), Durability::Buffered);
        let refused = memory.require(Durability::Durable).unwrap_err().to_string();
        assert!(refused.contains("cannot keep `Durable`") && refused.contains(sentence), "{refused}");
        memory.require(Durability::Buffered).unwrap();
    }
    let server = PostgresServer::start(&["synchronous_commit=off"]).unwrap();
    assert_eq!(postgres(&server, "slate").await.unwrap().strongest(), Durability::Durable, "each commit asks for its own");
    server.sql("ALTER TABLE skreaver.entries SET UNLOGGED").unwrap();
    assert_eq!(postgres(&server, "slate").await.unwrap().strongest(), Durability::Ephemeral);
}

#[tokio::test]
async fn a_configuration_is_opened_if_its_server_keeps_the_class() {
    let (server, database) = (RedisServer::start(&[]).unwrap(), PostgresServer::start(&["fsync=off"]).unwrap());
    let source = || "env:URL".parse().unwrap();
    for (store, url, kept) in [
        (StoreConfig::Redis { url: source() }, server.url(), Durability::Ephemeral),
        (StoreConfig::Postgres { url: source() }, database.url(), Durability::Buffered),
    ] {
        let url = url.into();
        let open = async |asked| skreaver_memory::open(&store, Some(&url), "slate", asked).await;
        open(kept).await.unwrap().health().await.unwrap();
        let refused = open(Durability::Durable).await.err().unwrap();
        assert!(matches!(refused, MemoryError::NotDurable { asked: Durability::Durable, .. }), "{refused:?}");
        assert!(refused.to_string().contains("127.0.0.1"), "it does not say which server: {refused}");
    }
}
