//! IP networks, as much of them as NetworkPolicies need.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A range of addresses in CIDR notation. Example: `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// One address.
    pub fn of(address: IpAddr) -> Self {
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Whether it is of IPv4.
    pub fn is_ipv4(self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether an address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        let (own, other, width) = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u128::from(own.to_bits()), u128::from(other.to_bits()), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        // A shift by the whole width is none in Rust: everything is in a network of prefix 0.
        (own ^ other).checked_shr(width - u32::from(self.prefix)).unwrap_or_default() == 0
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a network: write ADDRESS/PREFIX, such as 10.0.0.0/8");
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= Self::of(address).prefix).ok_or_else(wrong)?;
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> String {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(network: &str, inside: &str, outside: &str) {
        let network: Network = network.parse().unwrap();
        assert!(network.contains(inside.parse().unwrap()), "{network} {inside}");
        assert!(!network.contains(outside.parse().unwrap()), "{network} {outside}");
    }

    #[test]
    fn a_network_knows_its_own() {
        check("10.0.0.0/8", "10.255.0.1", "11.0.0.0");
        check("192.0.2.7/32", "192.0.2.7", "192.0.2.6");
        check("0.0.0.0/0", "203.0.113.1", "::1");
        check("fc00::/7", "fd00::1", "fe80::1");
        check("::/0", "2001:db8::1", "10.0.0.1");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in ["", "10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0/8", "net/8", "10.0.0.0/x"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
