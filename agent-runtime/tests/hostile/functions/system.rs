//! What safe Rust does not offer to a function, and a flaw in a parser would. Numbers are those of Linux.

use std::ffi::{c_char, c_int, c_uint};

pub(super) const SIGINT: c_int = 2;
pub(super) const SIGFPE: c_int = 8;
pub(super) const SIGKILL: c_int = 9;
pub(super) const SIGTERM: c_int = 15;
pub(super) const SIGSTOP: c_int = 19;
pub(super) const SIGXCPU: c_int = 24;
/// What `signal` takes to ignore one.
pub(super) const IGNORED: usize = 1;

pub(super) const RLIMIT_AS: c_int = 9;

/// More than a worker has open.
const FILES: std::ops::Range<c_int> = 3..64;

#[allow(unsafe_code, reason = "none of these touches memory that is not its own, but strlen of what is no text, which is why")]
unsafe extern "C" {
    pub(super) safe fn alarm(seconds: c_uint) -> c_uint;
    pub(super) safe fn close(file: c_int) -> c_int;
    pub(super) safe fn fork() -> c_int;
    pub(super) safe fn ftruncate(file: c_int, length: i64) -> c_int;
    pub(super) safe fn getpgid(process: c_int) -> c_int;
    pub(super) safe fn getppid() -> c_int;
    pub(super) safe fn kill(process: c_int, signal: c_int) -> c_int;
    pub(super) safe fn memfd_create(name: *const c_char, flags: c_uint) -> c_int;
    pub(super) safe fn nice(less: c_int) -> c_int;
    pub(super) safe fn pause() -> c_int;
    pub(super) safe fn raise(signal: c_int) -> c_int;
    pub(super) safe fn setpgid(process: c_int, group: c_int) -> c_int;
    pub(super) safe fn setrlimit(resource: c_int, limits: &[u64; 2]) -> c_int;
    pub(super) safe fn setsid() -> c_int;
    pub(super) safe fn signal(signal: c_int, action: usize) -> usize;
    pub(super) safe fn strlen(text: usize) -> usize;
    safe fn write(file: c_int, bytes: *const u8, count: usize) -> isize;
}

/// Writes to the streams to the program, which no function is told; so to whatever is open.
pub(super) fn write_to_program(bytes: &[u8]) {
    FILES.for_each(|file| _ = write(file, bytes.as_ptr(), bytes.len()));
}

/// A frame of the protocol as workers write it.
pub(super) fn frame(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    [&length.to_le_bytes(), text.as_bytes()].concat()
}

pub(super) fn close_all() {
    (0..FILES.end).for_each(|file| _ = close(file));
}

pub(super) fn ignore_all_signals() {
    (1..64).for_each(|number| _ = signal(number, IGNORED));
}
