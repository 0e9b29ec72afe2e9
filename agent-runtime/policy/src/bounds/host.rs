//! A host as it is judged: lower-case, in ASCII, without the trailing dot, and an address wherever it means one.

use std::fmt;
use std::net::IpAddr;

/// A host of a URL or of a spec.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, which has to be resolved.
    Name(String),
    /// An address, an IPv4 one in an IPv6 one taken out of it.
    Address(IpAddr),
}

impl Host {
    /// What browsers and resolvers make of a host: `0x7f.1`, `１２７.0.0.1` and `[::ffff:127.0.0.1]` are all 127.0.0.1.
    /// Nothing if it is no host.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Address(address.to_canonical()));
        }
        Self::of(url::Host::parse(text).ok()?)
    }

    /// The host of a URL. Nothing if it is a name that the DNS cannot have.
    pub fn of<S: AsRef<str>>(host: url::Host<S>) -> Option<Self> {
        match host {
            url::Host::Ipv4(address) => Some(Self::Address(IpAddr::V4(address))),
            url::Host::Ipv6(address) => Some(Self::Address(IpAddr::V6(address).to_canonical())),
            url::Host::Domain(name) => {
                let name = name.as_ref();
                let name = name.strip_suffix('.').unwrap_or(name);
                let labels_fit = name.split('.').all(|label| !label.is_empty() && label.len() <= 63);
                (labels_fit && name.len() <= 253).then(|| Self::Name(name.to_ascii_lowercase()))
            }
        }
    }
}

/// Why a name can only mean something inside of a cluster, a machine or a building, if it can.
pub(super) fn inside(name: &str) -> Option<&'static str> {
    let labels: Vec<_> = name.split('.').collect();
    match labels.as_slice() {
        [_] => Some("a name of one part is one of the cluster"),
        [.., "svc"] | [_, _, "svc", ..] | [_, _, _, "svc", ..] => Some("names of Services are names of the cluster"),
        [.., "local" | "localhost" | "localdomain" | "internal"] | [.., "home", "arpa"] => {
            Some("its last part is kept for names that mean nothing outside")
        }
        _ => None,
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_it_is_however_it_is_written() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Host::parse(text).map(|host| host.to_string()).as_deref(), Some(expected), "{text}");
        };
        check("API.Example.com.", "api.example.com");
        check("bücher.example", "xn--bcher-kva.example");
        check("api。example．com", "api.example.com");
        for loopback in ["127.0.0.1", "127.0.0.1.", "127.1", "0x7f.1", "2130706433", "017700000001", "１２７。０。０。１"]
        {
            check(loopback, "127.0.0.1");
        }
        for loopback in ["[::ffff:127.0.0.1]", "::ffff:7f00:1", "%31%32%37.0.0.1"] {
            check(loopback, "127.0.0.1");
        }
        check("[FD00::7]", "[fd00::7]");
    }

    #[test]
    fn what_is_no_host_is_none() {
        let long = "a".repeat(64);
        for text in ["", ".", "a..b", "a.b..", "a b", "[fe80::1%eth0]", "256.1.1.1", "1.2.3.4.5", "a/b", "u@h", &long] {
            assert_eq!(Host::parse(text), None, "{text}");
        }
    }

    #[test]
    fn names_of_the_inside_are_known() {
        for name in ["redis", "rates.default.svc", "rates.default.svc.cluster.test", "pod.rates.default.svc.corp.example"] {
            assert!(inside(name).is_some(), "{name}");
        }
        for name in ["metadata.google.internal", "x.cluster.local", "x.localhost", "nas.home.arpa"] {
            assert!(inside(name).is_some(), "{name}");
        }
        for name in ["example.com", "svc.example.com", "a.svc.example.com", "localhost.example", "internal.example.com"] {
            assert!(inside(name).is_none(), "{name}");
        }
    }
}
