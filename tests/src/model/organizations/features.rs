//! The organization itself, and what is switched on in it, through RAM and CloudFormation as well.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnablePolicyType.html>

mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::ids::{MANAGEMENT, ORGANIZATION, ROOT};

/// How long a policy type takes to be enabled or disabled.
const SWITCHED_IN: Duration = Duration::from_millis(1500);

/// How long RAM and CloudFormation don't know a new organization: longer than its policy types take to be switched.
const KNOWN_IN: Duration = Duration::from_secs(3);

/// The service that RAM trusts for sharing.
const RAM: &str = "ram.amazonaws.com";

/// The service of StackSets, which CloudFormation trusts for as long as they have access.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-activate-trusted-access.html>
const STACKSETS: &str = "member.org.stacksets.cloudformation.amazonaws.com";

/// A policy type that belongs to a service: the service is trusted before the type is enabled, and until it is disabled.
/// `ConstraintViolationException` in the service's model.
const BOUND: (&str, &str) = ("SECURITYHUB_POLICY", "securityhub.amazonaws.com");

/// A principal that Organizations doesn't know.
pub const UNKNOWN_SERVICE: &str = "unknown.amazonaws.com";

/// What is on or off, or will be so from a time on: a policy type, or the access of StackSets.
#[derive(Clone, Debug, PartialEq)]
struct Switch {
    is_on: bool,
    since: Instant,
}

impl Switch {
    /// Its status, by AWS's name; `None` if it isn't listed any more.
    fn status(&self, now: Instant) -> Option<&'static str> {
        match (self.is_on, now < self.since) {
            (true, true) => Some("PENDING_ENABLE"),
            (true, false) => Some("ENABLED"),
            (false, true) => Some("PENDING_DISABLE"),
            (false, false) => None,
        }
    }
}

/// What is switched on in an organization.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    policy_types: BTreeMap<String, Switch>,
    /// Whether StackSets have access; without it they never had.
    access: Option<Switch>,
    /// The services that are trusted.
    pub trusted_services: BTreeSet<String>,
    /// When it was made here; one that was always there has none.
    made_at: Option<Instant>,
}

impl Features {
    /// An organization in which these policy types and services are switched on.
    #[must_use]
    pub fn with(policy_types: &[&str], trusted_services: &[&str]) -> Self {
        let on = Switch { is_on: true, since: Instant::now() };
        Self {
            policy_types: policy_types.iter().map(|name| ((*name).to_owned(), on.clone())).collect(),
            access: None,
            trusted_services: trusted_services.iter().map(|name| (*name).to_owned()).collect(),
            made_at: None,
        }
    }

    /// The policy types that are enabled, or will be in a moment.
    pub fn policy_types(&self) -> impl Iterator<Item = &str> {
        self.policy_types.iter().filter(|(_, switch)| switch.is_on).map(|(name, _)| name.as_str())
    }

    /// The policy types that are enabled.
    pub fn enabled(&self, now: Instant) -> impl Iterator<Item = &str> {
        self.listed(now).filter(|(_, status)| *status == "ENABLED").map(|(name, _)| name)
    }

    /// The policy types that the root lists, with their status.
    pub fn listed(&self, now: Instant) -> impl Iterator<Item = (&str, &'static str)> {
        self.policy_types.iter().filter_map(move |(name, switch)| Some((name.as_str(), switch.status(now)?)))
    }

    /// Whether RAM shares inside the organization.
    #[must_use]
    pub fn shares_resources(&self) -> bool {
        self.trusted_services.contains(RAM)
    }

    /// Whether StackSets have access, or will have in a moment.
    #[must_use]
    pub fn lets_stack_sets_in(&self) -> bool {
        self.access.as_ref().is_some_and(|access| access.is_on)
    }

    /// Whether CloudFormation shows that they have.
    fn shows_stack_sets_in(&self, now: Instant) -> bool {
        let status = self.access.as_ref().and_then(|access| access.status(now));
        matches!(status, Some("ENABLED" | "PENDING_DISABLE"))
    }

    /// Whether RAM and CloudFormation know it.
    fn is_known(&self, now: Instant) -> bool {
        self.made_at.is_none_or(|at| at + KNOWN_IN <= now)
    }

    /// Switches the access of StackSets. Who switches on what is on changes nothing; what isn't on can't be switched off.
    fn switch_access(&mut self, is_on: bool, now: Instant) -> Result<Value, &'static str> {
        let was_on = self.lets_stack_sets_in();
        if !is_on && !was_on {
            return Err("InvalidOperationException");
        }
        if is_on {
            self.trusted_services.insert(STACKSETS.to_owned());
        } else {
            self.trusted_services.remove(STACKSETS);
        }
        if is_on != was_on {
            self.access = Some(Switch { is_on, since: now + SWITCHED_IN });
        }
        Ok(json!({}))
    }

    fn root(&self, now: Instant) -> Value {
        let types: Vec<_> = self.listed(now).map(|(name, status)| json!({ "Type": name, "Status": status })).collect();
        json!({ "Id": ROOT, "PolicyTypes": types })
    }

    fn switch(&mut self, policy_type: &str, is_on: bool, now: Instant) -> Result<Value, &'static str> {
        match (self.policy_types.get(policy_type).and_then(|switch| switch.status(now)), is_on) {
            (Some("PENDING_ENABLE" | "PENDING_DISABLE"), _) => return Err("PolicyChangesInProgressException"),
            (Some(_), true) => return Err("PolicyTypeAlreadyEnabledException"),
            (None, false) => return Err("PolicyTypeNotEnabledException"),
            (None, true) if policy_type == BOUND.0 && !self.trusted_services.contains(BOUND.1) => {
                return Err("ConstraintViolationException");
            }
            _ => {}
        }
        self.policy_types.insert(policy_type.to_owned(), Switch { is_on, since: now + SWITCHED_IN });
        Ok(json!({ "Root": self.root(now) }))
    }
}

/// Which constraint a request violates, if any.
pub(super) fn reason(request: &Value) -> Value {
    let is = |name: &str| request[name].is_string();
    if is("PolicyType") {
        return json!({ "Reason": "SERVICE_ACCESS_NOT_ENABLED" });
    }
    if is("ServicePrincipal") {
        return json!({ "Reason": "POLICY_TYPE_ENABLED_FOR_THIS_SERVICE" });
    }
    json!({})
}

fn described() -> Value {
    let arn = format!("arn:aws:organizations::{MANAGEMENT}:organization/{ORGANIZATION}");
    json!({ "Organization": {
        "Id": ORGANIZATION, "Arn": arn, "FeatureSet": "ALL", "MasterAccountId": MANAGEMENT,
    } })
}
