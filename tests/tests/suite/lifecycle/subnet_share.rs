//! `Custom::SubnetShare` through CloudFormation; where ministack leaves a Delete out, its binary under the simulator.

use std::collections::BTreeSet;

use archipelago_tests::cloudformation::Status;
use archipelago_tests::local_aws::LocalAws;
use serde_json::{Map, Value, json};

use super::organization::{organizations, organizations_of, some_organization, stack_in};
use super::{Stack, service_token, template, unique};
use crate::network::{
    associated, associations, member, ram, seen, shares, sharing, some_subnet, tags, text, the_share, unit, unshare,
};

/// Long enough that what begins isn't done when the function looks again.
const MOMENT: &str = "0.3";

/// A VPC with three subnets, and a share with these properties; `subnets` are those of it that are shared.
fn network(properties: &Value, subnets: &[&str]) -> Value {
    let vpc = json!({ "Type": "AWS::EC2::VPC", "Properties": { "CidrBlock": "10.0.0.0/16" } });
    let mut resources = Map::from_iter([("Vpc".to_owned(), vpc)]);
    for (number, zone) in ["A", "B", "C"].into_iter().enumerate() {
        let place = json!({ "VpcId": { "Ref": "Vpc" }, "CidrBlock": format!("10.0.{number}.0/24") });
        resources.insert(zone.to_owned(), json!({ "Type": "AWS::EC2::Subnet", "Properties": place }));
    }
    let shared: Vec<_> = subnets.iter().map(|name| json!({ "Ref": name })).collect();
    let mut share = json!({ "ServiceToken": service_token("subnet-share"), "SubnetIds": shared });
    share.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    resources.insert("Share".to_owned(), json!({ "Type": "Custom::SubnetShare", "Properties": share }));
    let mut template = template(&Value::Object(resources), &[]);
    for attribute in ["Arn", "SubnetArns"] {
        let value = json!({ "Value": { "Fn::GetAtt": ["Share", attribute] } });
        template["Outputs"][format!("Share{attribute}")] = value;
    }
    template
}

/// The ARNs of those subnets of the stack.
async fn arns(stack: &Stack, subnets: &[&str]) -> Vec<String> {
    let LocalAws { account, region, .. } = LocalAws::running();
    let mut arns = Vec::new();
    for name in subnets {
        arns.push(format!("arn:aws:ec2:{region}:{account}:subnet/{}", stack.output(name).await));
    }
    arns
}

/// What the share gives and to whom, if all is well: those subnets of the stack, to those principals.
async fn entities(stack: &Stack, subnets: &[&str], principals: &[&str]) -> Vec<String> {
    let mut entities = arns(stack, subnets).await;
    entities.extend(principals.iter().map(|principal| (*principal).to_owned()));
    entities
}

fn slow(value: &str) -> Value {
    let tag = |what: &str| json!({ "Key": format!("local:{what}-seconds"), "Value": MOMENT });
    json!([tag("share"), tag("association"), { "Key": "stage", "Value": value }])
}

#[tokio::test]
async fn three_subnets_are_shared_with_an_ou_changed_in_place_and_gone_with_the_stack() {
    let ((id, arn), name) = (unit().await, unique("share"));
    let (inside, outside) = (member(Some(&id)).await, member(None).await);
    let wanted = json!({ "Name": name, "Principals": [id], "Tags": slow("one") });
    let stack = Stack::create(&network(&wanted, &["A", "B", "C"]), "CREATE_COMPLETE").await;
    let share = stack.output("Share").await;
    assert_eq!(stack.output("ShareArn").await, share);
    assert_eq!(the_share(&name).await["resourceShareArn"], json!(share));
    assert_eq!(the_share(&name).await["allowExternalPrincipals"], json!(false));
    let subnet_arns = stack.output("ShareSubnetArns").await;
    let subnet_arns: BTreeSet<_> = subnet_arns.split(',').map(ToOwned::to_owned).collect();
    assert_eq!(subnet_arns, arns(&stack, &["A", "B", "C"]).await.into_iter().collect());
    let expected = entities(&stack, &["A", "B", "C"], &[&arn]).await;
    assert_eq!(associations(&share).await.into_keys().collect::<BTreeSet<_>>(), expected.into_iter().collect());
    let (a, b, c) = (stack.output("A").await, stack.output("B").await, stack.output("C").await);
    let subnets = [a.as_str(), &b, &c];
    assert_eq!(seen(&inside, &subnets).await.len(), 3);
    assert_eq!(seen(&outside, &subnets).await.len(), 0);

    // A principal more, a subnet less, another name, another tag: all in one, and all in place.
    let renamed = unique("renamed");
    let wanted = json!({ "Name": renamed, "Principals": [id, outside], "Tags": slow("two") });
    stack.update(&network(&wanted, &["A", "B"]), "UPDATE_COMPLETE").await;
    assert_eq!(stack.output("Share").await, share, "a change makes no other share");
    assert_eq!(the_share(&renamed).await["resourceShareArn"], json!(share));
    assert!(shares(&name).await.is_empty());
    assert_eq!(tags(&share).await["stage"], "two");
    let expected = entities(&stack, &["A", "B"], &[&arn, &outside]).await;
    assert_eq!(associations(&share).await, associated(&expected.iter().map(String::as_str).collect::<Vec<_>>()));
    for account in [&inside, &outside] {
        assert_eq!(seen(account, &subnets).await.into_keys().collect::<BTreeSet<_>>(), [a.clone(), b.clone()].into());
    }

    stack.delete("DELETE_COMPLETE").await;
    assert!(shares(&renamed).await.is_empty());
    assert!(seen(&inside, &subnets).await.is_empty());
    assert!(seen(&LocalAws::running().account, &subnets).await.is_empty(), "the subnets went after their share");
}

