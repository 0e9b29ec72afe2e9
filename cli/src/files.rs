//! Reads manifests from files, folders and standard input.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;
use skreaver_render::local::{Document, Local};

/// Where manifests come from.
#[derive(clap::Args)]
pub(crate) struct Files {
    /// A YAML or JSON file with one or several documents, a folder of such files, or `-` for standard input.
    #[arg(short = 'f', long = "filename", value_name = "FILE", num_args = 1..)]
    pub(crate) files: Vec<PathBuf>,
}

impl Files {
    /// Every document, each valid by itself.
    pub(crate) fn load(&self) -> anyhow::Result<Local> {
        if self.files.is_empty() {
            bail!("name the manifests with -f FILE");
        }
        let mut documents = Vec::new();
        for path in self.expand()? {
            documents.extend(parse(&path.display().to_string(), &read(&path)?)?);
        }
        load(documents)
    }

    fn expand(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for path in &self.files {
            match path.is_dir() {
                true => files.extend(manifests_in(path)?),
                false => files.push(path.clone()),
            }
        }
        Ok(files)
    }
}

fn manifests_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("failed to list `{}`", folder.display()))?;
    let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files
        .retain(|path| path.extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known)));
    files.sort();
    if files.is_empty() {
        bail!("`{}` holds no .yaml, .yml or .json file", folder.display());
    }
    Ok(files)
}

/// The text of a file, or of standard input.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("failed to read standard input")?;
        return Ok(text);
    }
    fs::read_to_string(path).with_context(|| format!("failed to read `{}`", path.display()))
}

/// The documents of one text. Empty ones, as a trailing `---` leaves behind, do not count.
pub(crate) fn parse(origin: &str, text: &str) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    for (index, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
        let origin = format!("{origin}, document {}", index + 1);
        let value = Value::deserialize(document).with_context(|| format!("{origin} is not YAML"))?;
        if !value.is_null() {
            documents.push(Document { origin, value });
        }
    }
    Ok(documents)
}

/// Sorts documents, or tells everything that is wrong with them.
pub(crate) fn load(documents: Vec<Document>) -> anyhow::Result<Local> {
    if documents.is_empty() {
        bail!("there is no manifest in what was read");
    }
    Local::load(documents).map_err(|problems| all(&problems))
}

/// Several problems as one error.
pub(crate) fn all(problems: &[String]) -> anyhow::Error {
    anyhow::anyhow!("{} problem{}:\n  {}", problems.len(), if problems.len() == 1 { "" } else { "s" }, problems.join("\n  "))
}
