//! What policies permit together: examples, and the law that one more never permits more.

use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use skreaver_protocol::GoDuration;
use skreaver_protocol::policy::{FsSection, HttpSection, ResourcesSection};

use super::*;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn http(name: &str, allow: Option<&[&str]>, deny: &[&str]) -> Arc<Sections> {
    let section = HttpSection { allow_domains: allow.map(strings), deny_domains: strings(deny) };
    Arc::new(Sections::compile(name, Some(&section), None, None).unwrap())
}

fn fs(name: &str, allow: Option<&[&str]>, deny: &[&str]) -> Arc<Sections> {
    let section = FsSection { allow_paths: allow.map(strings), deny_patterns: strings(deny) };
    Arc::new(Sections::compile(name, None, Some(&section), None).unwrap())
}

fn own(ground: Ground) -> Own {
    let places = [("ledger.default.svc", 8000), ("10.9.9.9", 9000), ("127.0.0.1", 7000), ("169.254.169.254", 80)];
    let places = places.into_iter().map(|(host, port)| (Host::parse(host).unwrap(), port)).collect();
    Own { folder: Some("/home/amber/".into()), places, ground }
}

/// Reaches `host:port` where the DNS answers with `address`, or tells why not.
fn reach(bounds: &Bounds, host: &str, port: u16, address: &str) -> Result<(), Reason> {
    let named = bounds.host(&Host::parse(host).unwrap(), port).map_err(|refusal| refusal.reason)?;
    let address: IpAddr = address.parse().unwrap();
    bounds.address(&named, address).map(drop).map_err(|refusal| refusal.reason)
}

#[test]
fn without_policies_public_hosts_and_the_places_of_the_spec_are_open() {
    let bounds = Bounds::new(own(Ground::Cluster), []);
    assert_eq!(reach(&bounds, "api.example.com", 443, "1.1.1.1"), Ok(()));
    assert_eq!(reach(&bounds, "1.1.1.1", 8080, "1.1.1.1"), Ok(()));
    assert_eq!(reach(&bounds, "api.example.com", 443, "10.0.0.1"), Err(Reason::ClosedAddress));
    assert_eq!(reach(&bounds, "api.example.com", 22, "1.1.1.1"), Err(Reason::ClosedPort));
    assert_eq!(reach(&bounds, "rates.default.svc", 80, "10.0.0.1"), Err(Reason::InsideName));
    assert_eq!(reach(&bounds, "ledger.default.svc", 8000, "10.0.0.1"), Ok(()));
    assert_eq!(reach(&bounds, "ledger.default.svc", 8001, "10.0.0.1"), Err(Reason::InsideName));
    assert_eq!(reach(&bounds, "10.9.9.9", 9000, "10.9.9.9"), Ok(()));
    // A place of the spec may lie in a private network, and nowhere worse.
    for address in ["127.0.0.1", "169.254.169.254", "64:ff9b::7f00:1", "0.0.0.0"] {
        assert_eq!(reach(&bounds, "ledger.default.svc", 8000, address), Err(Reason::ClosedAddress), "{address}");
    }
    assert_eq!(reach(&bounds, "127.0.0.1", 7000, "127.0.0.1"), Err(Reason::ClosedAddress));
}

#[test]
fn on_a_laptop_the_spec_may_name_loopback_and_no_metadata() {
    let bounds = Bounds::new(own(Ground::Laptop), []);
    assert_eq!(reach(&bounds, "127.0.0.1", 7000, "127.0.0.1"), Ok(()));
    assert_eq!(reach(&bounds, "127.0.0.1", 7001, "127.0.0.1"), Err(Reason::ClosedAddress));
    assert_eq!(reach(&bounds, "169.254.169.254", 80, "169.254.169.254"), Err(Reason::ClosedAddress));
}

#[test]
fn a_list_takes_the_place_of_what_the_spec_names() {
    let bounds = Bounds::new(own(Ground::Cluster), [http("p", Some(&["rates.default.svc", "*.example.com", "*"]), &[])]);
    assert_eq!(reach(&bounds, "rates.default.svc", 80, "10.0.0.1"), Ok(()));
    assert_eq!(reach(&bounds, "ledger.default.svc", 8000, "10.0.0.1"), Err(Reason::InsideName));
    assert_eq!(reach(&bounds, "api.example.com", 443, "10.0.0.1"), Err(Reason::ClosedAddress));
    assert_eq!(reach(&bounds, "rates.default.svc", 80, "127.0.0.1"), Err(Reason::ClosedAddress));
    let none = Bounds::new(own(Ground::Cluster), [http("p", Some(&[]), &[])]);
    assert_eq!(reach(&none, "api.example.com", 443, "1.1.1.1"), Err(Reason::NotAllowed));
}

