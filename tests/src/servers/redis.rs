//! Redis: a server, and one that watches it.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Process, run};
use super::write_certificate;
use crate::free_port;

/// A Redis server.
pub struct RedisServer {
    /// Where it listens, on loopback.
    pub port: u16,
    kind: Kind,
    process: Process,
    config: PathBuf,
    // Last: the folder goes after the process.
    _folder: TempDir,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Tls,
    Sentinel,
}

impl RedisServer {
    /// Starts a server with these lines of configuration, as `appendonly yes`. Without any it keeps nothing on disk.
    ///
    /// # Errors
    /// When it does not come up; says what it printed.
    pub fn start(lines: &[&str]) -> anyhow::Result<Self> {
        Self::launch(Kind::Plain, &[&["save \"\""], lines].concat())
    }

    /// Starts a server that speaks TLS only.
    ///
    /// # Errors
    /// When it does not come up; says what it printed.
    pub fn start_with_tls() -> anyhow::Result<Self> {
        let files = ["tls-cert-file certificate.pem", "tls-key-file key.pem", "tls-ca-cert-file certificate.pem"];
        Self::launch(Kind::Tls, &[&files[..], &["tls-auth-clients no"]].concat())
    }

    /// Starts a Sentinel that calls this server and its replicas by the name `slate`, and needs nobody's consent to have a
    /// replica take over after a second.
    ///
    /// # Errors
    /// When it does not come up; says what it printed.
    pub fn watch(&self) -> anyhow::Result<Self> {
        let monitor = format!("sentinel monitor slate 127.0.0.1 {} 1", self.port);
        let rest = ["sentinel down-after-milliseconds slate 1000", "sentinel failover-timeout slate 2000"];
        Self::launch(Kind::Sentinel, &[&[monitor.as_str()], &rest[..]].concat())
    }

    fn launch(kind: Kind, lines: &[&str]) -> anyhow::Result<Self> {
        let (port, folder) = (free_port(), tempfile::tempdir()?);
        write_certificate(folder.path())?;
        let config = folder.path().join("redis.conf");
        let ports = match kind {
            Kind::Plain | Kind::Sentinel => format!("port {port}"),
            Kind::Tls => format!("port 0\ntls-port {port}"),
        };
        let own = format!("{ports}\nbind 127.0.0.1\ndir {}\n", folder.path().display());
        fs::write(&config, own + &lines.join("\n"))?;
        let process = launch(kind, &config, port)?;
        Ok(Self { port, kind, process, config, _folder: folder })
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
        self.process = launch(self.kind, &self.config, self.port)?;
        Ok(())
    }

    /// Stops it where it stands: it keeps its connections and says nothing.
    pub fn pause(&self) {
        self.process.signal_all("STOP");
    }

    /// Has it go on after [`Self::pause`].
    pub fn resume(&self) {
        self.process.signal_all("CONT");
    }

    /// Its URL, without user and password.
    pub fn url(&self) -> String {
        match self.kind {
            Kind::Plain => format!("redis://127.0.0.1:{}", self.port),
            Kind::Tls => format!("rediss://127.0.0.1:{}", self.port),
            Kind::Sentinel => format!("redis+sentinel://127.0.0.1:{}/slate", self.port),
        }
    }

    /// The certificate that it shows, if it speaks TLS.
    pub fn certificate(&self) -> PathBuf {
        self.config.with_file_name("certificate.pem")
    }

    /// Runs `redis-cli` with these arguments.
    ///
    /// # Errors
    /// What it printed, when it failed.
    pub fn cli(&self, args: &[&str]) -> anyhow::Result<String> {
        run(Command::new("redis-cli").args(["-p", &self.port.to_string(), "-e"]).args(args))
    }
}

fn launch(kind: Kind, config: &Path, port: u16) -> anyhow::Result<Process> {
    let mut command = Command::new("redis-server");
    command.arg(config);
    if kind == Kind::Sentinel {
        command.arg("--sentinel");
    }
    let is_ready = || match kind {
        Kind::Plain | Kind::Sentinel => answers(port).unwrap_or(false),
        Kind::Tls => TcpStream::connect(("127.0.0.1", port)).is_ok(),
    };
    Process::start(command, &config.with_extension("log"), is_ready)
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
