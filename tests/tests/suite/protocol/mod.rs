//! The protocol of custom resources, kept by a real binary: CloudFormation, Lambda, S3 and ECR are played, leases are real.

mod answers;
mod continuation;
mod delivery;
mod endings;
mod envelopes;
mod log;
mod metrics;
mod order;
mod other_events;
mod plan;
mod trace;

use std::time::Duration;

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::binary::Binary;
use archipelago_tests::cloudformation::{Answer, Event, Resource, Simulator};
use archipelago_tests::fault::{Fault, error};
use archipelago_tests::function::{Configuration, Function, InvocationEnd};
use archipelago_tests::local_aws::LocalAws;
use archipelago_tests::response_server::{ResponseServer, ResponseUrl};
use serde_json::{Value, json};

/// A stack whose resource is the binary of `Custom::EcrPolicyStatement`, in front of an ECR of our own.
struct Fixture {
    ecr: AwsStub,
    stack: Simulator<Binary>,
}

/// A fixture in which all goes well.
async fn calm() -> Fixture {
    fixture(AwsStub::ecr(|_| Fault::None).await, |configuration| configuration).await
}

async fn fixture(ecr: AwsStub, adjust: impl FnOnce(Configuration) -> Configuration) -> Fixture {
    let (local, responses) = (LocalAws::running(), ResponseServer::start().await);
    let configuration = Configuration::of("EcrPolicyStatement")
        .timeout(Duration::from_secs(30))
        .variable("REQUEST_TABLE", local.request_table("111111111111").await)
        .variable("LEDGER_TABLE", local.ledger_table("111111111111").await)
        .variable("AWS_ENDPOINT_URL_DYNAMODB", &local.endpoint)
        .variable("AWS_ENDPOINT_URL_ECR", ecr.origin())
        .variable("RESPONSE_HOSTS", format!("answers.example.com,{}", responses.origin()));
    let region = local.region.clone();
    let function = Function::start(adjust(Configuration { region, ..configuration })).await;
    let resource = Resource::new("demo", "Pull", "Custom::EcrPolicyStatement", fastrand::u64(..));
    Fixture { ecr, stack: Simulator::new(Binary::new(function, responses), resource) }
}

impl Fixture {
    fn function(&self) -> &Function {
        &self.stack.handler.function
    }

    /// A Create which the simulator doesn't follow up.
    fn create(&mut self, properties: &Value) -> Event {
        self.stack.resource.create(properties).unwrap()
    }

    /// Invokes the function with an event, and waits until it and what it sent on to itself are over.
    async fn invoke(&self, event: &Value) -> InvocationEnd {
        let end = self.function().invoke(event).await;
        self.function().settled().await;
        end
    }
}

/// The one answer at a URL; panics if there is none, more than one, or a wrong one.
fn answer(event: &Event, url: &ResponseUrl) -> Answer {
    let puts = url.puts();
    let stored: Vec<_> = puts.iter().filter(|put| put.stored()).collect();
    assert_eq!(stored.len(), 1, "one answer is right: {puts:?}");
    Answer::read(event, stored[0]).unwrap_or_else(|violations| panic!("{violations:?}"))
}

fn returned(end: &InvocationEnd) {
    assert!(matches!(end, InvocationEnd::Returned(_)), "an invocation always returns, but this one: {end:?}");
}

/// The answers in the error of an invocation that couldn't deliver them; panics if it ended otherwise.
pub(crate) fn kept(end: &InvocationEnd) -> Vec<Value> {
    let InvocationEnd::Errored(error) = end else {
        panic!("what is not delivered ends in an error, but here: {end:?}")
    };
    assert_eq!(error["errorType"], "AnswerUndelivered");
    assert!(!error.to_string().contains("X-Amz-"), "{error}");
    let message: Value = serde_json::from_str(error["errorMessage"].as_str().unwrap()).unwrap();
    message["Answers"].as_array().unwrap().clone()
}

/// A statement that lets `principal` pull.
fn pull(repository: &str) -> Value {
    json!({
        "RepositoryName": repository,
        "Statement": {
            "Sid": "Pull",
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::222222222222:role/confidant" },
            "Action": ["ecr:BatchGetImage"],
        },
    })
}

/// Nearly all that Lambda hands over, in the form that takes most memory once it is parsed.
pub(crate) fn megabyte() -> Value {
    vec![json!({ "": 0 }); 110_000].into()
}

fn changed(properties: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = properties.clone();
    *changed.pointer_mut(pointer).unwrap() = value;
    changed
}

/// What ECR says while IAM hasn't told it of a new principal.
fn principal_not_visible() -> archipelago_tests::http::Reply {
    error(
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
    )
}

fn no_such_repository(name: &str) -> archipelago_tests::http::Reply {
    let message = format!("The repository with name '{name}' does not exist in the registry with id '111111111111'");
    error("RepositoryNotFoundException", &message)
}

/// ECR without a repository called `missing`.
async fn ecr_without_missing() -> AwsStub {
    AwsStub::ecr(|call| {
        if call.input["repositoryName"] == "missing" {
            Fault::Before(no_such_repository("missing"))
        } else {
            Fault::None
        }
    })
    .await
}
