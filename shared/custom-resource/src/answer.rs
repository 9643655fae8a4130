//! The phrases in which a handler says what an AWS error means.

use std::{error::Error as StdError, time::Duration};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{AwsError, Result};

/// Codes with which a service refuses what it may take a while later. A table of them says what of a service is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passing {
    /// AWS's error codes.
    pub codes: &'static [&'static str],
    /// How long it may say so, counted from the first time in a row.
    pub within: Duration,
}

/// The phrases in which a handler says what an AWS error means.
pub trait Answer<T>: Sized {
    /// The answer, or what AWS said instead.
    ///
    /// # Errors
    /// The call's error.
    fn said(self) -> Result<T, AwsError>;

    /// `None` where AWS says one of `codes`: what was asked about isn't there.
    ///
    /// # Errors
    /// Every other error of the call.
    fn none_if(self, codes: &[&str]) -> Result<Option<T>, AwsError> {
        match self.said() {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_any(codes) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes what one of `rows` names something that may pass.
    ///
    /// # Errors
    /// The call's error, so marked.
    fn passing(self, rows: &[Passing]) -> Result<T, AwsError> {
        self.said().map_err(|error| match rows.iter().find(|row| error.is_any(row.codes)) {
            Some(row) => error.not_yet_within(row.within),
            None => error,
        })
    }
}

impl<T, E> Answer<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn said(self) -> Result<T, AwsError> {
        self.map_err(AwsError::from)
    }
}

impl<T> Answer<T> for Result<T, AwsError> {
    fn said(self) -> Self {
        self
    }
}
