//! The one place where secrets are read: from files, read again when they change, and from the environment.

#[cfg(feature = "models")]
mod watched;

use secrecy::SecretString;
use skreaver_protocol::config::SecretSource;

#[cfg(feature = "models")]
pub(crate) use watched::Watched;

/// The longest secret, in bytes.
const LONGEST: u64 = 64 << 10;

/// Reads a secret.
///
/// # Errors
/// A sentence that names where it was looked for, never what was found.
pub(crate) fn read(source: &SecretSource) -> Result<SecretString, String> {
    let found = match source {
        SecretSource::File(path) => {
            let size = std::fs::metadata(path).map(|meta| meta.len());
            match size {
                Ok(size) if size > LONGEST => return Err(format!("`{source}` has {size} bytes, which is no secret")),
                _ => std::fs::read_to_string(path).map_err(|error| format!("failed to read `{source}`: {error}"))?,
            }
        }
        SecretSource::Env(name) => {
            std::env::var(name).map_err(|_| format!("`{source}`: the environment has no such variable, or it is no text"))?
        }
    };
    match found.trim() {
        "" => Err(format!("`{source}` is empty")),
        secret => Ok(SecretString::from(secret)),
    }
}
