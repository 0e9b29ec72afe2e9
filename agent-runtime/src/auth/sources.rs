//! The files with keys, which are looked at every second: what they hold is compared, and no times, so that every change is seen.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use skreaver_auth::ApiKeys;
use skreaver_protocol::auth::{AuthConfig, KeySets};

use super::Guard;
use crate::trace::warn;

/// How often files are looked at.
const GLANCE: Duration = Duration::from_secs(1);
/// The most that is read of one file, in bytes: a Secret has no more in all.
const LONGEST: u64 = 1 << 20;
/// The most files that are read of a directory.
const MOST_FILES: usize = 1024;

/// Where keys come from, and what was seen there last.
pub(super) struct Sources {
    key_sets: Option<PathBuf>,
    api_keys: Option<PathBuf>,
    last: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    key_sets: Option<Result<String, String>>,
    api_keys: Option<Result<BTreeMap<String, String>, String>>,
}

impl Sources {
    pub(super) fn new(config: &AuthConfig) -> Self {
        Self { key_sets: config.key_sets_file.clone(), api_keys: config.api_keys.clone(), last: Mutex::default() }
    }

    /// The key sets where they are not what they were.
    fn new_key_sets(&self) -> Option<Result<String, String>> {
        let found = read(self.key_sets.as_ref()?).map_err(|error| error.to_string());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (last.key_sets.as_ref() != Some(&found)).then(|| last.key_sets.insert(found).clone())
    }

    /// The entries of the API keys where they are not what they were.
    fn new_api_keys(&self) -> Option<Result<BTreeMap<String, String>, String>> {
        let found = entries(self.api_keys.as_ref()?).map_err(|error| error.to_string());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (last.api_keys.as_ref() != Some(&found)).then(|| last.api_keys.insert(found).clone())
    }
}

impl Guard {
    pub(super) async fn keep_looking(self: &Arc<Self>) {
        if self.sources.key_sets.is_none() && self.sources.api_keys.is_none() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(GLANCE).await;
            let guard = Arc::clone(self);
            // It only fails where the runtime ends.
            let _ = tokio::task::spawn_blocking(move || guard.look()).await;
        }
    }

    /// Takes what is new in files. What cannot be read changes nothing.
    pub(super) fn look(&self) {
        match self.sources.new_key_sets() {
            Some(Ok(text)) => match serde_json::from_str::<KeySets>(&text) {
                Ok(sets) => self.take_file(&sets),
                Err(error) => warn!(%error, "the file with keys of issuers cannot be read, and those before it stay"),
            },
            Some(Err(error)) => warn!(error, "the file with keys of issuers cannot be read, and those before it stay"),
            None => {}
        }
        match self.sources.new_api_keys() {
            Some(Ok(entries)) => {
                let (keys, problems) = ApiKeys::read(entries.iter().map(|(name, text)| (name.as_str(), text.as_str())));
                for problem in problems {
                    warn!(%problem, "a line is no API key");
                }
                self.take_api_keys(&keys);
            }
            Some(Err(error)) => warn!(error, "the directory of API keys cannot be read, and those before it stay"),
            None => {}
        }
    }

    fn take_file(&self, sets: &KeySets) {
        let known = self.live.load().keys().version();
        if known > 0 && sets.version <= known {
            warn!(version = sets.version, known, "the file with keys of issuers is not newer than they are; raise its `version`");
        }
        self.take(sets);
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The files of a directory, by name. Those that begin with a dot are how Kubernetes swaps a Secret whole.
fn entries(directory: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Followed: the entries of a mounted Secret are links.
        if name.starts_with('.') || !fs::metadata(entry.path())?.is_file() {
            continue;
        }
        if found.len() == MOST_FILES {
            return Err(io::Error::other(format!("there are more than {MOST_FILES} files")));
        }
        found.insert(name, read(&entry.path())?);
    }
    Ok(found)
}
