//! The client that all agents of a process share: whom it trusts, and the network below it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use skreaver_policy::bounds::{Bounds, Host, shown};

use super::network::{Network, System};
use super::tls;
use crate::error::EffectError;

/// The most addresses of one name that are judged.
const MOST_ADDRESSES: usize = 64;

/// What all requests of a process share: the certificate authorities that they trust, and the network below. It has no pool,
/// no cookies, and does not look for proxies in the environment.
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) network: Arc<dyn Network>,
    pub(super) tls: Arc<ClientConfig>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file that `SSL_CERT_FILE` names.
    #[error("failed to read the certificates at `{0}`, which SSL_CERT_FILE names")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// What that file holds.
    #[error("failed to take the certificates at `{0}`, which SSL_CERT_FILE names: {1}")]
    NoCertificate(PathBuf, String),
    /// TLS itself.
    #[error("failed to set up TLS")]
    Tls(#[from] rustls::Error),
}

impl Client {
    /// A client over the machine's own network.
    ///
    /// # Errors
    /// When `SSL_CERT_FILE` names a file that is no bundle of certificates.
    pub fn new() -> Result<Self, ClientError> {
        Self::over(Arc::new(System))
    }

    /// A client over another network.
    ///
    /// # Errors
    /// When `SSL_CERT_FILE` names a file that is no bundle of certificates.
    pub fn over(network: Arc<dyn Network>) -> Result<Self, ClientError> {
        Self::trusting(network, std::env::var_os("SSL_CERT_FILE").map(PathBuf::from))
    }

    /// A client that trusts the authorities of a bundle, in PEM, besides Mozilla's.
    ///
    /// # Errors
    /// When the file is no bundle of certificates.
    pub fn trusting(network: Arc<dyn Network>, bundle: Option<PathBuf>) -> Result<Self, ClientError> {
        Ok(Self { network, tls: tls::config(bundle)? })
    }

    /// The sockets of a host that may be dialled, for whoever dials by other means. One address that may not be reached spoils
    /// the name: an honest name has none, and to drop it would leave the choice of the others to whoever mixed them.
    ///
    /// # Errors
    /// When the policies refuse the name or one of its addresses, or it has none.
    pub async fn sockets(&self, bounds: &Bounds, host: &Host, port: u16) -> Result<Vec<SocketAddr>, EffectError> {
        let named = bounds.host(host, port)?;
        let unreachable = |why: String| EffectError::Unreachable {
            host: format!("{}:{port}", shown(&host.to_string())).into(),
            why: shown(&why).into(),
        };
        let addresses = match named.host() {
            Host::Address(address) => vec![*address],
            Host::Name(name) => {
                self.network.resolve(name).await.map_err(|error| unreachable(format!("its name has no address: {error}")))?
            }
        };
        if addresses.is_empty() || addresses.len() > MOST_ADDRESSES {
            return Err(unreachable(format!("its name has {} addresses", addresses.len())));
        }
        Ok(addresses.into_iter().map(|address| bounds.address(&named, address)).collect::<Result<_, _>>()?)
    }
}
