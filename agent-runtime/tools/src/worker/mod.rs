//! Workers: processes of this program that call one [`Function`](crate::Function) after the other, and are stopped when one of
//! them takes too much. What a stranger's document does to its reader, it does there.
//!
//! A program that wants them calls [`run_if_asked`] first thing in `main`, and makes a [`Pool`] of the proof that it gives:
//!
//! ```no_run
//! use skreaver_tools::worker::{Limits, Pool, run_if_asked};
//!
//! fn main() -> std::io::Result<()> {
//!     let program = run_if_asked(&[]);
//!     let pool = Pool::new(program, 4, Limits::default())?;
//!     // pool.isolate(tool)
//!     Ok(())
//! }
//! ```
//!
//! A worker has no environment, opens no file and no socket, starts no process and no thread, and gets no memory and no time on the
//! processor beyond its [`Limits`]; the kernel holds it to that. It runs as the same user all the same, or as nobody where that
//! is root: code that a flaw in a parser lets in may close a stream to open something else in its place, and then only the pod
//! bounds it.

mod confine;
mod frame;
mod pool;
mod process;
mod serve;
mod start;

use std::ffi::OsStr;
use std::time::Duration;

use skreaver_policy::bounds;

use serde_json::Value;

pub use pool::Pool;

use crate::{Function, ToolError, function};

/// The argument by which a program is asked to be a worker.
const ASKED: &str = "--skreaver-worker";

/// The proof that a program becomes a worker when it is asked to; only [`run_if_asked`] gives it.
#[derive(Debug, Clone, Copy)]
pub struct Program(());

/// A function of one's own that workers know.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    name: &'static str,
    call: fn(Value) -> Result<Value, ToolError>,
}

/// What a call may take. Of the time waiting for a free worker is part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the call to the answer.
    pub time: Duration,
    /// Time on the processor, in seconds; of the first, up to 50 ms may be gone for what the worker did before.
    pub cpu_seconds: u64,
    /// Memory, in bytes, beyond what the program itself takes.
    pub memory: u64,
    /// The result, and all that is printed on the way, in bytes.
    pub output: usize,
}

impl Limits {
    /// The stricter of these and those of the policies.
    #[must_use]
    pub fn within(self, policies: &bounds::Limits) -> Self {
        let whole_seconds = policies.cpu.as_secs() + u64::from(policies.cpu.subsec_nanos() > 0);
        Self {
            time: self.time.min(policies.timeout),
            cpu_seconds: self.cpu_seconds.min(whole_seconds),
            memory: self.memory.min(u64::try_from(policies.memory).unwrap_or(u64::MAX)),
            output: self.output.min(policies.bytes()),
        }
    }
}

impl Default for Limits {
    /// 10 seconds, 5 of them on the processor, 128 MiB, and a result of 4 MiB.
    fn default() -> Self {
        Self { time: Duration::from_secs(10), cpu_seconds: 5, memory: 128 << 20, output: 4 << 20 }
    }
}

impl Limits {
    /// The default, with an eighth of the memory that this process may have where that is less: with four workers, and as much
    /// for the program as for all of them, no document of a stranger ends the pod.
    pub fn usual() -> Self {
        let usual = Self::default();
        let granted = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|most| most.trim().parse::<u64>().ok());
        Self { memory: granted.map_or(usual.memory, |most| usual.memory.min(most / 8)), ..usual }
    }
}

/// A function of one's own, for [`run_if_asked`].
pub const fn known<F: Function>() -> Known {
    Known { name: F::NAME, call: function::call::<F> }
}

/// Becomes a worker, where that is what this process was started for, and does not return then. Otherwise it does nothing, and
/// gives the proof that it was called. Workers know the built-in functions, and these besides.
pub fn run_if_asked(own: &[Known]) -> Program {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(ASKED)) {
        return Program(());
    }
    let status = match serve::serve(arguments, own) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("a worker cannot work: {error}");
            1
        }
    };
    std::process::exit(status)
}
