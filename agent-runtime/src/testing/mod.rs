//! For tests of agents, tools and memories (feature `testing`): a tool and a model that do as they are told, and a harness that
//! runs an agent with them. The contract of memories is [`contract`].
//!
//! ```
//! use serde_json::json;
//! use skreaver::testing::{Harness, MockTool, Reply, ScriptedModel};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let weather = MockTool::answering(json!("rain"));
//! let model = ScriptedModel::new([Reply::tools(&[("weather", json!({"city": "Oslo"}))]), Reply::text("Take a coat.")]);
//! let agent = Harness::new("clerk").tool("weather", &weather).model(&model).start().await?;
//! assert_eq!(agent.observe("what do I wear in Oslo?").await?.output, "Take a coat.");
//! assert_eq!(weather.calls(), [json!({"city": "Oslo"})]);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

#![allow(clippy::unwrap_used, reason = "test support fails by panicking, and says where")]

mod harness;
pub mod inside;
mod model;
mod tool;

pub use harness::{Harness, Started};
pub use model::{Reply, ScriptedModel};
pub use skreaver_memory::contract;
pub use tool::MockTool;
