//! What a test of a resource needs: the events of CloudFormation, and what becomes of them. It takes no AWS, no Lambda and no time.
//!
//! ```
//! # use custom_resource::{Claim, Resource, Result};
//! # struct Greetings;
//! # #[derive(serde::Deserialize)]
//! # #[serde(rename_all = "PascalCase")]
//! # struct Properties { name: String }
//! # #[derive(serde::Serialize)]
//! # #[serde(rename_all = "PascalCase")]
//! # struct Attributes { greeting: String }
//! # impl Resource for Greetings {
//! #     type Properties = Properties;
//! #     type Id = u32;
//! #     type Attributes = Attributes;
//! #     async fn ensure(&self, desired: &Properties, _: Option<&Properties>, claim: &Claim<u32>) -> Result<Attributes> {
//! #         claim.hold(&7);
//! #         Ok(Attributes { greeting: format!("Hello, {}!", desired.name) })
//! #     }
//! #     async fn remove(&self, _: Option<&Properties>, _: &Claim<u32>) -> Result<()> { Ok(()) }
//! # }
//! use custom_resource::testing::Event;
//! use serde_json::json;
//!
//! #[tokio::test(start_paused = true)]
//! async fn a_greeting_has_the_name_in_it() {
//!     let answer = Event::create(json!({"Name": "Ada"})).answered_by(&Greetings).await;
//!     assert_eq!(answer.data()["Greeting"], "Hello, Ada!");
//! }
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
//! # let answer = runtime.block_on(Event::create(json!({"Name": "Ada"})).answered_by(&Greetings));
//! # assert_eq!(answer.data()["Greeting"], "Hello, Ada!");
//! ```
//!
//! With `start_paused = true` (tokio's feature `test-util`) the clock goes on when nothing else does: a resource that waits for an
//! hour is tried in a millisecond. A reason ends in the request's id and the name of its log, so compare its beginning.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_runtime_api::client::{http::HttpConnectorFuture, orchestrator::HttpRequest};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Claim, Clock, Envelope, Function, FunctionArn, InvocationResult, Lifecycle, Request, Resource, Response,
    ResponseHosts, Result, event::continued, first_change, lifecycle::ensured, plan::plan,
};

const STACK: &str = "arn:aws:cloudformation:us-east-1:111111111111:stack/test/1f0a";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:test";
const URL: &str = "https://cloudformation-custom-resource-response-useast1.s3.us-east-1.amazonaws.com/answer";

/// One try of a Create or an Update, as the lifecycle does it: `ensure`, and `take_back` after a cancelled replacement.
///
/// # Errors
/// Those of the two.
pub async fn ensure<R: Resource>(
    resource: &R,
    desired: &R::Properties,
    previous: Option<&R::Properties>,
    claim: &Claim<R::Id>,
) -> Result<R::Attributes> {
    let ended = ensured(resource, desired, previous, claim).await;
    resource.settle().await;
    ended
}

/// One try of a Delete, as the lifecycle does it.
///
/// # Errors
/// Those of `remove`.
pub async fn remove<R: Resource>(resource: &R, last: Option<&R::Properties>, claim: &Claim<R::Id>) -> Result<()> {
    let ended = resource.remove(last, claim).await;
    resource.settle().await;
    ended
}

/// What a function of that ARN, which admits all stacks, returns for an event that asks for a plan.
///
/// # Errors
/// The event lacks what every plan needs.
pub async fn planned<R: Resource>(resource: &R, event: &Value, function: &str) -> Result<Value> {
    plan(|_| Ok(()), resource, event, &FunctionArn::read(function), 0).await
}

/// What the HTTP connector of a test must return in the place of sending `request`: see [`Resource::plan`].
#[must_use]
pub fn instead_of(request: &HttpRequest) -> Option<HttpConnectorFuture> {
    first_change::instead_of(request)
}

/// An event of CloudFormation, and the invocation that gets it.
#[derive(Debug, Clone)]
pub struct Event {
    json: Value,
    function: String,
    invocation: Duration,
    lifecycle: Lifecycle,
}

impl Event {
    /// A Create with these properties.
    #[must_use]
    pub fn create(properties: impl Into<Value>) -> Self {
        Self::new("Create", json!({ "ResourceProperties": properties.into() }))
    }

    /// An Update, or a rollback of one, of the resource of that physical id.
    #[must_use]
    pub fn update(physical_id: &str, old_properties: impl Into<Value>, properties: impl Into<Value>) -> Self {
        Self::new(
            "Update",
            json!({
                "PhysicalResourceId": physical_id,
                "OldResourceProperties": old_properties.into(),
                "ResourceProperties": properties.into(),
            }),
        )
    }

    /// A Delete of the resource of that physical id.
    #[must_use]
    pub fn delete(physical_id: &str, properties: impl Into<Value>) -> Self {
        Self::new("Delete", json!({ "PhysicalResourceId": physical_id, "ResourceProperties": properties.into() }))
    }

    /// The event in `json`, such as one that was recorded. What it lacks of an envelope is made up; its `ResponseURL` is another one,
    /// since that of a record has expired.
    #[must_use]
    pub fn from_json(json: Value) -> Self {
        let mut event = Self::new("Create", json!({}));
        event.add(json);
        event.with("ResponseURL", URL)
    }

