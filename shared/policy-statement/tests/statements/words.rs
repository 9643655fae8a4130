//! AWS shows statements in words that nobody here knows.

use std::time::Duration;

use custom_resource::{Error, Resource};
use serde_json::{Value, json};

use crate::cabinet::Cabinet;
use crate::shelves::{FOREIGN, Shelves, claim, later, properties, pull, read, sids};

const POLICY: &str = "shelf app";

/// Changes the words of a statement.
type Rewording = fn(&mut Value);

/// What AWS might do to a statement.
const WAYS: [(&str, Rewording); 6] = [
    ("leaves the Condition out", |statement| drop(statement.as_object_mut().unwrap().remove("Condition"))),
    ("drops an action", |statement| {
        if let Some(actions) = statement["Action"].as_array_mut() {
            actions.truncate(1);
        }
    }),
    ("renames an element", |statement| {
        if let Some(action) = statement.as_object_mut().unwrap().remove("Action") {
            statement["Actions"] = action;
        }
    }),
    ("adds an element", |statement| statement["Added"] = "by AWS".into()),
    ("writes ARNs in another case", |statement| {
        statement["Principal"] = serde_json::from_str(&statement["Principal"].to_string().to_uppercase()).unwrap();
    }),
    ("names the principal in another way", |statement| {
        if statement["Effect"] == "Allow" {
            statement["Principal"] = json!({"CanonicalUser": "79a5"});
        }
    }),
];

fn way(what: &str) -> Rewording {
    WAYS.into_iter().find(|(name, _)| *name == what).unwrap().1
}

/// A statement that each of these ways rewords.
fn granted(account: &str) -> Value {
    let mut statement = pull(account);
    statement["Principal"] = json!({"AWS": format!("arn:aws:iam::{account}:role/deploy")});
    statement["Condition"] = json!({"Bool": {"aws:SecureTransport": "true"}});
    statement
}

fn worded(way: Rewording) -> Shelves {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.rewords.set(Some(way));
    shelves
}

#[tokio::test]
async fn what_was_written_is_written_once_in_whatever_words_it_is_shown() {
    for (what, way) in WAYS {
        let shelves = worded(way);
        let desired = properties(&granted("222222222222"));
        let created = claim("Pull");
        shelves.statements().ensure(&desired, None, &created).await.expect(what);
        // CloudFormation asks again, and an update changes nothing: from another process, which knows what the lease says.
        for claim in [claim("Pull"), later(&created)] {
            shelves.statements().ensure(&desired, Some(&desired), &claim).await.expect(what);
        }
        assert_eq!(shelves.0.writes.get(), 1, "{what}");

        let changed = properties(&granted("333333333333"));
        for (desired, previous, changes) in [(&changed, &desired, 1), (&changed, &desired, 0), (&desired, &changed, 1)]
        {
            let before = shelves.0.writes.get();
            let (mut writes, update) = (changes, later(&created));
            let updated = shelves.statements().ensure(desired, Some(previous), &update).await;
            if let Err(wait) = updated {
                // Both look the same, so that it can't be known which one is there before no read lags behind.
                assert_eq!(what, "names the principal in another way");
                let shown = wait.to_string();
                assert!(shown.contains("doesn't show yet") || shown.contains("as it was before"), "{shown}");
                shelves.0.table.pass(Duration::from_mins(2));
                // Somebody else may have put it back, so it is written once more.
                shelves.statements().ensure(desired, Some(previous), &update).await.unwrap_err();
                writes += 1;
                shelves.0.table.pass(Duration::from_mins(2));
                shelves.statements().ensure(desired, Some(previous), &update).await.expect(what);
            }
            assert_eq!(shelves.0.writes.get(), before + writes, "{what}");
        }
        shelves.statements().remove(Some(&desired), &later(&created)).await.expect(what);
        assert_eq!(sids(shelves.policy()), [""], "{what}");
    }
}

#[tokio::test]
async fn statements_in_other_words_hold_nobody_else_up() {
    for (what, way) in WAYS {
        let shelves = worded(way);
        let (one, other) = (claim("One"), claim("Other"));
        let desired = properties(&granted("222222222222"));
        shelves.statements().ensure(&desired, None, &one).await.expect(what);
        shelves.statements().ensure(&properties(&granted("333333333333")), None, &other).await.expect(what);
        shelves.statements().ensure(&desired, Some(&desired), &later(&one)).await.expect(what);
        assert_eq!(shelves.0.writes.get(), 2, "{what}");
        shelves.statements().remove(None, &later(&one)).await.expect(what);
        shelves.statements().remove(None, &later(&other)).await.expect(what);
        assert_eq!(sids(shelves.policy()), [""], "{what}");
    }
}

