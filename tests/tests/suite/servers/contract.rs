//! The contract that every backend keeps, on real servers.

use skreaver_memory::{Durability, contract};
use skreaver_tests::servers::{PostgresServer, RedisCluster, RedisServer};
use skreaver_tests::until;

use super::{DURABLE, handle, key, postgres, redis, value};

#[tokio::test(flavor = "multi_thread")]
async fn redis_keeps_the_contract() {
    let server = RedisServer::start(&DURABLE).unwrap();
    let open = async |namespace: &str| handle(redis(&server.url(), namespace).await.unwrap());
    contract::check(open).await;
    contract::check_reopening(open).await;
    assert_eq!(open("strength").await.strongest(), Durability::Durable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_cluster_keeps_the_contract_and_goes_on_without_a_master() {
    let mut cluster = RedisCluster::start().unwrap();
    let url = cluster.url();
    let open = async |namespace: &str| handle(redis(&url, namespace).await.unwrap());
    contract::check(open).await;
    contract::check_reopening(open).await;
    let memory = open("slate").await;
    assert_eq!(memory.strongest(), Durability::Durable);
    memory.put(key("before"), value("1")).await.unwrap();
    cluster.master_of("{skreaver:slate}:values").unwrap().kill();
    until("a replica to be the master", async || memory.put(key("after"), value("2")).await.ok()).await;
    assert_eq!(memory.get(&key("before")).await.unwrap(), Some(value("1")));
    let again = open("slate").await;
    assert_eq!(again.get(&key("after")).await.unwrap(), Some(value("2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_keeps_the_contract() {
    let server = PostgresServer::start(&[]).unwrap();
    let open = async |namespace: &str| handle(postgres(&server, namespace).await.unwrap());
    contract::check(open).await;
    contract::check_reopening(open).await;
    assert_eq!(open("strength").await.strongest(), Durability::Durable);
}
