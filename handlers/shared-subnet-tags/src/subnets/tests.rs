//! What each verb asks of EC2, with a real client and canned answers.

use aws_sdk_ec2::{
    operation::{
        create_tags::CreateTagsOutput, delete_tags::DeleteTagsOutput, describe_subnets::DescribeSubnetsOutput,
        describe_vpcs::DescribeVpcsOutput,
    },
    types::{Filter, Tag},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{NotYet, Owner, Users};
use serde_json::{Value, json};

use super::*;

const A: &str = "subnet-aaaaaaaa";
const B: &str = "subnet-bbbbbbbb";
const VPC: &str = "vpc-0123abcd";

fn owner() -> Owner {
    Owner::new("arn:aws:cloudformation:us-east-1:222222222222:stack/app/1f0a", "Tags")
}

fn claim(id: Option<&str>) -> Claim<TagsId> {
    Claim::new(owner(), id.map(ToOwned::to_owned))
}

fn own() -> String {
    TagsId::of(&owner()).to_string()
}

fn properties(properties: Value) -> Properties {
    serde_json::from_value(properties).unwrap()
}

/// Subnets with a tag, and their VPC with one.
fn template(subnets: &[&str], tag: (&str, &str), vpc_tag: Option<(&str, &str)>) -> Value {
    let written = |(key, value): (&str, &str)| json!([{"Key": key, "Value": value}]);
    json!({"SubnetIds": subnets, "Tags": written(tag), "VpcTags": vpc_tag.map_or(json!([]), written)})
}

fn tag((key, value): (&str, &str)) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// An error as EC2 sends it.
fn said(code: &str, message: &str) -> HttpResponse {
    let body = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>1</RequestID></Response>"
    );
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body))
}

fn asks_for(filters: &[Filter], name: &str, ids: &[&str]) -> bool {
    matches!(filters, [filter] if filter.name() == Some(name) && filter.values() == ids)
}

type Tagged<'a> = (&'a str, &'a [(&'a str, &'a str)]);

/// The subnets asked for and those seen, after an empty page.
fn subnets(asked: &'static [&str], seen: &[Tagged<'_>]) -> Rule {
    let seen: Vec<_> = seen
        .iter()
        .map(|(id, tags)| {
            let tags = tags.iter().copied().map(tag).collect();
            Subnet::builder().subnet_id(*id).vpc_id(VPC).set_tags(Some(tags)).build()
        })
        .collect();
    mock!(Client::describe_subnets)
        .match_requests(|r| asks_for(r.filters(), "subnet-id", asked))
        .sequence()
        .output(|| DescribeSubnetsOutput::builder().next_token("more").build())
        .output(move || DescribeSubnetsOutput::builder().set_subnets(Some(seen.clone())).build())
        .build()
}

fn vpc(tags: &[(&str, &str)]) -> Rule {
    let tags: Vec<_> = tags.iter().copied().map(tag).collect();
    mock!(Client::describe_vpcs).match_requests(|r| asks_for(r.filters(), "vpc-id", &[VPC])).then_output(move || {
        let vpc = Vpc::builder().vpc_id(VPC).set_tags(Some(tags.clone())).build();
        DescribeVpcsOutput::builder().vpcs(vpc).build()
    })
}

fn another() -> Owner {
    Owner::new("arn:aws:cloudformation:us-east-1:222222222222:stack/copy/2f0b", "Tags")
}

/// The tag of a user that wants `Name`, `stage` or whatever on the thing.
fn user(owner: &Owner, wanted: (&str, &str)) -> (&'static str, &'static str) {
    let tags = serde_json::from_value(json!([{"Key": wanted.0, "Value": wanted.1}])).unwrap();
    lasting(Users::tag(owner, &tags))
}

fn leaving() -> (&'static str, &'static str) {
    lasting(Users::leaving(&owner()))
}

/// For as long as a test runs.
fn lasting((key, value): (String, String)) -> (&'static str, &'static str) {
    (key.leak(), value.leak())
}

/// Sets a tag, and with it the claim's own.
fn sets(ids: &'static [&str], wanted: (&'static str, &'static str)) -> Rule {
    sets_all(ids, vec![wanted, user(&owner(), wanted)])
}