#[tokio::test]
async fn an_association_that_fails_is_told_in_ram_s_words_and_the_rollback_leaves_the_share_as_it_was() {
    let ((id, arn), name, other) = (unit().await, unique("share"), member(None).await);
    let wanted = json!({ "Name": name, "Principals": [id] });
    let stack = Stack::create(&network(&wanted, &["A", "B"]), "CREATE_COMPLETE").await;
    let share = stack.output("Share").await;
    let failing = json!({
        "Name": unique("never"),
        "Principals": [other],
        "Tags": [{ "Key": "local:fails", "Value": other }],
    });
    stack.update(&network(&failing, &["A", "C"]), "UPDATE_ROLLBACK_COMPLETE").await;
    let reason = stack.reason_of("Share", "UPDATE_FAILED").await;
    let words = format!("the association of {other} with the share is FAILED: {other} can't be associated");
    assert!(reason.contains(&words), "{reason}");
    assert_eq!(stack.output("Share").await, share);
    assert_eq!(the_share(&name).await["resourceShareArn"], json!(share), "it has its name again");
    let mut left = associations(&share).await;
    // What failed gives nothing to anybody.
    left.retain(|_, status| status != "FAILED");
    let expected = entities(&stack, &["A", "B"], &[&arn]).await;
    assert_eq!(left, associated(&expected.iter().map(String::as_str).collect::<Vec<_>>()));
    stack.delete("DELETE_COMPLETE").await;
    assert!(shares(&name).await.is_empty());
}

#[tokio::test]
async fn a_share_whose_creation_fails_goes_with_the_rollback() {
    sharing().await;
    let (name, subnet) = (unique("share"), some_subnet());
    let mut stack = stack_in(&LocalAws::running().account, "SubnetShare").await;
    let failing = json!({
        "Name": name,
        "SubnetIds": [subnet],
        "Tags": [{ "Key": "local:fails", "Value": subnet }],
    });
    let run = stack.create(&failing).await.sound();
    assert_eq!(run.status, Status::RollbackComplete, "{:?}", run.reason());
    let words = format!("with the share is FAILED: {subnet} can't be associated");
    assert!(run.reason().unwrap().contains(&words), "{:?}", run.reason());
    assert!(shares(&name).await.is_empty());
}

#[tokio::test]
async fn a_share_that_was_deleted_by_hand_does_not_keep_the_stack_and_is_made_anew_by_an_update() {
    let ((id, arn), name) = (unit().await, unique("share"));
    let wanted = |name: &str| network(&json!({ "Name": name, "Principals": [id] }), &["A"]);
    let stack = Stack::create(&wanted(&name), "CREATE_COMPLETE").await;
    let first = stack.output("Share").await;
    unshare(&LocalAws::running().account, &first).await;
    let anew = unique("anew");
    stack.update(&wanted(&anew), "UPDATE_COMPLETE").await;
    let second = stack.output("Share").await;
    assert_ne!(second, first);
    let expected = entities(&stack, &["A"], &[&arn]).await;
    assert_eq!(associations(&second).await, associated(&expected.iter().map(String::as_str).collect::<Vec<_>>()));

    unshare(&LocalAws::running().account, &second).await;
    stack.delete("DELETE_COMPLETE").await;
    assert!(shares(&anew).await.is_empty());
}

