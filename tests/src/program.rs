//! A program of ours as a child process, stopped when the test ends.

use std::net::TcpListener;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// The longest that a program may take to come up or to go.
const DEADLINE: Duration = Duration::from_secs(30);

/// A child process. Killed when dropped.
pub struct Program {
    child: Child,
}

/// A TCP port of loopback that was free a moment ago.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

impl Program {
    /// Starts a program with its output kept.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, args: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(crate::binary(name));
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Ok(Self { child: command.spawn().with_context(|| format!("failed to start {name}"))? })
    }

    /// Waits until `GET url` answers 200.
    ///
    /// # Errors
    /// When it does not in time, or the program ends.
    pub async fn ready(&mut self, url: &str) -> anyhow::Result<()> {
        let until = tokio::time::Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended with {status}: {}", self.output().await?.1);
            }
            match reqwest::get(url).await {
                Ok(response) if response.status().is_success() => return Ok(()),
                _ if tokio::time::Instant::now() > until => bail!("{url} does not answer"),
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.child.id().context("the program has ended already")?;
        let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().await?;
        if !status.success() {
            bail!("kill -{name} {pid} failed");
        }
        Ok(())
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn end(mut self) -> anyhow::Result<(ExitStatus, String, String)> {
        let status = tokio::time::timeout(DEADLINE, self.child.wait()).await.context("the program does not end")??;
        let (stdout, stderr) = self.output().await?;
        Ok((status, stdout, stderr))
    }

    async fn output(&mut self) -> anyhow::Result<(String, String)> {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        if let Some(pipe) = &mut self.child.stdout {
            pipe.read_to_string(&mut stdout).await?;
        }
        if let Some(pipe) = &mut self.child.stderr {
            pipe.read_to_string(&mut stderr).await?;
        }
        Ok((stdout, stderr))
    }
}
