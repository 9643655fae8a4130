//! `Custom::EcrPolicyStatement`: single statements in the policy of an ECR repository.

mod repositories;
mod repository;

use repositories::Repositories;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    policy_statement::serve(Repositories::new).await
}
