//! Keeps the keys of issuers fresh: those of the cluster from the API server, those of providers over HTTPS.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use axum::http::Request;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kube::Client;
use serde_json::Value;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::provider::{self, Loopback};
use super::{Fetched, KeyBook, Place, key_set};
use crate::control::hub::Hub;

/// Fetches at the same time.
const AT_ONCE: usize = 16;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to sleep where nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// Runs until told to stop.
pub(crate) async fn keep_fresh(client: Client, loopback: Loopback, hub: Arc<Hub>, stop: CancellationToken) {
    let book = &hub.issuers;
    let mut running = FuturesUnordered::new();
    loop {
        let (due, next) = book.take_due(AT_ONCE - running.len(), Instant::now());
        running.extend(due.into_iter().map(|(url, place)| fetch(client.clone(), url, place, loopback)));
        let next = if running.len() == AT_ONCE { None } else { next };
        tokio::select! {
            () = stop.cancelled() => return,
            () = book.wake.notified() => {}
            () = sleep_until(next.unwrap_or_else(|| Instant::now() + IDLE).into()) => {}
            Some((url, outcome)) = running.next() => {
                if let Err(problem) = &outcome {
                    tracing::warn!(issuer = url, problem, "keys not fetched");
                }
                let concerned = book.settle(&url, outcome, Instant::now());
                concerned.changed.iter().for_each(|agent| hub.wake(agent));
                concerned.told.iter().for_each(|agent| hub.repeat_keys(agent));
            }
        }
    }
}

async fn fetch(client: Client, url: String, place: Place, loopback: Loopback) -> (String, Result<Fetched, String>) {
    let asked = async {
        match place {
            Place::Cluster => of_cluster(&client).await.map_err(|error| format!("{error:#}")),
            Place::Provider => provider::fetch(&url, loopback).await,
        }
    };
    let outcome = timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err("it does not answer within 10s".into()));
    let outcome = outcome.map_err(|problem| format!("failed to fetch the keys of {url}: {problem}"));
    (url, outcome)
}

async fn of_cluster(client: &Client) -> anyhow::Result<Fetched> {
    let keys = get(client, "/openid/v1/jwks").await?;
    let keys = key_set::usable(&keys).map_err(|problem| anyhow!("its key set {problem}"))?;
    Ok(Fetched { keys, max_age: None })
}

/// Learns what tokens of this cluster's ServiceAccounts name in `iss`, and their keys, so that the first Agent finds them. Keys that
/// cannot be fetched are told, and tried again.
pub(crate) async fn learn_cluster(client: &Client, book: &KeyBook) -> anyhow::Result<String> {
    let document = get(client, "/.well-known/openid-configuration").await?;
    let issuer = document.get("issuer").and_then(Value::as_str).context("the API server's OpenID document names no issuer")?;
    book.keep_cluster(issuer, Instant::now());
    for (url, place) in book.take_due(1, Instant::now()).0 {
        let (url, outcome) = fetch(client.clone(), url, place, Loopback::Closed).await;
        book.settle(&url, outcome, Instant::now());
    }
    Ok(issuer.to_owned())
}

async fn get(client: &Client, path: &str) -> anyhow::Result<Value> {
    let request = Request::get(path).body(Vec::new())?;
    client.request(request).await.with_context(|| format!("failed to read {path} of the API server"))
}
