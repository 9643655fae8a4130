//! The lease: nobody else writes while it is held, and a stale read is told from a change by somebody else.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use archipelago_tests::model::Fault;
use custom_resource::{Claim, Error, RequestOrder, Resource};
use futures_util::FutureExt;
use policy_statement::StatementId;
use serde_json::json;

use crate::shelves::{FOREIGN, Shelf, Shelves, TABLE, claim, later, properties, pull, read, sids};

const POLICY: &str = "shelf app";

/// The claim, in the order of that request.
fn asked(claim: Claim<StatementId<Shelf>>, request: &str, made: u64, is_delete: bool) -> Claim<StatementId<Shelf>> {
    claim.in_invocation(|invocation| invocation.ordered(RequestOrder::new(made, is_delete, request)))
}

#[tokio::test]
async fn while_somebody_else_holds_the_lease_nothing_is_written() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.table.take(POLICY, "somebody else", Duration::from_mins(5));
    let claim = claim("Pull");
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("final") };
    assert_eq!(not_yet.to_string(), "the policy of shelf app is being changed by another request");
    assert_eq!(not_yet.within, None, "the others may be many");
    assert!(claim.id().is_none());
    assert_eq!(shelves.0.writes.get(), 0);
}

#[tokio::test]
async fn a_request_resolves_a_name_once_however_often_it_waits_for_the_lease() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statements = shelves.statements();
    let desired = read(json!({"ShelfName": "alias/app", "Statement": pull("222222222222")})).unwrap();
    shelves.0.table.take(POLICY, "somebody else", Duration::from_mins(5));
    let claim = claim("Pull");
    for _ in 0..3 {
        statements.ensure(&desired, None, &claim).await.unwrap_err();
    }
    shelves.0.table.take(POLICY, "somebody else", Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(2)).await;
    statements.ensure(&desired, None, &claim).await.unwrap();
    assert_eq!(shelves.0.resolved.get(), 1);

    let next = asked(claim, "the next request", u64::MAX, false);
    statements.ensure(&desired, None, &next).await.unwrap();
    assert_eq!(shelves.0.resolved.get(), 2);
}

#[tokio::test]
async fn names_that_differ_in_their_case_share_a_lease() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.table.take(POLICY, "somebody else", Duration::from_mins(5));
    let desired = read(json!({"ShelfName": "App", "Statement": pull("222222222222")})).unwrap();
    let ended = shelves.statements().ensure(&desired, None, &claim("Pull")).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn a_lease_that_ended_holds_nobody_up() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.table.take(POLICY, "killed in the middle of its work", Duration::ZERO);
    tokio::time::sleep(Duration::from_millis(2)).await;
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await.unwrap();
}

#[tokio::test]
async fn the_lease_is_given_back_however_the_work_ends() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statements = shelves.statements();
    let (desired, claim) = (properties(&pull("222222222222")), claim("Pull"));

    statements.ensure(&desired, None, &claim).await.unwrap();
    assert_eq!(shelves.0.table.lasts(POLICY), Duration::ZERO, "after a write");
    statements.ensure(&desired, None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.0.table.lasts(POLICY), Duration::ZERO, "after a look");
    shelves.refuse("Malformed", "No.");
    statements.ensure(&properties(&pull("333333333333")), None, &later(&claim)).await.unwrap_err();
    assert_eq!(shelves.0.table.lasts(POLICY), Duration::ZERO, "after a refusal");
    statements.remove(None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.0.table.lasts(POLICY), Duration::ZERO, "after a delete");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_nobody_knows_the_end_of_keeps_the_others_out_until_the_lease_is_over() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.hangs.set(true);
    let claim = claim("Pull");
    let began = tokio::time::Instant::now();
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
    assert!(claim.id().is_some(), "the statement may be there");
    assert!(shelves.0.table.lasts(POLICY) > began.elapsed(), "the work ends before its lease does");

    let late =
        shelves.statements().ensure(&properties(&pull("222222222222")), None, &crate::shelves::claim("Late")).await;
    assert!(matches!(late, Err(Error::NotYet(_))));
    assert_eq!(shelves.0.writes.get(), 1);
}

#[tokio::test]
async fn a_policy_that_is_read_as_it_was_before_the_last_write_is_read_again() {
    let shelves = Shelves::with(Some(FOREIGN));
    let (one, two) = (claim("One"), claim("Two"));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &one).await.unwrap();
    // Another process, which knows nothing but what the lease says.
    shelves.0.lag.set(1);
    let ended = shelves.statements().ensure(&properties(&pull("333333333333")), None, &two).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("final") };
    assert_eq!(not_yet.to_string(), "AWS still shows the policy of shelf app as it was before");
    assert_eq!(shelves.0.writes.get(), 1, "the write would have lost the other's statement");

    shelves.statements().ensure(&properties(&pull("333333333333")), None, &two).await.unwrap();
    assert_eq!(sids(shelves.policy()).len(), 3);
}