    fn new(request_type: &str, members: Value) -> Self {
        let json = json!({
            "RequestType": request_type,
            "ResponseURL": URL,
            "StackId": STACK,
            "RequestId": "5a7e",
            "LogicalResourceId": "Thing",
            "ResourceType": "Custom::Thing",
        });
        let function = FUNCTION.to_owned();
        let mut event = Self { json, function, invocation: Duration::from_mins(15), lifecycle: Lifecycle::default() };
        event.add(members);
        event
    }

    fn add(&mut self, members: Value) {
        let Value::Object(members) = members else { return };
        for (name, value) in members {
            self.json[name] = value;
        }
    }

    /// The same with another member, such as `LogicalResourceId`.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.json[member] = value.into();
        self
    }

    /// The same, for a function of that ARN, which may end in an alias.
    #[must_use]
    pub fn to(self, function: &str) -> Self {
        Self { function: function.to_owned(), ..self }
    }

    /// The same, in invocations that may take so long; 15 minutes by default.
    #[must_use]
    pub fn within(self, invocation: Duration) -> Self {
        Self { invocation, ..self }
    }

    /// The same, where these rules hold.
    #[must_use]
    pub fn under(self, lifecycle: Lifecycle) -> Self {
        Self { lifecycle, ..self }
    }

    /// The event as Lambda hands it over.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// What `resource` answers in the end, in as many invocations as it takes.
    ///
    /// # Panics
    /// If the event is no request that can be answered.
    pub async fn answered_by<R: Resource>(&self, resource: &R) -> Response {
        let invocation = async |request: &Request, clock: Clock| {
            let result = self.lifecycle.answer(resource, request, clock).await;
            resource.settle().await;
            result
        };
        self.answered(invocation).await
    }

    /// What a function answers in the end that [`Server::start`](crate::Server::start) has made: by its types and its rules, and with a
    /// resource that its `build` makes. The type is that of the event, `Custom::Thing` unless [`with`](Self::with) says another `ResourceType`.
    ///
    /// # Panics
    /// If the event is no request that can be answered.
    pub async fn answered_by_function(&self, function: &Function<'_>) -> Response {
        let invocation = async |request: &Request, clock: Clock| {
            let result = function.result_of(request, clock).await;
            function.settle(clock).await;
            result
        };
        self.answered(invocation).await
    }

    #[expect(clippy::panic, reason = "a test fails so")]
    async fn answered(&self, invocation: impl AsyncFn(&Request, Clock) -> InvocationResult) -> Response {
        let hosts = ResponseHosts::in_region("us-east-1");
        let mut event = self.json.clone();
        // A clock that stands still goes on with tokio's.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let start = Instant::now();
        loop {
            let began = u64::try_from((now + start.elapsed()).as_millis()).unwrap_or(u64::MAX);
            let clock = Clock { deadline: Instant::now() + self.invocation, began };
            let envelope = Envelope::read(&event, &self.function, "2026/11/24/[1]ab");
            let request = match envelope.and_then(|envelope| Request::open(&event, envelope, &hosts)) {
                Ok(request) => request,
                Err(unanswerable) => panic!("{unanswerable}"),
            };
            match invocation(&request, clock).await {
                InvocationResult::Answer(response) => return response,
                InvocationResult::Continue { continuation, .. } => event = continued(&event, &continuation),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Status};

    /// A resource that waits for ever, or for so long.
    struct Waits(Option<Duration>);

    impl Resource for Waits {
        type Properties = ();
        type Id = u32;
        type Attributes = ();

        async fn ensure(&self, (): &(), _: Option<&()>, claim: &Claim<u32>) -> Result<()> {
            claim.hold(&7);
            Err(self.0.map_or_else(|| Error::not_yet("no"), |window| Error::not_yet_within(window, "no")))
        }

        async fn remove(&self, _: Option<&()>, _: &Claim<u32>) -> Result<()> {
            Ok(())
        }
    }

    async fn seconds(event: Event, resource: Waits) -> u64 {
        let answer = event.answered_by(&resource).await;
        assert_eq!((answer.status(), answer.physical_resource_id()), (Status::Failed, "7"));
        let reason = answer.reason().unwrap();
        reason.split(' ').find_map(|word| word.parse().ok()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn time_goes_on_from_one_invocation_to_the_next() {
        let create = || Event::create(json!({}));
        // The window is longer than three invocations.
        let waited = seconds(create(), Waits(Some(Duration::from_mins(50)))).await;
        assert!((3000..3020).contains(&waited), "{waited}");
        // CloudFormation waits for an hour, or for as long as the template says.
        let waited = seconds(create(), Waits(None)).await;
        assert!((3570..3600).contains(&waited), "{waited}");
        let impatient = Event::create(json!({"ServiceTimeout": "1200"}));
        let waited = seconds(impatient, Waits(None)).await;
        assert!((1170..1200).contains(&waited), "{waited}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_was_recorded_can_be_answered_again() {
        let url =
            "https://cloudformation-custom-resource-response-useast2.s3.amazonaws.com/a?X-Amz-Date=20200101T000000Z";
        let event = Event::from_json(json!({ "RequestType": "Delete", "PhysicalResourceId": "7", "ResponseURL": url }));
        assert_eq!(event.answered_by(&Waits(None)).await.status(), Status::Success);
    }
}
