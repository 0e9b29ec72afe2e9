//! A runtime that dies where it is told to, as by `kill -9`, and the ledger of what it did, which outlives it.
//!
//! Only its parts are of ours: a [memory](memory::MortalMemory) and a [model](mind::MortalModel) that look at what passes, and two
//! [tools](tools). Everything between them is the real runtime, which knows nothing of it.

mod ledger;
mod memory;
mod mind;
mod point;
mod tools;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use skreaver::memory::{Durability, FileMemory, Memory, MemoryError, PostgresMemory, RedisMemory, SqliteMemory};
use skreaver::model::Model;
use skreaver::protocol::{AgentName, ToolName};
use skreaver::{Runtime, Tool};

use crate::DEADLINE;

pub use ledger::{Deed, Ledger};
pub use point::{Death, Point};

use memory::MortalMemory;
use mind::MortalModel;
use tools::{Hand, Pay, Stamp};

/// The tool that makes an effect which may be made twice: who keeps it goes by its id.
pub const STAMP: &str = "stamp";
/// The tool that makes one which may not.
pub const PAY: &str = "pay";

/// One life of a runtime that serves one agent.
pub struct Life {
    /// The agent; also its namespace in memory.
    pub agent: AgentName,
    /// Where it remembers.
    pub memory: Arc<dyn Memory>,
    /// What its acknowledgements mean.
    pub durability: Durability,
    /// How long its leases hold, where the runtime's own time is too long for a test.
    pub lease: Option<Duration>,
    /// What is done, for those who look at it later.
    pub ledger: Arc<Ledger>,
    /// Varies how long models and tools take.
    pub seed: u64,
    /// Its end.
    pub death: Death,
}

/// The runtime of a life. Four of its runs work at the same time.
///
/// # Panics
/// When the runtime refuses its configuration.
pub fn runtime(life: Life) -> Runtime {
    let Life { agent, memory, durability, lease, ledger, seed, death } = life;
    let config = json!({"agents": [{
        "name": agent,
        "tools": [{"name": STAMP, "source": {"type": "Builtin"}}, {"name": PAY, "source": {"type": "Builtin"}}],
        "models": [{"provider": "OpenAICompatible", "name": "mortal", "baseURL": "http://unused", "timeout": "5s", "maxAttempts": 1}],
        "memory": {"store": {"backend": "InMemory"}, "durability": durability},
        "limits": {"concurrency": 4, "runTimeout": "60s"},
    }]});
    let death = Arc::new(death);
    let tool = |name| ToolName::parse(name).expect("it is a name");
    let hand = Hand { ledger: Arc::clone(&ledger), seed };
    let (stamp, pay) = (Stamp(hand.clone()), Pay { hand, death: Arc::clone(&death) });
    let model = MortalModel { ledger, death: Arc::clone(&death), seed };
    Runtime::builder()
        .config(serde_json::from_value(config).expect("it is a configuration"))
        .memory(agent.clone(), Arc::new(MortalMemory { memory, lease, death }))
        .models(agent, vec![Arc::new(model) as Arc<dyn Model>])
        .tool(tool(STAMP), Arc::new(stamp) as Arc<dyn Tool>)
        .tool(tool(PAY), Arc::new(pay))
        .build()
        .expect("the runtime takes its own parts")
}

/// Opens the memory of an agent: `file:FOLDER`, `sqlite:FILE`, or the URL of a server, which may be slow to answer.
///
/// # Errors
/// [`MemoryError`], as of the backend.
pub async fn open(store: &str, agent: &AgentName) -> Result<Arc<dyn Memory>, MemoryError> {
    let give_up = tokio::time::Instant::now() + DEADLINE;
    loop {
        match open_now(store, agent.as_str()).await {
            Err(error) if error.is_passing() && tokio::time::Instant::now() < give_up => {}
            opened => return opened,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn open_now(store: &str, agent: &str) -> Result<Arc<dyn Memory>, MemoryError> {
    let url = || store.to_owned().into();
    Ok(match store.split_once(':') {
        Some(("file", folder)) => Arc::new(FileMemory::open(Path::new(folder), agent).await?),
        Some(("sqlite", file)) => Arc::new(SqliteMemory::open(Path::new(file), agent).await?),
        Some(("postgres", _)) => Arc::new(PostgresMemory::open(&url(), agent).await?),
        Some(_) | None => Arc::new(RedisMemory::open(&url(), agent).await?),
    })
}

/// A short while that differs from place to place and from seed to seed.
async fn pause(seed: u64, place: &str) {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (seed, place).hash(&mut hasher);
    tokio::time::sleep(Duration::from_micros(hasher.finish() % 3000)).await;
}
