//! Who calls a function: another account, or an account of an organizational unit, each by an alias of its own.

use custom_resource::{FunctionArn, account_of, is_account_id};

use crate::Unit;

/// How the names of those aliases start.
pub(crate) const CALLER: &str = "caller-";

/// Whoever invoked a function by an alias that begins with `caller-`. Nothing in an event says who sent it; Lambda says by which alias
/// it came, and lets each caller use its own alias alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    name: String,
    account: String,
    unit: Option<Unit>,
}

impl Caller {
    /// The caller that invoked `function` for the stack `stack_id`; `None` if the alias is no caller's. A caller that isn't understood is
    /// no account and no unit, is admitted nowhere, and has no grants.
    #[must_use]
    pub fn of(function: &FunctionArn, stack_id: &str) -> Option<Self> {
        Some(Self::named(alias_of(function)?, account_of(stack_id)))
    }

    /// The caller with what follows `caller-` in its alias, of whose accounts one is believed to be `stack_account`.
    #[must_use]
    pub fn named(name: &str, stack_account: &str) -> Self {
        let unit = Unit::read(name);
        let account = match &unit {
            Some(_) => stack_account,
            None if is_account_id(name) => name,
            None => "",
        };
        Self { name: name.to_owned(), account: account.to_owned(), unit }
    }

    /// What follows `caller-` in the alias: `222222222222`, or `o-exampleorgid-ou-abcd-12345678`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account that may be named as a principal: the caller's own, or of a unit the one that its stack's id names. Other accounts of that
    /// unit could name it as well. Empty for a caller that isn't understood.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The unit that may use the alias, if it is one.
    #[must_use]
    pub fn unit(&self) -> Option<&Unit> {
        self.unit.as_ref()
    }

    /// Whether it is an account or a unit.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        self.unit.is_some() || !self.account.is_empty()
    }
}

/// What follows `caller-` in the alias by which `function` was invoked, be it understood or not.
pub(crate) fn alias_of(function: &FunctionArn) -> Option<&str> {
    function.qualifier.as_deref()?.strip_prefix(CALLER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "arn:aws:cloudformation:us-east-1:333333333333:stack/landing/1f0a";

    fn by(alias: &str) -> Option<Caller> {
        let function = "arn:aws-cn:lambda:cn-north-1:111111111111:function:archipelago-ecr-policy-statement";
        Caller::of(&FunctionArn::read(&format!("{function}{alias}")), STACK)
    }

    #[test]
    fn the_alias_says_who_calls() {
        let account = by(":caller-222222222222").unwrap();
        assert_eq!((account.name(), account.account(), account.unit()), ("222222222222", "222222222222", None));
        let unit = by(":caller-o-exampleorgid-ou-abcd-12345678").unwrap();
        assert_eq!((unit.name(), unit.account()), ("o-exampleorgid-ou-abcd-12345678", "333333333333"));
        assert_eq!(unit.unit().unwrap().name(), unit.name());
        for other in ["", ":live", ":$LATEST", ":7", ":Caller-2222", ":caller"] {
            assert_eq!(by(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_not_understood_is_no_alias_of_the_own_account_and_nobody() {
        for name in ["2222", "", "ou-abcd-12345678", "o-exampleorgid", "222222222222-eu", "\u{ff12}22222222222"] {
            let caller = by(&format!(":caller-{name}")).unwrap();
            assert_eq!((caller.name(), caller.account(), caller.unit()), (name, "", None));
            assert!(!caller.is_understood());
        }
    }
}
