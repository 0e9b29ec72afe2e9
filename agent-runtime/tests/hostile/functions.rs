//! Functions as nobody should write them.

use std::hint::black_box;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use skreaver::tools::worker::{Known, Program, known, run_if_asked as asked};
use skreaver::tools::{Function, ToolError};

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
                    $body
                }
            }
        )+

        const OWN: &[Known] = &[$(known::<$name>()),+];
    };
}

functions! {
    spin => loop { black_box(()); },
    sleep => loop { std::thread::sleep(std::time::Duration::from_secs(600)); },
    allocate => { let mut kept = Vec::new(); loop { kept.push(vec![1_u8; 1 << 20]); black_box(&kept); } },
    flood => loop { println!("all work and no play"); },
    recurse => Ok(deeper(0).into()),
}

pub(crate) fn run_if_asked() -> Program {
    asked(OWN)
}

fn deeper(level: u64) -> u64 {
    let page = black_box([level; 512]);
    if black_box(true) { deeper(level + 1) + page[511] } else { 0 }
}
