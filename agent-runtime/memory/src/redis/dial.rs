//! How a connection is made.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, RedisResult, TlsMode};

use super::address::{Address, Place};

/// How long a connection may take to be made. The library's own second is short for TLS on a busy machine.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an answer may take. The library's own half a second is shorter than some fsyncs.
const ANSWER: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) enum Wire {
    Server(MultiplexedConnection),
    /// Finds nodes, masters and slots by itself.
    Cluster(ClusterConnection),
}

/// A connection that is being made, or is. All who wait for it share one attempt, and its error.
pub(super) type Dialling = Shared<BoxFuture<'static, RedisResult<Wire>>>;

/// Dials when it is first waited for.
pub(super) fn dialling(address: &Arc<Address>) -> Dialling {
    let address = Arc::clone(address);
    async move { dial(&address.place).await }.boxed().shared()
}

async fn dial(place: &Place) -> RedisResult<Wire> {
    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(ANSWER));
    match place {
        Place::Server(server) => {
            let client = Client::open(server.clone())?;
            Ok(Wire::Server(client.get_multiplexed_async_connection_with_config(&config).await?))
        }
        Place::Sentinel { sentinels, service, server } => {
            let mut node = SentinelNodeConnectionInfo::default().set_redis_connection_info(server.redis_settings().clone());
            if matches!(server.addr(), ConnectionAddr::TcpTls { .. }) {
                node = node.set_tls_mode(TlsMode::Secure);
            }
            let mut client = SentinelClient::build(sentinels.clone(), service, Some(node), SentinelServerType::Master)?;
            Ok(Wire::Server(client.get_async_connection_with_config(&config).await?))
        }
        Place::Cluster(nodes) => {
            // Without the library's own retries, which would send a commit again that may have been run.
            let client = ClusterClientBuilder::new(nodes.clone()).retries(0).connection_timeout(CONNECT).response_timeout(ANSWER);
            Ok(Wire::Cluster(client.build()?.get_async_connection().await?))
        }
    }
}
