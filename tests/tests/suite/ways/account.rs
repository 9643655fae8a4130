//! An account as its administrator has it: the real command lines, with the account's access key.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use archipelago_tests::binary::workspace;
use archipelago_tests::local_aws::{LocalAws, between};
use serde_json::{Value, json};

use crate::lifecycle::unique;

/// Longer than any operation of these stacks takes on a slow machine.
const PATIENCE: Duration = Duration::from_mins(4);
const CAPABILITIES: [&str; 3] = ["--capabilities", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"];

/// An account, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account(pub(super) String);

impl Account {
    /// Runs `aws`, where the service that it is for is played.
    pub(super) async fn aws(&self, arguments: &[&str]) -> Value {
        let local = LocalAws::running();
        let is_motos = matches!(arguments[0], "codepipeline" | "organizations" | "ram");
        let endpoint = if is_motos { &local.organizations_endpoint } else { &local.endpoint };
        let output = local.aws_at(endpoint, &self.0, arguments).await;
        output.unwrap_or_else(|error| panic!("in {}, {arguments:?}: {error}", self.0))
    }

    /// Installs a group of functions with `sam deploy`, with more parameters as `NAME=VALUE`.
    pub(super) async fn install(&self, group: &str, parameters: &[String]) {
        let parameters = [&[format!("Functions={group}")], parameters].concat();
        let installed = LocalAws::running().install(&self.0, &parameters).await;
        installed.unwrap_or_else(|why| panic!("no functions for {group} in {}: {why}", self.0));
    }

    /// Creates a stack from a template of the repository.
    pub(super) async fn create(&self, stack: &str, template: &str, parameters: &[(&str, &str)]) {
        self.create_as_written(stack, &body(template), parameters, "CREATE_COMPLETE").await;
    }

    /// The same from the text of a template; the stack ends with this status.
    pub(super) async fn create_as_written(&self, stack: &str, body: &str, parameters: &[(&str, &str)], status: &str) {
        let command = ["cloudformation", "create-stack", "--stack-name", stack, "--template-body", body];
        let parameters = in_json(parameters).to_string();
        self.aws(&[&command[..], &CAPABILITIES, &["--parameters", &parameters]].concat()).await;
        self.reaches(stack, status).await;
    }

    /// Creates or updates a stack by `aws cloudformation deploy`, which looks for its end every 30 seconds.
    pub(super) async fn deploy(&self, stack: &str, template: &str, parameters: &[(&str, &str)]) {
        let file = workspace().join(template).display().to_string();
        let command = ["cloudformation", "deploy", "--stack-name", stack, "--template-file", &file];
        let overrides: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let overrides: Vec<_> = overrides.iter().map(String::as_str).collect();
        self.aws(&[&command[..], &CAPABILITIES, &["--parameter-overrides"], &overrides].concat()).await;
    }

    /// Leaves its unit, or the root, for that unit.
    pub(super) async fn moves(&self, management: &Self, unit: &str) {
        let parents = ["organizations", "list-parents", "--child-id", &self.0];
        let parent = management.aws(&parents).await["Parents"][0]["Id"].clone();
        let from = ["--account-id", &self.0, "--source-parent-id", parent.as_str().unwrap()];
        let command = [&["organizations", "move-account"][..], &from, &["--destination-parent-id", unit]].concat();
        management.aws(&command).await;
    }

    /// Deletes a stack.
    pub(super) async fn delete(&self, stack: &str) {
        // By its name it isn't found any more once it is gone.
        let id = self.described(stack, "StackId").await;
        self.aws(&["cloudformation", "delete-stack", "--stack-name", stack]).await;
        self.reaches(&id, "DELETE_COMPLETE").await;
    }

    /// Changes parameters of a stack by a change set; returns the logical ids of what it says it will modify, and starts it.
    pub(super) async fn change(&self, stack: &str, parameters: &[(&str, &str)]) -> Vec<String> {
        let name = unique("change");
        let set = ["--stack-name", stack, "--change-set-name", &name];
        let before = self.pairs(stack, "Parameter").await;
        let kept = before.keys().filter(|name| !parameters.iter().any(|(changed, _)| changed == name));
        let kept = kept.map(|name| json!({ "ParameterKey": name, "UsePreviousValue": true }));
        let parameters: Vec<_> = in_json(parameters).as_array().unwrap().iter().cloned().chain(kept).collect();
        let parameters = Value::from(parameters).to_string();
        let create = ["cloudformation", "create-change-set", "--use-previous-template", "--parameters", &parameters];
        self.aws(&[&create[..], &CAPABILITIES, &set].concat()).await;
        self.aws(&[&["cloudformation", "wait", "change-set-create-complete"][..], &set].concat()).await;
        let described = self.aws(&[&["cloudformation", "describe-change-set"][..], &set].concat()).await;
        let changes = described["Changes"].as_array().unwrap().iter().map(|change| &change["ResourceChange"]);
        let mut changes: Vec<_> = changes
            .map(|change| {
                assert_eq!(change["Action"], "Modify", "{described}");
                change["LogicalResourceId"].as_str().unwrap().to_owned()
            })
            .collect();
        self.aws(&[&["cloudformation", "execute-change-set"][..], &set].concat()).await;
        changes.sort();
        changes
    }

    /// Waits until the stack has this status; panics at once if it ends with another one.
    pub(super) async fn reaches(&self, stack: &str, expected: &str) {
        let start = Instant::now();
        loop {
            let status = self.described(stack, "StackStatus").await;
            if status == expected {
                return;
            }
            if start.elapsed() > PATIENCE || !status.ends_with("_IN_PROGRESS") {
                let reasons = self.reasons(stack).await.join("\n");
                panic!("{stack} in {} is {status} after {:?}, not {expected}:\n{reasons}", self.0, start.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// What the stack's events give reasons for, from the oldest, each as `LogicalId STATUS reason`.
    pub(super) async fn reasons(&self, stack: &str) -> Vec<String> {
        let output = self.aws(&["cloudformation", "describe-stack-events", "--stack-name", stack]).await;
        let events = output["StackEvents"].as_array().unwrap().iter().rev();
        let line = |event: &Value| {
            let [id, status, reason] = ["LogicalResourceId", "ResourceStatus", "ResourceStatusReason"]
                .map(|name| event[name].as_str().unwrap_or_default());
            (!reason.is_empty()).then(|| format!("{id} {status} {reason}"))
        };
        events.filter_map(line).collect()
    }

    /// What a stack puts out.
    pub(super) async fn outputs(&self, stack: &str) -> BTreeMap<String, String> {
        self.pairs(stack, "Output").await
    }

    async fn pairs(&self, stack: &str, kind: &str) -> BTreeMap<String, String> {
        let command = ["cloudformation", "describe-stacks", "--stack-name", stack];
        let output = self.aws(&command).await["Stacks"][0][format!("{kind}s")].clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let pair = |each: &Value| (text(&each[format!("{kind}Key")]), text(&each[format!("{kind}Value")]));
        output.as_array().into_iter().flatten().map(pair).collect()
    }

    /// One element of what CloudFormation says of a stack. The command line takes a second for it.
    pub(super) async fn described(&self, stack: &str, element: &str) -> String {
        let input = [("StackName", stack)];
        let xml = LocalAws::running().query_as(&self.0, "cloudformation", "DescribeStacks", &input).await;
        let xml = xml.unwrap_or_else(|error| panic!("{error}"));
        between(&xml, &format!("<{element}>"), "<").next().unwrap().to_owned()
    }
}

fn body(template: &str) -> String {
    format!("file://{}", workspace().join(template).display())
}

fn in_json(parameters: &[(&str, &str)]) -> Value {
    parameters.iter().map(|(name, value)| json!({ "ParameterKey": name, "ParameterValue": value })).collect()
}
