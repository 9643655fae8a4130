//! `Custom::SharedSubnetTags`: names and tags on shared subnets and their VPC, in the account that they are shared with.

mod api;
mod properties;
mod subnets;

use ec2::Client;
use subnets::SharedSubnets;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    archipelago::serve(|aws| SharedSubnets::new(Client::new(aws))).await
}
