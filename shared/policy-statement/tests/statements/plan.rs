//! Plans: what a policy is to be, and nothing done about it.

use custom_resource::{KNOWN_AFTER_APPLY, Owner, Resource, testing::planned};
use policy_statement::{PolicyStore, Statements};
use serde_json::{Value, json};

use crate::shelves::{FOREIGN, Shelves, claim, properties, pull};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:shelves";
const STACK: &str = "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a";

fn mark() -> String {
    Owner::new(STACK, "Pull").mark()
}

/// The properties of statements in the policy of shelf `app`.
fn app(statement: &Value) -> Value {
    json!({"ShelfName": "app", "Statement": statement})
}

fn create(properties: &Value) -> Value {
    json!({"RequestType": "Plan", "StackId": STACK, "LogicalResourceId": "Pull", "ResourceProperties": properties})
}

fn update(shelf: &str, properties: &Value) -> Value {
    let mut event = create(properties);
    event["PhysicalResourceId"] = format!("{shelf}#{}", mark()).into();
    event["OldResourceProperties"] = properties.clone();
    event
}

fn delete(shelf: &str, last: &Value) -> Value {
    let mut event = update(shelf, last);
    event["Remove"] = true.into();
    event
}

async fn answer<S: PolicyStore>(statements: &Statements<S>, event: &Value) -> Value {
    planned(statements, event, FUNCTION).await.unwrap()
}

/// The plan of an event for these shelves, which stay as they are.
async fn plan_of(shelves: &Shelves, event: &Value) -> Value {
    let before = shelves.0.policies.borrow().clone();
    shelves.0.reads.set(0);
    let plan = answer(&shelves.statements().statements, event).await;
    assert_eq!(*shelves.0.policies.borrow(), before);
    assert_eq!(shelves.0.writes.get(), 0);
    assert!(shelves.0.reads.get() <= 1, "one read is enough");
    assert!(shelves.0.table.is_empty(), "no lease");
    plan
}

fn foreign() -> Value {
    serde_json::from_str(FOREIGN).unwrap()
}

fn statements_of(document: &Value) -> &[Value] {
    document["Statement"].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[track_caller]
fn assert_refused(plan: &Value, words: &str) {
    assert!(plan["Refused"].as_str().is_some_and(|refused| refused.contains(words)), "{plan}");
}

#[tokio::test]
async fn a_plan_shows_the_policy_before_and_after_and_its_size() {
    let shelves = Shelves::with(Some(FOREIGN));
    let plan = plan_of(&shelves, &create(&app(&pull("222222222222")))).await;
    assert_eq!((&plan["Policy"], &plan["Before"]), (&json!("shelf app"), &foreign()));
    let mut after = foreign();
    let mut ours = pull("222222222222");
    ours["Sid"] = format!("Pull{}", mark()).into();
    after["Statement"].as_array_mut().unwrap().push(ours);
    assert_eq!(plan["After"], after);
    assert_eq!((&plan["Size"], &plan["SizeLimit"]), (&json!(after.to_string().len()), &json!(600)));
}

#[tokio::test]
async fn a_new_policy_has_nothing_before_it() {
    let plan = plan_of(&Shelves::with(None), &create(&app(&pull("222222222222")))).await;
    assert_eq!(plan["Before"], Value::Null);
    assert_eq!(statements_of(&plan["After"]).len(), 1);
}

#[tokio::test]
async fn what_is_there_in_other_words_stays_as_it_is() {
    let ours = json!({"Sid": format!("Pull{}", mark()), "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::222222222222:root"]}, "Action": "ecr:BatchGetImage"});
    let policy = json!({"Version": "2012-10-17", "Statement": [ours]});
    let shelves = Shelves::with(Some(&policy.to_string()));
    let wanted = json!({"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": ["ecr:BatchGetImage"]});
    let plan = plan_of(&shelves, &update("app", &app(&wanted))).await;
    assert_eq!((&plan["Before"], &plan["After"]), (&policy, &policy));
}

