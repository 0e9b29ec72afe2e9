//! The ConfigMap: RuntimeConfig, policies and the keys of issuers. A change of the first rolls the pods, and one of the others
//! does not.

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;

use super::{Told, metadata, paths};
use crate::{ResolvedAgent, Settings, pod_runtime_config};

pub(crate) fn config_map(agent: &ResolvedAgent<'_>, told: Told<'_>, settings: &Settings) -> ConfigMap {
    let Told { policies, keys } = told;
    ConfigMap {
        metadata: metadata(agent),
        data: Some(
            [
                Some((paths::CONFIG_KEY.into(), json(&pod_runtime_config(agent, settings)))),
                Some((paths::POLICIES_KEY.into(), json(policies))),
                keys.map(|keys| (paths::KEY_SETS_KEY.into(), json(keys))),
            ]
            .into_iter()
            .flatten()
            .collect(),
        ),
        ..ConfigMap::default()
    }
}

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("wire types are JSON")
}
