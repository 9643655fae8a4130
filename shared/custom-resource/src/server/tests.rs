//! What a program serves: types by their names, resources that can't be built, and other events beside.

use std::{cell::Cell, fmt, str::FromStr};

use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json, value::RawValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::{Claim, Error, Response, Status, Undelivered, testing::Event};

/// A resource that answers with its own name.
struct Named(&'static str);

#[derive(Debug, Clone)]
struct Name(String);

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.strip_prefix("name-").map(|name| Self(name.to_owned())).ok_or(())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "name-{}", self.0)
    }
}

impl Resource for Named {
    type Properties = ();
    type Id = Name;
    type Attributes = ();

    async fn ensure(&self, (): &(), _: Option<&()>, claim: &Claim<Name>) -> Result<()> {
        claim.hold(&Name(self.0.to_owned()));
        Ok(())
    }

    async fn remove(&self, _: Option<&()>, claim: &Claim<Name>) -> Result<()> {
        match claim.id() {
            Some(id) if id.0 != self.0 => Err(Error::refused("it is another's")),
            _ => Ok(()),
        }
    }
}

async fn started(server: Server<'_>) -> Function<'_> {
    server.without_log().start().await.unwrap()
}

async fn two_types<'a>() -> Function<'a> {
    let server = Server::new().resource("Custom::Cat", async |_| Ok(Named("cat")));
    started(server.resource("Custom::Dog", async |_| Ok(Named("dog")))).await
}

/// The reason, which ends in the request and its log.
fn reason(answer: &Response) -> &str {
    answer.reason().unwrap_or_default()
}

fn create(resource_type: &str) -> Event {
    Event::create(json!({})).with("ResourceType", resource_type)
}

#[tokio::test]
async fn each_type_is_served_by_its_own_resource() {
    let function = two_types().await;
    for (resource_type, id) in [("Custom::Cat", "name-cat"), ("Custom::Dog", "name-dog")] {
        let made = create(resource_type).answered_by_function(&function).await;
        assert_eq!((made.status(), made.physical_resource_id()), (Status::Success, id));
        let delete = Event::delete(id, json!({})).with("ResourceType", resource_type);
        assert_eq!(delete.answered_by_function(&function).await.status(), Status::Success);
    }
    let of_the_other = Event::delete("name-cat", json!({})).with("ResourceType", "Custom::Dog");
    assert!(reason(&of_the_other.answered_by_function(&function).await).starts_with("it is another's ("));
}

#[tokio::test]
async fn a_type_that_is_not_served_is_refused_and_its_delete_does_not_hang_the_rollback() {
    let function = two_types().await;
    let refused = create("Custom::Bird").answered_by_function(&function).await;
    assert_eq!(refused.status(), Status::Failed);
    let sentence = "this function serves Custom::Cat, Custom::Dog, and not Custom::Bird (";
    assert!(reason(&refused).starts_with(sentence), "{}", reason(&refused));
    let delete = |id: &str| Event::delete(id, json!({})).with("ResourceType", "Custom::Bird");
    let taken_back = delete(refused.physical_resource_id()).answered_by_function(&function).await;
    assert_eq!(taken_back.status(), Status::Success);
    // What has another id may be there, and nobody here can delete it.
    assert_eq!(delete("name-cat").answered_by_function(&function).await.status(), Status::Failed);
}

#[tokio::test]
async fn every_other_type_has_the_resource_that_is_for_all() {
    let server = Server::new().every_type(async |_| Ok(Named("any")));
    let function = started(server.resource("Custom::Cat", async |_| Ok(Named("cat")))).await;
    for (resource_type, id) in [("Custom::Cat", "name-cat"), ("Custom::Bird", "name-any")] {
        assert_eq!(create(resource_type).answered_by_function(&function).await.physical_resource_id(), id);
    }
}

/// The answers to as many Creates as `builds` has, each of which builds the resource as the next of them says, after the start of the
/// process has done so with the first.
async fn answers(builds: &[fn() -> Result<Named>]) -> Vec<(Status, String)> {
    let times = Cell::new(0);
    let build = async |_: &SdkConfig| builds[times.replace(times.get() + 1).min(builds.len() - 1)]();
    let function = started(Server::new().every_type(build)).await;
    let mut answers = Vec::new();
    for _ in &builds[1..] {
        let answer = create("Custom::Cat").answered_by_function(&function).await;
        answers.push((answer.status(), reason(&answer).to_owned()));
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn a_build_that_fails_is_answered_in_its_own_words_and_tried_again_with_the_next_request() {
    let refuses = || Err(Error::refused("the variable DOMAIN is not set"));
    let answers = answers(&[refuses, refuses, || Ok(Named("cat"))]).await;
    let (status, reason) = &answers[0];
    assert_eq!(*status, Status::Failed);
    assert!(reason.starts_with("the variable DOMAIN is not set ("), "{reason}");
    assert_eq!(answers[1].0, Status::Success);
}

#[tokio::test(start_paused = true)]
async fn a_build_that_panics_is_answered_without_its_words_and_tried_again_with_the_next_request() {
    let panics = || panic!("s3cret");
    let answers = answers(&[panics, panics, || Ok(Named("cat"))]).await;
    let (status, reason) = &answers[0];
    assert_eq!(*status, Status::Failed);
    assert!(reason.starts_with("a defect in this handler stopped the work"), "{reason}");
    assert_eq!(answers[1].0, Status::Success);
}

#[tokio::test(start_paused = true)]
async fn what_a_build_waits_for_is_waited_for_within_the_request() {
    let waits = || Err(Error::not_yet("the certificate isn't issued yet"));
    assert_eq!(answers(&[waits, waits, || Ok(Named("cat"))]).await[0].0, Status::Success);
    let answers = answers(&[waits, waits]).await;
    let (status, reason) = &answers[0];
    assert_eq!(*status, Status::Failed);
    assert!(reason.contains("the certificate isn't issued yet ("), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_build_that_hangs_does_not_keep_the_process_from_starting() {
    let function = started(Server::new().every_type(async |_| std::future::pending::<Result<Named>>().await)).await;
    let answer = create("Custom::Cat").answered_by_function(&function).await;
    assert_eq!(answer.status(), Status::Failed);
    assert!(reason(&answer).contains("shortly before"), "{}", reason(&answer));
}

#[tokio::test]
async fn what_was_never_made_is_deleted_without_a_resource() {
    let function = started(Server::new().every_type(async |_| Err::<Named, _>(Error::refused("no")))).await;
    let made = create("Custom::Cat").answered_by_function(&function).await;
    let delete = Event::delete(made.physical_resource_id(), json!({})).answered_by_function(&function).await;
    assert_eq!((made.status(), delete.status()), (Status::Failed, Status::Success));
}

/// A program of one's own: schedules are its own business, and what is none is CloudFormation's.
async fn program(function: &Function<'_>, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Undelivered> {
    if event.payload.get().contains("aws.events") {
        return Ok(json!("swept"));
    }
    function.handle(event).await
}

#[tokio::test]
async fn a_program_with_other_events_hands_over_those_of_cloudformation() {
    let s3 = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let origin = format!("http://{}", s3.local_addr().unwrap());
    let mut function = started(Server::new().every_type(async |_| Ok(Named("cat")))).await;
    function.hosts = ResponseHosts::in_region("us-east-1").with([origin.as_str()].into_iter());
    let event = |payload: &Value| {
        let mut context = Context::default();
        context.deadline = u64::MAX / 2_000_000;
        context.invoked_function_arn = "arn:aws:lambda:us-east-1:111111111111:function:test".to_owned();
        LambdaEvent::new(RawValue::from_string(payload.to_string()).unwrap(), context)
    };
    assert_eq!(program(&function, event(&json!({"source": "aws.events"}))).await.unwrap(), json!("swept"));

    let create = create("Custom::Cat").with("ResponseURL", format!("{origin}/answer"));
    let (ended, answer) = tokio::join!(program(&function, event(create.json())), put(&s3));
    assert_eq!(ended.unwrap(), Value::Null);
    assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("name-cat")));
}

/// The body of the one PUT that comes.
async fn put(s3: &TcpListener) -> Value {
    let (mut stream, _) = s3.accept().await.unwrap();
    let mut request = Vec::new();
    loop {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the PUT broke off");
        let text = String::from_utf8_lossy(&request);
        let body = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
        if let Some(body) = body {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            return body;
        }
    }
}