#[tokio::test]
async fn what_is_refused_before_a_call_is_refused_in_a_plan() {
    let statement = json!({"Effect": "Perhaps"});
    assert_refused(
        &plan_of(&Shelves::with(None), &create(&app(&statement))).await,
        "Statement.Effect: must be `Allow`",
    );
    let mut variable = pull("222222222222");
    variable["Condition"] = json!({"StringLike": {"aws:PrincipalTag/t": "${aws:username}"}});
    let plan = plan_of(&Shelves::with(Some(FOREIGN)), &create(&app(&variable))).await;
    assert_refused(&plan, "has a policy variable");
    let many: Vec<_> = (0..200).map(|n| format!("{:012}", 222_222_222_222_u64 + n)).collect();
    let plan = plan_of(
        &Shelves::with(None),
        &create(&app(&json!({"Effect": "Allow", "Principal": {"AWS": many}, "Action": "*"}))),
    )
    .await;
    assert_refused(&plan, "of 600 characters");
    let root = json!({"Version": "2012-10-17", "Statement": [{"Sid": format!("Root{}", mark()), "Effect": "Allow"}]});
    let shelves = Shelves::with(Some(&root.to_string()));
    assert_refused(&plan_of(&shelves, &update("app", &app(&pull("222222222222")))).await, "it would lose its root");
    assert_refused(&plan_of(&shelves, &delete("app", &app(&pull("222222222222")))).await, "it would lose its root");
    let unreadable = Shelves::with(Some("[]"));
    assert_refused(
        &plan_of(&unreadable, &create(&app(&pull("222222222222")))).await,
        "the policy of shelf app can't be read",
    );
}

#[tokio::test]
async fn a_target_that_is_not_there_may_be_made_by_the_same_stack() {
    let nowhere = json!({"ShelfName": "nowhere", "Statement": pull("222222222222")});
    let plan = plan_of(&Shelves::default(), &create(&nowhere)).await;
    let waits = plan["WaitsFor"].as_str().unwrap();
    assert!(waits.contains("the shelf nowhere must be there before a statement can go into its policy"), "{waits}");
}

#[tokio::test]
async fn a_policy_that_aws_may_find_too_large_is_shown_with_its_limit() {
    let many: Vec<_> = (0..60).map(|n| format!("{:012}", 222_222_222_222_u64 + n)).collect();
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": many}, "Action": "*"});
    let shelves = Shelves::default();
    shelves.keep("wide", None);
    let plan = plan_of(&shelves, &create(&json!({"ShelfName": "wide", "Statement": statement}))).await;
    assert!(plan["Size"].as_u64() > Some(600), "{plan}");
    assert_eq!(plan["SizeLimit"], 1200);
}

#[tokio::test]
async fn a_removal_shows_what_is_taken_out() {
    let mut policy = foreign();
    policy["Statement"].as_array_mut().unwrap().push(json!({"Sid": format!("Pull{}", mark()), "Effect": "Allow"}));
    let shelves = Shelves::with(Some(&policy.to_string()));
    let plan = plan_of(&shelves, &delete("app", &app(&pull("222222222222")))).await;
    assert_eq!((&plan["Before"], &plan["After"]), (&policy, &foreign()));
    let alone = json!({"Version": "2012-10-17", "Statement": [{"Sid": format!("Pull{}", mark()), "Effect": "Allow"}]});
    let shelves = Shelves::with(Some(&alone.to_string()));
    let event = delete("app", &app(&pull("222222222222")));
    let of_last = plan_of(&shelves, &event).await;
    assert_eq!((&of_last["Before"], &of_last["After"]), (&alone, &Value::Null));
    assert_refused(&answer(&shelves.never_empty().statements, &event).await, "would have no statement left");
    for nothing in [Shelves::with(Some(FOREIGN)), Shelves::with(None), Shelves::default()] {
        assert_eq!(plan_of(&nothing, &event).await, json!({"Changes": "none"}));
    }
}

#[tokio::test]
async fn statements_that_move_leave_another_policy() {
    let shelves = Shelves::with(None);
    let plan = plan_of(&shelves, &update("old", &app(&pull("222222222222")))).await;
    assert_eq!((&plan["Policy"], &plan["ThenLeaves"]), (&json!("shelf app"), &json!("shelf old")));
    let stays = plan_of(&Shelves::with(None), &update("app", &app(&pull("222222222222")))).await;
    assert_eq!(stays.get("ThenLeaves"), None);
}

