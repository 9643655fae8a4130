//! A folder for the files of one test, which goes with it however it ends.

use std::ops::Deref;
use std::path::{Path, PathBuf};

/// An empty folder that is removed with all that is in it.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder, whose name begins so.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{:016x}", fastrand::u64(..)));
        std::fs::create_dir(&folder).unwrap_or_else(|error| panic!("{} can't be made: {error}", folder.display()));
        Self(folder)
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A test that fails already must not panic once more.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_what_is_in_it_when_its_test_fails() {
        let folder = Folder::new("folder");
        let path = folder.to_path_buf();
        std::fs::write(path.join("file"), "text").unwrap();
        let failed = std::panic::catch_unwind(move || panic!("{}", folder.display()));
        assert!(failed.is_err() && !path.exists());
    }
}
