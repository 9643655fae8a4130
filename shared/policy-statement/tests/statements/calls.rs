//! How many calls a request makes, and what they write.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use custom_resource::Resource;
use serde_json::json;

use crate::cabinet::{Cabinet, Call, Fate, POLICY};
use crate::shelves::{FOREIGN, claim, pull};

/// The write units of a Create with a statement of 4 KB.
const UNITS: usize = 16;

/// Notes each call to the ledger and to the service.
fn noted(cabinet: &Cabinet) -> Arc<Mutex<Vec<&'static str>>> {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let (of_ledger, of_service) = (Arc::clone(&calls), Arc::clone(&calls));
    cabinet.shelves.0.table.watch(move |operation, request| {
        let update = request["UpdateExpression"].as_str().unwrap_or_default();
        of_ledger.lock().unwrap().push(match operation {
            "UpdateItem" if update.contains("#wish = :wish") => "wish",
            "UpdateItem" if update.contains("#holder = :holder, #until") => "lease",
            "UpdateItem" if update.contains("#released") => "release",
            "UpdateItem" if update.starts_with("SET #history") => "note",
            "UpdateItem" => "confirm",
            "TransactWriteItems" => "transaction",
            "Query" => "query",
            _ => "look",
        });
        None
    });
    cabinet.fate(move |call| {
        of_service.lock().unwrap().push(if matches!(call, Call::Read) { "read" } else { "put" });
        Fate::Passes
    });
    calls
}

#[tokio::test]
async fn a_create_waits_for_four_calls_and_its_answer() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    // The policy has a history already.
    cabinet.request(claim("Before"), Some(&pull("222222222222"))).asked().await.unwrap();
    cabinet.pass(Duration::from_secs(5));
    let calls = noted(&cabinet);
    let create = cabinet.request(claim("Pull"), Some(&pull("333333333333")));
    create.process.ensure(create.desired.as_ref().unwrap(), None, &create.claim).await.unwrap();
    let until_the_answer = calls.lock().unwrap().len();
    create.process.settle().await;
    let calls = calls.lock().unwrap();
    // Those of the first step are made at once.
    let (begin, rest) = calls.split_at(3);
    let mut begin = begin.to_vec();
    begin.sort_unstable();
    assert_eq!(begin, ["lease", "read", "wish"]);
    assert_eq!(rest[..until_the_answer - 3], ["note", "put", "read"]);
    let mut settle = rest[until_the_answer - 3..].to_vec();
    settle.sort_unstable();
    assert_eq!(settle, ["confirm", "release"], "while the answer is on its way");
}

#[tokio::test]
async fn a_group_of_twenty_makes_few_calls() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    cabinet.request(claim("Before"), Some(&pull("222222222222"))).asked().await.unwrap();
    cabinet.hold_lease();
    let calls = noted(&cabinet);
    let mut requests = Vec::new();
    for number in 1..=20 {
        let account = format!("{:012}", 222_222_222_222_u64 + number);
        let request = cabinet.request(claim(&format!("Of{number}")), Some(&pull(&account)));
        request.waits().await;
        requests.push(request);
    }
    assert_eq!(calls.lock().unwrap().len(), 3 * 20, "each leaves its wish, asks for the lease and reads");
    cabinet.free_lease();
    calls.lock().unwrap().clear();
    requests[0].asked().await.unwrap();
    let expected = ["look", "lease", "read", "query", "transaction", "put", "read", "transaction"];
    assert_eq!(*calls.lock().unwrap(), expected);
    calls.lock().unwrap().clear();
    for request in &requests[1..] {
        request.asked().await.unwrap();
    }
    assert_eq!(*calls.lock().unwrap(), ["look"; 19]);
    assert_eq!(cabinet.writes(), 2);
}

#[tokio::test]
async fn who_waits_looks_and_asks_for_the_lease_once_nobody_holds_it() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    cabinet.request(claim("Before"), Some(&pull("222222222222"))).asked().await.unwrap();
    cabinet.hold_lease();
    let create = cabinet.request(claim("Pull"), Some(&pull("333333333333")));
    create.waits().await;
    let calls = noted(&cabinet);
    let units = cabinet.shelves.0.table.write_units();
    for _ in 0..3 {
        create.waits().await;
    }
    assert_eq!(*calls.lock().unwrap(), ["look"; 3]);
    assert_eq!(
        cabinet.shelves.0.table.write_units(),
        units,
        "a lease that is refused costs as much as one that is taken"
    );
    // Its holder has died.
    cabinet.shelves.0.table.run_out(POLICY);
    create.asked().await.unwrap();
    assert_eq!(calls.lock().unwrap()[3..5], ["look", "lease"]);
}

#[tokio::test]
async fn an_item_that_dynamodb_leaves_unread_is_looked_for_again() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    cabinet.hold_lease();
    let create = cabinet.request(claim("Pull"), Some(&pull("333333333333")));
    create.waits().await;
    cabinet.free_lease();
    cabinet.shelves.0.table.read_at_most(1);
    assert_eq!(create.waits().await, "DynamoDB has read a part of the ledger's items only");
    cabinet.shelves.0.table.read_at_most(1024 * 1024);
    create.asked().await.unwrap();
    assert_eq!(cabinet.writes(), 1);
}

/// The write units of a Create whose statement has 4 KB.
async fn units_of_one_more(cabinet: &Cabinet, name: &str) -> usize {
    let mut statement = pull("333333333333");
    statement["Condition"] = json!({"StringEquals": {"aws:PrincipalTag/team": "x".repeat(3_800)}});
    let before = cabinet.shelves.0.table.write_units();
    cabinet.request(claim(name), Some(&statement)).asked().await.unwrap();
    cabinet.shelves.0.table.write_units() - before
}

#[tokio::test]
async fn one_more_claim_writes_as_much_among_300_as_among_none() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    // As many writes as are remembered once no read lags behind any more.
    for number in 0..30 {
        cabinet.request(claim(&format!("Small{number}")), Some(&pull("222222222222"))).asked().await.unwrap();
        cabinet.pass(Duration::from_mins(3));
    }
    let alone = units_of_one_more(&cabinet, "First").await;
    let large = cabinet.shelves.0.table.claims(POLICY).into_iter().find(|item| item["LogicalId"]["S"] == "First");
    for number in 0..300 {
        cabinet.shelves.0.table.add_claim(POLICY, &format!("claim {number:064}"), |item| {
            let rest = large.clone().unwrap().into_iter().filter(|(name, _)| name != "Item");
            item.extend(rest.chain([("LogicalId".to_owned(), json!({"S": format!("Of{number}")}))]));
        });
    }
    cabinet.pass(Duration::from_mins(3));
    let among_many = units_of_one_more(&cabinet, "Other").await;
    assert_eq!((alone, among_many), (UNITS, UNITS));
}

#[tokio::test]
async fn the_history_of_a_policy_is_bounded() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    let mut first = 0;
    for number in 0..60 {
        let account = format!("{:012}", 222_222_222_222_u64 + number);
        cabinet.request(claim("One"), Some(&pull(&account))).ends().await;
        cabinet.pass(Duration::from_mins(3));
        let lines = cabinet.shelves.0.table.lease(POLICY).unwrap()["History"]["L"].as_array().unwrap().len();
        assert!(lines <= 26, "{lines}");
        first = first.max(lines);
    }
    assert!(first >= 24);
}
