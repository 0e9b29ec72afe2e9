//! The places on the network that an Agent names: hosts and ports of models, of memory servers and of tools.

use std::net::IpAddr;

use skreaver_crds::AgentSpec;
use skreaver_crds::agent::{AgentTool, Model};

/// A place on the network, and where the Agent names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Example: `spec.model.baseURL`.
    pub(crate) path: String,
    /// As written. Example: `vllm.models.svc`.
    pub(crate) text: String,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// What a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// An address.
    Address(IpAddr),
    /// A Service of the cluster.
    Service(ServiceName),
    /// A name of two parts: a Service and its namespace, if there is one, and a name outside otherwise.
    Either(ServiceName),
    /// A name outside.
    Outside,
    /// The machine that asks.
    Own,
}

/// A Service of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The places that an Agent names, in the order of its fields.
pub(crate) fn places(spec: &AgentSpec, namespace: &str, domain: &str) -> Vec<Place> {
    let mut places = Vec::new();
    for (index, model) in spec.model.iter().flat_map(|model| model.all()).enumerate() {
        places.extend(model_place(index, model, namespace, domain));
    }
    let servers = spec.memory.iter().flat_map(|memory| {
        let postgres = memory.postgre_sql.as_ref().map(|server| ("postgreSQL", server));
        memory.redis.as_ref().map(|server| ("redis", server)).into_iter().chain(postgres)
    });
    for (field, server) in servers {
        for (index, endpoint) in server.endpoints.iter().enumerate() {
            let Some((host, port)) = endpoint.rsplit_once(':') else { continue };
            let path = format!("spec.memory.{field}.endpoints[{index}]");
            places.extend(place(path, host, port.parse().ok(), namespace, domain));
        }
    }
    for (index, tool) in spec.tools.iter().enumerate() {
        let named = tool_urls(tool).into_iter().flatten();
        places.extend(named.filter_map(|(field, url)| url_place(format!("spec.tools[{index}].{field}"), url, namespace, domain)));
    }
    places
}

/// The URLs that a tool names, with their fields. Other Agents are named by name.
fn tool_urls(tool: &AgentTool) -> [Option<(&'static str, &str)>; 4] {
    let AgentTool { name: _, source: _, required: _, http, openapi, mcp, agent: _ } = tool;
    let oauth = mcp.as_ref().and_then(|mcp| mcp.oauth.as_ref());
    [
        http.as_ref().map(|http| ("http.url", http.url.as_str())),
        openapi.as_ref().map(|openapi| ("openapi.server", openapi.server.as_str())),
        mcp.as_ref().and_then(|mcp| Some(("mcp.url", mcp.url.as_deref()?))),
        oauth.map(|oauth| ("mcp.oauth.tokenURL", oauth.token_url.as_str())),
    ]
}

/// The field of the model with this index.
pub(crate) fn model_field(index: usize) -> String {
    match index.checked_sub(1) {
        None => "spec.model".to_owned(),
        Some(fallback) => format!("spec.model.fallbacks[{fallback}]"),
    }
}

fn model_place(index: usize, model: &Model, namespace: &str, domain: &str) -> Option<Place> {
    let path = format!("{}.baseURL", model_field(index));
    let Some(url) = &model.base_url else {
        // The public address of the provider, whatever it is.
        return Some(Place { path, text: model.name.clone(), host: Host::Outside, port: 443 });
    };
    url_place(path, url, namespace, domain)
}

fn url_place(path: String, url: &str, namespace: &str, domain: &str) -> Option<Place> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let default = if scheme == "https" { 443 } else { 80 };
    // The last colon of an IPv6 address in brackets is none before a port.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, Some(default)),
    };
    place(path, host, port, namespace, domain)
}

/// Nothing where the schema would have refused the text; an object stored under an older schema may still have it.
fn place(path: String, host: &str, port: Option<u16>, namespace: &str, domain: &str) -> Option<Place> {
    Some(Place { path, text: host.to_owned(), host: parse(host, namespace, domain)?, port: port? })
}

/// What a host is, seen from a namespace of the cluster with this DNS domain.
pub(crate) fn parse(host: &str, namespace: &str, domain: &str) -> Option<Host> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(Host::Address(address.to_canonical()));
    }
    if host.is_empty() || host.contains(['[', ']']) {
        return None;
    }
    if host == "localhost" || host.ends_with(".localhost") {
        return Some(Host::Own);
    }
    let service = |namespace: &str, name: &str| ServiceName { namespace: namespace.into(), name: name.into() };
    let inside = host.strip_suffix(&format!(".svc.{domain}")).or_else(|| host.strip_suffix(".svc"));
    let labels: Vec<_> = inside.unwrap_or(&host).split('.').collect();
    Some(match (inside, labels.as_slice()) {
        // Behind a headless Service each pod has a name of its own.
        (Some(_), [.., name, within]) => Host::Service(service(within, name)),
        (Some(_), _) => return None,
        (None, [name]) => Host::Service(service(namespace, name)),
        (None, [name, within]) => Host::Either(service(within, name)),
        (None, _) => Host::Outside,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_host_is_what_the_dns_of_the_cluster_makes_of_it() {
        let service = |namespace: &str, name: &str| ServiceName { namespace: namespace.into(), name: name.into() };
        let check = |text: &str, expected: Host| assert_eq!(parse(text, "quarry", "cluster.test"), Some(expected), "{text}");
        check("redis", Host::Service(service("quarry", "redis")));
        check("redis.stores", Host::Either(service("stores", "redis")));
        check("redis.stores.svc", Host::Service(service("stores", "redis")));
        check("Redis.Stores.svc.cluster.test.", Host::Service(service("stores", "redis")));
        check("redis-0.redis.stores.svc.cluster.test", Host::Service(service("stores", "redis")));
        check("api.example.com", Host::Outside);
        check("localhost", Host::Own);
        check("10.0.0.7", Host::Address("10.0.0.7".parse().unwrap()));
        check("[fd00::7]", Host::Address("fd00::7".parse().unwrap()));
        check("[::ffff:127.0.0.1]", Host::Address("127.0.0.1".parse().unwrap()));
        assert_eq!(parse("svc", "quarry", "cluster.test"), Some(Host::Service(service("quarry", "svc"))));
        assert_eq!(parse("x.svc", "quarry", "cluster.test"), None);
    }

    #[test]
    fn every_place_of_a_spec_has_its_path_and_port() {
        let spec = json!({
            "model": {"provider": "OpenAICompatible", "name": "m", "baseURL": "https://[fd00::7]/v1", "fallbacks": [
                {"provider": "OpenAI", "name": "g"},
                {"provider": "Ollama", "name": "o", "baseURL": "http://ollama:11434"}]},
            "memory": {"backend": "Redis", "redis": {"urlSecretKeyRef": {"name": "s", "key": "k"}, "endpoints": ["r:1", "[fd00::8]:2"]}},
        });
        let spec: AgentSpec = serde_json::from_value(spec).unwrap();
        let found = places(&spec, "quarry", "cluster.test");
        let told: Vec<_> = found.iter().map(|place| format!("{} {} {}", place.path, place.text, place.port)).collect();
        assert_eq!(
            told,
            [
                "spec.model.baseURL [fd00::7] 443",
                "spec.model.fallbacks[0].baseURL g 443",
                "spec.model.fallbacks[1].baseURL ollama 11434",
                "spec.memory.redis.endpoints[0] r 1",
                "spec.memory.redis.endpoints[1] [fd00::8] 2",
            ]
        );
    }
}
