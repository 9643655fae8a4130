//! What became of an AWS call that didn't succeed.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::{ErrorMetadata, metadata::ProvideErrorMetadata};

use crate::{
    Error, NotYet,
    error::{Kind, Source},
    obstacle::Obstacle,
};

/// What the services of AWS say when they are asked too often: what the SDKs take for that, without the codes that mean a
/// quota or a conflict elsewhere.
/// <https://docs.rs/aws-runtime/latest/aws_runtime/retries/classifiers/constant.THROTTLING_ERRORS.html>
const THROTTLES: [&str; 12] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
];

/// What the services of AWS say to who may not; the last is EC2's.
const DENIALS: [&str; 3] = ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"];

/// An AWS call that didn't succeed: its name, what AWS said, and whether asking again may help. The SDK's error is its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    operation: String,
    code: String,
    message: String,
    refused: bool,
    within: Option<Duration>,
    source: Source,
}

impl AwsError {
    /// How long a role that was made a moment ago may be denied what its policy allows: IAM is eventually consistent.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html>
    pub const FRESH_ROLE: Duration = Duration::from_secs(20);

    /// How long AWS may be out of reach, out of order or out of breath.
    pub const OUTAGE: Duration = Duration::from_mins(2);

    /// A refusal by AWS, of `operation` (`ecr:GetRepositoryPolicy`), with AWS's code and words.
    #[must_use]
    pub fn refused(operation: &str, code: &str, message: &str) -> Self {
        let text = ToOwned::to_owned;
        Self::new(text(operation), text(code), text(message), true, None)
    }

    /// A call of `operation` without an answer: nobody knows whether it had its effect.
    #[must_use]
    pub fn unanswered(operation: &str, why: &str) -> Self {
        Self::new(operation.to_owned(), String::new(), why.to_owned(), false, Some(Self::OUTAGE))
    }

    fn new(operation: String, code: String, message: String, refused: bool, within: Option<Duration>) -> Self {
        Self { operation, code, message, refused, within, source: Source::default() }
    }

    /// AWS's error code, such as `RepositoryNotFoundException`; empty when no answer came.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// AWS's own words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether AWS answered and did nothing: neither an error of its own nor an answer that was lost.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.refused
    }

    /// Whether AWS did nothing, and might do it if it is asked again: it throttles, or the role is a moment old.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.refused && self.within.is_some()
    }

    /// The same error, as something that may pass within `window`.
    #[must_use]
    pub fn not_yet_within(self, window: Duration) -> Self {
        Self { within: Some(window), ..self }
    }

    /// The same error, whose sentence ends in what to do about it.
    #[must_use]
    pub fn advised(self, advice: &str) -> Self {
        let message = self.message.trim_end_matches('.');
        let message = if message.is_empty() { advice.to_owned() } else { format!("{message}; {advice}") };
        Self { message, ..self }
    }

    /// The same error; if it is AWS's denial, its sentence ends in what to do about it.
    #[must_use]
    pub fn advised_if_denied(self, advice: &str) -> Self {
        if self.is_any(&DENIALS) { self.advised(advice) } else { self }
    }

    pub(crate) fn is_any(&self, codes: &[&str]) -> bool {
        codes.contains(&self.code.as_str())
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, code, message, .. } = self;
        // The sentence may go on.
        match (code.as_str(), message.trim_end_matches('.')) {
            ("", message) if self.refused => write!(f, "{operation} was not sent to AWS: {message}"),
            ("", message) => write!(f, "{operation} got no answer from AWS: {message}"),
            (code, "") => write!(f, "{operation} was refused by AWS with {code}"),
            (code, message) => write!(f, "{operation} was refused by AWS with {code}: {message}"),
        }
    }
}

impl StdError for AwsError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.get()
    }
}

impl<E> From<SdkError<E, HttpResponse>> for AwsError
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        Self::of_call(operation_of::<E>(), error)
    }
}

impl AwsError {
    /// The error of a call of `operation` (`ec2:CreateTags`), for a client whose error type doesn't name the call.
    #[must_use]
    pub fn of_call<E>(operation: String, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let without_source = match &error {
            SdkError::ServiceError(refused) => {
                Self::of_service(operation, refused.err().meta(), refused.raw().status().as_u16())
            }
            other => match Obstacle::of(other) {
                Obstacle::Unsent(message) => Self::new(operation, String::new(), message, true, None),
                Obstacle::Unanswered(why) => Self::unanswered(&operation, &why),
            },
        };
        Self { source: Source(Some(Arc::new(error))), ..without_source }
    }

    fn of_service(operation: String, metadata: &ErrorMetadata, status: u16) -> Self {
        let code = metadata.code().unwrap_or("an error without a code").to_owned();
        let message = metadata.message().unwrap_or_default().to_owned();
        let is_throttle = THROTTLES.contains(&code.as_str()) || status == 429;
        let within = if is_throttle || status >= 500 {
            Some(Self::OUTAGE)
        } else if DENIALS.contains(&code.as_str()) {
            Some(Self::FRESH_ROLE)
        } else {
            None
        };
        Self::new(operation, code, message, is_throttle || status < 500, within)
    }
}

/// `ecr:GetRepositoryPolicy`, read from the path of the SDK's error type: the SDK's errors carry no name, and one
/// that is written by hand beside each call is soon another's. Only people read it.
fn operation_of<E>() -> String {
    let path = std::any::type_name::<E>();
    let service = path.strip_prefix("aws_sdk_").and_then(|rest| rest.split("::").next()).unwrap_or("aws");
    let name = path.rsplit("::").next().and_then(|name| name.strip_suffix("Error")).unwrap_or("the call");
    format!("{service}:{name}")
}

