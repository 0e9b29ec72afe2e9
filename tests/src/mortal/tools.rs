//! Two tools whose effects are lines of the ledger: one that may be made twice, and one that may not.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver::policy::Permit;
use skreaver::{Tool, ToolError};

use super::{Death, Deed, Ledger, Point, pause};

/// Stamps. Twice with one id is once.
pub(super) struct Stamp(pub(super) Hand);

/// Pays. Twice is twice.
pub(super) struct Pay {
    pub(super) hand: Hand,
    pub(super) death: Arc<Death>,
}

/// What makes effects.
#[derive(Clone)]
pub(super) struct Hand {
    pub(super) ledger: Arc<Ledger>,
    pub(super) seed: u64,
}

impl Hand {
    async fn act(&self, permit: &Permit, arguments: &Value, done: impl FnOnce()) -> Result<Value, ToolError> {
        let label = arguments["label"].as_str().ok_or_else(|| ToolError::InvalidArguments("there is no label".into()))?;
        pause(self.seed, permit.id()).await;
        self.ledger.write(&Deed::Effect { tool: permit.tool().to_string(), label: label.to_owned(), id: permit.id().to_owned() });
        done();
        pause(self.seed, label).await;
        Ok(json!("done"))
    }
}

fn schema() -> Value {
    json!({"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]})
}

#[async_trait]
impl Tool for Stamp {
    fn description(&self) -> &str {
        "Stamps a label."
    }

    fn input_schema(&self) -> Value {
        schema()
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    async fn run(&self, permit: Permit, arguments: Value) -> Result<Value, ToolError> {
        self.0.act(&permit, &arguments, || {}).await
    }
}

#[async_trait]
impl Tool for Pay {
    fn description(&self) -> &str {
        "Pays for a label."
    }

    fn input_schema(&self) -> Value {
        schema()
    }

    async fn run(&self, permit: Permit, arguments: Value) -> Result<Value, ToolError> {
        self.hand.act(&permit, &arguments, || self.death.pass(Point::ToolInEffect)).await
    }
}
