//! Tags on shared subnets while EC2 is slow to see them, busy, or out of reach.

use std::collections::BTreeMap;
use std::time::Duration;

use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::Status;
use archipelago_tests::fault::Fault;
use archipelago_tests::local_aws::LocalAws;
use archipelago_tests::proxy::Proxy;
use serde_json::{Value, json};

use super::{Fixture, cut_after};
use crate::network::{self, seen};

async fn fixture(fault: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Fixture {
    let aws = Proxy::start(&LocalAws::running().endpoint, fault).await;
    Fixture::before(aws, "SharedSubnetTags", Duration::from_mins(1)).await
}

/// A subnet, which is its own account's here: to EC2, one that is shared is no other to tag.
async fn subnet() -> String {
    let account = &LocalAws::running().account;
    network::subnet(account, &network::vpc(account).await, 0).await
}

fn named(subnet: &str) -> Value {
    let name = json!([{ "Key": "Name", "Value": "workloads" }]);
    json!({ "SubnetIds": [subnet], "Tags": name, "VpcTags": name })
}

/// The tags of a subnet, without those of its users.
async fn tags(subnet: &str) -> BTreeMap<String, String> {
    let mut tags = all_tags(subnet).await;
    tags.retain(|key, _| !key.starts_with("archipelago:user-"));
    tags
}

async fn all_tags(subnet: &str) -> BTreeMap<String, String> {
    seen(&LocalAws::running().account, &[subnet]).await.remove(subnet).unwrap()
}

/// Tags a subnet and its VPC, and takes the tags away again.
async fn comes_and_goes(mut fixture: Fixture) -> Fixture {
    let subnet = subnet().await;
    let run = fixture.stack.create(&named(&subnet)).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    assert_eq!(tags(&subnet).await, [("Name".to_owned(), "workloads".to_owned())].into());
    let run = fixture.stack.delete().await.sound();
    assert_eq!(run.status, Status::DeleteComplete, "{:?}", run.reason());
    assert!(all_tags(&subnet).await.is_empty());
    fixture
}

#[tokio::test]
async fn a_fresh_role_a_busy_ec2_and_lost_answers_are_nothing_but_time() {
    let fixture = fixture(|call| match (call.operation.as_str(), call.nth) {
        ("DescribeSubnets", 1) => {
            Fault::Before(call.error(403, "UnauthorizedOperation", "You are not authorized to perform this operation."))
        }
        ("CreateTags", 1) => Fault::Before(call.error(503, "RequestLimitExceeded", "Request limit exceeded.")),
        ("CreateTags", 2) | ("DeleteTags", 1) => cut_after(),
        _ => Fault::None,
    })
    .await;
    comes_and_goes(fixture).await;
}

#[tokio::test]
async fn a_subnet_that_not_every_call_sees_yet_is_waited_for() {
    let fixture = fixture(|call| match (call.operation.as_str(), call.nth) {
        ("CreateTags", 1) => Fault::Before(call.error(400, "InvalidSubnetID.NotFound", "The subnet ID does not exist")),
        ("CreateTags", 2) => Fault::Before(call.error(400, "InvalidID", "The ID is not valid")),
        _ => Fault::None,
    })
    .await;
    let fixture = comes_and_goes(fixture).await;
    // Two of them are done: the last of the Create, and that of the Delete, which says that it is leaving.
    assert_eq!((fixture.aws.count("CreateTags"), fixture.done("CreateTags")), (4, 2));
}

#[tokio::test]
async fn a_subnet_that_is_not_shared_is_named_with_what_to_do() {
    let mut fixture = fixture(|_| Fault::None).await;
    let mut properties = named("subnet-00000000000000000");
    properties["ServiceTimeout"] = json!(20);
    let run = fixture.stack.create(&properties).await.sound();
    assert_eq!(run.status, Status::RollbackComplete);
    let sentence = "this account doesn't see subnet-00000000000000000; have the owner share it with this account";
    assert!(run.reason().unwrap().contains(sentence), "{:?}", run.reason());
}

#[tokio::test]
async fn each_operation_makes_the_calls_that_its_page_lists() {
    let mut fixture = fixture(|_| Fault::None).await;
    let subnet = subnet().await;
    let first = named(&subnet);
    let run = fixture.stack.create(&first).await;
    assert_eq!(
        fixture.calls_of(run, 0),
        ["DescribeSubnets", "DescribeVpcs", "CreateTags", "DescribeSubnets", "DescribeVpcs"]
    );
    let mut seen = fixture.aws.calls().len();
    let run = fixture
        .stack
        .update(&json!({ "SubnetIds": [subnet, subnet], "Tags": first["Tags"], "VpcTags": first["Tags"] }))
        .await;
    assert_eq!(fixture.calls_of(run, seen), ["DescribeSubnets", "DescribeVpcs"]);
    seen = fixture.aws.calls().len();
    let run =
        fixture.stack.update(&json!({ "SubnetIds": [subnet], "Tags": [{ "Key": "stage", "Value": "one" }] })).await;
    let reads = ["DescribeSubnets", "DescribeVpcs"];
    let twice = ["DescribeSubnets", "DescribeSubnets", "DescribeVpcs", "DescribeVpcs"];
    let dropped = [&reads[..], &["CreateTags"], &twice, &["DeleteTags", "DeleteTags"]].concat();
    assert_eq!(fixture.calls_of(run, seen), [&dropped[..], &["CreateTags", "DescribeSubnets"]].concat());
    seen = fixture.aws.calls().len();
    let run = fixture.stack.delete().await;
    assert_eq!(
        fixture.calls_of(run, seen),
        ["DescribeSubnets", "CreateTags", "DescribeSubnets", "DescribeSubnets", "DeleteTags"]
    );
}
