//! What a permitted call may touch: nothing private unless it is named, and nothing outside of a directory.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use skreaver_policy::bounds::{Bounds, Host, Own, Sections};
use skreaver_protocol::policy::{FsSection, HttpSection};

use crate::Came;

#[derive(Deserialize)]
struct Hosts {
    #[serde(default)]
    http: Option<HttpSection>,
    urls: Vec<String>,
    #[serde(default)]
    addresses: Vec<IpAddr>,
}

/// URLs under any section `http`, and again under none: there nothing that is private is ever dialled.
pub(super) fn hosts(bytes: &[u8]) -> Came {
    let Ok(Hosts { http, urls, addresses }) = serde_json::from_slice(bytes) else { return Came::NOTHING };
    let open = Bounds::new(Own::default(), []);
    let sections = match Sections::compile("quarry", http.as_ref(), None, None) {
        Ok(sections) => Arc::new(sections),
        Err(problems) => return Came::told(&problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    let closed =
        Sections::compile("closed", Some(&HttpSection { allow_domains: Some(Vec::new()), ..HttpSection::default() }), None, None);
    let closed = Arc::new(closed.expect("an empty list is one"));
    let bounds = Bounds::new(Own::default(), [Arc::clone(&sections)]);
    let with_closed = Bounds::new(Own::default(), [sections, closed]);
    let mut came = Vec::new();
    for text in &urls {
        for host in Host::parse(text).into_iter().chain(host_of(text)) {
            for port in [80, 443, 22, 8080, 0] {
                assert!(with_closed.host(&host, port).is_err(), "a policy that allows nothing was outvoted");
                let judged = bounds.host(&host, port);
                came.push(judged.as_ref().err().map(|refusal| refusal.reason.name()));
                if let Ok(named) = open.host(&host, port) {
                    let given = if let Host::Address(address) = host { vec![address] } else { addresses.clone() };
                    for address in given {
                        if let Ok(socket) = open.address(&named, address) {
                            assert!(!is_private(socket.ip()), "{host} leads to {socket}, which is private");
                            assert_eq!(socket.port(), port);
                        }
                    }
                }
            }
        }
        came.push(bounds.foresee(text).err().map(|refusal| refusal.reason.name()));
    }
    Came::to(&came)
}

fn host_of(url: &str) -> Option<Host> {
    // What is no URL is for others to refuse.
    let (host, _) = skreaver_effects::http::place(url).ok()?;
    Some(host)
}

/// Slow and obvious: the networks that RFC 6890 and its followers keep for other purposes than the public internet.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_unspecified()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b))
        }
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            let inner = match segments {
                [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => Some((high, low)),
                [0x2002, high, low, ..] => Some((high, low)),
                [0, 0, 0, 0, 0, 0, high, low] => Some((high, low)),
                _ => None,
            };
            let inner = inner.map(|(high, low)| IpAddr::from([(high >> 8) as u8, high as u8, (low >> 8) as u8, low as u8]));
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || (segments[0] & 0xfe00) == 0xfc00
                || (segments[0] & 0xffc0) == 0xfe80
                || inner.is_some_and(is_private)
        }
    }
}

#[derive(Deserialize)]
struct Paths {
    #[serde(default)]
    fs: Option<FsSection>,
    paths: Vec<String>,
}

/// Paths under any section `fs`: what is opened lies beneath a directory that is named, and the way there leads only down.
pub(super) fn paths(bytes: &[u8]) -> Came {
    let Ok(Paths { fs, paths }) = serde_json::from_slice(bytes) else { return Came::NOTHING };
    let sections = match Sections::compile("quarry", None, fs.as_ref(), None) {
        Ok(sections) => sections,
        Err(problems) => return Came::told(&problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
    };
    let own = Own { folder: Some(PathBuf::from("/files")), ..Own::default() };
    let bounds = Bounds::new(own, [Arc::new(sections)]);
    let allowed = fs.and_then(|fs| fs.allow_paths).unwrap_or_else(|| vec!["/files".to_owned()]);
    let mut came = Vec::new();
    for path in &paths {
        match bounds.path(path) {
            Err(refusal) => came.push(Some(refusal.reason.name())),
            Ok(place) => {
                let beneath = place.beneath();
                assert!(!beneath.starts_with('/') && !beneath.contains('\0'), "{beneath:?}");
                assert!(beneath.is_empty() || beneath.split('/').all(|part| !matches!(part, "" | "." | "..")), "{beneath:?}");
                let root = place.root().to_string_lossy().into_owned();
                let is_named = |allowed: &String| straight(allowed) == straight(&root);
                assert!(allowed.iter().any(is_named), "{root} of {path:?} is none of {allowed:?}");
                came.push(None);
            }
        }
    }
    Came::to(&came)
}

/// A path without what says nothing.
fn straight(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect()
}
