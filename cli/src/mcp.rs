//! `skreaver mcp`: serves the standard tools, or an agent, to the MCP client that starts it.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Context, bail};
use skreaver::Runtime;
use skreaver::mcp::McpServer;
use skreaver::protocol::Builtin;
use skreaver::tools::worker::{Pool, Program};

use crate::files::{Files, load, parse};
use crate::secrets::Folder;
use crate::served::{Served, log_to_stderr};

/// The agent that has the standard tools.
const STANDARD: &str = "skreaver";

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// The agent to serve, where there are several. The others are tools of it.
    #[arg(long, value_name = "NAME", requires = "files")]
    agent: Option<String>,
    #[command(flatten)]
    served: Served,
}

pub(crate) fn mcp(args: &Args, program: Program) -> anyhow::Result<()> {
    let is_standard = args.files.files.is_empty();
    let local = if is_standard { load(parse("the standard tools", &standard_tools())?)? } else { args.files.load()? };
    // To be removed at the very end.
    let secrets = Arc::new(Folder::create()?);
    let runtime = Arc::new(args.served.runtime(local, None, &secrets, Pool::usual(program)?)?.build()?);
    let server = if is_standard {
        McpServer::of_tools(&runtime, STANDARD)
    } else {
        McpServer::of_agent(&runtime, &chosen(args, &runtime)?)
    };
    let server = server.context("there is no such agent")?;
    log_to_stderr();
    tokio::runtime::Runtime::new()?.block_on(server.serve_stdio()).context("failed to serve over stdio")
}

/// The agent that is asked for, or the only one.
fn chosen(args: &Args, runtime: &Runtime) -> anyhow::Result<String> {
    let agents = runtime.agents();
    let names: Vec<_> = agents.iter().map(|agent| agent.config().name.as_str()).collect();
    match (&args.agent, names.as_slice()) {
        (Some(name), _) if names.contains(&name.as_str()) => Ok(name.clone()),
        (None, [name]) => Ok((*name).to_owned()),
        _ => bail!("choose an agent with --agent: {}", names.join(", ")),
    }
}

/// An agent with every tool that computes and touches nothing.
fn standard_tools() -> String {
    let mut manifest =
        format!("apiVersion: skreaver.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {STANDARD}}}\nspec:\n  tools:\n");
    for tool in Builtin::ALL.iter().filter(|tool| !tool.needs_memory() && !tool.needs_network() && !tool.needs_files()) {
        writeln!(manifest, "    - {{name: {}, type: Builtin}}", tool.name()).expect("a text takes more");
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_tools_make_an_agent() {
        let local = load(parse("the standard tools", &standard_tools()).unwrap()).unwrap();
        let agents = local.resolve(false).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(agents[0].0.name.as_str(), STANDARD);
    }
}
