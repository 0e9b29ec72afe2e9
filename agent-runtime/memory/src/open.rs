//! Which backend keeps what a configuration names: every backend is registered here.

use std::sync::Arc;

use secrecy::SecretString;
use skreaver_protocol::config::StoreConfig;

use crate::file::FileMemory;
use crate::{Durability, InMemory, Memory, MemoryError};

/// Opens the memory of a namespace, if it can keep what is asked of it. The URL is that of servers.
///
/// # Errors
/// [`MemoryError`]: it cannot be opened, or not keep as much.
#[cfg_attr(not(any(feature = "postgres", feature = "redis")), allow(unused_variables, reason = "only servers have a URL"))]
pub async fn open(
    store: &StoreConfig,
    url: Option<&SecretString>,
    namespace: &str,
    asked: Durability,
) -> Result<Arc<dyn Memory>, MemoryError> {
    let memory: Arc<dyn Memory> = match store {
        StoreConfig::InMemory => Arc::new(InMemory::new()),
        StoreConfig::File { directory } => Arc::new(FileMemory::open(directory, namespace).await?),
        #[cfg(feature = "sqlite")]
        StoreConfig::Sqlite { file } => Arc::new(crate::SqliteMemory::open(file, namespace).await?),
        #[cfg(not(feature = "sqlite"))]
        StoreConfig::Sqlite { file: _ } => return Err(not_built("SQLite", "sqlite")),
        #[cfg(feature = "postgres")]
        StoreConfig::Postgres { url: _ } => {
            let memory = crate::PostgresMemory::open(given(store, url)?, namespace).await?;
            memory.require(asked)?;
            Arc::new(memory)
        }
        #[cfg(not(feature = "postgres"))]
        StoreConfig::Postgres { url: _ } => return Err(not_built("PostgreSQL", "postgres")),
        #[cfg(feature = "redis")]
        StoreConfig::Redis { url: _ } => {
            let memory = crate::RedisMemory::open(given(store, url)?, namespace).await?;
            memory.require(asked)?;
            Arc::new(memory)
        }
        #[cfg(not(feature = "redis"))]
        StoreConfig::Redis { url: _ } => return Err(not_built("Redis", "redis")),
    };
    let strongest = memory.strongest();
    if asked > strongest {
        let why = format!("it keeps `{strongest:?}` at the most; ask for that, or use another backend");
        return Err(MemoryError::NotDurable { what: name(store).into(), asked, why });
    }
    Ok(memory)
}

#[cfg(any(feature = "postgres", feature = "redis"))]
fn given<'a>(store: &StoreConfig, url: Option<&'a SecretString>) -> Result<&'a SecretString, MemoryError> {
    let problem = "its URL is missing; name the Secret that holds it";
    url.ok_or_else(|| MemoryError::Config { what: name(store).into(), problem: problem.into() })
}

fn name(store: &StoreConfig) -> &'static str {
    match store {
        StoreConfig::InMemory => "memory in the process",
        StoreConfig::File { directory: _ } => "memory in files",
        StoreConfig::Sqlite { file: _ } => "SQLite",
        StoreConfig::Postgres { url: _ } => "PostgreSQL",
        StoreConfig::Redis { url: _ } => "Redis",
    }
}

#[allow(dead_code, reason = "a build with every backend needs it for none")]
fn not_built(name: &str, feature: &str) -> MemoryError {
    let problem = format!("this program was built without it; build it with the cargo feature `{feature}`");
    MemoryError::Config { what: name.into(), problem }
}

/// The name of a namespace's folder: the namespace, which must not lead anywhere else.
pub(crate) fn folder_name(namespace: &str) -> Result<&str, MemoryError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !namespace.is_empty() && namespace.len() <= 128 && !namespace.starts_with('.') && namespace.chars().all(is_plain) {
        return Ok(namespace);
    }
    let problem = "use 1 to 128 letters, digits, `-`, `_` and `.`, and no `.` at the beginning".into();
    Err(MemoryError::Config { what: format!("namespace `{}`", namespace.escape_debug()), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_kept_is_refused_at_the_beginning() {
        let Err(refused) = open(&StoreConfig::InMemory, None, "quarry", Durability::Buffered).await else {
            panic!("it is opened")
        };
        assert!(matches!(refused, MemoryError::NotDurable { asked: Durability::Buffered, .. }), "{refused:?}");
        open(&StoreConfig::InMemory, None, "quarry", Durability::Ephemeral).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let store = StoreConfig::File { directory: directory.path().into() };
        open(&store, None, "quarry", Durability::Durable).await.unwrap();
    }
}
