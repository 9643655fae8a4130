//! Plans of a resource that calls nothing. The played AWS of the suites has those of real types.

use std::cell::Cell;

use aws_config::{BehaviorVersion, SdkConfig};
use lambda_runtime::{Context, LambdaEvent};
use serde::Deserialize;
use serde_json::{Value, json, value::to_raw_value};

use super::*;
use crate::{KNOWN_AFTER_APPLY, RequestTable, Server, lifecycle::of_own_account};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:test";
const STACK: &str = "arn:aws:cloudformation:us-east-1:111111111111:stack/test/1f0a";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    name: String,
    #[serde(default, rename = "Count")]
    _count: u32,
}

/// What ends as its name says, and counts what it does.
#[derive(Default)]
struct Named {
    worked: Cell<u32>,
}

impl Named {
    fn end(&self, name: &str) -> Result<()> {
        self.worked.set(self.worked.get() + 1);
        match name {
            "refused" => Err(Error::refused("there is one of that name")),
            "not yet" => Err(Error::not_yet("the unit isn't there yet")),
            _ => Ok(()),
        }
    }
}

impl Resource for Named {
    type Properties = Properties;
    type Id = u32;
    type Attributes = ();

    async fn ensure(&self, desired: &Properties, previous: Option<&Properties>, claim: &Claim<u32>) -> Result<()> {
        assert_eq!(previous.is_some(), claim.id().is_some());
        claim.check_latest().await?;
        claim.hold(&7);
        self.end(&desired.name)
    }

    async fn remove(&self, last: Option<&Properties>, _: &Claim<u32>) -> Result<()> {
        self.end(&last.map(|last| last.name.clone()).unwrap_or_default())
    }

    async fn plan(&self, work: &Work<Properties>, unknown: &[String], _: &Claim<u32>) -> Option<Result<Value>> {
        match work {
            Work::Ensure { desired, .. } if desired.name == "own" => Some(Ok(json!({"Own": unknown}))),
            _ => None,
        }
    }
}

fn create(properties: &Value) -> Value {
    json!({"RequestType": "Plan", "StackId": STACK, "LogicalResourceId": "Thing", "ResourceProperties": properties})
}