#[tokio::test]
async fn a_delete_does_not_believe_a_stale_read_either() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull");
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    shelves.0.lag.set(1);
    assert!(matches!(shelves.statements().remove(None, &later(&claim)).await, Err(Error::NotYet(_))));
    shelves.statements().remove(None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn what_somebody_else_changed_is_no_stale_read_and_is_worked_on_at_once() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull");
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    shelves.keep("app", Some(r#"{"Statement":[{"Sid":"Wiped","Effect":"Deny"}]}"#));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &later(&claim)).await.unwrap();
    assert_eq!(sids(shelves.policy()), ["Wiped", &format!("Pull{}", claim.owner().mark())]);
}

#[tokio::test]
async fn a_rollback_to_what_was_there_before_is_current() {
    let shelves = Shelves::with(Some(FOREIGN));
    let (first, second) = (properties(&pull("222222222222")), properties(&pull("333333333333")));
    let claim = claim("Pull");
    for (desired, previous) in [(&first, None), (&second, Some(&first)), (&first, Some(&second))] {
        shelves.statements().ensure(desired, previous, &claim).await.unwrap();
    }
    shelves.statements().ensure(&first, Some(&second), &later(&claim)).await.unwrap();
    shelves.statements().remove(Some(&first), &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
    // What is there now was there before, too.
    shelves.statements().ensure(&first, None, &later(&claim)).await.unwrap();
}

#[tokio::test]
async fn without_the_table_nothing_is_written() {
    for (table, fault, is_final) in
        [("another", None, true), (TABLE, Some(Fault::Denied), false), (TABLE, Some(Fault::Broken), false)]
    {
        let shelves = Shelves::with(Some(FOREIGN));
        if let Some(fault) = fault {
            shelves.0.table.fail_with(fault);
        }
        let statements = shelves.statements().with(|of| {
            of.with_ledger(shelves.0.table.client(), table, shelves.0.table.clock()) //
        });
        let claim = claim("Pull");
        let error = statements.ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap_err();
        assert_eq!(matches!(error, Error::Refused(_)), is_final, "{error}");
        let sentence = "a policy is only changed with the ledger";
        assert!(error.to_string().ends_with(sentence), "{error}");
        assert!(claim.id().is_none());
        assert_eq!(shelves.0.writes.get(), 0);
    }
}

/// Whether a request releases a lease.
fn gives_back(_: &str, update: &str) -> bool {
    update.contains("#released")
}

/// Whether a request notes a write that is to follow.
fn notes(_: &str, update: &str) -> bool {
    update == "SET #history = :history"
}

/// No request.
fn nothing(_: &str, _: &str) -> bool {
    false
}

#[tokio::test]
async fn a_write_that_could_not_be_noted_holds_nobody_up() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.table.fail(notes);
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("One")).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
    assert_eq!(shelves.0.writes.get(), 0);
    shelves.0.table.fail(nothing);
    shelves.statements().ensure(&properties(&pull("333333333333")), None, &claim("Two")).await.unwrap();
    assert_eq!(sids(shelves.policy()).len(), 2);
}

#[tokio::test]
async fn a_write_whose_lease_could_not_be_given_back_is_known_by_its_note() {
    let shelves = Shelves::with(Some(FOREIGN));
    let (one, two) = (claim("One"), claim("Two"));
    shelves.0.table.fail(gives_back);
    let desired = properties(&pull("222222222222"));
    shelves.statements().ensure(&desired, None, &one).await.unwrap();
    shelves.0.table.fail(nothing);
    shelves.0.table.run_out(POLICY);
    // Another one reads twice what lags behind: the write was noted before it was made.
    shelves.0.lag.set(2);
    let other = properties(&pull("333333333333"));
    assert!(matches!(shelves.statements().ensure(&other, None, &two).await, Err(Error::NotYet(_))));
    shelves.statements().ensure(&other, None, &two).await.unwrap();
    shelves.statements().ensure(&desired, None, &one).await.unwrap();
    assert_eq!(sids(shelves.policy()).len(), 3);
}

#[tokio::test]
async fn a_write_that_comes_to_pass_after_it_was_given_up_takes_nothing_away() {
    let shelves = Shelves::with(Some(FOREIGN));
    let (one, two) = (claim("One"), claim("Two"));
    let (of_one, of_two) = (properties(&pull("222222222222")), properties(&pull("333333333333")));
    shelves.lose_answer();
    assert!(matches!(shelves.statements().ensure(&of_one, None, &one).await, Err(Error::NotYet(_))));
    let with_one = shelves.policy();
    shelves.0.table.run_out(POLICY);
    // The other one reads what was there before, for so long that it must have been the end of it.
    shelves.keep("app", Some(FOREIGN));
    assert!(matches!(shelves.statements().ensure(&of_two, None, &two).await, Err(Error::NotYet(_))));
    shelves.0.table.pass(Duration::from_secs(30));
    shelves.statements().ensure(&of_two, None, &later(&two)).await.unwrap();
    assert_eq!(sids(shelves.policy()).len(), 3, "it carries out the wish of the first one as well");
    // What the first one wrote comes to pass after all, without the other's.
    shelves.keep("app", with_one.as_deref());
    let again = later(&one);
    assert!(matches!(shelves.statements().ensure(&of_one, None, &again).await, Err(Error::NotYet(_))));
    // All reads show it for as long as a read may lag.
    shelves.0.table.pass(Duration::from_mins(2));
    shelves.statements().ensure(&of_one, None, &again).await.unwrap();
    assert_eq!(sids(shelves.policy()).len(), 3);
}

#[tokio::test]
async fn a_read_may_lag_for_two_minutes() {
    let shelves = Shelves::with(Some(FOREIGN));
    let (one, two) = (claim("One"), claim("Two"));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &one).await.unwrap();
    shelves.0.table.pass(Duration::from_secs(100));
    shelves.0.lag.set(1);
    let ended = shelves.statements().ensure(&properties(&pull("333333333333")), None, &two).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
    assert_eq!(shelves.0.writes.get(), 1);
}

