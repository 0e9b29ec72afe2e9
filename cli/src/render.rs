//! `skreaver render`: prints what the operator would apply.

use std::path::PathBuf;

use anyhow::Context;
use skreaver_render::Settings;

use crate::files::{Files, all};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    /// The operator's settings, YAML or JSON. Default: those of a fresh installation without a control channel.
    #[arg(long)]
    settings: Option<PathBuf>,
}

pub(crate) fn render(args: &Args) -> anyhow::Result<()> {
    let settings = match &args.settings {
        None => Settings::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))?;
            serde_yaml::from_str(&text).with_context(|| format!("`{}` holds no settings", path.display()))?
        }
    };
    let local = args.files.load()?;
    for child in local.children(&settings).map_err(|problems| all(&problems))? {
        print!("---\n{}", serde_yaml::to_string(&child.manifest)?);
    }
    Ok(())
}
