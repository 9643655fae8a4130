//! Lambda, with the statements' own library in its processes.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use archipelago_tests::{
    cloudformation::{Event, Handler, Put, signing_date},
    model::Weather,
};
use custom_resource::{
    Claim, Clock, Envelope, InvocationResult, LeftBehind, Lifecycle, Request, Resource, ResponseHosts, Result,
};
use policy_statement::{Attributes, Properties, StatementId, Statements};
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedRwLockReadGuard, RwLock},
    time::{Instant, sleep},
};

use super::{
    bay::{Bay, Process},
    world::World,
};
use crate::shelves::{Shelf, TABLE, aws};

const URL: &str = "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/answer";

/// As in template.yaml.
const INVOCATION: Duration = Duration::from_mins(5);

/// A process that is to die does so at one of its first calls, this many.
const LAST_CALL: usize = 12;

/// The function.
#[derive(Clone)]
pub(super) struct Function(Rc<State>);

struct State {
    world: Rc<World>,
    idle: RefCell<Vec<Instance>>,
    invocations: Cell<usize>,
    killed: Cell<usize>,
}

/// One process of it.
struct Instance {
    resource: Gated,
    process: Arc<Process>,
    weather: Arc<Weather>,
}

impl Function {
    pub(super) fn in_world(world: &Rc<World>) -> Self {
        let (idle, invocations, killed) = <_>::default();
        Self(Rc::new(State { world: Rc::clone(world), idle, invocations, killed }))
    }

    /// How many invocations there were, and how many of them were killed.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.0.invocations.get(), self.0.killed.get())
    }

    fn instance(&self) -> Instance {
        if let Some(idle) = self.0.idle.borrow_mut().pop() {
            return idle;
        }
        let world = &self.0.world;
        let process = Arc::<Process>::default();
        let weather = process.in_weather(world.seed());
        let bay = Bay { world: Rc::clone(world), process: Arc::clone(&process) };
        let statements = Statements::new(&aws(), move |_| bay.clone());
        // Clocks are apart.
        let (clock, ahead) = (Rc::clone(world), world.within(800));
        let client = world.table.client_in(&weather);
        let statements = statements.with_ledger(client, TABLE, move || clock.time(Instant::now()) + ahead);
        let resource = Gated { statements, gate: Arc::clone(&world.gate), kept: RefCell::default() };
        Instance { resource, process, weather }
    }

    /// One invocation; `None` for one that is killed.
    async fn invoke(&self, event: &Value) -> Option<InvocationResult> {
        let State { world, idle, invocations, killed } = &*self.0;
        let Instance { resource, process, weather } = self.instance();
        invocations.set(invocations.get() + 1);
        let dies_at = if world.one_of(10) { 1 + world.dice(LAST_CALL) } else { 0 };
        process.dooms(dies_at);
        let clock = Clock {
            deadline: Instant::now() + INVOCATION,
            began: u64::try_from(world.time(Instant::now()).as_millis()).unwrap(),
        };
        let function = event["ServiceToken"].as_str().unwrap();
        let envelope = Envelope::read(event, function, "log").unwrap();
        let request = Request::open(event, envelope, &ResponseHosts::in_region("eu-west-1")).unwrap();
        let lifecycle = Lifecycle::default();
        let work: Pin<Box<dyn Future<Output = InvocationResult> + '_>> =
            Box::pin(lifecycle.answer(&resource, &request, clock));
        let death = async {
            tokio::select! {
                () = process.death() => {}
                () = weather.death() => {}
            }
        };
        let mut death = Box::pin(death);
        let result = tokio::select! {
            biased;
            () = &mut death => None,
            result = work => Some(result),
        };
        let Some(result) = result else {
            killed.set(killed.get() + 1);
            return None;
        };
        let settling: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(resource.settle());
        let is_alive = tokio::select! {
            biased;
            () = &mut death => false,
            () = settling => true,
        };
        drop(death);
        if is_alive {
            idle.borrow_mut().push(Instance { resource, process, weather });
        } else {
            // The answer is on its way by then.
            killed.set(killed.get() + 1);
        }
        Some(result)
    }
}

