//! The NetworkPolicy: nothing in or out but what is named here.
//!
//! In: the API from the agent's own namespace and the gateways', the admin port from the monitoring namespaces (kubelet
//! probes come from the node, which NetworkPolicies do not hold off). Out: DNS, and the operator's control channel.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use skreaver_protocol::{ADMIN_PORT, API_PORT, control};

use super::{metadata, selector};
use crate::settings::ControlSettings;
use crate::{ResolvedAgent, Settings};

pub(crate) fn network_policy(agent: &ResolvedAgent<'_>, settings: &Settings) -> NetworkPolicy {
    NetworkPolicy {
        metadata: metadata(agent),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector { match_labels: Some(selector(agent)), ..LabelSelector::default() }),
            policy_types: Some(vec!["Ingress".into(), "Egress".into()]),
            ingress: Some(ingress(settings)),
            egress: Some(egress(settings)),
        }),
    }
}

fn ingress(settings: &Settings) -> Vec<NetworkPolicyIngressRule> {
    let own = NetworkPolicyPeer { pod_selector: Some(LabelSelector::default()), ..NetworkPolicyPeer::default() };
    let api = NetworkPolicyIngressRule {
        from: Some([own].into_iter().chain(settings.gateway_namespaces.iter().map(|name| namespace(name))).collect()),
        ports: Some(vec![port("TCP", API_PORT)]),
    };
    // A rule with an empty list of peers would let everybody in.
    let admin = (!settings.monitoring_namespaces.is_empty()).then(|| NetworkPolicyIngressRule {
        from: Some(settings.monitoring_namespaces.iter().map(|name| namespace(name)).collect()),
        ports: Some(vec![port("TCP", ADMIN_PORT)]),
    });
    [api].into_iter().chain(admin).collect()
}

fn egress(settings: &Settings) -> Vec<NetworkPolicyEgressRule> {
    let dns = NetworkPolicyEgressRule {
        to: Some(vec![namespace(&settings.dns_namespace)]),
        ports: Some(vec![port("UDP", 53), port("TCP", 53)]),
    };
    [dns].into_iter().chain(settings.control.as_ref().map(control_channel)).collect()
}

fn control_channel(control: &ControlSettings) -> NetworkPolicyEgressRule {
    let operator = NetworkPolicyPeer {
        pod_selector: Some(LabelSelector {
            match_labels: Some(BTreeMap::from([("app.kubernetes.io/name".into(), "skreaver-operator".into())])),
            ..LabelSelector::default()
        }),
        ..namespace(&control.namespace)
    };
    NetworkPolicyEgressRule { to: Some(vec![operator]), ports: Some(vec![port("TCP", control::PORT)]) }
}

fn namespace(name: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector {
            match_labels: Some(BTreeMap::from([("kubernetes.io/metadata.name".into(), name.to_owned())])),
            ..LabelSelector::default()
        }),
        ..NetworkPolicyPeer::default()
    }
}

fn port(protocol: &str, number: u16) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(number.into())),
        ..NetworkPolicyPort::default()
    }
}
