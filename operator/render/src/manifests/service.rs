//! The Service: the way in, under the Agent's name.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use skreaver_protocol::{ADMIN_PORT, API_PORT};

use super::{metadata, selector};
use crate::ResolvedAgent;

pub(crate) fn service(agent: &ResolvedAgent<'_>) -> Service {
    Service {
        metadata: metadata(agent),
        spec: Some(ServiceSpec {
            selector: Some(selector(agent)),
            ports: Some(vec![port("http", API_PORT), port("admin", ADMIN_PORT)]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn port(name: &str, number: u16) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number.into(),
        // Said although it is the default: server-side apply merges ports by number and protocol.
        protocol: Some("TCP".into()),
        target_port: Some(IntOrString::String(name.to_owned())),
        ..ServicePort::default()
    }
}
