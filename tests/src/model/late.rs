//! Requests that Lambda delivers after later ones of the same resource: they do nothing.

use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Builder;
use tokio::time::sleep;

use super::played_aws::PlayedAws;
use super::process::Process;
use super::weather::Weather;
use crate::cloudformation::{Event, RequestType, Resource, Simulator};

/// What an older request is answered.
pub const OVERTAKEN: &str = "a later request for this resource was worked on meanwhile, so nothing was done";

/// How late a request comes: soon after the later one, and shortly before CloudFormation stops to wait for an answer.
const DELAYS: [Duration; 2] = [Duration::from_secs(1), Duration::from_mins(55)];

/// A request, and what came before it though it was made later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    CreateAfterItsDelete,
    CreateAgainAfterAnUpdate,
    CreateAgainAfterTheDeleteOfWhatItMade,
    UpdateAfterItsRollback,
    UpdateAgainAfterTheNextUpdate,
    UpdateAfterItsRollbackAndTheDelete,
    RollbackAgainAfterTheNextUpdate,
    /// The Delete of what an Update replaced. For types that never replace anything there is no such request.
    CleanUpAgainAfterTheUpdateBack,
}

const ORDERS: [Order; 8] = [
    Order::CreateAfterItsDelete,
    Order::CreateAgainAfterAnUpdate,
    Order::CreateAgainAfterTheDeleteOfWhatItMade,
    Order::UpdateAfterItsRollback,
    Order::UpdateAgainAfterTheNextUpdate,
    Order::UpdateAfterItsRollbackAndTheDelete,
    Order::RollbackAgainAfterTheNextUpdate,
    Order::CleanUpAgainAfterTheUpdateBack,
];

/// Delivers each kind of request too late, over the played AWS `A` and with templates that are named by the meanings of its
/// wishes: each is answered FAILED, costs few calls, and nothing has changed. The second template replaces what the first one
/// made, or doesn't.
///
/// # Panics
/// With the order in which a late request did something.
pub fn late_requests_do_nothing<A: PlayedAws>(first: &str, second: &str, replaces: bool) {
    let process = Process::<A>::new(Weather::default());
    for order in ORDERS {
        for delay in DELAYS {
            let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
            let told = runtime.expect("a runtime without I/O can be built").block_on(async {
                let mut stack = begin(&process);
                let [first, second] = [first, second].map(template::<A>);
                let Some(late) = overtaken(&mut stack, order, &first, &second).await else {
                    let is_clean_up = order == Order::CleanUpAgainAfterTheUpdateBack;
                    return if is_clean_up && !replaces { Ok(()) } else { Err("there is no such request".to_owned()) };
                };
                assert!(replaces || order != Order::CleanUpAgainAfterTheUpdateBack, "something was replaced");
                sleep(delay).await;
                judge(&stack, &late).await
            });
            assert_eq!(told, Ok(()), "{} {order:?}, {delay:?} late", A::TYPE);
        }
    }
}

fn template<A: PlayedAws>(meaning: &str) -> Value {
    let found = A::wishes().into_iter().find(|wish| wish.meaning == meaning);
    found.expect("a wish of the played AWS").properties
}

fn begin<A: PlayedAws>(process: &Process<A>) -> Simulator<&Process<A>> {
    process.begin();
    process.invocation.set(Duration::from_mins(15));
    let mut stack = Simulator::new(process, Resource::new("demo", "Thing", A::TYPE, 7));
    stack.pause = Duration::from_secs(1);
    stack
}

/// Has CloudFormation make the requests of `order`, and delivers all but the one that it returns, or that one as well where it
/// comes once more.
async fn overtaken<A: PlayedAws>(
    stack: &mut Simulator<&Process<A>>,
    order: Order,
    first: &Value,
    second: &Value,
) -> Option<Event> {
    let create = stack.resource.create(first)?;
    if order == Order::CreateAfterItsDelete {
        cancelled(stack, &create).await;
        return Some(create);
    }
    must_succeed(stack, Some(create.clone())).await;
    match order {
        Order::CreateAfterItsDelete => None,
        Order::CreateAgainAfterAnUpdate => {
            let update = stack.resource.update(second);
            must_succeed(stack, update).await;
            Some(create)
        }
        Order::CreateAgainAfterTheDeleteOfWhatItMade => {
            delete(stack).await;
            Some(create)
        }
        Order::UpdateAfterItsRollback => {
            let update = stack.resource.update(second)?;
            cancelled(stack, &update).await;
            Some(update)
        }
        Order::UpdateAfterItsRollbackAndTheDelete => {
            let update = stack.resource.update(second)?;
            cancelled(stack, &update).await;
            delete(stack).await;
            Some(update)
        }
        Order::RollbackAgainAfterTheNextUpdate => {
            let update = stack.resource.update(second)?;
            let rollback = cancelled(stack, &update).await;
            let again = stack.resource.update(second);
            must_succeed(stack, again).await;
            rollback
        }
        Order::UpdateAgainAfterTheNextUpdate | Order::CleanUpAgainAfterTheUpdateBack => {
            let update = stack.resource.update(second);
            let events = must_succeed(stack, update).await;
            let back = stack.resource.update(first);
            must_succeed(stack, back).await;
            let is_clean_up = order == Order::CleanUpAgainAfterTheUpdateBack;
            events.into_iter().find(|event| (event.request_type == RequestType::Delete) == is_clean_up)
        }
    }
}

/// CloudFormation has sent `request`, and cancels it before it is delivered. Returns the first request that it makes instead.
async fn cancelled<A: PlayedAws>(stack: &mut Simulator<&Process<A>>, request: &Event) -> Option<Event> {
    request.sent();
    let instead = stack.resource.cancel();
    must_succeed(stack, instead.clone()).await;
    instead
}

async fn delete<A: PlayedAws>(stack: &mut Simulator<&Process<A>>) {
    let delete = stack.resource.delete();
    must_succeed(stack, delete).await;
}

/// The events of an operation that goes well.
async fn must_succeed<A: PlayedAws>(stack: &mut Simulator<&Process<A>>, first: Option<Event>) -> Vec<Event> {
    assert!(first.is_some(), "the stack is {}", stack.resource.status());
    let run = stack.run(first).await.sound();
    assert_eq!(run.reason(), None, "{:?}", run.requests());
    run.steps.into_iter().map(|step| step.event).collect()
}

async fn judge<A: PlayedAws>(stack: &Simulator<&Process<A>>, late: &Event) -> Result<(), String> {
    let Process { aws, weather, .. } = stack.handler;
    let before = aws.foreign(&[]);
    weather.forecast(&[]);
    let step = stack.deliver(late).await;
    let calls = weather.calls();
    let calls: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    let mut cost = calls.clone();
    if cost.len() > A::COST_OF_LATE_REQUESTS.len()
        && let Some(read) = cost.iter().position(|call| Some(*call) == A::READ_BEFORE_REPLACEMENT)
    {
        cost.remove(read);
    }
    let reason = step.answer.filter(|answer| !answer.success).and_then(|answer| answer.reason);
    if !reason.as_ref().is_some_and(|reason| reason.starts_with(OVERTAKEN)) {
        Err(format!("it was answered {reason:?}"))
    } else if cost != A::COST_OF_LATE_REQUESTS {
        Err(format!("it called {calls:?}"))
    } else if aws.foreign(&[]) != before {
        Err("it changed something".to_owned())
    } else {
        Ok(())
    }
}
