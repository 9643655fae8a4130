//! The failure responder's binary between a played queue and a played S3, and the net on the local AWS.

mod answers;
mod dropped;
mod local_aws;
mod repeated;

use archipelago_tests::binary::workspace;
use archipelago_tests::cloudformation::{Answer, Event, Resource};
use archipelago_tests::function::{Configuration, Function, InvocationEnd, SHORT};
use archipelago_tests::response_server::{Reaction, ResponseServer, ResponseUrl};
use serde_json::{Value, json};

/// A responder and the S3 that takes its answers.
struct Fixture {
    responder: Function,
    responses: ResponseServer,
}

/// An event that its function left unanswered, and the URL where CloudFormation waits.
struct Unanswered {
    event: Event,
    url: ResponseUrl,
}

impl Fixture {
    async fn new() -> Self {
        let responses = ResponseServer::start().await;
        let configuration = Configuration::of("FailureResponder")
            .timeout(SHORT)
            .variable("RUST_LOG", "trace")
            .variable("RESPONSE_HOSTS", responses.origin());
        Self { responder: Function::start(configuration).await, responses }
    }

    /// A Create that waits for an answer.
    fn create(&self) -> Unanswered {
        Unanswered::at(self.responses.url())
    }

    /// A Create whose answers meet these reactions first.
    fn create_scripted(&self, script: impl IntoIterator<Item = Reaction>) -> Unanswered {
        Unanswered::at(self.responses.scripted(script))
    }

    /// Hands a batch of these bodies over; returns the positions of those that are to come again.
    async fn take(&self, bodies: &[String]) -> Vec<usize> {
        let message = |(index, body): (usize, &String)| {
            let mut message = fixture("timed-out")["Records"][0].clone();
            message["messageId"] = json!(format!("message-{index}"));
            message["body"] = json!(body);
            message
        };
        let batch = json!({ "Records": bodies.iter().enumerate().map(message).collect::<Vec<_>>() });
        let InvocationEnd::Returned(response) = self.responder.invoke(&batch).await else {
            panic!("a batch never fails as a whole");
        };
        let failures =
            response["batchItemFailures"].as_array().unwrap_or_else(|| panic!("no partial response: {response}"));
        let position = |failure: &Value| {
            failure["itemIdentifier"].as_str().unwrap().strip_prefix("message-").unwrap().parse().unwrap()
        };
        failures.iter().map(position).collect()
    }

    /// Hands a batch over of which nothing is to come again.
    async fn settle(&self, bodies: &[String]) {
        let again = self.take(bodies).await;
        assert!(again.is_empty(), "{again:?} of the batch came again");
    }

    /// Everything that was logged. None of it is a secret.
    async fn log(&self, unanswered: &[&Unanswered]) -> String {
        let lines = self.responder.retire().await;
        let log = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n");
        for secret in unanswered.iter().flat_map(|one| [one.url.secret(), one.url.signature()]).chain(["confidant"]) {
            assert!(!log.contains(secret), "`{secret}` in\n{log}");
        }
        log
    }
}

impl Unanswered {
    fn at(url: ResponseUrl) -> Self {
        let mut resource = Resource::new("demo", "App", "Custom::Account", fastrand::u64(..));
        let event = resource.create(&json!({ "Name": "app", "Email": "confidant@example.com" })).unwrap();
        Self { event, url }
    }

    fn to_json(&self) -> Value {
        self.event.to_json(self.url.as_str())
    }

    /// Lambda's record of how the function failed with it, after an example.
    fn record(&self, example: &str) -> String {
        record(example, &self.to_json())
    }

    /// The one answer that was stored.
    fn answer(&self) -> Answer {
        let puts = self.url.puts();
        let stored: Vec<_> = puts.iter().filter(|put| put.stored()).collect();
        assert_eq!(stored.len(), 1, "one answer is right: {puts:?}");
        Answer::read(&self.event, stored[0]).unwrap_or_else(|violations| panic!("{violations:?}"))
    }

    fn statuses(&self) -> Vec<u16> {
        self.url.puts().iter().map(|put| put.status).collect()
    }
}

/// A record after an example, about another event.
fn record(example: &str, event: &Value) -> String {
    let body = fixture(example)["Records"][0]["body"].as_str().unwrap().to_owned();
    let mut record: Value = serde_json::from_str(&body).unwrap();
    record["requestPayload"] = event.clone();
    record.to_string()
}

/// One of `events/failure-responder/`.
fn fixture(name: &str) -> Value {
    let path = workspace().join("events/failure-responder").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