#[tokio::test]
async fn a_read_may_lag_as_long_as_the_service_lets_it() {
    let shelves = Shelves::with(Some(FOREIGN));
    let (one, two) = (claim("One"), claim("Two"));
    let desired = properties(&pull("222222222222"));
    shelves.never_empty().ensure(&desired, None, &one).await.unwrap();
    shelves.0.table.pass(Duration::from_mins(9));
    shelves.0.lag.set(1);
    let waits = shelves.never_empty().ensure(&desired, None, &two).await.unwrap_err();
    assert!(waits.to_string().contains("as it was before"), "{waits}");
    shelves.0.table.pass(Duration::from_mins(10));
    shelves.0.lag.set(2);
    // What is read for so long is somebody else's doing: it is written, and waited for as long.
    let Err(Error::NotYet(waits)) = shelves.never_empty().ensure(&desired, None, &two).await else { panic!("final") };
    assert_eq!(waits.within, Some(Duration::from_mins(10)), "{waits}");
}

#[tokio::test]
async fn a_lease_that_somebody_else_has_by_now_writes_nothing() {
    let shelves = Shelves::with(Some(FOREIGN));
    let thief = shelves.clone();
    shelves.on_read(move || thief.0.table.take(POLICY, "somebody else", Duration::from_mins(5)));
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
    assert_eq!(shelves.0.writes.get(), 0);
    assert!(shelves.0.table.lasts(POLICY) > Duration::ZERO, "and gives nothing back that isn't its own");
}

#[tokio::test]
async fn a_create_that_was_cancelled_while_it_waited_writes_nothing_after_its_delete() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.table.take(POLICY, "somebody else", Duration::from_mins(5));
    let desired = properties(&pull("222222222222"));
    let made = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let create = asked(claim("Pull"), "create", made, false);
    assert!(matches!(shelves.statements().ensure(&desired, None, &create).await, Err(Error::NotYet(_))));
    shelves.0.table.run_out(POLICY);
    // CloudFormation cancels the Create, and sends the Delete with an id that it invents.
    let delete = asked(Claim::new(create.owner().clone(), Some("landing-Pull-1ABCDEF")), "delete", made, true);
    shelves.statements().remove(Some(&desired), &delete).await.unwrap();
    // The one loop asks the waiting Create again.
    let ended = shelves.statements().ensure(&desired, None, &create).await;
    let Err(Error::Refused(reason)) = ended else { panic!("not final") };
    assert_eq!(reason.sentence(), "a later request for this resource was worked on meanwhile, so nothing was done");
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
    assert_eq!(shelves.0.table.lasts(POLICY), Duration::ZERO);
    // A template that has the resource again is another request.
    let again = asked(claim("Pull"), "again", made + 1_000, false);
    shelves.statements().ensure(&desired, None, &again).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_holds_nobody_up_for_longer_than_a_lease() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.on_read(|| panic!("a defect"));
    let (desired, claim) = (properties(&pull("222222222222")), claim("Pull"));
    let statements = shelves.statements();
    let ended = AssertUnwindSafe(statements.ensure(&desired, None, &claim)).catch_unwind().await;
    assert!(ended.is_err());
    assert!(shelves.0.table.lasts(POLICY) <= Duration::from_secs(15));
    shelves.0.table.run_out(POLICY);
    statements.ensure(&desired, None, &claim).await.unwrap();
}
