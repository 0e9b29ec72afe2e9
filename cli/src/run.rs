//! `skreaver run`: serves the agents of manifests on this machine, on the paths that a pod serves them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use skreaver::protocol::auth::AuthConfig;
use skreaver::protocol::config::AgentConfig;
use skreaver::protocol::{Builtin, GoDuration};
use skreaver::tools::worker::{Pool, Program};
use skreaver::{Listeners, Origin, Runtime, WebSocketConfig, serve_until_terminated};
use skreaver_render::local::Local;
use tokio::net::TcpListener;

use crate::files::{Files, load, parse};
use crate::secrets::Folder;
use crate::served::{Served, log_to_stderr};

/// The agents that are served when no manifest is named.
const DEMO: &str = include_str!("../../config/samples/demo.yaml");

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
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
    /// An origin whose scripts browsers let call the API, such as http://localhost:5173; may be named again.
    #[arg(long = "cors-origin", value_name = "ORIGIN", env = "SKREAVER_CORS_ORIGINS", value_delimiter = ',')]
    cors_origins: Vec<Origin>,
    /// How often WebSocket clients are asked whether they are there.
    #[arg(long, value_name = "DURATION", env = "SKREAVER_WEBSOCKET_HEARTBEAT", default_value = "30s")]
    websocket_heartbeat: GoDuration,
    /// WebSocket connections at once; further ones are answered 503.
    #[arg(long, value_name = "COUNT", env = "SKREAVER_WEBSOCKET_MAX_CONNECTIONS", default_value_t = 1_000)]
    websocket_max_connections: usize,
    #[command(flatten)]
    served: Served,
}

pub(crate) fn run(args: &Args, program: Program) -> anyhow::Result<()> {
    let local = if args.files.files.is_empty() { load(parse("the built-in demo", DEMO)?)? } else { args.files.load()? };
    let auth = auth(args)?;
    let asks = auth.is_some();
    if let Some(told) = of_clusters(&local, asks) {
        eprintln!("{told}\n");
    }
    // To be removed at the very end.
    let secrets = Arc::new(Folder::create()?);
    let builder = args.served.runtime(local, auth, &secrets, Pool::usual(program)?)?;
    let websocket = WebSocketConfig::new()
        .with_heartbeat_interval(args.websocket_heartbeat.get())
        .with_max_connections(args.websocket_max_connections);
    let runtime = Arc::new(builder.cors_origins(args.cors_origins.iter().cloned()).websocket(websocket).build()?);
    log_to_stderr();
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

/// What to tell of Agents that say how their callers are known: their namespace, Secrets and issuers are a cluster's.
fn of_clusters(local: &Local, asks: bool) -> Option<String> {
    let says = local.agents().filter(|agent| agent.spec.expose.as_ref().is_some_and(|expose| expose.auth.is_some()));
    let names: Vec<_> = says.filter_map(|agent| agent.metadata.name.as_deref()).collect();
    let here = if asks { "callers are known as --auth and --api-keys say" } else { "nobody is asked" };
    let it = "`spec.expose.auth` holds in a cluster";
    (!names.is_empty()).then(|| format!("{it}, not here, where {here} (docs/auth.md): {}", names.join(", ")))
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
