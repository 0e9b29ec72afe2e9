//! Uses of the public API, each under the features that it needs.

use std::sync::Arc;

use skreaver::{Observation, Runtime};

pub use skreaver::{Memory, Tool};

/// Core: an agent that answers, without a server.
pub async fn answers(runtime: &Runtime) -> Option<String> {
    let agent = runtime.agent("amber")?;
    agent.observe(Observation::new("uppercase:hello")).await.ok().map(|answer| answer.output)
}

/// Memory in the process and in files is always there.
pub async fn files(folder: &std::path::Path) -> Option<Arc<dyn Memory>> {
    let memory = skreaver::memory::FileMemory::open(folder, "amber").await.ok()?;
    Some(Arc::new(memory))
}

#[cfg(feature = "redis")]
pub use skreaver::RedisMemory;

#[cfg(feature = "sqlite")]
pub use skreaver::SqliteMemory;

#[cfg(feature = "postgres")]
pub use skreaver::PostgresMemory;

/// What is counted, for Prometheus.
#[cfg(feature = "metrics")]
pub fn counted(runtime: &Runtime) -> String {
    runtime.metrics().text()
}

/// The API.
#[cfg(feature = "http")]
pub async fn serve(runtime: Arc<Runtime>, listeners: skreaver::Listeners) -> std::io::Result<()> {
    skreaver::serve_until_terminated(runtime, listeners, std::time::Duration::ZERO).await
}

/// Models of providers.
#[cfg(feature = "models")]
pub use skreaver::model::{http_client, model};

/// The contract of memories.
#[cfg(feature = "testing")]
pub async fn keeps_the_contract() {
    skreaver::memory::contract::check(async |_| Arc::new(skreaver::memory::InMemory::new()) as _).await;
}
