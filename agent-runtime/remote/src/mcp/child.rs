//! A server that is a child process. It has its own process group, which ends with the source: the server itself, and what it
//! started.

use std::collections::BTreeMap;
use std::process::Stdio;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What a child has of our environment. All else may be a secret.
const INHERITED: [&str; 2] = ["PATH", "HOME"];

/// A child that ends, with its whole group, when this is dropped.
pub(super) struct Group {
    /// Reaped by tokio once it is killed, also when nobody waits for it.
    _child: Child,
    group: Option<Pid>,
}

/// Starts a server.
///
/// # Errors
/// A sentence that names the program, and nothing of its arguments and environment.
pub(super) fn start(
    program: &str,
    args: &[String],
    env: &BTreeMap<String, String>,
) -> Result<(Group, ChildStdout, ChildStdin), String> {
    let inherited = INHERITED.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(inherited).envs(env).process_group(0).kill_on_drop(true);
    // What it has to say to people is not ours to print: it may be what it was told.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let failed = |why: &str| format!("failed to start the MCP server `{}`: {why}", program.escape_debug());
    let mut child = command.spawn().map_err(|error| failed(&error.to_string()))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let (Some(output), Some(input)) = (child.stdout.take(), child.stdin.take()) else { return Err(failed("it has no pipes")) };
    Ok((Group { _child: child, group }, output, input))
}

impl Group {
    /// Whether the server itself has ended. Its pipes do not tell: what it started may hold them. It is not reaped here, so
    /// that its number belongs to nobody else before the group is killed.
    pub(super) fn is_over(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.group.is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), options), Ok(None)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // One that is gone already needs no signal.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
