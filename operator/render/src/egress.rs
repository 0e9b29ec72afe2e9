//! The ways out that an agent's pods need: to the places that its spec names, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use skreaver_crds::agent::{AgentTool, PeerAgent, ToolType};
use skreaver_crds::condition::Reason;
use skreaver_crds::{AGENT_LABEL, AgentSpec};
use skreaver_protocol::{API_PORT, Builtin};

use crate::place::{Host, Place, ServiceName, parse, places};
use crate::resolve::Unresolved;
use crate::{Network, Settings};

/// A way out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WayOut {
    /// To the pods behind a Service.
    Pods {
        /// Their namespace.
        namespace: String,
        /// Their labels.
        selector: BTreeMap<String, String>,
        /// Where they listen.
        port: PodPort,
    },
    /// To one address.
    Address {
        /// The address.
        network: Network,
        /// The TCP port there.
        port: u16,
    },
    /// To every public address.
    Public {
        /// The TCP port there.
        port: u16,
    },
}

/// A TCP port of a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodPort {
    /// By number.
    Number(u16),
    /// By the name that its container gives it.
    Name(String),
}

/// The Services that exist of those that an Agent may name.
pub type Services = BTreeMap<ServiceName, ServiceSpec>;

/// The Services that an Agent names, or may.
pub(crate) fn services(spec: &AgentSpec, namespace: &str, settings: &Settings) -> BTreeSet<ServiceName> {
    let hosts = places(spec, namespace, &settings.cluster_domain).into_iter().map(|place| place.host);
    hosts
        .filter_map(|host| match host {
            Host::Service(name) | Host::Either(name) => Some(name),
            Host::Address(_) | Host::Outside | Host::Own => None,
        })
        .collect()
}

/// The ways out to everything that a spec names, each once; what has none is told.
pub(crate) fn ways_out(
    spec: &AgentSpec,
    namespace: &str,
    services: &Services,
    settings: &Settings,
    missing: &mut Vec<Unresolved>,
) -> Vec<WayOut> {
    let mut ways = BTreeSet::new();
    for place in places(spec, namespace, &settings.cluster_domain) {
        match way_out(&place, services, settings) {
            Ok(way) => drop(ways.insert(way)),
            Err((reason, what)) => missing.push(Unresolved { reason, message: format!("{}: {what}", place.path) }),
        }
    }
    // Which hosts, only the arguments of a call tell: what is public is open, and the runtime judges each address.
    let of_the_image = spec.tools.iter().filter(|tool| tool.source == ToolType::Builtin);
    if of_the_image.filter_map(|tool| Builtin::from_name(&tool.name)).any(Builtin::needs_network) {
        ways.extend([80, 443].map(|port| WayOut::Public { port }));
    }
    ways.extend(spec.tools.iter().filter_map(|tool| to_peer(tool, namespace)));
    ways.into_iter().collect()
}

/// Another Agent's pods are known by their label, whether its Service is there yet or not.
fn to_peer(tool: &AgentTool, namespace: &str) -> Option<WayOut> {
    let PeerAgent { name, .. } = tool.agent.as_ref()?;
    let selector = BTreeMap::from([(AGENT_LABEL.to_owned(), name.clone())]);
    Some(WayOut::Pods { namespace: namespace.to_owned(), selector, port: PodPort::Number(API_PORT) })
}

type Problem = (Reason, String);

fn way_out(place: &Place, services: &Services, settings: &Settings) -> Result<WayOut, Problem> {
    let port = place.port;
    match &place.host {
        Host::Address(address) => to_address(*address, port, settings),
        Host::Outside => Ok(WayOut::Public { port }),
        Host::Own => Err((Reason::AddressRefused, format!("`{}` is the agent's own pod, where nothing else runs", place.text))),
        Host::Either(name) if !services.contains_key(name) => Ok(WayOut::Public { port }),
        Host::Service(name) | Host::Either(name) => match services.get(name) {
            Some(service) => behind(name, service, port, settings),
            None => {
                let ServiceName { namespace, name } = name;
                let message = format!("Service `{name}` does not exist in namespace `{namespace}`; create it");
                Err((Reason::ServiceNotFound, message))
            }
        },
    }
}

fn to_address(address: IpAddr, port: u16, settings: &Settings) -> Result<WayOut, Problem> {
    let own = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let closed = settings.closed_networks.iter().any(|network| network.contains(address));
    if own || closed || address.is_loopback() || address.is_unspecified() || address.is_multicast() {
        let what = format!("`{address}` is an address that no agent may reach: loopback, link-local, or the cluster's own");
        return Err((Reason::AddressRefused, what));
    }
    Ok(WayOut::Address { network: Network::of(address), port })
}

