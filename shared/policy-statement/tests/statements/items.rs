//! Items of the ledger that can't be read, or not by this version.

use std::time::Duration;

use custom_resource::Error;
use serde_json::{Map, Value, json};

use crate::cabinet::{Cabinet, POLICY};
use crate::shelves::{FOREIGN, claim, pull};

const UNREADABLE: &str = "can't be read, so its policy is left as it is; the runbook says how to correct it";
const LATER: &str = "so the policy is left as it is; deploy the later version of the functions again";
const WITHOUT: &str = "the ledger has an item without a version, so the policy is left as it is";

type Change = fn(&mut Map<String, Value>);

/// What makes the item of a claim no good.
const OF_A_CLAIM: [(Change, &str); 3] = [
    (|item| drop(item.insert("Version".to_owned(), json!({"N": "2"}))), LATER),
    (|item| drop(item.remove("Version")), WITHOUT),
    (|item| drop(item.insert("Statements".to_owned(), json!({"L": [{"S": "no"}]}))), UNREADABLE),
];

#[expect(clippy::panic, reason = "a test fails so")]
async fn is_refused(cabinet: &Cabinet, name: &str, words: &str) {
    let (writes, policy) = (cabinet.writes(), cabinet.shelves.policy());
    let items = cabinet.shelves.0.table.claims(POLICY);
    let ended = cabinet.request(claim(name), Some(&pull("333333333333"))).asked().await;
    let Err(Error::Refused(reason)) = ended else { panic!("{words}: {ended:?}") };
    assert!(reason.sentence().contains(words), "{reason}");
    assert_eq!((cabinet.writes(), cabinet.shelves.policy()), (writes, policy));
    let version = |items: &[Map<String, Value>]| items[0].get("Version").cloned();
    assert_eq!(version(&cabinet.shelves.0.table.claims(POLICY)), version(&items), "a later version stays what it is");
}

#[tokio::test]
async fn what_its_own_item_says_is_never_guessed_lease_or_not() {
    for (change, words) in OF_A_CLAIM {
        for is_held in [false, true] {
            let cabinet = Cabinet::with(Some(FOREIGN));
            cabinet.request(claim("One"), Some(&pull("222222222222"))).asked().await.unwrap();
            cabinet.shelves.0.table.change_claims(POLICY, change);
            if is_held {
                cabinet.hold_lease();
            }
            is_refused(&cabinet, "One", words).await;
        }
    }
}

#[tokio::test]
async fn what_the_item_of_another_claim_says_is_never_guessed() {
    for (change, words) in OF_A_CLAIM {
        let cabinet = Cabinet::with(Some(FOREIGN));
        cabinet.hold_lease();
        cabinet.request(claim("Waits"), Some(&pull("222222222222"))).waits().await;
        cabinet.shelves.0.table.change_claims(POLICY, change);
        if words == UNREADABLE {
            cabinet
                .shelves
                .0
                .table
                .change_claims(POLICY, |item| drop(item.insert("Wish".to_owned(), json!({"S": "no"}))));
        }
        cabinet.free_lease();
        is_refused(&cabinet, "Next", words).await;
    }
}

#[tokio::test]
async fn what_the_lease_s_item_says_is_never_guessed() {
    let line: Change = |item| drop(item.insert("History".to_owned(), json!({"L": [{"S": "an unknown line"}]})));
    for (change, words) in [(line, UNREADABLE), (OF_A_CLAIM[0].0, LATER)] {
        let cabinet = Cabinet::with(Some(FOREIGN));
        cabinet.request(claim("One"), Some(&pull("222222222222"))).asked().await.unwrap();
        cabinet.shelves.0.table.change(POLICY, change);
        is_refused(&cabinet, "Next", words.split_at(12).1).await;
    }
}

#[tokio::test]
async fn the_item_of_a_claim_is_kept_while_it_has_statements_and_for_a_day_after_its_last_request() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    let expires = || cabinet.shelves.0.table.claims(POLICY)[0]["Expires"].clone();
    let in_a_day = || {
        let time = expires()["N"].as_str().map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
        time.is_some_and(|time| time > cabinet.shelves.0.table.clock()() + Duration::from_hours(23))
    };
    let created = cabinet.request(claim("Pull"), Some(&pull("222222222222")));
    created.asked().await.unwrap();
    assert!(expires()["N"].is_null(), "a text is no time");
    cabinet.request(created.known(), None).asked().await.unwrap();
    assert!(in_a_day());
    cabinet.pass(Duration::from_hours(25));
    // The claim comes back, its request is at work, and fails.
    cabinet.hold_lease();
    let failed = cabinet.request(claim("Pull"), Some(&pull("222222222222")));
    failed.waits().await;
    assert!(expires()["N"].is_null(), "what is written may never be confirmed");
    failed.fails().await;
    assert!(in_a_day());
}
