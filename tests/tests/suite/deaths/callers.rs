//! Callers of an agent whose process dies under them: they ask again with the same key until they have an answer.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::home::Promise;

const PAUSE: Duration = Duration::from_millis(20);
/// The session of those who talk.
const SESSION: &str = "table-4";

/// Where the runtime answers; nothing while it is dead.
type Address = watch::Receiver<Option<SocketAddr>>;

/// Who waits for an answer, and how.
struct Caller {
    /// What the agent is told, and the key.
    label: &'static str,
    in_session: bool,
    /// Whether the connection is held until the answer comes; else the run is asked after.
    waits: bool,
}

const CALLERS: [Caller; 7] = [
    Caller { label: "later-0", in_session: false, waits: false },
    Caller { label: "wait-0", in_session: false, waits: true },
    Caller { label: "talk-0", in_session: true, waits: true },
    Caller { label: "later-1", in_session: false, waits: false },
    Caller { label: "wait-1", in_session: false, waits: true },
    Caller { label: "talk-1", in_session: true, waits: false },
    Caller { label: "talk-2", in_session: true, waits: true },
];

/// What a caller was told.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) label: String,
    pub(super) in_session: bool,
    pub(super) run: String,
    /// The answer, or the problem that came in its place.
    pub(super) output: Result<String, String>,
}

struct Line<'a> {
    client: Client,
    agent: &'a str,
    address: Address,
}

/// Calls, and waits until every caller has been told.
pub(super) async fn all(agent: &str, address: Address, promise: Promise) -> Vec<Told> {
    let client = Client::new();
    join_all(CALLERS.iter().map(|caller| {
        let line = Line { client: client.clone(), agent, address: address.clone() };
        async move { line.call(caller, promise).await }
    }))
    .await
}

/// The runs that the agent lists, and the messages of the session.
pub(super) async fn look(agent: &str, address: Address) -> (Vec<Value>, Vec<Value>) {
    let mut line = Line { client: Client::new(), agent, address };
    let list = async |line: &mut Line<'_>, path: &str, field: &str| {
        let path = format!("/agents/{agent}/{path}");
        let (_, mut found) = line.ask(|client, base| client.get(format!("{base}{path}"))).await;
        match found[field].take() {
            Value::Array(list) => list,
            _ => Vec::new(),
        }
    };
    let runs = list(&mut line, "runs?limit=100", "runs").await;
    (runs, list(&mut line, &format!("sessions/{SESSION}"), "messages").await)
}

impl Line<'_> {
    /// Asks until there is an answer that does not ask to come again.
    async fn ask(&mut self, request: impl Fn(&Client, &str) -> RequestBuilder) -> (StatusCode, Value) {
        loop {
            let address = self.address.wait_for(Option::is_some).await.expect("the case outlives its callers").to_owned();
            let base = address.map(|address| format!("http://{address}")).unwrap_or_default();
            if let Ok(response) = request(&self.client, &base).send().await {
                let status = response.status();
                match response.json().await {
                    Ok(body) if status != StatusCode::SERVICE_UNAVAILABLE => return (status, body),
                    Ok(_) | Err(_) => {}
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn call(mut self, caller: &Caller, promise: Promise) -> Told {
        let Caller { label, in_session, waits } = *caller;
        let told = |run: &Value, output| Told {
            label: label.to_owned(),
            in_session,
            run: run.as_str().unwrap_or_default().to_owned(),
            output,
        };
        loop {
            let (status, body) = self.observe(caller).await;
            match status {
                StatusCode::OK if waits => return told(&body["run"], text(&body["output"])),
                StatusCode::ACCEPTED if !waits => match self.ended(&body["run"]).await {
                    Some(output) => return told(&body["run"], output),
                    None if promise == Promise::Nothing => {}
                    None => return told(&body["run"], Err("it was accepted, and is not there any more".into())),
                },
                _ => return told(&body["run"], Err(format!("{status}: {body}"))),
            }
        }
    }

    async fn observe(&mut self, caller: &Caller) -> (StatusCode, Value) {
        let Caller { label, in_session, waits } = *caller;
        let path = format!("/agents/{}/observe", self.agent);
        let mut body = json!({"input": label});
        if in_session {
            body["session"] = SESSION.into();
        }
        self.ask(|client, base| {
            let request = client.post(format!("{base}{path}")).header("idempotency-key", label).json(&body);
            if waits { request } else { request.header("prefer", "respond-async") }
        })
        .await
    }

    /// How an accepted run ended. Nothing where it is not there.
    async fn ended(&mut self, run: &Value) -> Option<Result<String, String>> {
        let path = format!("/agents/{}/runs/{}", self.agent, run.as_str().unwrap_or_default());
        loop {
            let (status, body) = self.ask(|client, base| client.get(format!("{base}{path}"))).await;
            match (status, body["state"].as_str()) {
                (StatusCode::OK, Some("running")) => tokio::time::sleep(PAUSE).await,
                (StatusCode::OK, Some("completed")) => return Some(text(&body["output"])),
                (StatusCode::NOT_FOUND, _) => return None,
                _ => return Some(Err(format!("{status}: {body}"))),
            }
        }
    }
}

fn text(output: &Value) -> Result<String, String> {
    output.as_str().map(str::to_owned).ok_or_else(|| format!("{output} is no answer"))
}
