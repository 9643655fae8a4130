//! A stack with one claim, with CloudFormation's side of it.

use std::{rc::Rc, time::Duration};

use archipelago_tests::cloudformation::{Delivery, Event, RequestType, Resource, Simulator, Status, Step};
use custom_resource::Owner;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{bay::UNKNOWN, expected::of, function::Function, world::World};

/// CloudFormation signs its requests by the second.
const PAUSE: Duration = Duration::from_secs(1);

/// How long it waits for answers at most.
const PATIENCE: Duration = Duration::from_mins(20);

/// A stack.
pub(super) struct Stack {
    world: Rc<World>,
    number: usize,
    version: u64,
    simulator: Simulator<Function>,
    /// How often it was created, updated or deleted, rollbacks aside, and how often that went well.
    pub(super) operations: usize,
    pub(super) successes: usize,
    /// Each rule that was broken.
    pub(super) violations: Vec<String>,
}

impl Stack {
    pub(super) fn new(number: usize, seed: u64, function: Function, world: &Rc<World>) -> Self {
        let resource = Resource::new(
            &format!("stack-{number}"),
            &format!("Pull{number}"),
            "Custom::ShelfStatement",
            seed.wrapping_add(u64::try_from(number).unwrap()),
        );
        let simulator = Simulator { service_timeout: PATIENCE, pause: PAUSE, ..Simulator::new(function, resource) };
        let (operations, successes, violations) = <_>::default();
        Self { world: Rc::clone(world), number, version: 0, simulator, operations, successes, violations }
    }

    /// One operation, after a while.
    pub(super) async fn acts(&mut self) {
        let wait = if self.world.one_of(3) { 240_000 } else { 4_000 };
        sleep(self.world.within(wait)).await;
        self.simulator.delivery = match self.world.dice(20) {
            0 => Delivery::Twice,
            1 => Delivery::AtOnce,
            2 => Delivery::After(self.world.within(30_000)),
            _ => Delivery::Once,
        };
        if self.stands() && self.world.one_of(3) { self.deletes().await } else { self.puts().await }
    }

    /// Creates it, or updates it to its next version.
    pub(super) async fn puts(&mut self) {
        self.version += 1;
        let properties = self.properties();
        let resource = &mut self.simulator.resource;
        let first = resource.update(&properties).or_else(|| resource.create(&properties));
        self.runs(first).await;
    }

    pub(super) async fn deletes(&mut self) {
        let first = self.simulator.resource.delete();
        self.runs(first).await;
    }

    fn properties(&self) -> Value {
        let (world, number, version) = (&self.world, u64::try_from(self.number).unwrap(), self.version);
        let pull = |more: u64| {
            let account = if world.one_of(15) {
                format!("{UNKNOWN}{number:03}{version:06}")
            } else {
                format!("{:03}{number:03}{:06}", 222 + more, version)
            };
            json!({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "ecr:BatchGetImage"})
        };
        let statement = if self.number % 4 == 3 { json!([pull(0), pull(1)]) } else { pull(0) };
        let mut properties = json!({"ShelfName": "app", "Statement": statement});
        if world.one_of(4) {
            properties["ServiceTimeout"] = (20 + self.world.within(200).as_millis()).to_string().into();
        }
        properties
    }

    fn stands(&self) -> bool {
        let standing = [Status::CreateComplete, Status::UpdateComplete, Status::UpdateRollbackComplete];
        standing.contains(&self.simulator.resource.status())
    }

    async fn runs(&mut self, first: Option<Event>) {
        let Some(first) = first else { return };
        self.operations += 1;
        let mark = Owner::new(&*first.stack_id, &*first.logical_resource_id).mark();
        self.world.expected.borrow_mut().begins(&mark, &first.logical_resource_id);
        let is_cancelled = first.request_type != RequestType::Delete && self.world.one_of(12);
        let mut next = Some(first);
        if is_cancelled {
            let when = sleep(self.world.within(8_000));
            let run = self.simulator.cancel(next.take().unwrap(), when).await;
            for step in run.steps {
                self.judges(&step);
            }
            next = self.after_failure();
        }
        let mut tries = 0;
        while let Some(event) = next {
            sleep(PAUSE).await;
            self.simulator.service_timeout = timeout(&event);
            let step = self.simulator.deliver(&event).await;
            self.judges(&step);
            if tries == 0 && step.answer.as_ref().is_some_and(|answer| answer.success) {
                self.successes += 1;
            }
            if event.request_type == RequestType::Create {
                self.says_nothing_was_made(&mark, &step).await;
            }
            next = match self.simulator.resource.answered(&event, step.answer.as_ref()) {
                Ok(next) => next.or_else(|| self.after_failure()),
                Err(violation) => {
                    self.violations.push(violation.0);
                    None
                }
            };
            tries += 1;
            assert!(tries < 40, "it goes on for ever: {}", self.simulator.resource.status());
        }
        self.world.expected.borrow_mut().ends(&mark, self.claimed(&mark));
        self.simulator.delivery = Delivery::Once;
    }

    /// What failed because its function died is tried again, as people do.
    fn after_failure(&mut self) -> Option<Event> {
        match self.simulator.resource.status() {
            Status::DeleteFailed | Status::RollbackFailed => self.simulator.resource.delete(),
            Status::UpdateRollbackFailed => self.simulator.resource.continue_rollback(),
            _ => None,
        }
    }

    /// Where a Create has failed and says that nothing was made, nothing of it is there, and nothing comes.
    async fn says_nothing_was_made(&mut self, mark: &str, step: &Step) {
        let says_so = step.answer.as_ref().is_some_and(|answer| answer.physical_resource_id == "nothing-was-made");
        if !says_so || step.puts.len() > 1 {
            return;
        }
        for wait in [0, 1_000, 30_000, 120_000] {
            sleep(Duration::from_millis(wait)).await;
            if !of(mark, self.world.policy().as_deref()).is_empty() {
                self.violations.push(format!("Pull{} {mark}: something was made", self.number));
            }
        }
    }

    /// What was said of a process that died is no fault of ours.
    fn judges(&mut self, step: &Step) {
        let is_of_ours = |violation: &&String| !violation.contains("no answer") && !violation.contains("deliveries");
        let broken = step.violations.iter().map(|violation| &violation.0).filter(is_of_ours);
        self.violations.extend(broken.map(|violation| format!("Pull{}: {violation}", self.number)));
    }

    /// What the claim is to have in the policy.
    fn claimed(&self, mark: &str) -> Vec<Value> {
        let Some(live) = self.simulator.resource.live().filter(|_| self.stands()) else { return Vec::new() };
        let statements = match &live.properties["Statement"] {
            Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        };
        let sids = live.data["Sids"].as_str().unwrap().split(',');
        let mut claimed: Vec<_> = statements
            .into_iter()
            .zip(sids)
            .map(|(mut statement, sid)| {
                assert!(sid.contains(mark));
                statement["Sid"] = sid.into();
                statement
            })
            .collect();
        claimed.sort_by_key(|statement| statement["Sid"].to_string());
        claimed
    }
}

/// How long CloudFormation waits for the answer to an event.
fn timeout(event: &Event) -> Duration {
    let seconds = event.properties.get("ServiceTimeout").and_then(|seconds| seconds.as_str()?.parse().ok());
    seconds.map_or(PATIENCE, Duration::from_secs)
}
