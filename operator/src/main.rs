//! The operator: reads its arguments, and runs until it is told to stop.

use std::convert::Infallible;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use skreaver_operator::args::{Args, LogFormat};
use skreaver_operator::operator;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "operator ended");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> anyhow::Result<()> {
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        anyhow::bail!("another TLS provider is installed already");
    }
    let args = Args::parse();
    log(args.log_format);
    let stop = CancellationToken::new();
    let signals = stop_on_signal(stop.clone())?;
    tokio::select! {
        result = operator::run(args, stop.clone()) => result,
        never = signals => match never {},
    }
}

fn log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // The client tells whole answers that it cannot read, and they hold other people's data. What failed we tell ourselves.
    let filter = filter.add_directive("kube_client=off".parse().expect("a directive of ours is one"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).init(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).init(),
    }
}

/// The first signal asks to stop; a second one ends the process at once.
fn stop_on_signal(stop: CancellationToken) -> std::io::Result<impl Future<Output = Infallible>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.is_cancelled() {
                tracing::warn!("told to stop again: ending at once");
                std::process::exit(1);
            }
            tracing::info!("told to stop");
            stop.cancel();
        }
    })
}
