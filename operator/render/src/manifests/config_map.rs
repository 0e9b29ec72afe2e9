//! The ConfigMap: RuntimeConfig and policies. Two keys, because a change of the first rolls the pods and one of the second
//! does not.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;
use skreaver_protocol::policy::PolicyBundle;

use super::{metadata, paths};
use crate::{ResolvedAgent, Settings, pod_runtime_config};

pub(crate) fn config_map(agent: &ResolvedAgent<'_>, policies: &PolicyBundle, settings: &Settings) -> ConfigMap {
    ConfigMap {
        metadata: metadata(agent),
        data: Some(BTreeMap::from([
            (paths::CONFIG_KEY.into(), json(&pod_runtime_config(agent, settings))),
            (paths::POLICIES_KEY.into(), json(policies)),
        ])),
        ..ConfigMap::default()
    }
}

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("wire types are JSON")
}
