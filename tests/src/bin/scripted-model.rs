//! The scripted model as a program: for pods, and for clients in other languages.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use skreaver_tests::model_server::{Script, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Answers like OpenAI and Anthropic, by a script.
#[derive(Parser)]
struct Args {
    /// The address to listen on. The one that was taken is printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The script, as YAML. Without one the tool `add` is asked for with 2 and 3, and its result told.
    #[arg(long)]
    script: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Args { listen, script } = Args::parse();
    let script = match script {
        Some(path) => {
            let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
            Script::parse(&text).with_context(|| format!("`{}` is no script", path.display()))?
        }
        None => Script::adder(),
    };
    let listener = TcpListener::bind(listen).await.with_context(|| format!("failed to listen on {listen}"))?;
    println!("scripted model on http://{}", listener.local_addr()?);
    // The first process of a container has to listen to this itself.
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        () = serve(listener, script) => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
