//! What a request would open to a caller, and which aliases it would make and remove.

use archipelago::Grant;
use serde_json::{Value, json};

use crate::{
    properties::qualifier,
    statement_type::{StatementType, types_of},
};

/// The grants of a caller before and after a request.
pub(crate) struct GrantPlan {
    /// The caller's name.
    pub(crate) name: String,
    /// What the request's resource grants now, and then.
    pub(crate) own: [Option<Grant>; 2],
    pub(crate) others: Vec<Grant>,
}

impl GrantPlan {
    /// All of it, with the functions' names as `function` says them.
    pub(crate) fn shown(self, function: impl Fn(StatementType) -> String) -> Value {
        let [before, after] = self.own.map(|own| own.into_iter().chain(self.others.clone()).collect::<Vec<_>>());
        let (had, has) = (types_of(&before), types_of(&after));
        let alias = |of: &StatementType| format!("{}:{}", function(*of), qualifier(&self.name));
        json!({
            "Caller": qualifier(&self.name),
            "Before": before,
            "After": after,
            "MakesAliases": has.difference(&had).map(alias).collect::<Vec<_>>(),
            "RemovesAliases": had.difference(&has).map(alias).collect::<Vec<_>>(),
        })
    }
}
