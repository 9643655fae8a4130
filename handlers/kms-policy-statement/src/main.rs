//! `Custom::KmsPolicyStatement`: single statements in the policy of a KMS key.

mod element;
mod key;
mod keys;
mod root;

use keys::Keys;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    policy_statement::serve(Keys::new).await
}
