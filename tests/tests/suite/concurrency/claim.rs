//! One claim: a resource in one of twenty stacks, with CloudFormation's side of it.

use std::sync::Arc;
use std::time::Duration;

use archipelago_tests::cloudformation::{Event, Handler, Put, Resource, Simulator, Status};
use archipelago_tests::function::{Function, InvocationEnd};
use archipelago_tests::response_server::ResponseServer;
use serde_json::{Value, json};

use super::check::Claimed;
use super::target::{Target, with_account_ids};

/// How many stacks there are.
const STACKS: usize = 20;

/// How long CloudFormation waits for an answer: longer than one invocation may take.
const PATIENCE: Duration = Duration::from_mins(6);

/// What the answers on behalf of a dead process say.
const DIED: &str = "the function died";

/// The function under all claims of a kind, and the failure destination that answers for its dead processes.
#[derive(Clone, Debug)]
pub(super) struct Answering {
    pub(super) function: Arc<Function>,
    pub(super) responses: Arc<ResponseServer>,
}

impl Handler for Answering {
    async fn handle(&self, event: &Event) -> Vec<Put> {
        let url = self.responses.url();
        let end = self.function.invoke(&event.to_json(url.as_str())).await;
        if end != InvocationEnd::Crashed {
            return url.received(1).await;
        }
        match url.puts() {
            // Half of the dead are answered for; the others CloudFormation waits for in vain.
            puts if puts.is_empty() && event.serial.is_multiple_of(2) => vec![Put::of(&answer_for_the_dead(event))],
            puts => puts,
        }
    }
}

fn answer_for_the_dead(event: &Event) -> Value {
    json!({
        "Status": "FAILED",
        "Reason": DIED,
        "PhysicalResourceId": event.physical_resource_id.as_deref().unwrap_or("nothing-was-made"),
        "StackId": event.stack_id,
        "RequestId": event.request_id,
        "LogicalResourceId": event.logical_resource_id,
    })
}

/// One claim on a target.
#[derive(Debug)]
pub(super) struct Claim {
    target: Target,
    pub(super) number: usize,
    version: usize,
    stack: Simulator<Answering>,
    /// Whether somebody else has taken its statements out since its last request.
    is_taken_out: bool,
    /// How often it was created, updated or deleted, rollbacks aside.
    pub(super) operations: usize,
    /// Why it failed, where the function itself said so.
    pub(super) refusals: Vec<String>,
    /// Each rule of the protocol that was broken.
    pub(super) violations: Vec<String>,
}

impl Claim {
    pub(super) fn new(target: &Target, number: usize, seed: u64, answering: Answering) -> Self {
        let stack = number % STACKS;
        let logical_id = format!("{}{}", target.kind.verb(), number / STACKS);
        let type_name = format!("Custom::{}", target.kind.function());
        // The claims of a stack share its id, which the seed decides.
        let seed = seed.wrapping_add(u64::try_from(stack).unwrap_or_default());
        let resource = Resource::new(&format!("stack-{stack:02}"), &logical_id, &type_name, seed);
        let stack = Simulator { service_timeout: PATIENCE, ..Simulator::new(answering, resource) };
        Self {
            target: target.clone(),
            number,
            version: 0,
            stack,
            is_taken_out: false,
            operations: 0,
            refusals: Vec::new(),
            violations: Vec::new(),
        }
    }

    /// Somebody else takes its statements out: they stay out until its next request.
    pub(super) fn is_taken_out(&mut self) {
        self.is_taken_out = true;
    }

    /// Whether CloudFormation believes that it is there.
    pub(super) fn stands(&self) -> bool {
        let standing = [Status::CreateComplete, Status::UpdateComplete, Status::UpdateRollbackComplete];
        standing.contains(&self.stack.resource.status())
    }

    /// Creates it, or updates it to its next version, until its stack is at rest.
    pub(super) async fn put(&mut self) {
        self.version += 1;
        let properties = self.target.properties(self.number, self.version);
        let resource = &mut self.stack.resource;
        let first = resource.update(&properties).or_else(|| resource.create(&properties));
        self.run(first).await;
    }

    /// Deletes it, if it is there.
    pub(super) async fn delete(&mut self) {
        let first = self.stack.resource.delete();
        self.run(first).await;
    }

    async fn run(&mut self, first: Option<Event>) {
        self.operations += usize::from(first.is_some());
        self.is_taken_out &= first.is_none();
        let mut next = first;
        while next.is_some() {
            for step in self.stack.run(next).await.steps {
                let reason = step.answer.and_then(|answer| answer.reason);
                self.refusals.extend(reason.filter(|reason| reason != DIED));
                // No answer is what a process that died leaves; one that there is must be right.
                let violations = step.violations.into_iter().filter(|_| !step.puts.is_empty());
                self.violations.extend(violations.map(|violation| violation.0));
            }
            // What failed because its function died is tried again, as people do.
            next = match self.stack.resource.status() {
                Status::DeleteFailed | Status::RollbackFailed => self.stack.resource.delete(),
                Status::UpdateRollbackFailed => self.stack.resource.continue_rollback(),
                _ => None,
            };
        }
    }

    /// What it must have in the policy, with ids for the roots of accounts.
    pub(super) fn claimed(&self) -> Claimed {
        let resource = &self.stack.resource;
        let name = format!("claim {} ({})", self.number, resource.status());
        let Some(live) = resource.live().filter(|_| self.stands() && !self.is_taken_out) else {
            return Claimed { name, statements: Vec::new() };
        };
        let statements = match &live.properties["Statement"] {
            Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        };
        let sids = live.data["Sids"].as_str().unwrap_or_default().split(',');
        let signed = statements.into_iter().zip(sids).map(|(mut statement, sid)| {
            statement["Sid"] = json!(sid);
            with_account_ids(&statement)
        });
        Claimed { name, statements: signed.collect() }
    }
}
