//! Stacks on the local AWS: its CloudFormation drives the deployed functions, the real command line drives it.

mod account;
mod ecr_policy_statement;
mod examples;
pub(crate) mod organization;
mod organizational_unit;
mod shared_subnet_tags;
mod sharing;
mod statements;
mod subnet_share;
mod subnet_share_principal;

use std::time::{Duration, Instant};

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Map, Value, json};

/// Longer than any operation of these stacks takes on a slow machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// A stack of custom resources.
pub(crate) struct Stack {
    aws: &'static LocalAws,
    name: String,
    id: String,
}

/// A name that no other test has.
pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{:08x}", fastrand::u32(..))
}

/// The ARN of a deployed function, as a template finds it.
fn service_token(function: &str) -> Value {
    json!({ "Fn::ImportValue": format!("archipelago-{function}") })
}

/// A template of these resources, with an output `<resource>` for each `!Ref` and `<resource><attribute>` for `attributes`.
pub(crate) fn template(resources: &Value, attributes: &[&str]) -> Value {
    let mut outputs = Map::new();
    for name in resources.as_object().unwrap().keys() {
        outputs.insert(name.clone(), json!({ "Value": { "Ref": name } }));
        for attribute in attributes {
            outputs.insert(format!("{name}{attribute}"), json!({ "Value": { "Fn::GetAtt": [name, attribute] } }));
        }
    }
    json!({ "AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, "Outputs": outputs })
}

impl Stack {
    /// Creates a stack and waits until it has this status.
    pub(crate) async fn create(template: &Value, status: &str) -> Self {
        Self::create_as_written(&template.to_string(), &[], status).await
    }

    /// The same of a text, in YAML or in JSON.
    async fn create_as_written(template: &str, parameters: &[(&str, String)], status: &str) -> Self {
        let aws = LocalAws::deployed();
        let name = unique("test");
        let parameters =
            parameters.iter().map(|(name, value)| json!({ "ParameterKey": name, "ParameterValue": value }));
        let parameters = parameters.collect::<Value>().to_string();
        let arguments = ["--stack-name", &name, "--template-body", template, "--parameters", &parameters];
        let arguments = [&arguments[..], &["--capabilities", "CAPABILITY_IAM"]].concat();
        let created = aws
            .aws(&[&["cloudformation", "create-stack"], &arguments[..]].concat())
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let id = created["StackId"].as_str().unwrap().to_owned();
        let stack = Self { aws, name, id };
        stack.reaches(status, "").await;
        stack
    }

    /// Updates the stack and waits until it has this status.
    pub(crate) async fn update(&self, template: &Value, status: &str) {
        self.try_update(template).await.unwrap_or_else(|error| panic!("{error}"));
        self.reaches(status, "").await;
    }

    async fn try_update(&self, template: &Value) -> Result<Value, String> {
        let body = template.to_string();
        self.aws.aws(&["cloudformation", "update-stack", "--stack-name", &self.name, "--template-body", &body]).await
    }

    /// Deletes the stack and waits until it has this status.
    async fn delete(&self, status: &str) {
        let before = self.aws.stack_status(&self.id).await.unwrap_or_default();
        self.aws
            .aws(&["cloudformation", "delete-stack", "--stack-name", &self.name])
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        self.reaches(status, &before).await;
    }

    /// Waits until the stack has this status; panics at once if it ends with another one, unless that is `before`.
    async fn reaches(&self, expected: &str, before: &str) {
        let start = Instant::now();
        loop {
            let status = self.aws.stack_status(&self.id).await.unwrap_or_else(|| "DELETE_COMPLETE".to_owned());
            if status == expected {
                return;
            }
            if start.elapsed() > PATIENCE || (!status.ends_with("_IN_PROGRESS") && status != before) {
                let events = self.events().await.join("\n");
                panic!("the stack is {status} after {:?}, not {expected}:\n{events}", start.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The stack's events from the oldest, each as `LogicalId STATUS reason`.
    async fn events(&self) -> Vec<String> {
        let output = self.aws.aws(&["cloudformation", "describe-stack-events", "--stack-name", &self.id]).await;
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let events = output["StackEvents"].as_array().into_iter().flatten().rev();
        let line = |event| {
            format!(
                "{} {} {}",
                text(event, "LogicalResourceId"),
                text(event, "ResourceStatus"),
                text(event, "ResourceStatusReason")
            )
        };
        events.map(line).collect()
    }

    /// What the events of a resource with this status give as reasons.
    pub(crate) async fn reason_of(&self, logical_id: &str, status: &str) -> String {
        let start = format!("{logical_id} {status} ");
        let events = self.events().await;
        let reasons: Vec<_> = events.iter().filter_map(|event| event.strip_prefix(&start)).collect();
        assert!(!reasons.is_empty(), "no `{start}` among\n{}", events.join("\n"));
        reasons.join("\n")
    }

    /// The value of an output.
    pub(crate) async fn output(&self, name: &str) -> String {
        let mut outputs = self.aws.stack_outputs(&self.id).await;
        outputs.remove(name).unwrap_or_else(|| panic!("no output {name} in {outputs:?}"))
    }
}
