//! `Custom::OrganizationalUnit`: an OU by name or by path, made or adopted.

mod levels;
mod properties;
mod tree;
mod units;

use aws_sdk_organizations::Client;
use units::OrganizationalUnits;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    archipelago::serve(|aws| OrganizationalUnits::new(Client::new(aws))).await
}
