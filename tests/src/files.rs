//! Where files of the repository are, and of what was built of it.

use std::path::{Path, PathBuf};

/// The binary that `sam build` made of a function of template.yaml; `ARCHIPELAGO_FUNCTIONS` names another folder.
///
/// # Panics
/// If it isn't there.
#[must_use]
pub fn built(logical_id: &str) -> PathBuf {
    let folder = std::env::var_os("ARCHIPELAGO_FUNCTIONS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| workspace().join(".aws-sam/build"));
    let path = folder.join(logical_id).join("bootstrap");
    assert!(path.is_file(), "{} is missing: run `make build` first", path.display());
    path
}

/// An example of a library in this workspace, built with this test or by `cargo build --examples`.
///
/// # Panics
/// If it isn't there.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    // target/<profile>/deps/<this test> and target/<profile>/examples/<name>
    let test = std::env::current_exe().expect("a running test has a file");
    let profile = test.parent().and_then(Path::parent).expect("cargo puts tests two folders deep");
    let path = profile.join("examples").join(name);
    assert!(path.is_file(), "{} is missing: run `cargo build --workspace --examples` first", path.display());
    path
}

/// The root of the repository.
#[must_use]
pub fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}
