//! `Custom::KmsPolicyStatement`: single statements in the policy of a KMS key.

mod element;
mod key;
mod keys;
mod root;

use keys::Keys;
use policy_statement::Statements;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    custom_resource::serve(|aws| Statements::new(aws, Keys::new)).await
}
