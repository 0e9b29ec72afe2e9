//! The harness: programs of ours as child processes, and where things are.

mod program;

use std::path::{Path, PathBuf};

pub use program::{Program, free_port};

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
