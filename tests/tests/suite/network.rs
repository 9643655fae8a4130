//! What there is to be shared, with whom, and how RAM and the accounts see it.

use std::collections::BTreeMap;

use archipelago_tests::local_aws::{LocalAws, between};
use serde_json::{Value, json};

/// Calls RAM as the account of the functions.
pub(crate) async fn ram(operation: &str, input: Value) -> Result<Value, String> {
    LocalAws::running().call("ram", operation, &input).await
}

/// Calls Organizations as the management account, which is that of the functions.
async fn organizations(operation: &str, input: Value) -> Value {
    LocalAws::running().call("organizations", operation, &input).await.unwrap()
}

/// Whoever asks first makes the organization; sharing in it is switched on as often as anybody likes.
pub(crate) async fn sharing() {
    let all = json!({ "FeatureSet": "ALL" });
    // A refusal means that there is an organization already.
    let _ = LocalAws::running().call("organizations", "CreateOrganization", &all).await;
    ram("EnableSharingWithAwsOrganization", json!({})).await.unwrap();
}

/// An OU under the root of an organization that shares: its id, and its ARN as RAM lists it.
pub(crate) async fn unit() -> (String, String) {
    sharing().await;
    let root = organizations("ListRoots", json!({})).await["Roots"][0]["Id"].clone();
    let wanted = json!({ "ParentId": root, "Name": unique("unit") });
    let made = organizations("CreateOrganizationalUnit", wanted).await["OrganizationalUnit"].clone();
    (text(&made["Id"]), text(&made["Arn"]))
}

/// A new account of that organization, in the root or in an OU.
pub(crate) async fn member(unit: Option<&str>) -> String {
    sharing().await;
    let wanted = json!({ "AccountName": "member", "Email": format!("aws+{}@example.com", unique("member")) });
    let request = organizations("CreateAccount", wanted).await["CreateAccountStatus"]["Id"].clone();
    let asked = json!({ "CreateAccountRequestId": request });
    let made = text(&organizations("DescribeCreateAccountStatus", asked).await["CreateAccountStatus"]["AccountId"]);
    if let Some(unit) = unit {
        let root = organizations("ListParents", json!({ "ChildId": made })).await["Parents"][0]["Id"].clone();
        let moved = json!({ "AccountId": made, "SourceParentId": root, "DestinationParentId": unit });
        organizations("MoveAccount", moved).await;
    }
    made
}

/// The ARN of a subnet of the functions' account that nobody made: RAM takes it all the same.
pub(crate) fn some_subnet() -> String {
    let LocalAws { account, region, .. } = LocalAws::running();
    format!("arn:aws:ec2:{region}:{account}:subnet/subnet-{:017x}", fastrand::u64(..) >> 4)
}

/// A share that belongs to nobody's stack, by its ARN.
pub(crate) async fn some_share(principals: &[&str]) -> String {
    sharing().await;
    let wanted = json!({
        "name": unique("share"),
        "allowExternalPrincipals": false,
        "principals": principals,
        "resourceArns": [some_subnet()],
    });
    text(&ram("CreateResourceShare", wanted).await.unwrap()["resourceShare"]["resourceShareArn"])
}

/// Deletes a share by hand.
pub(crate) async fn unshare(owner: &str, share: &str) {
    let command = ["ram", "delete-resource-share", "--resource-share-arn", share];
    let local = LocalAws::running();
    local.aws_at(&local.organizations_endpoint, owner, &command).await.unwrap();
}

/// All items of a list of RAM, from all its pages.
async fn listed(operation: &str, list: &str, mut input: Value) -> Vec<Value> {
    let mut items = Vec::new();
    loop {
        let page = ram(operation, input.clone()).await.unwrap();
        items.extend(page[list].as_array().cloned().unwrap_or_default());
        if page["nextToken"].is_null() {
            return items;
        }
        input["nextToken"] = page["nextToken"].clone();
    }
}

/// The shares of that name which aren't DELETED.
pub(crate) async fn shares(name: &str) -> Vec<Value> {
    let asked = json!({ "resourceOwner": "SELF", "name": name });
    let mut shares = listed("GetResourceShares", "resourceShares", asked).await;
    shares.retain(|share| share["status"] != "DELETED");
    shares
}

