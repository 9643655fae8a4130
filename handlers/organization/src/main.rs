//! `Custom::Organization`: the organization, made or adopted, and what is switched on in it.

mod organization;
mod policy_types;
mod properties;
mod services;
mod stack_sets;

use organization::Organization;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    archipelago::serve(Organization::new).await
}
