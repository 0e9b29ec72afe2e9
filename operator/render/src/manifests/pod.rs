//! The pods, under the restricted pod security profile: the same whether a Deployment makes them or a StatefulSet.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, HTTPGetAction, KeyToPath,
    PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ProjectedVolumeSource, ResourceRequirements, SeccompProfile,
    SecretProjection, SecretVolumeSource, SecurityContext, ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::ObjectMeta;
use sha2::{Digest, Sha256};
use skreaver_crds::pod_template::{PodTemplate, Resources};
use skreaver_protocol::auth::audience;
use skreaver_protocol::{ADMIN_PORT, API_PORT, AgentName, control};

use super::config_map::json;
use super::{ChildKind, labels, paths};
use crate::auth::api_key_secret;
use crate::peers::asks;
use crate::runtime_config::limits;
use crate::secrets::{SecretFile, peer_token, secret_files};
use crate::{ResolvedAgent, Settings, pod_runtime_config, works_with_files};

/// The annotation on the pods that changes with the RuntimeConfig, and so rolls them.
const CONFIG_HASH: &str = "skreaver.dev/config-hash";
/// The user and group of the image, that of nobody in the distroless images.
const USER: i64 = 65532;
/// After SIGTERM a pod finishes its runs for at most this long, in seconds.
const LONGEST_DRAIN: u64 = 300;
/// What a pod needs for leaving besides its runs, in seconds.
const LEAVING: u64 = 10;
/// The volume of an agent's own, which a StatefulSet brings.
pub(crate) const DATA: &str = "data";
/// The volume for tools of files, and its size.
const FILES: &str = "files";
const FILES_SIZE: &str = "256Mi";
/// The volume of the ConfigMap.
const CONFIG: &str = "config";
/// The volume of the secrets.
const SECRETS: &str = "secrets";
/// The volume of the API keys.
const API_KEYS: &str = "api-keys";
/// Secrets are for the agent's user alone to read: the group of the pod.
const SECRET_MODE: i32 = 0o440;

/// The pods that should run.
pub(crate) fn replicas(agent: &ResolvedAgent<'_>) -> i32 {
    if agent.agent.spec.suspend { 0 } else { agent.agent.spec.replicas }
}

pub(crate) fn pod(agent: &ResolvedAgent<'_>, settings: &Settings) -> PodTemplateSpec {
    let defaults = PodTemplate::default();
    let PodTemplate {
        labels: own_labels,
        annotations,
        resources,
        node_selector,
        tolerations,
        affinity,
        topology_spread_constraints,
        priority_class_name,
        image_pull_secrets,
    } = agent.agent.spec.pod_template.as_ref().unwrap_or(&defaults);
    let hash = format!("{:x}", Sha256::digest(json(&pod_runtime_config(agent, settings))));
    let mut annotations = annotations.clone();
    annotations.insert(CONFIG_HASH.into(), hash[..16].to_owned());
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            // Ours last: nothing of the developer's can take their place.
            labels: Some(own_labels.clone().into_iter().chain(labels(agent)).collect()),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            service_account_name: Some(agent.name.to_string()),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            termination_grace_period_seconds: Some(termination_grace(agent)),
            security_context: Some(pod_security()),
            containers: vec![container(agent, settings, resources.as_ref())],
            volumes: Some(volumes(agent, settings)),
            node_selector: filled(node_selector, BTreeMap::is_empty),
            tolerations: filled(tolerations, Vec::is_empty),
            affinity: affinity.clone(),
            topology_spread_constraints: filled(topology_spread_constraints, Vec::is_empty),
            priority_class_name: priority_class_name.clone(),
            image_pull_secrets: filled(&image_pull_secrets.iter().map(Into::into).collect(), Vec::is_empty),
            ..PodSpec::default()
        }),
    }
}

fn filled<T: Clone>(value: &T, is_empty: fn(&T) -> bool) -> Option<T> {
    (!is_empty(value)).then(|| value.clone())
}

fn termination_grace(agent: &ResolvedAgent<'_>) -> i64 {
    let run_timeout = limits(agent.agent.spec.limits.as_ref()).run_timeout.get();
    let whole_seconds = run_timeout.as_secs() + u64::from(run_timeout.subsec_nanos() > 0);
    i64::try_from(whole_seconds.min(LONGEST_DRAIN) + LEAVING).expect("at most 310")
}

fn container(agent: &ResolvedAgent<'_>, settings: &Settings, resources: Option<&Resources>) -> Container {
    Container {
        name: "agent".into(),
        image: Some(settings.image.clone()),
        image_pull_policy: Some(settings.image_pull_policy.clone()),
        args: Some(vec!["--config".into(), format!("{}/{}", paths::CONFIG_DIR, paths::CONFIG_KEY)]),
        ports: Some(vec![port("http", API_PORT), port("admin", ADMIN_PORT)]),
        readiness_probe: Some(probe("/ready", 1, 3)),
        liveness_probe: Some(probe("/health", 10, 3)),
        resources: Some(requirements(resources)),
        security_context: Some(container_security()),
        volume_mounts: Some(mounts(agent, settings)),
        ..Container::default()
    }
}

