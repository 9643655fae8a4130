//! Lambda, with a resource in this process in the place of a function's binary.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Debug};
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use custom_resource::{
    Clock, Envelope, InvocationResult, Lifecycle, Request, RequestTable, Resource as _, ResponseHosts,
};
use serde_json::{Value, json};
use tokio::select;
use tokio::time::{Instant, sleep, sleep_until};

use super::dynamodb::DynamoDb;
use super::http::configuration;
use super::played_aws::PlayedAws;
use super::weather::Weather;
use crate::cloudformation::{Event, Handler, Put, signing_date};

const URL: &str = "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/answer";

/// What the library's fallback responder answers for a process that was killed, where CloudFormation gave no id.
const PERHAPS_MADE: &str = "something-may-have-been-made";

/// How long a process may still live, after its time is over, before Lambda ends it.
const GRACE: Duration = Duration::from_millis(500);

/// The function of a type, and the played AWS on which it works.
pub struct Process<A: PlayedAws> {
    /// The played AWS.
    pub aws: A,
    /// Its weather.
    pub weather: Arc<Weather>,
    /// How long one invocation may take.
    pub invocation: Cell<Duration>,
    /// When the next process is killed, after its start.
    pub killed_after: Cell<Option<Duration>>,
    tables: Arc<DynamoDb>,
    lifecycle: Lifecycle,
    began: Cell<(Instant, u64)>,
    idle: RefCell<Vec<A::Resource>>,
}

impl<A: PlayedAws> Debug for Process<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("aws", &self.aws).finish_non_exhaustive()
    }
}

impl<A: PlayedAws> Process<A> {
    /// The function over a played AWS of its own, in that weather.
    pub fn new(weather: Weather) -> Self {
        let weather = Arc::new(weather);
        let tables = Arc::new(DynamoDb::new(&[("requests", &["Resource"])]));
        let requests = RequestTable::new(&configuration(tables.clone(), Arc::clone(&weather)), "requests");
        Self {
            aws: A::new(Arc::clone(&weather)),
            lifecycle: Lifecycle { requests: Some(requests), ..Lifecycle::default() },
            tables,
            weather,
            invocation: Cell::default(),
            killed_after: Cell::default(),
            began: Cell::new((Instant::now(), 0)),
            idle: RefCell::default(),
        }
    }

    /// Lets a life begin now, in an AWS without anything of ours.
    pub fn begin(&self) {
        let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // At a whole second, as URLs say it: what is rounded is rounded in the same way in each life.
        self.began.set((Instant::now(), today.as_secs() * 1000));
        self.weather.begin();
        self.aws.begin();
        self.tables.begin();
        // Clients draw random numbers when they are built, and what waits for a random time waits for the same in the same
        // life.
        if A::REMEMBERS {
            self.idle.borrow_mut().clear();
        }
        if self.idle.borrow().is_empty() {
            let resource = self.aws.process();
            self.idle.borrow_mut().push(resource);
        }
        fastrand::seed(7);
    }

    /// Milliseconds since 1970, by a clock for which waits take no time.
    pub(super) fn time(&self, at: Instant) -> u64 {
        let (began, began_at) = self.began.get();
        began_at + u64::try_from(at.duration_since(began).as_millis()).unwrap_or_default()
    }

    /// The URL of an event, as CloudFormation signs it.
    fn url(&self, event: &Event) -> String {
        let date = signing_date(UNIX_EPOCH + Duration::from_millis(self.time(event.sent())));
        format!("{URL}?X-Amz-Date={date}&X-Amz-Expires=7200&X-Amz-Signature=s")
    }

    /// One invocation; `None` for one that was killed.
    async fn invoke(&self, event: &Value) -> Option<InvocationResult> {
        let resource = self.idle.borrow_mut().pop().unwrap_or_else(|| self.aws.process());
        let deadline = Instant::now() + self.invocation.get();
        let clock = Clock { deadline, began: self.time(Instant::now()) };
        let function = event["ServiceToken"].as_str().unwrap_or_default();
        let envelope = Envelope::read(event, function, "log").expect("the simulator's events have an envelope");
        let request = Request::open(event, envelope, &ResponseHosts::in_region("eu-west-1"))
            .expect("the URL is of CloudFormation");
        let killed_after = self.killed_after.take();
        let killed = async {
            match killed_after {
                Some(after) => sleep(after).await,
                None => pending().await,
            }
        };
        let death = async {
            select! {
                () = killed => {}
                () = self.weather.death() => {}
            }
        };
        let mut death = Box::pin(death);
        // The types of the SDKs' futures are too deep to be parts of other types.
        let work: Pin<Box<dyn Future<Output = InvocationResult> + '_>> =
            Box::pin(self.lifecycle.answer(&resource, &request, clock));
        let result = select! {
            biased;
            result = work => result,
            () = &mut death => return None,
        };
        assert!(Instant::now() + GRACE < deadline || self.invocation.get() <= 2 * GRACE, "the answer comes too late");
        let settling: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(resource.settle());
        let is_alive = select! {
            biased;
            () = settling => true,
            // The answer is on its way by then.
            () = &mut death => false,
            () = sleep_until(deadline) => false,
        };
        if !is_alive {
            return Some(result);
        }
        self.idle.borrow_mut().push(resource);
        Some(result)
    }
}

impl<A: PlayedAws> Handler for &Process<A> {
    async fn handle(&self, event: &Event) -> Vec<Put> {
        let mut sent = event.to_json(&self.url(event));
        loop {
            let answer = match self.invoke(&sent).await {
                Some(InvocationResult::Answer(response)) => serde_json::from_str(&response.body()).unwrap_or_default(),
                Some(InvocationResult::Continue { continuation, .. }) => {
                    sent["Continuation"] = serde_json::to_value(continuation).unwrap_or_default();
                    continue;
                }
                None => killed(event, &sent),
            };
            return vec![Put::of(&answer)];
        }
    }
}

/// What the library's fallback responder answers for a process that was killed.
fn killed(event: &Event, sent: &Value) -> Value {
    let held = sent["Continuation"]["HeldId"].as_str().or(event.physical_resource_id.as_deref());
    json!({
        "Status": "FAILED",
        "Reason": "killed",
        "PhysicalResourceId": held.unwrap_or(PERHAPS_MADE),
        "StackId": event.stack_id,
        "RequestId": event.request_id,
        "LogicalResourceId": event.logical_resource_id,
    })
}
