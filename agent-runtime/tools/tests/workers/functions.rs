//! Functions as nobody should write them, and some that tell where they are.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use skreaver_tools::worker::{Known, Program, known, run_if_asked as asked};
use skreaver_tools::{Function, ToolError};

/// No arguments.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Nothing {}

macro_rules! functions {
    ($($name:ident => $body:expr,)+) => {
        $(
            #[allow(non_camel_case_types)]
            struct $name;

            impl Function for $name {
                const NAME: &'static str = stringify!($name);
                const DESCRIPTION: &'static str = "";
                type Arguments = Nothing;
                type Output = Value;

                fn compute(_: Nothing) -> Result<Value, ToolError> {
                    fn body() -> Value {
                        $body
                    }
                    Ok(body())
                }
            }
        )+

        const OWN: &[Known] = &[$(known::<$name>()),+];
    };
}

functions! {
    spin => spin_for(Duration::MAX),
    toil => spin_for(Duration::from_millis(200)),
    sleep => { std::thread::sleep(Duration::from_secs(600)); "slept".into() },
    allocate => { let mut kept = Vec::new(); loop { kept.push(vec![1_u8; 1 << 20]); black_box(&kept); } },
    reserve => black_box(Vec::<u8>::with_capacity(1 << 40)).len().into(),
    recurse => deeper(0).into(),
    print => loop { println!("all work and no play"); },
    return_much => "x".repeat(8 << 20).into(),
    panic => { assert!(black_box(false), "as it was asked to"); "calm".into() },
    exit => std::process::exit(7),
    leave => std::process::exit(0),
    abort => std::process::abort(),
    garble => { speak(b"\x10\0\0\0{\"outcome\": \"\"}!!!"); spin_for(Duration::MAX) },
    claim_much => { speak(&u32::MAX.to_le_bytes()); spin_for(Duration::MAX) },
    close => { drop(stream()); std::thread::sleep(Duration::from_secs(600)); "closed".into() },
    greet => { println!("hello"); "done".into() },
    look => look_around(),
}

pub(crate) fn run_if_asked() -> Program {
    asked(OWN)
}

fn spin_for(time: Duration) -> Value {
    let started = Instant::now();
    while started.elapsed() < time {}
    "done".into()
}

fn deeper(level: u64) -> u64 {
    let page = black_box([level; 512]);
    if black_box(true) { deeper(level + 1) + page[511] } else { 0 }
}

/// The stream to the program, as a function that has taken over its process would find it: the first free number, and so the
/// second of the two that were moved.
fn stream() -> OwnedFd {
    let found = (3..16).rev().find(|number| {
        fs::read_link(format!("/proc/self/fd/{number}")).is_ok_and(|link| link.to_string_lossy().starts_with("pipe:"))
    });
    #[allow(unsafe_code)]
    // SAFETY: the worker never comes back to use it.
    unsafe {
        OwnedFd::from_raw_fd(found.unwrap())
    }
}

fn speak(bytes: &[u8]) {
    let mut stream = File::from(stream().as_fd().try_clone_to_owned().unwrap());
    stream.write_all(bytes).unwrap();
}

fn look_around() -> Value {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let limit =
        |name: &str| limits.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()).unwrap().to_owned();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    json!({
        "process": std::process::id(),
        "environment": std::env::vars_os().count(),
        "folder": std::env::current_dir().unwrap(),
        "grows_files": limit("Max file size") != "0",
        "core": limit("Max core file size").parse::<u64>().unwrap(),
        "new_privileges": !status.contains("NoNewPrivs:\t1"),
    })
}
