//! Where Redis is: a server, the Sentinels that know it, or nodes of a Cluster.

use redis::{ConnectionInfo, IntoConnectionInfo};
use secrecy::{ExposeSecret, SecretString};

use crate::MemoryError;

/// What to write.
const FORM: &str = "write its URL as `redis://user:password@host:6379/0`, `redis+sentinel://host:26379,host2:26379/service` or \
                    `redis+cluster://host:6379,host2:6379`, with `rediss` for TLS, and with %-codes for special characters of \
                    the password";

/// Where Redis is.
pub(super) struct Address {
    /// Its name in errors.
    pub(super) what: String,
    pub(super) place: Place,
}

pub(super) enum Place {
    Server(ConnectionInfo),
    /// The master of a service, by those who watch it.
    Sentinel {
        sentinels: Vec<ConnectionInfo>,
        service: String,
        server: ConnectionInfo,
    },
    Cluster(Vec<ConnectionInfo>),
}

impl Address {
    /// Reads a URL. What is wrong with one is not quoted: it may be the password.
    pub(super) fn parse(url: &SecretString) -> Result<Self, MemoryError> {
        read(url.expose_secret()).ok_or_else(|| MemoryError::Config { what: "Redis".into(), problem: FORM.into() })
    }
}

fn read(url: &str) -> Option<Address> {
    // A fragment would be `#insecure`, which we do not have, or part of a password without %-codes.
    let (scheme, rest) = url.split_once("://").filter(|_| !url.contains('#'))?;
    let (tls, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
    let (user, rest) = rest.rsplit_once('@').map_or((String::new(), rest), |(user, rest)| (format!("{user}@"), rest));
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !["redis", "rediss"].contains(&tls) || hosts.split(',').any(str::is_empty) {
        return None;
    }
    let node = |user: &str, host: &str, database: &str| format!("{tls}://{user}{host}/{database}").into_connection_info().ok();
    let (what, place) = match kind {
        "" => (format!("Redis at {hosts}"), Place::Server(node(&user, hosts, path)?)),
        "cluster" => {
            let nodes = hosts.split(',').map(|host| node(&user, host, path)).collect::<Option<_>>()?;
            (format!("Redis Cluster at {hosts}"), Place::Cluster(nodes))
        }
        "sentinel" => {
            let (service, database) = path.split_once('/').unwrap_or((path, ""));
            if service.is_empty() {
                return None;
            }
            let port = |host: &str| if host.contains(':') { host.to_owned() } else { format!("{host}:26379") };
            let sentinels = hosts.split(',').map(|host| node("", &port(host), "")).collect::<Option<_>>()?;
            let server = node(&user, "server", database)?;
            (
                format!("Redis `{service}` of the Sentinels at {hosts}"),
                Place::Sentinel { sentinels, service: service.into(), server },
            )
        }
        _ => return None,
    };
    Some(Address { what, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(nodes: &[ConnectionInfo]) -> String {
        nodes.iter().map(|node| node.addr().to_string()).collect::<Vec<_>>().join(" ")
    }

    fn check(url: &str, expected: &str) {
        let read = read(url).map(|Address { what, place }| match place {
            Place::Server(server) => format!("{what}; {} {}", server.addr(), server.redis_settings().db()),
            Place::Cluster(nodes) => format!("{what}; {}", names(&nodes)),
            Place::Sentinel { sentinels, service, server } => {
                format!("{what}; {} {service} {}", names(&sentinels), server.redis_settings().password().unwrap_or("none"))
            }
        });
        assert_eq!(read.as_deref().unwrap_or("none"), expected, "{url}");
    }

    #[test]
    fn urls_name_a_server_its_sentinels_or_a_cluster() {
        check("redis://quarry", "Redis at quarry; quarry:6379 0");
        check("rediss://ore:pa%40ss@quarry:7000/3", "Redis at quarry:7000; quarry:7000 3");
        check("redis://:p@ss@quarry", "Redis at quarry; quarry:6379 0");
        check("redis+cluster://a:1,b:2", "Redis Cluster at a:1,b:2; a:1 b:2");
        check("redis+sentinel://:slate@a,b:2/mine", "Redis `mine` of the Sentinels at a,b:2; a:26379 b:2 mine slate");
    }

    #[test]
    fn other_texts_are_refused_without_being_quoted() {
        for bad in [
            "",
            "quarry",
            "http://quarry",
            "redis://",
            "redis+ring://a",
            "redis+sentinel://a",
            "redis+cluster://a,,b",
            "redis://a/x",
            "rediss://a#insecure",
            "redis://:slate#1@a",
        ] {
            check(bad, "none");
            let refused = Address::parse(&bad.to_owned().into()).err().unwrap();
            assert!(!format!("{refused} {refused:?}").contains("slate"));
        }
    }
}
