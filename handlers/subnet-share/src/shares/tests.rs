//! What each verb asks of RAM, with a real client and canned answers.

use archipelago::owner_tag;
use std::sync::{Arc, Mutex};

use aws_sdk_organizations::{
    operation::describe_organization::DescribeOrganizationOutput, types::Organization as Described,
};
use aws_sdk_ram::{
    Client,
    operation::{
        associate_resource_share::AssociateResourceShareOutput, create_resource_share::CreateResourceShareOutput,
        delete_resource_share::DeleteResourceShareOutput, disassociate_resource_share::DisassociateResourceShareOutput,
        get_resource_share_associations::GetResourceShareAssociationsOutput,
        get_resource_shares::GetResourceSharesOutput, tag_resource::TagResourceOutput,
        untag_resource::UntagResourceOutput, update_resource_share::UpdateResourceShareOutput,
    },
    types::{
        ResourceOwner, ResourceShareAssociation, ResourceShareAssociationStatus, ResourceShareAssociationType, Tag,
    },
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{NotYet, Owner, RequestOrder};
use resource_shares::{Addition, AdditionState};
use serde_json::{Value, json};

use super::*;
use ResourceShareAssociationStatus::{Associated, Associating, Disassociating, Failed};

const SHARE: &str = "arn:aws:ram:us-east-1:111111111111:resource-share/0123abcd";
const A: &str = "arn:aws:ec2:us-east-1:111111111111:subnet/subnet-aaaaaaaa";
const B: &str = "arn:aws:ec2:us-east-1:111111111111:subnet/subnet-bbbbbbbb";
const ACCOUNT: &str = "222222222222";
const UNIT: &str = "arn:aws:organizations::999999999999:ou/o-exampleorgid/ou-ab12-workload1";

fn owner() -> Owner {
    Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/network/1f0a", "Share")
}

fn claim(id: Option<&str>) -> Claim<ShareArn> {
    Claim::new(owner(), id)
}

fn properties(properties: Value) -> Properties {
    serde_json::from_value(properties).unwrap()
}

/// A share of `subnets` with one account.
fn template(subnets: &[&str]) -> Value {
    json!({"Name": "app", "SubnetIds": subnets, "Principals": [ACCOUNT]})
}

/// An error as RAM sends it.
fn error_response(code: &str, message: &str) -> HttpResponse {
    let body = json!({"__type": code, "message": message}).to_string();
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body))
}

fn tag((key, value): (String, String)) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn share(status: Status, tags: &[(String, String)]) -> ResourceShare {
    let share = ResourceShare::builder().resource_share_arn(SHARE).name("app").allow_external_principals(false);
    share.status(status).set_tags(Some(tags.iter().cloned().map(tag).collect())).build()
}

fn own() -> ResourceShare {
    share(Status::Active, &[owner_tag(&owner())])
}

/// The share by its ARN, after an empty page.
fn reads(found: Option<ResourceShare>) -> Rule {
    mock!(Client::get_resource_shares)
        .match_requests(|r| r.resource_owner() == Some(&ResourceOwner::SelfValue) && r.resource_share_arns() == [SHARE])
        .sequence()
        .output(|| GetResourceSharesOutput::builder().next_token("more").build())
        .output(move || {
            GetResourceSharesOutput::builder().set_resource_shares(found.clone().map(|it| vec![it])).build()
        })
        .build()
}

/// The share by its mark, after an empty page.
fn looks(found: Option<ResourceShare>) -> Rule {
    mock!(Client::get_resource_shares)
        .match_requests(|r| r.tag_filters().iter().any(|filter| filter.tag_values() == [owner().signature()]))
        .sequence()
        .output(|| GetResourceSharesOutput::builder().next_token("more").build())
        .output(move || {
            GetResourceSharesOutput::builder().set_resource_shares(found.clone().map(|it| vec![it])).build()
        })
        .build()
}

