//! A served runtime, and a tool that takes its time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use skreaver::policy::Permit;
use skreaver::protocol::{AgentName, ToolName, config::RuntimeConfig, policy::PolicyBundle};
use skreaver::{Listeners, Runtime, Tool, ToolError, serve, serve_until_terminated};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A runtime that is served until it is stopped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) ended: JoinHandle<std::io::Result<()>>,
    pub(crate) client: reqwest::Client,
}

/// A tool that ends when it is let go. It is listed as `uppercase`, because agents list built-in names.
#[derive(Clone)]
pub(crate) struct Held(pub(crate) Arc<Semaphore>);

#[async_trait]
impl Tool for Held {
    fn description(&self) -> &str {
        "Waits until it is let go."
    }

    fn input_schema(&self) -> Value {
        json!({ "type": "object" })
    }

    async fn run(&self, _: Permit, arguments: Value) -> Result<Value, ToolError> {
        self.0.acquire().await.map_err(|error| ToolError::Failed(error.to_string()))?.forget();
        match arguments["text"].as_str() {
            Some("panic") => panic!("asked to"),
            Some("fail") => Err(ToolError::Failed("asked to".into())),
            _ => Ok(arguments["text"].clone()),
        }
    }
}

pub(crate) fn config(yaml: &str) -> RuntimeConfig {
    serde_yaml::from_str(yaml).unwrap()
}

pub(crate) async fn start(config: RuntimeConfig, policies: &[(&str, &str)], held: Option<Held>, linger: Duration) -> Served {
    let shutdown = CancellationToken::new();
    let runtime = build(config, policies, held);
    served(shutdown.clone(), |listeners| serve(runtime, listeners, shutdown, linger)).await
}

/// Serves a runtime that a test has built.
pub(crate) async fn serve_runtime(runtime: Arc<Runtime>) -> Served {
    let shutdown = CancellationToken::new();
    served(shutdown.clone(), |listeners| serve(runtime, listeners, shutdown, Duration::ZERO)).await
}

/// As [`start`], but it is stopped by signals to the process; its `shutdown` does nothing.
pub(crate) async fn start_until_terminated(config: RuntimeConfig, held: Held, linger: Duration) -> Served {
    let runtime = build(config, &[], Some(held));
    served(CancellationToken::new(), |listeners| serve_until_terminated(runtime, listeners, linger)).await
}

fn build(config: RuntimeConfig, policies: &[(&str, &str)], held: Option<Held>) -> Arc<Runtime> {
    let mut builder = Runtime::builder().config(config);
    for (agent, bundle) in policies {
        let bundle: PolicyBundle = serde_yaml::from_str(bundle).unwrap();
        builder = builder.policies(AgentName::parse(*agent).unwrap(), bundle);
    }
    if let Some(held) = held {
        builder = builder.tool(ToolName::parse("uppercase").unwrap(), Arc::new(held));
    }
    Arc::new(builder.build().unwrap())
}

async fn served<F>(shutdown: CancellationToken, serve: impl FnOnce(Listeners) -> F) -> Served
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = api.local_addr().unwrap();
    let ended = tokio::spawn(serve(Listeners { api, admin: None }));
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    Served { address, shutdown, ended, client }
}

impl Served {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn observe(&self, agent: &str, input: &str) -> (u16, Value) {
        let request = self.client.post(self.url(&format!("/agents/{agent}/observe"))).json(&json!({ "input": input }));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.ended.await.unwrap().unwrap();
    }
}

/// Asks again and again until the answer is there.
pub(crate) async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.expect("it comes in time")
}