impl Handler for Function {
    async fn handle(&self, event: &Event) -> Vec<Put> {
        let world = &self.0.world;
        let date = signing_date(std::time::UNIX_EPOCH + world.time(event.sent()));
        let url = format!("{URL}?X-Amz-Date={date}&X-Amz-Expires=7200&X-Amz-Signature=s");
        let mut sent = event.to_json(&url);
        let name = format!("{} {} {}", event.request_type, event.logical_resource_id, event.request_id);
        loop {
            world.note(&format!("{name} begins"));
            match self.invoke(&sent).await {
                Some(InvocationResult::Answer(response)) => {
                    let answer: Value = serde_json::from_str(&response.body()).unwrap();
                    let reason = &answer["Reason"];
                    assert!(!reason.to_string().contains("a defect in this handler"), "{reason}");
                    world.note(&format!("{name}: {} {} {reason}", answer["Status"], answer["PhysicalResourceId"]));
                    return vec![Put::of(&answer)];
                }
                Some(InvocationResult::Continue { continuation, .. }) => {
                    sent["Continuation"] = serde_json::to_value(continuation).unwrap();
                }
                None => {
                    world.note(&format!("{name} dies"));
                    return self.answered_for(event, &sent).await;
                }
            }
        }
    }
}

impl Function {
    /// What is answered for a process that was killed: half of them CloudFormation waits for in vain.
    async fn answered_for(&self, event: &Event, sent: &Value) -> Vec<Put> {
        let world = &self.0.world;
        if world.one_of(2) {
            return std::future::pending().await;
        }
        sleep(world.within(20_000)).await;
        let held = sent["Continuation"]["HeldId"].as_str().or(event.physical_resource_id.as_deref());
        vec![Put::of(&json!({
            "Status": "FAILED",
            "Reason": "killed",
            "PhysicalResourceId": held.unwrap_or("something-may-have-been-made"),
            "StackId": event.stack_id,
            "RequestId": event.request_id,
            "LogicalResourceId": event.logical_resource_id,
        }))]
    }
}

/// Statements whose attempts are known to be at work.
struct Gated {
    statements: Statements<Bay>,
    gate: Arc<RwLock<()>>,
    /// Until the lease is given back.
    kept: RefCell<Vec<OwnedRwLockReadGuard<()>>>,
}

impl Gated {
    async fn attempt<T>(&self, attempt: impl Future<Output = Result<T>>) -> Result<T> {
        let guard = Arc::clone(&self.gate).read_owned().await;
        let ended = attempt.await;
        if ended.is_ok() {
            self.kept.borrow_mut().push(guard);
        }
        ended
    }
}

impl Resource for Gated {
    type Properties = Properties<Shelf>;
    type Id = StatementId<Shelf>;
    type Attributes = Attributes;
    const KEEPS_ORDER: bool = true;

    async fn ensure(
        &self,
        desired: &Self::Properties,
        previous: Option<&Self::Properties>,
        claim: &Claim<Self::Id>,
    ) -> Result<Attributes> {
        self.attempt(Box::pin(self.statements.ensure(desired, previous, claim))).await
    }

    async fn remove(&self, last: Option<&Self::Properties>, claim: &Claim<Self::Id>) -> Result<()> {
        self.attempt(Box::pin(self.statements.remove(last, claim))).await
    }

    async fn take_back(
        &self,
        cancelled: &Self::Properties,
        desired: &Self::Properties,
        left: &LeftBehind,
        claim: &Claim<Self::Id>,
    ) -> Result<()> {
        self.attempt(Box::pin(self.statements.take_back(cancelled, desired, left, claim))).await
    }

    async fn give_up(&self, claim: &Claim<Self::Id>) {
        self.statements.give_up(claim).await;
    }

    async fn settle(&self) {
        self.statements.settle().await;
        self.kept.take();
    }
}
