//! Plans: they change nothing, and what they say comes true.

use std::collections::BTreeMap;
use std::time::Duration;

use custom_resource::testing::planned;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use super::played_aws::PlayedAws;
use super::process::Process;
use super::weather::{Weather, is_read};
use crate::cloudformation::{Event, RequestType, Resource, Simulator};

/// What is kept in tables, which a plan doesn't show.
const NOTES: [&str; 3] = ["Query", "TransactWriteItems", "UpdateItem"];

/// Plans a Create of each wish of the played AWS `A`, and then an Update to it and a Delete of each of those that have one of the
/// meanings `made`. Every plan is made of reads, changes nothing, and is compared with the request itself: with its first call that isn't
/// a read, with the policy that it leaves, or with its refusal. Returns the plans with names such as `Create app` and `Update app to placed`.
///
/// # Panics
/// With the first plan that changes something, or that doesn't come true.
#[must_use]
pub fn plans_come_true<A: PlayedAws>(made: &[&str]) -> BTreeMap<String, Value> {
    let process = Process::<A>::new(Weather::default());
    let wishes = A::wishes();
    let mut plans = BTreeMap::new();
    let mut plan = |name: String, before: Option<&Value>, request: &dyn Fn(&mut Resource) -> Option<Event>| {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let plan =
            runtime.expect("a runtime without I/O can be built").block_on(plan(&process, before, request, &name));
        plans.extend(plan.map(|plan| (name, plan)));
    };
    for wish in &wishes {
        plan(format!("Create {}", wish.meaning), None, &|resource| resource.create(&wish.properties));
    }
    for before in wishes.iter().filter(|wish| made.contains(&wish.meaning)) {
        let there = Some(&before.properties);
        for wish in &wishes {
            let name = format!("Update {} to {}", before.meaning, wish.meaning);
            plan(name, there, &|resource| resource.update(&wish.properties));
        }
        plan(format!("Delete {}", before.meaning), there, &|resource| resource.delete());
    }
    plans
}

async fn plan<A: PlayedAws>(
    process: &Process<A>,
    before: Option<&Value>,
    request: &dyn Fn(&mut Resource) -> Option<Event>,
    name: &str,
) -> Option<Value> {
    process.begin();
    process.invocation.set(Duration::from_mins(15));
    let mut stack = Simulator::new(process, Resource::new("demo", "Thing", A::TYPE, 7));
    if let Some(before) = before {
        let made = stack.create(before).await.sound();
        assert_eq!(made.reason(), None, "{name}");
    }
    // There is no Update to what is there.
    let event = request(&mut stack.resource)?;
    let Process { aws, weather, .. } = process;
    let untouched = aws.foreign(&[]);
    weather.forecast(&[]);
    let plan = planned(&aws.process(), &asked(&event), &event.service_token).await.expect("it says who asks");
    let calls: Vec<_> = weather.calls().into_iter().map(|call| call.operation).collect();
    assert!(calls.iter().all(|call| is_read(call)), "the plan of {name} called {calls:?}");
    assert_eq!(aws.foreign(&[]), untouched, "{name}");

    weather.forecast(&[]);
    let answer = stack.deliver(&event).await.answer.expect("an answer");
    let calls = weather.calls().into_iter().map(|call| call.operation);
    let first = calls.filter(|call| !NOTES.contains(&call.as_str())).find(|call| !is_read(call));
    match (&plan["FirstChange"]["Operation"], &plan["Refused"], &plan["Changes"]) {
        (Value::String(planned), _, _) => {
            assert!(
                first.as_ref().is_some_and(|first| first.eq_ignore_ascii_case(planned)),
                "{name}: {plan}, and {first:?}"
            );
        }
        (_, Value::String(refused), _) => {
            let reason = answer.reason.unwrap_or_default();
            assert!(first.is_none() && reason.starts_with(refused.as_str()), "{name}: {plan}, and {first:?} {reason}");
        }
        (_, _, Value::String(_)) => assert!(first.is_none() && answer.success, "{name}: {plan}, and {first:?}"),
        _ if plan["Policy"].is_string() => {
            assert!(first.is_some() != (plan["Before"] == plan["After"]), "{name}: {plan}, and {first:?}");
            let came_true = if answer.success { aws.check_plan(&plan) } else { Ok(()) };
            assert_eq!(came_true, Ok(()), "{name}");
        }
        _ if plan["Caller"].is_string() => {
            let came_true = if answer.success { aws.check_plan(&plan) } else { Ok(()) };
            assert_eq!(came_true, Ok(()), "{name}");
        }
        // Whoever waits may get it, or not.
        _ => assert!(plan["WaitsFor"].is_string(), "{name}: {plan}"),
    }
    Some(plan)
}

/// The event that asks what a request would do.
fn asked(request: &Event) -> Value {
    let mut event = request.to_json("");
    if let Value::Object(members) = &mut event {
        members.retain(|name, _| !["ResponseURL", "RequestId"].contains(&name.as_str()));
    }
    event["RequestType"] = json!("Plan");
    if request.request_type == RequestType::Delete {
        event["Remove"] = json!(true);
    }
    event
}
