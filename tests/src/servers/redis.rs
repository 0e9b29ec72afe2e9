//! Redis: a server, and a Cluster of six.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::bail;
use tempfile::TempDir;

use super::process::{Process, run};
use crate::{DEADLINE, free_port};

/// A Redis server.
pub struct RedisServer {
    /// Where it listens, on loopback.
    pub port: u16,
    process: Process,
    config: PathBuf,
    // Last: the folder goes after the process.
    _folder: TempDir,
}

impl RedisServer {
    /// Starts a server with these lines of configuration, as `appendonly yes`. Without any it keeps nothing on disk.
    ///
    /// # Errors
    /// When it does not come up; says what it printed.
    pub fn start(lines: &[&str]) -> anyhow::Result<Self> {
        let (port, folder) = (free_port(), tempfile::tempdir()?);
        let config = folder.path().join("redis.conf");
        let own = format!("port {port}\nbind 127.0.0.1\ndir {}\nsave \"\"\n", folder.path().display());
        fs::write(&config, own + &lines.join("\n"))?;
        let process = launch(&config, port)?;
        Ok(Self { port, process, config, _folder: folder })
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Kills it without a warning, and starts it again on the same data and port.
    ///
    /// # Errors
    /// When it does not come up; says what it printed.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        self.process = launch(&self.config, self.port)?;
        Ok(())
    }

    /// Its URL, without user and password.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Runs `redis-cli` with these arguments.
    ///
    /// # Errors
    /// What it printed, when it failed.
    pub fn cli(&self, args: &[&str]) -> anyhow::Result<String> {
        run(Command::new("redis-cli").args(["-p", &self.port.to_string(), "-e"]).args(args))
    }
}

fn launch(config: &PathBuf, port: u16) -> anyhow::Result<Process> {
    let mut command = Command::new("redis-server");
    command.arg(config);
    Process::start(command, &config.with_extension("log"), || answers(port).unwrap_or(false))
}

/// Whether it has read its data: it answers, be it that we have to say a password first.
fn answers(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer)?;
    Ok(answer[..length].starts_with(b"+PONG") || answer[..length].starts_with(b"-NOAUTH"))
}

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

    fn settle(&self) -> anyhow::Result<()> {
        let is_whole = |node: &RedisServer| {
            let info = node.cli(&["CLUSTER", "INFO"]).unwrap_or_default();
            let replicas = node.cli(&["INFO", "replication"]).unwrap_or_default();
            let is_synced = replicas.contains("state=online") || replicas.contains("master_link_status:up");
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:6") && is_synced
        };
        let give_up = std::time::Instant::now() + DEADLINE;
        while !self.nodes.iter().all(is_whole) {
            if std::time::Instant::now() > give_up {
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
