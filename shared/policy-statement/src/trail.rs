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
