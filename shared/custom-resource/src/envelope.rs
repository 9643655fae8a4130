//! The envelope of what CloudFormation sends. It is read first, so that whatever is inside can be answered.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html>

use serde::Deserialize;
use serde_json::Value;

use crate::FunctionArn;

/// Who is asking, and in which log the work can be read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope {
    /// The stack's ARN.
    pub stack_id: String,
    /// CloudFormation's name for this request; used again when it asks again.
    pub request_id: String,
    /// The name of the resource in the template.
    pub logical_resource_id: String,
    /// `Custom::Something`.
    #[serde(default)]
    pub resource_type: String,
    /// What `!Ref` reads: absent on Create.
    #[serde(default)]
    pub physical_resource_id: Option<String>,
    /// The function that was invoked.
    #[serde(skip)]
    pub function: FunctionArn,
    #[serde(skip)]
    log: String,
}

impl Envelope {
    /// Reads the envelope of `event`, on which the function `function` (an ARN) works and logs in `log_stream`.
    ///
    /// # Errors
    /// When it is no request of CloudFormation's.
    pub fn read(event: &Value, function: &str, log_stream: &str) -> Result<Self, Unanswerable> {
        // What serde says may quote the event.
        let envelope = Self::deserialize(event).map_err(|_| {
            Unanswerable::Envelope(
                "it lacks StackId, RequestId or LogicalResourceId, or these are no strings".to_owned(),
            )
        })?;
        let function = FunctionArn::read(function);
        Ok(Self { function, log: format!("log stream: {log_stream}"), ..envelope })
    }

    /// The same, of work whose log is found as `log` says in words.
    pub(crate) fn logged(self, log: &str) -> Self {
        Self { log: log.to_owned(), ..self }
    }

    /// Where a person finds more than fits into a reason.
    pub(crate) fn trace(&self) -> String {
        format!("RequestId: {}; {}", self.request_id, self.log)
    }
}

/// Why an event can't be answered: it doesn't say to whom, or says something that isn't to be trusted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// No request of CloudFormation's.
    #[error("the event is no request of CloudFormation: {0}")]
    Envelope(String),
    /// The URL would have us write somewhere else.
    #[error("the ResponseURL was not accepted: {0}; RESPONSE_HOSTS may name further hosts")]
    Url(&'static str),
}

#[cfg(test)]
impl Envelope {
    pub(crate) fn example() -> Self {
        Self {
            stack_id: "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a".to_owned(),
            request_id: "5a7e".to_owned(),
            logical_resource_id: "Workloads".to_owned(),
            resource_type: "Custom::OrganizationalUnit".to_owned(),
            physical_resource_id: None,
            function: FunctionArn::read("arn:aws:lambda:us-east-1:111111111111:function:organizational-unit"),
            log: "log stream: 2026/11/24/[1]ab".to_owned(),
        }
    }
}
