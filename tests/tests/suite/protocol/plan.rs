//! Plans by direct invocation of a real binary: they are returned, and nothing is called that isn't a read.

use archipelago_tests::function::InvocationEnd;
use serde_json::{Value, json};

use super::{calm, changed, pull};

/// The event that asks what a Create with these properties would do.
fn plan(properties: &Value) -> Value {
    json!({
        "RequestType": "Plan",
        "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/demo/1f0a",
        "LogicalResourceId": "Pull",
        "ResourceProperties": properties,
    })
}

#[tokio::test]
async fn a_plan_is_returned_and_only_reads() {
    let fixture = calm().await;
    let InvocationEnd::Returned(plan) = fixture.invoke(&plan(&pull("app"))).await else { panic!("it failed") };
    assert_eq!((&plan["Policy"], &plan["SizeLimit"]), (&json!("repository app"), &json!(10_240)));
    let statements = plan["After"]["Statement"].as_array().unwrap();
    assert_eq!(statements.last().unwrap()["Principal"], pull("app")["Statement"]["Principal"]);
    let called: Vec<_> = fixture.ecr.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(called, ["GetRepositoryPolicy"]);
    let log = fixture.function().retire().await;
    assert!(log.iter().all(|line| !line.text.contains("confidant")), "{log:?}");
}

#[tokio::test]
async fn what_a_plan_refuses_and_what_it_can_not_answer_fail_no_invocation() {
    let fixture = calm().await;
    let unclear = changed(&pull("app"), "/Statement/Effect", json!("Perhaps"));
    let InvocationEnd::Returned(refused) = fixture.invoke(&plan(&unclear)).await else { panic!("it failed") };
    assert!(refused["Refused"].as_str().is_some_and(|refused| refused.contains("Statement.Effect: ")), "{refused}");
    let InvocationEnd::Returned(error) = fixture.invoke(&json!({ "RequestType": "Plan" })).await else {
        panic!("it failed")
    };
    assert_eq!(error, json!({ "Error": "a Plan needs StackId and LogicalResourceId, each a string" }));
    assert_eq!(fixture.ecr.calls().len(), 0);
}

#[tokio::test]
async fn behind_the_alias_of_a_caller_nothing_is_planned() {
    let fixture = calm().await;
    let alias = format!("{}:caller-222222222222", fixture.function().configuration().arn());
    let InvocationEnd::Returned(error) = fixture.function().invoke_by(&alias, &plan(&pull("app"))).await else {
        panic!("it failed")
    };
    let words = "the alias caller-222222222222 is for requests of CloudFormation alone";
    assert!(error["Error"].as_str().is_some_and(|error| error.starts_with(words)), "{error}");
    assert_eq!(fixture.ecr.calls().len(), 0);
}
