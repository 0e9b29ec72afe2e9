//! One worker, from the side of its program.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::time::{Instant, timeout, timeout_at};

use super::Limits;
use super::frame::{LENGTH, Reply};
use crate::{Limit, ToolError};

/// How long a worker that breaks off may take to end by itself, so that it is known why.
const LAST_BREATH: Duration = Duration::from_millis(50);
/// The most that is kept of what a worker printed.
const HEARD: usize = 4 << 10;

/// A worker that is not busy.
pub(super) struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    errors: ChildStderr,
    pub(super) limits: Limits,
    /// Says that there is a worker, to whoever has the other one.
    _alive: Arc<()>,
}

/// What became of a call.
pub(super) enum Ended {
    /// It has an answer, and here is the worker for the next one.
    Answered(serde_json::Value, Option<Worker>),
    Refused(ToolError, Option<Worker>),
    /// The worker had ended before, as those do that nobody needs.
    Absent,
}

/// Why there is no reply.
enum Broken {
    Time,
    Output,
    /// It broke off, or spoke in tongues.
    Off,
}

impl Worker {
    /// A child as a worker; none where it has not the three streams.
    pub(super) fn new(mut child: Child, limits: Limits, alive: Arc<()>) -> Option<Self> {
        let (input, output, errors) = (child.stdin.take()?, child.stdout.take()?, child.stderr.take()?);
        Some(Self { child, input, output, errors, limits, _alive: alive })
    }

    /// Whether it has not ended by itself.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks, until a point in time. Whoever drops this stops the worker.
    pub(super) async fn ask(mut self, request: &[u8], until: Instant) -> Ended {
        let mut heard = Heard { last: Vec::new(), count: 0, most: self.limits.output };
        let exchange = exchange(&mut self.input, &mut self.output, request, self.limits.output);
        let flooded = async {
            if !heard.listen(&mut self.errors).await {
                std::future::pending().await
            }
        };
        let reply = tokio::select! {
            reply = timeout_at(until, exchange) => reply.unwrap_or(Err(Broken::Time)),
            () = flooded => Err(Broken::Output),
        };
        match reply {
            Ok(Reply { outcome, is_last }) => {
                let worker = (!is_last).then_some(self);
                match outcome.result() {
                    Ok(value) => Ended::Answered(value, worker),
                    Err(error) => Ended::Refused(error, worker),
                }
            }
            Err(broken) => self.ended(broken, heard).await,
        }
    }

    /// Makes an end of a worker that gave no reply, and says why it gave none.
    async fn ended(mut self, broken: Broken, mut heard: Heard) -> Ended {
        let limits = self.limits;
        let limit = match broken {
            Broken::Time => Limit::Time(limits.time),
            Broken::Output => Limit::Output(limits.output),
            Broken::Off => {
                let status = timeout(LAST_BREATH, self.child.wait()).await;
                let status = status.ok().and_then(Result::ok);
                if status.is_some_and(|status| status.success()) {
                    return Ended::Absent;
                }
                let _ = timeout(LAST_BREATH, heard.listen(&mut self.errors)).await;
                heard.cause(status, limits)
            }
        };
        self.stop();
        let _ = timeout(LAST_BREATH, self.child.wait()).await;
        Ended::Refused(ToolError::Stopped(limit), None)
    }

