//! What is answered to events that are no requests of CloudFormation.

use std::{cell::Cell, future::pending, rc::Rc};

use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json, value::RawValue};

use super::*;
use crate::{Claim, Error, FunctionArn};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:test";

/// A resource that does what such an event says in `Do`.
struct Asked(&'static str);

impl Resource for Asked {
    type Properties = ();
    type Id = u32;
    type Attributes = ();

    async fn ensure(&self, (): &(), _: Option<&()>, _: &Claim<u32>) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _: Option<&()>, _: &Claim<u32>) -> Result<()> {
        Ok(())
    }

    async fn other_event(&self, event: &Value, function: &FunctionArn) -> Option<Result<Value>> {
        Some(match event.get("Do")?.as_str()? {
            "answer" => Ok(json!({"By": self.0, "Of": function.name})),
            "talk" => Ok(json!("x".repeat(7 * 1024 * 1024))),
            "refuse" => Err(Error::refused("no such account")),
            "wait" => Err(Error::not_yet("the policy isn't there yet")),
            "panic" => panic!("s3cret"),
            _ => pending().await,
        })
    }
}

/// What an invocation of `function` by that alias returns.
async fn returned_behind(function: &Function<'_>, alias: &str, payload: &Value) -> Value {
    let mut context = Context::default();
    context.deadline = u64::MAX / 2_000_000;
    context.invoked_function_arn = format!("{FUNCTION}{alias}");
    let payload = RawValue::from_string(payload.to_string()).unwrap();
    function.handle(LambdaEvent::new(payload, context)).await.unwrap()
}

async fn returned(function: &Function<'_>, payload: &Value) -> Value {
    returned_behind(function, "", payload).await
}

async fn one_type<'a>() -> Function<'a> {
    Server::new().every_type(async |_| Ok(Asked("one"))).without_log().start().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_no_request_is_answered_by_what_the_invocation_returns() {
    let function = one_type().await;
    assert_eq!(returned(&function, &json!({"Do": "answer"})).await, json!({"By": "one", "Of": "test"}));
}

#[tokio::test(start_paused = true)]
async fn no_error_a_panic_or_the_end_of_time_fails_the_invocation() {
    let function = one_type().await;
    for (what, reason) in [
        ("refuse", "no such account"),
        ("wait", "the policy isn't there yet"),
        ("panic", "a defect in this handler stopped the work; the log says where, please report it"),
        ("hang", "the work was stopped shortly before the function's time ran out"),
        ("talk", "the answer has 7340034 bytes, and Lambda returns 6291456 at most"),
    ] {
        assert_eq!(returned(&function, &json!({"Do": what})).await, json!({"Error": reason}), "{what}");
    }
    let unbuilt = Server::new().every_type(async |_| Err::<Asked, _>(Error::refused("the variable DOMAIN is not set")));
    let unbuilt = unbuilt.without_log().start().await.unwrap();
    let error = json!({"Error": "the variable DOMAIN is not set"});
    assert_eq!(returned(&unbuilt, &json!({"Do": "answer"})).await, error);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_for_nobody_is_answered_by_nobody() {
    let function = one_type().await;
    let in_a_record = json!({"Records": [{"Sns": {"Message": json!({"Do": "answer"}).to_string()}}]});
    for nobodys in [json!({}), json!({"hello": "world"}), json!("answer"), in_a_record] {
        assert_eq!(returned(&function, &nobodys).await, Value::Null, "{nobodys}");
    }
    // Whoever names an address of an answer asks for CloudFormation.
    assert_eq!(returned(&function, &json!({"Do": "answer", "ResponseURL": "https://evil.example"})).await, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn the_event_says_for_which_of_several_types_it_is() {
    let server = Server::new().resource("Custom::Cat", async |_| Ok(Asked("cat")));
    let server = server.resource("Custom::Dog", async |_| Ok(Asked("dog")));
    let function = server.without_log().start().await.unwrap();
    for (resource_type, by) in
        [("Custom::Cat", json!("cat")), ("Custom::Dog", json!("dog")), ("Custom::Bird", json!(null))]
    {
        let answer = returned(&function, &json!({"Do": "answer", "ResourceType": resource_type})).await;
        assert_eq!(answer["By"], by, "{resource_type}");
    }
    assert_eq!(returned(&function, &json!({"Do": "answer"})).await, Value::Null, "nobody knows which is meant");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_admitted_is_told_so_before_any_work() {
    let admission: OtherAdmission = |function| match &function.qualifier {
        Some(alias) => Err(format!("not by {alias}")),
        None => Ok(()),
    };
    let server = Server::new().every_type(async |_| Ok(Asked("one"))).admit_other(admission);
    let function = server.without_log().start().await.unwrap();
    for what in ["answer", "panic", "hang"] {
        let answer = returned_behind(&function, ":caller", &json!({"Do": what})).await;
        assert_eq!(answer, json!({"Error": "not by caller"}));
    }
    assert_eq!(returned(&function, &json!({"Do": "answer"})).await["By"], "one");
}

/// What has something to settle after each event.
struct Settling(Rc<Cell<u32>>);

impl Resource for Settling {
    type Properties = ();
    type Id = u32;
    type Attributes = ();

    async fn ensure(&self, (): &(), _: Option<&()>, _: &Claim<u32>) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _: Option<&()>, _: &Claim<u32>) -> Result<()> {
        Ok(())
    }

    async fn other_event(&self, event: &Value, _: &FunctionArn) -> Option<Result<Value>> {
        match event.get("Do")?.as_str()? {
            "answer" => Some(Ok(json!(self.0.get()))),
            _ => Some(pending().await),
        }
    }

    async fn settle(&self) {
        self.0.set(self.0.get() + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_event_leaves_is_settled_before_the_invocation_ends() {
    let settled = Rc::new(Cell::new(0));
    let server = Server::new().every_type(async |_| Ok(Settling(Rc::clone(&settled))));
    let function = server.without_log().start().await.unwrap();
    assert_eq!(returned(&function, &json!({"Do": "answer"})).await, json!(0));
    assert_eq!(settled.get(), 1);
    returned(&function, &json!({"Do": "hang"})).await;
    assert_eq!(settled.get(), 2);
}
