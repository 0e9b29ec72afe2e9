//! Headers from secrets, and tokens of a token endpoint: fetched once, anew when they are refused, and shown nowhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use serde_json::json;
use skreaver_protocol::config::{ClientCredentials, HeaderConfig, McpConfig, McpServer, SecretSource};

use crate::peers::{Era, Ledgers, call, config, lost, ready, serve_router, service, start};

/// A server behind a token endpoint. Only the token of the moment opens it.
#[derive(Clone, Default)]
struct Gate {
    token: Arc<AtomicUsize>,
    fetched: Arc<AtomicUsize>,
    forms: Arc<Mutex<Vec<(String, String)>>>,
}

impl Gate {
    fn router(&self, has: &Ledgers) -> Router {
        let (gate, grant) = (self.clone(), self.clone());
        let guarded = Router::new().nest_service("/mcp", service(has, Era::Stateless, LocalSessionManager::default().into()));
        let guarded = guarded.layer(from_fn(move |request: Request, next: Next| {
            let expected = format!("Bearer hush-{}", gate.token.load(Ordering::SeqCst));
            async move {
                match request.headers().get("authorization").is_some_and(|it| *it == *expected) {
                    true => next.run(request).await,
                    false => (StatusCode::UNAUTHORIZED, "hush").into_response(),
                }
            }
        }));
        guarded.route(
            "/token",
            post(move |headers: axum::http::HeaderMap, form: String| async move {
                grant.fetched.fetch_add(1, Ordering::SeqCst);
                let who = headers["authorization"].to_str().unwrap().to_owned();
                grant.forms.lock().unwrap().push((who.clone(), form));
                // `amber:client-secret`
                if who != "Basic YW1iZXI6Y2xpZW50LXNlY3JldA==" {
                    let why = json!({"error": "invalid_client", "error_description": who});
                    return (StatusCode::UNAUTHORIZED, Json(why)).into_response();
                }
                let token = format!("hush-{}", grant.token.load(Ordering::SeqCst));
                Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600})).into_response()
            }),
        )
    }
}

fn with(url: String, oauth: Option<ClientCredentials>, headers: Vec<HeaderConfig>) -> McpConfig {
    McpConfig { server: McpServer::Http { url, headers, oauth }, ..config("127.0.0.1:1".parse().unwrap()) }
}

#[tokio::test]
async fn a_token_is_fetched_once_and_anew_when_it_is_refused() {
    let (gate, has) = (Gate::default(), Ledgers::new());
    let server = serve_router(gate.router(&has), None).await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "wrong-secret").unwrap();
    let oauth = ClientCredentials {
        token_url: format!("http://{}/token", server.address),
        client_id: "amber".into(),
        client_secret: SecretSource::File(secret.clone()),
        scopes: vec!["read".into(), "pay".into()],
        resource: None,
    };
    let url = format!("http://{}/mcp", server.address);
    let source = start(with(url, Some(oauth), vec![]));
    let why = lost(&source).await;
    assert!(why.contains("HTTP 401, `invalid_client`") && !why.contains("secret"), "{why}");
    // The secret is read again.
    std::fs::write(&secret, "client-secret").unwrap();
    let offer = ready(&source).await;
    let before = gate.fetched.load(Ordering::SeqCst);
    assert!(call(&offer, "ledger/find_one", json!({})).await.is_ok());
    assert_eq!(gate.fetched.load(Ordering::SeqCst), before, "the token is kept");
    gate.token.store(7, Ordering::SeqCst);
    assert!(call(&offer, "ledger/find_one", json!({})).await.is_ok());
    assert_eq!(gate.fetched.load(Ordering::SeqCst), before + 1, "one that is refused is fetched anew, once");
    let forms = gate.forms.lock().unwrap();
    let form = &forms.last().unwrap().1;
    assert!(form.contains("grant_type=client_credentials") && form.contains("scope=read+pay"), "{form}");
    assert!(form.contains("resource=http%3A%2F%2F127.0.0.1"), "{form}");
}

#[tokio::test]
async fn headers_come_from_secrets_and_stand_in_no_error() {
    let (gate, has) = (Gate::default(), Ledgers::new());
    let server = serve_router(gate.router(&has), None).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("header");
    std::fs::write(&path, "Bearer hush-wrong\n").unwrap();
    let header = HeaderConfig { name: "Authorization".into(), value: None, secret: Some(SecretSource::File(path.clone())) };
    let source = start(with(format!("http://{}/mcp", server.address), None, vec![header]));
    let why = lost(&source).await;
    assert!(why.contains("HTTP 401") && why.contains("credentials") && !why.contains("hush"), "{why}");
    std::fs::write(&path, "Bearer hush-0\n").unwrap();
    ready(&source).await;
    assert!(!format!("{source:?}").contains("hush"));
}
