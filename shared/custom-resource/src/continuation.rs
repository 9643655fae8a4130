//! The next invocation of work that outlives one: the same event, sent asynchronously to the same function.

use aws_config::SdkConfig;
use serde_json::Value;
use tokio::time::Instant;

/// The pause before Lambda is asked again.
#[cfg(feature = "continuation")]
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

/// Asks Lambda to invoke the function that is running. Few processes ever do: the client is made where it is needed, since
/// each of the SDK's clients reads a table of all Regions first.
#[cfg(feature = "continuation")]
pub(crate) struct SelfInvocation(SdkConfig);

#[cfg(feature = "continuation")]
impl SelfInvocation {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self(aws.clone())
    }

    /// Sends `event` to `function`, an ARN with the alias that was invoked; again, for as long as Lambda refuses what it may
    /// take a moment later.
    pub(crate) async fn invoke(&self, function: &str, event: &Value, until: Instant) -> Result<(), String> {
        use aws_sdk_lambda::{
            Client,
            config::{Builder, retry::RetryConfig},
            primitives::Blob,
            types::InvocationType,
        };
        // An invocation whose answer is lost may have happened all the same, and a second one would answer a second time. (It
        // is answered FAILED here even so: CloudFormation takes the first answer, and nobody may wait for an hour.)
        let lambda = Client::from_conf(Builder::from(&self.0).retry_config(RetryConfig::disabled()).build());
        let request = lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
        let request = request.payload(Blob::new(event.to_string()));
        loop {
            let error = match tokio::time::timeout_at(until, request.clone().send()).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => crate::AwsError::from(error),
                Err(_) => return Err("Lambda did not answer in time".to_owned()),
            };
            let next = Instant::now() + PAUSE;
            if !error.may_pass() || next >= until {
                return Err(error.to_string());
            }
            tokio::time::sleep_until(next).await;
        }
    }
}

/// Without the feature no work goes on after an invocation.
#[cfg(not(feature = "continuation"))]
pub(crate) struct SelfInvocation;

#[cfg(not(feature = "continuation"))]
impl SelfInvocation {
    pub(crate) fn new(_: &SdkConfig) -> Self {
        Self
    }

    #[expect(clippy::unused_async, reason = "the same shape as with the feature")]
    pub(crate) async fn invoke(&self, _: &str, _: &Value, _: Instant) -> Result<(), String> {
        Err("it was built without continuation".to_owned())
    }
}
