//! What a caller's request needs to be granted.

use std::{cell::RefCell, collections::HashSet};

use archipelago::{Caller, CallerTable};
use custom_resource::Result;

use crate::{Resources, StatementProperty, grants::Grants};

/// The statements that a caller asks for, and where.
pub(crate) struct GrantCheck<'a> {
    pub(crate) table: &'a CallerTable,
    pub(crate) caller: &'a Caller,
    pub(crate) resource_type: &'static str,
    /// The ARN of the target.
    pub(crate) target: String,
    pub(crate) resources: Resources,
    pub(crate) statements: &'a StatementProperty,
}

impl GrantCheck<'_> {
    /// Reads what is granted at this moment, and asks whether that is enough.
    ///
    /// # Errors
    /// Refused with the path of what goes beyond it; where the table can't be read.
    pub(crate) async fn check(&self) -> Result<()> {
        let grants = self.table.grants(self.caller.name()).await?;
        Grants::of(grants, self.resource_type).check(self.caller, &self.target, self.resources, self.statements)
    }
}

/// The callers that this process has just refused something: what they wish isn't left in the ledger before it is known to be granted.
#[derive(Default)]
pub(crate) struct RefusedCallers(RefCell<HashSet<String>>);

impl RefusedCallers {
    pub(crate) fn has(&self, caller: &Caller) -> bool {
        self.0.borrow().contains(caller.name())
    }

    /// Checks what needs to be granted, if anything does.
    ///
    /// # Errors
    /// Those of [`GrantCheck::check`].
    pub(crate) async fn check(&self, check: Option<&GrantCheck<'_>>) -> Result<()> {
        let Some(check) = check else { return Ok(()) };
        let checked = check.check().await;
        let mut refused = self.0.borrow_mut();
        match &checked {
            Ok(()) => refused.remove(check.caller.name()),
            Err(_) => refused.insert(check.caller.name().to_owned()),
        };
        checked
    }
}