#[test]
fn a_source_of_the_spec_needs_no_list_and_is_no_way_to_anywhere_else() {
    let ledger = Host::parse("ledger.default.svc").unwrap();
    let policies = [http("p", Some(&["api.example.com"]), &["evil.example", "10.6.6.0/24"])];
    let bounds = Bounds::new(own(Ground::Cluster), policies).for_place(&ledger, 8000);
    assert_eq!(reach(&bounds, "ledger.default.svc", 8000, "10.0.0.1"), Ok(()));
    assert_eq!(reach(&bounds, "ledger.default.svc", 8000, "10.6.6.1"), Err(Reason::Denied));
    for address in ["127.0.0.1", "169.254.169.254", "0.0.0.0"] {
        assert_eq!(reach(&bounds, "ledger.default.svc", 8000, address), Err(Reason::ClosedAddress), "{address}");
    }
    for (host, port) in [("ledger.default.svc", 8001), ("api.example.com", 443), ("10.9.9.9", 9000)] {
        assert_eq!(reach(&bounds, host, port, "1.1.1.1"), Err(Reason::NotAllowed), "{host}:{port}");
    }
    let evil = bounds.for_place(&Host::parse("evil.example").unwrap(), 443);
    assert_eq!(reach(&evil, "evil.example", 443, "1.1.1.1"), Err(Reason::Denied));
    let loopback = Host::parse("127.0.0.1").unwrap();
    let on = |ground| Bounds::new(own(ground), []).for_place(&loopback, 7001);
    assert_eq!(reach(&on(Ground::Laptop), "127.0.0.1", 7001, "127.0.0.1"), Ok(()));
    assert_eq!(reach(&on(Ground::Cluster), "127.0.0.1", 7001, "127.0.0.1"), Err(Reason::ClosedAddress));
}

#[test]
fn policies_that_look_on_tell_of_a_source_only_what_they_deny() {
    let ledger = Host::parse("ledger.default.svc").unwrap();
    let looking = [http("list", Some(&["api.example.com"]), &[]), http("deny", None, &["ledger.default.svc"])];
    let bounds = Bounds::new(own(Ground::Cluster), []).watched_by(looking).for_place(&ledger, 8000);
    let told = bounds.would_refuse(|bounds| bounds.host(&ledger, 8000));
    assert_eq!(told.iter().map(|refusal| refusal.policy.as_deref()).collect::<Vec<_>>(), [Some("deny")]);
}

#[test]
fn networks_say_where_admitted_names_may_lead() {
    let bounds = Bounds::new(Own::default(), [http("p", Some(&["*.corp.example", "10.0.0.0/8", "127.0.0.1"]), &[])]);
    assert_eq!(reach(&bounds, "db.corp.example", 443, "10.0.0.1"), Ok(()));
    assert_eq!(reach(&bounds, "db.corp.example", 443, "127.0.0.1"), Ok(()));
    assert_eq!(reach(&bounds, "db.corp.example", 443, "127.0.0.2"), Err(Reason::ClosedAddress));
    assert_eq!(reach(&bounds, "db.corp.example", 443, "192.168.0.1"), Err(Reason::ClosedAddress));
    assert_eq!(reach(&bounds, "10.1.2.3", 443, "10.1.2.3"), Ok(()));
    // A name that no entry admits is not even resolved.
    assert!(bounds.host(&Host::parse("evil.example").unwrap(), 443).is_err());
}

#[test]
fn a_denied_address_is_denied_behind_every_name_and_gateway() {
    let deny = http("p", None, &["localhost", "1.1.1.0/24", "example.com"]);
    let bounds = Bounds::new(own(Ground::Cluster), [deny, http("q", Some(&["*", "64:ff9b::/96"]), &[])]);
    assert_eq!(reach(&bounds, "localhost", 443, "1.2.3.4"), Err(Reason::Denied));
    assert_eq!(reach(&bounds, "example.com.", 443, "1.2.3.4"), Err(Reason::Denied));
    assert_eq!(reach(&bounds, "other.test", 443, "1.1.1.1"), Err(Reason::Denied));
    assert_eq!(reach(&bounds, "other.test", 443, "64:ff9b::1.1.1.1"), Err(Reason::Denied));
    assert_eq!(reach(&bounds, "other.test", 443, "64:ff9b::1.1.2.1"), Ok(()));
    assert_eq!(reach(&bounds, "other.test", 443, "64:ff9b::10.0.0.1"), Err(Reason::ClosedAddress));
}

