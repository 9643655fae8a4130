//! An administrator cuts an account off, and lets it in again.

use std::time::Duration;

use custom_resource::{Claim, Error, FunctionArn, Owner, Resource};
use serde_json::{Value, json};

use crate::shelves::{APP, FOREIGN, PULL, Process, Shelves, claim, known, later, properties, pull, read, sid, sids};

const POLICY: &str = "shelf app";

/// Statements for one account and for another one.
async fn both() -> Shelves {
    let shelves = Shelves::with(Some(FOREIGN));
    for (logical_id, account) in [("Pull", "222222222222"), ("Push", "333333333333")] {
        shelves.statements().ensure(&properties(&pull(account)), None, &claim(logical_id)).await.unwrap();
    }
    shelves
}

async fn told(shelves: &Shelves, event: Value) -> Vec<Value> {
    let answer = shelves.statements().told(event).await.unwrap();
    answer["Claims"].as_array().unwrap().clone()
}

fn suspend() -> Value {
    json!({"RequestType": "Suspend", "AccountId": "222222222222"})
}

fn resume() -> Value {
    json!({"RequestType": "Resume", "AccountId": "222222222222"})
}

fn result(logical_id: &str, result: &str) -> Value {
    let claim = claim(logical_id);
    json!({
        "Policy": POLICY,
        "PhysicalId": format!("app#{}", claim.owner().mark()),
        "StackId": claim.owner().stack_id(),
        "LogicalId": logical_id,
        "Result": result,
    })
}

#[tokio::test(start_paused = true)]
async fn an_account_is_cut_off_and_let_in_again() {
    let shelves = both().await;
    for _ in 0..2 {
        assert_eq!(told(&shelves, suspend()).await, [result("Pull", "suspended")]);
        assert_eq!(sids(shelves.policy()), [String::new(), sid("Push")]);
    }
    assert_eq!(told(&shelves, resume()).await, [result("Pull", "resumed")]);
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Push"), sid("Pull")]);
    assert!(told(&shelves, resume()).await.is_empty(), "nothing is suspended");
    shelves.statements().ensure(&properties(&pull("444444444444")), None, &known("Pull")).await.unwrap();
    assert_eq!(shelves.0.writes.get(), 5, "two creates, out, in, and an update");
}

