//! The HTTP client that all models of a process share, and how much of an answer is read.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Certificate, Client, Response, redirect};

use crate::error::ModelErrorKind;
use crate::providers::failure::{Failure, broken_off};

/// Where the certificate authorities of this machine stand, on the systems that we know.
const SYSTEM_ROOTS: [&str; 3] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Whether requests go through the proxies that the environment names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxies {
    /// They go straight to the model.
    Ignored,
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count.
    FromEnvironment,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file that `SSL_CERT_FILE` names.
    #[error("failed to read the certificates at `{0}`, which SSL_CERT_FILE names")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// What the file holds, or the client itself.
    #[error("failed to build the HTTP client for models")]
    Build(#[from] reqwest::Error),
}

/// The client for all models of a process: it keeps connections alive, follows no redirects (a key is for one host only), and
/// trusts Mozilla's certificate authorities besides those of the machine, because the image has none of its own.
///
/// # Errors
/// When `SSL_CERT_FILE` names a file that is no bundle of certificates.
pub fn http_client(proxies: Proxies) -> Result<Client, ClientError> {
    client(proxies, std::env::var_os("SSL_CERT_FILE").map(PathBuf::from))
}

fn client(proxies: Proxies, bundle: Option<PathBuf>) -> Result<Client, ClientError> {
    // The second call in a process finds it installed, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::builder()
        .tls_certs_only(roots(bundle)?)
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(10))
        .tcp_keepalive(Duration::from_secs(60))
        .tcp_nodelay(true)
        .pool_idle_timeout(Duration::from_secs(90));
    let client = match proxies {
        Proxies::Ignored => client.no_proxy(),
        Proxies::FromEnvironment => client,
    };
    Ok(client.build()?)
}

/// Mozilla's authorities, and those of a bundle. One that was named must be readable; one that only happens to be there need not.
fn roots(named: Option<PathBuf>) -> Result<Vec<Certificate>, ClientError> {
    let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| Certificate::from_der(root));
    let mut roots = mozilla.collect::<reqwest::Result<Vec<_>>>()?;
    match named {
        Some(path) => {
            let bundle = std::fs::read(&path).map_err(|error| ClientError::Unreadable(path, error))?;
            roots.extend(Certificate::from_pem_bundle(&bundle)?);
        }
        None => {
            let bundle = SYSTEM_ROOTS.iter().find_map(|path| std::fs::read(path).ok()).unwrap_or_default();
            roots.extend(Certificate::from_pem_bundle(&bundle).unwrap_or_default());
        }
    }
    Ok(roots)
}

/// Reads a body of at most `limit` bytes. The rest is left unread, and the connection is closed with it.
pub(crate) async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, Failure> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    let mut body = Vec::with_capacity(announced.unwrap_or_default().min(limit));
    while let Some(chunk) = response.chunk().await.map_err(|error| broken_off(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The failure of an answer that does not end.
pub(crate) fn too_large(limit: usize) -> Failure {
    Failure::new(ModelErrorKind::Garbage, format!("the answer is larger than {} MiB", limit >> 20))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rcgen::{CertificateParams, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::providers::failure::unsent;

    /// A server whose certificate nobody but its bundle vouches for: its port, and the bundle.
    async fn serve_tls() -> (u16, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let pem = certificate.pem();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A client that does not trust us goes away.
                let Ok(mut stream) = TlsAcceptor::from(Arc::new(config.clone())).accept(socket).await else { continue };
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
                let _ = stream.shutdown().await;
            }
        });
        (port, pem)
    }

    #[tokio::test]
    async fn authorities_of_the_bundle_are_trusted_and_unknown_ones_are_not() {
        let everybody = client(Proxies::Ignored, None).unwrap();
        let (port, pem) = serve_tls().await;
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("ca.pem");
        std::fs::write(&bundle, pem).unwrap();
        let url = format!("https://localhost:{port}/");
        let ours = client(Proxies::Ignored, Some(bundle)).unwrap();
        assert_eq!(ours.get(&url).send().await.unwrap().status(), 204);
        let failure = unsent(&everybody.get(&url).send().await.unwrap_err());
        assert_eq!(failure.kind, ModelErrorKind::Unreachable);
        assert!(failure.what.contains("certificate"), "{}", failure.what);
    }

    #[test]
    fn a_bundle_that_is_named_must_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let missing = client(Proxies::Ignored, Some(folder.path().join("none.pem"))).unwrap_err();
        assert!(missing.to_string().contains("none.pem"), "{missing}");
        let broken = folder.path().join("broken.pem");
        std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(client(Proxies::FromEnvironment, Some(broken)), Err(ClientError::Build(_))));
    }
}
