//! A secret that is read again when its file has changed.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use secrecy::SecretString;
use skreaver_protocol::config::SecretSource;

use super::read;

/// A secret that is read again when its file has changed.
pub(crate) struct Watched {
    source: SecretSource,
    last: Mutex<Option<(SystemTime, SecretString)>>,
}

impl Watched {
    pub(crate) fn new(source: SecretSource) -> Self {
        Self { source, last: Mutex::default() }
    }

    /// The secret as it is now.
    ///
    /// # Errors
    /// As [`read`].
    pub(crate) fn get(&self) -> Result<SecretString, String> {
        let changed = match &self.source {
            SecretSource::File(path) => std::fs::metadata(path).and_then(|meta| meta.modified()).ok(),
            SecretSource::Env(_) => Some(SystemTime::UNIX_EPOCH),
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, secret)) = last.as_ref()
            && Some(*known) == changed
        {
            return Ok(secret.clone());
        }
        let secret = read(&self.source)?;
        *last = changed.map(|changed| (changed, secret.clone()));
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_changed_file_is_read_again_and_what_is_wrong_is_told_without_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let watched = Watched::new(SecretSource::File(path.clone()));
        assert!(watched.get().unwrap_err().contains("failed to read `file:"));
        std::fs::write(&path, " first\n").unwrap();
        assert_eq!(watched.get().unwrap().expose_secret(), "first");
        std::fs::write(&path, "second").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(2);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(watched.get().unwrap().expose_secret(), "second");
        std::fs::write(&path, "\n").unwrap();
        assert!(read(&SecretSource::File(path)).unwrap_err().ends_with("is empty"));
        assert!(read(&SecretSource::Env("SKREAVER_NO_SUCH_VARIABLE".into())).is_err());
    }
}
