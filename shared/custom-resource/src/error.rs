//! The two ways not to finish: `Refused` (asking again would end the same) and `NotYet` (asking again may finish it).

/// What a handler returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the work is not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Asking again would end the same: CloudFormation is answered FAILED with this sentence.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// Refuses with a sentence that a person who reads the stack's events can act on.
    pub fn refused(sentence: impl Into<String>) -> Self {
        Self::Refused(sentence.into())
    }
}
