//! A server as a child process, and what the kernel says of it.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// The longest that a server may take to come up: some Python frameworks take a while on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// A server that may be started, and started again.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// What it is called in tables.
    pub name: String,
    program: PathBuf,
    args: Vec<OsString>,
    address: SocketAddr,
}

/// A server, stopped when dropped.
pub struct Server {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
    /// From the start of the process to the first answer of `GET /ready` with 200.
    pub started_in: Duration,
}

/// An address of loopback that was free a moment ago.
///
/// # Errors
/// When there is none.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

impl Candidate {
    /// A program that will answer on this address.
    pub fn new(name: &str, program: impl Into<PathBuf>, address: SocketAddr) -> Self {
        Self { name: name.to_owned(), program: program.into(), args: Vec::new(), address }
    }

    /// With these arguments too.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Starts it, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends, or is not ready within a minute.
    pub fn start(&self) -> anyhow::Result<Server> {
        let Self { name, program, args, address } = self;
        let started = Instant::now();
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().with_context(|| format!("failed to start {}", program.display()))?;
        let mut server = Server { child, address: *address, started_in: Duration::ZERO };
        while !is_ready(*address) {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended with {status}");
            }
            if started.elapsed() > DEADLINE {
                bail!("{name} is not ready");
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        server.started_in = started.elapsed();
        Ok(server)
    }
}

impl Server {
    /// Resident memory, in KiB.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// CPU time used so far, in seconds.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<_> = stat.rsplit(')').next().context("no stat")?.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        // USER_HZ is 100 on every Linux that Rust's std supports.
        Ok(ticks / 100.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let asked = stream.write_all(b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut answer = [0; 12];
    asked.is_ok() && stream.read_exact(&mut answer).is_ok() && answer.ends_with(b"200")
}
