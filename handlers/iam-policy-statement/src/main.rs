//! `Custom::IamPolicyStatement`: single statements in an inline policy of a role.

mod inline_policies;
mod inline_policy;

use inline_policies::InlinePolicies;
use policy_statement::Statements;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    custom_resource::serve(|aws| Statements::new(aws, InlinePolicies::new)).await
}
