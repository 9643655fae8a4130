//! What each verb asks of RAM, with a real client and canned answers.

use aws_sdk_organizations::{
    operation::describe_organization::DescribeOrganizationOutput, types::Organization as Described,
};
use aws_sdk_ram::{
    Client,
    operation::{
        associate_resource_share::AssociateResourceShareOutput,
        disassociate_resource_share::DisassociateResourceShareOutput,
        get_resource_share_associations::GetResourceShareAssociationsOutput,
        get_resource_shares::GetResourceSharesOutput, tag_resource::TagResourceOutput,
        untag_resource::UntagResourceOutput,
    },
    types::{
        ResourceOwner, ResourceShareAssociation, ResourceShareAssociationStatus as Association,
        ResourceShareAssociationType, Tag,
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{NotYet, Owner, testing};
use serde_json::{Value, json};

use super::*;

const SHARE: &str = "arn:aws:ram:us-east-1:111111111111:resource-share/0123abcd";
const ACCOUNT: &str = "222222222222";
const ID: &str = "arn:aws:ram:us-east-1:111111111111:resource-share/0123abcd#222222222222";
const OTHER: &str = "333333333333";

fn owner(stack: &str) -> Owner {
    Owner::new(format!("arn:aws:cloudformation:us-east-1:222222222222:stack/{stack}/1f0a"), "Principal")
}

/// The stack `app`'s addition.
fn own(state: AdditionState) -> Addition {
    Addition::new(&owner("app"), ACCOUNT, state)
}

/// Another stack's.
fn foreign(state: AdditionState) -> Addition {
    Addition::new(&owner("shop"), ACCOUNT, state)
}

fn claim(id: Option<&str>) -> Claim<PlacedPrincipal> {
    Claim::new(owner("app"), id)
}

fn properties(principal: &str) -> Properties {
    serde_json::from_value(json!({"ShareArn": SHARE, "Principal": principal})).unwrap()
}

/// An error as RAM sends it.
fn error_response(code: &str, message: &str) -> HttpResponse {
    let body: Value = json!({"__type": code, "message": message});
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body.to_string()))
}

fn tag(addition: &Addition) -> Tag {
    let (key, value) = addition.tag();
    Tag::builder().key(key).value(value).build()
}

fn share(status: Status, additions: &[Addition]) -> ResourceShare {
    let share = ResourceShare::builder().resource_share_arn(SHARE).status(status);
    share.set_tags(Some(additions.iter().map(tag).collect())).build()
}

fn finds(found: Option<ResourceShare>) -> Rule {
    mock!(Client::get_resource_shares)
        .match_requests(|r| r.resource_owner() == Some(&ResourceOwner::SelfValue) && r.resource_share_arns() == [SHARE])
        .then_output(move || {
            GetResourceSharesOutput::builder().set_resource_shares(found.clone().map(|share| vec![share])).build()
        })
}

/// The share with these additions among its tags.
fn reads(additions: &[Addition]) -> Rule {
    finds(Some(share(Status::Active, additions)))
}

/// Who is associated with the share.
fn associated(principals: &[(&str, Association)]) -> [Rule; 1] {
    let item = |(entity, status): &(&str, Association)| {
        let item = ResourceShareAssociation::builder().association_type(ResourceShareAssociationType::Principal);
        item.associated_entity(*entity).status(status.clone()).status_message("It has left.").build()
    };
    let items: Vec<_> = principals.iter().map(item).collect();
    [mock!(Client::get_resource_share_associations)
        .match_requests(|r| r.association_type() == Some(&ResourceShareAssociationType::Principal))
        .then_output(move || {
            let output = GetResourceShareAssociationsOutput::builder();
            output.set_resource_share_associations(Some(items.clone())).build()
        })]
}

fn tags(addition: &Addition) -> Rule {
    let tag = tag(addition);
    mock!(Client::tag_resource)
        .match_requests(move |r| r.resource_share_arn() == Some(SHARE) && r.tags() == std::slice::from_ref(&tag))
        .then_output(|| TagResourceOutput::builder().build())
}

