//! What becomes of statements that somebody else has taken out of a policy.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use custom_resource::{Claim, FunctionArn, Owner, Resource};
use serde_json::{Value, json};

use crate::shelves::{
    APP, FOREIGN, PULL, Process, ShelfClaim, Shelves, claim, known, properties, pull, read, sid, sids,
};

const POLICY: &str = "shelf app";
const OWN_ROLE: &str = "arn:aws:iam::111111111111:role/archipelago/statements/shelf";

fn doing(shelves: &Shelves, mode: &str) -> Process<Shelves> {
    shelves.statements().with(|of| of.with_reconcile(mode, OWN_ROLE))
}

async fn swept(shelves: &Shelves, mode: &str) -> Value {
    doing(shelves, mode).told(json!({"RequestType": "Reconcile"})).await.unwrap()
}

/// As `EventBridge` sends it.
fn logged(parameters: &Value, role: &str) -> Value {
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.shop",
        "account": "111111111111",
        "time": "2026-11-30T12:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole",
                "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role}},
            },
            "eventSource": "shop.amazonaws.com",
            "eventName": "SetShelfPolicy",
            "requestParameters": parameters,
        },
    })
}

async fn heard(shelves: &Shelves, mode: &str, parameters: Value) -> Value {
    doing(shelves, mode).told(logged(&parameters, "arn:aws:iam::111111111111:role/Admin")).await.unwrap()
}

/// Two claims, written long ago.
async fn two() -> Shelves {
    let shelves = Shelves::with(Some(FOREIGN));
    for logical_id in ["Pull", "Push"] {
        shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim(logical_id)).await.unwrap();
    }
    shelves.0.table.pass(Duration::from_hours(1));
    shelves
}

