//! The RuntimeConfig of an agent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use skreaver_crds::agent::{AgentMemory, AgentModel, Backend, Budget, Compaction, Goal, Limits, Model, Parameters, Price, Retry};
use skreaver_protocol::config::{
    self, AgentConfig, BudgetConfig, ClusterConfig, CompactionConfig, ControlConfig, Durability, GoalConfig, LimitsConfig,
    MemoryConfig, ModelConfig, ModelParameters, RuntimeConfig, SecretSource, StoreConfig,
};
use skreaver_protocol::{Builtin, GoDuration, control};

use crate::auth::auth_config;
use crate::manifests::paths;
use crate::secrets::{MEMORY_URL, model_key};
use crate::tools::tool_config;
use crate::{ResolvedAgent, ResolvedTool, Settings};

/// Where a runtime finds what its configuration only names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locations {
    /// The folder of the files that [`secret_files`](crate::secret_files) names.
    pub secrets: PathBuf,
    /// Those of them that are variables of the environment instead, by the name of the file.
    pub variables: BTreeMap<String, String>,
    /// The folder for memory in files.
    pub data: PathBuf,
    /// The directory in which tools of files work.
    pub files: PathBuf,
}

impl Locations {
    pub(crate) fn secret(&self, file: &str) -> SecretSource {
        match self.variables.get(file) {
            Some(variable) => SecretSource::Env(variable.clone()),
            None => SecretSource::File(self.secrets.join(file)),
        }
    }
}

/// What the runtime of a laptop is told of one agent. Agents that are tools of others are in the same process.
pub fn agent_config(resolved: &ResolvedAgent<'_>, locations: &Locations) -> AgentConfig {
    config_in(resolved, None, locations)
}

/// What a runtime is told of one agent; in a cluster with the namespace in which other agents are reached.
fn config_in(resolved: &ResolvedAgent<'_>, namespace: Option<&str>, locations: &Locations) -> AgentConfig {
    let spec = &resolved.agent.spec;
    AgentConfig {
        name: resolved.name.clone(),
        description: spec.description.clone(),
        instructions: resolved.instructions.clone(),
        tools: resolved.tools.iter().map(|tool| tool_config(tool, namespace, locations)).collect(),
        models: spec.model.iter().flat_map(AgentModel::all).enumerate().map(|(at, it)| model(at, it, locations)).collect(),
        output_schema: spec.output_schema.clone(),
        goal: spec.goal.as_ref().map(goal_config),
        limits: limits(spec.limits.as_ref()),
        memory: spec.memory.as_ref().map(|memory| memory_config(memory, spec.durability, locations)),
        files: works_with_files(resolved).then(|| locations.files.clone()),
        readiness: spec.readiness,
    }
}

/// Whether an agent has tools of files, and so a directory of its own.
pub fn works_with_files(resolved: &ResolvedAgent<'_>) -> bool {
    resolved.tools.iter().filter_map(ResolvedTool::builtin).any(Builtin::needs_files)
}

fn model(index: usize, wanted: &Model, locations: &Locations) -> ModelConfig {
    let Model { provider, name, base_url, api_key, parameters, timeout, retry, price } = wanted;
    let Parameters { temperature, top_p, max_output_tokens, seed } = parameters.clone().unwrap_or_default();
    ModelConfig {
        provider: *provider,
        name: name.clone(),
        base_url: base_url.clone(),
        api_key: api_key.as_ref().map(|_| locations.secret(&model_key(index))),
        parameters: ModelParameters { temperature, top_p, max_output_tokens, seed },
        timeout: timeout.unwrap_or(GoDuration::from_secs(60)),
        max_attempts: retry.as_ref().map_or(3, |Retry { max_attempts }| *max_attempts),
        price: price.as_ref().map(|Price { input, output }| config::Price { input: *input, output: *output }),
    }
}

