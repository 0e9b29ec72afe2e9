//! The HTTP client that all models of a process share, and how much of an answer is read.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Certificate, Client, Response, redirect};

use crate::error::ModelErrorKind;
use crate::failure::{Failure, broken_off};

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
    // The second call in a process finds it installed, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::builder()
        .tls_certs_only(roots()?)
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

fn roots() -> Result<Vec<Certificate>, ClientError> {
    let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|root| Certificate::from_der(root));
    let mut roots = mozilla.collect::<reqwest::Result<Vec<_>>>()?;
    if let Some(path) = std::env::var_os("SSL_CERT_FILE") {
        // What was asked for by name must work; what only happens to be there need not.
        let bundle = std::fs::read(&path).map_err(|error| ClientError::Unreadable(path.into(), error))?;
        roots.extend(Certificate::from_pem_bundle(&bundle)?);
    } else if let Some(bundle) = SYSTEM_ROOTS.iter().find_map(|path| std::fs::read(path).ok()) {
        roots.extend(Certificate::from_pem_bundle(&bundle).unwrap_or_default());
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
    use super::*;

    #[test]
    fn a_client_can_be_built_wherever_certificates_are() {
        for proxies in [Proxies::Ignored, Proxies::FromEnvironment] {
            assert!(http_client(proxies).is_ok());
        }
        assert!(roots().unwrap().len() > 100);
    }
}