#[tokio::test]
async fn what_is_written_for_others_is_written_once_in_whatever_words_it_is_shown() {
    for (what, way) in WAYS {
        let cabinet = Cabinet::with(Some(FOREIGN));
        cabinet.shelves.0.rewords.set(Some(way));
        cabinet.hold_lease();
        let requests = ["One", "Two", "Three"].map(|name| cabinet.request(claim(name), Some(&granted("222222222222"))));
        for request in &requests {
            request.waits().await;
        }
        cabinet.free_lease();
        for request in &requests {
            request.asked().await.expect(what);
        }
        // Another process, which knows what the ledger says; and one who has nothing to do with it.
        for name in ["One", "Two", "Three", "Bystander"] {
            cabinet.pass(Duration::from_secs(5));
            cabinet.request(claim(name), Some(&granted("222222222222"))).asked().await.expect(what);
        }
        assert_eq!(cabinet.writes(), 2, "{what}");
    }
}

#[tokio::test]
async fn words_that_were_forgotten_cost_two_writes_and_two_waits() {
    for (what, way) in WAYS {
        let shelves = worded(way);
        let (pull, other) = (claim("Pull"), claim("Other"));
        let desired = properties(&granted("222222222222"));
        shelves.statements().ensure(&desired, None, &pull).await.expect(what);
        shelves.0.table.pass(Duration::from_mins(3));
        shelves.0.table.change_claims(POLICY, |item| {
            item.remove("Wordings");
        });
        // It may be somebody else's change. What is shown after the write may be what was there before, and for everybody.
        let again = later(&pull);
        for claim in [&again, &again, &other] {
            let waits = shelves.statements().ensure(&desired, Some(&desired), claim).await;
            assert!(matches!(waits, Err(Error::NotYet(_))), "{what}: {waits:?}");
        }
        assert_eq!(shelves.0.writes.get(), 2, "{what}");
        shelves.0.table.pass(Duration::from_mins(2));
        shelves.statements().ensure(&properties(&granted("333333333333")), None, &later(&other)).await.expect(what);
        // Somebody may have put back what was there before the first write.
        shelves.statements().ensure(&desired, Some(&desired), &again).await.unwrap_err();
        assert_eq!(shelves.0.writes.get(), 4, "{what}");
        shelves.0.table.pass(Duration::from_mins(2));
        for claim in [&again, &later(&pull)] {
            shelves.statements().ensure(&desired, Some(&desired), claim).await.expect(what);
        }
        assert_eq!(shelves.0.writes.get(), 4, "{what}");
    }
}

#[tokio::test]
async fn what_somebody_else_made_of_a_statement_is_not_taken_for_words_of_aws() {
    let shelves = worded(way("adds an element"));
    let desired = properties(&granted("222222222222"));
    let claim = claim("Pull");
    shelves.statements().ensure(&desired, None, &claim).await.unwrap();
    let wider = shelves.policy().unwrap().replace("222222222222", "999999999999");
    shelves.keep("app", Some(&wider));
    shelves.statements().ensure(&desired, Some(&desired), &later(&claim)).await.unwrap();
    assert!(!shelves.policy().unwrap().contains("999999999999"));
    assert_eq!(shelves.0.writes.get(), 2);
}

#[tokio::test]
async fn an_update_that_is_shown_what_was_before_is_no_success_in_other_words() {
    let shelves = worded(way("adds an element"));
    let (old, new) = (properties(&granted("222222222222")), properties(&granted("333333333333")));
    let claim = claim("Pull");
    shelves.statements().ensure(&old, None, &claim).await.unwrap();
    // Two reads after the write show what it replaced, which has the same Sid.
    let late = shelves.clone();
    shelves.on_read(move || late.clone().on_read(move || late.0.lag.set(2)));
    let update = later(&claim);
    for _ in 0..2 {
        let waits = shelves.statements().ensure(&new, Some(&old), &update).await;
        assert!(matches!(waits, Err(Error::NotYet(_))), "{waits:?}");
    }
    shelves.statements().ensure(&new, Some(&old), &update).await.unwrap();
    assert!(shelves.policy().unwrap().contains("333333333333"));
    assert_eq!(shelves.0.writes.get(), 2);
}

