//! The API keys that callers were given, of which only hashes are kept: whose is a key, and until when.

mod form;

use std::collections::BTreeSet;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::Timestamp;

use self::form::{digest, hash, is_well_formed};
use crate::refusal::Refusal;
use crate::shown::Shown;

pub use self::form::NewApiKey;
pub(crate) use self::form::PREFIX;

/// The most keys that are kept.
const MOST_KEYS: usize = 1024;

/// The keys that were given to callers, as hashes.
#[derive(Debug, Clone, Default)]
pub struct ApiKeys(Vec<KeptKey>);

/// What is kept of one key.
#[derive(Debug, Clone)]
struct KeptKey {
    /// Whose it is: the name of its entry.
    name: String,
    hash: [u8; 32],
    roles: BTreeSet<String>,
    expires: Option<Timestamp>,
}

/// A line that is no key. The others of its entry count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {entry}, line {line}: {why}")]
pub struct ApiKeyProblem {
    /// The entry.
    pub entry: Shown,
    /// Its line, from 1 on.
    pub line: usize,
    /// What is wrong. It never holds what the line says, which may be a key.
    pub why: &'static str,
}

/// Whose a key is, and what the one who wrote it down lets it do.
pub(crate) struct Holder<'a> {
    pub(crate) name: &'a str,
    pub(crate) roles: &'a BTreeSet<String>,
    pub(crate) expires: Option<Timestamp>,
}

impl ApiKeys {
    /// Reads entries, each by its name and its text, and tells what of them is no key.
    pub fn read<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> (Self, Vec<ApiKeyProblem>) {
        let (mut keys, mut problems) = (Vec::new(), Vec::new());
        for (entry, text) in entries {
            let mut problem = |index: usize, why| problems.push(ApiKeyProblem { entry: Shown::new(entry), line: index + 1, why });
            for (index, line) in text.lines().map(str::trim).enumerate() {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let kept = if keys.len() < MOST_KEYS { KeptKey::read(entry, line) } else { Err("there are 1024 keys before it") };
                match kept {
                    Ok(key) if keys.iter().any(|other: &KeptKey| other.hash == key.hash) => {
                        problem(index, "the same key stands in a line before it");
                    }
                    Ok(key) => keys.push(key),
                    Err(why) => problem(index, why),
                }
            }
        }
        (Self(keys), problems)
    }

    /// Whose a key is. However it ends, every hash is compared, each in a time that does not depend on it.
    pub(crate) fn holder(&self, key: &str, now: Timestamp) -> Result<Holder<'_>, Refusal> {
        if !is_well_formed(key) {
            return Err(Refusal::UnknownApiKey);
        }
        let hash = hash(key);
        let mut found = None;
        for kept in &self.0 {
            if verify_slices_are_equal(&kept.hash, &hash).is_ok() {
                found = found.or(Some(kept));
            }
        }
        match found {
            None => Err(Refusal::UnknownApiKey),
            Some(KeptKey { expires: Some(end), .. }) if *end <= now => Err(Refusal::Expired),
            Some(KeptKey { name, roles, expires, hash: _ }) => Ok(Holder { name, roles, expires: *expires }),
        }
    }

    /// The roles that keys are given, each once.
    pub(crate) fn roles(&self) -> BTreeSet<&str> {
        self.0.iter().flat_map(|key| key.roles.iter().map(String::as_str)).collect()
    }
}

impl KeptKey {
    fn read(entry: &str, line: &str) -> Result<Self, &'static str> {
        // As Kubernetes has it for the keys of a Secret.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if entry.is_empty() || entry.len() > 253 || !entry.bytes().all(is_plain) {
            return Err("the name of the entry is not made of letters, digits, `-`, `_` and `.`");
        }
        let mut words = line.split_ascii_whitespace();
        let hash = words.next().and_then(|word| word.strip_prefix("sha256:")).and_then(digest);
        let hash = hash.ok_or("write `sha256:` and the hash of a key in 64 lower-case hex digits, and never the key itself")?;
        let (mut roles, mut expires) = (None, None);
        for word in words {
            match word.split_once('=') {
                Some(("roles", names)) if roles.is_none() && names.split(',').all(|name| !name.is_empty()) => {
                    roles = Some(names.split(',').map(str::to_owned).collect());
                }
                Some(("expires", time)) if expires.is_none() => {
                    expires = Some(time.parse().map_err(|_| "write `expires=` and a time such as 2027-01-31T00:00:00Z")?);
                }
                _ => return Err("behind the hash stand at most `roles=ROLE,...` and `expires=TIME`, each once"),
            }
        }
        Ok(Self { name: entry.to_owned(), hash, roles: roles.unwrap_or_default(), expires })
    }
}
