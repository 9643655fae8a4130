//! `Custom::IamPolicyStatement`: single statements in an inline policy of a role.

mod inline_policies;
mod inline_policy;

use inline_policies::InlinePolicies;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    policy_statement::serve(InlinePolicies::new).await
}
