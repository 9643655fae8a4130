//! The events of custom resources:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html>.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use aws_smithy_types::{DateTime, date_time::Format};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// What CloudFormation wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestType {
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One event, without the URL that its answer goes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Tells this event from all others, even where the request id is used again.
    pub serial: u64,
    /// `RequestType`
    pub request_type: RequestType,
    /// `RequestId`
    pub request_id: String,
    /// `StackId`
    pub stack_id: String,
    /// `LogicalResourceId`
    pub logical_resource_id: String,
    /// `PhysicalResourceId`; never on Create.
    pub physical_resource_id: Option<String>,
    /// `ResourceType`
    pub resource_type: String,
    /// `ServiceToken`
    pub service_token: String,
    /// `ResourceProperties` without `ServiceToken`, scalars as strings.
    pub properties: Map<String, Value>,
    /// `OldResourceProperties`; on Update alone.
    pub old_properties: Option<Map<String, Value>>,
    /// When it was sent first: its URL says so, however late it arrives.
    pub sent: Arc<OnceLock<Instant>>,
}

impl Event {
    /// The JSON that the function receives.
    #[must_use]
    pub fn to_json(&self, response_url: &str) -> Value {
        let mut event = json!({
            "RequestType": self.request_type.to_string(),
            "ServiceToken": self.service_token,
            "ResponseURL": response_url,
            "StackId": self.stack_id,
            "RequestId": self.request_id,
            "LogicalResourceId": self.logical_resource_id,
        });
        if let Some(id) = &self.physical_resource_id {
            event["PhysicalResourceId"] = json!(id);
        }
        event["ResourceType"] = json!(self.resource_type);
        event["ResourceProperties"] = self.with_token(&self.properties);
        if let Some(old) = &self.old_properties {
            event["OldResourceProperties"] = self.with_token(old);
        }
        event
    }

    /// When CloudFormation made it, which is now if it hasn't been sent before.
    pub fn sent(&self) -> Instant {
        *self.sent.get_or_init(Instant::now)
    }

    fn with_token(&self, properties: &Map<String, Value>) -> Value {
        let mut all = Map::new();
        all.insert("ServiceToken".to_owned(), json!(self.service_token));
        all.extend(properties.clone());
        Value::Object(all)
    }
}

/// A time as it stands in `X-Amz-Date` of a URL: `20261130T042126Z`.
#[must_use]
pub fn signing_date(time: SystemTime) -> String {
    let date = DateTime::from(time).fmt(Format::DateTimeWithOffset).unwrap_or_default();
    let seconds = date.split(['.', 'Z']).next().unwrap_or_default().replace(['-', ':'], "");
    format!("{seconds}Z")
}

/// Turns every scalar into a string, as CloudFormation does; nulls, which templates can't hold, vanish.
#[must_use]
pub fn stringified(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.clone(), stringified(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().filter(|item| !item.is_null()).map(stringified).collect()),
        Value::String(text) => Value::String(text.clone()),
        scalar => Value::String(scalar.to_string()),
    }
}
