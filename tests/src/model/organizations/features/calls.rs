//! What Organizations answers about features.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::contents::Contents;
use super::{BOUND, Features, RAM, UNKNOWN_SERVICE, described};

impl Contents {
    /// The answer to an operation on the organization; `None` if it is no such operation.
    pub(in crate::model::organizations) fn ask_of_features(
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
                _ if operation.ends_with("OrganizationsAccess") => Err("InvalidOperationException"),
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
            "EnableSharingWithAwsOrganization" if !features.is_known(now) => Err("OperationNotPermittedException"),
            "EnableSharingWithAwsOrganization" => {
                features.trusted_services.insert(RAM.to_owned());
                Ok(json!({ "returnValue": true }))
            }
            _ if operation.ends_with("OrganizationsAccess") && !features.is_known(now) => {
                Err("InvalidOperationException")
            }
            "DescribeOrganizationsAccess" => {
                let status = if features.shows_stack_sets_in(now) { "ENABLED" } else { "DISABLED" };
                Ok(json!({ "Status": status }))
            }
            "ActivateOrganizationsAccess" => features.switch_access(true, now),
            "DeactivateOrganizationsAccess" => features.switch_access(false, now),
            _ => return None,
        })
    }
}
