//! Opens the stream: TCP, TLS with the operator's own authority, and a WebSocket under the pod's token.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use skreaver_protocol::config::ControlConfig;
use skreaver_protocol::control::{MESSAGE_LIMIT, PATH};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// The longest that opening may take.
const DEADLINE: Duration = Duration::from_secs(5);

pub(crate) type Stream = WebSocketStream<TlsStream<TcpStream>>;

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("failed to read the token `{}`", .path.display())]
    Token { path: PathBuf, source: std::io::Error },
    #[error("the token cannot stand in a header")]
    TokenText,
    #[error("the certificate of the operator's authority cannot be used: {0}")]
    Authority(String),
    #[error("failed to reach the operator at {host}:{port}")]
    Connection { host: String, port: u16, source: std::io::Error },
    #[error("the operator refused the stream")]
    Refused(#[source] Box<tokio_tungstenite::tungstenite::Error>),
    #[error("opening the stream took longer than {}s", DEADLINE.as_secs())]
    Late,
}

pub(crate) async fn connect(control: &ControlConfig) -> Result<Stream, ConnectError> {
    tokio::time::timeout(DEADLINE, open(control)).await.map_err(|_| ConnectError::Late)?
}

async fn open(control: &ControlConfig) -> Result<Stream, ConnectError> {
    let ControlConfig { host, port, ca, token_file } = control;
    // Read anew each time: kubelet replaces the token long before it expires.
    let token = tokio::fs::read_to_string(token_file).await;
    let token = token.map_err(|source| ConnectError::Token { path: token_file.clone(), source })?;
    let connection = |source| ConnectError::Connection { host: host.clone(), port: *port, source };
    let name = ServerName::try_from(host.clone()).map_err(|error| connection(std::io::Error::other(error)))?;
    let tcp = TcpStream::connect((host.as_str(), *port)).await.map_err(connection)?;
    let tls = TlsConnector::from(trust(ca)?).connect(name, tcp).await.map_err(connection)?;
    let mut request = format!("wss://{host}:{port}{PATH}").into_client_request().map_err(refused)?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.trim())).map_err(|_| ConnectError::TokenText)?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let limits = WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT)).max_frame_size(Some(MESSAGE_LIMIT));
    let (stream, _) = tokio_tungstenite::client_async_with_config(request, tls, Some(limits)).await.map_err(refused)?;
    Ok(stream)
}

fn refused(error: tokio_tungstenite::tungstenite::Error) -> ConnectError {
    ConnectError::Refused(Box::new(error))
}

/// TLS that trusts the operator's authority and no other.
fn trust(ca: &str) -> Result<Arc<ClientConfig>, ConnectError> {
    let unusable = |error: &dyn std::fmt::Display| ConnectError::Authority(error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(certificate.map_err(|error| unusable(&error))?).map_err(|error| unusable(&error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| unusable(&error))?.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}
