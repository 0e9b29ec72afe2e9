//! A program of ours as a child process, stopped when the test ends.

use std::net::TcpListener;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// The longest that a program may take to come up or to go.
const DEADLINE: Duration = Duration::from_secs(30);

/// A child process. Killed when dropped.
pub struct Program {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
}

/// A TCP port of loopback that was free a moment ago.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Reads a pipe all the time: a full one would stop the program.
fn drain(pipe: Option<impl AsyncRead + Unpin + Send + 'static>) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes).await;
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Program {
    /// Starts a program with its output kept.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, args: &[&str]) -> anyhow::Result<Self> {
        Self::start_with(name, args, &[])
    }

    /// Starts a program under these variables besides ours, with its output kept.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_with(name: &str, args: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut command = Command::new(crate::binary(name));
        command
            .envs(environment.iter().copied())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("failed to start {name}"))?;
        let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
        Ok(Self { child, stdout, stderr })
    }

    /// Waits until `GET url` answers 200.
    ///
    /// # Errors
    /// When it does not in time, or the program ends.
    pub async fn ready(&mut self, url: &str) -> anyhow::Result<()> {
        let until = tokio::time::Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended with {status}: {}", (&mut self.stderr).await?);
            }
            match reqwest::get(url).await {
                Ok(response) if response.status().is_success() => return Ok(()),
                _ if tokio::time::Instant::now() > until => bail!("{url} does not answer"),
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Its number, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
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

    /// Waits for the end; returns how it ended and what it printed on standard output and error.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn end(mut self) -> anyhow::Result<(ExitStatus, String, String)> {
        let status = tokio::time::timeout(DEADLINE, self.child.wait()).await.context("the program does not end")??;
        Ok((status, self.stdout.await?, self.stderr.await?))
    }
}