#[test]
fn a_refusal_names_policy_entry_and_what_is_allowed() {
    let bounds = Bounds::new(Own::default(), [http("internal", Some(&["a.example", "*.b.example"]), &["b.example:80"])]);
    let refusal = bounds.host(&Host::parse("b.example").unwrap(), 80).unwrap_err();
    assert_eq!((refusal.policy.as_deref(), refusal.entry.as_deref()), (Some("internal"), Some("b.example:80")));
    assert_eq!(
        bounds.host(&Host::parse("c.example").unwrap(), 443).unwrap_err().to_string(),
        "`c.example:443` is refused by section `http` of ToolPolicy `internal`: no entry of `allow_domains` means it; \
         allowed are `a.example`, `*.b.example`"
    );
}

#[test]
fn policies_that_only_look_on_refuse_nothing_and_tell_what_they_would() {
    let looking = [http("watch", Some(&["a.example"]), &[]), fs("other", Some(&["/data"]), &[])];
    let bounds = Bounds::new(own(Ground::Cluster), [http("p", Some(&["*", "rates.default.svc"]), &[])]).watched_by(looking);
    let told = |host: &str| {
        let host = Host::parse(host).unwrap();
        assert!(bounds.host(&host, 443).is_ok());
        let refusals = bounds.would_refuse(|bounds| bounds.host(&host, 443));
        refusals.into_iter().filter_map(|refusal| refusal.policy).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(told("a.example"), Vec::<String>::new());
    assert_eq!(told("b.example"), ["watch"]);
    // `other` says nothing of hosts, so the safe defaults are not its refusal.
    assert_eq!(told("rates.default.svc"), ["watch"]);
    assert_eq!(bounds.would_refuse(|bounds| bounds.path("/home/amber/x")).len(), 1);
}

fn place(bounds: &Bounds, path: &str) -> Result<String, Reason> {
    let place = bounds.path(path).map_err(|refusal| refusal.reason)?;
    Ok(format!("{} {}", place.root().display(), place.beneath()))
}

#[test]
fn without_policies_files_are_those_of_the_own_directory() {
    let bounds = Bounds::new(own(Ground::Cluster), []);
    assert_eq!(place(&bounds, "notes//./today.txt"), Ok("/home/amber notes/today.txt".into()));
    assert_eq!(place(&bounds, "/home/amber/"), Ok("/home/amber ".into()));
    assert_eq!(place(&bounds, "/home/amber2/x"), Err(Reason::NotAllowed));
    for unclear in ["../x", "a/../b", "/home/amber/..", "x\0", &"a/".repeat(65), &"a".repeat(5000)] {
        assert_eq!(place(&bounds, unclear), Err(Reason::Unclear), "{unclear}");
    }
    assert_eq!(place(&Bounds::new(Own::default(), []), "x"), Err(Reason::Unclear));
    assert_eq!(place(&Bounds::new(Own::default(), []), "/x"), Err(Reason::NotAllowed));
}

#[test]
fn patterns_deny_components_prefixes_and_globs() {
    let patterns = ["..", "/etc", "*.key", ".git", "secrets/*.pem", "/var/log/*.log"];
    let bounds = Bounds::new(Own::default(), [fs("p", Some(&["/"]), &patterns)]);
    for denied in
        ["/etc", "/etc/passwd", "/ETC/passwd", "/a/id.key", "/a/id.KEY/b", "/.git/config", "/x/secrets/a.pem", "/var/log/a.log"]
    {
        assert_eq!(place(&bounds, denied), Err(Reason::Denied), "{denied}");
    }
    for allowed in ["/etcetera", "/a/etc", "/a/key", "/a/id.keys", "/.gitignore", "/secrets/x/a.pem", "/var/log/x/a.log"] {
        assert!(place(&bounds, allowed).is_ok(), "{allowed}");
    }
    let refusal = bounds.path("/a/id.key").unwrap_err();
    assert_eq!((refusal.policy.as_deref(), refusal.entry.as_deref()), (Some("p"), Some("*.key")));
}

#[test]
fn a_path_is_opened_beneath_what_every_policy_names() {
    let nested = || fs("p", Some(&["/data/", "/data/mount", "/other"]), &[]);
    let bounds = Bounds::new(own(Ground::Cluster), [nested()]);
    assert_eq!(place(&bounds, "/data/mount/x"), Ok("/data/mount x".into()));
    assert_eq!(place(&bounds, "x"), Err(Reason::NotAllowed));
    let both = Bounds::new(own(Ground::Cluster), [nested(), fs("q", Some(&["/data"]), &[])]);
    assert_eq!(place(&both, "/data/mount/x"), Ok("/data mount/x".into()));
    assert_eq!(place(&both, "/other/x"), Err(Reason::NotAllowed));
}

#[test]
fn every_problem_of_every_section_is_told_with_its_path() {
    let http =
        HttpSection { allow_domains: Some(strings(&["a.example", "0.0.0.0/0", "x y"])), deny_domains: strings(&["", "*"]) };
    let fs = FsSection {
        allow_paths: Some(strings(&["data", "/proc/self", "/a/../b", "/ok"])),
        deny_patterns: strings(&["[x", "", "a//b", "..", "{/etc,/usr}", "/"]),
    };
    let resources = ResourcesSection { max_memory_mb: Some(0), timeout: Some(GoDuration::from_secs(0)), ..Default::default() };
    let problems = Sections::compile("p", Some(&http), Some(&fs), Some(&resources)).unwrap_err();
    let mut paths: Vec<_> = problems.into_iter().map(|problem| problem.path).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "fs.allow_paths[0]",
            "fs.allow_paths[1]",
            "fs.allow_paths[2]",
            "fs.deny_patterns[0]",
            "fs.deny_patterns[1]",
            "fs.deny_patterns[2]",
            "fs.deny_patterns[4]",
            "http.allow_domains[1]",
            "http.allow_domains[2]",
            "http.deny_domains[0]",
            "resources.max_memory_mb",
            "resources.timeout",
        ]
    );
}

