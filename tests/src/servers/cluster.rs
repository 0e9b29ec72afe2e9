//! A Redis Cluster of six.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::process::run;
use super::redis::RedisServer;
use crate::{DEADLINE, free_port};

/// A Redis Cluster: three masters, each with a replica.
pub struct RedisCluster {
    /// Its nodes.
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts six nodes that sync each write to disk, makes a Cluster of them, and waits until every one says that it is whole.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start() -> anyhow::Result<Self> {
        let nodes = (0..6).map(|_| node()).collect::<anyhow::Result<Vec<_>>>()?;
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(addresses).args(["--cluster-replicas", "1", "--cluster-yes"]);
        run(&mut create)?;
        let cluster = Self { nodes };
        cluster.settle()?;
        Ok(cluster)
    }

    /// Its URL: two of its nodes.
    pub fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{},127.0.0.1:{}", self.nodes[0].port, self.nodes[5].port)
    }

    /// The node that is the master of a hash slot's key.
    ///
    /// # Errors
    /// When no node says so.
    pub fn master_of(&mut self, key: &str) -> anyhow::Result<&mut RedisServer> {
        for node in &mut self.nodes {
            // The others answer with the address of the one that has it.
            if node.cli(&["EXISTS", key]).is_ok() && node.cli(&["ROLE"])?.starts_with("master") {
                return Ok(node);
            }
        }
        bail!("no node is the master of {key}")
    }

    /// Moves the hash slot of a key from the master that has it to another one, as an operator does who rebalances.
    ///
    /// # Errors
    /// What a node printed that refused.
    pub fn move_slot_of(&mut self, key: &str) -> anyhow::Result<()> {
        let slot = self.nodes[0].cli(&["CLUSTER", "KEYSLOT", key])?;
        let from = self.master_of(key)?.port;
        let is_other =
            |node: &&RedisServer| node.port != from && node.cli(&["ROLE"]).is_ok_and(|role| role.starts_with("master"));
        let to = self.nodes.iter().find(is_other).context("there is no other master")?;
        let from = self.nodes.iter().find(|node| node.port == from).context("the master is one of ours")?;
        let (from_id, to_id) = (from.cli(&["CLUSTER", "MYID"])?, to.cli(&["CLUSTER", "MYID"])?);
        to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])?;
        from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])?;
        // One key at a time and slowly: the slot is in two places for a while.
        loop {
            let keys = from.cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "1"])?;
            if keys.is_empty() {
                break;
            }
            from.cli(&["MIGRATE", "127.0.0.1", &to.port.to_string(), &keys, "0", "5000"])?;
            sleep(Duration::from_millis(200));
        }
        for node in [to, from] {
            node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])?;
        }
        Ok(())
    }

    fn settle(&self) -> anyhow::Result<()> {
        let is_whole = |node: &RedisServer| {
            let info = node.cli(&["CLUSTER", "INFO"]).unwrap_or_default();
            let replicas = node.cli(&["INFO", "replication"]).unwrap_or_default();
            let is_synced = replicas.contains("state=online") || replicas.contains("master_link_status:up");
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:6") && is_synced
        };
        let give_up = Instant::now() + DEADLINE;
        while !self.nodes.iter().all(is_whole) {
            if Instant::now() > give_up {
                bail!("the Cluster does not become whole");
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

fn node() -> anyhow::Result<RedisServer> {
    let bus = format!("cluster-port {}", free_port());
    let lines = ["cluster-enabled yes", "cluster-node-timeout 2000", "appendonly yes", "appendfsync always", &bus];
    RedisServer::start(&lines)
}
