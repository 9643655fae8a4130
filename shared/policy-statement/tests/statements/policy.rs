//! What becomes of the policy: the claim's statements come and go, and the rest stays.

use custom_resource::{Claim, Error, Owner, Resource, testing::ensure};
use serde_json::json;

use crate::shelves::{FOREIGN, Shelves, claim, later, properties, pull, sids};

#[tokio::test]
async fn a_statement_joins_the_others_with_a_sid_that_ends_in_the_mark() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull");
    let attributes = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    let sid = format!("Pull{}", claim.owner().mark());
    assert_eq!(sids(shelves.policy()), ["", &sid]);
    assert_eq!(attributes.sids, sid);
    assert_eq!(attributes.policy_size, shelves.policy().unwrap().len());
    assert_eq!(attributes.policy_size_limit, 600);
    assert_eq!(claim.id().unwrap().to_string(), format!("app#{}", claim.owner().mark()));
}

#[tokio::test]
async fn nothing_is_written_when_nothing_changes_in_meaning() {
    let shelves = Shelves::with(None);
    let statements = shelves.statements();
    let claim = claim("Pull");
    statements.ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    let same = json!([{
        "Action": ["ecr:getdownloadurlforlayer", "ecr:BatchGetImage"],
        "Principal": {"AWS": ["arn:aws:iam::222222222222:root"]},
        "Effect": "Allow",
    }]);
    statements.ensure(&properties(&same), None, &claim).await.unwrap();
    assert_eq!(shelves.0.writes.get(), 1);
}

#[tokio::test]
async fn two_claims_on_one_policy_leave_each_other_alone() {
    let shelves = Shelves::with(None);
    let statements = shelves.statements();
    let (one, two) = (claim("One"), claim("Two"));
    statements.ensure(&properties(&pull("222222222222")), None, &one).await.unwrap();
    statements.ensure(&properties(&json!([pull("333333333333"), pull("444444444444")])), None, &two).await.unwrap();
    let mark = two.owner().mark();
    assert_eq!(
        sids(shelves.policy()),
        [format!("One{}", one.owner().mark()), format!("Two{mark}"), format!("Two{mark}2")]
    );
    statements.remove(None, &later(&one)).await.unwrap();
    assert_eq!(sids(shelves.policy()), [format!("Two{mark}"), format!("Two{mark}2")]);
}

#[tokio::test]
async fn the_policy_goes_with_its_last_statement() {
    let shelves = Shelves::with(None);
    let statements = shelves.statements();
    let claim = claim("Pull");
    statements.ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    statements.remove(None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy(), None);
}

#[tokio::test]
async fn what_is_foreign_is_the_same_to_the_byte_after_the_last_delete() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statements = shelves.statements();
    let claim = claim("Pull");
    statements.ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    statements.remove(None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn a_delete_with_an_invented_id_finds_the_statements_by_their_mark() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statements = shelves.statements();
    let desired = properties(&pull("222222222222"));
    statements.ensure(&desired, None, &claim("Pull")).await.unwrap();
    let stack = "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a";
    let cancelled = Claim::new(Owner::new(stack, "Pull"), Some("landing-Pull-1ABCDEF"));
    statements.remove(Some(&desired), &cancelled).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn deleting_what_was_never_there_writes_nothing() {
    for shelves in [Shelves::with(Some(FOREIGN)), Shelves::with(None), Shelves::default()] {
        let desired = properties(&pull("222222222222"));
        shelves.statements().remove(Some(&desired), &claim("Pull")).await.unwrap();
        shelves.statements().remove(None, &claim("Pull")).await.unwrap();
        assert_eq!(shelves.0.writes.get(), 0);
    }
}

#[tokio::test]
async fn a_target_that_does_not_exist_is_refused_and_holds_no_id() {
    let shelves = Shelves::default();
    let claim = claim("Pull");
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await;
    assert_eq!(
        ended.unwrap_err().to_string(),
        "shelf:GetPolicy was refused by AWS with ShelfNotFound: No such shelf; \
         the shelf app must be there before a statement can go into its policy"
    );
    assert!(claim.id().is_none());
}

#[tokio::test]
async fn a_read_that_lags_behind_the_write_is_read_again() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statements = shelves.statements();
    let claim = claim("Pull");
    shelves.0.before.replace(shelves.0.policies.borrow().clone());
    shelves.0.lag.set(2);
    let desired = properties(&pull("222222222222"));
    assert!(matches!(statements.ensure(&desired, None, &claim).await, Err(Error::NotYet(_))));
    assert!(claim.id().is_some(), "the statement may be there");
    statements.ensure(&desired, None, &claim).await.unwrap();
    assert_eq!(shelves.0.writes.get(), 1);
}

