//! Where the lines of a log go: to a file or a stream, or into an agent's memory.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use skreaver_memory::Op;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::agent::{Slot, sentence};
use crate::runs::keys;

/// How long memory may take for a group of lines.
const PATIENCE: Duration = Duration::from_secs(10);

/// One record as it is written.
pub(super) struct Line {
    pub(super) chain: Uuid,
    pub(super) seq: u64,
    /// With its end.
    pub(super) text: String,
}

/// Takes lines, in their order. It is asked by a thread that has nothing else to do, and may take its time.
pub(super) trait Sink: Send + 'static {
    /// Writes lines; `promised`: they have to survive the machine.
    ///
    /// # Errors
    /// Why they are not there, or not all.
    fn write(&mut self, lines: &[Line], promised: bool) -> Result<(), String>;
}

/// A file, or standard output.
pub(super) struct Stream<W> {
    pub(super) target: W,
    pub(super) sync: fn(&W) -> std::io::Result<()>,
}

impl<W: Write + Send + 'static> Sink for Stream<W> {
    fn write(&mut self, lines: &[Line], promised: bool) -> Result<(), String> {
        let Self { target, sync } = self;
        let text: String = lines.iter().map(|line| line.text.as_str()).collect();
        let outcome = target.write_all(text.as_bytes()).and_then(|()| target.flush());
        outcome.and_then(|()| if promised { sync(target) } else { Ok(()) }).map_err(|error| {
            // Whatever comes next begins on a line of its own.
            let _ = target.write_all(b"\n");
            error.to_string()
        })
    }
}

/// The memory of an agent, beside its journal of runs.
pub(super) struct Journal {
    pub(super) memory: Arc<Slot>,
    pub(super) runtime: Handle,
}

impl Sink for Journal {
    fn write(&mut self, lines: &[Line], promised: bool) -> Result<(), String> {
        let kept = self.memory.open().map_err(|failure| failure.detail)?;
        let retention = self.memory.config.retention.map(skreaver_protocol::GoDuration::get);
        let op =
            |line: &Line| Op::Put { key: keys::audit(line.chain, line.seq), value: line.text.clone().into(), ttl: retention };
        let ops: Vec<_> = lines.iter().map(op).collect();
        let (written, outcome) = sync_channel(1);
        self.runtime.spawn(async move {
            // Who no longer waits makes no call.
            let _ = written.send(kept.write_audit(ops, promised).await);
        });
        match outcome.recv_timeout(PATIENCE) {
            Ok(outcome) => outcome.map_err(|error| sentence(&error)),
            Err(RecvTimeoutError::Timeout) => Err("memory does not answer".to_owned()),
            Err(RecvTimeoutError::Disconnected) => Err("the runtime shuts down".to_owned()),
        }
    }
}
