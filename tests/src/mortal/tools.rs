//! Two tools whose effects are lines of the ledger: one that may be made twice, and one that may not.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver::policy::Permit;
use skreaver::{Tool, ToolError};

use super::{Death, Deed, Ledger, Point, pause};

/// Stamps. Twice with one id is once.
pub(super) struct Stamp {
    pub(super) ledger: Arc<Ledger>,
    pub(super) death: Arc<Death>,
    pub(super) seed: u64,
}

/// Pays. Twice is twice.
pub(super) struct Pay {
    pub(super) ledger: Arc<Ledger>,
    pub(super) death: Arc<Death>,
    pub(super) seed: u64,
}

fn schema() -> Value {
    json!({"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]})
}

async fn act(ledger: &Ledger, death: &Death, seed: u64, permit: &Permit, arguments: &Value) -> Result<Value, ToolError> {
    let label = arguments["label"].as_str().ok_or_else(|| ToolError::InvalidArguments("there is no label".into()))?;
    pause(seed, permit.id()).await;
    ledger.write(&Deed::Effect { tool: permit.tool().to_string(), label: label.to_owned(), id: permit.id().to_owned() });
    death.pass(Point::ToolInEffect);
    pause(seed, label).await;
    Ok(json!("done"))
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
        act(&self.ledger, &self.death, self.seed, &permit, &arguments).await
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
        act(&self.ledger, &self.death, self.seed, &permit, &arguments).await
    }
}