fn untags(addition: &Addition) -> Rule {
    let key = addition.key.clone();
    mock!(Client::untag_resource)
        .match_requests(move |r| r.resource_share_arn() == Some(SHARE) && r.tag_keys() == [key.clone()])
        .then_output(|| UntagResourceOutput::builder().build())
}

fn associates(principal: &'static str) -> Rule {
    mock!(Client::associate_resource_share)
        .match_requests(move |r| {
            r.resource_share_arn() == Some(SHARE) && r.principals() == [principal] && r.resource_arns().is_empty()
        })
        .then_output(|| AssociateResourceShareOutput::builder().build())
}

fn disassociates(principal: &'static str) -> Rule {
    mock!(Client::disassociate_resource_share)
        .match_requests(move |r| {
            r.resource_share_arn() == Some(SHARE) && r.principals() == [principal] && r.resource_arns().is_empty()
        })
        .then_output(|| DisassociateResourceShareOutput::builder().build())
}

/// Answers with `rules` in this order, and fails the test on any other call.
fn mocked(rules: &[Rule]) -> SharePrincipals {
    let describes = mock!(aws_sdk_organizations::Client::describe_organization).then_output(|| {
        let organization = Described::builder().arn("arn:aws:organizations::999999999999:organization/o-exampleorgid");
        DescribeOrganizationOutput::builder().organization(organization.build()).build()
    });
    let organizations = mock_client!(aws_sdk_organizations, [&describes]);
    let ram = mock_client!(aws_sdk_ram, RuleMode::Sequential, rules.iter().collect::<Vec<_>>());
    SharePrincipals { shares: ResourceShares { ram, organizations } }
}

/// The rules of all parts, in their order.
fn in_order<const N: usize>(parts: [&[Rule]; N]) -> Vec<Rule> {
    parts.concat()
}

async fn ensure(rules: &[Rule], previous: Option<&str>, claim: &Claim<PlacedPrincipal>) -> Result<()> {
    let previous = previous.map(properties);
    let ended = testing::ensure(&mocked(rules), &properties(ACCOUNT), previous.as_ref(), claim).await;
    assert_all_called(rules, &ended);
    ended
}

async fn remove(rules: &[Rule]) -> Result<()> {
    remove_by(rules, &claim(Some(ID))).await
}

async fn remove_by(rules: &[Rule], claim: &Claim<PlacedPrincipal>) -> Result<()> {
    let ended = mocked(rules).remove(Some(&properties(ACCOUNT)), claim).await;
    assert_all_called(rules, &ended);
    ended
}

#[track_caller]
fn assert_all_called(rules: &[Rule], ended: &Result<()>) {
    for (index, rule) in rules.iter().enumerate() {
        assert!(rule.num_calls() > 0, "call {index} was never made: {ended:?}");
    }
}

