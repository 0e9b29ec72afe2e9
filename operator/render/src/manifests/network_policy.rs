//! The NetworkPolicy: nothing in or out but what is named here.
//!
//! In: the API from the agent's own namespace and the gateways', the admin port from the monitoring namespaces (kubelet
//! probes come from the node, which NetworkPolicies do not hold off). Out: DNS, the operator's control channel, and the places
//! that the spec names.

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use skreaver_protocol::{ADMIN_PORT, API_PORT, control};

use super::{metadata, selector};
use crate::settings::ControlSettings;
use crate::{Network, PodPort, ResolvedAgent, Settings, WayOut};

/// What is no public address, by the registries of IANA: IPv4 and IPv6.
const PRIVATE: [&str; 19] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/127",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

pub(crate) fn network_policy(agent: &ResolvedAgent<'_>, settings: &Settings) -> NetworkPolicy {
    NetworkPolicy {
        metadata: metadata(agent),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector { match_labels: Some(selector(agent)), ..LabelSelector::default() }),
            policy_types: Some(vec!["Ingress".into(), "Egress".into()]),
            ingress: Some(ingress(settings)),
            egress: Some(egress(agent, settings)),
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

fn egress(agent: &ResolvedAgent<'_>, settings: &Settings) -> Vec<NetworkPolicyEgressRule> {
    let dns = NetworkPolicyEgressRule {
        to: Some(vec![namespace(&settings.dns_namespace)]),
        ports: Some(settings.dns_ports.iter().flat_map(|number| [port("UDP", *number), port("TCP", *number)]).collect()),
    };
    let named = agent.ways_out.iter().map(|way| way_out(way, settings));
    [dns].into_iter().chain(settings.control.as_ref().map(control_channel)).chain(named).collect()
}

fn way_out(way: &WayOut, settings: &Settings) -> NetworkPolicyEgressRule {
    let (to, port) = match way {
        WayOut::Pods { namespace: within, selector, port } => {
            let labels = LabelSelector { match_labels: Some(selector.clone()), ..LabelSelector::default() };
            (vec![NetworkPolicyPeer { pod_selector: Some(labels), ..namespace(within) }], pod_port(port))
        }
        WayOut::Address { network, port: number } => (vec![block(network.to_string(), Vec::new())], port("TCP", *number)),
        WayOut::Public { port: number } => (public(settings), port("TCP", *number)),
    };
    NetworkPolicyEgressRule { to: Some(to), ports: Some(vec![port]) }
}

/// All addresses but the private ones and those that the platform team closes. Which of them a name stands for, the runtime
/// looks up.
fn public(settings: &Settings) -> Vec<NetworkPolicyPeer> {
    let private = PRIVATE.iter().map(|text| text.parse().expect("the list holds networks"));
    let closed: Vec<Network> = private.chain(settings.closed_networks.iter().copied()).collect();
    let but = |ipv4| closed.iter().filter(|it| it.is_ipv4() == ipv4).map(ToString::to_string).collect();
    vec![block("0.0.0.0/0".into(), but(true)), block("::/0".into(), but(false))]
}

fn block(cidr: String, except: Vec<String>) -> NetworkPolicyPeer {
    let except = (!except.is_empty()).then_some(except);
    NetworkPolicyPeer { ip_block: Some(IPBlock { cidr, except }), ..NetworkPolicyPeer::default() }
}

fn pod_port(port: &PodPort) -> NetworkPolicyPort {
    let number = match port {
        PodPort::Number(number) => IntOrString::Int((*number).into()),
        PodPort::Name(name) => IntOrString::String(name.clone()),
    };
    NetworkPolicyPort { protocol: Some("TCP".into()), port: Some(number), ..NetworkPolicyPort::default() }
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