#[tokio::test]
async fn what_is_not_known_yet_is_shown_and_nothing_is_refused_for_it() {
    let role = format!("arn:aws:iam::222222222222:role/{KNOWN_AFTER_APPLY}");
    for principal in [
        json!(KNOWN_AFTER_APPLY),
        json!({"AWS": KNOWN_AFTER_APPLY}),
        json!({"AWS": ["222222222222", role]}),
        json!({"Service": KNOWN_AFTER_APPLY}),
        json!({"Federated": KNOWN_AFTER_APPLY}),
    ] {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": KNOWN_AFTER_APPLY}}});
        let plan = plan_of(&Shelves::with(None), &create(&app(&statement))).await;
        let after = &statements_of(&plan["After"])[0];
        assert_eq!((&after["Principal"], &after["Condition"]), (&principal, &statement["Condition"]), "{plan}");
    }
    // What is wrong beside it is refused.
    let statement =
        json!({"Effect": "Allow", "Principal": {"AWS": [KNOWN_AFTER_APPLY, "22222"]}, "Action": "ecr:BatchGetImage"});
    assert_refused(&plan_of(&Shelves::with(None), &create(&app(&statement))).await, "Statement.Principal.AWS[1]: ");
    // Without its target or its actions there is no policy to be shown.
    let nowhere = json!({"ShelfName": KNOWN_AFTER_APPLY, "Statement": pull("222222222222")});
    let plan = plan_of(&Shelves::with(None), &create(&nowhere)).await;
    assert_eq!(plan, json!({"Unknown": ["ResourceProperties.ShelfName"]}));
    let mut acts = pull("222222222222");
    acts["Action"] = json!(KNOWN_AFTER_APPLY);
    let plan = plan_of(&Shelves::with(None), &create(&app(&acts))).await;
    assert_eq!(plan, json!({"Unknown": ["ResourceProperties.Statement.Action"]}));
}

#[tokio::test]
async fn a_plan_for_another_account_is_judged_as_its_request() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.table.open("222222222222", "arn:aws:shop:us-east-1:111111111111:shelf/app", &["ecr:BatchGetImage"]);
    let asked = async |principal: Value| {
        let statement = json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "ecr:BatchGetImage"});
        let mut event = create(&app(&statement));
        event["Qualifier"] = "caller-222222222222".into();
        answer(&shelves.statements().statements, &event).await
    };
    assert_eq!(asked(json!("222222222222")).await["Policy"], "shelf app");
    assert_eq!(asked(json!(KNOWN_AFTER_APPLY)).await["Policy"], "shelf app");
    let role = |account: &str| json!(format!("arn:aws:iam::{account}:role/{KNOWN_AFTER_APPLY}"));
    assert_eq!(asked(role("222222222222")).await["Policy"], "shelf app");
    assert_refused(&asked(role("333333333333")).await, "may only name itself");
    assert_eq!(shelves.0.writes.get(), 0);
    // A mark alone doesn't make a statement the caller's.
    let others = json!({"Version": "2012-10-17", "Statement": [{"Sid": format!("Pull{}", mark()), "Principal": "*"}]});
    shelves.keep("app", Some(&others.to_string()));
    assert_refused(&asked(json!("222222222222")).await, "are not for account 222222222222 alone");
}

#[tokio::test]
async fn a_plan_knows_what_aws_has_other_words_for() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.rewords.set(Some(|statement| statement["NotedBy"] = "the shelf".into()));
    let granted = pull("222222222222");
    shelves.statements().ensure(&properties(&granted), None, &claim("Pull")).await.unwrap();
    let plan = answer(&shelves.statements().statements, &update("app", &app(&granted))).await;
    assert_eq!(plan["Before"], plan["After"], "{plan}");
    let plan = answer(&shelves.statements().statements, &update("app", &app(&pull("333333333333")))).await;
    assert_ne!(plan["Before"], plan["After"], "{plan}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_that_a_claim_is_suspended() {
    let shelves = Shelves::with(Some(FOREIGN));
    let granted = pull("222222222222");
    shelves.statements().ensure(&properties(&granted), None, &claim("Pull")).await.unwrap();
    shelves.statements().told(json!({"RequestType": "Suspend", "AccountId": "222222222222"})).await.unwrap();
    let planned = async |event: Value| answer(&shelves.statements().statements, &event).await;
    shelves.keep("other", None);
    let elsewhere = json!({"ShelfName": "other", "Statement": granted});
    for properties in [app(&pull("333333333333")), elsewhere] {
        assert_refused(&planned(update("app", &properties)).await, "an administrator has suspended");
    }
    assert_eq!(planned(update("app", &app(&granted))).await["Changes"], "none");
}