#[tokio::test]
async fn another_target_is_a_replacement_and_the_old_one_is_cleaned_up_by_its_id() {
    let shelves = Shelves::with(None);
    shelves.0.policies.borrow_mut().insert("other".to_owned(), None);
    let statements = shelves.statements();
    let claim = claim("Pull");
    statements.ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    let old = claim.id().unwrap();
    let moved = json!({"ShelfName": "other", "Statement": pull("222222222222")});
    statements.ensure(&serde_json::from_value(moved).unwrap(), None, &claim).await.unwrap();
    assert_ne!(claim.id().unwrap(), old);
    let clean_up = self::claim("Pull");
    clean_up.hold(&old);
    statements.remove(None, &clean_up).await.unwrap();
    assert_eq!(shelves.policy(), None);
    assert!(shelves.0.policies.borrow()["other"].is_some());
}

#[tokio::test]
async fn another_way_to_write_the_same_target_is_no_replacement() {
    let shelves = Shelves::with(None);
    let statements = shelves.statements();
    let claim = claim("Pull");
    let at_first = properties(&pull("222222222222"));
    statements.ensure(&at_first, None, &claim).await.unwrap();
    let id = claim.id().unwrap();
    let written = json!({"ShelfName": "app", "AccountId": "111111111111", "Statement": pull("222222222222")});
    let same = serde_json::from_value(written).unwrap();
    ensure(&statements, &same, Some(&at_first), &claim).await.unwrap();
    assert_eq!(claim.id().unwrap(), id);
    ensure(&statements, &at_first, Some(&same), &Claim::new(claim.owner().clone(), Some(&id.to_string())))
        .await
        .unwrap();
    assert!(shelves.policy().is_some());
}

#[tokio::test]
async fn the_rollback_of_a_cancelled_replacement_takes_the_statements_out_of_the_new_target() {
    let shelves = Shelves::with(None);
    shelves.0.policies.borrow_mut().insert("other".to_owned(), None);
    let statements = shelves.statements();
    let at_first = properties(&pull("222222222222"));
    let moved = serde_json::from_value(json!({"ShelfName": "other", "Statement": pull("222222222222")})).unwrap();
    let claim = claim("Pull");
    statements.ensure(&at_first, None, &claim).await.unwrap();
    let id = claim.id().unwrap().to_string();
    let again = || Claim::new(claim.owner().clone(), Some(&id));

    // The replacement waits once: what CloudFormation still knows by its id stays until it asks for its deletion.
    let replacing = again();
    ensure(&statements, &moved, Some(&at_first), &replacing).await.unwrap();
    ensure(&statements, &moved, Some(&at_first), &replacing).await.unwrap();
    assert!(shelves.policy().is_some());

    ensure(&statements, &at_first, Some(&moved), &again()).await.unwrap();
    assert!(shelves.policy().is_some());
    assert_eq!(shelves.0.policies.borrow()["other"], None);
}

#[tokio::test]
async fn a_cancelled_replacement_that_may_not_be_seen_is_waited_for_before_it_is_left_alone() {
    let shelves = Shelves::with(None);
    shelves.keep("other", None);
    let statements = shelves.statements();
    let at_first = properties(&pull("222222222222"));
    let moved = serde_json::from_value(json!({"ShelfName": "other", "Statement": pull("222222222222")})).unwrap();
    let claim = claim("Pull");
    statements.ensure(&at_first, None, &claim).await.unwrap();
    let again = || Claim::new(claim.owner().clone(), claim.id().map(|id| id.to_string()).as_deref());
    ensure(&statements, &moved, Some(&at_first), &again()).await.unwrap();

    shelves.0.denied.replace(Some("other"));
    let denied = ensure(&statements, &at_first, Some(&moved), &again()).await;
    assert!(matches!(denied, Err(Error::NotYet(not_yet)) if not_yet.is_denial()), "a fresh role may see it soon");
    ensure(&statements, &at_first, Some(&moved), &again().denied()).await.unwrap();
    shelves.0.denied.replace(None);
    ensure(&statements, &at_first, Some(&moved), &again()).await.unwrap();
    assert_eq!(shelves.0.policies.borrow()["other"], None);
}

#[tokio::test]
async fn a_statement_that_could_not_work_is_refused_before_any_call() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statement = json!({"Effect": "Allow", "Principle": {"AWS": "222222222222"}, "Action": "ecr:BatchGetImage"});
    let refusal = shelves.statements().ensure(&properties(&statement), None, &claim("Pull")).await.unwrap_err();
    let refusal = refusal.to_string();
    assert!(refusal.starts_with("ResourceProperties.Statement.Principle: "), "{refusal}");
}

#[tokio::test]
async fn a_policy_that_can_not_be_read_is_never_touched() {
    let shelves = Shelves::with(Some("[]"));
    let refusal = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await;
    assert!(refusal.unwrap_err().to_string().starts_with("the policy of shelf app can't be read: "));
    assert_eq!(shelves.policy().as_deref(), Some("[]"));
}
