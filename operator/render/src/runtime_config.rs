//! The RuntimeConfig of an agent.

use skreaver_crds::agent::Limits;
use skreaver_protocol::config::{AgentConfig, ClusterConfig, ControlConfig, LimitsConfig, ReadinessMode, RuntimeConfig};
use skreaver_protocol::control;

use crate::manifests::paths;
use crate::{ResolvedAgent, Settings};

/// What the runtime is told of one agent, in a pod and on a laptop alike.
pub fn agent_config(resolved: &ResolvedAgent<'_>) -> AgentConfig {
    AgentConfig {
        name: resolved.name.clone(),
        description: resolved.agent.spec.description.clone(),
        instructions: resolved.instructions.clone(),
        tools: resolved.tools.clone(),
        models: Vec::new(),
        output_schema: None,
        goal: None,
        limits: limits(resolved.agent.spec.limits.as_ref()),
        memory: None,
        readiness: ReadinessMode::Lenient,
    }
}

pub(crate) fn limits(wanted: Option<&Limits>) -> LimitsConfig {
    let defaults = LimitsConfig::default();
    let Some(Limits { concurrency, queue_length, run_timeout }) = wanted else { return defaults };
    LimitsConfig {
        concurrency: concurrency.unwrap_or(defaults.concurrency),
        queue_length: queue_length.unwrap_or(defaults.queue_length),
        run_timeout: run_timeout.unwrap_or(defaults.run_timeout),
        ..defaults
    }
}

/// What the runtime in an agent's pods is told.
pub fn pod_runtime_config(resolved: &ResolvedAgent<'_>, settings: &Settings) -> RuntimeConfig {
    RuntimeConfig { agents: vec![agent_config(resolved)], cluster: Some(cluster_config(resolved, settings)) }
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
            token_file: format!("{}/{}", paths::TOKEN_DIR, paths::TOKEN_FILE).into(),
        }),
    }
}
