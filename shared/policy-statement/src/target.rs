//! Where a policy is: what it belongs to, and in which account that is.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    str::FromStr,
};

use custom_resource::{FunctionArn, is_account_id};

/// The thing that a policy belongs to. Displayed, it is a part of the physical id, from which it is read again; what is
/// displayed doesn't start with 12 digits and a colon.
pub trait Target: FromStr + Display + Clone + PartialEq {
    /// What it is called in a sentence: `repository`.
    const KIND: &'static str;
    /// Its ARN, with `{partition}`, `{region}` and `{account}`, and `{}` for what is displayed.
    const ARN: &'static str;
    /// The names of its own properties, beside those that all statement types have.
    const OWN: &'static [&'static str];

    /// Reads it from those of its properties that the template gives, with the account that they name, if they do.
    ///
    /// # Errors
    /// What is wrong with them, without saying their values.
    fn read(properties: &BTreeMap<String, String>) -> Result<TargetLocation<Self>, String>;
}

/// A target in an account. Displayed, `222222222222:name`, or `name` in the function's own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetLocation<T> {
    /// The 12-digit id of the account that owns the target; `None` for the function's own.
    pub account: Option<String>,
    /// What the policy belongs to.
    pub target: T,
}

impl<T: Target> TargetLocation<T> {
    /// `the policy of repository app`, for sentences.
    pub(crate) fn policy(&self) -> String {
        format!("the policy of {}", self.named())
    }

    /// The ARN of the target, seen from `function`.
    pub(crate) fn arn(&self, function: &FunctionArn) -> String {
        let account = self.account.as_ref().unwrap_or(&function.account);
        let arn = T::ARN.replace("{partition}", &function.partition).replace("{region}", &function.region);
        arn.replace("{account}", account).replace("{}", &self.target.to_string())
    }

    /// `repository app`.
    pub(crate) fn named(&self) -> String {
        format!("{} {self}", T::KIND)
    }

    /// The name of the policy in the ledger, which all who change it share. IAM's names are told apart by their letters alone, not by
    /// their case; the others have no capitals.
    pub(crate) fn key(&self) -> String {
        self.named().to_lowercase()
    }
}

impl<T: Display> Display for TargetLocation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            Some(account) => write!(f, "{account}:{}", self.target),
            None => self.target.fmt(f),
        }
    }
}

impl<T: FromStr> FromStr for TargetLocation<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        let (account, target) = match text.split_once(':') {
            Some((account, target)) if is_account_id(account) => (Some(account.to_owned()), target),
            _ => (None, text),
        };
        Ok(Self { account, target: target.parse()? })
    }
}
