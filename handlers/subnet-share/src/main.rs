//! `Custom::SubnetShare`: subnets, shared with accounts, OUs or the whole organization.

mod properties;
mod shares;

use shares::SubnetShares;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    archipelago::serve(SubnetShares::new).await
}