pub(crate) fn limits(wanted: Option<&Limits>) -> LimitsConfig {
    let defaults = LimitsConfig::default();
    let Some(Limits { concurrency, queue_length, run_timeout, max_turns, max_tool_calls, budget }) = wanted else {
        return defaults;
    };
    LimitsConfig {
        concurrency: concurrency.unwrap_or(defaults.concurrency),
        queue_length: queue_length.unwrap_or(defaults.queue_length),
        run_timeout: run_timeout.unwrap_or(defaults.run_timeout),
        max_turns: max_turns.unwrap_or(defaults.max_turns),
        max_tool_calls: max_tool_calls.unwrap_or(defaults.max_tool_calls),
        budget: budget.as_ref().map(|Budget { tokens, cost_micro_usd, on_exceeded }| BudgetConfig {
            tokens: *tokens,
            cost_micro_usd: *cost_micro_usd,
            on_exceeded: *on_exceeded,
        }),
    }
}

fn memory_config(wanted: &AgentMemory, durability: Option<Durability>, locations: &Locations) -> MemoryConfig {
    // The servers are in the Secret behind the URL, and the size is the volume's.
    let AgentMemory { backend, size: _, storage_class_name: _, redis: _, postgre_sql: _, retention, compaction } = wanted;
    let (store, usual) = match backend {
        Backend::InMemory => (StoreConfig::InMemory, Durability::Ephemeral),
        // Not the folder itself: a volume may come with a `lost+found` in it.
        Backend::File => (StoreConfig::File { directory: locations.data.join("memory") }, Durability::Buffered),
        Backend::Sqlite => (StoreConfig::Sqlite { file: locations.data.join("memory.sqlite") }, Durability::Buffered),
        Backend::Postgres => (StoreConfig::Postgres { url: locations.secret(MEMORY_URL) }, Durability::Buffered),
        Backend::Redis => (StoreConfig::Redis { url: locations.secret(MEMORY_URL) }, Durability::Buffered),
    };
    MemoryConfig {
        store,
        durability: durability.unwrap_or(usual),
        retention: *retention,
        compaction: compaction.as_ref().map(|Compaction { token_threshold, keep_last }| CompactionConfig {
            token_threshold: *token_threshold,
            keep_last: *keep_last,
        }),
    }
}

/// What the runtime in an agent's pods is told.
pub fn pod_runtime_config(resolved: &ResolvedAgent<'_>, settings: &Settings) -> RuntimeConfig {
    let locations = Locations {
        secrets: paths::SECRETS_DIR.into(),
        variables: BTreeMap::new(),
        data: paths::DATA_DIR.into(),
        files: paths::FILES_DIR.into(),
    };
    let agents = vec![config_in(resolved, Some(&resolved.namespace), &locations)];
    RuntimeConfig { agents, cluster: Some(cluster_config(resolved, settings)), auth: auth_config(resolved.agent, settings) }
}

fn cluster_config(resolved: &ResolvedAgent<'_>, settings: &Settings) -> ClusterConfig {
    let (name, namespace, domain) = (&resolved.name, &resolved.namespace, &settings.cluster_domain);
    ClusterConfig {
        namespace: namespace.clone(),
        hosts: vec![
            name.to_string(),
            format!("{name}.{namespace}"),
            format!("{name}.{namespace}.svc"),
            format!("{name}.{namespace}.svc.{domain}"),
        ],
        policies_file: format!("{}/{}", paths::CONFIG_DIR, paths::POLICIES_KEY).into(),
        control: settings.control.as_ref().map(|control| ControlConfig {
            host: format!("{}.{}.svc.{domain}", control.service, control.namespace),
            port: control::PORT,
            ca: control.ca.clone(),
            token_file: format!("{}/{}", paths::SECRETS_DIR, paths::TOKEN_FILE).into(),
        }),
    }
}

/// A goal as the runtime is told of it.
pub(crate) fn goal_config(Goal { text, until }: &Goal) -> GoalConfig {
    GoalConfig { text: text.clone(), until: until.clone() }
}
