//! The two ways not to finish.

use std::{error::Error as StdError, fmt, io, sync::Arc, time::Duration};

use aws_smithy_types::error::operation::BuildError;

/// What a handler returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the work is not done. What is behind it, if anything is, is its source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Asking again would end the same: CloudFormation is answered FAILED with this sentence.
    #[error(transparent)]
    Refused(Refusal),
    /// Asking again may finish it: the loop in `lifecycle` does, no handler waits.
    #[error(transparent)]
    NotYet(NotYet),
}

impl Error {
    /// Refuses with a sentence that a person who reads the stack's events can act on.
    pub fn refused(sentence: impl Into<String>) -> Self {
        Self::Refused(Refusal { sentence: sentence.into(), source: Source::default() })
    }

    /// Says what is being waited for, until the deadline of the whole request.
    pub fn not_yet(waiting_for: impl Into<String>) -> Self {
        Self::NotYet(NotYet::new(waiting_for, None))
    }

    /// Says what is being waited for, and that it is refused once it has been so for `window`.
    pub fn not_yet_within(window: Duration, waiting_for: impl Into<String>) -> Self {
        Self::NotYet(NotYet::new(waiting_for, Some(window)))
    }

    /// The same error; if it is a wait, the line with metrics counts it under that name as well, such as `LeaseWaits`.
    #[must_use]
    pub fn counted_as(self, metric: &'static str) -> Self {
        match self {
            Self::NotYet(not_yet) => Self::NotYet(NotYet { metric: Some(metric), ..not_yet }),
            refused @ Self::Refused(_) => refused,
        }
    }

    /// The same error, with what is behind it. Nobody is told that: it may quote what nobody is to read.
    #[must_use]
    pub fn caused_by(self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = Source(Some(Arc::from(cause.into())));
        match self {
            Self::Refused(refusal) => Self::Refused(Refusal { source, ..refusal }),
            Self::NotYet(not_yet) => Self::NotYet(NotYet { source, ..not_yet }),
        }
    }

    /// The same error; if it is AWS's denial, its sentence ends in what to do about it.
    #[must_use]
    pub fn advised_if_denied(self, advice: &str) -> Self {
        match self {
            Self::NotYet(denial) if denial.is_denial() => {
                Self::NotYet(NotYet { waiting_for: format!("{}; {advice}", denial.waiting_for), ..denial })
            }
            other => other,
        }
    }
}

/// What asking again would not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    sentence: String,
    source: Source,
}

impl Refusal {
    /// The sentence that CloudFormation is answered.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl StdError for Refusal {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.get()
    }
}

/// Something that isn't so yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotYet {
    /// The sentence a person reads if the wait is given up.
    pub waiting_for: String,
    /// How long this may be the state of things, counted from the first time in a row that it was said.
    pub within: Option<Duration>,
    /// What makes two of them the same wait: the sentence, or the call and code of an AWS error, whose words vary.
    pub(crate) topic: String,
    pub(crate) kind: Kind,
    pub(crate) metric: Option<&'static str>,
    pub(crate) source: Source,
}

/// What is in the way, as far as others treat it in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// AWS denies it, which passes for a fresh role and for no other.
    Denied,
    /// A call had no answer, so nobody knows what came of it.
    Unanswered,
    Other,
}

impl NotYet {
    /// Whether it is AWS's denial, which passes for a fresh role and for no other.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        self.kind == Kind::Denied
    }

    pub(crate) fn new(waiting_for: impl Into<String>, within: Option<Duration>) -> Self {
        let waiting_for = waiting_for.into();
        let topic = waiting_for.clone();
        Self { topic, waiting_for, within, kind: Kind::Other, metric: None, source: Source::default() }
    }
}

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.waiting_for)
    }
}

impl StdError for NotYet {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.get()
    }
}

/// What is behind an error. Two errors that say the same are the same.
#[derive(Clone, Default)]
pub(crate) struct Source(pub(crate) Option<Arc<dyn StdError + Send + Sync>>);

impl Source {
    pub(crate) fn get(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

/// It may quote what nobody is to read.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Source(..)" } else { "None" })
    }
}

impl PartialEq for Source {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Source {}

/// Refuses in the words of an error of one's own, which CloudFormation shows. An error that quotes an URL or a value needs a sentence
/// instead: [`Error::refused`] and [`Error::caused_by`].
impl From<Box<dyn StdError + Send + Sync>> for Error {
    fn from(error: Box<dyn StdError + Send + Sync>) -> Self {
        Self::refused(error.to_string()).caused_by(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::refused(error.to_string()).caused_by(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        // What serde says may quote what it read.
        let sentence = match (error.line(), error.column()) {
            (0, _) => "a value could not be read or written as JSON".to_owned(),
            (line, column) => format!("a text could not be read as JSON, at line {line}, column {column}"),
        };
        Self::refused(sentence).caused_by(error)
    }
}

/// A part of a request lacks what the SDK can't send it without.
impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        Self::refused(error.to_string()).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_what_is_behind_it_and_does_not_say_it() {
        let error = Error::refused("the file can't be read").caused_by("a secret path");
        assert_eq!(error.to_string(), "the file can't be read");
        assert_eq!(error.source().unwrap().to_string(), "a secret path");
        assert!(!format!("{error:?}").contains("secret"));
        assert_eq!(error, Error::refused("the file can't be read"));
    }

    #[test]
    fn errors_of_others_are_refusals_in_their_words() {
        let read = || -> Result<()> { Err(io::Error::other("no disk"))? };
        assert_eq!(read(), Err(Error::refused("no disk")));
        let boxed = || -> Result<()> { Err(Box::<dyn StdError + Send + Sync>::from("no name"))? };
        assert_eq!(boxed().unwrap_err().source().unwrap().to_string(), "no name");
    }

    #[test]
    fn what_could_not_be_parsed_is_not_quoted() {
        let error = Error::from(serde_json::from_str::<u8>("\"s3cret\"").unwrap_err());
        assert_eq!(error.to_string(), "a text could not be read as JSON, at line 1, column 8");
        let error = Error::from(serde_json::from_value::<u8>("s3cret".into()).unwrap_err());
        assert_eq!(error.to_string(), "a value could not be read or written as JSON");
    }
}