fn sets_all(ids: &'static [&str], tags: Vec<(&'static str, &'static str)>) -> Rule {
    mock!(Client::create_tags)
        .match_requests(move |r| r.resources() == ids && r.tags() == tags.iter().copied().map(tag).collect::<Vec<_>>())
        .then_output(|| CreateTagsOutput::builder().build())
}

fn leaves(ids: &'static [&str]) -> Rule {
    sets_all(ids, vec![leaving()])
}

/// Removes tags, and with them the claim's own.
fn removes(ids: &'static [&str], tag: (&'static str, &'static str)) -> Rule {
    removes_all(ids, vec![tag, leaving()])
}

fn removes_all(ids: &'static [&str], tags: Vec<(&'static str, &'static str)>) -> Rule {
    mock!(Client::delete_tags)
        .match_requests(move |r| r.resources() == ids && r.tags() == tags.iter().copied().map(tag).collect::<Vec<_>>())
        .then_output(|| DeleteTagsOutput::builder().build())
}

/// Answers with `rules` in this order, and fails the test on any other call.
fn world(rules: &[Rule]) -> SharedSubnets {
    SharedSubnets::new(mock_client!(aws_sdk_ec2, RuleMode::Sequential, rules.iter().collect::<Vec<_>>()))
}

async fn ensure(rules: &[Rule], desired: Value, previous: Option<Value>, claim: &Claim<TagsId>) -> Result<()> {
    let previous = previous.map(properties);
    let ended = world(rules).ensure(&properties(desired), previous.as_ref(), claim).await;
    assert_all_called(rules, &ended);
    ended
}

async fn remove(rules: &[Rule], last: Value, id: &str) -> Result<()> {
    let ended = world(rules).remove(Some(&properties(last)), &claim(Some(id))).await;
    assert_all_called(rules, &ended);
    ended
}

#[track_caller]
fn assert_all_called(rules: &[Rule], ended: &Result<()>) {
    for (index, rule) in rules.iter().enumerate() {
        assert!(rule.num_calls() > 0, "call {index} was never made: {ended:?}");
    }
}

