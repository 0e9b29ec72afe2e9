//! Whom we trust: Mozilla's certificate authorities, which are in the program because the image has none, and the machine's.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::client::ClientError;

/// Where the certificate authorities of this machine stand, on the systems that we know.
const SYSTEM_ROOTS: [&str; 3] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// TLS as every connection speaks it. Sessions are kept and resumed, for each connection is a new one.
pub(super) fn config(bundle: Option<PathBuf>) -> Result<Arc<ClientConfig>, ClientError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots(bundle)?).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A bundle that was named must be readable and hold certificates only; one that only happens to be there need not.
fn roots(named: Option<PathBuf>) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    match named {
        Some(path) => {
            let bundle = std::fs::read(&path).map_err(|error| ClientError::Unreadable(path.clone(), error))?;
            for certificate in CertificateDer::pem_slice_iter(&bundle) {
                let certificate = certificate.map_err(|error| ClientError::NoCertificate(path.clone(), error.to_string()))?;
                roots.add(certificate).map_err(|error| ClientError::NoCertificate(path.clone(), error.to_string()))?;
            }
        }
        None => {
            let bundle = SYSTEM_ROOTS.iter().find_map(|path| std::fs::read(path).ok()).unwrap_or_default();
            roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&bundle).filter_map(Result::ok));
        }
    }
    Ok(roots)
}
