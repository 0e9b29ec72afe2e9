//! What an address is, and what it takes to open it.
//!
//! The ranges are those of IANA's special-purpose address registries for IPv4 and IPv6, as RFC 6890 and RFC 8190 order
//! them (2025-10), with what they leave out: multicast, the deprecated site-local range, all of IPv6 outside of global
//! unicast, and the addresses at which clouds hand out credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// What it takes to open an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// Nothing: it is public.
    Open,
    /// Exactly that name, that address or a network around it in every list that allows.
    Explicit,
    /// Exactly that address in every list that allows.
    Literal,
    /// Nothing opens it: what it reaches is not one host, or not the one that it names.
    Never,
}

/// A range of addresses of one kind.
#[derive(Debug)]
pub(super) struct Class {
    network: IpNet,
    pub(super) opening: Opening,
    /// Example: `private (RFC 1918)`.
    pub(super) name: &'static str,
}

use Opening::{Explicit, Literal, Never, Open};

/// The first range that holds an address is its class.
const CLASSES: [(&str, Opening, &str); 47] = [
    ("169.254.169.254/32", Literal, "where clouds hand out credentials"),
    ("168.63.129.16/32", Literal, "where Azure serves its machines"),
    ("100.100.100.200/32", Literal, "where Alibaba hands out credentials"),
    ("192.0.0.192/32", Literal, "where Oracle hands out credentials"),
    ("0.0.0.0/8", Never, "this host (RFC 791)"),
    ("10.0.0.0/8", Explicit, "private (RFC 1918)"),
    ("100.64.0.0/10", Explicit, "shared behind a carrier (RFC 6598)"),
    ("127.0.0.0/8", Literal, LOOPBACK),
    ("169.254.0.0/16", Literal, "link-local (RFC 3927)"),
    ("172.16.0.0/12", Explicit, "private (RFC 1918)"),
    ("192.0.0.0/24", Literal, "for protocols (RFC 6890)"),
    ("192.0.2.0/24", Literal, "for documentation (RFC 5737)"),
    ("192.88.99.0/24", Literal, "for relays of 6to4 (RFC 7526)"),
    ("192.168.0.0/16", Explicit, "private (RFC 1918)"),
    ("198.18.0.0/15", Literal, "for benchmarks (RFC 2544)"),
    ("198.51.100.0/24", Literal, "for documentation (RFC 5737)"),
    ("203.0.113.0/24", Literal, "for documentation (RFC 5737)"),
    ("224.0.0.0/4", Never, "multicast (RFC 5771)"),
    ("255.255.255.255/32", Never, "broadcast (RFC 919)"),
    ("240.0.0.0/4", Literal, "reserved (RFC 1112)"),
    ("0.0.0.0/0", Open, "public"),
    ("::/128", Never, "unspecified (RFC 4291)"),
    ("::1/128", Literal, LOOPBACK),
    ("::/96", Never, "compatible with IPv4 (RFC 4291)"),
    ("::ffff:0:0/96", Never, "mapped from IPv4 (RFC 4291)"),
    ("::ffff:0:0:0/96", Literal, "translated from IPv4 (RFC 7915)"),
    ("64:ff9b::/96", Explicit, "behind NAT64 (RFC 6052)"),
    ("64:ff9b:1::/48", Literal, "behind a local NAT64 (RFC 8215)"),
    ("100::/64", Literal, "discarded (RFC 6666)"),
    ("2001::/32", Literal, "behind Teredo (RFC 4380)"),
    ("2001:2::/48", Literal, "for benchmarks (RFC 5180)"),
    ("2001:10::/28", Literal, "a hash and no place (RFC 4843)"),
    ("2001:20::/28", Literal, "a hash and no place (RFC 7343)"),
    ("2001::/23", Literal, "for protocols (RFC 2928)"),
    ("2001:db8::/32", Literal, "for documentation (RFC 3849)"),
    ("2002::/16", Literal, "behind 6to4 (RFC 3056)"),
    ("3fff::/20", Literal, "for documentation (RFC 9637)"),
    ("2000::/3", Open, "public"),
    ("fd00:ec2::254/128", Literal, "where AWS hands out credentials"),
    ("fd20:ce::254/128", Literal, "where Google Cloud hands out credentials"),
    ("fd00:c1::a9fe:a9fe/128", Literal, "where Oracle hands out credentials"),
    ("fd00:42::42/128", Literal, "where Scaleway hands out credentials"),
    ("fc00::/7", Explicit, "private (RFC 4193)"),
    ("fe80::/10", Literal, "link-local (RFC 4291)"),
    ("fec0::/10", Literal, "site-local (RFC 3879)"),
    ("ff00::/8", Never, "multicast (RFC 4291)"),
    ("::/0", Literal, "outside of what is given out (RFC 4291)"),
];

