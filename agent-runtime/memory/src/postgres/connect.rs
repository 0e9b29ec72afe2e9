//! How a server is reached: its URL, and the pool of connections.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool};

use super::error::typed;
use crate::MemoryError;

/// The most connections of one handle. A commit holds one for one round trip.
const CONNECTIONS: u32 = 8;
/// How long a read or write waits for a connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// After how long at rest a connection is asked whether it still works: a server that was restarted is noticed before a
/// commit is lost on it.
const REST: Duration = Duration::from_secs(1);

/// What to write.
const FORM: &str = "write its URL as `postgres://user:password@host:5432/database?sslmode=verify-full`, with %-codes for special \
                    characters of the password";

/// A server, and a database of it.
pub(super) struct Server {
    /// Its name in errors.
    pub(super) what: String,
    options: PgConnectOptions,
}

impl Server {
    /// Reads a URL. What is wrong with one is not quoted: it may be the password.
    pub(super) fn parse(url: &SecretString) -> Result<Self, MemoryError> {
        let wrong = || MemoryError::Config { what: "PostgreSQL".into(), problem: FORM.into() };
        let text = url.expose_secret();
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") || text.contains('#') {
            return Err(wrong());
        }
        let options: PgConnectOptions = text.parse().map_err(|_| wrong())?;
        let what = match options.get_socket() {
            Some(folder) => format!("PostgreSQL at {}", folder.display()),
            None => format!("PostgreSQL at {}:{}", options.get_host(), options.get_port()),
        };
        let options = options.application_name("skreaver").disable_statement_logging().options([
            // Checks hold because each statement of a commit sees what was committed before it.
            ("default_transaction_isolation", "read committed"),
            ("lock_timeout", "10s"),
            ("statement_timeout", "12s"),
        ]);
        Ok(Self { what, options })
    }

    /// Connects once, which tells what is wrong sooner and better than a pool does, and makes the pool.
    pub(super) async fn connect(self) -> Result<PgPool, MemoryError> {
        let Self { what, options } = self;
        let first = tokio::time::timeout(PATIENCE, options.connect()).await;
        let first = first.map_err(|late| MemoryError::Unavailable { what: what.clone(), source: late.into() })?;
        first.map_err(|source| typed(&what, source))?.close().await.map_err(|source| typed(&what, source))?;
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE).test_before_acquire(false);
        let pool = pool.before_acquire(|connection, meta| {
            Box::pin(async move { Ok(meta.idle_for < REST || connection.ping().await.is_ok()) })
        });
        Ok(pool.connect_lazy_with(options))
    }
}
