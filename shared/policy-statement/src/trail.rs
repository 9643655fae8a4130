//! What a trail of `CloudTrail` has logged, as `EventBridge` hands it on: a hint to look at one policy. Nothing in it is believed but the name.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html>

use std::collections::BTreeMap;

use aws_lambda_events::eventbridge::EventBridgeEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Target, TargetLocation};

/// The variable with the ARN of the function's own role.
const ROLE: &str = "FUNCTION_ROLE";

/// <https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ecr.html>
const DETAIL_TYPE: &str = "AWS API Call via CloudTrail";

/// A call of some service, as far as it matters here.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Call {
    user_identity: UserIdentity,
    request_parameters: Option<Map<String, Value>>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct UserIdentity {
    session_context: Option<SessionContext>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SessionContext {
    session_issuer: Option<SessionIssuer>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct SessionIssuer {
    arn: String,
}

/// What a call is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Logged {
    /// The policy of that name in the ledger.
    Policy(String),
    /// All policies of which the names in the ledger begin so: those of one thing.
    Beginning(String),
    /// A call of the function itself, or of another service.
    Nothing,
}

/// What an event is about, seen by a function of account `home` with that role; `None` if `EventBridge` didn't get it from `CloudTrail`.
pub(crate) fn logged<T: Target>(event: &Value, home: &str, role: Option<&str>) -> Option<Logged> {
    if event.get("detail-type").is_none_or(|of| of != DETAIL_TYPE) {
        return None;
    }
    let event: EventBridgeEvent<Call> = serde_json::from_value(event.clone()).ok()?;
    let issuer = event.detail.user_identity.session_context.and_then(|context| context.session_issuer);
    if role.is_some() && issuer.as_ref().map(|issuer| &*issuer.arn) == role {
        return Some(Logged::Nothing);
    }
    // The service's `repositoryName` is the property `RepositoryName`.
    let property = |(name, value): (String, Value)| {
        let property = name.get(..1)?.to_ascii_uppercase() + name.get(1..)?;
        Some((property, value.as_str()?.to_owned())).filter(|(property, _)| T::OWN.contains(&&**property))
    };
    let parameters = event.detail.request_parameters.unwrap_or_default();
    let named: BTreeMap<_, _> = parameters.into_iter().filter_map(property).collect();
    let elsewhere = event.account.filter(|account| account != home);
    Some(match T::read(&named) {
        Ok(TargetLocation { account, target }) => {
            let account = account.filter(|account| account != home).or(elsewhere);
            Logged::Policy(TargetLocation { account, target }.key())
        }
        // The thing was made, and which policies it has isn't said.
        Err(_) => match T::OWN.first().and_then(|name| named.get(*name)) {
            Some(name) => {
                let account = elsewhere.map(|account| format!("{account}:")).unwrap_or_default();
                Logged::Beginning(format!("{} {account}{name}/", T::KIND).to_lowercase())
            }
            None => Logged::Nothing,
        },
    })
}

/// The function's own role.
pub(crate) fn own_role() -> Option<String> {
    std::env::var(ROLE).ok().filter(|role| !role.is_empty())
}

#[cfg(test)]
mod tests {
    use std::{fmt, str::FromStr};

    use serde_json::json;

    use super::*;

    const HOME: &str = "111111111111";
    const OWN: &str = "arn:aws:iam::111111111111:role/archipelago/statements/role";

    /// A policy of a role, by two names.
    #[derive(Debug, Clone, PartialEq)]
    struct OfRole(String);

    impl Target for OfRole {
        const KIND: &'static str = "role";
        const ARN: &'static str = "arn:{partition}:iam::{account}:role/{}";
        const OWN: &'static [&'static str] = &["RoleName", "PolicyName", "AccountId"];

        fn read(properties: &BTreeMap<String, String>) -> Result<TargetLocation<Self>, String> {
            let [role, policy] = ["RoleName", "PolicyName"].map(|name| properties.get(name).ok_or("it is required"));
            let target = Self(format!("{}/{}", role?, policy?));
            Ok(TargetLocation { account: properties.get("AccountId").cloned(), target })
        }
    }

    impl fmt::Display for OfRole {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }
    }

    impl FromStr for OfRole {
        type Err = ();

        fn from_str(text: &str) -> Result<Self, ()> {
            Ok(Self(text.to_owned()))
        }
    }

    fn event(account: &str, user: &Value, parameters: &Value) -> Option<Logged> {
        let event = json!({
            "detail-type": "AWS API Call via CloudTrail",
            "source": "aws.iam",
            "account": account,
            "detail": {"userIdentity": user, "requestParameters": parameters},
        });
        logged::<OfRole>(&event, HOME, Some(OWN))
    }

    fn by(role: &str) -> Value {
        json!({"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role}}})
    }

    #[test]
    fn an_event_names_a_policy_or_all_of_something_and_nothing_else_of_it_is_read() {
        let somebody = by("arn:aws:iam::111111111111:role/Admin");
        let both = json!({"roleName": "Deploy", "policyName": "grants", "policyDocument": "{}"});
        let of = |text: &str| Some(Logged::Policy(text.to_owned()));
        assert_eq!(event(HOME, &somebody, &both), of("role deploy/grants"));
        assert_eq!(
            event(HOME, &json!({"type": "AWSService", "invokedBy": "cloudformation"}), &both),
            of("role deploy/grants")
        );
        assert_eq!(event("222222222222", &somebody, &both), of("role 222222222222:deploy/grants"));
        let here = json!({"roleName": "Deploy", "policyName": "grants", "accountId": HOME});
        assert_eq!(event(HOME, &somebody, &here), of("role deploy/grants"));
        let made = json!({"roleName": "Deploy", "path": "/"});
        assert_eq!(event(HOME, &somebody, &made), Some(Logged::Beginning("role deploy/".to_owned())));
        for nothing in [json!({}), Value::Null, json!({"roleName": 7}), json!({"": "x", "é": "y"})] {
            assert_eq!(event(HOME, &somebody, &nothing), Some(Logged::Nothing), "{nothing}");
        }
    }

    #[test]
    fn what_the_function_s_own_role_did_is_nothing_and_an_event_of_another_kind_is_not_for_it() {
        let both = json!({"roleName": "Deploy", "policyName": "grants"});
        assert_eq!(event(HOME, &by(OWN), &both), Some(Logged::Nothing));
        for event in [json!({}), json!({"detail-type": "Scheduled Event"}), json!({"detail-type": DETAIL_TYPE})] {
            assert_eq!(logged::<OfRole>(&event, HOME, None), None, "{event}");
        }
    }
}
