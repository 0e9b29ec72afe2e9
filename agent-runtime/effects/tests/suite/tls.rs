//! TLS: the name of the URL counts, and only authorities that we trust vouch for it.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use skreaver_effects::http::{self, Client};
use skreaver_effects::{Bounds, Content, EffectError, Guard};
use skreaver_policy::bounds::Own;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{Loopback, answer, arguments};

/// A server for `honest.example` whose certificate nobody but its bundle vouches for: its address, and the bundle.
async fn serve_tls() -> (SocketAddr, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["honest.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    let pem = certificate.pem();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that does not trust us goes away.
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let resumed = stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
            let _ = stream.read(&mut [0; 4096]).await;
            let told = if resumed { "resumed" } else { "new" };
            let _ = stream.write_all(&answer(200, &[], told.as_bytes())).await;
            let _ = stream.shutdown().await;
        }
    });
    (address, pem)
}

#[tokio::test]
async fn the_name_of_the_url_must_be_vouched_for_and_sessions_are_resumed() {
    let (server, pem) = serve_tls().await;
    let network = Loopback::new(server, server);
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    std::fs::write(&bundle, pem).unwrap();
    let bounds = Bounds::new(Own::default(), []);
    let get = async |guard: &Guard, url: &str| http::get(guard, &bounds, arguments(json!({"url": url}))).await;
    let trusting = Guard::new(Client::trusting(network.clone(), Some(bundle)).unwrap());
    let first = get(&trusting, "https://honest.example/").await.unwrap();
    let second = get(&trusting, "https://honest.example/").await.unwrap();
    assert_eq!([first.content, second.content], ["new", "resumed"].map(|told| Content::Text(told.into())));
    let other = get(&trusting, "https://other.example/").await.unwrap_err();
    let stranger = get(&network.guard(), "https://honest.example/").await.unwrap_err();
    for error in [other, stranger] {
        assert!(matches!(&error, EffectError::Unreachable { why, .. } if why.contains("certificate")), "{error}");
    }
}

#[tokio::test]
async fn a_bundle_that_is_named_must_be_one() {
    let server = "127.0.0.1:1".parse().unwrap();
    let network = Loopback::new(server, server);
    let folder = tempfile::tempdir().unwrap();
    let missing = Client::trusting(network.clone(), Some(folder.path().join("none.pem"))).unwrap_err();
    assert!(missing.to_string().contains("none.pem"), "{missing}");
    let broken = folder.path().join("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
    assert!(Client::trusting(network, Some(broken)).is_err());
}
