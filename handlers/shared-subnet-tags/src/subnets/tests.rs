//! What each verb asks of EC2, with a real client and canned answers.

use archipelago::Users;
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::{
    client::{
        behavior_version::BehaviorVersion,
        orchestrator::{HttpRequest, HttpResponse},
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig};
use aws_types::{SdkConfig, region::Region};
use custom_resource::{NotYet, Owner};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::*;

const A: &str = "subnet-aaaaaaaa";
const B: &str = "subnet-bbbbbbbb";
const VPC: &str = "vpc-0123abcd";

fn owner() -> Owner {
    Owner::new("arn:aws:cloudformation:us-east-1:222222222222:stack/app/1f0a", "Tags")
}

fn claim(id: Option<&str>) -> Claim<TagsId> {
    Claim::new(owner(), id)
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

/// Names and values, as they stand in a request or on a thing.
type Pairs = Vec<(String, String)>;

/// A call, what it has to ask (if that matters), and the answer.
struct Call {
    action: &'static str,
    asked: Option<Pairs>,
    answer: (u16, String),
}

/// Calls that belong together.
type Rule = Vec<Call>;

fn refuses(action: &'static str, code: &str) -> Rule {
    let error = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
    let body = format!("<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>");
    vec![Call { action, asked: None, answer: (400, body) }]
}

fn answers(action: &'static str, asked: Pairs, content: &str) -> Call {
    let body = format!("<{action}Response>{content}</{action}Response>");
    Call { action, asked: Some(asked), answer: (200, body) }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn numbered(list: &str, values: &[&str]) -> Pairs {
    (1..).zip(values).map(|(number, value)| pair(&format!("{list}.{number}"), value)).collect()
}

fn filter(name: &str, ids: &[&str]) -> Pairs {
    [vec![pair("Filter.1.Name", name)], numbered("Filter.1.Value", ids)].concat()
}

fn tag_set(tags: &[(&str, &str)]) -> String {
    let tag = |(key, value): &(&str, &str)| format!("<item><key>{key}</key><value>{value}</value></item>");
    format!("<tagSet>{}</tagSet>", tags.iter().map(tag).collect::<String>())
}

type Tagged<'a> = (&'a str, &'a [(&'a str, &'a str)]);

/// The subnets asked for and those seen, after an empty page.
fn subnets(asked: &[&str], seen: &[Tagged<'_>]) -> Rule {
    let subnet = |(id, tags): &Tagged<'_>| {
        format!("<item><subnetId>{id}</subnetId><vpcId>{VPC}</vpcId>{}</item>", tag_set(tags))
    };
    let seen: String = seen.iter().map(subnet).collect();
    let asked = filter("subnet-id", asked);
    let more = [&asked[..], &[pair("NextToken", "more")]].concat();
    vec![
        answers("DescribeSubnets", asked, "<subnetSet/><nextToken>more</nextToken>"),
        answers("DescribeSubnets", more, &format!("<subnetSet>{seen}</subnetSet>")),
    ]
}

fn vpc(tags: &[(&str, &str)]) -> Rule {
    let seen = format!("<vpcSet><item><vpcId>{VPC}</vpcId>{}</item></vpcSet>", tag_set(tags));
    vec![answers("DescribeVpcs", filter("vpc-id", &[VPC]), &seen)]
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
fn sets(ids: &[&str], wanted: (&str, &str)) -> Rule {
    changes("CreateTags", ids, &[wanted, user(&owner(), wanted)])
}

fn leaves(ids: &[&str]) -> Rule {
    changes("CreateTags", ids, &[leaving()])
}

/// Removes tags, and with them the claim's own.
fn removes(ids: &[&str], tag: (&str, &str)) -> Rule {
    removes_all(ids, &[tag, leaving()])
}

fn removes_all(ids: &[&str], tags: &[(&str, &str)]) -> Rule {
    changes("DeleteTags", ids, tags)
}

fn changes(action: &'static str, ids: &[&str], tags: &[(&str, &str)]) -> Rule {
    let tag = |(number, (key, value)): (u32, &(&str, &str))| {
        [pair(&format!("Tag.{number}.Key"), key), pair(&format!("Tag.{number}.Value"), value)]
    };
    let asked = [numbered("ResourceId", ids), (1..).zip(tags).flat_map(tag).collect()].concat();
    vec![answers(action, asked, "<return>true</return>")]
}

/// Gives the answers of `rules` in this order, and none to any other call.
fn mocked(rules: &[Rule]) -> (SharedSubnets, StaticReplayClient) {
    let event = |Call { answer: (status, body), .. }: &Call| {
        let answer = HttpResponse::new(StatusCode::try_from(*status).unwrap(), SdkBody::from(body.as_str()));
        ReplayEvent::new(HttpRequest::empty(), answer)
    };
    let http = StaticReplayClient::new(rules.iter().flatten().map(event).collect());
    let aws = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "test")))
        .http_client(http.clone())
        .region(Region::new("us-east-1"))
        .retry_config(RetryConfig::disabled())
        .build();
    (SharedSubnets::new(Client::new(&aws)), http)
}

async fn ensure(rules: &[Rule], desired: Value, previous: Option<Value>, claim: &Claim<TagsId>) -> Result<()> {
    let previous = previous.map(properties);
    let (subnets, http) = mocked(rules);
    let ended = subnets.ensure(&properties(desired), previous.as_ref(), claim).await;
    assert_asked(&http, rules, &ended);
    ended
}

async fn remove(rules: &[Rule], last: Value, id: &str) -> Result<()> {
    let (subnets, http) = mocked(rules);
    let ended = subnets.remove(Some(&properties(last)), &claim(Some(id))).await;
    assert_asked(&http, rules, &ended);
    ended
}

/// That the calls were those of `rules`, one after the other. A further one has no answer, which nobody waits for so long.
#[track_caller]
fn assert_asked(http: &StaticReplayClient, rules: &[Rule], ended: &Result<()>) {
    let form = |request: &HttpRequest| form_urlencoded::parse(request.body().bytes().unwrap()).into_owned().collect();
    let made: Vec<Pairs> = http.actual_requests().map(form).collect();
    let calls: Vec<_> = rules.iter().flatten().collect();
    for (made, Call { action, asked, .. }) in made.iter().zip(&calls) {
        assert_eq!(made[0], pair("Action", action), "{ended:?}");
        assert!(asked.as_ref().is_none_or(|asked| *asked == made[2..]), "{made:?} instead of {asked:?}: {ended:?}");
    }
    assert_eq!(made.len(), calls.len(), "{ended:?}");
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
    let refuses = refuses("DescribeSubnets", "UnauthorizedOperation");
    ensure(&[refuses], template(&[A], ("Name", "app"), None), None, &denied).await.unwrap_err();
    assert!(denied.id().is_none());
}

#[tokio::test]
async fn a_create_that_is_refused_after_it_has_tagged_something_has_its_delete_take_that_away() {
    let claim = claim(None);
    let desired = template(&[A], ("Name", "app"), Some(("Name", "shared")));
    let busy = refuses("CreateTags", "InvalidVpcID.NotFound");
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
        let rules = [subnets(&[A], &[(A, &[])]), refuses("CreateTags", code)];
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
    let wanted = serde_json::from_value(both.clone()).unwrap();
    let there = [named, ("stage", "a"), lasting(Users::tag(&owner(), &wanted)), user(&another(), named)];
    let left = [named, ("stage", "a"), leaving(), user(&another(), named)];
    let rules = [
        subnets(&[A], &[(A, &there)]),
        leaves(&[A]),
        subnets(&[A], &[(A, &left)]),
        subnets(&[A], &[(A, &left)]),
        removes_all(&[A], &[("stage", "a"), leaving()]),
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
        removes_all(&[A], &[leaving()]),
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
    mocked(&[]).0.remove(None, &claim(Some(&own()))).await.unwrap();
}

#[tokio::test]
async fn a_role_that_is_a_moment_old_may_be_denied_and_a_full_subnet_is_refused() {
    let error = async |code: &'static str| {
        let rules = [subnets(&[A], &[(A, &[])]), refuses("CreateTags", code)];
        ensure(&rules, template(&[A], ("Name", "app"), None), None, &claim(None)).await.unwrap_err()
    };
    assert!(matches!(error("UnauthorizedOperation").await, Error::NotYet(_)));
    assert!(matches!(error("TagLimitExceeded").await, Error::Refused(_)));
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried {
        passing: &[(None, &[crate::api::UNSEEN])],
        waits: &[("VISIBLE_WITHIN", VISIBLE_WITHIN), ("USERS_LEFT_WITHIN", archipelago::USERS_LEFT_WITHIN)],
    };
    let schema = archipelago::schema::text::<SharedSubnets>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/SharedSubnetTags.json", &schema);
}