fn with(mut event: Value, more: &Value) -> Value {
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

async fn planned(event: &Value) -> (Value, u32) {
    let resource = Named::default();
    let plan = plan(of_own_account, &resource, event, &FunctionArn::read(FUNCTION), 0).await.unwrap();
    (plan, resource.worked.get())
}

#[tokio::test]
async fn a_plan_is_what_the_stack_would_be_told() {
    for (name, plan) in [
        ("app", json!({"Changes": "none"})),
        ("refused", json!({"Refused": "there is one of that name"})),
        ("not yet", json!({"WaitsFor": "the unit isn't there yet"})),
    ] {
        assert_eq!(planned(&create(&json!({"Name": name}))).await, (plan.clone(), 1), "{name}");
        let known = json!({"PhysicalResourceId": "7", "OldResourceProperties": {"Name": "app"}});
        let update = with(create(&json!({"Name": name})), &known);
        assert_eq!(planned(&update).await, (plan.clone(), 1), "{name}");
        assert_eq!(planned(&with(update, &json!({"Remove": true}))).await, (plan, 1), "{name}");
    }
}

#[tokio::test]
async fn what_is_refused_before_any_work_is_refused_without_any() {
    let name = || json!({"Name": "app"});
    for (event, words) in [
        (create(&json!({"Nmae": "app"})), "ResourceProperties.Nmae: "),
        (create(&json!({"Name": "app", "Count": "many"})), "ResourceProperties.Count: "),
        (with(create(&name()), &json!({"Remove": true})), "the Delete lacks a PhysicalResourceId"),
        (
            with(create(&name()), &json!({"StackId": STACK.replace("111111111111", "222222222222")})),
            "the stack is of account 2222",
        ),
    ] {
        let (plan, worked) = planned(&event).await;
        assert!(plan["Refused"].as_str().is_some_and(|refused| refused.starts_with(words)), "{plan}");
        assert_eq!(worked, 0);
    }
    for nobodys in [json!({"RequestType": "Plan"}), json!({"RequestType": "Plan", "StackId": 7})] {
        let ended = plan(of_own_account, &Named::default(), &nobodys, &FunctionArn::default(), 0).await;
        assert!(ended.unwrap_err().to_string().starts_with("a Plan needs StackId and LogicalResourceId"));
    }
}

#[tokio::test]
async fn a_plan_is_judged_by_the_alias_by_which_the_request_would_come() {
    let by_alias: Admission = |envelope| Err(format!("by {:?}", envelope.function.qualifier));
    for (qualifier, words) in
        [(json!("caller-222222222222"), "by Some(\"caller-222222222222\")"), (json!(null), "by None")]
    {
        let event = with(create(&json!({"Name": "app"})), &json!({"Qualifier": qualifier}));
        let function = FunctionArn::read(&format!("{FUNCTION}:live"));
        let plan = plan(by_alias, &Named::default(), &event, &function, 0).await.unwrap();
        assert_eq!(plan, json!({"Refused": words}));
    }
}

#[tokio::test]
async fn what_is_not_known_yet_is_named_and_nothing_is_refused_for_it() {
    let unknown = |plan: &Value| plan["Unknown"].clone();
    let (plan, worked) = planned(&create(&json!({"Name": KNOWN_AFTER_APPLY}))).await;
    assert_eq!((unknown(&plan), worked), (json!(["ResourceProperties.Name"]), 0));
    let (plan, worked) = planned(&create(&json!({"Name": "app", "Count": KNOWN_AFTER_APPLY}))).await;
    assert_eq!((unknown(&plan), worked), (json!(["ResourceProperties.Count"]), 0));
    // What is wrong beside it is.
    let (plan, _) = planned(&create(&json!({"Nmae": "app", "Count": KNOWN_AFTER_APPLY}))).await;
    assert!(plan["Refused"].as_str().is_some_and(|refused| refused.starts_with("ResourceProperties.Nmae: ")), "{plan}");
    // A type that can do with it has it.
    let (plan, _) = planned(&create(&json!({"Name": "own", "Count": "3"}))).await;
    assert_eq!(plan, json!({"Own": []}));
}

#[test]
fn a_refusal_of_all_properties_is_about_those_that_it_names() {
    let properties = json!({"RepositoryName": "App", "RoleArn": KNOWN_AFTER_APPLY, "Statement": {}});
    let unknown = unknown_values(&properties);
    let about = |reason: &str| may_be_about(reason, &unknown, &properties);
    assert!(about("ResourceProperties: `RoleArn` is the ARN of a role"));
    assert!(about("ResourceProperties: one of them has too many letters"));
    assert!(about("ResourceProperties.RoleArn[0]: must be text"));
    assert!(!about("ResourceProperties: `RepositoryName` has small letters"));
    assert!(!about("ResourceProperties.Statement: must be an object"));
    assert!(!may_be_about("ResourceProperties: one of them has too many letters", &[], &properties));
}

#[tokio::test]
async fn a_plan_notes_no_request() {
    // A request that is noted there fails: without a Region no call has an address.
    let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
    let server = Server::new().every_type(async |_| Ok(Named::default()));
    let mut function = server.without_log().start().await.unwrap();
    function.lifecycle.requests = Some(RequestTable::new(&aws, "requests"));
    let payload = to_raw_value(&create(&json!({"Name": "app"}))).unwrap();
    let mut context = Context::default();
    context.deadline = u64::MAX / 2_000_000;
    context.invoked_function_arn = FUNCTION.to_owned();
    let returned = function.handle(LambdaEvent::new(payload, context)).await.unwrap();
    assert_eq!(returned, json!({"Changes": "none"}));
}
