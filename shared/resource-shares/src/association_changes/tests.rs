//! What is asked of RAM, with a real client and canned answers.

use aws_sdk_ram::{
    Client,
    operation::{
        associate_resource_share::AssociateResourceShareOutput,
        disassociate_resource_share::DisassociateResourceShareOutput,
        get_resource_share_associations::GetResourceShareAssociationsOutput,
    },
    types::{ResourceShareAssociation, ResourceShareAssociationType},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{NotYet, Owner};
use serde_json::json;

use super::*;
use crate::ShareArn;

const SHARE: &str = "arn:aws:ram:us-east-1:111111111111:resource-share/0123abcd";
const ACCOUNT: &str = "222222222222";

fn subnet(index: usize) -> Entity {
    Entity::Resource(format!("arn:aws:ec2:us-east-1:111111111111:subnet/subnet-{index:08x}"))
}

fn account() -> Entity {
    Entity::Principal(ACCOUNT.to_owned())
}

fn listed(entity: &Entity, status: Status, message: &str) -> ResourceShareAssociation {
    let (kind, text) = match entity {
        Entity::Resource(arn) => (ResourceShareAssociationType::Resource, arn),
        Entity::Principal(principal) => (ResourceShareAssociationType::Principal, principal),
    };
    let item = ResourceShareAssociation::builder().association_type(kind).associated_entity(text);
    item.status(status).status_message(message).build()
}

fn all(status: &Status) -> Associations {
    [listed(&subnet(1), status.clone(), "It has no space."), listed(&account(), status.clone(), "")].iter().collect()
}

/// An error as RAM sends it.
fn error_response(code: &str, message: &str) -> HttpResponse {
    let body = json!({"__type": code, "message": message}).to_string();
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body))
}

fn mocked(rules: &[Rule]) -> ResourceShares {
    let organizations = mock_client!(aws_sdk_organizations, RuleMode::Sequential, []);
    ResourceShares {
        ram: mock_client!(aws_sdk_ram, RuleMode::Sequential, rules.iter().collect::<Vec<_>>()),
        organizations,
    }
}

fn changes<'a>(
    shares: &'a ResourceShares,
    now: &'a Associations,
    claim: &'a Claim<ShareArn>,
) -> AssociationChanges<'a, ShareArn> {
    AssociationChanges { shares, arn: SHARE, now, claim }
}

fn associates(count: usize) -> Rule {
    mock!(Client::associate_resource_share)
        .match_requests(move |r| {
            r.resource_share_arn() == Some(SHARE)
                && r.client_token().is_none()
                && r.resource_arns().len() + r.principals().len() == count
        })
        .then_output(|| AssociateResourceShareOutput::builder().build())
}

fn disassociates(count: usize) -> Rule {
    mock!(Client::disassociate_resource_share)
        .match_requests(move |r| {
            r.resource_share_arn() == Some(SHARE) && r.resource_arns().len() + r.principals().len() == count
        })
        .then_output(|| DisassociateResourceShareOutput::builder().build())
}

/// RAM doesn't take something out.
fn refuses(code: &'static str) -> Rule {
    mock!(Client::disassociate_resource_share)
        .then_http_response(move || error_response(code, "It could not be found."))
}

fn claim() -> Claim<ShareArn> {
    let owner = Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/network/1f0a", "Share");
    Claim::new(owner, Some(SHARE))
}

/// With a template in which nothing is new.
async fn associated(rules: &[Rule], wanted: &[&Entity], now: &Associations) -> Result<()> {
    let ended = changes(&mocked(rules), now, &claim()).ensure_associated(wanted, &[]).await;
    assert!(rules.iter().all(|rule| rule.num_calls() > 0), "{ended:?}");
    ended
}

/// One of the looks of a request.
async fn disassociated(
    rules: &[Rule],
    unwanted: &[&Entity],
    now: &Associations,
    claim: &Claim<ShareArn>,
) -> Result<()> {
    let ended = changes(&mocked(rules), now, claim).ensure_disassociated(unwanted).await;
    assert!(rules.iter().all(|rule| rule.num_calls() > 0), "{ended:?}");
    ended
}

