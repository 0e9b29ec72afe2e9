//! The harness: programs of ours as child processes, real servers, a cluster through kubectl, a model by a script, a runtime that
//! dies, and where things are.

mod audit;
mod kubectl;
pub mod model_server;
pub mod mortal;
mod program;
pub mod servers;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use audit::{Write, writes};
pub use kubectl::{Namespace, kubectl};
pub use program::{Program, free_port};

/// The longest that anything in a cluster may take before a test calls it broken.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is the parent folder")
}

/// A program that this workspace builds. `make test` builds them all before it tests.
///
/// # Panics
/// When it was not built.
pub fn binary(name: &str) -> PathBuf {
    let here = std::env::current_exe().expect("a test knows its own path");
    let folder = here.parent().and_then(Path::parent).expect("tests lie in target/.../deps");
    let path = folder.join(name);
    assert!(path.is_file(), "`{}` was not built; run `make build` first", path.display());
    path
}

/// The folder of what tests keep between runs, outside the tree.
///
/// # Panics
/// When the environment names neither `SKREAVER_CACHE` nor a home.
pub fn cache() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("SKREAVER_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("skreaver")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/skreaver")));
    cache.expect("SKREAVER_CACHE or HOME is set")
}

/// The Python environment of clients that nobody here wrote; `tests/clients/install` makes it.
///
/// # Panics
/// As [`cache`].
pub fn clients() -> PathBuf {
    cache().join("clients")
}

/// Asks again and again until the answer is there, and returns it.
///
/// # Panics
/// When it is not there in time; says what was waited for.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let give_up = tokio::time::Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < give_up, "waited for {what} in vain");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
