//! Every hostile URL: forbidden ranges in every notation, behind every trick, and names that lead there.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use skreaver_effects::Bounds;
use skreaver_policy::bounds::{Host, Own};

use crate::support::{self, Loopback, Seen, answer, serve};

/// One address of each range that nobody may reach, and the ends of some.
const FORBIDDEN_V4: [&str; 34] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.254",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.254",
    "127.0.0.1",
    "127.0.0.53",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.20.0.10",
    "172.31.255.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.254",
    "198.18.0.1",
    "198.19.255.254",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "250.1.2.3",
    "255.255.255.254",
    "255.255.255.255",
    "10.96.0.1",
];
const FORBIDDEN_V6: [&str; 24] = [
    "::",
    "::1",
    "::2",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:a00:1::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff05::2",
];

/// An IPv4 address as resolvers, browsers and gateways understand it.
pub(crate) fn notations(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let whole = u32::from(address);
    let [high, low] = [whole >> 16, whole & 0xffff];
    let [flipped_high, flipped_low] = [high ^ 0xffff, low ^ 0xffff];
    let wide: String = format!("{address}")
        .chars()
        .map(|digit| char::from_u32(0xfee0 + u32::from(digit)).filter(|_| digit != '.').unwrap_or('.'))
        .collect();
    let escaped: String = format!("{address}").bytes().map(|byte| format!("%{byte:02x}")).collect();
    vec![
        format!("{address}"),
        format!("{address}."),
        format!("{whole}"),
        format!("{whole}."),
        format!("0x{whole:x}"),
        format!("0X{whole:08X}"),
        format!("0{whole:o}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("000{a:o}.{b}.0x{c:x}.{d}"),
        format!("{a}.{}", whole & 0xff_ffff),
        format!("{a}.{b}.{low}"),
        format!("0x{a:x}.{}", whole & 0xff_ffff),
        wide,
        escaped,
        format!("{a}。{b}．{c}｡{d}"),
        format!("[::ffff:{address}]"),
        format!("[::ffff:{high:x}:{low:x}]"),
        format!("[0:0:0:0:0:FFFF:{high:X}:{low:X}]"),
        format!("[::{address}]"),
        format!("[::ffff:0:{address}]"),
        format!("[64:ff9b::{address}]"),
        format!("[64:ff9b:1::{address}]"),
        format!("[2002:{high:x}:{low:x}::1]"),
        format!("[2001:0:{high:x}:{low:x}::1]"),
        format!("[2001:0:5db8:d822::{flipped_high:x}:{flipped_low:x}]"),
    ]
}

fn notations_v6(address: Ipv6Addr) -> Vec<String> {
    let full: Vec<_> = address.segments().iter().map(|segment| format!("{segment:04X}")).collect();
    vec![
        format!("[{address}]"),
        format!("[{}]", full.join(":")),
        format!("[{address}%25eth0]"),
        format!("[{address}%eth0]"),
        format!("[{address}%lo]"),
        format!("{address}"),
    ]
}

/// A URL that leads to a host, or makes a reader believe that it leads elsewhere.
fn tricks(host: &str) -> Vec<String> {
    let split = host.char_indices().nth(1).map_or(0, |(index, _)| index);
    let (first, rest) = host.split_at(split);
    vec![
        format!("http://{host}/"),
        format!("HtTp://{host}:80/a?b=c#d"),
        format!("http://{host}:8080"),
        format!("http://honest.example@{host}/"),
        format!("http://honest.example:80@{host}/"),
        format!("http://honest.example%40{host}/"),
        format!("http://{host}#@honest.example/"),
        format!("http://{host}?@honest.example/"),
        format!("http://{host}\\@honest.example/"),
        format!("http://honest.example\\@{host}/"),
        format!("http:/{host}/"),
        format!("http:{host}/"),
        format!("http:\\\\{host}/"),
        format!("http:////{host}/"),
        format!(" http://{host}/\u{0}"),
        format!("http://{first}\t{rest}/"),
        format!("http://{first}\r\n{rest}/"),
        format!("http://{first}\u{ad}{rest}/"),
        format!("http://{first}\u{200b}{rest}/"),
        format!("//{host}/"),
    ]
}

/// Names that lead inside, each with what its resolver says.
const NAMES: [&str; 18] = [
    "localhost",
    "LOCALHOST.",
    "x.localhost",
    "localhost.localdomain",
    "ip6-localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local.",
    "metadata",
    "metadata.google.internal",
    "instance-data.ec2.internal",
    "router.home.arpa",
    "printer.local",
    "127.0.0.1.nip.example",
    "hostile.example",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "xn--hostile.example",
];

/// Every hostile URL, each beside the address at which its name, if it has one, leads.
pub(crate) fn cases() -> Vec<(String, &'static str)> {
    let literal = FORBIDDEN_V4.iter().flat_map(|address| notations(address.parse().unwrap()));
    let literal = literal.chain(FORBIDDEN_V6.iter().flat_map(|address| notations_v6(address.parse().unwrap())));
    let literal = literal.flat_map(|host| tricks(&host)).map(|url| (url, "127.0.0.1"));
    let named = NAMES.iter().flat_map(|name| {
        let addresses = FORBIDDEN_V4.iter().chain(FORBIDDEN_V6.iter()).enumerate();
        // Each name with every address, and the tricks in turn.
        addresses.map(|(index, address)| (tricks(name).swap_remove(index % 20), *address))
    });
    literal.chain(named).collect()
}

/// What policies may stand above: none, all hosts, and the one of the documentation.
pub(crate) fn all_bounds() -> [Bounds; 3] {
    [
        Bounds::new(Own::default(), []),
        support::http(Some(&["*"]), &[]),
        support::http(Some(&["honest.example", "*.example", "rates.default.svc"]), &["localhost", "169.254.169.254"]),
    ]
}

/// A server that redirects to what the query says.
pub(crate) async fn redirector() -> SocketAddr {
    serve(redirected).await
}

/// The answer of a server that redirects to what the query says.
pub(crate) fn redirected(seen: &Seen) -> Vec<u8> {
    let location = seen.target().split_once("?to=").map(|(_, hex)| unhex(hex)).unwrap_or_default();
    match location.is_empty() {
        true => answer(200, &[], b"honest"),
        false => [b"HTTP/1.1 302 x\r\ncontent-length: 0\r\nlocation: ", &location[..], b"\r\n\r\n"].concat(),
    }
}

pub(crate) fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).filter_map(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()).collect()
}

/// Makes every name of a URL that is hostile lead to this address.
pub(crate) fn lead(network: &Loopback, address: &str) {
    for name in NAMES {
        if let Some(Host::Name(name)) = Host::parse(name) {
            network.name(&name, &[&[address]]);
        }
    }
}
