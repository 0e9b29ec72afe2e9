//! The program of the agent-runtime image: serves what a RuntimeConfig says.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use skreaver::protocol::{ADMIN_PORT, API_PORT, GoDuration};
use skreaver::tools::worker::{Pool, run_if_asked};
use skreaver::{Listeners, Origin, Runtime, WebSocketConfig, config, serve_until_terminated};
use tokio::net::TcpListener;
use tracing::info;
use tracing_subscriber::EnvFilter;

/// What is logged unless `SKREAVER_LOG` says otherwise: of the MCP library, which tells of every request, only what went wrong.
const LOG: &str = "info,rmcp=warn";
/// More threads than this serve an agent no faster, and each costs memory; more load wants more replicas.
const MOST_THREADS: usize = 4;

/// Serves the agents of a RuntimeConfig.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The RuntimeConfig, YAML or JSON.
    #[arg(long)]
    config: PathBuf,
    /// Where the API listens.
    #[arg(long, default_value_t = SocketAddr::from((Ipv4Addr::UNSPECIFIED, API_PORT)))]
    listen: SocketAddr,
    /// Where health, readiness and metrics listen.
    #[arg(long, default_value_t = SocketAddr::from((Ipv4Addr::UNSPECIFIED, ADMIN_PORT)))]
    admin_listen: SocketAddr,
    /// How long new work is still accepted after SIGTERM, in seconds.
    #[arg(long, default_value_t = 3)]
    linger_seconds: u64,
    /// An origin whose scripts browsers let call the API, such as https://console.example; may be named again.
    #[arg(long = "cors-origin", value_name = "ORIGIN", env = "SKREAVER_CORS_ORIGINS", value_delimiter = ',')]
    cors_origins: Vec<Origin>,
    /// How often WebSocket clients are asked whether they are there.
    #[arg(long, value_name = "DURATION", env = "SKREAVER_WEBSOCKET_HEARTBEAT", default_value = "30s")]
    websocket_heartbeat: GoDuration,
    /// WebSocket connections at once; further ones are answered 503.
    #[arg(long, value_name = "COUNT", env = "SKREAVER_WEBSOCKET_MAX_CONNECTIONS", default_value_t = 1_000)]
    websocket_max_connections: usize,
}

fn main() -> anyhow::Result<()> {
    let program = run_if_asked(&[]);
    let args = Args::parse();
    let filter = EnvFilter::try_from_env("SKREAVER_LOG").unwrap_or_else(|_| EnvFilter::new(LOG));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    tokio.block_on(run(args, Pool::usual(program)?))
}

async fn run(args: Args, workers: Arc<Pool>) -> anyhow::Result<()> {
    // Bound first: a probe that comes early waits in the backlog instead of being refused.
    let api = TcpListener::bind(args.listen).await.with_context(|| format!("failed to listen on {}", args.listen))?;
    let admin =
        TcpListener::bind(args.admin_listen).await.with_context(|| format!("failed to listen on {}", args.admin_listen))?;
    let config = config::load(&args.config)?;
    let websocket = WebSocketConfig::new()
        .with_heartbeat_interval(args.websocket_heartbeat.get())
        .with_max_connections(args.websocket_max_connections);
    let builder = Runtime::builder().config(config.clone()).workers(workers);
    let mut builder = builder.cors_origins(args.cors_origins).websocket(websocket);
    if let Some(cluster) = &config.cluster {
        let bundle = config::load_policies(&cluster.policies_file)?;
        for agent in &config.agents {
            builder = builder.policies(agent.name.clone(), bundle.clone());
        }
    }
    let runtime = Arc::new(builder.build()?);
    let (api_address, admin_address) = (api.local_addr()?, admin.local_addr()?);
    info!(agents = config.agents.len(), api = %api_address, admin = %admin_address, "serving");
    let listeners = Listeners { api, admin: Some(admin) };
    serve_until_terminated(runtime, listeners, Duration::from_secs(args.linger_seconds)).await.context("failed to serve")
}
