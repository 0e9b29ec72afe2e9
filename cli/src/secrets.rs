//! Where agents on this machine find their secrets: in Secret documents among the manifests, or in the environment.
//!
//! A Secret's value becomes a file that only this user can read, in a folder that goes when the command ends. A key that no
//! document holds is looked for in the environment, under the Secret's name and the key: `MODEL_KEY_TOKEN` for the key `token`
//! of the Secret `model-key`.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use skreaver_render::local::Local;
use skreaver_render::{ResolvedAgent, SecretFile, secret_files};
use tempfile::TempDir;

/// The folder of the secrets of all agents. Only this user can enter it; removed when dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn create() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("skreaver-").tempdir();
        Ok(Self(folder.context("failed to make a folder for secrets")?))
    }

    /// Puts the secrets of an agent where its runtime finds them: the folder, and the variables that stand for some of its files.
    ///
    /// # Errors
    /// Everything that is nowhere, or the first file that cannot be written.
    pub(crate) fn locate(
        &self,
        local: &Local,
        agent: &ResolvedAgent<'_>,
    ) -> Result<(PathBuf, BTreeMap<String, String>), Vec<String>> {
        let folder = self.0.path().join(agent.name.as_str());
        let one = |error: anyhow::Error| vec![format!("{error:#}")];
        emptied(&folder).map_err(one)?;
        let (mut variables, mut missing) = (BTreeMap::new(), Vec::new());
        for SecretFile { file, key, path } in secret_files(&agent.agent.spec) {
            let variable = variable(&key.name, &key.key);
            match local.secret(agent.agent, &key) {
                Some(value) => write_private(&folder.join(&file), &value).map_err(one)?,
                None if std::env::var_os(&variable).is_some() => drop(variables.insert(file, variable)),
                None => missing.push(format!(
                    "Agent `{}`: {path}: no document holds the key `{}` of a Secret `{}`; name one with -f, or set {variable}",
                    agent.name, key.key, key.name
                )),
            }
        }
        if missing.is_empty() { Ok((folder, variables)) } else { Err(missing) }
    }
}

/// The variable of the environment for a key of a Secret.
fn variable(secret: &str, key: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("{secret}_{key}").chars().map(upper).collect()
}

/// A folder for this user alone, with those above it.
pub(crate) fn create_private(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| format!("failed to make `{}`", path.display()))
}

/// A private folder, without what an agent of this name had in it before.
fn emptied(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to empty `{}`", folder.display()))
        }
        _ => create_private(folder),
    }
}

fn write_private(path: &Path, value: &[u8]) -> anyhow::Result<()> {
    let open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    open.and_then(|mut file: File| file.write_all(value)).with_context(|| format!("failed to write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_secret_has_a_variable() {
        assert_eq!(variable("model-key", "token"), "MODEL_KEY_TOKEN");
        assert_eq!(variable("my.urls", "redis.url"), "MY_URLS_REDIS_URL");
    }
}
