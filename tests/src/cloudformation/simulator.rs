//! Plays CloudFormation against whatever answers events: a function's binary, a resource in this process, a closure.

use std::fmt::Write as _;
use std::future::Future;
use std::time::Duration;

use serde_json::Value;

use super::answer::{Answer, Put, Violation, Violations};
use super::event::{Event, RequestType};
use super::resource::{Resource, Status};

/// Whatever answers events.
#[expect(async_fn_in_trait, reason = "whether it is Send is for each handler to say: a resource in this process isn't")]
pub trait Handler {
    /// Handles one delivery of an event to its end; returns the PUTs that arrived since the last call for it.
    async fn handle(&self, event: &Event) -> Vec<Put>;
}

impl<F, Handling> Handler for F
where
    F: Fn(Event) -> Handling,
    Handling: Future<Output = Vec<Put>>,
{
    async fn handle(&self, event: &Event) -> Vec<Put> {
        self(event.clone()).await
    }
}

/// How often an event reaches its handler: asynchronous invocations promise "at least once".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Once.
    #[default]
    Once,
    /// Again after the first was answered.
    Twice,
    /// Twice at the same time.
    AtOnce,
    /// Once, after it has waited for its turn at Lambda for so long.
    After(Duration),
}

/// One event and what came of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The event.
    pub event: Event,
    /// Every PUT to its URL.
    pub puts: Vec<Put>,
    /// The answer that CloudFormation took: the first that was stored, if it could be understood.
    pub answer: Option<Answer>,
    /// Every rule of the protocol that was broken.
    pub violations: Violations,
}

/// An operation on the stack, from its first event until the stack stands still.
#[derive(Clone, Debug)]
pub struct Run {
    /// Each event, in order.
    pub steps: Vec<Step>,
    /// Where the stack stands.
    pub status: Status,
}

impl Run {
    /// Panics with every broken rule, if there is one.
    #[must_use]
    pub fn sound(self) -> Self {
        let mut report = String::new();
        for step in &self.steps {
            for violation in &step.violations {
                let _ = writeln!(report, "{} {}: {violation}", step.event.request_type, step.event.request_id);
            }
        }
        assert!(report.is_empty(), "the protocol was broken:\n{report}");
        self
    }

    /// All broken rules.
    #[must_use]
    pub fn violations(&self) -> Vec<&str> {
        self.steps.iter().flat_map(|step| &step.violations).map(|violation| violation.0.as_str()).collect()
    }

    /// The reason of the first FAILED answer.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        let failed = self.steps.iter().filter_map(|step| step.answer.as_ref()).find(|answer| !answer.success);
        failed.and_then(|answer| answer.reason.as_deref())
    }

    /// The kinds of its events, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestType> {
        self.steps.iter().map(|step| step.event.request_type).collect()
    }
}

/// CloudFormation with one stack that holds one custom resource.
#[derive(Debug)]
pub struct Simulator<H> {
    /// Whatever answers.
    pub handler: H,
    /// What CloudFormation knows.
    pub resource: Resource,
    /// How often each event is delivered.
    pub delivery: Delivery,
    /// How long an answer may take.
    pub service_timeout: Duration,
    /// How long CloudFormation takes from an answer to its next request.
    pub pause: Duration,
}

impl<H: Handler> Simulator<H> {
    /// Events are delivered once, and answers may take an hour.
    pub fn new(handler: H, resource: Resource) -> Self {
        Self {
            handler,
            resource,
            delivery: Delivery::Once,
            service_timeout: Duration::from_hours(1),
            pause: Duration::ZERO,
        }
    }

    /// Creates the stack, with the rollback if it fails.
    pub async fn create(&mut self, properties: &Value) -> Run {
        let first = self.resource.create(properties);
        self.run(first).await
    }

    /// Updates the stack, with the clean-up or the rollback that follows.
    pub async fn update(&mut self, properties: &Value) -> Run {
        let first = self.resource.update(properties);
        self.run(first).await
    }

    /// Deletes the stack.
    pub async fn delete(&mut self) -> Run {
        let first = self.resource.delete();
        self.run(first).await
    }

    /// Creates the stack, and cancels it once `when` is over: the Delete runs beside the Create.
    pub async fn cancelled_create(&mut self, properties: &Value, when: impl Future<Output = ()>) -> Run {
        match self.resource.create(properties) {
            Some(first) => self.cancel(first, when).await,
            None => self.run(None).await,
        }
    }

