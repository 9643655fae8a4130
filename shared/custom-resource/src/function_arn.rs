//! Which function was invoked, and on behalf of which account.

/// How the names of aliases start that other accounts invoke a function by, each one its own: nothing in an event says who
/// sent it, but Lambda says by which alias it came, and lets each account use its own alone.
const CALLER: &str = "caller-";

/// The ARN of the function that was invoked, in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionArn {
    /// `aws`, `aws-cn`, ...
    pub partition: String,
    /// `us-east-1`
    pub region: String,
    /// The 12-digit id of the account that the function runs in.
    pub account: String,
    /// `archipelago-organization`; of what is no ARN, all of it.
    pub name: String,
    qualifier: Option<String>,
}

impl FunctionArn {
    /// Reads `arn:aws:lambda:us-east-1:111111111111:function:name:alias`. What isn't there is empty.
    #[must_use]
    pub fn read(arn: &str) -> Self {
        let parts: Vec<_> = arn.split(':').collect();
        let part = |index: usize| parts.get(index).map(|part| (*part).to_owned());
        let text = |index: usize| part(index).unwrap_or_default();
        Self {
            partition: text(1),
            region: text(3),
            account: text(4),
            name: part(6).unwrap_or_else(|| arn.to_owned()),
            qualifier: part(7),
        }
    }

    /// The other account that invoked the function, if it did so by an alias of its own: all that follows `caller-`, be it
    /// an account's id or not. What isn't one is refused before any work, and never stands for the function's own account.
    #[must_use]
    pub fn caller(&self) -> Option<&str> {
        self.qualifier.as_deref()?.strip_prefix(CALLER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alias_says_who_calls() {
        let function = "arn:aws-cn:lambda:cn-north-1:111111111111:function:archipelago-ecr-policy-statement";
        let own = FunctionArn::read(function);
        assert_eq!((&*own.partition, &*own.region, &*own.account), ("aws-cn", "cn-north-1", "111111111111"));
        assert_eq!((&*own.name, own.caller()), ("archipelago-ecr-policy-statement", None));
        let by = |alias: &str| FunctionArn::read(&format!("{function}:{alias}")).caller().map(ToOwned::to_owned);
        assert_eq!(by("caller-222222222222").as_deref(), Some("222222222222"));
        for other in ["live", "$LATEST", "7", "Caller-2222", "caller"] {
            assert_eq!(by(other), None, "{other}");
        }
        for (alias, caller) in
            [("caller-2222", "2222"), ("caller-", ""), ("caller-ou-abcd-12345678", "ou-abcd-12345678")]
        {
            assert_eq!(by(alias).as_deref(), Some(caller), "what isn't understood is no alias of the own account");
        }
        assert_eq!(FunctionArn::read("archipelago-account").name, "archipelago-account");
    }
}
