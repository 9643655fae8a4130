//! The process: Lambda's events in, one PUT out for each.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use futures_util::future::join_all;
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde_json::{Value, value::RawValue};
use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    Requests, Resource, ResponseHosts, Unanswerable,
    configuration::configuration,
    continuation::SelfInvocation,
    deliver::{LAST_MOMENT, deliver},
    event::{self, Envelope, Request},
    http::{self, Sdk},
    lifecycle::{self, Clock, Outcome},
    metrics::{self, Operation, measured},
    response::{PERHAPS_MADE, Response, Status},
    telemetry,
    undelivered::Undelivered,
    warm_up::warm_up,
};

/// Serves Lambda's events until the process ends, with the resource that `build` makes of the AWS configuration.
///
/// # Errors
/// When the process can't start: an unreadable certificate bundle, or no Runtime API.
pub async fn serve<R: Resource>(build: impl FnOnce(&SdkConfig) -> R) -> Result<(), lambda_runtime::Error> {
    telemetry::start_log::<R>();
    let http = http::client()?;
    let aws = configuration(Sdk(http.clone())).await;
    let function = Function {
        resource: build(&aws),
        requests: Requests::from_environment(&aws),
        http,
        hosts: ResponseHosts::from_environment(),
        again: SelfInvocation::new(&aws),
    };
    // Apart from the rest, which is there as long as the process.
    warm_up(Box::pin(async {
        let requests = async {
            if let Some(requests) = &function.requests {
                requests.warm_up().await;
            }
        };
        tokio::join!(requests, function.resource.warm_up());
    }))
    .await;
    lambda_runtime::run(service_fn(|event| function.handle(event))).await
}

struct Function<R> {
    resource: R,
    requests: Option<Requests>,
    http: reqwest::Client,
    hosts: ResponseHosts,
    again: SelfInvocation,
}

impl<R: Resource> Function<R> {
    /// No error where CloudFormation has been told how it ended, however that was. What it couldn't be told is the error, for
    /// whoever answers in the function's place. Lambda must not run the event again: its retries are 0.
    async fn handle(&self, LambdaEvent { payload, context }: LambdaEvent<Box<RawValue>>) -> Result<(), Undelivered> {
        let clock = Clock::of(&context);
        let (context, events) = (&context, event::unwrapped(&payload).into_iter());
        let work = |event| Box::pin(measured(self.work_on(event, context, clock)));
        Undelivered::of(join_all(events.map(work)).await.into_iter().flatten().collect())
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
        let response = match lifecycle::answer(&self.resource, self.requests.as_ref(), request, clock).await {
            Outcome::Answer(response) => response,
            Outcome::Continue { past, reason } => {
                let event = event::continued(event, &past);
                // The other half is for the answer, if Lambda doesn't take it.
                let now = Instant::now();
                let until = now + clock.deadline.saturating_duration_since(now) / 2;
                match Box::pin(self.again.invoke(&context.invoked_function_arn, &event, until)).await {
                    Ok(()) => {
                        tracing::info!(%reason, "sent on to the next invocation");
                        return (Operation::of(request, metrics::Outcome::Continued, clock.began), None);
                    }
                    Err(why) => {
                        let reason = format!("{reason}; the function could not invoke itself to go on: {why}");
                        // What was waited for may be a call whose answer was lost.
                        let held = past.held.as_deref().unwrap_or(PERHAPS_MADE);
                        Response::failed(&request.envelope, Some(held), &reason)
                    }
                }
            }
        };
        self.send(request, response, clock).await
    }

    async fn send(&self, request: &Request, response: Response, clock: Clock) -> (Operation, Option<Response>) {
        let id = response.physical_resource_id();
        let outcome = match response.status() {
            Status::Success => {
                tracing::info!(id, "SUCCESS");
                metrics::Outcome::Success
            }
            Status::Failed => {
                tracing::warn!(id, reason = response.reason(), "FAILED");
                metrics::Outcome::Failed
            }
        };
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

impl Clock {
    /// Where the invocation of this context stands now. Lambda states the deadline as a time of day; the loop counts on
    /// a clock that nobody sets.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = Duration::from_millis(context.deadline).saturating_sub(began);
        Self { deadline: Instant::now() + left, began: u64::try_from(began.as_millis()).unwrap_or(u64::MAX) }
    }
}
