//! `Custom::SubnetSharePrincipal`: one principal, added to a share that another stack made.

mod principals;
mod properties;

use principals::SharePrincipals;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    archipelago::serve(SharePrincipals::new).await
}
