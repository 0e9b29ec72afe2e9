//! Keys that the operator hands down, and that a pod asks for when it sees a token of one that it does not have.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use skreaver::protocol::auth::{KeySets, KeysWanted};
use skreaver::protocol::control::{FromRuntime, ToRuntime};
use skreaver::protocol::policy::PolicyBundle;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;

use super::world::{ISSUER, Signer, key_sets};
use crate::support::{Served, config, start, until};

/// An operator that tells one pod of policies and keys, and answers what it asks.
struct Operator {
    port: u16,
    /// Its own authority.
    ca: String,
    /// What it knows, and tells when it is asked.
    keys: watch::Sender<KeySets>,
    asked: mpsc::UnboundedReceiver<KeysWanted>,
    _serves: AbortOnDropHandle<()>,
}

impl Operator {
    async fn start(keys: KeySets) -> Self {
        let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (keys, known) = watch::channel(keys);
        let (tell, asked) = mpsc::unbounded_channel();
        let serves = tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            let tls = TlsAcceptor::from(Arc::new(tls)).accept(tcp).await.unwrap();
            let mut stream = tokio_tungstenite::accept_async(tls).await.unwrap();
            let written = |message: &ToRuntime| Message::text(serde_json::to_string(message).unwrap());
            stream.send(written(&ToRuntime::Policies { bundle: PolicyBundle::default() })).await.unwrap();
            let keys = || ToRuntime::KeySets { keys: known.borrow().clone() };
            stream.send(written(&keys())).await.unwrap();
            while let Some(Ok(message)) = stream.next().await {
                let Message::Text(text) = message else { continue };
                if let Ok(FromRuntime::KeysWanted { wanted }) = serde_json::from_str(&text) {
                    tell.send(wanted).unwrap();
                    stream.send(written(&keys())).await.unwrap();
                }
            }
        });
        Self { port, ca: cert.pem(), keys, asked, _serves: AbortOnDropHandle::new(serves) }
    }
}

async fn ask(served: &Served, token: &str) -> u16 {
    served.client.get(served.url("/agents")).bearer_auth(token).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn keys_come_from_the_operator_who_is_asked_for_what_is_missing_once() {
    let (first, second) = (Signer::new("first"), Signer::new("second"));
    let mut operator = Operator::start(key_sets(1, &[&first])).await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "token").unwrap();
    let served = start(
        config(
            &json!({
                "agents": [{"name": "amber"}],
                "cluster": {"namespace": "quarry", "hosts": ["amber"], "policiesFile": "/none",
                    "control": {"host": "localhost", "port": operator.port, "ca": operator.ca, "tokenFile": token_file}},
                "auth": {"issuers": [{"kind": "OIDC", "url": ISSUER, "audiences": ["quarry"], "username": {"claim": "name"}}],
                    "bindings": [{"role": "viewer", "subjects": [{"kind": "User", "name": "ann"}]}]},
            })
            .to_string(),
        ),
        &[],
        None,
        Duration::ZERO,
    )
    .await;
    until(async || (served.get("/ready").await.0 == 200).then_some(())).await;
    assert_eq!(ask(&served, &first.token(&json!({}))).await, 200);

    // The issuer has a new key, which the operator fetches when it is asked.
    operator.keys.send_replace(key_sets(2, &[&first, &second]));
    let (known, token) = (first.token(&json!({})), second.token(&json!({})));
    let answers = tokio::join!(ask(&served, &token), ask(&served, &token), ask(&served, &known));
    assert_eq!(answers, (200, 200, 200));
    assert_eq!(operator.asked.try_recv().unwrap(), KeysWanted { issuers: vec![ISSUER.to_owned()], version: 1 });
    // A stranger's key is nobody's, and the operator has said so just now.
    for _ in 0..20 {
        assert_eq!(ask(&served, &Signer::new("third").token(&json!({}))).await, 401);
    }
    assert!(operator.asked.try_recv().is_err(), "it is asked once");
    served.stop().await;
}
