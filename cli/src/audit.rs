//! `skreaver audit`: what the log of decisions over tool calls says of itself.

use std::fs::File;
use std::io::{BufReader, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use skreaver::audit::{ChainReport, Report, verify};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tell whether the records of a log are as they were written, and none is missing between them.
    ///
    /// Lines that are no records are passed over, so that the log of a whole pod can be given as it is. That records are missing
    /// at the end of a chain shows only beside its last hash, which is printed: keep it in another place.
    Verify {
        /// The logs, each by itself; `-` is the standard input.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub(crate) fn audit(args: &Args) -> anyhow::Result<()> {
    let Command::Verify { files } = &args.command;
    let mut broken = 0;
    for file in files {
        let report = read(file)?;
        print(file, &report);
        broken += report.breaks.len();
        if report.chains.is_empty() {
            bail!("there is no audit record in {}", file.display());
        }
    }
    match broken {
        0 => Ok(()),
        _ => bail!("{broken} records are not as they were written"),
    }
}

fn read(file: &Path) -> anyhow::Result<Report> {
    let report = if file == Path::new("-") {
        verify(stdin().lock())
    } else {
        verify(BufReader::new(File::open(file).with_context(|| format!("failed to open {}", file.display()))?))
    };
    report.with_context(|| format!("failed to read {}", file.display()))
}

fn print(file: &Path, report: &Report) {
    for (chain, ChainReport { records, from, to, head, .. }) in &report.chains {
        println!("{}: chain {chain}: {records} records from {from} to {to}, last {head}", file.display());
    }
    for found in &report.breaks {
        println!("{}:{}: {}", file.display(), found.line, found.problem);
    }
}
