//! The keys of an OpenID provider: its discovery document, and the set that this names. Whoever writes an Agent chooses the URL, so
//! what is reached is judged as an agent's own requests are: every address of the name, no redirects, so many bytes.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Certificate, Client, Response, Url, header, redirect};
use serde_json::Value;
use skreaver_policy::bounds::{Bounds, Ground, Host, Own};

use super::Fetched;

/// The most bytes of one document.
const LONGEST: usize = 64 << 10;

/// Whether providers on loopback are asked: only where the operator runs on somebody's own machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loopback {
    Open,
    Closed,
}

pub(crate) async fn fetch(issuer: &str, loopback: Loopback) -> Result<Fetched, String> {
    let at = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let own = place(&parse(&at, loopback)?)?;
    let (document, _) = get(&at, &own, loopback).await?;
    let named = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if named != issuer {
        return Err("its discovery document names another issuer: write the URL exactly as it does".to_owned());
    }
    let at = document.get("jwks_uri").and_then(Value::as_str).ok_or("its discovery document has no `jwks_uri`")?;
    let (keys, max_age) = get(at, &own, loopback).await?;
    Ok(Fetched { keys: key_set(keys)?, max_age })
}

/// A JWK Set with keys in it: one without is what broken proxies send.
pub(super) fn key_set(document: Value) -> Result<Value, String> {
    match document.get("keys").and_then(Value::as_array) {
        Some(keys) if !keys.is_empty() => Ok(document),
        Some(_) | None => Err("its set holds no keys".to_owned()),
    }
}

async fn get(at: &str, own: &(Host, u16), loopback: Loopback) -> Result<(Value, Option<Duration>), String> {
    let url = parse(at, loopback)?;
    let client = client(&url, &sockets(&url, own, loopback).await?).map_err(|error| why(&error))?;
    let mut response = client.get(url).send().await.map_err(|error| why(&error))?;
    if response.status() != 200 {
        return Err(format!("it answers {}", response.status().as_u16()));
    }
    let max_age = max_age(&response);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(format!("a document of it has more than {LONGEST} bytes"));
        }
    }
    let document = serde_json::from_slice(&body).map_err(|_| "a document of it is not JSON")?;
    Ok((document, max_age))
}

fn parse(at: &str, loopback: Loopback) -> Result<Url, String> {
    let url = Url::parse(at).map_err(|_| "a URL of it is none")?;
    match (url.scheme(), loopback) {
        ("https", _) | ("http", Loopback::Open) => Ok(url),
        _ => Err("its keys are fetched over HTTPS only".to_owned()),
    }
}

fn place(url: &Url) -> Result<(Host, u16), String> {
    url.host().and_then(Host::of).zip(url.port_or_known_default()).ok_or_else(|| "a URL of it has no host".to_owned())
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
    let named = bounds.host(&host, port).map_err(|refusal| refusal.to_string())?;
    let found: Vec<_> = match &host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), port)).await;
            found.map_err(|_| format!("`{name}` has no address"))?.map(|socket| socket.ip()).collect()
        }
    };
    found.into_iter().map(|address| bounds.address(&named, address).map_err(|refusal| refusal.to_string())).collect()
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
    cause.to_string()
}
