//! What does not change during a run: how its agent thinks, and its bounds.

use std::sync::Arc;

use jsonschema::Validator;
use skreaver_policy::Goal;
use skreaver_protocol::config::{BudgetConfig, CompactionConfig, Price};

use crate::collections::NonEmptyVec;

/// How the agent of a run works.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// How it thinks; a rule agent does not.
    pub thinking: Option<Thinking>,
}

/// How an agent with a model works.
#[derive(Debug, Clone)]
pub struct Thinking {
    /// Its models, in the order of preference.
    pub models: NonEmptyVec<ModelFacts>,
    /// The most questions to a model in one run, those that sum up not counted.
    pub max_turns: u32,
    /// The most tool calls in one run.
    pub max_tool_calls: u32,
    /// What one run may spend.
    pub budget: Option<BudgetConfig>,
    /// When the beginning of a long conversation is summed up.
    pub compaction: Option<CompactionConfig>,
    /// What the run is to reach.
    pub goal: Option<Arc<Goal>>,
    /// What every answer has to look like.
    pub output: Option<Arc<Validator>>,
    /// The size of what goes with every question besides the conversation (instructions, tools), in bytes.
    pub overhead_bytes: usize,
}

/// What the coordinator has to know of a model.
#[derive(Debug, Clone, Copy, Default)]
pub struct ModelFacts {
    /// What it costs.
    pub price: Option<Price>,
    /// The longest answer that it is asked for, in tokens.
    pub max_output_tokens: Option<u32>,
    /// It is code of the agent's own: nothing is set aside for its answers, and nothing is spent.
    pub is_free: bool,
}