#[tokio::test]
async fn an_empty_condition_is_neither_written_nor_missed() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull");
    let mut statement = pull("222222222222");
    for (condition, written) in [
        (json!({}), None),
        (json!({"StringEquals": {}}), None),
        (
            json!({"StringEquals": {}, "Bool": {"aws:SecureTransport": "true"}}),
            Some(json!({"Bool": {"aws:SecureTransport": "true"}})),
        ),
    ] {
        statement["Condition"] = condition;
        let desired = properties(&statement);
        shelves.statements().ensure(&desired, None, &later(&claim)).await.unwrap();
        let policy: Value = serde_json::from_str(&shelves.policy().unwrap()).unwrap();
        assert_eq!(policy["Statement"][1].get("Condition"), written.as_ref());
    }
    // Of somebody else's it may come and go.
    let with = FOREIGN.replace(r#""Effect":"Deny""#, r#""Effect":"Deny","Condition":{"StringEquals":{}}"#);
    let shelves = worded(WAYS[0].1);
    shelves.keep("app", Some(&with));
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &later(&claim)).await.unwrap();
}

#[tokio::test]
async fn a_policy_variable_goes_into_no_policy_that_takes_it_by_the_letter() {
    let statement = |value: &str| {
        let mut statement = pull("222222222222");
        statement["Condition"] = json!({"StringLike": {"aws:PrincipalTag/team": value}});
        json!({"ShelfName": "app", "Statement": [statement]})
    };
    let variable = read(statement("${aws:username}/*")).unwrap();
    for old in [FOREIGN, r#"{"Statement":[]}"#, r#"{"Version":"2012-10-17","Version":"2008-10-17","Statement":[]}"#] {
        let shelves = Shelves::with(Some(old));
        let claim = claim("Pull");
        let refusal = shelves.statements().ensure(&variable, None, &claim).await.unwrap_err();
        let Error::Refused(refusal) = refusal else { panic!("it would pass") };
        assert_eq!(
            refusal.sentence(),
            "ResourceProperties.Statement[0].Condition: has a policy variable, which the policy of shelf app would take by \
             the letter, since its Version isn't 2012-10-17; give it that Version, or write no variable"
        );
        assert!(claim.id().is_none());
        assert_eq!(shelves.policy().as_deref(), Some(old));
        // Signs that stand for themselves, and no variable at all.
        for sign in ["a${*}${?}${$}", "plain"] {
            shelves.statements().ensure(&read(statement(sign)).unwrap(), None, &later(&claim)).await.unwrap();
        }
    }
    // A policy that we make has the Version, and one that has it keeps it.
    for new in [None, Some(r#"{"Version":"2012-10-17","Statement":[]}"#)] {
        let shelves = Shelves::with(new);
        shelves.statements().ensure(&variable, None, &claim("Pull")).await.unwrap();
        assert!(shelves.policy().unwrap().contains(r#""Version":"2012-10-17""#));
    }
}

#[tokio::test]
async fn what_somebody_puts_back_after_a_write_is_not_taken_for_aws_s_words() {
    let shelves = Shelves::with(Some(FOREIGN));
    let (wide, narrow) = (properties(&granted("222222222222")), properties(&pull("222222222222")));
    let created = claim("Pull");
    shelves.statements().ensure(&wide, None, &created).await.unwrap();
    let before = shelves.policy().unwrap();
    // After the write, before it was seen.
    let (first, second) = (Shelves(shelves.0.clone()), Shelves(shelves.0.clone()));
    shelves.on_read(move || first.on_read(move || second.keep("app", Some(&before))));
    let update = later(&created);
    shelves.statements().ensure(&narrow, Some(&wide), &update).await.unwrap_err();
    shelves.0.table.pass(Duration::from_mins(2));
    shelves.statements().ensure(&narrow, Some(&wide), &update).await.unwrap();
    assert_eq!(shelves.0.writes.get(), 3);
    assert!(!shelves.policy().unwrap().contains("SecureTransport"));
}
