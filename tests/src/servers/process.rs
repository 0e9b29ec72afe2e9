//! One server process: started, killed without warning, started again on the same data.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// The longest that a server may take to come up.
const DEADLINE: Duration = Duration::from_secs(30);

/// A server process. Killed with its children when dropped.
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts it with its output in a file, and waits until it is ready.
    pub(super) fn start(mut command: Command, log: &Path, is_ready: impl Fn() -> bool) -> anyhow::Result<Self> {
        let output = fs::File::options().append(true).create(true).open(log)?;
        command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        let child = command.spawn().with_context(|| format!("failed to start {:?}", command.get_program()))?;
        let mut process = Self { child };
        let give_up = Instant::now() + DEADLINE;
        while !is_ready() {
            if let Some(status) = process.child.try_wait()? {
                bail!("the server ended with {status}: {}", fs::read_to_string(log).unwrap_or_default());
            }
            if Instant::now() > give_up {
                bail!("the server does not come up: {}", fs::read_to_string(log).unwrap_or_default());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(process)
    }

    /// Sends a signal, and waits for the end for a moment.
    pub(super) fn stop(&mut self, signal: &str) -> bool {
        send(signal, &[self.child.id()]);
        let give_up = Instant::now() + Duration::from_secs(5);
        while Instant::now() < give_up {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            sleep(Duration::from_millis(5));
        }
        false
    }

    /// Sends a signal to it and its children.
    pub(super) fn signal_all(&self, signal: &str) {
        send(signal, &[&[self.child.id()], children(self.child.id()).as_slice()].concat());
    }

    /// Kills it and its children at once, without a warning, and waits until all are gone.
    pub(super) fn kill(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let children = children(self.child.id());
        let _ = self.child.kill();
        send("KILL", &children);
        let _ = self.child.wait();
        let is_alive = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        while children.iter().any(is_alive) {
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The processes that this one started.
fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    // pid (name) state parent ...
    let parent_of = |pid: &u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    pids.filter(|pid| parent_of(pid) == Some(parent)).collect()
}

fn send(signal: &str, pids: &[u32]) {
    if !pids.is_empty() {
        let pids = pids.iter().map(u32::to_string);
        let _ = Command::new("kill").arg(format!("-{signal}")).args(pids).stderr(Stdio::null()).status();
    }
}

/// Runs a program to its end, and gives what it prints.
pub(super) fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error: io::Error| anyhow::anyhow!("failed to run {:?}: {error}", command.get_program()))?;
    if !output.status.success() {
        let printed = [output.stdout, output.stderr].concat();
        bail!("{:?} ended with {}: {}", command.get_program(), output.status, String::from_utf8_lossy(&printed).trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
