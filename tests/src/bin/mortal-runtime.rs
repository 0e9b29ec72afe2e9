//! A runtime as a program of its own that ends at a point of a run, as by `kill -9`: nothing is flushed, nobody is told.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use skreaver::memory::Durability;
use skreaver::protocol::AgentName;
use skreaver::{Listeners, serve_until_terminated};
use skreaver_tests::mortal::{Death, Ledger, Life, Point, open, runtime};
use tokio::net::TcpListener;

/// Serves one agent until a point.
#[derive(Parser)]
struct Args {
    /// The agent's name.
    #[arg(long)]
    agent: AgentName,
    /// Its memory: `file:FOLDER`, `sqlite:FILE`, or the URL of a server.
    #[arg(long)]
    store: String,
    /// What is acknowledged survives processes only, not the machine.
    #[arg(long)]
    buffered: bool,
    /// How long leases hold, in milliseconds.
    #[arg(long)]
    lease_ms: Option<u64>,
    /// The file that tells what was done.
    #[arg(long)]
    ledger: PathBuf,
    /// Varies how long things take.
    #[arg(long)]
    seed: u64,
    /// The point at which it ends.
    #[arg(long, requires = "passing")]
    point: Option<Point>,
    /// At which passing of the point.
    #[arg(long)]
    passing: Option<usize>,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let Args { agent, store, buffered, lease_ms, ledger, seed, point, passing } = Args::parse();
    let life = Life {
        memory: open(&store, &agent).await.context("failed to open memory")?,
        agent,
        durability: if buffered { Durability::Buffered } else { Durability::Durable },
        lease: lease_ms.map(Duration::from_millis),
        ledger: Arc::new(Ledger::open(&ledger).with_context(|| format!("failed to open `{}`", ledger.display()))?),
        seed,
        death: point
            .zip(passing)
            .map_or_else(Death::never, |(point, passing)| Death::at(point, passing, || std::process::abort())),
    };
    let api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to listen on loopback")?;
    println!("{}", api.local_addr()?);
    let listeners = Listeners { api, admin: None };
    serve_until_terminated(Arc::new(runtime(life)), listeners, Duration::ZERO).await.context("failed to serve")
}
