//! A network of our own on loopback, permits as a policy gives them, and secrets that change.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Value, json};
use skreaver_effects::http::{Client, Network};
use skreaver_effects::{Bounds, Guard};
use skreaver_policy::bounds::{Ground, Host, Own};
use skreaver_policy::{Call, Ledger, Permit, Policy};
use skreaver_protocol::config::SecretSource;
use skreaver_protocol::{AgentName, Caller, ToolName};
use skreaver_remote::{CurrentBounds, Secrets, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where names of the cluster are, and all others.
const INSIDE: &str = "10.9.8.7";
const OUTSIDE: &str = "93.184.216.34";

/// A network in which every address leads to one server.
#[derive(Debug)]
struct Loopback {
    server: SocketAddr,
}

#[async_trait]
impl Network for Loopback {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let address = if name.ends_with(".svc") { INSIDE } else { OUTSIDE };
        Ok(vec![address.parse().unwrap()])
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(self.server).await
    }
}

/// One secret, as a file would hold it.
#[derive(Clone, Default)]
pub(crate) struct Vault(Arc<Mutex<Option<String>>>);

impl Vault {
    pub(crate) fn put(&self, secret: &str) {
        *self.0.lock().unwrap() = Some(secret.to_owned());
    }
}

impl Secrets for Vault {
    fn read(&self, source: &SecretSource) -> Result<SecretString, String> {
        let secret = self.0.lock().unwrap().clone();
        secret.map(SecretString::from).ok_or_else(|| format!("failed to read `{source}`"))
    }
}

/// A world whose network is this server.
pub(crate) fn world(server: SocketAddr, vault: &Vault) -> World {
    let client = Client::trusting(Arc::new(Loopback { server }), None).unwrap();
    let bounds = Arc::new(Bounds::new(Own::default(), []));
    let bounds: CurrentBounds = Arc::new(move || Arc::clone(&bounds));
    World { guard: Guard::new(client), secrets: Arc::new(vault.clone()), bounds, ground: Ground::default() }
}

/// A permit of an agent whose spec names these places, with the rules of one policy besides.
pub(crate) fn permit_under(policies: Value, places: Vec<(Host, u16)>) -> Permit {
    let bundle = serde_json::from_value(json!({"version": 1, "policies": policies})).unwrap();
    let policy = Policy::compile(&bundle).unwrap().owning(Own { places, ..Own::default() });
    let (agent, tool) = (AgentName::parse("amber").unwrap(), ToolName::parse("granite").unwrap());
    let call = Call {
        agent: &agent,
        tool: &tool,
        arguments: &json!({}),
        caller: &Caller::Anonymous,
        session: None,
        read: None,
        id: "run-7/3",
        approved: None,
    };
    policy.authorize(&call).settle(&Ledger::default(), std::time::Duration::ZERO).verdict.unwrap()
}

pub(crate) fn permit() -> Permit {
    permit_under(json!([]), Vec::new())
}

/// A request as a server sees it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// Method and target.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A server that answers each connection with the bytes that `answer` makes of its request; none: it says nothing, ever.
pub(crate) async fn serve(answer: impl Fn(&Seen) -> Option<Vec<u8>> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let Some(seen) = request(&mut socket).await else { return };
                let Some(bytes) = answer(&seen) else { return std::future::pending().await };
                // Whoever goes away early does not want it.
                let _ = socket.write_all(&bytes).await;
                let _ = socket.shutdown().await;
            });
        }
    });
    address
}

async fn request(socket: &mut TcpStream) -> Option<Seen> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let seen = Seen { head: String::from_utf8_lossy(&bytes[..end]).into_owned(), body: bytes[end + 4..].to_vec() };
            let length = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if seen.body.len() >= length {
                return Some(seen);
            }
        }
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// A whole answer.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    [answer.as_bytes(), b"\r\n", body].concat()
}

/// A JSON answer.
pub(crate) fn json_answer(status: u16, value: &Value) -> Option<Vec<u8>> {
    Some(answer(status, &[("content-type", "application/json")], value.to_string().as_bytes()))
}

/// A server that tells what it was asked.
pub(crate) async fn echo() -> SocketAddr {
    serve(|seen| {
        let told = json!({"line": seen.line(), "host": seen.header("host"), "key": seen.header("x-key"), "body": seen.json(),
            "type": seen.header("content-type"), "trace": seen.header("x-trace")});
        json_answer(200, &told)
    })
    .await
}
