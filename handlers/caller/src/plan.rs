//! What a request would open to a caller, and which aliases it would make and remove.

use archipelago::Grant;
use custom_resource::{Claim, Result, Work};
use serde_json::{Value, json};

use crate::{
    callers::{Callers, types_of},
    properties::{CallerId, Properties, qualifier},
};

/// The grants before and after, those of others as well. It reads alone.
pub(crate) async fn planned(callers: &Callers, work: &Work<Properties>, claim: &Claim<CallerId>) -> Result<Value> {
    let (user, grant) = match work {
        Work::Ensure { desired, .. } => {
            desired.check(claim.invocation().function())?;
            (Some(callers.user(&desired.who).await?), Some(desired.grant()))
        }
        Work::Remove { last } => (callers.user_to_leave(last.as_ref(), claim).await?, None),
    };
    let nothing = json!({ "Changes": "none" });
    let Some(user) = user else { return Ok(nothing) };
    let name = user.name();
    let (own, others) = callers.table.grants_by(&name, claim.owner()).await?;
    if grant.is_none() && own.is_none() {
        return Ok(nothing);
    }
    let with_others = |own: Option<Grant>| own.into_iter().chain(others.clone()).collect::<Vec<_>>();
    let (before, after) = (with_others(own), with_others(grant));
    let (had, has) = (types_of(&before), types_of(&after));
    let alias = |of: &_| format!("{}:{}", callers.function(*of), qualifier(&name));
    let mut plan = json!({
        "Caller": qualifier(&name),
        "Before": before,
        "After": after,
        "MakesAliases": has.difference(&had).map(alias).collect::<Vec<_>>(),
        "RemovesAliases": had.difference(&has).map(alias).collect::<Vec<_>>(),
    });
    if let Some(known) = claim.known().id().filter(|known| known.name != name) {
        plan["ThenLeaves"] = qualifier(&known.name).into();
    }
    Ok(plan)
}
