//! Connections over TLS: the server must show a certificate that is trusted.

use skreaver_memory::{Memory, MemoryError, PostgresMemory};
use skreaver_tests::servers::{PostgresServer, RedisServer};
use tokio::process::Command;

use super::{key, redis, value};

#[tokio::test]
async fn postgres_is_trusted_by_its_certificate() {
    let server = PostgresServer::start(&[]).unwrap();
    let open = async |query: String| PostgresMemory::open(&format!("{}?{query}", server.url()).into(), "slate").await;
    let memory = open(format!("sslmode=verify-full&sslrootcert={}", server.certificate().display())).await.unwrap();
    memory.put(key("a"), value("1")).await.unwrap();
    assert_ne!(
        server
            .sql("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'skreaver'")
            .unwrap(),
        "0"
    );
    let error = open("sslmode=verify-full".into()).await.map(drop).unwrap_err();
    assert!(matches!(error, MemoryError::Unavailable { .. }), "a stranger's certificate is taken: {error:?}");
    open("sslmode=disable".into()).await.unwrap();
}

/// Roots of trust are those of the process, so it takes another process to have others.
#[tokio::test]
async fn redis_is_trusted_by_its_certificate() {
    let server = RedisServer::start_with_tls().unwrap();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let error = redis(&server.url(), "slate").await.map(drop).unwrap_err();
    assert!(matches!(error, MemoryError::Unavailable { .. }), "a stranger's certificate is taken: {error:?}");
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "servers::tls::as_a_process_that_trusts_redis", "--nocapture"]);
    let output = child.env("SSL_CERT_FILE", server.certificate()).env("REDIS_URL", server.url()).output().await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
#[ignore = "a part of the test above, in a process of its own"]
async fn as_a_process_that_trusts_redis() {
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap();
    let memory = redis(&std::env::var("REDIS_URL").unwrap(), "slate").await.unwrap();
    memory.put(key("a"), value("1")).await.unwrap();
    assert_eq!(memory.get(&key("a")).await.unwrap(), Some(value("1")));
}
