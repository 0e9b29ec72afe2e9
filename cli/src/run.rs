//! `skreaver run`: serves the agents of manifests on this machine, on the paths that a pod serves them.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use skreaver::audit::AuditLog;
use skreaver::protocol::Builtin;
use skreaver::protocol::auth::AuthConfig;
use skreaver::protocol::config::{AgentConfig, RuntimeConfig};
use skreaver::tools::worker::{Pool, Program};
use skreaver::{Listeners, Origin, Runtime, SecurityConfig, serve_until_terminated};
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
    /// A file that says how callers are known and what they may do, as `auth` of a runtime configuration does: issuers, roles,
    /// bindings. Without it and without --api-keys nobody is asked.
    #[arg(long, value_name = "FILE")]
    auth: Option<PathBuf>,
    /// A directory with API keys, one file for each caller; `skreaver keys new` writes them.
    #[arg(long, value_name = "DIR")]
    api_keys: Option<PathBuf>,
    /// Serve to others than this machine, and ask nobody who they are.
    #[arg(long, conflicts_with_all = ["auth", "api_keys"])]
    no_auth: bool,
    /// A security.toml, which bounds what every agent may do besides what its ToolPolicies say.
    #[arg(long, value_name = "FILE")]
    security: Option<PathBuf>,
    /// Record every decision over a tool call at the end of this file, before its effect; `skreaver audit verify` judges it.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Refuse every tool call of agents that no ToolPolicy selects.
    #[arg(long)]
    require_tool_policy: bool,
    /// An origin whose scripts browsers let call the API, such as http://localhost:5173; may be named again.
    #[arg(long = "cors-origin", value_name = "ORIGIN", env = "SKREAVER_CORS_ORIGINS", value_delimiter = ',')]
    cors_origins: Vec<Origin>,
}

pub(crate) fn run(args: &Args, program: Program) -> anyhow::Result<()> {
    let local = if args.files.files.is_empty() { load(parse("the built-in demo", DEMO)?)? } else { args.files.load()? };
    let auth = auth(args)?;
    let asks = auth.is_some();
    // To be removed at the very end.
    let secrets = Folder::create()?;
    let runtime = Arc::new(runtime(&local, args, auth, &secrets, Pool::usual(program)?)?);
    let filter = EnvFilter::try_from_env("SKREAVER_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    tokio::runtime::Runtime::new()?.block_on(listen(runtime, args.listen, asks))
}

/// How callers are known, where they are asked. Whoever serves to others has to say, one way or the other.
fn auth(args: &Args) -> anyhow::Result<Option<AuthConfig>> {
    let Args { auth: file, api_keys, no_auth, listen, .. } = args;
    if file.is_none() && api_keys.is_none() {
        ensure!(
            *no_auth || listen.ip().is_loopback(),
            "on {listen} others than this machine may ask the agents, and nobody would be asked who they are; name who may with \
             --api-keys DIR (`skreaver keys new NAME --roles user --dir DIR` makes a key) or with --auth FILE, listen on 127.0.0.1, \
             or say --no-auth"
        );
        return Ok(None);
    }
    let mut config = match file {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
            serde_yaml::from_str(&text).with_context(|| format!("{} does not say how callers are known", file.display()))?
        }
        None => AuthConfig::default(),
    };
    if let Some(directory) = api_keys {
        ensure!(directory.is_dir(), "{} is no directory; `skreaver keys new NAME --dir` makes it", directory.display());
        config.api_keys = Some(directory.clone());
    }
    Ok(Some(config))
}

fn runtime(
    local: &Local,
    args: &Args,
    auth: Option<AuthConfig>,
    secrets: &Folder,
    workers: Arc<Pool>,
) -> anyhow::Result<Runtime> {
    let agents = local.resolve(args.require_tool_policy).map_err(|problems| all(&problems))?;
    if agents.is_empty() {
        bail!("there is no Agent in what was read");
    }
    let located = agents.iter().map(|(agent, _)| {
        let (secrets, variables) = secrets.locate(local, agent)?;
        let folder = args.data_dir.as_ref();
        Ok(agent_config(agent, &Locations { secrets, variables, data: data(agent, folder)?, files: files(agent, folder)? }))
    });
    let config = RuntimeConfig { agents: located.collect::<anyhow::Result<_>>()?, cluster: None, auth };
    let mut builder = Runtime::builder().config(config).workers(workers).cors_origins(args.cors_origins.iter().cloned());
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

async fn listen(runtime: Arc<Runtime>, address: SocketAddr, asks: bool) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))?;
    greet(&runtime, listener.local_addr()?, asks);
    let listeners = Listeners { api: listener, admin: None };
    serve_until_terminated(runtime, listeners, Duration::ZERO).await.context("failed to serve")
}

/// What to type next. Goes to standard output, apart from the log.
fn greet(runtime: &Runtime, address: SocketAddr, asks: bool) {
    let credential = if asks { "-H \"Authorization: Bearer $SKREAVER_API_KEY\" " } else { "" };
    println!("Serving on http://{address}/ - open it to talk to the agents; Ctrl-C stops. Or try:\n");
    for (path, credential) in [("/health", ""), ("/ready", ""), ("/metrics", credential), ("/agents", credential)] {
        println!("  curl {credential}http://{address}{path}");
    }
    for agent in runtime.agents() {
        let config = agent.config();
        let input = first_words(config);
        println!(
            "  curl {credential}-H 'Content-Type: application/json' -d '{{\"input\": \"{input}\"}}' http://{address}/agents/{}/observe",
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
