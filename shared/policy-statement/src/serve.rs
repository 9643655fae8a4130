//! How a function of single statements is served.

use archipelago::serve_callers;
use custom_resource::SdkConfig;

use crate::{PolicyStore, Statements};

/// Serves single statements in the policies of the stores that `build` makes; to stacks of other accounts as well, if the policies have
/// principals. One without principals grants the role that it is of, which another account can't be.
///
/// # Errors
/// When the process can't start: see [`Server::run`](custom_resource::Server::run).
pub async fn serve<S: PolicyStore>(
    build: impl Fn(&SdkConfig) -> S + Copy + 'static,
) -> Result<(), lambda_runtime::Error> {
    let statements = |aws: &SdkConfig| Statements::new(aws, build);
    if S::RULES.principals { serve_callers(statements).await } else { archipelago::serve(statements).await }
}
