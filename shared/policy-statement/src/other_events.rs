//! Events that are no requests of CloudFormation: what administrators ask, the schedule, and changes that `CloudTrail` tells of.

use custom_resource::{Error, Result};
use serde_json::Value;

use crate::{
    PolicyStore,
    administration::Administration,
    list::List,
    reconcile::{Reconcile, Sweep},
    suspension::{Access, Suspension},
    trail::{Logged, logged},
};

/// What an event is answered; none if it is no such event. `role` is the name of the function's own role, whose changes are no news.
pub(crate) async fn answered<S: PolicyStore>(
    administration: &Administration<'_, S>,
    mode: Reconcile,
    role: Option<&str>,
    event: &Value,
) -> Option<Result<Value>> {
    let sweep = |is_by_event| Sweep { administration, mode, is_by_event };
    let suspension = |access| Suspension { administration, access };
    if let Some(asked) = event.get("RequestType") {
        return match asked.as_str()? {
            "List" => Some(List { administration }.answer(event).await),
            "Suspend" => Some(suspension(Access::Suspend).answer(event).await),
            "Resume" => Some(suspension(Access::Resume).answer(event).await),
            "Reconcile" => Some(sweep(false).all().await),
            // CloudFormation's, without an address for the answer.
            "Create" | "Update" | "Delete" => None,
            _ => Some(Err(Error::refused("RequestType: expected List, Suspend, Resume, Plan or Reconcile"))),
        };
    }
    let policies = match logged::<S::Target>(event, &administration.function.account, role)? {
        Logged::Nothing => Vec::new(),
        Logged::Policy(policy) => vec![policy],
        Logged::Beginning(beginning) => match administration.ledger.policies(None, Some(&beginning)).await {
            Ok(policies) => policies,
            Err(reason) => return Some(Err(reason)),
        },
    };
    Some(Ok(sweep(true).some(&policies).await))
}