/// The one share of that name; panics if there are none or several.
pub(crate) async fn the_share(name: &str) -> Value {
    let shares = shares(name).await;
    assert_eq!(shares.len(), 1, "one share is right: {shares:?}");
    shares[0].clone()
}

/// The tags of a share by key, but for its owner's mark.
pub(crate) async fn tags(share: &str) -> BTreeMap<String, String> {
    let asked = json!({ "resourceOwner": "SELF", "resourceShareArns": [share] });
    let shares = listed("GetResourceShares", "resourceShares", asked).await;
    let tags = shares.iter().flat_map(|share| share["tags"].as_array().cloned().unwrap_or_default());
    let tags = tags.map(|tag| (text(&tag["key"]), text(&tag["value"])));
    tags.filter(|(key, _)| key != "archipelago:owner").collect()
}

/// What a share gives, and to whom: the status of each association that isn't DISASSOCIATED.
pub(crate) async fn associations(share: &str) -> BTreeMap<String, String> {
    let mut associations = BTreeMap::new();
    for kind in ["PRINCIPAL", "RESOURCE"] {
        let asked = json!({ "associationType": kind, "resourceShareArns": [share] });
        let listed = listed("GetResourceShareAssociations", "resourceShareAssociations", asked).await;
        let present = listed.iter().filter(|association| association["status"] != "DISASSOCIATED");
        associations.extend(present.map(|each| (text(&each["associatedEntity"]), text(&each["status"]))));
    }
    associations
}

/// These, and nothing else, ASSOCIATED.
pub(crate) fn associated(entities: &[&str]) -> BTreeMap<String, String> {
    entities.iter().map(|entity| ((*entity).to_owned(), "ASSOCIATED".to_owned())).collect()
}

/// Calls EC2 as an account; returns the XML that it answers.
async fn ec2(account: &str, operation: &str, input: &[(&str, &str)]) -> String {
    let answer = LocalAws::running().query_as(account, "ec2", operation, input).await;
    answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal}"))
}

/// The text of the first element of that name.
fn first(xml: &str, name: &str) -> String {
    between(xml, &format!("<{name}>"), "<").next().unwrap().to_owned()
}

/// A new VPC of an account.
pub(crate) async fn vpc(account: &str) -> String {
    first(&ec2(account, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).await, "vpcId")
}

/// A new subnet in it, the `number`th.
pub(crate) async fn subnet(account: &str, vpc: &str, number: usize) -> String {
    let input = [("VpcId", vpc), ("CidrBlock", &format!("10.0.{number}.0/24"))];
    first(&ec2(account, "CreateSubnet", &input).await, "subnetId")
}

/// Tags a subnet or a VPC by hand.
pub(crate) async fn tag(account: &str, thing: &str, key: &str, value: &str) {
    ec2(account, "CreateTags", &[("ResourceId.1", thing), ("Tag.1.Key", key), ("Tag.1.Value", value)]).await;
}

/// Those of `subnets` that an account sees, each with its tags there.
pub(crate) async fn seen(account: &str, subnets: &[&str]) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut seen = described(account, "DescribeSubnets", "subnetId").await;
    seen.retain(|subnet, _| subnets.contains(&subnet.as_str()));
    seen
}

/// The tags of a VPC in an account; none where it isn't seen.
pub(crate) async fn vpc_tags(account: &str, vpc: &str) -> BTreeMap<String, String> {
    described(account, "DescribeVpcs", "vpcId").await.remove(vpc).unwrap_or_default()
}

/// All things of a kind that an account sees, by their ids, each with its tags there.
async fn described(account: &str, operation: &str, id: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let (xml, start) = (ec2(account, operation, &[]).await, format!("<{id}>"));
    let things = xml.split(&start).skip(1).map(|thing| {
        let texts = |name: &str| between(thing, name, "<").map(ToOwned::to_owned).collect::<Vec<_>>();
        let tags = texts("<key>").into_iter().zip(texts("<value>")).collect();
        (thing.split('<').next().unwrap().to_owned(), tags)
    });
    things.collect()
}

/// A name that no other test has.
pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{:08x}", fastrand::u32(..))
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
