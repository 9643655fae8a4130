//! How a function of Archipelago is served.

use custom_resource::{Resource, SdkConfig, Server};

use crate::callers::{admit_administrators, admit_callers, admit_own_account};

/// The namespace of the metrics.
pub const METRICS_NAMESPACE: &str = "Archipelago";

/// Serves stacks of the function's own account with the resource that `build` makes of the AWS configuration.
///
/// # Errors
/// When the process can't start: see [`Server::run`].
pub async fn serve<R: Resource>(build: impl Fn(&SdkConfig) -> R) -> Result<(), lambda_runtime::Error> {
    server().admit(admit_own_account).every_type(async |aws: &SdkConfig| Ok(build(aws))).run().await
}

/// Serves stacks of other accounts as well, which invoke the function by aliases of their own. What such a
/// [`Caller`](crate::Caller) may ask for is for the resource to bound.
///
/// # Errors
/// When the process can't start: see [`Server::run`].
pub async fn serve_callers<R: Resource>(build: impl Fn(&SdkConfig) -> R) -> Result<(), lambda_runtime::Error> {
    server().admit(admit_callers).every_type(async |aws: &SdkConfig| Ok(build(aws))).run().await
}

fn server<'a>() -> Server<'a> {
    Server::new().metrics(METRICS_NAMESPACE).admit_other(admit_administrators)
}