/// The foreign statement in new words: a document that was never there before is no stale read.
fn other_words() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("ecr:Delete{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A policy of somebody else.
fn another() -> String {
    FOREIGN.replace("ecr:DeleteRepository", &other_words())
}

/// Somebody else takes a claim's statements out, and changes something else.
fn take_out(shelves: &Shelves, logical_id: &str) {
    let mut policy: Value = serde_json::from_str(&shelves.policy().unwrap()).unwrap();
    policy["Statement"][0]["Action"] = other_words().into();
    let sid = sid(logical_id);
    policy["Statement"].as_array_mut().unwrap().retain(|statement| statement["Sid"] != sid.as_str());
    shelves.keep("app", Some(&policy.to_string()));
}

fn is_noted(shelves: &Shelves, logical_id: &str) -> bool {
    let claims = shelves.0.table.claims(POLICY);
    claims.iter().any(|claim| claim["LogicalId"]["S"] == logical_id && claim.contains_key("Missing"))
}

#[tokio::test(start_paused = true)]
async fn where_all_is_there_nothing_is_written_and_nobody_held_up() {
    let shelves = two().await;
    let (lease, writes) = (shelves.0.table.lease(POLICY), shelves.0.writes.get());
    let found = swept(&shelves, "Repair").await;
    assert_eq!(found, json!({"Policies": 1, "LookedAt": 1, "Missing": 0, "Repaired": 0, "Unread": 0}));
    assert_eq!((shelves.0.table.lease(POLICY), shelves.0.writes.get()), (lease, writes));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_taken_out_is_reported_and_comes_back_with_nobody_s_write() {
    let shelves = two().await;
    take_out(&shelves, "Pull");
    for _ in 0..2 {
        assert_eq!(swept(&shelves, "Report").await["Missing"], 1);
        assert!(is_noted(&shelves, "Pull") && !is_noted(&shelves, "Push"));
    }
    shelves.statements().ensure(&properties(&pull("333333333333")), None, &known("Push")).await.unwrap();
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Push")]);
    // Its own stack may.
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &known("Pull")).await.unwrap();
    assert_eq!(swept(&shelves, "Report").await["Missing"], 0);
    assert!(!is_noted(&shelves, "Pull"));
}

#[tokio::test(start_paused = true)]
async fn with_off_nobody_looks() {
    let shelves = two().await;
    take_out(&shelves, "Pull");
    let reads = shelves.0.reads.get();
    assert_eq!(swept(&shelves, "Off").await, json!({"Reconcile": "Off"}));
    assert_eq!(heard(&shelves, "Off", json!({"shelfName": "app"})).await, json!({"Reconcile": "Off"}));
    assert_eq!(shelves.0.reads.get(), reads);
}

#[tokio::test(start_paused = true)]
async fn repair_puts_back_what_was_written_and_nothing_else() {
    let shelves = two().await;
    // An update that failed wished for more.
    shelves.refuse("Malformed", "No.");
    shelves.statements().ensure(&properties(&pull("444444444444")), None, &known("Pull")).await.unwrap_err();
    let foreign = another();
    shelves.keep("app", Some(&foreign));
    let found = swept(&shelves, "Repair").await;
    assert_eq!((&found["Missing"], &found["Repaired"]), (&0.into(), &2.into()));
    assert!(shelves.policy().unwrap().starts_with(foreign.trim_end_matches("]}")), "what is foreign stays");
    let mut sids_now = sids(shelves.policy());
    sids_now.sort();
    assert_eq!(sids_now, [String::new(), sid("Pull"), sid("Push")]);
    assert!(!shelves.policy().unwrap().contains("444444444444"));
    assert_eq!(shelves.0.writes.get(), 4, "two creates, the refused update, and one for both");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_a_trail_logs_has_the_named_policy_looked_at_and_no_other() {
    let shelves = two().await;
    shelves.keep("other", Some(FOREIGN));
    let other = read(json!({"ShelfName": "other", "Statement": pull("222222222222")})).unwrap();
    shelves.statements().ensure(&other, None, &claim("Other")).await.unwrap();
    shelves.0.table.pass(Duration::from_hours(1));
    let gone = another();
    shelves.keep("other", Some(&gone));
    take_out(&shelves, "Pull");
    let found = heard(&shelves, "Repair", json!({"shelfName": "app", "policyText": "{}"})).await;
    assert_eq!(found, json!({"Policies": 1, "Missing": 0, "Repaired": 1, "Unread": 0}));
    assert_eq!(sids(shelves.policy()).len(), 3);
    assert_eq!(shelves.0.policies.borrow()["other"].as_deref(), Some(&*gone));

    let reads = shelves.0.reads.get();
    for parameters in [json!({"shelfName": "unknown"}), json!({"bucketName": "app"}), json!({}), Value::Null] {
        let found = heard(&shelves, "Repair", parameters).await;
        assert_eq!((&found["Missing"], &found["Repaired"]), (&0.into(), &0.into()));
    }
    let own = doing(&shelves, "Repair").told(logged(&json!({"shelfName": "app"}), OWN_ROLE)).await.unwrap();
    assert_eq!(own["Policies"], 0, "a change of the function's own is none of somebody else");
    assert_eq!(shelves.0.reads.get(), reads);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_was_made_anew_is_reported_and_not_repaired() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.identity.set(Some("made in March"));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await.unwrap();
    shelves.0.table.pass(Duration::from_hours(1));
    shelves.keep("app", None);
    for identity in [Some("made in May"), None] {
        shelves.0.identity.set(identity);
        let found = swept(&shelves, "Repair").await;
        assert_eq!((&found["Missing"], &found["Repaired"]), (&1.into(), &0.into()), "{identity:?}");
        assert_eq!(shelves.policy(), None);
    }
    shelves.0.identity.set(Some("made in March"));
    assert_eq!(swept(&shelves, "Repair").await["Repaired"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_of_another_table_is_reported_and_not_repaired_before_its_stack_s_next_request() {
    let shelves = two().await;
    shelves.0.table.change_claims(POLICY, |item| drop(item.insert("Table".to_owned(), json!({"S": "restored-from"}))));
    take_out(&shelves, "Pull");
    assert_eq!(swept(&shelves, "Repair").await["Missing"], 1);
    assert_eq!(sids(shelves.policy()).len(), 2);
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &again("Pull", 2)).await.unwrap();
    take_out(&shelves, "Pull");
    shelves.0.table.pass(Duration::from_hours(1));
    assert_eq!(swept(&shelves, "Repair").await["Repaired"], 1);
}

/// A later request for the claim.
fn again(logical_id: &str, made: u64) -> ShelfClaim {
    let order = custom_resource::RequestOrder::new(u64::MAX - 10 + made, false, "later");
    known(logical_id).in_invocation(|invocation| invocation.ordered(order))
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_may_not_have_any_more_is_not_put_back() {
    let function = "arn:aws:lambda:eu-west-1:111111111111:function:archipelago-shelf-statement:caller-222222222222";
    let stack = "arn:aws:cloudformation:eu-west-1:222222222222:stack/landing/1f0a";
    let shelves = Shelves::with(Some(FOREIGN));
    let theirs = Claim::new(Owner::new(stack, "Pull"), None)
        .in_invocation(|invocation| invocation.on(FunctionArn::read(function)));
    shelves.0.table.open("222222222222", APP, &PULL);
    doing(&shelves, "Repair").ensure(&properties(&pull("222222222222")), None, &theirs).await.unwrap();
    shelves.0.table.pass(Duration::from_hours(1));
    for (actions, repaired) in [(&PULL[..1], 0), (&PULL[..], 1)] {
        shelves.0.table.open("222222222222", APP, actions);
        shelves.keep("app", Some(&another()));
        let found = doing(&shelves, "Repair").told(json!({"RequestType": "Reconcile"})).await.unwrap();
        assert_eq!(found["Repaired"], repaired, "{actions:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_who_fight_over_a_policy_end_in_an_alarm_and_not_in_a_loop() {
    let shelves = two().await;
    let event = json!({"shelfName": "app"});
    for _ in 0..3 {
        take_out(&shelves, "Pull");
        assert_eq!(heard(&shelves, "Repair", event.clone()).await["Repaired"], 1);
        shelves.0.table.pass(Duration::from_mins(3));
    }
    take_out(&shelves, "Pull");
    for _ in 0..2 {
        let found = heard(&shelves, "Repair", event.clone()).await;
        assert_eq!((&found["Missing"], &found["Repaired"]), (&1.into(), &0.into()));
        shelves.0.table.pass(Duration::from_mins(10));
    }
    assert_eq!(swept(&shelves, "Repair").await["Repaired"], 1, "the next sweep tries again");
    shelves.0.table.pass(Duration::from_mins(3));
    take_out(&shelves, "Pull");
    assert_eq!(heard(&shelves, "Repair", event).await["Repaired"], 1, "and ends the fight");
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_does_not_stop_the_rest() {
    let shelves = two().await;
    shelves.0.table.copy_claim(POLICY, "unreadable");
    shelves.0.table.change_claims(POLICY, |item| {
        if item["StackId"]["S"] == "unreadable" {
            item.remove("Location");
        }
    });
    for (name, logical_id) in [("denied", "Denied"), ("gone", "Gone")] {
        shelves.keep(name, Some(FOREIGN));
        let desired = read(json!({"ShelfName": name, "Statement": pull("222222222222")})).unwrap();
        shelves.statements().ensure(&desired, None, &claim(logical_id)).await.unwrap();
    }
    shelves.0.denied.replace(Some("denied"));
    shelves.0.policies.borrow_mut().remove("gone");
    shelves.0.table.pass(Duration::from_hours(1));
    take_out(&shelves, "Pull");
    let found = swept(&shelves, "Repair").await;
    assert_eq!(found, json!({"Policies": 3, "LookedAt": 3, "Missing": 0, "Repaired": 1, "Unread": 2}));
    assert_eq!(sids(shelves.policy()).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_that_aws_refuses_keeps_no_other_out() {
    let shelves = two().await;
    shelves.keep("app", Some(&another()));
    shelves.0.most.set(Some(350));
    let found = swept(&shelves, "Repair").await;
    assert_eq!((&found["Missing"], &found["Repaired"]), (&1.into(), &1.into()));
    shelves.0.most.set(None);
    assert_eq!(swept(&shelves, "Repair").await["Repaired"], 1, "it is tried again");
    assert_eq!(sids(shelves.policy()).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_want_is_not_written_to_put_something_back() {
    let shelves = two().await;
    take_out(&shelves, "Pull");
    // Statements of the claim that nobody else can have put there.
    let copied =
        shelves.policy().unwrap().replace(r#""Sid":"""#, &format!(r#""Sid":"Root{}""#, claim("Pull").owner().mark()));
    shelves.keep("app", Some(&copied));
    assert_eq!(swept(&shelves, "Repair").await["Repaired"], 0);
    assert_eq!(shelves.policy(), Some(copied));
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_is_no_finding() {
    let shelves = two().await;
    shelves.statements().ensure(&properties(&pull("333333333333")), None, &claim("New")).await.unwrap();
    shelves.0.lag.set(2);
    let found = swept(&shelves, "Repair").await;
    assert_eq!((&found["Missing"], &found["Repaired"]), (&0.into(), &0.into()));
    assert!(!is_noted(&shelves, "New"));
    assert_eq!(sids(shelves.policy()).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_out_in_the_way_in_which_it_was_before_is_found_once_no_read_may_lag_behind() {
    let shelves = two().await;
    take_out(&shelves, "Pull");
    let without = shelves.policy();
    assert_eq!(heard(&shelves, "Repair", json!({"shelfName": "app"})).await["Repaired"], 1);
    shelves.keep("app", without.as_deref());
    let time = async {
        tokio::time::sleep(Duration::from_mins(1)).await;
        shelves.0.table.pass(Duration::from_secs(121));
    };
    let (found, ()) = tokio::join!(heard(&shelves, "Repair", json!({"shelfName": "app"})), time);
    assert_eq!(found["Repaired"], 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_written_a_moment_ago_and_is_not_shown_in_a_new_document_may_be_a_stale_read() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await.unwrap();
    shelves.keep("app", Some(&FOREIGN.replace("DeleteRepository", "PutImage")));
    assert_eq!(swept(&shelves, "Repair").await["Missing"], 0);
    assert!(!is_noted(&shelves, "Pull"));
    shelves.0.table.pass(Duration::from_mins(3));
    assert_eq!(swept(&shelves, "Report").await["Missing"], 1);
}

#[tokio::test(start_paused = true)]
async fn while_a_request_is_at_work_nothing_is_found() {
    let shelves = two().await;
    take_out(&shelves, "Pull");
    shelves.0.table.take(POLICY, "a request", Duration::from_mins(5));
    let found = swept(&shelves, "Repair").await;
    assert_eq!((&found["Missing"], &found["Repaired"], &found["Unread"]), (&0.into(), &0.into(), &1.into()));
    assert_eq!(sids(shelves.policy()).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_was_carried_out_by_a_process_that_died_is_confirmed() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.table.fail(|_, update| update.contains("#statements = #wish"));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await.unwrap();
    shelves.0.table.fail(|_, _| false);
    assert!(!shelves.0.table.claims(POLICY)[0].contains_key("Statements"));
    shelves.0.table.run_out(POLICY);
    swept(&shelves, "Report").await;
    let claim = &shelves.0.table.claims(POLICY)[0];
    assert!(claim.contains_key("Statements") && !claim.contains_key("Wish"), "{claim:?}");
    assert_eq!(shelves.0.writes.get(), 1);

    // And so is a removal, once no read of the policy before the first write can lag so far behind.
    shelves.0.table.pass(Duration::from_mins(3));
    shelves.0.table.fail(|_, update| update.contains("REMOVE #statements"));
    shelves.statements().remove(None, &known("Pull")).await.unwrap();
    shelves.0.table.fail(|_, _| false);
    shelves.0.table.run_out(POLICY);
    swept(&shelves, "Report").await;
    let claim = &shelves.0.table.claims(POLICY)[0];
    assert!(!claim.contains_key("Statements") && !claim.contains_key("Wish"), "{claim:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_there_again_is_not_missing_any_more() {
    let shelves = two().await;
    let there = shelves.policy();
    take_out(&shelves, "Pull");
    swept(&shelves, "Report").await;
    shelves.0.table.pass(Duration::from_hours(1));
    shelves.keep("app", there.as_deref());
    swept(&shelves, "Report").await;
    shelves.0.table.pass(Duration::from_mins(3));
    assert_eq!(swept(&shelves, "Report").await["Missing"], 0);
    assert!(!is_noted(&shelves, "Pull"));
}

/// The policy of a write without an answer that is given up, since the policy doesn't show it. Another claim is written after it.
async fn given_up(shelves: &Shelves) -> Option<String> {
    let before = shelves.policy();
    shelves.lose_answer();
    shelves.statements().ensure(&properties(&pull("333333333333")), None, &claim("Late")).await.unwrap_err();
    let late = shelves.policy();
    shelves.keep("app", before.as_deref());
    shelves.0.table.run_out(POLICY);
    shelves.0.table.pass(Duration::from_mins(3));
    shelves.statements().ensure(&properties(&pull("444444444444")), None, &claim("New")).await.unwrap();
    late
}

#[tokio::test(start_paused = true)]
async fn what_a_late_write_of_ours_has_lost_is_put_back_whatever_the_mode() {
    let shelves = two().await;
    let late = given_up(&shelves).await;
    shelves.0.table.pass(Duration::from_mins(3));
    shelves.keep("app", late.as_deref());
    swept(&shelves, "Report").await;
    shelves.0.table.pass(Duration::from_mins(3));
    assert_eq!(swept(&shelves, "Report").await["Missing"], 0);
    assert!(sids(shelves.policy()).contains(&sid("New")));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_can_not_read_the_ledger_says_so() {
    let shelves = two().await;
    shelves.0.table.fail_with(archipelago_tests::model::Fault::Denied);
    let error = doing(&shelves, "Report").told(json!({"RequestType": "Reconcile"})).await.unwrap_err();
    assert!(error.to_string().contains("a policy is only changed with the ledger"), "{error}");
}

/// An Update to account 333333333333 that was carried out and answered, and could not say so in the ledger, some minutes ago.
async fn updated_without_a_word() -> Shelves {
    let shelves = two().await;
    shelves.0.table.fail(|_, update| update.contains("#done = #latest"));
    let desired = properties(&pull("333333333333"));
    shelves.statements().ensure(&desired, None, &known("Pull")).await.unwrap();
    shelves.0.table.fail(|_, _| false);
    shelves.0.table.pass(Duration::from_mins(3));
    shelves
}

#[tokio::test(start_paused = true)]
async fn what_was_before_an_update_that_could_not_be_confirmed_is_not_put_back() {
    let shelves = updated_without_a_word().await;
    take_out(&shelves, "Pull");
    let found = swept(&shelves, "Repair").await;
    assert_eq!((&found["Missing"], &found["Repaired"]), (&1.into(), &0.into()));
    assert_eq!(sids(shelves.policy()), [String::new(), sid("Push")]);
}

#[tokio::test(start_paused = true)]
async fn an_update_that_could_not_be_confirmed_is_confirmed_with_the_next_write() {
    let shelves = updated_without_a_word().await;
    shelves.statements().ensure(&properties(&pull("444444444444")), None, &claim("Other")).await.unwrap();
    assert!(!shelves.0.table.claims(POLICY).iter().any(|claim| claim.contains_key("Wish")));
    take_out(&shelves, "Pull");
    shelves.0.table.pass(Duration::from_hours(1));
    assert_eq!(swept(&shelves, "Repair").await["Repaired"], 1);
    let policy = shelves.policy().unwrap();
    assert!(policy.contains("333333333333"), "{policy}");
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_stays_so_for_the_alarm_where_the_policy_can_not_be_looked_at() {
    let shelves = two().await;
    take_out(&shelves, "Pull");
    assert_eq!(swept(&shelves, "Report").await["Missing"], 1);
    shelves.0.denied.replace(Some("app"));
    let found = swept(&shelves, "Report").await;
    assert_eq!((&found["Missing"], &found["Unread"]), (&1.into(), &1.into()));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_changed_is_reported_and_repaired_like_what_is_missing() {
    let shelves = two().await;
    let wider = shelves
        .policy()
        .unwrap()
        .replacen("222222222222", "999999999999", 1)
        .replace("ecr:DeleteRepository", &other_words());
    shelves.keep("app", Some(&wider));
    let found = swept(&shelves, "Report").await;
    assert_eq!((&found["Missing"], &found["Repaired"]), (&1.into(), &0.into()));
    assert!(!is_noted(&shelves, "Pull") && !is_noted(&shelves, "Push"), "it is there");
    assert_eq!(swept(&shelves, "Repair").await["Repaired"], 1);
    let policy = shelves.policy().unwrap();
    assert!(!policy.contains("999999999999"), "{policy}");
    assert_eq!(swept(&shelves, "Repair").await["Missing"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_principal_that_was_deleted_is_no_change_of_somebody_else() {
    let shelves = two().await;
    let orphaned = shelves.policy().unwrap().replacen("222222222222", "AROAEXAMPLEDELETEDROLE", 1);
    shelves.keep("app", Some(&orphaned));
    let found = swept(&shelves, "Repair").await;
    assert_eq!((&found["Missing"], &found["Repaired"]), (&0.into(), &0.into()));
    assert_eq!(shelves.policy().as_deref(), Some(&*orphaned));
}

#[tokio::test(start_paused = true)]
async fn a_late_write_is_undone_without_the_statements_of_others_that_have_the_mark_of_a_caller_s_claim() {
    let shelves = two().await;
    let late = given_up(&shelves).await;
    // As if another account had looked for a name with the mark of Push, and was refused.
    let copy = shelves.0.table.claims(POLICY).into_iter().find(|claim| claim["LogicalId"]["S"] == "Push").unwrap();
    shelves.0.table.add_claim(POLICY, &format!("claim {}", "0".repeat(64)), |item| {
        item.extend(copy.into_iter().filter(|(name, _)| name != "Item" && name != "Statements"));
        item.insert("Caller".to_owned(), json!({"S": "888888888888"}));
    });
    shelves.keep("app", late.as_deref());
    for _ in 0..2 {
        shelves.0.table.pass(Duration::from_mins(3));
        swept(&shelves, "Report").await;
    }
    let there = sids(shelves.policy());
    assert!(there.contains(&sid("New")) && there.contains(&sid("Push")), "{there:?}");
}
