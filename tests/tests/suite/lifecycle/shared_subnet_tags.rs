//! `Custom::SharedSubnetTags` through CloudFormation, in an account with which another one shares.

use std::collections::BTreeMap;

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

use super::{Stack, service_token, template};
use crate::network::{self, member, seen, text, unshare, vpc_tags};

/// Two subnets of another account's VPC, shared with the account of the functions.
pub(super) struct Shared {
    owner: String,
    vpc: String,
    pub(super) subnets: [String; 2],
    share: String,
}

impl Shared {
    pub(super) async fn new() -> Self {
        let owner = member(None).await;
        let LocalAws { account, region, .. } = LocalAws::running();
        let vpc = network::vpc(&owner).await;
        let mut subnets = [String::new(), String::new()];
        for (number, subnet) in subnets.iter_mut().enumerate() {
            *subnet = network::subnet(&owner, &vpc, number).await;
            network::tag(&owner, subnet, "Name", "the owner's").await;
        }
        let arns = subnets.each_ref().map(|subnet| format!("arn:aws:ec2:{region}:{owner}:subnet/{subnet}"));
        let wanted = json!({ "name": vpc, "resourceArns": arns, "principals": [account] });
        let made = LocalAws::running().call_as(&owner, "ram", "CreateResourceShare", &wanted).await.unwrap();
        Self { owner, vpc, subnets, share: text(&made["resourceShare"]["resourceShareArn"]) }
    }

    /// The tags of both subnets and of the VPC in an account, with those that say who uses them.
    async fn all_tags(&self, account: &str) -> [BTreeMap<String, String>; 3] {
        let [one, two] = &self.subnets;
        let mut subnets = seen(account, &[one, two]).await;
        let mut of = |id: &str| subnets.remove(id).unwrap_or_default();
        [of(one), of(two), vpc_tags(account, &self.vpc).await]
    }

    /// The same without those.
    async fn tags(&self, account: &str) -> [BTreeMap<String, String>; 3] {
        self.all_tags(account).await.map(|mut tags| {
            tags.retain(|key, _| !key.starts_with("archipelago:"));
            tags
        })
    }

    /// The keys of all tags of both subnets and of the VPC in the account of the functions.
    pub(super) async fn keys(&self) -> [Vec<String>; 3] {
        self.all_tags(&LocalAws::running().account).await.map(|tags| tags.into_keys().collect())
    }

    pub(super) async fn here(&self) -> [BTreeMap<String, String>; 3] {
        self.tags(&LocalAws::running().account).await
    }

    /// A stack that tags both subnets and the VPC.
    fn stack(&self, tags: &Value, vpc_tags: &Value) -> Value {
        let properties = json!({
            "ServiceToken": service_token("shared-subnet-tags"),
            "SubnetIds": self.subnets,
            "Tags": tags,
            "VpcTags": vpc_tags,
        });
        template(&json!({ "Tags": { "Type": "Custom::SharedSubnetTags", "Properties": properties } }), &[])
    }
}

fn tag(key: &str, value: &str) -> Value {
    json!({ "Key": key, "Value": value })
}

pub(super) fn map<const N: usize>(tags: [(&str, &str); N]) -> BTreeMap<String, String> {
    tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

#[tokio::test]
async fn shared_subnets_and_their_vpc_are_tagged_in_the_participant_alone() {
    let shared = Shared::new().await;
    assert_eq!(shared.here().await, [map([]), map([]), map([])], "the owner's tags don't come along");
    let theirs = shared.tags(&shared.owner).await;
    let [one, _] = &shared.subnets;
    network::tag(&LocalAws::running().account, one, "team", "foreign").await;

    let tags = json!([tag("Name", "workloads"), tag("stage", "production")]);
    let stack = Stack::create(&shared.stack(&tags, &json!([tag("Name", "vpc")])), "CREATE_COMPLETE").await;
    let id = stack.output("Tags").await;
    assert!(id.starts_with("shared-subnet-tags-"), "{id}");
    let both = [("Name", "workloads"), ("stage", "production")];
    let with_foreign = map([both[0], both[1], ("team", "foreign")]);
    assert_eq!(shared.here().await, [with_foreign, map(both), map([("Name", "vpc")])]);
    assert_eq!(shared.tags(&shared.owner).await, theirs);

    stack.update(&shared.stack(&json!([tag("Name", "renamed")]), &json!([])), "UPDATE_COMPLETE").await;
    assert_eq!(stack.output("Tags").await, id);
    let renamed = [("Name", "renamed")];
    assert_eq!(shared.here().await, [map([renamed[0], ("team", "foreign")]), map(renamed), map([])]);

    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(shared.here().await, [map([("team", "foreign")]), map([]), map([])]);
    assert_eq!(shared.tags(&shared.owner).await, theirs);
}

#[tokio::test]
async fn a_key_of_somebody_else_is_refused_before_anything_is_tagged() {
    let shared = Shared::new().await;
    let [_, two] = &shared.subnets;
    network::tag(&LocalAws::running().account, two, "Name", "foreign").await;
    let before = shared.here().await;
    let stack = Stack::create(&shared.stack(&json!([tag("Name", "ours")]), &json!([])), "ROLLBACK_COMPLETE").await;
    let reason = stack.reason_of("Tags", "CREATE_FAILED").await;
    assert!(reason.contains(&format!("{two} has a tag Name with another value already")), "{reason}");
    assert_eq!(shared.here().await, before);
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(shared.here().await, before);
}

#[tokio::test]
async fn an_update_that_is_refused_leaves_the_tags_as_they_were() {
    let shared = Shared::new().await;
    let stack = Stack::create(&shared.stack(&json!([tag("Name", "ours")]), &json!([])), "CREATE_COMPLETE").await;
    let vpc = &shared.vpc;
    network::tag(&LocalAws::running().account, vpc, "Name", "foreign").await;
    let before = shared.here().await;
    let more = shared.stack(&json!([tag("Name", "other")]), &json!([tag("Name", "vpc")]));
    stack.update(&more, "UPDATE_ROLLBACK_COMPLETE").await;
    assert_eq!(shared.here().await, before);
    stack.delete("DELETE_COMPLETE").await;
    assert_eq!(shared.here().await, [map([]), map([]), map([("Name", "foreign")])]);
}

#[tokio::test]
async fn subnets_that_are_not_shared_any_more_do_not_keep_the_stack() {
    let shared = Shared::new().await;
    let stack = Stack::create(&shared.stack(&json!([tag("Name", "ours")]), &json!([])), "CREATE_COMPLETE").await;
    unshare(&shared.owner, &shared.share).await;
    stack.delete("DELETE_COMPLETE").await;
}
