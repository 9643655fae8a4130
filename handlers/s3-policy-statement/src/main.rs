//! `Custom::S3PolicyStatement`: single statements in the policy of an S3 bucket.

mod bucket;
mod buckets;

use buckets::Buckets;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    policy_statement::serve(Buckets::new).await
}