#[tokio::test(start_paused = true)]
async fn claims_are_suspended_by_their_ids() {
    let shelves = both().await;
    let ids = json!([format!("app#{}", claim("Push").owner().mark()), "app#0123456789", "elsewhere#0123456789", "odd"]);
    let results = told(&shelves, json!({"RequestType": "Suspend", "Ids": ids})).await;
    assert!(results.contains(&result("Push", "suspended")), "{results:?}");
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Pull")]);
    for id in ["app#0123456789", "elsewhere#0123456789", "odd"] {
        let none = json!({"PhysicalId": id, "Error": "the ledger has no claim with this id"});
        assert!(results.contains(&none), "{results:?}");
    }
    assert_eq!(results.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_claims_of_an_account_s_own_stacks_are_suspended_whomever_they_name() {
    let shelves = both().await;
    let function = "arn:aws:lambda:eu-west-1:111111111111:function:archipelago-shelf-statement:caller-555555555555";
    let stack = "arn:aws:cloudformation:eu-west-1:555555555555:stack/landing/1f0a";
    let of_caller = Claim::new(Owner::new(stack, "Theirs"), None)
        .in_invocation(|invocation| invocation.on(FunctionArn::read(function)));
    shelves.0.table.open("555555555555", APP, &PULL);
    shelves.statements().ensure(&properties(&pull("555555555555")), None, &of_caller).await.unwrap();
    // By the owner of the policy, for one of the account's roles.
    let role = properties(&pull("arn:aws:iam::555555555555:role/deploy"));
    shelves.statements().ensure(&role, None, &claim("Role")).await.unwrap();

    let results = told(&shelves, json!({"RequestType": "Suspend", "AccountId": "555555555555"})).await;
    let mut suspended: Vec<_> = results.iter().map(|result| result["LogicalId"].as_str().unwrap()).collect();
    suspended.sort_unstable();
    assert_eq!(suspended, ["Role", "Theirs"]);
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Pull"), sid("Push")]);
}

#[tokio::test(start_paused = true)]
async fn no_update_no_sweep_and_no_other_stack_lets_in_what_an_administrator_has_taken_out() {
    let shelves = both().await;
    let before = shelves.policy();
    told(&shelves, suspend()).await;
    let cut_off = shelves.policy();

    let elsewhere = read(json!({"ShelfName": "other", "Statement": pull("222222222222")})).unwrap();
    shelves.keep("other", None);
    for desired in [properties(&pull("444444444444")), elsewhere] {
        let refusal = shelves.statements().ensure(&desired, None, &known("Pull")).await.unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "an administrator has suspended this resource's statements in the policy of shelf app; Resume lets them in again"
        );
    }
    assert_eq!(shelves.0.policies.borrow()["other"], None);
    let repairing = |shelves: &Shelves| shelves.statements().with(|of| of.with_reconcile("Repair", ""));
    repairing(&shelves).told(json!({"RequestType": "Reconcile"})).await.unwrap();
    assert_eq!(shelves.policy(), cut_off);

    // Another stack's request finds the policy without them, and as it was before, written by somebody else long after.
    shelves.statements().ensure(&properties(&pull("666666666666")), None, &known("Push")).await.unwrap();
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Push")]);
    shelves.0.table.pass(Duration::from_hours(1));
    shelves.keep("app", before.as_deref());
    repairing(&shelves).told(json!({"RequestType": "Reconcile"})).await.unwrap();
    shelves.0.table.pass(Duration::from_mins(3));
    repairing(&shelves).told(json!({"RequestType": "Reconcile"})).await.unwrap();
    assert_eq!(
        sids(shelves.policy()),
        [String::new(), sid("Push")],
        "what is suspended and there is taken out by a sweep"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_suspended_and_cannot_be_taken_out_is_listed_as_there_and_counted() {
    // A policy that AWS doesn't keep without a statement, with ours alone.
    let shelves = Shelves::with(Some(r#"{"Version":"2012-10-17","Statement":[]}"#));
    let process = || shelves.never_empty().with(|of| of.with_reconcile("Report", ""));
    process().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await.unwrap();
    let answer = process().told(suspend()).await.unwrap();
    assert!(answer["Claims"][0]["Error"].as_str().unwrap().contains("would have no statement left"), "{answer}");
    let listed = process().told(json!({"RequestType": "List"})).await.unwrap();
    assert_eq!(listed["Claims"][0]["State"], "suspended, still there");
    let found = process().told(json!({"RequestType": "Reconcile"})).await.unwrap();
    assert_eq!((&found["Missing"], &found["Repaired"]), (&1.into(), &0.into()));
    // With a statement of somebody else beside it, it goes.
    let mut policy: Value = serde_json::from_str(&shelves.policy().unwrap()).unwrap();
    let another: Value = serde_json::from_str(FOREIGN).unwrap();
    policy["Statement"].as_array_mut().unwrap().push(another["Statement"][0].clone());
    shelves.keep("app", Some(&policy.to_string()));
    let found = process().told(json!({"RequestType": "Reconcile"})).await.unwrap();
    assert_eq!(found["Missing"], 0);
    let listed = process().told(json!({"RequestType": "List"})).await.unwrap();
    assert_eq!(listed["Claims"][0]["State"], "suspended");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_question_is_answered_with_those_that_there_are() {
    let shelves = both().await;
    for asked in ["list", "Lists", ""] {
        let refusal = shelves.statements().told(json!({"RequestType": asked})).await.unwrap_err();
        assert_eq!(refusal.to_string(), "RequestType: expected List, Suspend, Resume, Plan or Reconcile");
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspended_claim_is_deleted_like_any_other_and_its_next_one_is_not_suspended() {
    let shelves = both().await;
    told(&shelves, suspend()).await;
    shelves.statements().remove(None, &known("Pull")).await.unwrap();
    assert!(told(&shelves, resume()).await.is_empty());
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Push")]);
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await.unwrap();
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Push"), sid("Pull")]);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_was_marked_by_a_process_that_died_is_taken_out_by_whoever_looks_next() {
    for event in [suspend(), json!({"RequestType": "Reconcile"})] {
        let shelves = both().await;
        shelves.0.table.fail(|_, update| update.contains("SET #history") || update.contains("#until = :until"));
        let results = told(&shelves, suspend()).await;
        assert!(results[0]["Error"].is_string(), "{results:?}");
        assert_eq!(sids(shelves.policy()).len(), 3, "nobody could write");
        shelves.0.table.fail(|_, _| false);
        shelves.0.table.run_out(POLICY);
        told_any(&shelves, event).await;
        assert_eq!(sids(shelves.policy()), [String::new(), sid("Push")]);
    }
}

async fn told_any(shelves: &Shelves, event: Value) -> Value {
    shelves.statements().told(event).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_at_work_is_waited_for_and_what_it_wrote_is_taken_out() {
    let shelves = both().await;
    shelves.0.table.take(POLICY, "the stack's update", Duration::from_secs(15));
    let statements: Process<Shelves> = shelves.statements();
    let update = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(sids(shelves.policy()).len(), 3, "nobody writes beside it");
        let updated = shelves.policy().unwrap().replace("222222222222", "444444444444");
        shelves.keep("app", Some(&updated));
        shelves.0.table.run_out(POLICY);
    };
    let (answer, ()) = tokio::join!(statements.told(suspend()), update);
    assert_eq!(answer.unwrap()["Claims"], json!([result("Pull", "suspended")]));
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Push")]);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_taken_out_is_said_and_stops_no_other() {
    let shelves = Shelves::with(Some(FOREIGN));
    for (logical_id, named) in [("Pull", "Pull"), ("RootPull", "RootPull")] {
        let mut statement = pull("222222222222");
        statement["Sid"] = named.into();
        shelves.statements().ensure(&properties(&statement), None, &claim(logical_id)).await.unwrap();
    }
    let results = told(&shelves, suspend()).await;
    assert!(results.contains(&result("Pull", "suspended")), "{results:?}");
    let errors: Vec<_> = results.iter().filter_map(|result| result["Error"].as_str()).collect();
    assert_eq!(errors, ["it would lose its root"]);
    assert_eq!(sids(shelves.policy()), [String::new(), sid("RootPull")]);
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_together_is_taken_out_and_let_in_one_by_one() {
    let shelves = Shelves::with(Some(FOREIGN));
    for logical_id in ["A", "B"] {
        shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim(logical_id)).await.unwrap();
    }
    shelves.refuse("Malformed", "No.");
    let results = told(&shelves, suspend()).await;
    assert!(results.iter().all(|result| result["Result"] == "suspended"), "{results:?}");
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));

    // There is room for one of them.
    shelves.0.most.set(Some(350));
    let results = told(&shelves, resume()).await;
    assert_eq!(results.iter().filter(|result| result["Result"] == "resumed").count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| result["Error"].is_string()).count(), 1, "{results:?}");
    shelves.0.most.set(None);
    assert_eq!(told(&shelves, resume()).await.len(), 1, "the other one is suspended still");
    assert_eq!(sids(shelves.policy()).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_claim_with_an_external_id_is_marked_and_said_to_be_there_still() {
    let shelves = both().await;
    let has_external_id = || {
        shelves.0.table.change_claims(POLICY, |item| {
            item.insert("RoleArn".to_owned(), json!({"S": "arn:aws:iam::222222222222:role/writer"}));
            item.insert("HasExternalId".to_owned(), json!({"BOOL": true}));
        });
    };
    has_external_id();
    let results = told(&shelves, suspend()).await;
    assert!(results[0]["Error"].as_str().unwrap().contains("with an ExternalId, which the ledger doesn't keep"));
    shelves.statements().ensure(&properties(&pull("444444444444")), None, &known("Pull")).await.unwrap_err();
    has_external_id();
    let results = told(&shelves, resume()).await;
    assert!(results[0]["But"].as_str().unwrap().contains("ExternalId"), "{results:?}");
    shelves.statements().ensure(&properties(&pull("444444444444")), None, &known("Pull")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_made_anew_meanwhile_is_resumed_without_its_statements() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.identity.set(Some("made in March"));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await.unwrap();
    told(&shelves, suspend()).await;
    shelves.0.identity.set(Some("made in May"));
    let results = told(&shelves, resume()).await;
    assert_eq!(results[0]["But"], "the shelf app was made anew since; the stack's next request writes them");
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &known("Pull")).await.unwrap();
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Pull")]);
}

#[tokio::test(start_paused = true)]
async fn a_claim_never_takes_out_what_another_account_s_stack_cannot_have_put_there() {
    let shelves = both().await;
    // A stack of another account whose mark is that of the owner's statement.
    shelves.0.table.change_claims(POLICY, |item| drop(item.insert("Caller".to_owned(), json!({"S": "333333333333"}))));
    let results = told(&shelves, suspend()).await;
    assert!(results[0]["Error"].as_str().unwrap().contains("not for account 333333333333 alone"), "{results:?}");
    assert_eq!(sids(shelves.policy()).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn whose_claims_are_meant_has_to_be_said() {
    let shelves = both().await;
    for event in [
        json!({"RequestType": "Suspend"}),
        json!({"RequestType": "Resume", "AccountId": 222_222_222_222_u64}),
        json!({"RequestType": "Suspend", "AccountId": "2222"}),
        json!({"RequestType": "Suspend", "Ids": "app#0123456789"}),
        json!({"RequestType": "Suspend", "Ids": [], "AccountId": "222222222222"}),
    ] {
        let Err(Error::Refused(refusal)) = shelves.statements().told(event).await else { panic!("it was taken") };
        assert!(refusal.to_string().starts_with("give AccountId, 12 digits in a string, or Caller,"), "{refusal}");
    }
    assert_eq!(sids(shelves.policy()).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_denies_an_account_something_is_not_taken_out_for_it() {
    let shelves = Shelves::with(Some(FOREIGN));
    let mut deny = pull("222222222222");
    deny["Effect"] = "Deny".into();
    shelves.statements().ensure(&properties(&deny), None, &claim("Deny")).await.unwrap();
    let both = json!([deny, pull("222222222222")]);
    shelves.statements().ensure(&properties(&both), None, &claim("Both")).await.unwrap();
    let before = shelves.policy();
    let answers = told(&shelves, suspend()).await;
    assert_eq!((answers.len(), &answers[0]["LogicalId"]), (1, &json!("Both")), "{answers:?}");
    assert!(answers[0]["Error"].as_str().unwrap().contains("denies something"), "{answers:?}");
    assert_eq!(shelves.policy(), before);
}

#[tokio::test(start_paused = true)]
async fn a_read_from_before_a_removal_that_a_sweep_saw_brings_nothing_back() {
    let shelves = both().await;
    shelves.0.table.pass(Duration::from_hours(1));
    let before = shelves.policy();
    let removed = before.as_deref().unwrap().replace(&sid("Pull"), "Else");
    shelves.keep("app", Some(&removed));
    shelves.statements().told(json!({"RequestType": "Reconcile"})).await.unwrap();
    // A read that lags behind shows the policy from before.
    shelves.0.before.borrow_mut().insert("app".to_owned(), before);
    shelves.0.lag.set(1);
    let late = shelves.statements().ensure(&properties(&pull("444444444444")), None, &claim("Late")).await;
    assert!(matches!(late, Err(Error::NotYet(_))), "{late:?}");
    shelves.statements().ensure(&properties(&pull("444444444444")), None, &claim("Late")).await.unwrap();
    assert!(!sids(shelves.policy()).contains(&sid("Pull")));
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_an_update_of_what_is_suspended_succeeds_and_lets_nothing_in() {
    let shelves = both().await;
    told(&shelves, suspend()).await;
    let cut_off = shelves.policy();
    let (old, new) = (properties(&pull("222222222222")), properties(&pull("444444444444")));
    shelves.statements().ensure(&new, Some(&old), &known("Pull")).await.unwrap_err();
    let rollback = known("Pull");
    assert!(shelves.statements().ensure(&old, Some(&new), &rollback).await.unwrap().policy_size > 0);
    assert_eq!(rollback.id(), known("Pull").id());
    assert_eq!(shelves.policy(), cut_off);
    assert_eq!(told(&shelves, resume()).await, [result("Pull", "resumed")]);
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Push"), sid("Pull")]);
}

#[tokio::test(start_paused = true)]
async fn the_rollback_of_a_move_to_another_target_succeeds_where_both_are_suspended() {
    let shelves = both().await;
    shelves.keep("other", None);
    let (here, there) =
        (properties(&pull("222222222222")), json!({"ShelfName": "other", "Statement": pull("222222222222")}));
    let moved = known("Pull");
    shelves.statements().ensure(&read(there.clone()).unwrap(), Some(&here), &moved).await.unwrap();
    told(&shelves, suspend()).await;
    let back = later(&moved);
    shelves.statements().ensure(&here, Some(&read(there).unwrap()), &back).await.unwrap();
    assert_eq!(back.id(), known("Pull").id());
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Push")]);
    assert_eq!(shelves.0.policies.borrow()["other"], None);
}

#[tokio::test(start_paused = true)]
async fn a_read_from_before_somebody_else_s_change_lets_nothing_in_that_was_suspended_after_it() {
    let shelves = both().await;
    shelves.0.table.pass(Duration::from_mins(3));
    let before = shelves.policy();
    let responded = before.clone().unwrap().replace("ecr:DeleteRepository", "ecr:*");
    shelves.keep("app", Some(&responded));
    told(&shelves, suspend()).await;
    let cut_off = shelves.policy();
    // A read shows what was there before both.
    *shelves.0.before.borrow_mut() = [("app".to_owned(), before)].into();
    shelves.0.lag.set(1);
    shelves.statements().ensure(&properties(&pull("555555555555")), None, &claim("Next")).await.unwrap_err();
    assert_eq!(shelves.policy(), cut_off);
}

#[tokio::test(start_paused = true)]
async fn what_resume_lets_in_is_there_and_not_missing_any_more() {
    let shelves = both().await;
    shelves.0.table.pass(Duration::from_mins(3));
    let without = shelves.policy().unwrap().replace("222222222222", "999999999999").replace(&sid("Pull"), "Theirs");
    shelves.keep("app", Some(&without));
    shelves
        .statements()
        .with(|of| of.with_reconcile("Report", ""))
        .told(json!({"RequestType": "Reconcile"}))
        .await
        .unwrap();
    let is_missing = || shelves.0.table.claims(POLICY).iter().any(|claim| claim.contains_key("Missing"));
    assert!(is_missing());
    told(&shelves, suspend()).await;
    assert_eq!(told(&shelves, resume()).await, [result("Pull", "resumed")]);
    assert!(sids(shelves.policy()).contains(&sid("Pull")));
    assert!(!is_missing());
}
