//! Functions as nobody should write them, and some that tell where they are.

use std::fs::File;
use std::hint::black_box;
use std::io::Error;
use std::net::{SocketAddr, TcpStream};
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
            #[allow(non_camel_case_types, reason = "the type has the name of its function")]
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

fn look_around() -> Value {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let is_full =
        |error: Option<Error>| error.is_some_and(|error| error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()));
    json!({
        "process": std::process::id(),
        "environment": std::env::vars_os().count(),
        "folder": std::env::current_dir().unwrap(),
        "opens_nothing": is_full(File::open("/dev/null").err()),
        "connects_to_nothing": is_full(TcpStream::connect(address).err()),
    })
}
