//! The keys of an OpenID provider: its discovery document, and the set that this names. Whoever writes an Agent chooses the URL, so
//! what is reached is judged as an agent's own requests are: every address of the name, no redirects, so many bytes.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Certificate, Client, Response, StatusCode, Url, header, redirect};
use serde_json::Value;
use skreaver_policy::bounds::{Bounds, Ground, Host, Own, Refusal};

use super::{Fetched, key_set};

/// The most bytes of one document.
const LONGEST: usize = 64 << 10;

/// Whether providers on loopback are asked: only where the operator runs on somebody's own machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loopback {
    Open,
    Closed,
}

pub(crate) async fn fetch(issuer: &str, loopback: Loopback) -> Result<Fetched, String> {
    let of = |what: &'static str| move |problem: String| format!("its {what} {problem}");
    let (discovery, key_set) = (of("discovery document"), of("key set"));
    let at = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let own = parse(&at, loopback).and_then(|url| place(&url)).map_err(discovery)?;
    let (document, _) = get(&at, &own, loopback).await.map_err(discovery)?;
    let named = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if named != issuer {
        return Err(discovery("names another issuer: write the URL exactly as it does".to_owned()));
    }
    let at = document.get("jwks_uri").and_then(Value::as_str).ok_or_else(|| discovery("has no `jwks_uri`".to_owned()))?;
    let (keys, max_age) = get(at, &own, loopback).await.map_err(key_set)?;
    Ok(Fetched { keys: key_set::usable(&keys).map_err(key_set)?, max_age })
}

async fn get(at: &str, own: &(Host, u16), loopback: Loopback) -> Result<(Value, Option<Duration>), String> {
    let url = parse(at, loopback)?;
    let client = client(&url, &sockets(&url, own, loopback).await?).map_err(|error| why(&error))?;
    let mut response = client.get(url).send().await.map_err(|error| why(&error))?;
    match response.status() {
        StatusCode::OK => {}
        status if status.is_redirection() => {
            return Err(format!("is answered by {}, and redirects are not followed", status.as_u16()));
        }
        status => return Err(format!("is answered by {}", status.as_u16())),
    }
    let max_age = max_age(&response);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(format!("has more than {LONGEST} bytes"));
        }
    }
    let document = serde_json::from_slice(&body).map_err(|_| "is not JSON")?;
    Ok((document, max_age))
}

fn parse(at: &str, loopback: Loopback) -> Result<Url, String> {
    let url = Url::parse(at).map_err(|_| "has a URL that is none")?;
    match (url.scheme(), loopback) {
        ("https", _) | ("http", Loopback::Open) => Ok(url),
        _ => Err("is not fetched but over HTTPS".to_owned()),
    }
}

fn place(url: &Url) -> Result<(Host, u16), String> {
    url.host().and_then(Host::of).zip(url.port_or_known_default()).ok_or_else(|| "has a URL without a host".to_owned())
}

/// The sockets to dial. The issuer's own host may be private, as a provider in the cluster is; any other has to be public, and
/// loopback and link-local addresses, where metadata of machines is served, are never asked.
async fn sockets(url: &Url, own: &(Host, u16), loopback: Loopback) -> Result<Vec<SocketAddr>, String> {
    let ground = match loopback {
        Loopback::Open => Ground::Laptop,
        Loopback::Closed => Ground::Cluster,
    };
    let bounds = Bounds::new(Own { folder: None, places: vec![own.clone()], ground }, []);
    let (host, port) = place(url)?;
    let closed = |refusal: Refusal| format!("may not be fetched: {refusal}");
    let named = bounds.host(&host, port).map_err(closed)?;
    let found: Vec<_> = match &host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), port)).await;
            found.map_err(|_| format!("cannot be fetched: `{name}` has no address"))?.map(|socket| socket.ip()).collect()
        }
    };
    found.into_iter().map(|address| bounds.address(&named, address).map_err(closed)).collect()
}

/// A client that knows these sockets alone: what was judged is what is dialled.
fn client(url: &Url, sockets: &[SocketAddr]) -> reqwest::Result<Client> {
    let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| Certificate::from_der(root));
    let mut roots = mozilla.collect::<reqwest::Result<Vec<_>>>()?;
    // A company's own authorities, by the variable that says so to agents as well.
    let named = std::env::var_os("SSL_CERT_FILE").and_then(|path| std::fs::read(path).ok());
    roots.extend(named.map(|pem| Certificate::from_pem_bundle(&pem)).transpose()?.unwrap_or_default());
    Client::builder()
        .tls_certs_only(roots)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(url.host_str().unwrap_or_default(), sockets)
        .build()
}

fn max_age(response: &Response) -> Option<Duration> {
    let said = response.headers().get(header::CACHE_CONTROL)?.to_str().ok()?;
    let seconds = said.split(',').find_map(|part| part.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

/// The innermost cause: the outer ones repeat the URL.
fn why(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("cannot be fetched: {cause}")
}