    fn stop(&mut self) {
        // It may have ended just now, which is as good; and it may have left its group.
        let _ = self.child.start_kill();
        if let Some(pid) = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

async fn exchange(input: &mut ChildStdin, output: &mut ChildStdout, request: &[u8], most: usize) -> Result<Reply, Broken> {
    input.write_all(request).await.map_err(|_: io::Error| Broken::Off)?;
    let mut length = [0; LENGTH];
    output.read_exact(&mut length).await.map_err(|_| Broken::Off)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > most {
        return Err(Broken::Output);
    }
    let mut reply = Vec::new();
    // As it comes, and not at once: a length is only a claim.
    output.take(length as u64).read_to_end(&mut reply).await.map_err(|_| Broken::Off)?;
    serde_json::from_slice(&reply).map_err(|_| Broken::Off)
}

/// What a worker prints.
struct Heard {
    last: Vec<u8>,
    count: usize,
    most: usize,
}

impl Heard {
    /// Listens until the stream ends or it was too much; whether it was.
    async fn listen(&mut self, errors: &mut (impl AsyncRead + Unpin)) -> bool {
        let mut buffer = [0; HEARD];
        while self.count <= self.most {
            let Ok(read @ 1..) = errors.read(&mut buffer).await else { return false };
            self.count += read;
            self.last.extend_from_slice(&buffer[..read]);
            let surplus = self.last.len().saturating_sub(HEARD);
            self.last.drain(..surplus);
        }
        true
    }

    /// Why a worker ended, from what it printed last and how it ended.
    fn cause(&self, status: Option<ExitStatus>, limits: Limits) -> Limit {
        let said = String::from_utf8_lossy(&self.last);
        // These two are the words of Rust's own library, which then aborts. Anybody may say them, and go on.
        let is_aborted = status.is_none_or(|status| status.signal() == Some(Signal::ABORT.as_raw()));
        if is_aborted && said.contains("memory allocation of ") {
            return Limit::Memory(limits.memory);
        }
        if is_aborted && said.contains("has overflowed its stack") {
            return Limit::Stack;
        }
        #[cfg(feature = "tracing")]
        tracing::error!(said = %said.escape_debug(), "a worker broke");
        match status {
            Some(status) if status.signal() == Some(Signal::XCPU.as_raw()) => Limit::Cpu(limits.cpu_seconds),
            Some(status) => Limit::Crash(status.to_string()),
            None => Limit::Crash("it did not speak as workers do".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use tokio::process::Command;

    use super::*;

    /// What comes of asking a worker that is no program of ours, but a script.
    async fn ask(script: &str) -> Result<serde_json::Value, ToolError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.process_group(0).kill_on_drop(true).spawn().unwrap();
        let limits = Limits { time: Duration::from_secs(5), output: 100, ..Limits::default() };
        let worker = Worker::new(child, limits, Arc::default()).unwrap();
        match worker.ask(b"hello", Instant::now() + limits.time).await {
            Ended::Answered(value, _) => Ok(value),
            Ended::Refused(error, _) => Err(error),
            Ended::Absent => Err(ToolError::Failed("absent".to_owned())),
        }
    }

    async fn check(script: &str, limit: Limit) {
        let started = Instant::now();
        assert_eq!(ask(script).await, Err(ToolError::Stopped(limit)), "{script}");
        assert!(started.elapsed() < Duration::from_secs(4), "{script}");
    }

    #[tokio::test]
    async fn a_reply_is_read() {
        let reply = r#"{"outcome":{"Done":1},"is_last":true}"#;
        assert_eq!(reply.len(), 37);
        assert_eq!(ask(&format!("printf '\\045\\0\\0\\0%s' '{reply}'; sleep 60")).await, Ok(1.into()));
    }

    #[tokio::test]
    async fn what_is_no_reply_ends_the_worker() {
        let garbled = || Limit::Crash("it did not speak as workers do".to_owned());
        check(r"printf '\003\0\0\0!!!'; sleep 60", garbled()).await;
        check("exec >&-; sleep 60", garbled()).await;
        check("exec <&- >&-; sleep 60", garbled()).await;
        check(r"printf '\012\0\0\0half'; exit 3", Limit::Crash("exit status: 3".to_owned())).await;
        check("kill -9 $$", Limit::Crash("signal: 9 (SIGKILL)".to_owned())).await;
        check("kill -XCPU $$", Limit::Cpu(5)).await;
    }

    #[tokio::test]
    async fn what_is_too_long_is_not_read() {
        check(r"printf '\377\377\377\377'; sleep 60", Limit::Output(100)).await;
        check(r"printf '\145\0\0\0'; sleep 60", Limit::Output(100)).await;
        check("yes >&2", Limit::Output(100)).await;
    }

    #[tokio::test]
    async fn one_that_had_ended_is_absent() {
        assert_eq!(ask("exit 0").await, Err(ToolError::Failed("absent".to_owned())));
    }
}
