//! `skreaver policy`: what ToolPolicies would say of calls, without a cluster and without an agent.

mod call;
mod explain;
mod test;
mod told;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Judge recorded calls, and compare with what is expected of each.
    ///
    /// Exits with 0 when every call is decided as expected, with 1 when one is not, and with 2 when that cannot be judged.
    Test(test::Args),
    /// Tell of one call which rule decides, and why.
    ///
    /// Exits with 0 when the call may happen, with 1 when it is denied, and with 2 when that cannot be judged.
    Explain(explain::Args),
}

pub(crate) fn policy(command: &Command) -> ExitCode {
    let outcome = match command {
        Command::Test(args) => test::test(args),
        Command::Explain(args) => explain::explain(args),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
