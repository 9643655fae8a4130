//! Lambda's events in, one PUT out for each request in them.

use std::panic::AssertUnwindSafe;

use futures_util::{
    FutureExt,
    future::{LocalBoxFuture, join_all},
};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, value::RawValue};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::{
    Clock, Envelope, FunctionArn, Known, Lifecycle, Resource, ResponseHosts, Result, Unanswerable,
    built::{Build, Built},
    continuation::SelfInvocation,
    deliver::{LAST_MOMENT, deliver},
    event::{self, Request},
    lifecycle::InvocationResult,
    metrics::{self, Operation, measured},
    other_event::{self, OtherAdmission},
    plan, records,
    response::Response,
    telemetry, trace_header,
    undelivered::Undelivered,
};

/// A function that has started.
pub struct Function<'a> {
    pub(crate) types: Vec<ServedType<'a>>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) admit_other: OtherAdmission,
    pub(crate) metrics: Option<&'static str>,
    pub(crate) http: reqwest::Client,
    pub(crate) hosts: ResponseHosts,
    pub(crate) next: SelfInvocation,
}

/// A type that the function serves; without a name, all that have none.
pub(crate) struct ServedType<'a> {
    name: Option<&'static str>,
    resource: Box<dyn Served + 'a>,
}

impl<'a> ServedType<'a> {
    pub(crate) fn new<R: Resource + 'a>(name: Option<&'static str>, resource: Built<R, impl Build<R> + 'a>) -> Self {
        Self { name, resource: Box::new(resource) }
    }
}

/// A resource, whatever its types are.
trait Served {
    fn build(&self) -> LocalBoxFuture<'_, ()>;
    fn warm_up(&self) -> LocalBoxFuture<'_, ()>;
    fn answer<'a>(
        &'a self,
        lifecycle: &'a Lifecycle,
        request: &'a Request,
        clock: Clock,
    ) -> LocalBoxFuture<'a, InvocationResult>;
    fn fail<'a>(
        &'a self,
        lifecycle: &'a Lifecycle,
        request: &'a Request,
        held_id: Option<String>,
        reason: String,
        clock: Clock,
    ) -> LocalBoxFuture<'a, Response>;
    fn settle(&self) -> LocalBoxFuture<'_, ()>;
    fn plan<'a>(
        &'a self,
        lifecycle: &'a Lifecycle,
        event: &'a Value,
        function: &'a FunctionArn,
        now: u64,
    ) -> LocalBoxFuture<'a, Result<Value>>;
    fn other_event<'a>(
        &'a self,
        event: &'a Value,
        function: &'a FunctionArn,
    ) -> LocalBoxFuture<'a, Option<Result<Value>>>;
}

impl<R: Resource, B: Build<R>> Served for Built<R, B> {
    fn build(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(self.build())
    }

    fn warm_up(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(Resource::warm_up(self))
    }

    fn answer<'a>(
        &'a self,
        lifecycle: &'a Lifecycle,
        request: &'a Request,
        clock: Clock,
    ) -> LocalBoxFuture<'a, InvocationResult> {
        Box::pin(lifecycle.answer(self, request, clock))
    }

    fn fail<'a>(
        &'a self,
        lifecycle: &'a Lifecycle,
        request: &'a Request,
        held_id: Option<String>,
        reason: String,
        clock: Clock,
    ) -> LocalBoxFuture<'a, Response> {
        Box::pin(async move { lifecycle.fail(self, request, held_id, &reason, clock).await })
    }

    fn settle(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(Resource::settle(self))
    }

    fn plan<'a>(
        &'a self,
        lifecycle: &'a Lifecycle,
        event: &'a Value,
        function: &'a FunctionArn,
        now: u64,
    ) -> LocalBoxFuture<'a, Result<Value>> {
        Box::pin(plan::plan(lifecycle.admission, self, event, function, now))
    }

    fn other_event<'a>(
        &'a self,
        event: &'a Value,
        function: &'a FunctionArn,
    ) -> LocalBoxFuture<'a, Option<Result<Value>>> {
        Box::pin(Resource::other_event(self, event, function))
    }
}

