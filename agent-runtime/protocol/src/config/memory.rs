//! What an agent remembers, and where.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SecretSource;
use crate::GoDuration;

/// What an agent remembers, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemoryConfig {
    /// Where it is kept.
    pub store: StoreConfig,
    /// What an acknowledgement means.
    pub durability: Durability,
    /// How long messages of sessions and ended runs are kept; for ever where there is none. Ended runs are kept for a day at
    /// the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<GoDuration>,
    /// When long histories are shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compaction: Option<CompactionConfig>,
}

/// Where memory is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "backend", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum StoreConfig {
    /// In the process; gone with it.
    InMemory,
    /// In files of our own below a folder.
    File {
        /// The folder.
        directory: PathBuf,
    },
    /// In a SQLite database.
    #[serde(rename = "SQLite")]
    Sqlite {
        /// Its file.
        file: PathBuf,
    },
    /// In a PostgreSQL server.
    #[serde(rename = "PostgreSQL")]
    Postgres {
        /// Its URL, as `postgres://user:password@host:5432/database?sslmode=verify-full`.
        url: SecretSource,
    },
    /// In a Redis server or cluster.
    Redis {
        /// Its URL, as `redis://:password@host:6379/0` or `rediss://` with TLS. Several nodes of a Cluster are separated by
        /// commas, with `redis+cluster://` before the first.
        url: SecretSource,
    },
}

impl StoreConfig {
    /// Where the URL of its server is found, if it has one.
    pub const fn secret(&self) -> Option<&SecretSource> {
        match self {
            Self::InMemory | Self::File { .. } | Self::Sqlite { .. } => None,
            Self::Postgres { url } | Self::Redis { url } => Some(url),
        }
    }
}

/// What an acknowledgement means. Rises: what is kept in a class is kept in those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Durability {
    /// Gone with the process.
    Ephemeral,
    /// Survives every process, the server's included; the last second may go with the machine.
    Buffered,
    /// Survives the machine: it was on the disk before it was acknowledged.
    Durable,
}

/// When and how a long history is shortened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CompactionConfig {
    /// The tokens of a conversation, estimated, above which the model sums up its beginning.
    #[schemars(range(min = 256))]
    pub token_threshold: u64,
    /// The messages at its end that stay as they are.
    #[schemars(range(min = 1, max = 1000))]
    pub keep_last: u32,
}