#[test]
fn of_numbers_the_lowest_counts() {
    let resources = |memory: Option<u32>, timeout: Option<u64>| {
        let section =
            ResourcesSection { max_memory_mb: memory, timeout: timeout.map(GoDuration::from_secs), ..Default::default() };
        Arc::new(Sections::compile("p", None, None, Some(&section)).unwrap())
    };
    assert_eq!(Bounds::new(Own::default(), []).limits(), Limits::DEFAULT);
    let limits =
        Bounds::new(Own::default(), [resources(Some(512), None), resources(Some(256), Some(60)), resources(None, Some(90))])
            .limits();
    assert_eq!((limits.memory, limits.timeout.as_secs(), limits.concurrency), (256 << 20, 60, 16));
}

const ENTRIES: [&str; 14] = [
    "*",
    "a.example",
    "*.example",
    "b.example:8080",
    "rates.default.svc",
    "*.svc",
    "10.0.0.0/8",
    "10.0.0.1",
    "127.0.0.1",
    "1.1.1.0/24",
    "64:ff9b::/96",
    "[fd00::/8]:80",
    "[fd00::7]",
    "169.254.169.254:80",
];
const HOSTS: [&str; 8] =
    ["a.example", "b.example", "x.a.example", "rates.default.svc", "10.0.0.1", "127.0.0.1", "ledger.default.svc", "[fd00::7]"];
const ADDRESSES: [&str; 9] = [
    "1.1.1.1",
    "2.2.2.2",
    "10.0.0.1",
    "10.0.0.2",
    "127.0.0.1",
    "169.254.169.254",
    "fd00::7",
    "64:ff9b::101:101",
    "64:ff9b::a00:1",
];
const PORTS: [u16; 5] = [22, 80, 443, 8000, 8080];
const ROOTS: [&str; 5] = ["/", "/data", "/data/in", "/home/amber", "/etc"];
const PATTERNS: [&str; 5] = ["*.key", "/etc", "/data/in", "in/*.txt", ".."];
const PATHS: [&str; 8] =
    ["x.txt", "/data/in/x.txt", "/data/x.key", "/data/y", "/etc/passwd", "/home/amber/y", "/home/amber/in/z.txt", "/other"];

type Policy = (Option<Vec<&'static str>>, Vec<&'static str>, Option<Vec<&'static str>>, Vec<&'static str>, Option<u32>);

