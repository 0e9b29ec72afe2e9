//! Functions that break their worker, or want to get out of it.

use std::hint::black_box;
use std::process::{self, Command};
use std::thread;

use super::functions;
use super::system::{
    SIGFPE, SIGINT, SIGKILL, SIGTERM, alarm, close, fork, ftruncate, getpgid, getppid, ignore_all_signals, kill, memfd_create,
    nice, pause, raise, setpgid, setsid, strlen,
};
use crate::case::Ending::{Answered, Crash, Time};

functions! {
    panic: Crash("exit status: 101") => panic!("as it was asked to"),
    panic_while_panicking: Crash("signal: 6 (SIGABRT)") => { let _panics = PanicsWhenDropped; panic!("as it was asked to") },
    divide_by_zero: Crash("exit status: 101") => (1 / black_box(0)).into(),
    reach_beyond_the_end: Crash("exit status: 101") => [1, 2, 3][black_box(3)].into(),
    abort: Crash("signal: 6 (SIGABRT)") => process::abort(),
    exit: Crash("exit status: 7") => process::exit(7),
    exit_as_if_it_was_done: Crash("it ended without an answer") => process::exit(0),
    read_what_is_not_there: Crash("signal: 11 (SIGSEGV)") => strlen(black_box(8)).into(),
    kill_itself: Crash("signal: 9 (SIGKILL)") => { raise(SIGKILL); 0.into() },
    kill_its_group: Crash("signal: 2 (SIGINT)") => { kill(0, SIGINT); 0.into() },
    end_itself: Crash("signal: 15 (SIGTERM)") => { raise(SIGTERM); 0.into() },
    raise_an_exception: Crash("signal: 8 (SIGFPE)") => { raise(SIGFPE); 0.into() },
    set_an_alarm: Crash("signal: 14 (SIGALRM)") => { alarm(1); loop { pause(); } },
    pretend_to_lack_memory: Crash("exit status: 3") => { eprintln!("memory allocation of 1 bytes failed"); process::exit(3) },
    pretend_to_lack_stack: Crash("exit status: 3") => { eprintln!("thread 'main' has overflowed its stack"); process::exit(3) },
    keep_in_a_file_of_memory: Crash("signal: 25 (SIGXFSZ)") => {
        close(0);
        ftruncate(memfd_create(c"kept".as_ptr(), 0), 1 << 30).into()
    },
    start_threads: Answered => { assert!(thread::Builder::new().spawn(|| ()).is_err()); "it could not".into() },
    start_a_process: Answered => { assert!(Command::new("/proc/self/exe").spawn().is_err()); "it could not".into() },
    fork_itself: Answered => match fork() { 0 => process::exit(9), child => { assert_eq!(child, -1); "it could not".into() } },
    spin_as_the_first: Time => { nice(-20); loop { black_box(()); } },
    spin_deafly: Time => { ignore_all_signals(); loop { black_box(()); } },
    spin_in_a_session: Time => { setsid(); loop { black_box(()); } },
    spin_in_another_group: Time => { assert_eq!(setpgid(0, getpgid(getppid())), 0); loop { black_box(()); } },
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("again");
    }
}