/// The associations of the share: two calls.
fn associated(
    subnets: &[(&str, ResourceShareAssociationStatus)],
    principals: &[(&str, ResourceShareAssociationStatus)],
) -> [Rule; 2] {
    use ResourceShareAssociationType::{Principal, Resource};
    [(Resource, subnets), (Principal, principals)].map(|(kind, entities)| {
        let item = |(entity, status): &(&str, ResourceShareAssociationStatus)| {
            let item = ResourceShareAssociation::builder().association_type(kind.clone()).associated_entity(*entity);
            item.status(status.clone()).status_message("It has no space.").build()
        };
        let items: Vec<_> = entities.iter().map(item).collect();
        mock!(Client::get_resource_share_associations)
            .match_requests(move |r| r.association_type() == Some(&kind))
            .then_output(move || {
                let output = GetResourceShareAssociationsOutput::builder();
                output.set_resource_share_associations(Some(items.clone())).build()
            })
    })
}

fn associates(subnets: &'static [&str], principals: &'static [&str]) -> Rule {
    mock!(Client::associate_resource_share)
        .match_requests(move |r| {
            r.resource_share_arn() == Some(SHARE) && r.resource_arns() == subnets && r.principals() == principals
        })
        .then_output(|| AssociateResourceShareOutput::builder().build())
}

fn disassociates(subnets: &'static [&str], principals: &'static [&str]) -> Rule {
    mock!(Client::disassociate_resource_share)
        .match_requests(move |r| {
            r.resource_share_arn() == Some(SHARE) && r.resource_arns() == subnets && r.principals() == principals
        })
        .then_output(|| DisassociateResourceShareOutput::builder().build())
}

/// Makes the share, and keeps the client token that it was asked with.
fn makes(tokens: &Arc<Mutex<Vec<String>>>) -> Rule {
    let tokens = Arc::clone(tokens);
    mock!(Client::create_resource_share)
        .match_requests(move |r| {
            tokens.lock().unwrap().push(r.client_token().unwrap_or_default().to_owned());
            r.name() == Some("app")
                && r.allow_external_principals() == Some(false)
                && r.tags().contains(&tag(owner_tag(&owner())))
        })
        .then_output(|| CreateResourceShareOutput::builder().resource_share(share(Status::Pending, &[])).build())
}

fn retags(set: &[(String, String)]) -> Rule {
    let set: Vec<_> = set.iter().cloned().map(tag).collect();
    mock!(Client::tag_resource)
        .match_requests(move |r| r.resource_share_arn() == Some(SHARE) && r.tags() == set)
        .then_output(|| TagResourceOutput::builder().build())
}

fn deletes() -> Rule {
    mock!(Client::delete_resource_share)
        .match_requests(|r| r.resource_share_arn() == Some(SHARE))
        .then_output(|| DeleteResourceShareOutput::builder().return_value(true).build())
}

/// A look at the share, with its associations.
fn look(subnets: &[(&str, ResourceShareAssociationStatus)]) -> Vec<Rule> {
    in_order([&[reads(Some(own()))], &associated(subnets, &[(ACCOUNT, Associated)])])
}

/// Answers with `rules` in this order, and fails the test on any other call.
fn mocked(rules: &[Rule]) -> SubnetShares {
    let describes = mock!(aws_sdk_organizations::Client::describe_organization).then_output(|| {
        let organization = Described::builder().arn("arn:aws:organizations::999999999999:organization/o-exampleorgid");
        DescribeOrganizationOutput::builder().organization(organization.build()).build()
    });
    let organizations = mock_client!(aws_sdk_organizations, [&describes]);
    let ram = mock_client!(aws_sdk_ram, RuleMode::Sequential, rules.iter().collect::<Vec<_>>());
    SubnetShares { shares: ResourceShares { ram, organizations } }
}

/// The rules of all parts, in their order.
fn in_order<const N: usize>(parts: [&[Rule]; N]) -> Vec<Rule> {
    parts.concat()
}

async fn ensure(
    rules: &[Rule],
    desired: Value,
    previous: Option<Value>,
    claim: &Claim<ShareArn>,
) -> Result<Attributes> {
    let previous = previous.map(properties);
    let ended = mocked(rules).ensure(&properties(desired), previous.as_ref(), claim).await;
    assert_all_called(rules, &ended);
    ended
}

