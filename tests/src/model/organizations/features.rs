//! The organization itself, and what is switched on in it.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnablePolicyType.html>

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Contents, MANAGEMENT, ORGANIZATION, ROOT};

/// How long a policy type takes to be enabled or disabled.
const SWITCHED_IN: Duration = Duration::from_millis(1500);

/// How long RAM doesn't know a new organization: longer than its policy types take to be switched.
const KNOWN_TO_RAM_IN: Duration = Duration::from_secs(3);

/// The service that RAM trusts for sharing.
const RAM: &str = "ram.amazonaws.com";

/// A policy type that belongs to a service: the service is trusted before the type is enabled, and until it is disabled.
/// `ConstraintViolationException` in the service's model.
const BOUND: (&str, &str) = ("SECURITYHUB_POLICY", "securityhub.amazonaws.com");

/// A principal that Organizations doesn't know.
pub const UNKNOWN_SERVICE: &str = "unknown.amazonaws.com";

/// A policy type that is enabled or not, or will be so from a time on.
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

impl Contents {
    /// The answer to an operation on the organization; `None` if it is no such operation.
    pub(super) fn ask_of_features(
        &mut self,
        operation: &str,
        request: &Value,
        now: Instant,
    ) -> Option<Result<Value, &'static str>> {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        let Some(features) = &mut self.features else {
            return Some(match operation {
                "CreateOrganization" => {
                    // All features come with this type enabled.
                    let types = Features::with(&["SERVICE_CONTROL_POLICY"], &[]);
                    self.features = Some(Features { made_at: Some(now), ..types });
                    Ok(described())
                }
                "EnableSharingWithAwsOrganization" => Err("OperationNotPermittedException"),
                _ => Err("AWSOrganizationsNotInUseException"),
            });
        };
        Some(match operation {
            "CreateOrganization" => Err("AlreadyInOrganizationException"),
            "DescribeOrganization" => Ok(described()),
            "ListRoots" => Ok(json!({ "Roots": [features.root(now)] })),
            "EnablePolicyType" => features.switch(text("PolicyType"), true, now),
            "DisablePolicyType" => features.switch(text("PolicyType"), false, now),
            "ListAWSServiceAccessForOrganization" => {
                let services = features.trusted_services.iter();
                let services: Vec<_> = services.map(|service| json!({ "ServicePrincipal": service })).collect();
                Ok(json!({ "EnabledServicePrincipals": services }))
            }
            "EnableAWSServiceAccess" | "DisableAWSServiceAccess" if text("ServicePrincipal") == UNKNOWN_SERVICE => {
                Err("InvalidInputException")
            }
            "EnableAWSServiceAccess" => {
                features.trusted_services.insert(text("ServicePrincipal").to_owned());
                Ok(json!({}))
            }
            "DisableAWSServiceAccess"
                if text("ServicePrincipal") == BOUND.1 && features.listed(now).any(|(name, _)| name == BOUND.0) =>
            {
                Err("ConstraintViolationException")
            }
            "DisableAWSServiceAccess" => {
                features.trusted_services.remove(text("ServicePrincipal"));
                Ok(json!({}))
            }
            "EnableSharingWithAwsOrganization" if features.made_at.is_some_and(|at| now < at + KNOWN_TO_RAM_IN) => {
                Err("OperationNotPermittedException")
            }
            "EnableSharingWithAwsOrganization" => {
                features.trusted_services.insert(RAM.to_owned());
                Ok(json!({ "returnValue": true }))
            }
            _ => return None,
        })
    }
}
