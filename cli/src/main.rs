//! The `skreaver` command: what a cluster would do with agent manifests, on a laptop.

mod approvals;
mod audit;
mod files;
mod keys;
mod mcp;
mod policy;
mod render;
mod run;
mod secrets;
mod served;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use skreaver::tools::worker::run_if_asked;

/// Runs, renders and validates AI agents from the same manifests that a cluster takes.
#[derive(Parser)]
#[command(name = "skreaver", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the agents of manifests on this machine.
    ///
    /// Secrets that agents name - keys of models, URLs of memory servers - come from documents of kind Secret among the files,
    /// or else from the environment: the key `token` of the Secret `model-key` is MODEL_KEY_TOKEN there.
    Run(run::Args),
    /// Serve tools over MCP to the client that starts this, on standard input and output.
    ///
    /// Without manifests these are the standard tools: those that compute and touch nothing. With manifests they are the tools
    /// of an agent, bounded by its ToolPolicies, and the agent itself is one.
    Mcp(mcp::Args),
    /// Print what the operator would apply for manifests.
    Render(render::Args),
    /// Judge manifests as the API server would.
    Validate(validate::Args),
    /// List the tool calls that wait for approval where `skreaver run` serves, and decide about them.
    Approvals(approvals::Args),
    /// Make API keys for those who ask agents.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Verify logs of decisions over tool calls.
    Audit(audit::Args),
    /// Ask ToolPolicies about calls before anything is applied.
    #[command(subcommand)]
    Policy(policy::Command),
}

fn main() -> ExitCode {
    let program = run_if_asked(&[]);
    let outcome = match Args::parse().command {
        Command::Run(args) => run::run(&args, program),
        Command::Mcp(args) => mcp::mcp(&args, program),
        Command::Render(args) => render::render(&args),
        Command::Validate(args) => validate::validate(&args),
        Command::Approvals(args) => approvals::approvals(&args),
        Command::Keys(command) => keys::keys(&command),
        Command::Audit(args) => audit::audit(&args),
        Command::Policy(command) => return policy::policy(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