const LOOPBACK: &str = "loopback (RFC 1122, RFC 4291)";

static TABLE: LazyLock<Vec<Class>> = LazyLock::new(|| {
    let parse = |(network, opening, name): &(&str, Opening, &'static str)| Class {
        network: network.parse().expect("a test parses every row"),
        opening: *opening,
        name,
    };
    CLASSES.iter().map(parse).collect()
});

/// The class of an address, which must be canonical: an IPv4 address in an IPv6 one is judged as what it is.
pub(super) fn class(address: IpAddr) -> &'static Class {
    TABLE.iter().find(|class| class.network.contains(&address)).expect("the last row of each family holds everything")
}

impl Class {
    pub(super) fn is_loopback(&self) -> bool {
        self.name == LOOPBACK
    }
}

/// The address and every IPv4 address inside it at which a gateway would arrive in its place.
pub(super) fn with_inner(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let address = address.to_canonical();
    let inner = match address {
        IpAddr::V4(_) => [None, None],
        IpAddr::V6(address) => inner(address),
    };
    std::iter::once(address).chain(inner.into_iter().flatten().map(IpAddr::V4))
}

fn inner(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let pair = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        // NAT64: the last 32 bits. Translated (SIIT): the same.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => [Some(pair(high, low)), None],
        // 6to4: the 32 bits after the prefix.
        [0x2002, high, low, ..] => [Some(pair(high, low)), None],
        // Teredo: its server, and the client with every bit turned over.
        [0x2001, 0, server_high, server_low, _, _, high, low] => [Some(pair(server_high, server_low)), Some(pair(!high, !low))],
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_parses_and_is_reached_by_its_first_address() {
        for (row, class) in TABLE.iter().enumerate() {
            let first = class.network.network();
            let found = TABLE.iter().position(|class| class.network.contains(&first)).unwrap();
            // A wide row may begin with a narrower one, which stands before it.
            assert!(found <= row, "{} hides behind a later row", class.network);
            assert_eq!(class.network.trunc(), class.network, "{} has bits behind its prefix", class.network);
            let narrower = TABLE[..row].iter().all(|earlier| !earlier.network.contains(&class.network));
            assert!(narrower, "{} is never reached", class.network);
        }
    }

    #[test]
    fn addresses_have_the_class_of_their_range() {
        let check = |text: &str, opening: Opening| assert_eq!(class(text.parse().unwrap()).opening, opening, "{text}");
        for public in ["1.1.1.1", "172.15.255.255", "172.32.0.0", "100.128.0.0", "192.0.1.0", "198.20.0.0", "2606:4700::1111"] {
            check(public, Open);
        }
        for private in ["10.0.0.0", "172.31.255.255", "192.168.255.255", "100.64.0.0", "fd00::1", "64:ff9b::808:808"] {
            check(private, Explicit);
        }
        for closed in
            ["127.0.0.1", "127.255.255.255", "169.254.169.254", "::1", "fe80::1", "fd00:ec2::254", "2001:db8::1", "4000::"]
        {
            check(closed, Literal);
        }
        for never in ["0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "::7f00:1", "ff02::1"] {
            check(never, Never);
        }
    }

    #[test]
    fn addresses_inside_addresses_are_found() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<_> = with_inner(text.parse().unwrap()).map(|address| address.to_string()).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("::ffff:127.0.0.1", &["127.0.0.1"]);
        check("64:ff9b::127.0.0.1", &["64:ff9b::7f00:1", "127.0.0.1"]);
        check("2002:7f00:1::", &["2002:7f00:1::", "127.0.0.1"]);
        check("2001:0:7f00:1::80ff:fffe", &["2001:0:7f00:1::80ff:fffe", "127.0.0.1", "127.0.0.1"]);
        check("2606:4700::1111", &["2606:4700::1111"]);
    }
}
