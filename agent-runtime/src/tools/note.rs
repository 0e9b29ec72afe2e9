//! `remember` and `recall`: what an agent keeps beyond its conversations.

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use skreaver_memory::{Key, NOTES, Op, Search};
use skreaver_policy::Permit;
use skreaver_tools::schema;

use crate::agent::Slot;
use crate::tools::{Tool, ToolError};

/// The longest text that is kept, in bytes.
const LONGEST: usize = 64 << 10;
/// The most texts that are found at once, and how many where nothing is said.
const MOST_FOUND: usize = 50;
const FOUND: usize = 5;

/// Keeps a text.
pub(super) struct Remember(pub(super) Arc<Slot>);

/// Finds texts.
pub(super) struct Recall(pub(super) Arc<Slot>);

/// What to keep.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    /// The text to keep: a fact, with the names and numbers that it will be looked for by.
    #[schemars(length(min = 1))]
    text: String,
}

/// What to look for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Words that the text should have.
    #[schemars(length(min = 1))]
    query: String,
    /// The most texts. Default: 5.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

fn arguments<T: DeserializeOwned>(arguments: Value) -> Result<T, ToolError> {
    serde_json::from_value(arguments).map_err(|error| ToolError::InvalidArguments(error.to_string()))
}

fn failed(error: impl std::fmt::Display) -> ToolError {
    ToolError::Failed(error.to_string())
}

#[async_trait]
impl Tool for Remember {
    fn description(&self) -> &str {
        "Keeps a text for later conversations; `recall` finds it."
    }

    fn input_schema(&self) -> Value {
        schema::<Note>()
    }

    fn remembers(&self) -> bool {
        true
    }

    /// The same call keeps the same note, under the call's own id.
    fn is_idempotent(&self) -> bool {
        true
    }

    async fn run(&self, permit: Permit, given: Value) -> Result<Value, ToolError> {
        let Note { text } = arguments(given)?;
        if text.is_empty() || text.len() > LONGEST {
            return Err(ToolError::InvalidArguments(format!("a text of 1 to {LONGEST} bytes can be kept")));
        }
        let kept = self.0.open().map_err(failed)?;
        let key = Key::parse(format!("{NOTES}{}", permit.id().replace('/', "-"))).map_err(failed)?;
        kept.put(Op::put(key, text)).await.map_err(failed)?;
        Ok(json!({ "kept": true }))
    }
}

#[async_trait]
impl Tool for Recall {
    fn description(&self) -> &str {
        "Finds texts that were kept with `remember`, by words that they have, the best first."
    }

    fn input_schema(&self) -> Value {
        schema::<Query>()
    }

    fn arguments_from_text(&self, text: &str) -> Value {
        json!({ "query": text })
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    async fn run(&self, _: Permit, given: Value) -> Result<Value, ToolError> {
        let Query { query, limit } = arguments(given)?;
        let limit = limit.unwrap_or(FOUND).clamp(1, MOST_FOUND);
        let memory = Arc::clone(self.0.open().map_err(failed)?.memory());
        let found = memory.search(&Search { prefix: NOTES.into(), words: query, limit }).await.map_err(failed)?;
        Ok(found.iter().map(|(_, text)| Value::from(String::from_utf8_lossy(text))).collect())
    }
}
