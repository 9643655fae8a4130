//! What an administrator is told of all claims.

use std::time::Duration;

use custom_resource::Resource;
use serde_json::{Value, json};

use crate::shelves::{FOREIGN, Shelves, claim, properties, pull, read, sids};

const POLICY: &str = "shelf app";

async fn listed(shelves: &Shelves) -> Vec<Value> {
    let answer = shelves.statements().told(json!({"RequestType": "List"})).await.unwrap();
    answer["Claims"].as_array().unwrap().clone()
}

/// The states by the logical ids.
async fn states(shelves: &Shelves) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut states: Vec<_> =
        listed(shelves).await.iter().map(|claim| (text(&claim["LogicalId"]), text(&claim["State"]))).collect();
    states.sort();
    states
}

async fn with(logical_ids: &[&str]) -> Shelves {
    let shelves = Shelves::with(Some(FOREIGN));
    for logical_id in logical_ids {
        shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim(logical_id)).await.unwrap();
    }
    shelves
}

fn state(logical_id: &str, state: &str) -> (String, String) {
    (logical_id.to_owned(), state.to_owned())
}

#[tokio::test]
async fn a_claim_is_listed_with_its_owner_and_its_statements() {
    let shelves = with(&["Pull"]).await;
    let claim = claim("Pull");
    let mark = claim.owner().mark();
    let mut statement = json!({"Sid": format!("Pull{mark}")});
    statement.as_object_mut().unwrap().extend(pull("222222222222").as_object().unwrap().clone());
    let expected = json!({
        "Policy": POLICY,
        "PhysicalId": format!("app#{mark}"),
        "StackId": claim.owner().stack_id(),
        "LogicalId": "Pull",
        "State": "there",
        "Statements": [statement],
    });
    assert_eq!(listed(&shelves).await, [expected]);
}

#[tokio::test]
async fn the_state_says_what_is_there_of_a_claim() {
    let shelves = with(&["Changed", "Gone", "There"]).await;
    let mut policy: Value = serde_json::from_str(&shelves.policy().unwrap()).unwrap();
    let statements = policy["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| !statement["Sid"].as_str().unwrap().starts_with("Gone"));
    statements[1]["Effect"] = "Deny".into();
    statements.push(json!({"Sid": "Someones0123456789", "Effect": "Deny", "Principal": "*", "Action": "ecr:*"}));
    shelves.keep("app", Some(&policy.to_string()));
    let expected =
        [state("", "unknown"), state("Changed", "changed"), state("Gone", "missing"), state("There", "there")];
    assert_eq!(states(&shelves).await, expected);
}

#[tokio::test]
async fn what_aws_shows_in_other_words_is_there() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.rewords.set(Some(|statement| statement["Added"] = "by AWS".into()));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await.unwrap();
    assert_eq!(states(&shelves).await, [state("Pull", "there")]);
    shelves.0.rewords.set(Some(|statement| statement["Added"] = "by somebody".into()));
    assert_eq!(states(&shelves).await, [state("Pull", "changed")]);
}

#[tokio::test]
async fn a_wish_that_nobody_has_confirmed_waits() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.table.take(POLICY, "somebody else", Duration::from_mins(5));
    shelves.0.table.change(POLICY, |item| drop(item.insert("Type".to_owned(), json!({"S": "Custom::ShelfStatement"}))));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await.unwrap_err();
    assert_eq!(states(&shelves).await, [state("Pull", "waiting")]);
}

#[tokio::test]
async fn a_claim_without_statements_is_not_listed() {
    let shelves = with(&["Pull"]).await;
    shelves.statements().remove(None, &claim_with_id("Pull")).await.unwrap();
    assert!(listed(&shelves).await.is_empty());
}

fn claim_with_id(logical_id: &str) -> crate::shelves::ShelfClaim {
    let owner = claim(logical_id).owner().clone();
    let id = format!("app#{}", owner.mark());
    custom_resource::Claim::new(owner, Some(&id))
}

#[tokio::test]
async fn a_claim_for_somebody_who_was_deleted_is_orphaned_and_one_on_another_target_of_that_name_remade() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.identity.set(Some("made in March"));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await.unwrap();
    let [claim] = &listed(&shelves).await[..] else { panic!("another number") };
    assert_eq!((claim.get("Orphaned"), claim.get("Remade")), (None, None));

    shelves.keep("app", Some(&shelves.policy().unwrap().replace("222222222222", "AROAEXAMPLEROLEDELETD")));
    shelves.0.identity.set(Some("made in May"));
    let [claim] = &listed(&shelves).await[..] else { panic!("another number") };
    assert_eq!(
        (&claim["State"], &claim["Orphaned"], &claim["Remade"]),
        (&"changed".into(), &true.into(), &true.into())
    );

    shelves.0.identity.set(None);
    assert_eq!(listed(&shelves).await[0].get("Remade"), None, "what can't be asked isn't known");
}

