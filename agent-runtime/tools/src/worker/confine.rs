//! What a worker gives up, on itself, before it reads a byte.

use std::fs;
use std::io;

use rustix::process::{Gid, Pid, Resource, Rlimit, Signal, Uid, getppid, getuid, set_parent_process_death_signal, setrlimit};
use rustix::thread::{set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// The most files and sockets that are open: the three streams, and the two that were moved. There is no room for another.
const MOST_FILES: u64 = 5;
/// The user and the group that own nothing.
const NOBODY: u32 = 65534;

/// Confines this process to so much memory beyond what it has, and so many seconds on the processor.
pub(super) fn confine(parent: u32, memory: u64, cpu_seconds: u64) -> io::Result<()> {
    if getuid().is_root() {
        // Root in a container may not be allowed to; it has not the powers either then.
        let _ = become_nobody();
    }
    // Only now: who becomes another loses this wish.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // One who died before that line is seen here: this process has another parent then.
    if getppid().map(Pid::as_raw_nonzero).map(|pid| pid.get().unsigned_abs()) != Some(parent) {
        return Err(io::Error::other("its program has ended"));
    }
    std::env::set_current_dir("/")?;
    set_no_new_privs(true)?;
    let exactly = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::As, exactly(mapped()?.saturating_add(memory)))?;
    // The first limit sends SIGXCPU, by which its parent knows it; the second kills.
    setrlimit(Resource::Cpu, Rlimit { current: Some(cpu_seconds), maximum: Some(cpu_seconds.saturating_add(1)) })?;
    setrlimit(Resource::Nofile, exactly(MOST_FILES))?;
    setrlimit(Resource::Nproc, exactly(0))?;
    setrlimit(Resource::Fsize, exactly(0))?;
    setrlimit(Resource::Core, exactly(0))?;
    Ok(())
}

/// For root there is no limit on processes, and none that it may not raise again. There is but one thread so far.
fn become_nobody() -> io::Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    Ok(())
}

/// How much address space the program itself takes, in bytes.
fn mapped() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let size =
        status.lines().find_map(|line| line.strip_prefix("VmSize:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    size.map(|kibibytes| kibibytes << 10)
        .ok_or_else(|| io::Error::other("/proc/self/status does not tell the size of this process"))
}
