//! What a template says of the organization, and what it reads back.

use std::{fmt, str::FromStr};

use archipelago::is_organization_id;
use aws_sdk_organizations::types::PolicyType;
use serde::{Deserialize, Serialize};

/// The properties of `Custom::Organization`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Properties {
    /// Policy types to enable on the root, by the names of the API. Those that AWS has added since are passed on as they are.
    #[serde(default)]
    pub(crate) policy_types: Vec<PolicyTypeName>,
    /// Service principals to trust, such as `member.org.stacksets.cloudformation.amazonaws.com`.
    #[serde(default)]
    pub(crate) trusted_services: Vec<ServicePrincipal>,
    /// Whether RAM shares inside the organization without invitations. It is switched on through RAM, and never off.
    #[serde(default = "yes")]
    pub(crate) resource_sharing: bool,
    /// Whether StackSets with service-managed permissions work in the organization: what `aws cloudformation
    /// activate-organizations-access` switches on. Without it, whatever is so stays so. Only a change from true to false switches
    /// it off.
    pub(crate) activate_organizations_access: Option<bool>,
}

fn yes() -> bool {
    true
}

/// A policy type by its name, also one that AWS has added since.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String", extend("pattern" = "^[A-Z0-9]+(_[A-Z0-9]+)*_POLICY(_[A-Z0-9]+)*$")))]
#[serde(try_from = "String")]
pub(crate) struct PolicyTypeName(pub(crate) PolicyType);

impl TryFrom<String> for PolicyTypeName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        if text.split('_').all(is_word) && text.split('_').skip(1).any(|word| word == "POLICY") {
            Ok(Self(PolicyType::from(text.as_str())))
        } else {
            Err(format!("expected the name of a policy type, such as {}", PolicyType::values().join(", ")))
        }
    }
}

/// The name by which a service is trusted: `ram.amazonaws.com`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("maxLength" = 128, "pattern" = r"^[a-z0-9_-]+(\.[a-z0-9_-]+){2,}$")))]
#[serde(try_from = "String")]
pub(crate) struct ServicePrincipal(pub(crate) String);

impl TryFrom<String> for ServicePrincipal {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let is_label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
        };
        if text.split('.').count() >= 3 && text.split('.').all(is_label) && text.len() <= 128 {
            Ok(Self(text))
        } else {
            Err("expected the principal of a service, such as member.org.stacksets.cloudformation.amazonaws.com")
        }
    }
}

/// The organization's id, `o-...`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct OrganizationId(String);

impl FromStr for OrganizationId {
    type Err = NotAnOrganizationId;

    /// The pattern is that of the API reference: 10 to 32 lower-case letters and digits.
    fn from_str(text: &str) -> Result<Self, NotAnOrganizationId> {
        if is_organization_id(text) { Ok(Self(text.to_owned())) } else { Err(NotAnOrganizationId) }
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Some other text.
#[derive(Debug)]
pub(crate) struct NotAnOrganizationId;

/// What `!GetAtt` reads.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attributes {
    /// The organization's id, `o-...`.
    pub(crate) id: String,
    /// The organization's ARN.
    pub(crate) arn: String,
    /// The id of its root, `r-...`.
    pub(crate) root_id: String,
    /// The id of its management account, 12 digits.
    pub(crate) management_account_id: String,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(properties: Value) -> Result<Properties, String> {
        serde_json::from_value(properties).map_err(|error| error.to_string())
    }

    #[test]
    fn resources_are_shared_inside_the_organization_unless_the_template_says_otherwise() {
        assert!(read(json!({})).unwrap().resource_sharing);
        assert!(!read(json!({"ResourceSharing": false})).unwrap().resource_sharing);
    }

    #[test]
    fn stack_sets_are_let_in_or_shut_out_or_left_as_they_are() {
        let access = |properties| read(properties).unwrap().activate_organizations_access;
        assert_eq!(access(json!({})), None);
        assert_eq!(access(json!({"ActivateOrganizationsAccess": true})), Some(true));
        assert_eq!(access(json!({"ActivateOrganizationsAccess": false})), Some(false));
    }

    #[test]
    fn a_policy_type_that_does_not_exist_is_refused_with_those_that_do() {
        let refusal = read(json!({"PolicyTypes": ["SERVICE_CONTROL"]})).unwrap_err();
        assert!(refusal.contains("SERVICE_CONTROL_POLICY"), "{refusal}");
        for wrong in ["POLICY", "service_control_policy", "_POLICY", "TAG POLICY", "TAG_POLICY\n", ""] {
            assert!(read(json!({"PolicyTypes": [wrong]})).is_err(), "{wrong}");
        }
        assert!(read(json!({"PolicyTypes": ["SERVICE_CONTROL_POLICY", "DECLARATIVE_POLICY_EC2"]})).is_ok());
    }

    #[test]
    fn a_policy_type_that_aws_adds_later_is_passed_on_as_it_is() {
        let later = read(json!({"PolicyTypes": ["SECURITYHUB_CSPM_POLICY"]})).unwrap();
        assert!(PolicyType::try_parse("SECURITYHUB_CSPM_POLICY").is_err(), "choose one that this version doesn't know");
        assert_eq!(later.policy_types[0].0.as_str(), "SECURITYHUB_CSPM_POLICY");
    }

    #[test]
    fn a_service_is_named_by_its_principal() {
        assert!(read(json!({"TrustedServices": ["member.org.stacksets.cloudformation.amazonaws.com"]})).is_ok());
        for wrong in ["ram", "RAM.amazonaws.com", "https://ram.amazonaws.com", "arn:aws:iam::1:root", ""] {
            assert!(read(json!({"TrustedServices": [wrong]})).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_an_organization_s_or_none_of_ours() {
        assert_eq!(OrganizationId::from_str("o-exampleorgid").unwrap().to_string(), "o-exampleorgid");
        for foreign in ["landing-Organization-1ABCDEF", "nothing-was-made", "o-short", ""] {
            assert!(OrganizationId::from_str(foreign).is_err(), "{foreign}");
        }
    }
}