/// What is waited for, and for how long.
#[track_caller]
fn wait(ended: Result<()>) -> String {
    match ended {
        Err(Error::NotYet(NotYet { waiting_for, within: Some(VISIBLE_WITHIN), .. })) => waiting_for,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn subnets_and_their_vpc_are_given_the_tags_of_the_template_and_an_id_that_stays() {
    let claim = claim(None);
    let rules = [
        subnets(&[A, B], &[(A, &[]), (B, &[("foreign", "f")])]),
        vpc(&[]),
        sets(&[A, B], ("Name", "app")),
        sets(&[VPC], ("Name", "shared")),
        // Of one that leaves and one that comes, one sees the other.
        subnets(&[A, B], &[(A, &[("Name", "app")]), (B, &[("Name", "app")])]),
        vpc(&[("Name", "shared")]),
    ];
    let desired = template(&[B, A], ("Name", "app"), Some(("Name", "shared")));
    ensure(&rules, desired, None, &claim).await.unwrap();
    assert_eq!(claim.id().unwrap().to_string(), own());
}

#[tokio::test]
async fn an_update_that_changes_nothing_only_looks_and_without_vpc_tags_not_at_the_vpc() {
    let same = template(&[A], ("Name", "app"), None);
    let rules = [subnets(&[A], &[(A, &[("Name", "app"), user(&owner(), ("Name", "app"))])])];
    ensure(&rules, same.clone(), Some(same), &claim(Some(&own()))).await.unwrap();
}

#[tokio::test]
async fn a_subnet_that_is_not_seen_yet_is_waited_for_and_nothing_is_tagged_before() {
    let claim = claim(None);
    let desired = template(&[A, B], ("Name", "app"), Some(("Name", "shared")));
    let waiting_for = wait(ensure(&[subnets(&[A, B], &[(A, &[])]), vpc(&[])], desired, None, &claim).await);
    assert!(waiting_for.contains(&format!("this account doesn't see {B}")), "{waiting_for}");
}

#[tokio::test]
async fn a_create_that_tagged_nothing_holds_nothing() {
    let unseen = claim(None);
    wait(ensure(&[subnets(&[A], &[])], template(&[A], ("Name", "app"), None), None, &unseen).await);
    assert!(unseen.id().is_none());
    let denied = claim(None).denied();
    let refuses = mock!(Client::describe_subnets).then_http_response(|| said("UnauthorizedOperation", "No."));
    ensure(&[refuses], template(&[A], ("Name", "app"), None), None, &denied).await.unwrap_err();
    assert!(denied.id().is_none());
}

#[tokio::test]
async fn a_create_that_is_refused_after_it_has_tagged_something_has_its_delete_take_that_away() {
    let claim = claim(None);
    let desired = template(&[A], ("Name", "app"), Some(("Name", "shared")));
    let busy = mock!(Client::create_tags).then_http_response(|| said("InvalidVpcID.NotFound", "Not yet."));
    let rules = [subnets(&[A], &[(A, &[])]), vpc(&[]), sets(&[A], ("Name", "app")), busy];
    wait(ensure(&rules, desired.clone(), None, &claim).await);
    // Meanwhile somebody else takes the key.
    let rules = [subnets(&[A], &[(A, &[("Name", "app")])]), vpc(&[("Name", "theirs")])];
    let refusal = ensure(&rules, desired, None, &claim).await.unwrap_err();
    assert!(matches!(refusal, Error::Refused(_)));
    assert_eq!(claim.id().unwrap().to_string(), own());
}

#[tokio::test]
async fn what_is_listed_may_not_be_taggable_yet() {
    for code in ["InvalidSubnetID.NotFound", "InvalidVpcID.NotFound", "InvalidID"] {
        let unseen = mock!(Client::create_tags).then_http_response(move || said(code, "It does not exist"));
        let rules = [subnets(&[A], &[(A, &[])]), unseen];
        assert!(wait(ensure(&rules, template(&[A], ("Name", "app"), None), None, &claim(None)).await).contains(code));
    }
}

#[tokio::test]
async fn a_key_that_somebody_else_gave_another_value_is_refused_before_anything_is_tagged() {
    let claim = claim(None);
    let rules = [subnets(&[A, B], &[(A, &[]), (B, &[("Name", "theirs")])])];
    let refusal = ensure(&rules, template(&[A, B], ("Name", "app"), None), None, &claim).await.unwrap_err();
    assert!(matches!(refusal, Error::Refused(_)));
    assert!(refusal.to_string().starts_with("subnet-bbbbbbbb has a tag Name with another value already"), "{refusal}");
    assert!(!refusal.to_string().contains("theirs"), "a value is nobody's business: {refusal}");
    assert!(claim.id().is_none());
    // And the Delete that follows leaves even those alone that have the same value.
    remove(&[], template(&[A, B], ("Name", "app"), None), "nothing-was-made").await.unwrap();
}

#[tokio::test]
async fn an_update_changes_its_own_values_removes_its_own_keys_and_leaves_foreign_ones() {
    let shared = [("Name", "shared"), user(&owner(), ("Name", "shared"))];
    let rules = [
        subnets(&[A], &[(A, &[("Name", "old"), ("foreign", "f"), user(&owner(), ("Name", "old"))])]),
        vpc(&shared),
        leaves(&[VPC]),
        vpc(&[("Name", "shared"), leaving()]),
        vpc(&[("Name", "shared"), leaving()]),
        removes(&[VPC], ("Name", "shared")),
        sets(&[A], ("Name", "new")),
    ];
    let previous = template(&[A], ("Name", "old"), Some(("Name", "shared")));
    ensure(&rules, template(&[A], ("Name", "new"), None), Some(previous), &claim(Some(&own()))).await.unwrap();
}

#[tokio::test]
async fn a_key_that_an_update_drops_stays_where_another_resource_wants_it() {
    let named = ("Name", "app");
    let both = json!([{"Key": "Name", "Value": "app"}, {"Key": "stage", "Value": "a"}]);
    let said = serde_json::from_value(both.clone()).unwrap();
    let there = [named, ("stage", "a"), lasting(Users::tag(&owner(), &said)), user(&another(), named)];
    let left = [named, ("stage", "a"), leaving(), user(&another(), named)];
    let rules = [
        subnets(&[A], &[(A, &there)]),
        leaves(&[A]),
        subnets(&[A], &[(A, &left)]),
        subnets(&[A], &[(A, &left)]),
        removes_all(&[A], vec![("stage", "a"), leaving()]),
    ];
    let previous = json!({"SubnetIds": [A], "Tags": both});
    ensure(&rules, json!({"SubnetIds": [A]}), Some(previous), &claim(Some(&own()))).await.unwrap();
}

#[tokio::test]
async fn another_value_of_a_key_that_another_resource_wants_is_refused_by_its_name() {
    let there = [("Name", "app"), user(&owner(), ("Name", "app")), user(&another(), ("Name", "app"))];
    let previous = template(&[A], ("Name", "app"), None);
    let rules = [subnets(&[A], &[(A, &there)])];
    let desired = template(&[A], ("Name", "new"), None);
    let refusal = ensure(&rules, desired, Some(previous), &claim(Some(&own()))).await.unwrap_err().to_string();
    assert!(
        refusal.starts_with("subnet-aaaaaaaa is used by copy/Tags as well, so its tag Name can't change"),
        "{refusal}"
    );
}

#[tokio::test]
async fn who_comes_while_another_resource_leaves_waits_for_that() {
    let there = [("Name", "app"), lasting(Users::leaving(&another()))];
    let rules = [subnets(&[A], &[(A, &there)]), sets(&[A], ("Name", "app")), subnets(&[A], &[(A, &there)])];
    let ended = ensure(&rules, template(&[A], ("Name", "app"), None), None, &claim(None)).await;
    assert!(
        matches!(&ended, Err(Error::NotYet(waits)) if waits.to_string().contains("copy/Tags is leaving")),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_subnet_that_left_the_template_loses_the_tags_and_one_that_came_gets_them() {
    let rules = [
        subnets(&[A, B], &[(A, &[("Name", "app"), user(&owner(), ("Name", "app"))]), (B, &[])]),
        leaves(&[A]),
        subnets(&[A], &[(A, &[("Name", "app"), leaving()])]),
        subnets(&[A], &[(A, &[("Name", "app"), leaving()])]),
        removes(&[A], ("Name", "app")),
        sets(&[B], ("Name", "app")),
        subnets(&[B], &[(B, &[("Name", "app"), user(&owner(), ("Name", "app"))])]),
    ];
    let (old, new) = (template(&[A], ("Name", "app"), None), template(&[B], ("Name", "app"), None));
    ensure(&rules, new, Some(old), &claim(Some(&own()))).await.unwrap();
}

#[tokio::test]
async fn what_the_template_changes_is_set_even_if_a_list_that_is_behind_shows_it_already() {
    let rules =
        [subnets(&[A], &[(A, &[("Name", "old"), user(&owner(), ("Name", "old"))])]), sets(&[A], ("Name", "old"))];
    let (old, failed) = (template(&[A], ("Name", "old"), None), template(&[A], ("Name", "new"), None));
    ensure(&rules, old, Some(failed), &claim(Some(&own()))).await.unwrap();
}

#[tokio::test]
async fn what_a_create_wants_is_set_even_if_a_list_that_is_behind_shows_what_another_stack_has_just_removed() {
    let rules = [subnets(&[A], &[(A, &[("Name", "app")])]), sets(&[A], ("Name", "app")), subnets(&[A], &[])];
    ensure(&rules, template(&[A], ("Name", "app"), None), None, &claim(None)).await.unwrap();
}

#[tokio::test]
async fn a_subnet_that_left_the_template_may_be_gone() {
    let rules = [subnets(&[A, B], &[(B, &[])]), subnets(&[A], &[]), sets(&[B], ("Name", "app")), subnets(&[B], &[])];
    let (old, new) = (template(&[A], ("Name", "app"), None), template(&[B], ("Name", "app"), None));
    ensure(&rules, new, Some(old), &claim(Some(&own()))).await.unwrap();
}

#[tokio::test]
async fn a_delete_takes_away_what_the_template_set_whatever_is_listed() {
    // EC2 leaves a tag that has another value than the one that is named.
    let (named, shared) = (user(&owner(), ("Name", "app")), user(&owner(), ("Name", "shared")));
    let left = || subnets(&[A, B], &[(A, &[("foreign", "f"), leaving()]), (B, &[("Name", "renamed"), leaving()])]);
    let rules = [
        subnets(&[A, B], &[(A, &[("foreign", "f"), named]), (B, &[("Name", "renamed"), named])]),
        vpc(&[shared]),
        leaves(&[A, B, VPC]),
        left(),
        vpc(&[leaving()]),
        left(),
        vpc(&[leaving()]),
        removes(&[A, B], ("Name", "app")),
        removes(&[VPC], ("Name", "shared")),
    ];
    remove(&rules, template(&[A, B], ("Name", "app"), Some(("Name", "shared"))), &own()).await.unwrap();
}

#[tokio::test]
async fn a_delete_leaves_what_another_resource_wants_and_what_the_claim_never_tagged() {
    let named = ("Name", "app");
    let used = [named, leaving(), user(&another(), named)];
    let rules = [
        subnets(&[A], &[(A, &[named, user(&owner(), named), user(&another(), named)])]),
        leaves(&[A]),
        subnets(&[A], &[(A, &used)]),
        subnets(&[A], &[(A, &used)]),
        removes_all(&[A], vec![leaving()]),
    ];
    remove(&rules, template(&[A], named, None), &own()).await.unwrap();
    let theirs = || subnets(&[A], &[(A, &[named, user(&another(), named)])]);
    remove(&[theirs(), theirs()], template(&[A], named, None), &own()).await.unwrap();
}

#[tokio::test]
async fn a_list_that_is_behind_does_not_have_a_delete_take_away_what_another_resource_wants() {
    let named = ("Name", "app");
    let rules = [
        subnets(&[A], &[(A, &[named, user(&owner(), named)])]),
        leaves(&[A]),
        subnets(&[A], &[(A, &[named, leaving()])]),
        subnets(&[A], &[(A, &[named, leaving(), user(&another(), named)])]),
    ];
    wait(remove(&rules, template(&[A], named, None), &own()).await);
}

#[tokio::test]
async fn a_delete_of_subnets_that_are_not_shared_any_more_is_done() {
    let unseen = [subnets(&[A], &[]), subnets(&[A], &[])];
    remove(&unseen, template(&[A], ("Name", "app"), Some(("Name", "shared"))), &own()).await.unwrap();
}

#[tokio::test]
async fn a_subnet_that_the_first_look_does_not_show_loses_its_tags_and_its_vpc_too() {
    let (named, shared) = (user(&owner(), ("Name", "app")), user(&owner(), ("Name", "shared")));
    let left = || subnets(&[A, B], &[(A, &[leaving()]), (B, &[leaving()])]);
    let rules = [
        subnets(&[A, B], &[(B, &[named])]),
        subnets(&[A], &[(A, &[named])]),
        vpc(&[shared]),
        leaves(&[A, B, VPC]),
        left(),
        vpc(&[leaving()]),
        left(),
        vpc(&[leaving()]),
        removes(&[A, B], ("Name", "app")),
        removes(&[VPC], ("Name", "shared")),
    ];
    remove(&rules, template(&[A, B], ("Name", "app"), Some(("Name", "shared"))), &own()).await.unwrap();
}

#[tokio::test]
async fn the_delete_of_a_create_that_was_cancelled_takes_away_what_it_may_have_set() {
    let named = ("Name", "app");
    let left = || subnets(&[A], &[(A, &[named, leaving()])]);
    // A list that is behind hides the claim itself.
    let rules = [
        subnets(&[A], &[(A, &[])]),
        subnets(&[A], &[(A, &[named, user(&owner(), named)])]),
        leaves(&[A]),
        left(),
        left(),
        removes(&[A], named),
    ];
    remove(&rules, template(&[A], named, None), "app-Tags-1ABCDEF").await.unwrap();
}

#[tokio::test]
async fn a_delete_without_readable_properties_has_nothing_to_do() {
    world(&[]).remove(None, &claim(Some(&own()))).await.unwrap();
}

#[tokio::test]
async fn a_role_that_is_a_moment_old_may_be_denied_and_a_full_subnet_is_refused() {
    let outcome = async |code: &'static str| {
        let refuses = mock!(Client::create_tags).then_http_response(move || said(code, "No."));
        let rules = [subnets(&[A], &[(A, &[])]), refuses];
        ensure(&rules, template(&[A], ("Name", "app"), None), None, &claim(None)).await.unwrap_err()
    };
    assert!(matches!(outcome("UnauthorizedOperation").await, Error::NotYet(_)));
    assert!(matches!(outcome("TagLimitExceeded").await, Error::Refused(_)));
}

#[test]
fn the_schema_is_what_the_code_says() -> Result<(), custom_resource::schema::Stale> {
    custom_resource::schema::keep::<SharedSubnets>("../../schemas", env!("CARGO_PKG_DESCRIPTION"))
}