impl Function<'_> {
    /// Builds what can be built before the first request.
    pub(crate) async fn build(&self) {
        join_all(self.types.iter().map(|of| of.resource.build())).await;
    }

    pub(crate) async fn warm_up(&self) {
        let requests = async {
            if let Some(requests) = &self.lifecycle.requests {
                requests.warm_up().await;
            }
        };
        tokio::join!(requests, join_all(self.types.iter().map(|of| of.resource.warm_up())));
    }

    /// Works on the requests in an event of Lambda, and answers them.
    ///
    /// No error where CloudFormation has been told how it ended, however that was. What it couldn't be told is the error, for
    /// whoever answers in the function's place. Lambda must not run the event again: its retries are 0.
    ///
    /// The value is null, or what a resource answers an event that is no request of CloudFormation: see [`Resource::other_event`].
    ///
    /// # Errors
    /// See [`Undelivered`].
    pub async fn handle(
        &self,
        LambdaEvent { payload, context }: LambdaEvent<Box<RawValue>>,
    ) -> Result<Value, Undelivered> {
        let clock = Clock::of(&context);
        let events = records::unwrapped(&payload);
        if let [Ok(event)] = events.as_slice()
            && other_event::is_other(event)
            && !records::is_wrapped(&payload)
            && let Some(answer) = trace_header::of(&context, self.other_event(event, &context, clock)).await
        {
            return Ok(answer);
        }
        let work = |event| Box::pin(measured(self.metrics, self.work_on(event, &context, clock)));
        let answers = trace_header::of(&context, join_all(events.into_iter().map(work))).await;
        Undelivered::of(answers.into_iter().flatten().collect()).map(|()| Value::Null)
    }

    /// What is returned for an event that is no request of CloudFormation; `None` if it is for nobody here.
    async fn other_event(&self, event: &Value, context: &Context, clock: Clock) -> Option<Value> {
        let resource_type = event.get("ResourceType").and_then(Value::as_str);
        let of = match (resource_type, self.types.as_slice()) {
            (None, [one]) => one,
            (resource_type, _) => self.served(resource_type.unwrap_or_default())?,
        };
        let function = FunctionArn::read(&context.invoked_function_arn);
        if let Err(reason) = (self.admit_other)(&function) {
            return Some(other_event::failed(&reason));
        }
        let work = async {
            if plan::is_plan(event) {
                return Some(of.resource.plan(&self.lifecycle, event, &function, clock.began).await);
            }
            of.resource.other_event(event, &function).await
        };
        let answer = other_event::answered(work, clock.deadline - 4 * LAST_MOMENT).await?;
        self.settle(clock).await;
        Some(answer)
    }

    /// What serves that type.
    fn served(&self, resource_type: &str) -> Option<&ServedType<'_>> {
        let of_that_name = self.types.iter().find(|of| of.name.is_some_and(|name| name == resource_type));
        of_that_name.or_else(|| self.types.iter().find(|of| of.name.is_none()))
    }

    /// Returns the answer if it couldn't be delivered.
    async fn work_on(
        &self,
        event: Result<Value, Unanswerable>,
        context: &Context,
        clock: Clock,
    ) -> (Operation, Option<Response>) {
        let read = event.and_then(|event| {
            let envelope = Envelope::read(&event, &context.invoked_function_arn, &context.env_config.log_stream)?;
            Ok((event, envelope))
        });
        let (event, envelope) = match read {
            Ok(read) => read,
            Err(unanswerable) => return nothing_done(&unanswerable),
        };
        let span = telemetry::span(&envelope);
        let work = async {
            match Request::open(&event, envelope, &self.hosts) {
                Ok(request) => self.answer(&event, &request, context, clock).await,
                Err(unanswerable) => nothing_done(&unanswerable),
            }
        };
        work.instrument(span).await
    }

    async fn answer(
        &self,
        event: &Value,
        request: &Request,
        context: &Context,
        clock: Clock,
    ) -> (Operation, Option<Response>) {
        let response = match self.result_of(request, clock).await {
            InvocationResult::Answer(response) => response,
            InvocationResult::Continue { continuation, reason } => {
                let event = event::continued(event, &continuation);
                // The other half is for the answer, if Lambda doesn't take it.
                let now = Instant::now();
                let until = now + clock.deadline.saturating_duration_since(now) / 2;
                match Box::pin(self.next.invoke(&context.invoked_function_arn, &event, until)).await {
                    Ok(()) => {
                        tracing::info!(%reason, "sent on to the next invocation");
                        self.settle(clock).await;
                        return (Operation::of(request, metrics::Outcome::Continued, clock.began), None);
                    }
                    Err(why) => {
                        let reason = format!("{reason}; the function could not invoke itself to go on: {why}");
                        self.fail(request, continuation.held_id, reason, clock).await
                    }
                }
            }
        };
        let (sent, ()) = tokio::join!(Box::pin(self.send(request, response, clock)), self.settle(clock));
        sent
    }

    /// What nobody has to wait for, as far as there is time. A defect in it has no answer any more.
    pub(crate) async fn settle(&self, clock: Clock) {
        let settled = async {
            for of in &self.types {
                if AssertUnwindSafe(of.resource.settle()).catch_unwind().await.is_err() {
                    tracing::error!("a defect in this handler stopped what it does after an answer");
                }
            }
        };
        if timeout_at(clock.deadline - LAST_MOMENT, settled).await.is_err() {
            tracing::warn!("the function's time ran out before all was settled");
        }
    }

    /// What becomes of a request, before anybody is told.
    pub(crate) async fn result_of(&self, request: &Request, clock: Clock) -> InvocationResult {
        let resource_type = &request.envelope.resource_type;
        if let Some(of) = self.served(resource_type) {
            return of.resource.answer(&self.lifecycle, request, clock).await;
        }
        let served = self.types.iter().filter_map(|of| of.name).collect::<Vec<_>>().join(", ");
        self.lifecycle.refuse(request, format!("this function serves {served}, and not {resource_type}"))
    }

    /// What a request is answered that can't go on.
    async fn fail(&self, request: &Request, held_id: Option<String>, reason: String, clock: Clock) -> Response {
        match self.served(&request.envelope.resource_type) {
            Some(of) => of.resource.fail(&self.lifecycle, request, held_id, reason, clock).await,
            None => Response::failed(&request.envelope, Known::of_text(request.id_with(held_id.as_deref())), &reason),
        }
    }

    async fn send(&self, request: &Request, response: Response, clock: Clock) -> (Operation, Option<Response>) {
        let outcome = telemetry::answered(&response);
        let body = response.body();
        let (outcome, undelivered) = match deliver(&self.http, &request.url, &body, clock.deadline - LAST_MOMENT).await
        {
            Ok(tries) => {
                tracing::info!(tries, "answered");
                (outcome, None)
            }
            Err(undelivered) => {
                tracing::error!(%undelivered, "CloudFormation has no answer");
                (metrics::Outcome::Undelivered, Some(response.kept(&request.envelope)))
            }
        };
        (Operation::of(request, outcome, clock.began).in_bytes(body.len()), undelivered)
    }
}

fn nothing_done(unanswerable: &Unanswerable) -> (Operation, Option<Response>) {
    tracing::error!(%unanswerable, "nothing was done");
    (Operation::UNANSWERABLE, None)
}
