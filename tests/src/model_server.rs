//! A model provider that answers by a script: OpenAI's chat completions and Anthropic's messages, whole and streamed, with every
//! fault that providers have. It checks requests as the real ones do, and remembers them.

mod anthropic;
mod fault;
mod openai;
mod request;
mod script;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use fault::Fault;
pub use request::Format;
pub use script::{Reply, Rule, Script, Stop, ToolCall, Usage, When};

use request::Refusal;

/// A server on a loopback port of its own. It ends when it is dropped.
pub struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// A request as it came, without its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// In which format.
    pub format: Format,
    /// What was asked.
    pub body: Value,
    /// The headers in order, keys replaced by `redacted`.
    pub headers: Vec<(String, String)>,
    /// The status of the answer; of a fault that breaks off, the status that it began with.
    pub status: u16,
    /// The usage that the answer told, input and output.
    pub usage: Usage,
}

struct Shared {
    script: Mutex<Script>,
    recorded: Mutex<Vec<Recorded>>,
}

impl ModelServer {
    /// Starts a server.
    ///
    /// # Panics
    /// When the machine has no free port.
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared { script: Mutex::new(script), recorded: Mutex::default() });
        let task = tokio::spawn(run(listener, Arc::clone(&shared)));
        Self { address, shared, task }
    }

    /// The base URL, without a path. OpenAI's and Anthropic's paths are both below it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.shared.recorded).clone()
    }

    /// How many requests there were.
    pub fn calls(&self) -> usize {
        lock(&self.shared.recorded).len()
    }

    /// The tokens of all answers so far.
    pub fn usage(&self) -> Usage {
        lock(&self.shared.recorded).iter().fold(Usage::NONE, |sum, recorded| sum.plus(recorded.usage))
    }

    /// From now on exactly these keys are good; without any, every one is, and none.
    pub fn set_keys(&self, keys: &[&str]) {
        lock(&self.shared.script).keys = keys.iter().map(|key| (*key).to_owned()).collect();
    }

    /// From now on another script counts. What was recorded stays.
    pub fn set_script(&self, script: Script) {
        *lock(&self.shared.script) = script;
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a script until the caller drops the future.
pub async fn serve(listener: TcpListener, script: Script) {
    run(listener, Arc::new(Shared { script: Mutex::new(script), recorded: Mutex::default() })).await;
}

async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let routes = Router::new()
        .route("/v1/chat/completions", post(answer))
        .route("/v1/messages", post(answer))
        .route("/v1/models", get(models))
        .route("/requests", get(requests))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared);
    // Frames leave one by one, as a provider's do.
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    if let Err(error) = axum::serve(listener, routes).await {
        eprintln!("the scripted model ended: {error}");
    }
}

async fn models(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let names = lock(&shared.script).models.clone();
    let models: Vec<_> =
        names.iter().map(|name| json!({"id": name, "object": "model", "created": 1, "owned_by": "script"})).collect();
    respond(StatusCode::OK, json!({"object": "list", "data": models}).to_string())
}

/// For tests that reach the server only over the network: what [`ModelServer::requests`] gives, bodies only.
async fn requests(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let bodies: Vec<_> = lock(&shared.recorded).iter().map(|recorded| recorded.body.clone()).collect();
    respond(StatusCode::OK, Value::from(bodies).to_string())
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, bytes: Bytes) -> Response<Body> {
    let format = if uri.path() == "/v1/messages" { Format::Anthropic } else { Format::OpenAi };
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let (number, decided) = {
        let mut script = lock(&shared.script);
        let decided = request::check(format, &script, &headers, &body).map(|()| script.decide(&format.seen(&body)));
        let (status, usage) = match &decided {
            Ok((rule, _)) => (rule.fault.as_ref().map_or(200, Fault::status), rule.usage_told()),
            Err(Refusal { status, .. }) => (*status, Usage::NONE),
        };
        let mut recorded = lock(&shared.recorded);
        recorded.push(Recorded { format, body: body.clone(), headers: redacted(&headers), status, usage });
        (recorded.len(), decided)
    };
    match decided {
        Err(refusal) => respond(status(refusal.status), format.refusal(&refusal).to_string()),
        Ok((rule, reply)) => {
            tokio::time::sleep(Duration::from_millis(rule.delay_ms)).await;
            let streamed = body["stream"] == true;
            let answer = Answer { number, body: &body, reply: &reply };
            match rule.fault {
                Some(fault) => fault.respond(format, &answer, streamed).await,
                None if streamed => fault::stream(format.frames(&answer).into_iter().map(fault::Piece::Frame).collect()),
                None => respond(StatusCode::OK, format.whole(&answer).to_string()),
            }
        }
    }
}

/// What an answer is written from.
struct Answer<'a> {
    /// Its number, from 1; ids are made of it.
    number: usize,
    body: &'a Value,
    reply: &'a Reply,
}

fn respond(status: StatusCode, json: String) -> Response<Body> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Body::from(json)).expect("a valid response")
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a script names statuses that exist")
}

fn redacted(headers: &HeaderMap) -> Vec<(String, String)> {
    let redact = |name: &str, value: &str| if is_key(name) { "redacted".to_owned() } else { value.to_owned() };
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
    pairs.map(|(name, value)| (name.to_owned(), redact(name, value))).collect()
}

fn is_key(name: &str) -> bool {
    ["authorization", "x-api-key", "api-key"].contains(&name)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no handler panics while it holds the lock")
}
