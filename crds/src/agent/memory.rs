//! What an agent remembers, and where.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skreaver_protocol::GoDuration;

use super::reference::KeyRef;

/// What an agent remembers, and where.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.backend == 'Redis') == has(self.redis)")
        .message("set redis for the backend Redis, and for no other"),
    validation = Rule::new("(self.backend == 'PostgreSQL') == has(self.postgreSQL)")
        .message("set postgreSQL for the backend PostgreSQL, and for no other"),
    validation = Rule::new("self.backend in ['File', 'SQLite'] || !(has(self.size) || has(self.storageClassName))")
        .message("set size and storageClassName for the backends File and SQLite only: no other has a volume"),
    validation = Rule::new("!(self.backend in ['File', 'SQLite']) || !(oldSelf.backend in ['File', 'SQLite']) || (has(self.size) ? quantity(self.size) : quantity('1Gi')).compareTo(has(oldSelf.size) ? quantity(oldSelf.size) : quantity('1Gi')) == 0")
        .message("size stays what it was when the volume was made: to have more room, let the claim `data-NAME-0` itself grow"),
    validation = Rule::new("!(self.backend in ['File', 'SQLite']) || !(oldSelf.backend in ['File', 'SQLite']) || (has(self.storageClassName) ? self.storageClassName : '') == (has(oldSelf.storageClassName) ? oldSelf.storageClassName : '')")
        .message("storageClassName stays what it was when the volume was made")
)]
pub struct AgentMemory {
    /// Where memory is kept. `InMemory`: in the pod, and gone with it. `File` and `SQLite`: on a volume of the agent's own,
    /// which has one pod then and keeps its volume when the Agent is deleted. `PostgreSQL` and `Redis`: on a server of yours,
    /// for any number of pods. Example: `SQLite`.
    pub backend: Backend,

    /// The size of the volume, for `File` and `SQLite`. Default: `1Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(
        validation = Rule::new("isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))")
            .message("write size as a quantity above zero, such as 1Gi")
    )]
    pub size: Option<String>,

    /// The StorageClass of the volume, for `File` and `SQLite`. Default: that of the cluster. Example: `fast`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = Rule::new("self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')")
            .message("write the name of a StorageClass: lower-case letters, digits, '-' and '.'")
    )]
    pub storage_class_name: Option<String>,

    /// Which Redis, for `Redis`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<Server>,

    /// Which PostgreSQL, for `PostgreSQL`.
    #[serde(default, rename = "postgreSQL", skip_serializing_if = "Option::is_none")]
    pub postgre_sql: Option<Server>,

    /// How long messages of sessions are kept. Default: for ever. Example: `720h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(max = 32))]
    #[x_kube(
        validation = Rule::new("self.matches('^([0-9]{1,9}(ms|s|m|h))+$') && duration(self) >= duration('1m') && duration(self) <= duration('87600h')")
            .message("write retention as whole numbers with the units h, m, s and ms, from 1m to 87600h, such as 720h")
    )]
    pub retention: Option<GoDuration>,

    /// When long conversations are summed up. Default: never; a conversation that is too long for the model ends the run.
    /// Example: `{tokenThreshold: 24000}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compaction: Option<Compaction>,
}

/// Where memory is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Backend {
    /// In the pod, and gone with it.
    InMemory,
    /// In files on a volume of the agent's own.
    File,
    /// In a SQLite database on a volume of the agent's own.
    #[serde(rename = "SQLite")]
    Sqlite,
    /// In a PostgreSQL server.
    #[serde(rename = "PostgreSQL")]
    Postgres,
    /// In a Redis server or cluster.
    Redis,
}

impl Backend {
    /// Whether memory lies on a volume of the agent's own, so that there is one pod and it is a StatefulSet's.
    pub const fn has_volume(self) -> bool {
        match self {
            Self::File | Self::Sqlite => true,
            Self::InMemory | Self::Postgres | Self::Redis => false,
        }
    }
}

/// Where an endpoint leads: a host and a port from 1 to 65535.
const ENDPOINT: &str = r"self.all(endpoint, endpoint.matches('^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\]):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$'))";

/// A server that keeps memory.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// A key of a Secret in the Agent's namespace that holds the server's URL, user and password included. For Redis
    /// `redis://:PASSWORD@HOST:6379/0`, or `rediss://` with TLS; for PostgreSQL `postgres://USER:PASSWORD@HOST:5432/DATABASE`.
    pub url_secret_key_ref: KeyRef,

    /// The places that the URL leads to, as `HOST:PORT`; for a Redis Cluster all of its nodes, or the Service in front of them.
    /// The operator does not read your secrets, so this is how it knows which way out to open for the agent's pods: these
    /// places and no others. Example: `["redis.stores.svc:6379"]`.
    #[schemars(length(min = 1, max = 16), inner(length(min = 3, max = 262)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new(ENDPOINT)
            .message("write each endpoint as HOST:PORT, such as redis.stores.svc:6379")
    )]
    pub endpoints: Vec<String>,
}

/// When and how a long conversation is summed up.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Compaction {
    /// The tokens of a conversation, estimated, above which the model sums up its beginning. Example: `24000`.
    #[schemars(range(min = 256, max = 100_000_000))]
    pub token_threshold: u64,

    /// How many messages at the end stay as they are. Default: 8.
    #[serde(default = "eight")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep_last: u32,
}

fn eight() -> u32 {
    8
}
