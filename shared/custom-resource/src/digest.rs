//! SHA-256 as text.

use sha2::{Digest, Sha256};

/// 64 lower-case hexadecimal digits of the SHA-256 of `parts`, with a line feed between them.
#[must_use]
pub fn digest_of<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut digest = Sha256::new();
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            digest.update("\n");
        }
        digest.update(part);
    }
    digest.finalize().iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}
