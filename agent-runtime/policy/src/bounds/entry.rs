//! One entry of `allow_domains` or `deny_domains`.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use super::host::Host;

/// Which hosts an entry means.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// As it is written.
    pub(super) text: String,
    pub(super) hosts: Hosts,
    pub(super) port: Option<u16>,
}

#[derive(Debug, Clone)]
pub(super) enum Hosts {
    /// `*`
    All,
    /// `api.example.com`
    Name(String),
    /// `*.example.com`, without the star.
    Below(String),
    /// `169.254.169.254`, `10.0.0.0/8`
    Network(IpNet),
}

impl Entry {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = split(text)?;
        let hosts = match host {
            "*" => Hosts::All,
            _ if host.contains('/') => Hosts::Network(network(host)?),
            _ => match host.strip_prefix("*.") {
                Some(domain) => match name(domain) {
                    Some(Host::Name(domain)) => Hosts::Below(format!(".{domain}")),
                    _ => return Err(format!("`{text}`: write a domain behind `*.`, such as `*.example.com`")),
                },
                None => match name(host) {
                    Some(Host::Name(name)) => Hosts::Name(name),
                    Some(Host::Address(address)) => Hosts::Network(address.into()),
                    None => return Err(format!("`{text}` is no host: {FORMS}")),
                },
            },
        };
        Ok(Self { text: text.to_owned(), hosts, port })
    }

    /// Whether it means this host by its name, or everything.
    pub(super) fn means(&self, host: &Host, port: u16) -> bool {
        self.means_port(port)
            && match (&self.hosts, host) {
                (Hosts::All, _) => true,
                (Hosts::Name(name), Host::Name(host)) => name == host,
                (Hosts::Below(domain), Host::Name(host)) => host.ends_with(domain.as_str()),
                (Hosts::Network(network), Host::Address(address)) => network.contains(address),
                (Hosts::Name(_) | Hosts::Below(_), Host::Address(_)) | (Hosts::Network(_), Host::Name(_)) => false,
            }
    }

    /// Whether it is exactly this name.
    pub(super) fn names(&self, host: &Host, port: u16) -> bool {
        self.means_port(port) && matches!((&self.hosts, host), (Hosts::Name(name), Host::Name(host)) if name == host)
    }

    /// Whether it is this address or a network around it.
    pub(super) fn covers(&self, address: IpAddr, port: u16) -> bool {
        self.means_port(port) && matches!(&self.hosts, Hosts::Network(network) if network.contains(&address))
    }

    /// Whether it is exactly this address.
    pub(super) fn is(&self, address: IpAddr, port: u16) -> bool {
        self.covers(address, port)
            && matches!(&self.hosts, Hosts::Network(network) if network.prefix_len() == network.max_prefix_len())
    }

    /// Whether it holds so many addresses that to list it is not to name any.
    pub(super) fn is_too_wide_to_allow(&self) -> bool {
        match &self.hosts {
            Hosts::Network(IpNet::V4(network)) => network.prefix_len() < 8,
            Hosts::Network(IpNet::V6(network)) => network.prefix_len() < 7,
            Hosts::All | Hosts::Name(_) | Hosts::Below(_) => false,
        }
    }

    fn means_port(&self, port: u16) -> bool {
        self.port.is_none_or(|only| only == port)
    }
}

const FORMS: &str = "write a name, `*.` and a name, `*`, an address or a network, without scheme and path, and with `:PORT` if only that port is meant";

/// The host and the port of an entry.
fn split(text: &str) -> Result<(&str, Option<u16>), String> {
    let port = |port: &str| match port.parse() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(format!("`{text}`: `{port}` is no port; {FORMS}")),
    };
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match rest.strip_prefix(':') {
            Some(rest) => Ok((host, port(rest)?)),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(format!("`{text}` is no host: {FORMS}")),
        };
    }
    match text.split_once(':') {
        // More than one colon: an address of IPv6 without a port.
        Some((_, rest)) if rest.contains(':') => Ok((text, None)),
        Some((host, rest)) => Ok((host, port(rest)?)),
        None => Ok((text, None)),
    }
}

fn name(host: &str) -> Option<Host> {
    if host.contains('*') { None } else { Host::parse(host) }
}

fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text.parse().map_err(|_| format!("`{text}` is no network such as `10.0.0.0/8`: {FORMS}"))?;
    if network.trunc() != network {
        return Err(format!("`{text}` has bits behind its prefix: write `{}`", network.trunc()));
    }
    Ok(canonical(network))
}

/// A network of IPv4 addresses mapped into IPv6 is one of IPv4.
fn canonical(network: IpNet) -> IpNet {
    let mapped =
        |network: &ipnet::Ipv6Net| Ipv6Addr::to_ipv4_mapped(&network.network()).zip(network.prefix_len().checked_sub(96));
    match network {
        IpNet::V6(within) => match mapped(&within) {
            Some((address, prefix)) => Ipv4Net::new(address, prefix).map_or(network, IpNet::V4),
            None => network,
        },
        IpNet::V4(_) => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(entry: &str, host: &str, port: u16) -> bool {
        Entry::parse(entry).unwrap().means(&Host::parse(host).unwrap(), port)
    }

    #[test]
    fn wildcards_end_at_dots() {
        assert!(means("*.example.com", "api.example.com", 443));
        assert!(means("*.Example.COM.", "a.b.EXAMPLE.com.", 443));
        for other in ["example.com", "badexample.com", "example.com.evil.test", "api.example.co"] {
            assert!(!means("*.example.com", other, 443), "{other}");
        }
        assert!(!means("example.com", "api.example.com", 443));
        assert!(means("bücher.example", "xn--bcher-kva.example", 443));
        assert!(means("*", "anything.test", 443));
    }

    #[test]
    fn addresses_and_networks_mean_addresses_in_every_notation() {
        assert!(means("169.254.169.254", "0xa9fea9fe", 80));
        assert!(means("10.0.0.0/8", "[::ffff:10.1.2.3]", 80));
        assert!(means("::ffff:10.0.0.0/104", "10.1.2.3", 80));
        assert!(means("[fd00::7]:8080", "[fd00::7]", 8080));
        assert!(means("fd00::/8", "[fdff::7]", 80));
        assert!(!means("10.0.0.0/8", "10.example.com", 80));
        assert!(!means("10.0.0.0/8", "11.0.0.0", 80));
    }

    #[test]
    fn an_entry_with_a_port_means_that_port_alone() {
        assert!(means("api.example.com:8443", "api.example.com", 8443));
        assert!(!means("api.example.com:8443", "api.example.com", 443));
        assert!(means("10.0.0.0/8:80", "10.0.0.1", 80));
        assert!(!means("[fd00::/8]:80", "[fd00::1]", 81));
    }

    #[test]
    fn what_is_no_entry_is_told_with_what_to_write() {
        for text in ["", "*.", "*x.example", "a.*.example", "http://example.com", "example.com/path", "10.0.0.1/8", "10.0.0.0/33"]
        {
            let problem = Entry::parse(text).unwrap_err();
            assert!(problem.contains("write "), "{text}: {problem}");
        }
        for text in ["example.com:0", "example.com:65536", "example.com:", "[::1]x", "[::1]:", "*.10.0.0.1"] {
            assert!(Entry::parse(text).is_err(), "{text}");
        }
    }
}
