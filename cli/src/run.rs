//! `skreaver run`: serves the agents of manifests on this machine, on the paths that a pod serves them.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use skreaver::protocol::config::RuntimeConfig;
use skreaver::{Listeners, Runtime, serve_until_terminated};
use skreaver_render::agent_config;
use skreaver_render::local::Local;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::files::{Files, all, load, parse};

/// What is logged unless `SKREAVER_LOG` says otherwise: of the MCP library, which tells of every request, only what went wrong.
const LOG: &str = "info,rmcp=warn";
/// The agents that are served when no manifest is named.
const DEMO: &str = include_str!("../../config/samples/demo.yaml");

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Refuse every tool call of agents that no ToolPolicy selects.
    #[arg(long)]
    require_tool_policy: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let local = if args.files.files.is_empty() { load(parse("the built-in demo", DEMO)?)? } else { args.files.load()? };
    let runtime = Arc::new(runtime(&local, args.require_tool_policy)?);
    let filter = EnvFilter::try_from_env("SKREAVER_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    tokio::runtime::Runtime::new()?.block_on(listen(runtime, args.listen))
}

fn runtime(local: &Local, require_tool_policy: bool) -> anyhow::Result<Runtime> {
    let agents = local.resolve(require_tool_policy).map_err(|problems| all(&problems))?;
    if agents.is_empty() {
        bail!("there is no Agent in what was read");
    }
    let config = RuntimeConfig { agents: agents.iter().map(|(agent, _)| agent_config(agent)).collect(), cluster: None };
    let mut builder = Runtime::builder(config);
    for (agent, bundle) in agents {
        builder = builder.policies(agent.name, bundle);
    }
    Ok(builder.build()?)
}

async fn listen(runtime: Arc<Runtime>, address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
    greet(&runtime, listener.local_addr()?);
    let listeners = Listeners { api: listener, admin: None };
    serve_until_terminated(runtime, listeners, Duration::ZERO).await.context("failed to serve")
}

/// What to type next. Goes to standard output, apart from the log.
fn greet(runtime: &Runtime, address: SocketAddr) {
    println!("Serving on http://{address} - Ctrl-C stops. Try:\n");
    for path in ["/health", "/ready", "/metrics", "/agents"] {
        println!("  curl http://{address}{path}");
    }
    for agent in runtime.agents() {
        let config = agent.config();
        let input = config.tools.first().map_or("hello".to_owned(), |tool| format!("{}:hello world", tool.name));
        println!(
            "  curl -H 'Content-Type: application/json' -d '{{\"input\": \"{input}\"}}' http://{address}/agents/{}/observe",
            config.name
        );
    }
    println!();
}
