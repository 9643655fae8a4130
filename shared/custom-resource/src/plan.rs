//! What a request would do, found out without doing it: for administrators, by direct invocation.

use std::time::Duration;

use serde_json::{Value, json};
use tracing::Instrument;

use crate::{
    Claim, Envelope, Error, FunctionArn, Invocation, Owner, RequestOrder, RequestType, Resource, Result,
    event::{Asked, asked},
    first_change::{Reached, up_to_first_change},
    lifecycle::{Admission, ensured},
    telemetry,
    unknown_values::unknown_values,
    work::Work,
};

/// The `RequestType` of an event that asks for a plan.
pub(crate) const PLAN: &str = "Plan";

/// Whether an event asks for a plan.
pub(crate) fn is_plan(event: &Value) -> bool {
    event["RequestType"] == PLAN
}

/// What the request that `event` describes would do with `resource`, at that time in milliseconds since 1970.
///
/// The event has the members of a request but for those that say where an answer goes: a Create without `PhysicalResourceId`, else an
/// Update, or with `Remove: true` a Delete. `Qualifier` is the alias by which the request would come.
pub(crate) async fn plan<R: Resource>(
    admission: Admission,
    resource: &R,
    event: &Value,
    function: &FunctionArn,
    now: u64,
) -> Result<Value> {
    let mut request = event.clone();
    request["RequestType"] = request_type(event).name().into();
    request["RequestId"] = PLAN.into();
    let mut envelope = Envelope::read(&request, "", "")
        .map_err(|_| Error::refused("a Plan needs StackId and LogicalResourceId, each a string"))?;
    envelope.function = FunctionArn {
        qualifier: event.get("Qualifier").and_then(Value::as_str).map(ToOwned::to_owned),
        ..function.clone()
    };
    let span = telemetry::span(&envelope);
    let work = async {
        tracing::info!("a plan is asked for");
        match admission(&envelope).and_then(|()| asked(&request)) {
            Ok(asked) => planned(resource, &asked, &envelope, now).await,
            Err(reason) => Err(Error::refused(reason)),
        }
    };
    answered(work.instrument(span).await)
}

fn request_type(event: &Value) -> RequestType {
    if event["Remove"] == true {
        RequestType::Delete
    } else if event["PhysicalResourceId"].is_string() {
        RequestType::Update
    } else {
        RequestType::Create
    }
}

async fn planned<R: Resource>(resource: &R, asked: &Asked, envelope: &Envelope, now: u64) -> Result<Value> {
    let properties = match asked {
        Asked::Create { desired } | Asked::Update { desired, .. } => desired,
        // They were all known once.
        Asked::Delete { .. } => &Value::Null,
    };
    let unknown = unknown_values(properties);
    let work = match Work::<R::Properties>::read(asked) {
        Err(reason) if may_be_about(&reason, &unknown, properties) => return Ok(not_known(&unknown)),
        work => work.map_err(Error::refused)?,
    };
    let owner = Owner::new(&*envelope.stack_id, &*envelope.logical_resource_id);
    let order = RequestOrder::new(now, matches!(work, Work::Remove { .. }), &format!("{PLAN} {}", asked.wording()));
    // Without the table of requests: nothing was asked for.
    let ends = Duration::from_millis(now);
    let invocation = Invocation::new(envelope.function.clone(), asked.request_type(), order, ends, None);
    let claim = Claim::of(owner, invocation, envelope.physical_resource_id.as_deref(), None);
    // Its own plan changes nothing either, whatever it is made of.
    match up_to_first_change(Box::pin(resource.plan(&work, &unknown, &claim))).await {
        Reached::Change(call) => return Ok(first_change(&call)),
        Reached::End(Some(answer)) => return answer,
        Reached::End(None) => {}
    }
    if !unknown.is_empty() {
        return Ok(not_known(&unknown));
    }
    let worked = async {
        match &work {
            Work::Ensure { desired, previous } => ensured(resource, desired, previous.as_ref(), &claim).await.map(drop),
            Work::Remove { last } => resource.remove(last.as_ref(), &claim).await,
        }
    };
    match up_to_first_change(Box::pin(worked)).await {
        Reached::Change(call) => Ok(first_change(&call)),
        Reached::End(Ok(())) => Ok(json!({ "Changes": "none" })),
        Reached::End(Err(error)) => Err(error),
    }
}

/// Whether a refusal of properties may be about one that isn't known. It begins with the path of what is wrong; where that is all of
/// them, it has the names of those that it is about in it.
fn may_be_about(reason: &str, unknown: &[String], properties: &Value) -> bool {
    let (path, sentence) = reason.split_once(": ").unwrap_or_default();
    let property = |path: &str| path.split(['.', '[']).nth(1).map(|name| format!("`{name}`"));
    let mut unknown_names = unknown.iter().filter_map(|path| property(path));
    if let Some(property) = property(path) {
        return unknown_names.any(|name| name == property);
    }
    let mut names = properties.as_object().into_iter().flatten().map(|(name, _)| format!("`{name}`"));
    let says_which = names.any(|name| sentence.contains(&name));
    unknown_names.any(|name| !says_which || sentence.contains(&name))
}

fn first_change(call: &Value) -> Value {
    json!({ "FirstChange": call })
}

fn not_known(paths: &[String]) -> Value {
    json!({ "Unknown": paths })
}

/// An error is a plan as well: it is what the stack would be told.
fn answered(planned: Result<Value>) -> Result<Value> {
    match planned {
        Err(Error::Refused(refusal)) => Ok(json!({ "Refused": refusal.to_string() })),
        Err(Error::NotYet(not_yet)) => Ok(json!({ "WaitsFor": not_yet.to_string() })),
        planned => planned,
    }
}

#[cfg(test)]
mod tests;
