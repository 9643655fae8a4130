//! What administrators and `EventBridge` ask of a real binary, beside the requests of CloudFormation.

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::fault::Fault;
use archipelago_tests::function::InvocationEnd;
use serde_json::{Value, json};

use super::{Fixture, calm, fixture, pull};

const OWN_ROLE: &str = "arn:aws:iam::111111111111:role/archipelago/statements/ecr";

async fn told(fixture: &Fixture, event: Value) -> Value {
    match fixture.invoke(&event).await {
        InvocationEnd::Returned(answer) => answer,
        end => panic!("such an event fails no invocation: {end:?}"),
    }
}

/// The states of all claims.
async fn states(fixture: &Fixture) -> Vec<Value> {
    let list = told(fixture, json!({ "RequestType": "List" })).await;
    list["Claims"].as_array().unwrap().iter().map(|claim| claim["State"].clone()).collect()
}

#[tokio::test]
async fn an_account_is_listed_cut_off_and_let_in_again_by_invocation() {
    let mut fixture = calm().await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    assert_eq!(states(&fixture).await, ["there"]);
    let there = fixture.ecr.policy("app");

    for (asked, result, state) in [("Suspend", "suspended", "suspended"), ("Resume", "resumed", "there")] {
        let answer = told(&fixture, json!({ "RequestType": asked, "AccountId": "222222222222" })).await;
        assert_eq!(answer["Claims"][0]["Result"], result, "{answer}");
        assert_eq!(states(&fixture).await, [state]);
        assert_eq!(fixture.ecr.policy("app") == there, asked == "Resume");
    }
    let _ = fixture.stack.delete().await.sound();
    assert!(states(&fixture).await.is_empty());
    let log = fixture.function().retire().await;
    assert!(log.iter().all(|line| !line.text.contains("confidant")), "{log:?}");
}

/// What `EventBridge` tells of a policy that a role has changed.
fn changed_by(role: &str) -> Value {
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ecr",
        "account": "111111111111",
        "time": "2026-11-30T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "userIdentity": { "type": "AssumedRole", "sessionContext": { "sessionIssuer": { "arn": role } } },
            "eventSource": "ecr.amazonaws.com",
            "eventName": "SetRepositoryPolicy",
            "requestParameters": { "repositoryName": "app", "policyText": "{}", "force": false },
        },
    })
}

#[tokio::test]
async fn an_event_of_a_trail_has_the_policy_read_that_it_names_unless_the_function_itself_has_changed_it() {
    let ecr = AwsStub::ecr(|_| Fault::None).await;
    let mut fixture =
        fixture(ecr, |configuration| configuration.variable("FUNCTION_ROLE", OWN_ROLE).variable("RECONCILE", "Repair"))
            .await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    for (role, policies) in [("arn:aws:iam::111111111111:role/Admin", 1), (OWN_ROLE, 0)] {
        let reads = fixture.ecr.count("GetRepositoryPolicy");
        let found = json!({ "Policies": policies, "Missing": 0, "Repaired": 0, "Unread": 0 });
        assert_eq!(told(&fixture, changed_by(role)).await, found);
        assert_eq!(fixture.ecr.count("GetRepositoryPolicy"), reads + policies);
    }
    let found = json!({ "Policies": 1, "LookedAt": 1, "Missing": 0, "Repaired": 0, "Unread": 0 });
    assert_eq!(told(&fixture, json!({ "RequestType": "Reconcile" })).await, found);
}

#[tokio::test]
async fn behind_the_alias_of_a_caller_nothing_is_listed_and_nobody_suspended() {
    let mut fixture = calm().await;
    let _ = fixture.stack.create(&pull("app")).await.sound();
    let (calls, there) = (fixture.ecr.calls().len(), fixture.ecr.policy("app"));
    for caller in ["222222222222", "o-exampleorgid-ou-abcd-12345678", "unknown"] {
        let alias = format!("{}:caller-{caller}", fixture.function().configuration().arn());
        for event in [
            json!({ "RequestType": "List" }),
            json!({ "RequestType": "Suspend", "AccountId": "333333333333" }),
            json!({ "RequestType": "Resume", "AccountId": "222222222222" }),
            json!({ "RequestType": "Reconcile" }),
            changed_by("arn:aws:iam::111111111111:role/Admin"),
        ] {
            let InvocationEnd::Returned(error) = fixture.function().invoke_by(&alias, &event).await else {
                panic!("it failed")
            };
            let words = format!("the alias caller-{caller} is for requests of CloudFormation alone");
            assert!(error["Error"].as_str().is_some_and(|error| error.starts_with(&words)), "{error}");
        }
    }
    assert_eq!((fixture.ecr.calls().len(), fixture.ecr.policy("app")), (calls, there));
}