#[tokio::test]
async fn what_others_added_to_a_share_stays_until_the_share_goes() {
    let ((id, _), name, guest) = (unit().await, unique("share"), member(None).await);
    let wanted = |name: &str| network(&json!({ "Name": name, "Principals": [id] }), &["A"]);
    let stack = Stack::create(&wanted(&name), "CREATE_COMPLETE").await;
    let share = text(&the_share(&name).await["resourceShareArn"]);
    ram("AssociateResourceShare", json!({ "resourceShareArn": share, "principals": [guest] })).await.unwrap();
    let foreign = json!({ "resourceShareArn": share, "tags": [{ "key": "team", "value": "theirs" }] });
    ram("TagResource", foreign).await.unwrap();
    let renamed = unique("renamed");
    stack.update(&wanted(&renamed), "UPDATE_COMPLETE").await;
    assert_eq!(associations(&share).await[&guest], "ASSOCIATED");
    assert_eq!(tags(&share).await["team"], "theirs");
    stack.delete("DELETE_COMPLETE").await;
    assert!(shares(&renamed).await.is_empty());
}

#[tokio::test]
async fn a_principal_in_another_form_is_the_same_one() {
    let ((id, arn), name, guest) = (unit().await, unique("share"), member(None).await);
    let organization = text(&organizations("DescribeOrganization", json!({})).await["Organization"]["Arn"]);
    let (_, organization_id) = organization.rsplit_once('/').unwrap();
    let root = format!("arn:aws:iam::{guest}:root");
    let account = format!("{}/{guest}", organization.replace(":organization/", ":account/"));
    let wanted = |principals: [&str; 3]| network(&json!({ "Name": name, "Principals": principals }), &["A"]);
    let stack = Stack::create(&wanted([&guest, &id, "Organization"]), "CREATE_COMPLETE").await;
    let share = stack.output("Share").await;
    let expected = entities(&stack, &["A"], &[&guest, &arn, &organization]).await;
    let expected = associated(&expected.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(associations(&share).await, expected);
    for forms in [[root.as_str(), &arn, organization_id], [&account, &id, &organization]] {
        stack.update(&wanted(forms), "UPDATE_COMPLETE").await;
        assert_eq!((stack.output("Share").await, associations(&share).await), (share.clone(), expected.clone()));
    }
    stack.delete("DELETE_COMPLETE").await;
    assert!(shares(&name).await.is_empty());
}

/// Principals outside of the organization in each form, and what a person reads of each.
pub(super) async fn outsiders() -> Vec<(String, String)> {
    sharing().await;
    let foreign = some_organization("ALL").await;
    let theirs = async |operation: &str, input: Value| organizations_of(&foreign, operation, input).await.unwrap();
    let organization = text(&theirs("DescribeOrganization", json!({})).await["Organization"]["Arn"]);
    let root = theirs("ListRoots", json!({})).await["Roots"][0]["Id"].clone();
    let unit = theirs("CreateOrganizationalUnit", json!({ "ParentId": root, "Name": "theirs" })).await;
    let unit = |what: &str| text(&unit["OrganizationalUnit"][what]);
    let outside = |principal: &str| format!("the principal {principal} is not in the organization of this account");
    let (_, organization_id) = organization.rsplit_once('/').unwrap();
    let account = format!("{}/{foreign}", organization.replace(":organization/", ":account/"));
    // RAM alone knows who the accounts of an organization are; of a unit's id nobody sees whose it is.
    let no_member = format!("Principal {foreign} is not in your AWS organization");
    let no_unit = format!("OrganizationalUnit {} in unknown organization could not be found", unit("Id"));
    vec![
        (format!("arn:aws:iam::{foreign}:root"), no_member.clone()),
        (account, no_member.clone()),
        (foreign.clone(), no_member),
        (unit("Id"), no_unit),
        (unit("Arn"), outside(&unit("Arn"))),
        (organization_id.to_owned(), outside(organization_id)),
        (organization.clone(), outside(&organization)),
    ]
}

#[tokio::test]
async fn who_is_outside_of_the_organization_is_refused_in_every_form_and_leaves_no_share() {
    let mut stacks = tokio::task::JoinSet::new();
    for (principal, words) in outsiders().await {
        stacks.spawn(async move {
            let name = unique("share");
            let wanted =
                json!({ "Name": name, "SubnetIds": [some_subnet()], "Principals": [principal], "ServiceTimeout": 40 });
            let mut stack = stack_in(&LocalAws::running().account, "SubnetShare").await;
            let run = stack.create(&wanted).await.sound();
            let reason = run.reason().unwrap_or_default().to_owned();
            assert_eq!(run.status, Status::RollbackComplete, "{principal}: {reason}");
            assert!(reason.contains(&words), "{principal}: {reason}");
            assert!(shares(&name).await.is_empty(), "{principal}");
        });
    }
    while let Some(stack) = stacks.join_next().await {
        stack.unwrap();
    }
}