#[tokio::test]
async fn what_can_not_be_read_is_listed_with_the_reason_and_does_not_stop_the_rest() {
    let shelves = with(&["Pull"]).await;
    for (name, logical_id) in [("denied", "Denied"), ("gone", "Gone"), ("odd", "Odd")] {
        shelves.keep(name, Some(FOREIGN));
        let desired = read(json!({"ShelfName": name, "Statement": pull("222222222222")})).unwrap();
        shelves.statements().ensure(&desired, None, &claim(logical_id)).await.unwrap();
    }
    shelves.0.denied.replace(Some("denied"));
    shelves.0.policies.borrow_mut().remove("gone");
    shelves.0.table.change_claims("shelf odd", |item| drop(item.remove("StackId")));
    let claims = listed(&shelves).await;
    let error = |policy: &str| {
        let of_policy = claims.iter().find(|claim| claim["Policy"] == policy && claim["Error"].is_string());
        of_policy.map(|claim| claim["Error"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert!(
        error("shelf denied").contains("Not you; list the shelf in the parameter ShelfArns"),
        "{}",
        error("shelf denied")
    );
    assert!(error("shelf gone").contains("No such shelf"), "{}", error("shelf gone"));
    assert!(error("shelf odd").contains("can't be read"), "{}", error("shelf odd"));
    assert!(claims.iter().any(|claim| claim["LogicalId"] == "Pull" && claim["State"] == "there"), "{claims:?}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_takes_too_long_goes_on_where_it_stopped() {
    let shelves = Shelves::default();
    for index in 0..10 {
        let name = format!("shelf-{index}");
        shelves.keep(&name, Some(FOREIGN));
        let desired = read(json!({"ShelfName": name, "Statement": pull("222222222222")})).unwrap();
        shelves.statements().ensure(&desired, None, &claim(&format!("Pull{index}"))).await.unwrap();
    }
    shelves.0.takes.set(Duration::from_secs(26));
    let first = shelves.statements().told(json!({"RequestType": "List"})).await.unwrap();
    assert_eq!((first["Claims"].as_array().unwrap().len(), &first["Next"]), (8, &"shelf shelf-7".into()));
    let rest = shelves.statements().told(json!({"RequestType": "List", "Next": first["Next"]})).await.unwrap();
    assert_eq!((rest["Claims"].as_array().unwrap().len(), rest.get("Next")), (2, None));

    let refusal = shelves.statements().told(json!({"RequestType": "List", "Next": 7})).await.unwrap_err();
    assert_eq!(refusal.to_string(), "Next is what the answer before had as Next");
}

#[tokio::test]
async fn an_answer_has_no_more_than_lambda_returns() {
    let shelves = Shelves::default();
    for name in ["a", "b", "c"] {
        shelves.keep(name, Some(FOREIGN));
        let desired = read(json!({"ShelfName": name, "Statement": pull("222222222222")})).unwrap();
        shelves.statements().ensure(&desired, None, &claim(name)).await.unwrap();
        // Five claims of 390 kilobytes.
        let long = format!(r#"{{"Sid":"X","Condition":"{}"}}"#, "x".repeat(390_000));
        shelves.0.table.change_claims(&format!("shelf {name}"), |item| {
            item.insert("Statements".to_owned(), json!({"L": [{ "S": long }]}));
        });
        for index in 0..4 {
            shelves.0.table.copy_claim(&format!("shelf {name}"), &index.to_string());
        }
    }
    let first = shelves.statements().told(json!({"RequestType": "List"})).await.unwrap();
    assert_eq!(first["Next"], "shelf b", "the third would be too much");
    assert!(first.to_string().len() < 6 * 1024 * 1024);
}

#[tokio::test]
async fn a_lost_table_takes_no_statement_with_it_and_each_stack_takes_its_own_up_again() {
    let shelves = with(&["Pull", "Push"]).await;
    let before = shelves.policy();
    shelves.0.table.lose();
    assert!(listed(&shelves).await.is_empty(), "nothing is known of the policy at all");

    let writes = shelves.0.writes.get();
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim_with_id("Pull")).await.unwrap();
    assert_eq!((shelves.policy(), shelves.0.writes.get()), (before, writes), "it is taken up without a write");
    assert_eq!(states(&shelves).await, [state("", "unknown"), state("Pull", "there")]);

    shelves.statements().remove(None, &claim_with_id("Push")).await.unwrap();
    assert_eq!(sids(shelves.policy()), [String::new(), format!("Pull{}", claim("Pull").owner().mark())]);
    assert_eq!(states(&shelves).await, [state("Pull", "there")]);
}