fn policy() -> impl Strategy<Value = Policy> {
    let some = |list: &'static [&'static str]| proptest::sample::subsequence(list, 0..=list.len().min(6));
    let lists = |list| proptest::option::weighted(0.7, some(list));
    (lists(&ENTRIES), some(&ENTRIES), lists(&ROOTS), some(&PATTERNS), proptest::option::of(1_u32..9))
}

fn compiled((allow, deny, roots, patterns, memory): &Policy) -> Arc<Sections> {
    let http = HttpSection { allow_domains: allow.as_deref().map(strings), deny_domains: strings(deny) };
    let fs = FsSection { allow_paths: roots.as_deref().map(strings), deny_patterns: strings(patterns) };
    let resources = ResourcesSection { max_memory_mb: *memory, ..Default::default() };
    Arc::new(Sections::compile("p", Some(&http), Some(&fs), Some(&resources)).unwrap())
}

fn bounds(policies: &[Policy]) -> Bounds {
    Bounds::new(own(Ground::Laptop), policies.iter().map(compiled))
}

/// Whether each host of the universe is reached at each of its addresses and ports, and what becomes of each path.
fn permitted(bounds: &Bounds) -> (Vec<bool>, Vec<bool>) {
    let addresses = ADDRESSES.map(|address| address.parse::<IpAddr>().unwrap());
    let mut reached = Vec::new();
    for host in HOSTS.map(|host| Host::parse(host).unwrap()) {
        for port in PORTS {
            let named = bounds.host(&host, port);
            let leads = |address| named.as_ref().is_ok_and(|named| bounds.address(named, address).is_ok());
            reached.extend(addresses.map(leads));
        }
    }
    (reached, PATHS.iter().map(|path| bounds.path(path).is_ok()).collect())
}

fn implies(less: &[bool], more: &[bool]) -> bool {
    less.iter().zip(more).all(|(less, more)| *more || !*less)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("SKREAVER_SOAK").is_some() { 5_000 } else { 200 }))]

    #[test]
    fn one_policy_more_never_permits_more(policies in prop::collection::vec(policy(), 0..3), one in policy()) {
        let before = permitted(&bounds(&policies));
        let mut more = policies.clone();
        more.insert(policies.len() / 2, one.clone());
        let after = permitted(&bounds(&more));
        // The first list takes the place of the safe default; from then on the law holds without exception.
        let replaces = |list: fn(&Policy) -> bool| list(&one) && !policies.iter().any(list);
        prop_assert!(replaces(|p| p.0.is_some()) || implies(&after.0, &before.0));
        prop_assert!(replaces(|p| p.2.is_some()) || implies(&after.1, &before.1));
        prop_assert!(replaces(|p| p.4.is_some()) || bounds(&more).limits().memory <= bounds(&policies).limits().memory);
    }

    #[test]
    fn one_deny_more_never_permits_more(policies in prop::collection::vec(policy(), 1..3), entry in 0..ENTRIES.len(), pattern in 0..PATTERNS.len()) {
        let before = permitted(&bounds(&policies));
        let mut more = policies;
        more[0].1.push(ENTRIES[entry]);
        more[0].3.push(PATTERNS[pattern]);
        let after = permitted(&bounds(&more));
        prop_assert!(implies(&after.0, &before.0) && implies(&after.1, &before.1));
    }

    #[test]
    fn policies_with_lists_permit_together_what_each_permits_alone(one in policy(), other in policy()) {
        let alone = [&one, &other].map(|policy| permitted(&bounds(std::slice::from_ref(policy))));
        let together = permitted(&bounds(&[one.clone(), other.clone()]));
        let both = |a: &[bool], b: &[bool]| a.iter().zip(b).map(|(a, b)| *a && *b).collect::<Vec<_>>();
        if one.0.is_some() == other.0.is_some() {
            prop_assert_eq!(&together.0, &both(&alone[0].0, &alone[1].0));
        }
        if one.2.is_some() == other.2.is_some() {
            prop_assert_eq!(&together.1, &both(&alone[0].1, &alone[1].1));
        }
    }

    #[test]
    fn no_text_makes_the_judge_panic(host in ".{0,40}", path in ".{0,80}", entry in ".{0,40}") {
        let bounds = Bounds::new(own(Ground::Cluster), []);
        let _ = Host::parse(&host).map(|host| bounds.host(&host, 443));
        let _ = bounds.path(&path);
        let section = HttpSection { allow_domains: None, deny_domains: vec![entry] };
        let _ = Sections::compile("p", Some(&section), None, None);
    }
}
