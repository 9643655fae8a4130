//! `Custom::IamTrustStatement`: single statements in the trust policy of a role.

mod role;
mod trust_policies;

use trust_policies::TrustPolicies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    policy_statement::serve(TrustPolicies::new).await
}
