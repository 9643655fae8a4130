//! `Custom::IamTrustStatement`: single statements in the trust policy of a role.

mod role;
mod trust_policies;

use policy_statement::Statements;
use trust_policies::TrustPolicies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    custom_resource::serve(|aws| Statements::new(aws, TrustPolicies::new)).await
}