    /// Updates the stack, and cancels it once `when` is over: the rollback runs beside the Update.
    pub async fn cancelled_update(&mut self, properties: &Value, when: impl Future<Output = ()>) -> Run {
        match self.resource.update(properties) {
            Some(first) => self.cancel(first, when).await,
            None => self.run(None).await,
        }
    }

    /// Sends events and takes answers until the stack stands still.
    pub async fn run(&mut self, first: Option<Event>) -> Run {
        let mut steps = Vec::new();
        let mut next = first;
        while let Some(event) = next {
            tokio::time::sleep(self.pause).await;
            let mut step = self.deliver(&event).await;
            next = take(&mut self.resource, &mut step);
            steps.push(step);
        }
        Run { steps, status: self.resource.status() }
    }

    /// Delivers an event without reading its answer: a delivery that comes too late.
    pub async fn deliver(&self, event: &Event) -> Step {
        deliver(&self.handler, event, self.delivery, self.service_timeout).await
    }

    /// Sends the first event of a Create or an Update, and cancels it once `when` is over. Its handling goes on beside all
    /// that follows, and its answer isn't read, even if it came before.
    pub async fn cancel(&mut self, first: Event, when: impl Future<Output = ()>) -> Run {
        let mut next = self.resource.cancel();
        let Self { handler, resource, delivery, service_timeout, pause } = self;
        let (handler, delivery, service_timeout, pause) = (&*handler, *delivery, *service_timeout, *pause);
        tokio::time::sleep(pause).await;
        let of_the_rest = if matches!(delivery, Delivery::After(_)) { Delivery::Once } else { delivery };
        let (running, rest) = tokio::join!(deliver(handler, &first, delivery, service_timeout), async {
            when.await;
            let mut steps = Vec::new();
            while let Some(event) = next {
                let mut step = deliver(handler, &event, of_the_rest, service_timeout).await;
                next = take(resource, &mut step);
                steps.push(step);
                tokio::time::sleep(pause).await;
            }
            steps
        });
        let steps = std::iter::once(running).chain(rest).collect();
        Run { steps, status: self.resource.status() }
    }
}

fn take(resource: &mut Resource, step: &mut Step) -> Option<Event> {
    resource.answered(&step.event, step.answer.as_ref()).unwrap_or_else(|violation| {
        step.violations.push(violation);
        None
    })
}

async fn deliver(handler: &impl Handler, event: &Event, delivery: Delivery, service_timeout: Duration) -> Step {
    event.sent();
    // What a handler does is large, and would be here once for each of these ways.
    let once = || async { tokio::time::timeout(service_timeout, Box::pin(handler.handle(event))).await.ok() };
    let ended = match delivery {
        Delivery::Once => vec![once().await],
        // CloudFormation waits for the first, and doesn't know of the second.
        Delivery::Twice => vec![once().await, once().await],
        Delivery::AtOnce => <[_; 2]>::from(tokio::join!(once(), once())).into(),
        Delivery::After(wait) => {
            tokio::time::sleep(wait).await;
            vec![once().await]
        }
    };
    let deliveries = ended.len();
    if let Some(puts) = ended.into_iter().collect::<Option<Vec<_>>>() {
        return judge(event.clone(), puts.concat(), deliveries);
    }
    let violation = Violation(format!("no answer within the ServiceTimeout of {service_timeout:?}"));
    Step { event: event.clone(), puts: Vec::new(), answer: None, violations: vec![violation] }
}

fn judge(event: Event, puts: Vec<Put>, deliveries: usize) -> Step {
    let mut violations = Vec::new();
    let mut answer = None;
    let stored: Vec<&Put> = puts.iter().filter(|put| put.stored()).collect();
    for (index, put) in stored.iter().enumerate() {
        match Answer::read(&event, put) {
            Ok(read) if index == 0 => answer = Some(read),
            Ok(_) => {}
            Err(broken) => violations.extend(broken),
        }
    }
    match stored.len() {
        0 => violations.push(Violation("no answer: CloudFormation would wait until the ServiceTimeout".to_owned())),
        found if found != deliveries => {
            violations.push(Violation(format!("{found} answers to {deliveries} deliveries, one each is right")));
        }
        _ => {}
    }
    Step { event, puts, answer, violations }
}