/// What is waited for.
#[track_caller]
fn wait(ended: Result<()>) -> String {
    match ended {
        Err(Error::NotYet(NotYet { waiting_for, .. })) => waiting_for,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_principal_is_noted_on_the_share_before_it_is_associated() {
    let claim = claim(None);
    let rules = in_order([
        &associated(&[]),
        &[reads(&[]), tags(&own(AdditionState::Added)), reads(&[own(AdditionState::Added)]), associates(ACCOUNT)],
    ]);
    wait(ensure(&rules, None, &claim).await);
    assert_eq!(claim.id().unwrap().to_string(), ID);
    let rules = in_order([&associated(&[(ACCOUNT, Association::Associated)]), &[reads(&[own(AdditionState::Added)])]]);
    ensure(&rules, None, &claim).await.unwrap();
}

#[tokio::test]
async fn an_ou_is_written_out_and_so_is_the_id() {
    let unit = "arn:aws:organizations::999999999999:ou/o-exampleorgid/ou-ab12-workload1";
    let addition = Addition::new(&owner("app"), unit, AdditionState::Added);
    let rules = in_order([&associated(&[(unit, Association::Associated)]), &[reads(&[addition])]]);
    let claim = claim(None);
    mocked(&rules).ensure(&properties("ou-ab12-workload1"), None, &claim).await.unwrap();
    assert_eq!(claim.id().unwrap().to_string(), format!("{SHARE}#{unit}"));
}

#[tokio::test]
async fn two_stacks_that_add_at_once_do_not_lose_each_other_s_tag() {
    // Each sets its own key, whatever else is there.
    let rules = in_order([
        &associated(&[]),
        &[
            reads(&[]),
            tags(&own(AdditionState::Added)),
            reads(&[own(AdditionState::Added), foreign(AdditionState::Added)]),
            associates(ACCOUNT),
        ],
    ]);
    wait(ensure(&rules, None, &claim(None)).await);
    assert_ne!(own(AdditionState::Added).key, foreign(AdditionState::Added).key);
}

#[tokio::test]
async fn a_principal_that_was_there_before_any_stack_added_it_is_noted_as_such_and_stays() {
    let rules = in_order([
        &associated(&[(ACCOUNT, Association::Associated)]),
        &[reads(&[]), reads(&[]), tags(&own(AdditionState::Before)), reads(&[own(AdditionState::Before)])],
    ]);
    ensure(&rules, None, &claim(None)).await.unwrap();
    remove(&[reads(&[own(AdditionState::Before)]), untags(&own(AdditionState::Before))]).await.unwrap();
}

#[tokio::test]
async fn a_principal_that_this_stack_added_is_nobody_s_from_before_even_if_the_first_look_does_not_show_its_note() {
    let rules = in_order([
        &associated(&[(ACCOUNT, Association::Associated)]),
        &[reads(&[]), reads(&[own(AdditionState::Added)])],
    ]);
    ensure(&rules, None, &claim(None)).await.unwrap();
}

#[tokio::test]
async fn a_principal_that_another_stack_added_is_nobody_s_from_before() {
    let rules = in_order([
        &associated(&[(ACCOUNT, Association::Associated)]),
        &[
            reads(&[foreign(AdditionState::Added)]),
            reads(&[foreign(AdditionState::Added)]),
            tags(&own(AdditionState::Added)),
        ],
        &[reads(&[foreign(AdditionState::Added), own(AdditionState::Added)])],
    ]);
    ensure(&rules, None, &claim(None)).await.unwrap();
}

#[tokio::test]
async fn a_principal_that_two_stacks_added_leaves_with_the_last_of_them() {
    let both = [own(AdditionState::Leaving), foreign(AdditionState::Added)];
    let first = [
        reads(&[own(AdditionState::Added), foreign(AdditionState::Added)]),
        tags(&own(AdditionState::Leaving)),
        reads(&both),
        untags(&own(AdditionState::Leaving)),
    ];
    remove(&first).await.unwrap();
    let last = in_order([
        &[
            reads(&[own(AdditionState::Added)]),
            tags(&own(AdditionState::Leaving)),
            reads(&[own(AdditionState::Leaving)]),
        ],
        &associated(&[(ACCOUNT, Association::Associated)]),
        &[disassociates(ACCOUNT)],
    ]);
    let claim = claim(Some(ID));
    wait(remove_by(&last, &claim).await);
    let gone = in_order([
        &[reads(&[own(AdditionState::Leaving)]), reads(&[own(AdditionState::Leaving)])],
        &associated(&[(ACCOUNT, Association::Disassociated)]),
        &[untags(&own(AdditionState::Leaving))],
    ]);
    remove_by(&gone, &claim).await.unwrap();
}

#[tokio::test]
async fn a_principal_that_a_list_that_is_behind_does_not_show_leaves_before_its_note() {
    let claim = claim(Some(ID));
    let behind = || {
        in_order([&[reads(&[own(AdditionState::Leaving)]), reads(&[own(AdditionState::Leaving)])], &associated(&[])])
    };
    wait(remove_by(&in_order([&behind(), &[disassociates(ACCOUNT)]]), &claim).await);
    remove_by(&in_order([&behind(), &[untags(&own(AdditionState::Leaving))]]), &claim).await.unwrap();
}

#[tokio::test]
async fn of_two_stacks_that_leave_at_once_neither_relies_on_the_other() {
    let rules = in_order([
        &[
            reads(&[own(AdditionState::Added), foreign(AdditionState::Leaving)]),
            tags(&own(AdditionState::Leaving)),
            reads(&[own(AdditionState::Leaving), foreign(AdditionState::Leaving)]),
        ],
        &associated(&[(ACCOUNT, Association::Disassociating)]),
    ]);
    wait(remove(&rules).await);
}

#[tokio::test]
async fn a_principal_that_another_stack_takes_back_right_now_is_waited_for() {
    let rules = in_order([
        &associated(&[(ACCOUNT, Association::Associated)]),
        &[reads(&[own(AdditionState::Added), foreign(AdditionState::Leaving)])],
    ]);
    assert!(wait(ensure(&rules, None, &claim(None)).await).contains("another stack is taking"));
}

#[tokio::test]
async fn a_delete_that_failed_is_taken_back_by_the_next_update_even_if_the_list_still_shows_the_principal() {
    let claim = claim(Some(ID));
    let still_listed = || associated(&[(ACCOUNT, Association::Associated)]);
    let states =
        [reads(&[own(AdditionState::Leaving)]), tags(&own(AdditionState::Added)), reads(&[own(AdditionState::Added)])];
    wait(ensure(&in_order([&still_listed(), &states, &[associates(ACCOUNT)]]), None, &claim).await);
    ensure(&in_order([&still_listed(), &[reads(&[own(AdditionState::Added)])]]), None, &claim).await.unwrap();
}

#[tokio::test]
async fn at_the_limit_of_tags_the_reason_advises_to_share_with_an_ou() {
    let full = mock!(Client::tag_resource)
        .then_http_response(|| error_response("TagLimitExceededException", "It has 50 tags."));
    let claim = claim(None);
    let rules = in_order([&associated(&[]), &[reads(&[]), full]]);
    let refusal = ensure(&rules, None, &claim).await.unwrap_err();
    assert!(matches!(refusal, Error::Refused(_)));
    assert!(refusal.to_string().contains("share with an OU instead of its single accounts"), "{refusal}");
    assert!(claim.id().is_none());
}

#[tokio::test]
async fn a_share_of_another_account_or_none_is_refused_after_a_minute() {
    let waiting_for = wait(ensure(&in_order([&associated(&[]), &[finds(None)]]), None, &claim(None)).await);
    assert!(waiting_for.contains("there is no share"), "{waiting_for}");
}

#[tokio::test]
async fn a_share_that_is_being_deleted_takes_nobody_and_one_that_is_pending_is_waited_for() {
    let deleting = finds(Some(share(Status::Deleting, &[])));
    let refusal = ensure(&in_order([&associated(&[]), &[deleting]]), None, &claim(None)).await.unwrap_err();
    assert!(matches!(&refusal, Error::Refused(reason) if reason.sentence().contains("is DELETING")), "{refusal}");
    let pending = finds(Some(share(Status::Pending, &[])));
    wait(ensure(&in_order([&associated(&[]), &[pending]]), None, &claim(None)).await);
}

#[tokio::test]
async fn another_principal_is_a_replacement_that_leaves_the_old_one_to_the_clean_up() {
    let old = format!("{SHARE}#{OTHER}");
    let claim = claim(Some(&old));
    let additions = [own(AdditionState::Added), Addition::new(&owner("app"), OTHER, AdditionState::Added)];
    let rules = in_order([&associated(&[(ACCOUNT, Association::Associated)]), &[reads(&additions)]]);
    ensure(&rules, Some(OTHER), &claim).await.unwrap();
    assert_eq!(claim.id().unwrap().to_string(), ID);
}

#[tokio::test]
async fn the_rollback_of_a_cancelled_replacement_takes_the_new_principal_back() {
    let new = |state| Addition::new(&owner("app"), OTHER, state);
    let rules = in_order([
        &associated(&[(ACCOUNT, Association::Associated), (OTHER, Association::Failed)]),
        &[
            reads(&[own(AdditionState::Added), new(AdditionState::Added)]),
            reads(&[own(AdditionState::Added), new(AdditionState::Added)]),
            tags(&new(AdditionState::Leaving)),
            reads(&[own(AdditionState::Added), new(AdditionState::Leaving)]),
        ],
        &associated(&[(ACCOUNT, Association::Associated), (OTHER, Association::Failed)]),
        &[disassociates(OTHER)],
    ]);
    let claim = claim(Some(ID));
    wait(ensure(&rules, Some(OTHER), &claim).await);
    let gone = || associated(&[(ACCOUNT, Association::Associated)]);
    let left = || reads(&[own(AdditionState::Added), new(AdditionState::Leaving)]);
    let rules = in_order([&gone(), &[left(), left(), left()], &gone(), &[untags(&new(AdditionState::Leaving))]]);
    ensure(&rules, Some(OTHER), &claim).await.unwrap();
}

#[tokio::test]
async fn a_delete_of_what_is_gone_or_was_never_added_is_done() {
    remove(&[finds(None), finds(None)]).await.unwrap();
    remove(&[reads(&[foreign(AdditionState::Added)]), reads(&[foreign(AdditionState::Added)])]).await.unwrap();
}

#[tokio::test]
async fn a_delete_finds_an_addition_that_the_first_look_does_not_show_yet() {
    remove(&[reads(&[]), reads(&[own(AdditionState::Before)]), untags(&own(AdditionState::Before))]).await.unwrap();
}

#[tokio::test]
async fn a_share_that_goes_while_a_principal_is_taken_back_is_no_obstacle() {
    let unknown = || error_response("UnknownResourceException", "The resource share could not be found.");
    let note_lost = mock!(Client::tag_resource).then_http_response(unknown);
    remove(&[reads(&[own(AdditionState::Added)]), note_lost]).await.unwrap();
    let tag_lost = mock!(Client::untag_resource).then_http_response(unknown);
    remove(&[reads(&[own(AdditionState::Before)]), tag_lost]).await.unwrap();
}

#[tokio::test]
async fn a_share_that_goes_while_a_principal_is_added_is_told() {
    let unknown = || error_response("UnknownResourceException", "The resource share could not be found.");
    let lost = mock!(Client::tag_resource).then_http_response(unknown);
    let refusal = ensure(&in_order([&associated(&[]), &[reads(&[]), lost]]), None, &claim(None)).await.unwrap_err();
    assert!(
        matches!(&refusal, Error::Refused(reason) if reason.sentence().contains("could not be found")),
        "{refusal}"
    );
}

#[tokio::test]
async fn the_delete_of_a_create_whose_answer_was_lost_finds_the_addition_by_its_tag() {
    let rules = in_order([
        &[
            reads(&[own(AdditionState::Added)]),
            tags(&own(AdditionState::Leaving)),
            reads(&[own(AdditionState::Leaving)]),
        ],
        &associated(&[(ACCOUNT, Association::Associating)]),
        &[disassociates(ACCOUNT)],
    ]);
    let invented = claim(Some("app-Principal-1ABCDEF"));
    wait(mocked(&rules).remove(Some(&properties(ACCOUNT)), &invented).await);
}

#[tokio::test]
async fn a_delete_without_readable_properties_and_without_an_id_has_nothing_to_do() {
    mocked(&[]).remove(None, &claim(Some("nothing-was-made"))).await.unwrap();
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried {
        // That there is no organization is an answer.
        passing: &[(Some("DescribeOrganization"), &organizations::PASSING[..1]), (None, &resource_shares::PASSING)],
        waits: &[
            ("SHARE_LISTED_WITHIN", SHARE_LISTED_WITHIN),
            ("SETTLED_WITHIN", resource_shares::SETTLED_WITHIN),
            ("RAM_BUSY_FOR", resource_shares::RAM_BUSY_FOR),
            ("FAILED_FOR", resource_shares::FAILED_FOR),
            ("TAKEN_BACK_WITHIN", resource_shares::TAKEN_BACK_WITHIN),
            ("NEW_FOR", organizations::NEW_FOR),
        ],
    };
    let schema = archipelago::schema::text::<SharePrincipals>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/SubnetSharePrincipal.json", &schema);
}
