//! The contract that every backend keeps, on real servers.

use skreaver_memory::{Durability, contract};
use skreaver_tests::servers::{PostgresServer, RedisCluster, RedisServer};

use super::{DURABLE, handle, postgres, redis};

#[tokio::test(flavor = "multi_thread")]
async fn redis_keeps_the_contract() {
    let server = RedisServer::start(&DURABLE).unwrap();
    let open = async |namespace: &str| handle(redis(&server.url(), namespace).await.unwrap());
    contract::check(open).await;
    contract::check_reopening(open).await;
    assert_eq!(open("strength").await.strongest(), Durability::Durable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_cluster_keeps_the_contract() {
    let cluster = RedisCluster::start().unwrap();
    let url = cluster.url();
    let open = async |namespace: &str| handle(redis(&url, namespace).await.unwrap());
    contract::check(open).await;
    contract::check_reopening(open).await;
    assert_eq!(open("strength").await.strongest(), Durability::Durable);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_the_contract() {
    let server = PostgresServer::start(&[]).unwrap();
    let open = async |namespace: &str| handle(postgres(&server, namespace).await.unwrap());
    contract::check(open).await;
    contract::check_reopening(open).await;
    assert_eq!(open("strength").await.strongest(), Durability::Durable);
}
