//! Which of CloudFormation's requests for one resource comes after which.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// A request, and since when it is worked on. CloudFormation sends the next request for a resource once the one before is
/// answered, or cancelled: then that may still be at work. Who keeps the turn of the latest request can tell, and mustn't
/// let an overtaken one do anything any more.
///
/// Displayed, it is read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Milliseconds since 1970, when the first invocation for the request began.
    began: u64,
    /// Eight hexadecimal digits made of the `RequestId`, which is used again, and of what is asked.
    request: String,
}

impl Turn {
    pub(crate) fn new(began: u64, request: &str) -> Self {
        let first_bytes =
            Sha256::digest(request).iter().take(4).fold(0_u32, |bytes, byte| bytes << 8 | u32::from(*byte));
        Self { began, request: format!("{first_bytes:08x}") }
    }

    /// Whether `latest` is another request, which began later.
    #[must_use]
    pub fn is_overtaken_by(&self, latest: &Self) -> bool {
        self.request != latest.request && self.began < latest.began
    }

    /// Which request it is.
    pub(crate) fn request(&self) -> &str {
        &self.request
    }

    /// Milliseconds since 1970, when it began.
    #[must_use]
    pub fn began(&self) -> u64 {
        self.began
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.began, self.request)
    }
}

impl FromStr for Turn {
    type Err = NotATurn;

    fn from_str(text: &str) -> Result<Self, NotATurn> {
        let (began, request) = text.split_once('-').ok_or(NotATurn)?;
        Ok(Self { began: began.parse().map_err(|_| NotATurn)?, request: request.to_owned() })
    }
}

/// Some other text.
#[derive(Debug, PartialEq, Eq)]
pub struct NotATurn;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_overtaken_by_another_that_began_later() {
        let (create, delete) = (Turn::new(1_000, "create"), Turn::new(2_000, "delete"));
        assert!(create.is_overtaken_by(&delete));
        assert!(!delete.is_overtaken_by(&create));
        assert!(!create.is_overtaken_by(&Turn::new(3_000, "create")), "the same event came twice");
    }

    #[test]
    fn a_turn_is_read_back_from_its_text() {
        let turn = Turn::new(1_764_000_000_123, "5a7e");
        assert_eq!(turn.to_string().parse(), Ok(turn));
        assert_eq!("yesterday".parse::<Turn>(), Err(NotATurn));
    }
}
