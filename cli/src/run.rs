//! `skreaver run`: serves the agents of manifests on this machine, on the paths that a pod serves them.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use skreaver::audit::AuditLog;
use skreaver::protocol::Builtin;
use skreaver::protocol::config::{AgentConfig, RuntimeConfig};
use skreaver::tools::worker::{Pool, Program};
use skreaver::{Listeners, Runtime, SecurityConfig, serve_until_terminated};
use skreaver_render::local::Local;
use skreaver_render::{Locations, ResolvedAgent, agent_config, works_with_files};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::files::{Files, all, load, parse};
use crate::secrets::{Folder, create_private};

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
    /// Where agents with File or SQLite memory or with tools of files keep them, each in a folder of its own name.
    /// Default: $XDG_DATA_HOME/skreaver, or ~/.local/share/skreaver.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// A security.toml, which bounds what every agent may do besides what its ToolPolicies say.
    #[arg(long, value_name = "FILE")]
    security: Option<PathBuf>,
    /// Record every decision over a tool call at the end of this file, before its effect; `skreaver audit verify` judges it.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Refuse every tool call of agents that no ToolPolicy selects.
    #[arg(long)]
    require_tool_policy: bool,
}

pub(crate) fn run(args: &Args, program: Program) -> anyhow::Result<()> {
    let local = if args.files.files.is_empty() { load(parse("the built-in demo", DEMO)?)? } else { args.files.load()? };
    // To be removed at the very end.
    let secrets = Folder::create()?;
    let runtime = Arc::new(runtime(&local, args, &secrets, Pool::usual(program)?)?);
    let filter = EnvFilter::try_from_env("SKREAVER_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    tokio::runtime::Runtime::new()?.block_on(listen(runtime, args.listen))
}

fn runtime(local: &Local, args: &Args, secrets: &Folder, workers: Arc<Pool>) -> anyhow::Result<Runtime> {
    let agents = local.resolve(args.require_tool_policy).map_err(|problems| all(&problems))?;
    if agents.is_empty() {
        bail!("there is no Agent in what was read");
    }
    let located = agents.iter().map(|(agent, _)| {
        let (secrets, variables) = secrets.locate(local, agent)?;
        let folder = args.data_dir.as_ref();
        Ok(agent_config(agent, &Locations { secrets, variables, data: data(agent, folder)?, files: files(agent, folder)? }))
    });
    let config = RuntimeConfig { agents: located.collect::<anyhow::Result<_>>()?, cluster: None, auth: None };
    let mut builder = Runtime::builder().config(config).workers(workers);
    if let Some(file) = &args.audit {
        let log = AuditLog::to_file(file).with_context(|| format!("failed to open the audit log {}", file.display()))?;
        builder = builder.audit(log);
    }
    if let Some(file) = &args.security {
        builder = builder.security(SecurityConfig::load_from_file(file)?);
    }
    for (agent, bundle) in agents {
        builder = builder.policies(agent.name, bundle);
    }
    Ok(builder.build()?)
}

/// The folder for an agent's memory. Made only for an agent that has some in files.
fn data(agent: &ResolvedAgent<'_>, folder: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    if !agent.agent.spec.memory.as_ref().is_some_and(|memory| memory.backend.has_volume()) {
        return Ok(PathBuf::new());
    }
    own_folder(agent, folder)
}

/// The folder in which an agent's tools of files work. Made only for an agent that has some.
fn files(agent: &ResolvedAgent<'_>, folder: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    if !works_with_files(agent) {
        return Ok(PathBuf::new());
    }
    let folder = own_folder(agent, folder)?.join("files");
    create_private(&folder)?;
    Ok(folder)
}

fn own_folder(agent: &ResolvedAgent<'_>, folder: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = || Some(variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")))?.join("skreaver"));
    let folder = folder
        .cloned()
        .or_else(usual)
        .context("there is no home folder to keep memory and files in; name one with --data-dir")?;
    let folder = std::path::absolute(folder)?.join(agent.name.as_str());
    create_private(&folder)?;
    Ok(folder)
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
        let input = first_words(config);
        println!(
            "  curl -H 'Content-Type: application/json' -d '{{\"input\": \"{input}\"}}' http://{address}/agents/{}/observe",
            config.name
        );
    }
    println!();
}

/// Something to say to an agent that it can do something with.
fn first_words(config: &AgentConfig) -> String {
    match config.tools.first() {
        Some(tool) if config.models.is_empty() && tool.name.as_str() == Builtin::Add.name() => "add:1 2".to_owned(),
        Some(tool) if config.models.is_empty() => format!("{}:hello world", tool.name),
        Some(_) | None => "hello".to_owned(),
    }
}
