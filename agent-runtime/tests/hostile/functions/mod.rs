//! Functions as nobody should write them, each with the way in which it ends in a worker.

mod breaking;
mod computing;
mod nesting;
mod system;
mod taking;
mod waiting;
mod writing;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use skreaver::tools::worker::{Known, Program, run_if_asked as asked};

use crate::case::{Case, Ending};

/// No arguments.
#[derive(Deserialize, JsonSchema)]
struct Nothing {}

/// A function by its name, as workers know it, and how it ends.
type Own = (&'static str, Known, Ending);

/// Makes a function of each name and body, and a list of them.
macro_rules! functions {
    ($($name:ident: $ending:expr => $body:expr,)+) => {
        $(
            #[allow(non_camel_case_types, reason = "the type has the name of its function")]
            struct $name;

            impl skreaver::tools::Function for $name {
                const NAME: &'static str = stringify!($name);
                const DESCRIPTION: &'static str = "";
                type Arguments = super::Nothing;
                type Output = serde_json::Value;

                fn compute(_: super::Nothing) -> Result<serde_json::Value, skreaver::ToolError> {
                    fn body() -> serde_json::Value {
                        $body
                    }
                    Ok(body())
                }
            }
        )+

        pub(super) const OWN: &[super::Own] =
            &[$((stringify!($name), skreaver::tools::worker::known::<$name>(), $ending)),+];
    };
}
use functions;

fn own() -> impl Iterator<Item = Own> {
    [computing::OWN, waiting::OWN, taking::OWN, writing::OWN, nesting::OWN, breaking::OWN].into_iter().flatten().copied()
}

pub(crate) fn run_if_asked() -> Program {
    let known: Vec<Known> = own().map(|(_, known, _)| known).collect();
    asked(&known)
}

/// A case of each.
pub(crate) fn cases() -> impl Iterator<Item = Case> {
    own().map(|(name, _, ending)| Case { name, tool: name, arguments: json!({}), ending })
}