impl From<AwsError> for Error {
    fn from(error: AwsError) -> Self {
        let kind = match error.refused {
            false => Kind::Unanswered,
            true if error.is_any(&DENIALS) => Kind::Denied,
            true => Kind::Other,
        };
        let sentence = error.to_string();
        let whole = match error.within {
            Some(window) => {
                let topic = format!("{} {}", error.operation, error.code);
                Self::NotYet(NotYet { topic, kind, ..NotYet::new(sentence, Some(window)) })
            }
            None => Self::refused(sentence),
        };
        whole.caused_by(error)
    }
}

impl<E> From<SdkError<E, HttpResponse>> for Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        AwsError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    use super::*;
    use crate::{Passing, SdkResult};

    fn service_error(status: u16, code: &str, message: &str) -> SdkError<ErrorMetadata, HttpResponse> {
        let raw = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        SdkError::service_error(ErrorMetadata::builder().code(code).message(message).build(), raw)
    }

    fn verdict(status: u16, code: &str) -> Option<Duration> {
        AwsError::from(service_error(status, code, "")).within
    }

    #[test]
    fn a_refusal_of_aws_is_final_and_says_its_code_and_words() {
        let error = Error::from(service_error(400, "InvalidInputException", "You gave me nonsense."));
        assert!(matches!(error, Error::Refused(_)));
        assert!(error.to_string().ends_with("was refused by AWS with InvalidInputException: You gave me nonsense"));
    }

    #[test]
    fn credentials_that_aws_refuses_are_final_and_said_in_its_words() {
        for code in
            ["UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "SignatureDoesNotMatch"]
        {
            let Error::Refused(reason) = Error::from(service_error(403, code, "The token is invalid.")) else {
                panic!("{code} is asked again")
            };
            assert!(
                reason.sentence().ends_with(&format!("was refused by AWS with {code}: The token is invalid")),
                "{reason}"
            );
        }
    }

    #[test]
    fn throttles_and_outages_may_pass() {
        assert_eq!(verdict(400, "ThrottlingException"), Some(AwsError::OUTAGE));
        assert_eq!(verdict(429, "Whatever"), Some(AwsError::OUTAGE));
        assert_eq!(verdict(503, "ServiceUnavailable"), Some(AwsError::OUTAGE));
        assert_eq!(verdict(400, "LimitExceededException"), None, "a quota is not a throttle");
    }

    #[test]
    fn access_may_be_denied_to_a_fresh_role_for_some_seconds() {
        assert_eq!(verdict(400, "AccessDeniedException"), Some(AwsError::FRESH_ROLE));
        assert_eq!(verdict(403, "UnauthorizedOperation"), Some(AwsError::FRESH_ROLE));
        let Error::NotYet(not_yet) = Error::from(service_error(400, "AccessDeniedException", "")) else {
            panic!("final")
        };
        assert!(not_yet.is_denial());
    }

    #[test]
    fn what_aws_refused_was_not_done_and_what_broke_may_have_been() {
        assert!(AwsError::from(service_error(400, "InvalidParameterException", "")).is_refusal());
        assert!(!AwsError::from(service_error(500, "ServerException", "")).is_refusal());
        for throttle in ["SlowDown", "RequestLimitExceeded", "EC2ThrottledException"] {
            let error = AwsError::from(service_error(503, throttle, ""));
            assert!(error.is_refusal(), "who is told to slow down did nothing: {throttle}");
        }
    }

    #[test]
    fn advice_follows_what_aws_said() {
        let advised = |message| AwsError::refused("ecr:SetRepositoryPolicy", "Bad", message).advised("do better");
        assert_eq!(advised("No.").to_string(), "ecr:SetRepositoryPolicy was refused by AWS with Bad: No; do better");
        assert_eq!(advised("").to_string(), "ecr:SetRepositoryPolicy was refused by AWS with Bad: do better");
    }

    #[test]
    fn a_denial_says_what_opens_the_door_and_nothing_else_does() {
        for (code, ends) in
            [("AccessDenied", "No; list it"), ("AccessDeniedException", "No; list it"), ("Broken", "No")]
        {
            let error = AwsError::refused("iam:GetRole", code, "No.").not_yet_within(AwsError::FRESH_ROLE);
            let whole = Error::from(error.clone()).advised_if_denied("list it");
            assert!(whole.to_string().ends_with(ends), "{whole}");
            assert_eq!(Error::from(error.advised_if_denied("list it")), whole, "and is the same wait");
        }
    }

    #[test]
    fn the_sdk_s_error_is_kept() {
        let error = Error::from(service_error(400, "Broken", "No."));
        let aws = error.source().unwrap();
        assert!(aws.is::<AwsError>() && aws.source().unwrap().is::<SdkError<ErrorMetadata, HttpResponse>>());
    }

    #[test]
    fn what_is_not_there_is_none_and_the_rest_stays_an_error() {
        let gone: Result<(), _> = Err(service_error(400, "NotFound", ""));
        assert_eq!(gone.none_if(&["NotFound"]), Ok(None));
        let other: Result<(), _> = Err(service_error(400, "Broken", ""));
        assert!(other.none_if(&["NotFound"]).is_err());
    }

    #[test]
    fn what_may_pass_says_for_how_long_it_may_last() {
        let busy: Result<(), _> = Err(service_error(400, "ConcurrentModificationException", "Try again."));
        let error = Error::from(
            busy.passing(&[Passing { codes: &["ConcurrentModificationException"], within: AwsError::OUTAGE }])
                .unwrap_err(),
        );
        assert!(matches!(error, Error::NotYet(NotYet { within: Some(AwsError::OUTAGE), .. })));
    }
}
