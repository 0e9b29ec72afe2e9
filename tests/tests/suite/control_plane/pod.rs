//! A pod that runs nowhere: an object with a token, and its end of the control channel held by a test.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::stream::SplitSink;
use futures::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use skreaver_protocol::approval::{ApprovalRequest, ApprovalVotes};
use skreaver_protocol::auth::{KeySets, KeysWanted};
use skreaver_protocol::control::{AUDIENCE, FromRuntime, PATH, ToRuntime};
use skreaver_tests::{Namespace, kubectl, until};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_util::task::AbortOnDropHandle;

type Stream = WebSocketStream<TlsStream<TcpStream>>;

/// A pod of an Agent, connected.
pub struct Pod {
    says: SplitSink<Stream, Message>,
    votes: watch::Receiver<Vec<ApprovalVotes>>,
    keys: watch::Receiver<KeySets>,
    _listens: AbortOnDropHandle<()>,
}

impl Pod {
    /// Makes the object under the Agent's ServiceAccount, and connects with its token to the operator on this port.
    pub async fn connect(namespace: &Namespace, agent: &str, name: &str, port: u16) -> Self {
        until("the ServiceAccount", async || namespace.get("serviceaccount", agent).await).await;
        kubectl(&["create", "--namespace", &namespace.name, "-f", "-"], &object(agent, name)).await.unwrap();
        let bound = ["--bound-object-kind=Pod", "--bound-object-name", name, "--audience", AUDIENCE];
        let token = namespace.kubectl(&[["create", "token", agent].as_slice(), &bound].concat()).await.unwrap();
        let (says, mut hears) = open(namespace, port, token.trim()).await.split();
        let (tell, votes) = watch::channel(Vec::new());
        let (tell_keys, keys) = watch::channel(KeySets::default());
        let listens = tokio::spawn(async move {
            while let Some(Ok(message)) = hears.next().await {
                let Message::Text(text) = message else { continue };
                match serde_json::from_str(&text) {
                    Ok(ToRuntime::Approvals { votes }) => drop(tell.send_replace(votes)),
                    Ok(ToRuntime::KeySets { keys }) => drop(tell_keys.send_replace(keys)),
                    Ok(ToRuntime::Policies { .. }) | Err(_) => {}
                }
            }
        });
        Self { says, votes, keys, _listens: AbortOnDropHandle::new(listens) }
    }

    /// Tells which calls wait.
    pub async fn ask(&mut self, waiting: &[ApprovalRequest]) {
        let message = serde_json::to_string(&FromRuntime::Approvals { waiting: waiting.to_vec() }).unwrap();
        self.says.send(Message::Text(message.into())).await.unwrap();
    }

    /// Waits until it is told such keys.
    pub async fn keys(&mut self, wanted: impl Fn(&KeySets) -> bool) -> KeySets {
        let told = tokio::time::timeout(skreaver_tests::DEADLINE, self.keys.wait_for(wanted)).await;
        told.expect("the pod to be told keys in time").unwrap().clone()
    }

    /// Says that it has seen a key that it does not know, as often as it may without being cut off, until it is told such keys.
    pub async fn wants(&mut self, issuer: &str, wanted: impl Fn(&KeySets) -> bool) -> KeySets {
        let mut pauses = tokio::time::interval(Duration::from_millis(260));
        until("the pod to be told the keys that it wants", async || {
            pauses.tick().await;
            let wants = KeysWanted { issuers: vec![issuer.to_owned()], version: self.keys.borrow().version };
            let message = serde_json::to_string(&FromRuntime::KeysWanted { wanted: wants }).unwrap();
            self.says.send(Message::Text(message.into())).await.unwrap();
            let told = self.keys.borrow().clone();
            wanted(&told).then_some(told)
        })
        .await
    }

    /// Waits until it is told that these people have said something of a call; nothing stands for a call that it is not told of.
    pub async fn told(&mut self, name: &str, people: Option<&[&str]>) {
        let said = |votes: &Vec<ApprovalVotes>| {
            let found = votes.iter().find(|votes| votes.name == name);
            let found: Option<Vec<_>> = found.map(|found| found.votes.iter().map(|vote| vote.user.as_str()).collect());
            found.as_deref() == people
        };
        let told = tokio::time::timeout(skreaver_tests::DEADLINE, self.votes.wait_for(said)).await;
        told.unwrap_or_else(|_| panic!("waited in vain to be told of {name}: {people:?}")).unwrap();
    }
}

/// A call that waits for so long.
pub fn request(step: u32, quorum: u32, patience: Duration) -> ApprovalRequest {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap();
    let request: Value = json!({
        "name": format!("amber-{step:x}"), "agent": "amber", "run": "0190", "step": step, "tool": "pay",
        "digest": format!("{step:064x}"), "preview": {"amount": step}, "askedBy": [{"policy": "care", "rule": "dear"}],
        "quorum": quorum, "askedAtMs": millis(now), "expiresAtMs": millis(now + patience),
    });
    serde_json::from_value(request).unwrap()
}

/// What the kubelet would run, if there were one, under restricted pod security.
fn object(agent: &str, name: &str) -> String {
    let container = json!({"name": "agent", "image": "none", "securityContext": {
        "allowPrivilegeEscalation": false, "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    }});
    let spec = json!({"serviceAccountName": agent, "containers": [container]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}).to_string()
}

async fn open(namespace: &Namespace, port: u16, token: &str) -> Stream {
    let authority = ["get", "secret", "skreaver-control-ca", "--template={{.data.cert | base64decode}}"];
    let authority = namespace.kubectl(&authority).await.unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let trust = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let trust = trust.with_root_certificates(roots).with_no_client_auth();
    let host = format!("control.{}.svc", namespace.name);
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let tls = TlsConnector::from(Arc::new(trust)).connect(ServerName::try_from(host.clone()).unwrap(), tcp).await.unwrap();
    let mut request = format!("wss://{host}{PATH}").into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    tokio_tungstenite::client_async(request, tls).await.unwrap().0
}
