//! What the result of a call of the SDK means, and which errors may pass.

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

/// The result of a call of the SDK, with the words in which a handler says what its error means.
pub trait SdkResult<T>: Sized {
    /// The call's result, with AWS's error as an [`AwsError`].
    ///
    /// # Errors
    /// The call's error.
    fn into_aws_error(self) -> Result<T, AwsError>;

    /// `None` where AWS says one of `codes`: what was asked about isn't there.
    ///
    /// # Errors
    /// Every other error of the call.
    fn none_if(self, codes: &[&str]) -> Result<Option<T>, AwsError> {
        match self.into_aws_error() {
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
        self.into_aws_error().map_err(|error| match rows.iter().find(|row| error.is_any(row.codes)) {
            Some(row) => error.not_yet_within(row.within),
            None => error,
        })
    }
}

impl<T, E> SdkResult<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn into_aws_error(self) -> Result<T, AwsError> {
        self.map_err(AwsError::from)
    }
}

impl<T> SdkResult<T> for Result<T, AwsError> {
    fn into_aws_error(self) -> Self {
        self
    }
}
