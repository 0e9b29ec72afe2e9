//! What an agent thinks with, made from its configuration, and what is told of its models.

#[cfg(feature = "models")]
mod providers;
#[cfg(not(feature = "models"))]
#[path = "mind/no_providers.rs"]
mod providers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use skreaver_model::{Model, ModelErrorKind};
use skreaver_policy::Goal;
use skreaver_protocol::ToolName;
use skreaver_protocol::config::{AgentConfig, GoalConfig, ModelConfig};
use skreaver_protocol::rest::{ComponentReason, ComponentState};

use crate::collections::NonEmptyVec;
use crate::coordinator::{LONGEST_ANSWER, ModelFacts, Setup, Thinking};
use crate::custom::Agent;
use crate::readiness::Components;
use crate::runs::{Heard, Mind};
use crate::tools::Tool;

pub(crate) use providers::Http;
use providers::configured;

/// How an agent works and what it thinks with.
pub(crate) struct Thoughts {
    pub(crate) setup: Setup,
    pub(crate) mind: Option<Mind>,
}

/// Makes both. Without a model the agent follows rules.
pub(crate) fn think(
    config: &AgentConfig,
    tools: &BTreeMap<ToolName, Arc<dyn Tool>>,
    own: Vec<Arc<dyn Model>>,
    http: &Http,
    components: Arc<Components>,
    component: String,
) -> Result<Thoughts, String> {
    let config = &bounded(config);
    let Ok(facts) = config.models.iter().map(facts_of).collect::<Vec<_>>().try_into() else {
        return Ok(Thoughts { setup: Setup::default(), mind: None });
    };
    let goal = goal(config.goal.as_ref())?;
    let output = output(config)?;
    let instructions = Mind::instructions(config.instructions.as_deref(), goal.as_deref());
    let thinking = Thinking {
        models: facts,
        max_turns: config.limits.max_turns,
        max_tool_calls: config.limits.max_tool_calls,
        budget: config.limits.budget.clone(),
        compaction: config.memory.as_ref().and_then(|memory| memory.compaction.clone()),
        goal,
        output,
        overhead_bytes: instructions.as_ref().map_or(0, String::len) + tools.iter().map(described).sum::<usize>(),
    };
    check_prices(config)?;
    let models = models(config, own, http)?;
    let heard = listener(config, components, component);
    let mind = Mind { models, instructions, output_schema: config.output_schema.clone(), heard };
    Ok(Thoughts { setup: Setup { thinking: Some(thinking) }, mind: Some(mind) })
}

/// How an agent written in Rust works. It stands where others have a model.
pub(crate) fn own(config: &AgentConfig, agent: &dyn Agent) -> Result<Setup, String> {
    if let Some(model) = config.models.first() {
        return Err(format!(
            "an agent written in Rust takes the place of models; take model `{}` out of the configuration",
            model.name
        ));
    }
    let thinking = Thinking {
        models: NonEmptyVec::new(ModelFacts { is_free: true, ..ModelFacts::default() }),
        max_turns: config.limits.max_turns,
        max_tool_calls: config.limits.max_tool_calls,
        // It spends nothing, and cannot be asked to sum up.
        budget: None,
        compaction: None,
        goal: goal(agent.goal().or_else(|| config.goal.clone()).as_ref())?,
        output: output(config)?,
        overhead_bytes: 0,
    };
    Ok(Setup { thinking: Some(thinking) })
}

fn goal(config: Option<&GoalConfig>) -> Result<Option<Arc<Goal>>, String> {
    let goal = config.map(Goal::compile).transpose().map_err(|error| format!("goal.until: {error}"))?;
    Ok(goal.map(Arc::new))
}

fn output(config: &AgentConfig) -> Result<Option<Arc<jsonschema::Validator>>, String> {
    Ok(config.output_schema.as_ref().map(validator).transpose()?.map(Arc::new))
}

fn models(config: &AgentConfig, own: Vec<Arc<dyn Model>>, http: &Http) -> Result<Vec<Arc<dyn Model>>, String> {
    let mut own = own.into_iter();
    config.models.iter().map(|config| own.next().map_or_else(|| configured(config, http), Ok)).collect()
}

fn validator(schema: &serde_json::Value) -> Result<jsonschema::Validator, String> {
    jsonschema::validator_for(schema).map_err(|error| format!("outputSchema is no JSON Schema: {error}"))
}

/// Under a budget every answer has a bound: what has none cannot be set aside.
fn bounded(config: &AgentConfig) -> AgentConfig {
    let mut config = config.clone();
    if config.limits.budget.is_some() {
        let bounds = config.models.iter_mut().map(|model| &mut model.parameters.max_output_tokens);
        bounds.for_each(|bound| *bound = bound.or(Some(LONGEST_ANSWER)));
    }
    config
}

fn facts_of(model: &ModelConfig) -> ModelFacts {
    ModelFacts { price: model.price, max_output_tokens: model.parameters.max_output_tokens, is_free: false }
}

/// About as many bytes as a tool takes in each question.
fn described((name, tool): (&ToolName, &Arc<dyn Tool>)) -> usize {
    name.as_str().len() + tool.description().len() + tool.input_schema().to_string().len()
}

/// A budget of money says nothing about a model that has no price.
fn check_prices(config: &AgentConfig) -> Result<(), String> {
    let counts_money = config.limits.budget.as_ref().is_some_and(|budget| budget.cost_micro_usd.is_some());
    match config.models.iter().find(|model| counts_money && model.price.is_none()) {
        Some(model) => Err(format!("limits.budget.costMicroUSD needs the price of model `{}`", model.name)),
        None => Ok(()),
    }
}

/// Tells the component of an agent's models what is heard from them. What a question itself is to blame for is no news.
fn listener(config: &AgentConfig, components: Arc<Components>, component: String) -> Heard {
    let names: Vec<_> = config.models.iter().map(|model| model.name.clone()).collect();
    let last_failure = Mutex::new(String::new());
    Box::new(move |model, error| {
        let mut last_failure = last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            None if model == 0 => components.set(&component, ComponentState::Ready, None, None),
            None => {
                let name = names.get(model).map_or("another", String::as_str);
                let message = format!("{last_failure}; model `{name}` stands in");
                components.set(&component, ComponentState::Stale, None, Some(message));
            }
            Some(error) => {
                let Some(reason) = reason(error.kind) else { return };
                *last_failure = error.to_string();
                if model + 1 == names.len() {
                    components.set(&component, ComponentState::NotReady, Some(reason), Some(error.to_string()));
                }
            }
        }
    })
}

fn reason(kind: ModelErrorKind) -> Option<ComponentReason> {
    match kind {
        ModelErrorKind::Unauthorized => Some(ComponentReason::Unauthorized),
        ModelErrorKind::UnknownModel => Some(ComponentReason::UnknownModel),
        ModelErrorKind::Unreachable | ModelErrorKind::Timeout => Some(ComponentReason::Unreachable),
        ModelErrorKind::RateLimited | ModelErrorKind::Overloaded => Some(ComponentReason::Overloaded),
        ModelErrorKind::Cut | ModelErrorKind::Garbage => Some(ComponentReason::Garbage),
        ModelErrorKind::ContextTooLong | ModelErrorKind::Refused => None,
    }
}