fn behind(name: &ServiceName, service: &ServiceSpec, port: u16, settings: &Settings) -> Result<WayOut, Problem> {
    let ServiceName { namespace, name } = name;
    let unusable = |what: String| Err((Reason::ServiceUnusable, format!("Service `{name}` in namespace `{namespace}` {what}")));
    if let Some(elsewhere) = &service.external_name {
        return match parse(elsewhere, namespace, &settings.cluster_domain) {
            Some(Host::Outside) => Ok(WayOut::Public { port }),
            _ => unusable(format!("stands for `{elsewhere}`; name that instead")),
        };
    }
    let selector = service.selector.clone().unwrap_or_default();
    if selector.is_empty() {
        return unusable("selects no pods, so nobody can tell where it leads; name the address behind it instead".into());
    }
    let ports = service.ports.as_deref().unwrap_or_default();
    // A headless Service is but a name for its pods: whoever asks there dials the pods' own port.
    let port = match ports.iter().find(|known| known.port == i32::from(port) && is_tcp(known)) {
        _ if service.cluster_ip.as_deref() == Some("None") => PodPort::Number(port),
        Some(known) => match &known.target_port {
            Some(IntOrString::String(name)) => PodPort::Name(name.clone()),
            Some(IntOrString::Int(number)) if *number != 0 => PodPort::Number(u16::try_from(*number).unwrap_or(port)),
            Some(IntOrString::Int(_)) | None => PodPort::Number(port),
        },
        None => {
            let known: Vec<_> = ports.iter().filter(|known| is_tcp(known)).map(|known| known.port.to_string()).collect();
            return unusable(format!("has no TCP port {port}; it has {}", known.join(", ")));
        }
    };
    Ok(WayOut::Pods { namespace: namespace.clone(), selector, port })
}

fn is_tcp(port: &ServicePort) -> bool {
    port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn find(url: &str, service: &Value) -> Result<WayOut, String> {
        let spec: AgentSpec =
            serde_json::from_value(json!({"model": {"provider": "OpenAICompatible", "name": "m", "baseURL": url}})).unwrap();
        let name = ServiceName { namespace: "stores".into(), name: "model".into() };
        let services = BTreeMap::from([(name, serde_json::from_value(service.clone()).unwrap())]);
        let settings = Settings { closed_networks: vec!["10.9.0.0/16".parse().unwrap()], ..Settings::default() };
        let mut missing = Vec::new();
        let mut ways = ways_out(&spec, "quarry", &services, &settings, &mut missing);
        match missing.pop() {
            Some(Unresolved { reason, message }) => Err(format!("{} {message}", reason.name())),
            None => Ok(ways.pop().unwrap()),
        }
    }

    fn service() -> Value {
        json!({"selector": {"app": "mock"}, "ports": [{"port": 80, "targetPort": 8080}, {"port": 81, "targetPort": "web"}, {"port": 82}, {"port": 83, "protocol": "UDP"}]})
    }

    #[test]
    fn a_service_becomes_its_pods_and_their_port() {
        let to =
            |port| WayOut::Pods { namespace: "stores".into(), selector: BTreeMap::from([("app".into(), "mock".into())]), port };
        assert_eq!(find("http://model.stores.svc", &service()), Ok(to(PodPort::Number(8080))));
        assert_eq!(find("http://model.stores:81", &service()), Ok(to(PodPort::Name("web".into()))));
        assert_eq!(find("http://model.stores.svc.cluster.local:82/v1", &service()), Ok(to(PodPort::Number(82))));
        let mut headless = service();
        headless["clusterIP"] = json!("None");
        assert_eq!(find("http://model-0.model.stores.svc:9999", &headless), Ok(to(PodPort::Number(9999))));
    }

    #[test]
    fn a_service_that_leads_nowhere_is_told() {
        let check = |url, service: &Value, expected: &str| {
            let told = find(url, service).unwrap_err();
            assert!(told.contains(expected), "{told}");
        };
        check("http://other.stores.svc", &service(), "ServiceNotFound spec.model.baseURL: Service `other` does not exist");
        check("http://model", &service(), "Service `model` does not exist in namespace `quarry`");
        check(
            "http://model.stores.svc:83",
            &service(),
            "ServiceUnusable spec.model.baseURL: Service `model` in namespace `stores` has no TCP port 83; it has 80, 81, 82",
        );
        check("http://model.stores.svc", &json!({"ports": [{"port": 80}]}), "selects no pods");
        check("http://model.stores.svc", &json!({"externalName": "localhost"}), "stands for `localhost`");
    }

    #[test]
    fn outside_is_outside_and_some_addresses_are_nobodys() {
        assert_eq!(find("https://api.example.com/v1", &service()), Ok(WayOut::Public { port: 443 }));
        assert_eq!(find("https://example.com", &service()), Ok(WayOut::Public { port: 443 }));
        let external = json!({"externalName": "api.example.com"});
        assert_eq!(find("http://model.stores.svc:8443", &external), Ok(WayOut::Public { port: 8443 }));
        let address = |text: &str| WayOut::Address { network: text.parse().unwrap(), port: 80 };
        assert_eq!(find("http://10.1.2.3", &service()), Ok(address("10.1.2.3/32")));
        assert_eq!(find("http://[fd00::7]", &service()), Ok(address("fd00::7/128")));
        for refused in [
            "localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "169.254.169.254",
            "[fe80::1]",
            "0.0.0.0",
            "[::ffff:127.0.0.1]",
            "10.9.0.1",
        ] {
            let told = find(&format!("http://{refused}:8080"), &service()).unwrap_err();
            assert!(told.starts_with("AddressRefused"), "{told}");
        }
    }
}