fn mounts(agent: &ResolvedAgent<'_>, settings: &Settings) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str, read_only| VolumeMount {
        name: name.into(),
        mount_path: path.into(),
        read_only,
        ..VolumeMount::default()
    };
    let secrets = secrets(agent, settings).map(|_| mount(SECRETS, paths::SECRETS_DIR, Some(true)));
    let api_keys = api_key_secret(agent.agent, settings).map(|_| mount(API_KEYS, paths::API_KEYS_DIR, Some(true)));
    let data = (ChildKind::of_pods(&agent.agent.spec) == ChildKind::StatefulSet).then(|| mount(DATA, paths::DATA_DIR, None));
    let files = works_with_files(agent).then(|| mount(FILES, paths::FILES_DIR, None));
    [mount(CONFIG, paths::CONFIG_DIR, Some(true))].into_iter().chain(secrets).chain(api_keys).chain(data).chain(files).collect()
}

fn port(name: &str, number: u16) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number.into(),
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("admin".into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        timeout_seconds: Some(2),
        failure_threshold: Some(failure_threshold),
        ..Probe::default()
    }
}

fn requirements(wanted: Option<&Resources>) -> ResourceRequirements {
    let quantities = |pairs: &[(&str, &str)]| -> BTreeMap<String, Quantity> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Quantity((*value).to_owned()))).collect()
    };
    let Resources { requests, limits } = wanted.cloned().unwrap_or_else(|| Resources {
        requests: quantities(&[("cpu", "10m"), ("memory", "32Mi")]),
        limits: quantities(&[("memory", "256Mi")]),
    });
    ResourceRequirements { requests: Some(requests), limits: Some(limits), ..ResourceRequirements::default() }
}

fn pod_security() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(USER),
        run_as_group: Some(USER),
        fs_group: Some(USER),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), ..SeccompProfile::default() }),
        ..PodSecurityContext::default()
    }
}

fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), ..Capabilities::default() }),
        ..SecurityContext::default()
    }
}

fn volumes(agent: &ResolvedAgent<'_>, settings: &Settings) -> Vec<Volume> {
    let config = Volume {
        name: CONFIG.into(),
        config_map: Some(ConfigMapVolumeSource { name: agent.name.to_string(), ..ConfigMapVolumeSource::default() }),
        ..Volume::default()
    };
    // Gone with the pod: what is to stay belongs into memory.
    let files = works_with_files(agent).then(|| Volume {
        name: FILES.into(),
        empty_dir: Some(EmptyDirVolumeSource { medium: None, size_limit: Some(Quantity(FILES_SIZE.to_owned())) }),
        ..Volume::default()
    });
    [config].into_iter().chain(secrets(agent, settings)).chain(api_keys(agent, settings)).chain(files).collect()
}

/// Exactly the keys that the spec names, and the tokens for the control channel and for other agents, in one volume. A changed Secret changes the
/// files under the pods' feet. Not optional: a pod without its Secret waits, and one that runs keeps what it has when the
/// Secret goes.
fn secrets(agent: &ResolvedAgent<'_>, settings: &Settings) -> Option<Volume> {
    let own = settings.control.as_ref().map(|_| token(control::AUDIENCE.into(), paths::TOKEN_FILE.into()));
    let peers = asks(agent.agent).into_iter().filter_map(|name| AgentName::parse(name).ok());
    let peers = peers.map(|peer| token(audience(&agent.namespace, &peer), peer_token(&peer)));
    let keys = secret_files(&agent.agent.spec).into_iter().map(projection);
    let sources: Vec<_> = own.into_iter().chain(peers).chain(keys).collect();
    (!sources.is_empty()).then(|| Volume {
        name: SECRETS.into(),
        projected: Some(ProjectedVolumeSource { default_mode: Some(SECRET_MODE), sources: Some(sources) }),
        ..Volume::default()
    })
}

/// A token of the pod's own ServiceAccount, for one audience alone. The kubelet renews it.
fn token(audience: String, path: String) -> VolumeProjection {
    let token = ServiceAccountTokenProjection { audience: Some(audience), expiration_seconds: Some(3600), path };
    VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() }
}

/// The API keys: a volume of their own, because which entries there are is nobody's business here. Optional: without the Secret no
/// key is taken, which is no reason for a pod to wait.
fn api_keys(agent: &ResolvedAgent<'_>, settings: &Settings) -> Option<Volume> {
    let secret = api_key_secret(agent.agent, settings)?;
    Some(Volume {
        name: API_KEYS.into(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret),
            default_mode: Some(SECRET_MODE),
            optional: Some(true),
            items: None,
        }),
        ..Volume::default()
    })
}

fn projection(SecretFile { file, key, path: _ }: SecretFile) -> VolumeProjection {
    let item = KeyToPath { key: key.key, path: file, mode: None };
    VolumeProjection {
        secret: Some(SecretProjection { name: key.name, items: Some(vec![item]), optional: None }),
        ..VolumeProjection::default()
    }
}