async fn remove(rules: &[Rule], claim: &Claim<ShareArn>) -> Result<()> {
    let ended = mocked(rules).remove(None, claim).await;
    assert_all_called(rules, &ended);
    ended
}

#[track_caller]
fn assert_all_called<T: std::fmt::Debug>(rules: &[Rule], ended: &T) {
    for (index, rule) in rules.iter().enumerate() {
        assert!(rule.num_calls() > 0, "call {index} was never made: {ended:?}");
    }
}

/// What is waited for.
#[track_caller]
fn wait<T: std::fmt::Debug>(ended: Result<T>) -> String {
    match ended {
        Err(Error::NotYet(NotYet { waiting_for, .. })) => waiting_for,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refusal<T: std::fmt::Debug>(ended: Result<T>) -> String {
    match ended {
        Err(Error::Refused(reason)) => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_share_that_is_not_there_is_made_with_the_mark_and_held_at_once() {
    let claim = claim(None);
    let tokens = Arc::default();
    wait(ensure(&[looks(None), makes(&tokens)], template(&[A]), None, &claim).await);
    assert_eq!(claim.id().unwrap().as_str(), SHARE);
    // The next look finds it, and is done when everything is associated.
    let rules = in_order([&[reads(Some(own()))], &associated(&[(A, Associated)], &[(ACCOUNT, Associated)])]);
    let attributes = ensure(&rules, template(&["subnet-aaaaaaaa"]), None, &claim).await.unwrap();
    assert_eq!(attributes, Attributes { arn: SHARE.to_owned(), subnet_arns: A.to_owned() });
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again_with_the_same_token_and_other_wishes_with_another() {
    let tokens = Arc::default();
    let order = RequestOrder::new(0, false, "one request");
    for subnets in [&[A][..], &[A], &[A, B]] {
        let again = claim(None).in_invocation(|invocation| invocation.ordered(order.clone()));
        // The list is behind: it doesn't show the share that the first call made.
        wait(ensure(&[looks(None), makes(&tokens)], template(subnets), None, &again).await);
    }
    let tokens = tokens.lock().unwrap();
    assert_eq!(tokens.len(), 3);
    assert_eq!((tokens[0].len(), &tokens[0]), (32, &tokens[1]));
    assert_ne!(tokens[0], tokens[2]);
}

#[tokio::test]
async fn a_share_whose_answer_was_lost_is_found_by_its_mark() {
    let claim = claim(None);
    let rules = in_order([&[looks(Some(own()))], &associated(&[(A, Associated)], &[(ACCOUNT, Associated)])]);
    ensure(&rules, template(&[A]), None, &claim).await.unwrap();
    assert_eq!(claim.id().unwrap().as_str(), SHARE);
}

#[tokio::test]
async fn a_new_share_that_is_not_listed_yet_is_not_made_twice() {
    let claim = claim(None);
    claim.hold(&SHARE.parse().unwrap());
    assert!(wait(ensure(&[reads(None)], template(&[A]), None, &claim).await).contains("isn't listed yet"));
}

#[tokio::test]
async fn a_share_that_somebody_deleted_is_made_anew() {
    for gone in [
        None,
        Some(share(Status::Deleted, &[owner_tag(&owner())])),
        Some(share(Status::Deleting, &[owner_tag(&owner())])),
    ] {
        let rules = [reads(gone.clone()), looks(gone), makes(&Arc::default())];
        wait(ensure(&rules, template(&[A]), None, &claim(Some(SHARE))).await);
    }
}

#[tokio::test]
async fn a_share_is_waited_for_while_it_is_pending_and_refused_with_ram_s_words_if_it_failed() {
    let pending = [reads(Some(share(Status::Pending, &[owner_tag(&owner())])))];
    assert!(wait(ensure(&pending, template(&[A]), None, &claim(Some(SHARE))).await).contains("isn't ACTIVE yet"));
    let failed = ResourceShare::builder().resource_share_arn(SHARE).name("app").status(Status::Failed);
    let failed = [reads(Some(failed.status_message("Too many.").build()))];
    assert!(
        refusal(ensure(&failed, template(&[A]), None, &claim(Some(SHARE))).await).ends_with("it is FAILED: Too many")
    );
}

#[tokio::test]
async fn ids_of_ous_are_written_out_with_the_management_account_in_them() {
    let rules = in_order([&[reads(Some(own()))], &associated(&[(A, Associated)], &[(UNIT, Associated)])]);
    let desired = json!({"Name": "app", "SubnetIds": [A], "Principals": ["ou-ab12-workload1"]});
    ensure(&rules, desired, None, &claim(Some(SHARE))).await.unwrap();
}

#[tokio::test]
async fn a_refusal_of_a_subnet_is_passed_on_in_aws_s_words_and_nothing_is_held() {
    let refuses = mock!(Client::create_resource_share).then_http_response(|| {
        error_response("OperationNotPermittedException", "You cannot share a subnet in a default VPC.")
    });
    let claim = claim(None);
    let reason = refusal(ensure(&[looks(None), refuses], template(&[A]), None, &claim).await);
    assert!(reason.ends_with("OperationNotPermittedException: You cannot share a subnet in a default VPC"), "{reason}");
    assert!(claim.id().is_none());
}

#[tokio::test]
async fn sharing_that_is_being_switched_on_is_waited_for() {
    let refuses = mock!(Client::create_resource_share).then_http_response(|| {
        error_response(
            "OperationNotPermittedException",
            "You have not enabled it, or that onboarding process is still in progress.",
        )
    });
    let waiting_for = wait(ensure(&[looks(None), refuses], template(&[A]), None, &claim(None)).await);
    assert!(waiting_for.contains("`ResourceSharing: true` on a `Custom::Organization`"), "{waiting_for}");
}

#[tokio::test]
async fn an_update_that_changes_nothing_only_looks() {
    let rules = in_order([&[reads(Some(own()))], &associated(&[(A, Associated)], &[(ACCOUNT, Associated)])]);
    ensure(&rules, template(&[A]), Some(template(&[A])), &claim(Some(SHARE))).await.unwrap();
}

#[tokio::test]
async fn a_new_name_is_given_in_place() {
    let renames = mock!(Client::update_resource_share)
        .match_requests(|r| r.resource_share_arn() == Some(SHARE) && r.name() == Some("shop"))
        .then_output(|| UpdateResourceShareOutput::builder().build());
    let rules = in_order([&[reads(Some(own())), renames], &associated(&[(A, Associated)], &[(ACCOUNT, Associated)])]);
    let desired = json!({"Name": "shop", "SubnetIds": [A], "Principals": [ACCOUNT]});
    let claim = claim(Some(SHARE));
    ensure(&rules, desired, Some(template(&[A])), &claim).await.unwrap();
    assert_eq!(claim.id().unwrap().as_str(), SHARE);
}

#[tokio::test]
async fn a_rollback_gives_the_old_name_once_even_if_the_share_is_shown_with_it() {
    let renames = mock!(Client::update_resource_share)
        .match_requests(|r| r.name() == Some("app") && r.allow_external_principals() == Some(false))
        .then_output(|| UpdateResourceShareOutput::builder().build());
    let (old, claim) = (template(&[A]), claim(Some(SHARE)));
    let failed = json!({"Name": "shop", "SubnetIds": [A], "Principals": [ACCOUNT]});
    let settling =
        in_order([&[reads(Some(own())), renames], &associated(&[(A, Associating)], &[(ACCOUNT, Associated)])]);
    wait(ensure(&settling, old.clone(), Some(failed.clone()), &claim).await);
    ensure(&look(&[(A, Associated)]), old, Some(failed), &claim).await.unwrap();
}

#[tokio::test]
async fn a_rollback_takes_away_what_the_failed_template_added_even_if_the_list_does_not_show_it() {
    let (old, failed, claim) = (template(&[A]), template(&[A, B]), claim(Some(SHARE)));
    let behind = || look(&[(A, Associated)]);
    let rules = in_order([&behind(), &[disassociates(&[B], &[])]]);
    wait(ensure(&rules, old.clone(), Some(failed.clone()), &claim).await);
    ensure(&behind(), old, Some(failed), &claim).await.unwrap();
}

#[tokio::test]
async fn a_rollback_brings_back_what_the_failed_template_took_away_even_if_the_list_still_shows_it() {
    let (old, failed, claim) = (template(&[A, B]), template(&[A]), claim(Some(SHARE)));
    let behind = || look(&[(A, Associated), (B, Associated)]);
    let rules = in_order([&behind(), &[associates(&[B], &[])]]);
    wait(ensure(&rules, old.clone(), Some(failed.clone()), &claim).await);
    ensure(&behind(), old, Some(failed), &claim).await.unwrap();
}

#[tokio::test]
async fn only_tags_that_the_template_set_are_changed_or_removed() {
    let text = ToOwned::to_owned;
    let current =
        [owner_tag(&owner()), (text("team"), text("a")), (text("stage"), text("old")), (text("foreign"), text("f"))];
    let removes = mock!(Client::untag_resource)
        .match_requests(|r| r.tag_keys() == ["stage"])
        .then_output(|| UntagResourceOutput::builder().build());
    let rules = in_order([
        &[reads(Some(share(Status::Active, &current))), retags(&[(text("team"), text("b"))]), removes],
        &associated(&[(A, Associated)], &[]),
    ]);
    let tags = |tags: Value| json!({"Name": "app", "SubnetIds": [A], "Tags": tags});
    let desired = tags(json!([{"Key": "team", "Value": "b"}]));
    let previous = tags(json!([{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "old"}]));
    ensure(&rules, desired, Some(previous), &claim(Some(SHARE))).await.unwrap();
}

#[tokio::test]
async fn what_is_new_is_associated_before_anything_is_taken_away() {
    let (old, new, claim) = (template(&[A]), template(&[B]), claim(Some(SHARE)));
    let rules = in_order([
        &[reads(Some(own()))],
        &associated(&[(A, Associated)], &[(ACCOUNT, Associated)]),
        &[associates(&[B], &[])],
    ]);
    wait(ensure(&rules, new.clone(), Some(old.clone()), &claim).await);
    let rules =
        in_order([&[reads(Some(own()))], &associated(&[(A, Associated), (B, Associating)], &[(ACCOUNT, Associated)])]);
    wait(ensure(&rules, new.clone(), Some(old.clone()), &claim).await);
    let rules = in_order([
        &[reads(Some(own()))],
        &associated(&[(A, Associated), (B, Associated)], &[(ACCOUNT, Associated)]),
        &[disassociates(&[A], &[])],
    ]);
    wait(ensure(&rules, new.clone(), Some(old.clone()), &claim).await);
    let rules = in_order([
        &[reads(Some(own()))],
        &associated(&[(A, Disassociating), (B, Associated)], &[(ACCOUNT, Associated)]),
    ]);
    let waiting_for = wait(ensure(&rules, new.clone(), Some(old.clone()), &claim).await);
    assert!(waiting_for.contains("still disassociating subnet-aaaaaaaa"), "{waiting_for}");
    let rules = in_order([&[reads(Some(own()))], &associated(&[(B, Associated)], &[(ACCOUNT, Associated)])]);
    ensure(&rules, new, Some(old), &claim).await.unwrap();
}

#[tokio::test]
async fn what_others_associated_stays() {
    let rules = in_order([
        &[reads(Some(own()))],
        &associated(&[(A, Associated), (B, Associated)], &[(ACCOUNT, Associated), (UNIT, Associated)]),
    ]);
    ensure(&rules, template(&[A]), Some(template(&[A])), &claim(Some(SHARE))).await.unwrap();
}

#[tokio::test]
async fn the_rollback_of_an_update_whose_association_failed_succeeds() {
    let (old, failed, claim) = (template(&[A]), template(&[A, B]), claim(Some(SHARE)));
    let rules = in_order([&look(&[(A, Associated), (B, Failed)]), &[disassociates(&[B], &[])]]);
    wait(ensure(&rules, old.clone(), Some(failed.clone()), &claim).await);
    ensure(&look(&[(A, Associated), (B, Failed)]), old, Some(failed), &claim).await.unwrap();
}

#[tokio::test]
async fn an_association_that_fails_is_tried_anew_and_then_refused_with_ram_s_words() {
    let rules = in_order([
        &[reads(Some(own()))],
        &associated(&[(A, Failed)], &[(ACCOUNT, Associated)]),
        &[associates(&[A], &[])],
    ]);
    let waiting_for = wait(ensure(&rules, template(&[A]), None, &claim(Some(SHARE))).await);
    assert_eq!(waiting_for, "the association of subnet-aaaaaaaa with the share is FAILED: It has no space");
}

#[tokio::test]
async fn a_principal_that_another_stack_added_stays_when_the_template_drops_it_and_leaves_with_that_stack() {
    let workload = Owner::new("arn:aws:cloudformation:us-east-1:222222222222:stack/app/1f0a", "Principal");
    let added = |state| Addition::new(&workload, ACCOUNT, state).tag();
    let dropped = json!({"Name": "app", "SubnetIds": [A]});
    let rules = in_order([
        &[reads(Some(share(Status::Active, &[owner_tag(&owner()), added(AdditionState::Before)])))],
        &associated(&[(A, Associated)], &[(ACCOUNT, Associated)]),
        &[retags(&[added(AdditionState::Added)])],
    ]);
    ensure(&rules, dropped.clone(), Some(template(&[A])), &claim(Some(SHARE))).await.unwrap();
    // And the other way round: it stays when that stack goes.
    let rules = in_order([
        &[reads(Some(share(Status::Active, &[owner_tag(&owner()), added(AdditionState::Added)])))],
        &associated(&[(A, Associated)], &[(ACCOUNT, Associated)]),
        &[retags(&[added(AdditionState::Before)])],
    ]);
    ensure(&rules, template(&[A]), Some(dropped), &claim(Some(SHARE))).await.unwrap();
}

#[tokio::test]
async fn a_create_that_finds_the_share_of_an_earlier_resource_takes_out_what_nobody_wants_any_more() {
    let workload = Owner::new("arn:aws:cloudformation:us-east-1:222222222222:stack/app/1f0a", "Principal");
    let noted =
        share(Status::Active, &[owner_tag(&owner()), Addition::new(&workload, ACCOUNT, AdditionState::Added).tag()]);
    let found = associated(&[(A, Associated), (B, Associated)], &[(ACCOUNT, Associated), (UNIT, Associated)]);
    let nobody = json!({"Name": "app", "SubnetIds": [A]});
    // The first look is older than the note.
    let rules = in_order([&[looks(Some(own()))], &found, &[reads(Some(noted))], &[disassociates(&[B], &[UNIT])]]);
    wait(ensure(&rules, nobody, None, &claim(None)).await);
}

#[tokio::test]
async fn a_principal_that_another_stack_takes_back_right_now_is_waited_for() {
    let workload = Owner::new("arn:aws:cloudformation:us-east-1:222222222222:stack/app/1f0a", "Principal");
    let leaving = Addition::new(&workload, ACCOUNT, AdditionState::Leaving).tag();
    let rules = in_order([
        &[reads(Some(share(Status::Active, &[owner_tag(&owner()), leaving])))],
        &associated(&[(A, Associated)], &[(ACCOUNT, Associated)]),
    ]);
    assert!(wait(ensure(&rules, template(&[A]), None, &claim(Some(SHARE))).await).contains("another stack is taking"));
}

#[tokio::test]
async fn a_delete_deletes_the_share_and_waits_until_it_is_gone() {
    wait(remove(&[reads(Some(own())), deletes()], &claim(Some(SHARE))).await);
    wait(remove(&[reads(Some(share(Status::Deleting, &[owner_tag(&owner())])))], &claim(Some(SHARE))).await);
    let deleted = reads(Some(share(Status::Deleted, &[owner_tag(&owner())])));
    remove(&[deleted, looks(None)], &claim(Some(SHARE))).await.unwrap();
}

#[tokio::test]
async fn a_delete_of_what_is_gone_is_done() {
    let unknown = || error_response("UnknownResourceException", "It could not be found.");
    let reads_none = mock!(Client::get_resource_shares).then_http_response(unknown);
    remove(&[reads_none, looks(None)], &claim(Some(SHARE))).await.unwrap();
    let deletes_none = mock!(Client::delete_resource_share).then_http_response(unknown);
    remove(&[reads(Some(own())), deletes_none], &claim(Some(SHARE))).await.unwrap();
    remove(&[looks(None)], &claim(Some("nothing-was-made"))).await.unwrap();
    remove(&[looks(None), looks(None)], &claim(None)).await.unwrap();
}

#[tokio::test]
async fn a_delete_finds_a_share_that_is_not_listed_yet_by_its_mark_and_takes_no_other_for_it() {
    wait(remove(&[reads(None), looks(Some(own())), deletes()], &claim(Some(SHARE))).await);
    let mut newer = own();
    newer.resource_share_arn = Some(SHARE.replace("0123abcd", "9999abcd"));
    remove(&[reads(None), looks(Some(newer))], &claim(Some(SHARE))).await.unwrap();
}

#[tokio::test]
async fn the_delete_of_a_create_whose_answer_was_lost_finds_the_share_by_its_mark() {
    let invented = claim(Some("network-Share-1ABCDEF"));
    wait(remove(&[looks(Some(own())), deletes()], &invented).await);
    wait(remove(&[looks(None), looks(Some(own())), deletes()], &invented).await);
}

#[tokio::test]
async fn a_share_with_principals_that_other_stacks_added_is_not_deleted() {
    let workload = Owner::new("arn:aws:cloudformation:us-east-1:222222222222:stack/app/1f0a", "Principal");
    let with = |state| {
        reads(Some(share(Status::Active, &[owner_tag(&owner()), Addition::new(&workload, ACCOUNT, state).tag()])))
    };
    for state in [AdditionState::Added, AdditionState::Before] {
        let waiting_for = wait(remove(&[with(state)], &claim(Some(SHARE))).await);
        assert!(waiting_for.contains("is used by other resources"), "{waiting_for}");
    }
    wait(remove(&[with(AdditionState::Leaving), deletes()], &claim(Some(SHARE))).await);
}

#[tokio::test]
async fn a_share_without_the_mark_is_left_alone() {
    let foreign = share(Status::Active, &[("archipelago:owner".to_owned(), "0123456789 other/Share".to_owned())]);
    remove(&[reads(Some(foreign))], &claim(Some(SHARE))).await.unwrap();
}

#[tokio::test]
async fn what_participants_have_in_the_subnets_is_left_alone_and_said_so_where_it_blocks() {
    let refuses = mock!(Client::delete_resource_share)
        .then_http_response(|| error_response("OperationNotPermittedException", "The subnets are in use."));
    let reason = refusal(remove(&[reads(Some(own())), refuses], &claim(Some(SHARE))).await);
    assert!(
        reason.contains("in use; network interfaces that participants have in the subnets are left alone"),
        "{reason}"
    );
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried {
        // That there is no organization is an answer.
        passing: &[(Some("DescribeOrganization"), &organizations::PASSING[..1]), (None, &PASSING)],
        waits: &[
            ("SETTLED_WITHIN", SETTLED_WITHIN),
            ("SHARE_LISTED_WITHIN", SHARE_LISTED_WITHIN),
            ("RAM_BUSY_FOR", resource_shares::RAM_BUSY_FOR),
            ("FAILED_FOR", resource_shares::FAILED_FOR),
            ("ADDITIONS_LEFT_WITHIN", resource_shares::ADDITIONS_LEFT_WITHIN),
            ("TAKEN_BACK_WITHIN", resource_shares::TAKEN_BACK_WITHIN),
            ("NEW_FOR", organizations::NEW_FOR),
        ],
    };
    let schema = archipelago::schema::text::<SubnetShares>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/SubnetShare.json", &schema);
}