fn window(ended: Result<()>) -> (Option<Duration>, String) {
    match ended {
        Err(Error::NotYet(NotYet { within, waiting_for, .. })) => (within, waiting_for),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn associations_are_read_through_empty_pages() {
    let page = |kind: ResourceShareAssociationType, item: ResourceShareAssociation| {
        mock!(Client::get_resource_share_associations)
            .match_requests(move |r| r.resource_share_arns() == [SHARE] && r.association_type() == Some(&kind))
            .sequence()
            .output(|| GetResourceShareAssociationsOutput::builder().next_token("more").build())
            .output(move || {
                GetResourceShareAssociationsOutput::builder().resource_share_associations(item.clone()).build()
            })
            .build()
    };
    let rules = [
        page(ResourceShareAssociationType::Resource, listed(&subnet(1), Status::Associated, "")),
        page(ResourceShareAssociationType::Principal, listed(&account(), Status::Associated, "")),
    ];
    let ram = mock_client!(aws_sdk_ram, RuleMode::MatchAny, rules.iter().collect::<Vec<_>>());
    let now = ResourceShares { ram, ..mocked(&[]) }.associations(SHARE).await.unwrap();
    assert!(now.gives_access(&subnet(1)) && now.gives_access(&account()));
}

#[test]
fn what_is_disassociated_reads_as_absent_and_a_new_try_hides_an_old_failure() {
    let items = [
        listed(&subnet(1), Status::Disassociated, ""),
        listed(&subnet(2), Status::Associated, ""),
        listed(&subnet(2), Status::Failed, "old"),
        listed(&subnet(3), Status::Failed, "old"),
        listed(&subnet(3), Status::Associating, ""),
    ];
    let now: Associations = items.iter().collect();
    assert_eq!(now.status(&subnet(1)), None);
    assert_eq!(now.status(&subnet(2)), Some(&Status::Associated));
    assert_eq!(now.status(&subnet(3)), Some(&Status::Associating));
}

#[tokio::test]
async fn what_is_missing_is_associated_a_hundred_at_a_time() {
    let many: Vec<_> = (0..101).map(subnet).chain([account()]).collect();
    let many: Vec<_> = many.iter().collect();
    let ended = associated(&[associates(100), associates(2)], &many, &Associations::default()).await;
    assert_eq!(window(ended).0, Some(SETTLED_WITHIN));
}

#[tokio::test]
async fn associating_and_restoring_are_waited_for_and_associated_is_done() {
    let (subnet, account) = (subnet(1), account());
    for status in [Status::Associating, Status::Restoring, Status::Disassociating] {
        let ended = associated(&[], &[&subnet, &account], &all(&status)).await;
        assert_eq!(window(ended).0, Some(SETTLED_WITHIN), "{status}");
    }
    associated(&[], &[&subnet, &account], &all(&Status::Associated)).await.unwrap();
}

#[tokio::test]
async fn what_failed_is_tried_anew_for_half_a_minute_and_says_aws_s_status_message() {
    let subnet = subnet(1);
    let (within, waiting_for) = window(associated(&[associates(1)], &[&subnet], &all(&Status::Failed)).await);
    assert_eq!(within, Some(FAILED_FOR));
    assert_eq!(waiting_for, "the association of subnet-00000001 with the share is FAILED: It has no space");
}

#[tokio::test]
async fn what_failed_and_can_not_be_tried_anew_is_refused_for_what_it_failed_of() {
    let refuses = mock!(Client::associate_resource_share)
        .then_http_response(|| error_response("InvalidParameterException", "No."));
    let refusal = associated(&[refuses], &[&subnet(1)], &all(&Status::Failed)).await.unwrap_err();
    assert!(
        matches!(&refusal, Error::Refused(reason) if reason.sentence().ends_with("is FAILED: It has no space")),
        "{refusal}"
    );
}

#[tokio::test]
async fn what_is_suspended_is_refused() {
    for status in [Status::Suspended, Status::Suspending] {
        let refusal = associated(&[], &[&subnet(1)], &all(&status)).await.unwrap_err();
        assert!(matches!(refusal, Error::Refused(_)), "{refusal}");
        assert!(refusal.to_string().contains(status.as_str()), "{refusal}");
    }
}

#[tokio::test]
async fn what_is_new_to_the_template_is_associated_once_even_if_a_list_that_is_behind_shows_it_already() {
    let (account, claim) = (account(), claim());
    let busy = mock!(Client::associate_resource_share)
        .then_http_response(|| error_response("InvalidStateTransitionException", "It is DISASSOCIATING."));
    for rules in [&[busy][..], &[associates(1)]] {
        let now = all(&Status::Associated);
        let ended = changes(&mocked(rules), &now, &claim).ensure_associated(&[&account], &[&account]).await;
        assert!(rules.iter().all(|rule| rule.num_calls() > 0), "{ended:?}");
        window(ended);
    }
    let now = all(&Status::Associated);
    changes(&mocked(&[]), &now, &claim).ensure_associated(&[&account], &[&account]).await.unwrap();
}

#[tokio::test]
async fn what_is_new_and_shown_later_than_another_is_associated_as_well() {
    let (subnet, account, claim) = (subnet(1), account(), claim());
    let both = [&subnet, &account];
    let first = [listed(&subnet, Status::Associated, ""), listed(&account, Status::Associating, "")];
    for now in [first.iter().collect(), all(&Status::Associated)] {
        let rules = [associates(1)];
        let ended = changes(&mocked(&rules), &now, &claim).ensure_associated(&both, &both).await;
        assert!(rules.iter().all(|rule| rule.num_calls() > 0), "{ended:?}");
        window(ended);
    }
}

#[tokio::test]
async fn what_is_new_to_the_template_and_missing_is_associated_no_more_than_once() {
    let (account, claim) = (account(), claim());
    let new = [&account];
    window(changes(&mocked(&[associates(1)]), &Associations::default(), &claim).ensure_associated(&new, &new).await);
    window(changes(&mocked(&[]), &all(&Status::Associating), &claim).ensure_associated(&new, &new).await);
    changes(&mocked(&[]), &all(&Status::Associated), &claim).ensure_associated(&new, &new).await.unwrap();
}

#[tokio::test]
async fn what_is_unwanted_is_disassociated_and_waited_for() {
    let (subnet, account, claim) = (subnet(1), account(), claim());
    let (within, waiting_for) =
        window(disassociated(&[disassociates(2)], &[&subnet, &account], &all(&Status::Associated), &claim).await);
    assert_eq!(within, Some(SETTLED_WITHIN));
    assert!(
        waiting_for.contains("network interfaces that participants have in the subnets are left alone"),
        "{waiting_for}"
    );
    window(disassociated(&[], &[&subnet, &account], &all(&Status::Disassociating), &claim).await);
    disassociated(&[], &[&subnet, &account], &all(&Status::Disassociated), &claim).await.unwrap();
}

#[tokio::test]
async fn what_ram_does_not_know_any_more_is_disassociated() {
    let claim = claim();
    let unknown = || refuses("UnknownResourceException");
    window(disassociated(&[unknown()], &[&account()], &all(&Status::Associated), &claim).await);
    // That may have been another one of those in the call.
    disassociated(&[unknown()], &[&account()], &Associations::default(), &claim).await.unwrap();
    disassociated(&[], &[&account()], &Associations::default(), &claim).await.unwrap();
}

#[tokio::test]
async fn what_ram_refuses_to_take_out_is_no_failure_unless_it_is_listed() {
    for code in ["InvalidParameterException", "MalformedArnException"] {
        let claim = claim();
        let held = disassociated(&[refuses(code)], &[&account()], &all(&Status::Associated), &claim).await;
        assert!(matches!(&held, Err(Error::Refused(sentence)) if sentence.sentence().contains(code)), "{held:?}");
        disassociated(&[refuses(code)], &[&account()], &Associations::default(), &claim).await.unwrap();
        disassociated(&[], &[&account()], &Associations::default(), &claim).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_list_that_is_behind_does_not_show_loses_its_access_all_the_same() {
    for now in [Associations::default(), all(&Status::Disassociated)] {
        let (account, claim) = (account(), claim());
        let busy = mock!(Client::disassociate_resource_share)
            .then_http_response(|| error_response("InvalidStateTransitionException", "It is ASSOCIATING."));
        window(disassociated(&[busy], &[&account], &now, &claim).await);
        let (_, waiting_for) = window(disassociated(&[disassociates(1)], &[&account], &now, &claim).await);
        assert!(waiting_for.contains("still disassociating 222222222222"), "{waiting_for}");
        disassociated(&[], &[&account], &now, &claim).await.unwrap();
    }
}

#[tokio::test]
async fn what_failed_is_taken_off_the_list_if_ram_lets_us_and_never_in_the_way() {
    let claim_of_one = claim();
    window(disassociated(&[disassociates(1)], &[&account()], &all(&Status::Failed), &claim_of_one).await);
    disassociated(&[], &[&account()], &all(&Status::Failed), &claim_of_one).await.unwrap();
    let refuses = mock!(Client::disassociate_resource_share)
        .then_http_response(|| error_response("OperationNotPermittedException", "It is FAILED."));
    disassociated(&[refuses], &[&account()], &all(&Status::Failed), &claim()).await.unwrap();
}
