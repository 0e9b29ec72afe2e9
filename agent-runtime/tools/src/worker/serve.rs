//! The life of a worker, from its side.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, stderr, stdin, stdout};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};

use super::confine::confine;
use super::frame::{Outcome, Reply, Request, read, write};
use super::{ASKED, Known};
use crate::ToolError;
use crate::builtin::function_of;

/// How long a worker that nobody needs stays.
const IDLE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };
/// So much time on the processor ends a worker after its answer: the kernel counts from its start, and the next call shall
/// have what is promised.
const USED_UP: Duration = Duration::from_millis(50);

/// The arguments of a worker: its parent, its memory in bytes, and its seconds on the processor.
pub(super) fn arguments(memory: u64, cpu_seconds: u64) -> [String; 4] {
    [ASKED.to_owned(), std::process::id().to_string(), memory.to_string(), cpu_seconds.to_string()]
}

/// Answers until nobody asks any more.
pub(super) fn serve(arguments: impl Iterator<Item = OsString>, own: &[Known]) -> io::Result<()> {
    let numbers: Vec<u64> = arguments.filter_map(|argument| argument.to_str()?.parse().ok()).collect();
    let [parent, memory, cpu_seconds] = numbers[..] else { return Err(io::Error::other("it was not told its limits")) };
    let (mut input, mut output) = streams()?;
    confine(u32::try_from(parent).unwrap_or_default(), memory, cpu_seconds)?;
    while is_asked(&input)? {
        let Some(Request { function, arguments }) = read(&mut input)? else { break };
        let outcome = match found(&function, own) {
            Some(call) => call(arguments),
            None => Err(ToolError::Failed(format!("the workers of this program know no function `{function}`"))),
        };
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let is_last = used.tv_sec > 0 || used.tv_nsec.unsigned_abs() > USED_UP.as_nanos() as u64;
        write(&mut output, &Reply { outcome: Outcome::of(outcome), is_last })?;
        if is_last {
            break;
        }
    }
    Ok(())
}

fn found(name: &str, own: &[Known]) -> Option<fn(serde_json::Value) -> Result<serde_json::Value, ToolError>> {
    let own = own.iter().find_map(|known| (known.name == name).then_some(known.call));
    own.or_else(|| function_of(name))
}

/// The streams to the parent, moved to where no function finds them by accident: what one prints goes where errors go.
fn streams() -> io::Result<(File, File)> {
    let moved = |stream: &dyn AsFd| stream.as_fd().try_clone_to_owned().map(File::from);
    let streams = (moved(&stdin())?, moved(&stdout())?);
    rustix::stdio::dup2_stdin(stderr())?;
    rustix::stdio::dup2_stdout(stderr())?;
    Ok(streams)
}

/// Waits for a question; whether one has come, or the end of all of them.
fn is_asked(input: &File) -> io::Result<bool> {
    Ok(poll(&mut [PollFd::new(input, PollFlags::IN)], Some(&IDLE))? > 0)
}
