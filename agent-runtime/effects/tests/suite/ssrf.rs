//! Server-side request forgery: every forbidden range, in every notation, behind every trick, and none reaches the canary.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::Ordering;

use serde_json::json;
use skreaver_effects::http::{self, Client, System};
use skreaver_effects::{Bounds, EffectError, Guard};
use skreaver_policy::bounds::{Own, Reason};

use crate::support::{self, Loopback, PUBLIC, answer, arguments, canary, serve, stride};

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
fn notations(address: Ipv4Addr) -> Vec<String> {
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
fn cases() -> Vec<(String, &'static str)> {
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
fn all_bounds() -> [Bounds; 3] {
    [
        Bounds::new(Own::default(), []),
        support::http(Some(&["*"]), &[]),
        support::http(Some(&["honest.example", "*.example", "rates.default.svc"]), &["localhost", "169.254.169.254"]),
    ]
}

/// A server that redirects to what its query says.
async fn redirector() -> SocketAddr {
    serve(|seen| {
        let location = seen.target().split_once("?to=").map(|(_, hex)| unhex(hex)).unwrap_or_default();
        match location.is_empty() {
            true => answer(200, &[], b"honest"),
            false => [b"HTTP/1.1 302 x\r\ncontent-length: 0\r\nlocation: ", &location[..], b"\r\n\r\n"].concat(),
        }
    })
    .await
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).filter_map(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()).collect()
}

/// Makes every name of a URL that is hostile lead to this address.
fn lead(network: &Loopback, address: &str) {
    for name in NAMES {
        if let Some(skreaver_policy::bounds::Host::Name(name)) = skreaver_policy::bounds::Host::parse(name) {
            network.name(&name, &[&[address]]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_hostile_url_reaches_what_nobody_may_reach() {
    let (canary, reached) = canary().await;
    let network = Loopback::new(redirector().await, canary);
    let guard = network.guard();
    let bounds = all_bounds();
    let cases = cases();
    assert!(cases.len() > 3_000, "{} cases", cases.len());
    let mut tried = 0;
    for (index, (url, address)) in cases.iter().enumerate().step_by(stride()) {
        lead(&network, address);
        for (turn, bounds) in bounds.iter().enumerate() {
            // The first time as it is, and then behind a redirect of an honest server.
            let through = format!("http://honest.example/?to={}", hex(url));
            let url = if (index + turn) % 2 == 0 { url } else { &through };
            let answered = http::get(&guard, bounds, arguments(json!({"url": url}))).await;
            assert_eq!(reached.load(Ordering::SeqCst), 0, "{url:?} with {address} was answered by {answered:?}");
            tried += 1;
        }
    }
    println!("{tried} requests of {} hostile URLs: the canary was reached {} times", cases.len(), reached.load(Ordering::SeqCst));
    // The judge can tell: what a policy opens is reached.
    lead(&network, "10.0.0.1");
    let open = support::http(Some(&["hostile.example"]), &[]);
    http::get(&guard, &open, arguments(json!({"url": "http://hostile.example/"}))).await.unwrap();
    assert_eq!(reached.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_hostile_url_reaches_a_real_socket_on_loopback() {
    let (canary, reached) = canary().await;
    let guard = Guard::new(Client::trusting(std::sync::Arc::new(System), None).unwrap());
    let open = support::http(Some(&["127.0.0.1"]), &[]);
    let IpAddr::V4(loopback) = canary.ip() else { panic!("the canary listens on 127.0.0.1") };
    let mut reachable = 0;
    for host in notations(loopback).into_iter().chain(["localhost".to_owned(), "x.localhost".to_owned()]) {
        let url = format!("http://{host}:{}/", canary.port());
        for bounds in all_bounds() {
            let answered = http::get(&guard, &bounds, arguments(json!({"url": url}))).await;
            assert_eq!(reached.load(Ordering::SeqCst), reachable, "{url} was answered by {answered:?}");
        }
        // The notation is one: where loopback is opened by its address, it is reached by most of them.
        reachable += usize::from(http::get(&guard, &open, arguments(json!({"url": url}))).await.is_ok());
    }
    assert!(reachable >= 16, "{reachable}");
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_judged_each_time() {
    let (canary, reached) = canary().await;
    // Redirects to itself as long as it is asked.
    let server = serve(|_| answer(302, &[("location", "http://rebind.example/again")], b"")).await;
    let network = Loopback::new(server, canary);
    for hostile in ["127.0.0.1", "::1", "::ffff:169.254.169.254", "10.0.0.1", "64:ff9b::7f00:1"] {
        network.name("rebind.example", &[&[PUBLIC], &[PUBLIC], &[hostile]]);
        network.resolved.store(0, Ordering::SeqCst);
        let bounds = Bounds::new(Own::default(), []);
        let error = http::get(&network.guard(), &bounds, arguments(json!({"url": "http://rebind.example/"}))).await.unwrap_err();
        let EffectError::Refused(refusal) = error else { panic!("{error}") };
        assert_eq!(refusal.reason, Reason::ClosedAddress, "{hostile}");
        // Resolved once for each request, and never between the judgement and the dial.
        assert_eq!(network.resolved.load(Ordering::SeqCst), 3);
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn one_closed_address_spoils_a_name() {
    let (canary, reached) = canary().await;
    let network = Loopback::new(redirector().await, canary);
    for mixed in [[PUBLIC, "10.0.0.1"], ["fd00::1", PUBLIC], [PUBLIC, "::1"]] {
        network.name("mixed.example", &[&mixed]);
        let bounds = Bounds::new(Own::default(), []);
        let error = http::get(&network.guard(), &bounds, arguments(json!({"url": "http://mixed.example/"}))).await.unwrap_err();
        assert!(matches!(error, EffectError::Refused(_)), "{error}");
    }
    assert_eq!((reached.load(Ordering::SeqCst), network.dialled.lock().unwrap().len()), (0, 0));
}

#[tokio::test]
async fn a_name_that_is_refused_is_not_even_resolved() {
    let (canary, _) = canary().await;
    let network = Loopback::new(canary, canary);
    let bounds = support::http(Some(&["honest.example"]), &[]);
    for url in ["http://c2VjcmV0.evil.example/", "http://evil.example:22/", "http://kubernetes.default.svc/"] {
        http::get(&network.guard(), &bounds, arguments(json!({"url": url}))).await.unwrap_err();
    }
    assert_eq!(network.resolved.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_dialled_under_one_policy_serves_no_other() {
    let (canary, reached) = canary().await;
    let network = Loopback::new(canary, canary);
    network.name("db.example", &[&["10.0.0.5"]]);
    let guard = network.guard();
    let url = || arguments(json!({"url": "http://db.example/"}));
    http::get(&guard, &support::http(Some(&["db.example"]), &[]), url()).await.unwrap();
    let error = http::get(&guard, &support::http(Some(&["db.example"]), &["10.0.0.0/8"]), url()).await.unwrap_err();
    assert!(error.to_string().contains("`10.0.0.0/8`"), "{error}");
    assert_eq!(reached.load(Ordering::SeqCst), 1);
}
