//! Servers that are not there, refuse us, or cannot write: each a typed error within seconds, and never with a password in it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use skreaver_memory::{Memory, MemoryError, Op, PostgresMemory, RedisMemory};
use skreaver_tests::servers::{PostgresServer, RedisCluster, RedisServer};
use skreaver_tests::{free_port, until};

use super::{key, postgres, printed, redis, value};

/// The password in all URLs here.
const SECRET: &str = "hidden-granite";

/// What opening a URL ends with; the error is within seconds, and tells no password.
async fn refused(url: &str) -> MemoryError {
    let begin = Instant::now();
    let opened = if url.starts_with("postgres") {
        PostgresMemory::open(&url.to_owned().into(), "slate").await.map(drop)
    } else {
        RedisMemory::open(&url.to_owned().into(), "slate").await.map(drop)
    };
    let error = opened.expect_err(url);
    assert!(begin.elapsed() < Duration::from_secs(8), "{url} is refused after {:?}: {error}", begin.elapsed());
    assert!(!printed(&error).contains(SECRET), "the password is in {}", printed(&error));
    error
}

#[tokio::test]
async fn a_text_that_is_no_url_is_refused_with_what_to_write() {
    for url in [
        "",
        "redis:/hidden-granite",
        "http://:hidden-granite@quarry",
        "redis://:hidden-granite#@quarry",
        "redis+sentinel://:hidden-granite@quarry",
        "redis://:hidden-granite@quarry:port",
        "postgres:hidden-granite",
        "postgres://user:hidden-granite#@quarry/database",
        "postgres://user:hidden-granite@quarry:port/database",
        "postgres://user:hidden-granite@quarry/database?sslmode=perhaps",
    ] {
        let error = refused(url).await;
        assert!(matches!(error, MemoryError::Config { .. }), "{url}: {error:?}");
        assert!(error.to_string().contains("write its URL as `"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for port in [free_port(), silent.local_addr().unwrap().port()] {
        for url in [
            format!("redis://:{SECRET}@127.0.0.1:{port}"),
            format!("redis+cluster://:{SECRET}@127.0.0.1:{port}"),
            format!("redis+sentinel://:{SECRET}@127.0.0.1:{port}/slate"),
            format!("postgres://user:{SECRET}@127.0.0.1:{port}/database"),
        ] {
            let error = refused(&url).await;
            assert!(matches!(error, MemoryError::Unavailable { .. }) && error.is_passing(), "{url}: {error:?}");
            assert!(error.to_string().contains(&port.to_string()), "it does not say which server: {error}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_forbidden() {
    let server = RedisServer::start(&["requirepass slate", "user reader on >hidden-granite ~* +@read"]).unwrap();
    let cluster = RedisCluster::start().unwrap();
    for node in &cluster.nodes {
        node.cli(&["CONFIG", "SET", "requirepass", "slate"]).unwrap();
    }
    let database = PostgresServer::start(&[]).unwrap();
    let port = server.port;
    for url in [
        format!("redis://127.0.0.1:{port}"),
        format!("redis://:{SECRET}@127.0.0.1:{port}"),
        format!("redis://reader:{SECRET}@127.0.0.1:{port}"),
        format!("redis+cluster://:{SECRET}@127.0.0.1:{}", cluster.nodes[0].port),
        format!("redis+cluster://127.0.0.1:{}", cluster.nodes[0].port),
        format!("postgres://postgres:{SECRET}@127.0.0.1:{}/postgres", database.port),
        format!("postgres://nobody:{SECRET}@127.0.0.1:{}/postgres", database.port),
    ] {
        let error = refused(&url).await;
        assert!(matches!(error, MemoryError::Forbidden { .. }) && !error.is_passing(), "{url}: {error:?}");
    }
    database.sql("CREATE USER reader PASSWORD 'hidden-granite'").unwrap();
    let error = refused(&format!("postgres://reader:{SECRET}@127.0.0.1:{}/postgres", database.port)).await;
    assert!(matches!(error, MemoryError::Forbidden { .. }), "may not make a schema: {error:?}");
    let error = refused(&database.url().replace("/postgres", "/absent").replace("//absent", "//postgres")).await;
    assert!(matches!(error, MemoryError::Config { .. }), "{error:?}");
}

#[tokio::test]
async fn a_user_of_postgres_needs_no_right_to_create() {
    let server = PostgresServer::start(&[]).unwrap();
    drop(postgres(&server, "slate").await.unwrap());
    let rights = "CREATE USER clerk PASSWORD 'ore'; GRANT USAGE ON SCHEMA skreaver TO clerk; GRANT SELECT ON skreaver.schema TO \
                  clerk; GRANT SELECT, INSERT, UPDATE, DELETE ON skreaver.entries TO clerk";
    server.sql(rights).unwrap();
    let url = format!("postgres://clerk:ore@127.0.0.1:{}/postgres", server.port);
    let memory = PostgresMemory::open(&url.into(), "slate").await.unwrap();
    memory.put(key("a"), value("1")).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let server = RedisServer::start(&[]).unwrap();
    server.cli(&["SET", "{skreaver:slate}:schema", "99"]).unwrap();
    let database = PostgresServer::start(&[]).unwrap();
    drop(postgres(&database, "slate").await.unwrap());
    database.sql("UPDATE skreaver.schema SET version = 99").unwrap();
    for url in [server.url(), database.url()] {
        let error = refused(&url).await;
        assert!(matches!(error, MemoryError::NewerSchema { found: 99, known: 1, .. }), "{error:?}");
        assert!(error.to_string().contains("use a newer image"), "{error}");
    }
    drop(redis(&server.url(), "other").await.unwrap());
}

#[tokio::test]
async fn a_replica_of_redis_is_read_only() {
    let primary = RedisServer::start(&[]).unwrap();
    let memory = redis(&primary.url(), "slate").await.unwrap();
    memory.put(key("a"), value("1")).await.unwrap();
    let replica = RedisServer::start(&[&format!("replicaof 127.0.0.1 {}", primary.port)]).unwrap();
    until("the replica to have it", async || {
        let found = replica.cli(&["HGET", "{skreaver:slate}:values", "a"]).ok()?;
        (found == "1").then_some(())
    })
    .await;
    let copy = redis(&replica.url(), "slate").await.unwrap();
    assert_eq!(copy.get(&key("a")).await.unwrap(), Some(value("1")));
    for error in [copy.put(key("b"), value("2")).await.unwrap_err(), redis(&replica.url(), "new").await.map(drop).unwrap_err()] {
        assert!(matches!(error, MemoryError::ReadOnly { .. }), "{error:?}");
        assert!(error.to_string().contains("name the primary server"), "{error}");
    }
}

#[tokio::test]
async fn postgres_that_is_read_only_says_so() {
    let server = PostgresServer::start(&[]).unwrap();
    postgres(&server, "slate").await.unwrap().put(key("a"), value("1")).await.unwrap();
    server.sql("ALTER ROLE postgres SET default_transaction_read_only = on").unwrap();
    let memory = postgres(&server, "slate").await.unwrap();
    assert_eq!(memory.get(&key("a")).await.unwrap(), Some(value("1")));
    for error in [memory.put(key("b"), value("2")).await.unwrap_err(), memory.health().await.unwrap_err()] {
        assert!(matches!(error, MemoryError::ReadOnly { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_full_redis_refuses_writes_whole_and_keeps_what_it_has() {
    let server = RedisServer::start(&["maxmemory 12mb", "maxmemory-policy noeviction"]).unwrap();
    let memory = redis(&server.url(), "slate").await.unwrap();
    let mut kept = 0;
    let error = loop {
        let ops = ["left", "right"].map(|side| Op::put(key(&format!("{side}/{kept}")), vec![7; 512 << 10]));
        match memory.batch(ops.to_vec()).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 100, "it is never full");
    };
    assert!(matches!(error, MemoryError::Full { .. }) && error.to_string().contains("make room"), "{error:?}");
    for side in ["left/", "right/"] {
        assert_eq!(memory.snapshot(side).await.unwrap().len(), kept, "half of a batch is there");
    }
    memory.batch(vec![Op::DeleteAll { prefix: "left/".into() }]).await.unwrap();
    memory.put(key("again"), value("1")).await.unwrap();
}
