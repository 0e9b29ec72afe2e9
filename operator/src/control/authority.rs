//! Who signs for the control channel: a certificate authority of our own, kept in a Secret so that pods which know it need not
//! be told anew by each operator.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, PostParams};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// The Secret that keeps the authority.
pub const SECRET: &str = "skreaver-control-ca";
/// How long a serving certificate holds.
const LEAF_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long the authority holds.
const CA_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
/// Clocks differ: certificates hold from a little earlier.
const SKEW: Duration = Duration::from_secs(3600);

/// Signs serving certificates.
pub struct Authority {
    /// Its certificate, by which pods know the operator.
    pub certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Why there is no authority, or it does not sign.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The Secret could not be read or written.
    #[error("failed to keep Secret `{SECRET}`")]
    Secret(#[source] kube::Error),
    /// Somebody else writes the Secret at the same time.
    #[error("Secret `{SECRET}` changes all the time")]
    Contended,
    /// No certificate could be made.
    #[error("failed to sign a certificate")]
    Sign(#[from] rcgen::Error),
    /// The certificate is not one to serve with.
    #[error("failed to serve with the certificate")]
    Serve(#[from] rustls::Error),
}

impl Authority {
    /// Takes the authority from its Secret, or makes both.
    ///
    /// # Errors
    /// If the Secret cannot be read or written.
    pub async fn load_or_create(secrets: &Api<Secret>) -> Result<Self, AuthorityError> {
        for _ in 0..3 {
            let found = secrets.get_opt(SECRET).await.map_err(AuthorityError::Secret)?;
            if let Some(authority) = found.as_ref().and_then(Self::from_secret) {
                return Ok(authority);
            }
            let (certificate, key) = new_authority()?;
            let secret = secret(found, &certificate, &key);
            let params = PostParams::default();
            // With the version that was read, so that of two who try only one succeeds.
            let written = match &secret.metadata.resource_version {
                Some(_) => secrets.replace(SECRET, &params, &secret).await,
                None => secrets.create(&params, &secret).await,
            };
            match written {
                Ok(_) => tracing::info!(secret = SECRET, "certificate authority made"),
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(AuthorityError::Secret(error)),
            }
        }
        Err(AuthorityError::Contended)
    }

    /// Nothing where the Secret does not hold what it should.
    fn from_secret(secret: &Secret) -> Option<Self> {
        let text = |key: &str| String::from_utf8(secret.data.as_ref()?.get(key)?.0.clone()).ok();
        let certificate = text("cert")?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, KeyPair::from_pem(&text("key")?).ok()?).ok()?;
        Some(Self { certificate, issuer })
    }

    /// A TLS configuration with a fresh certificate for these host names.
    pub(crate) fn serve_as(&self, names: &[String]) -> Result<Arc<ServerConfig>, AuthorityError> {
        let mut params = CertificateParams::new(names)?;
        (params.not_before, params.not_after) = lifetime(LEAF_LIFETIME);
        params.distinguished_name = name("skreaver control");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let chain = vec![certificate.der().clone()];
        let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key.into())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn new_authority() -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = lifetime(CA_LIFETIME);
    params.distinguished_name = name("skreaver control authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

fn lifetime<T: From<SystemTime>>(length: Duration) -> (T, T) {
    let now = SystemTime::now();
    ((now - SKEW).into(), (now + length).into())
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn secret(before: Option<Secret>, certificate: &str, key: &str) -> Secret {
    let metadata = before.map_or_else(|| ObjectMeta { name: Some(SECRET.into()), ..ObjectMeta::default() }, |old| old.metadata);
    let entry = |name: &str, text: &str| (name.to_owned(), ByteString(text.as_bytes().to_vec()));
    let data = BTreeMap::from([entry("cert", certificate), entry("key", key)]);
    Secret { metadata, data: Some(data), ..Secret::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_comes_back_from_its_secret_and_signs() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (certificate, key) = new_authority().unwrap();
        let authority = Authority::from_secret(&secret(None, &certificate, &key)).unwrap();
        assert_eq!(authority.certificate, certificate);
        assert!(authority.serve_as(&["chalk.quarry.svc".into()]).is_ok());
    }

    #[test]
    fn a_secret_with_something_else_is_no_authority() {
        assert!(Authority::from_secret(&Secret::default()).is_none());
        assert!(Authority::from_secret(&secret(None, "not", "PEM")).is_none());
    }
}
