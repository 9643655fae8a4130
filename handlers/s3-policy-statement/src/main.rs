//! `Custom::S3PolicyStatement`: single statements in the policy of an S3 bucket.

mod bucket;
mod buckets;

use buckets::Buckets;
use policy_statement::Statements;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    custom_resource::serve(|aws| Statements::new(aws, Buckets::new)).await
}
