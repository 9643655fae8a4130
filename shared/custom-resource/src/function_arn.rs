//! Which function was invoked.

/// The ARN of the function that was invoked, in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionArn {
    /// `aws`, `aws-cn`, ...
    pub partition: String,
    /// `us-east-1`
    pub region: String,
    /// The 12-digit id of the account that the function runs in.
    pub account: String,
    /// `greetings`; of what is no ARN, all of it.
    pub name: String,
    /// The alias or version that was invoked, if the ARN names one.
    pub qualifier: Option<String>,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_read_in_parts() {
        let function = "arn:aws-cn:lambda:cn-north-1:111111111111:function:greetings";
        let plain = FunctionArn::read(function);
        assert_eq!((&*plain.partition, &*plain.region, &*plain.account), ("aws-cn", "cn-north-1", "111111111111"));
        assert_eq!((&*plain.name, plain.qualifier), ("greetings", None));
        assert_eq!(FunctionArn::read(&format!("{function}:live")).qualifier.as_deref(), Some("live"));
        assert_eq!(FunctionArn::read("greetings").name, "greetings");
    }
}
