//! `Custom::EcrPolicyStatement`: single statements in the policy of an ECR repository.

mod repositories;
mod repository;

use policy_statement::Statements;
use repositories::Repositories;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    custom_resource::serve(|aws| Statements::new(aws, Repositories::new)).await
}
