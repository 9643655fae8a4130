//! `Custom::Caller`: which other account or organizational unit may have which statements on what.

mod alias;
mod alias_policy;
mod callers;
mod organization;
mod plan;
mod properties;
mod statement_type;
mod target;

use callers::Callers;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    archipelago::serve(Callers::new).await
}
