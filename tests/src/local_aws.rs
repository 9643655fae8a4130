//! The local AWS of this repository, started once for all tests of a process, and its real command line.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};

use reqwest::Method;
use serde_json::{Value, json};

use crate::files::workspace;

/// A running local AWS; it stops when the process of the tests ends, since its standard input closes then.
#[derive(Debug)]
pub struct LocalAws {
    /// The endpoint of everything but Organizations.
    pub endpoint: String,
    /// The endpoint of Organizations.
    pub organizations_endpoint: String,
    /// The account that the functions live in, which is its own access key.
    pub account: String,
    /// The region.
    pub region: String,
    deployed: OnceLock<Result<(), String>>,
    _servers: Mutex<Child>,
}

static LOCAL_AWS: OnceLock<Result<LocalAws, String>> = OnceLock::new();

impl LocalAws {
    /// The local AWS, started by whoever asks first.
    pub fn running() -> &'static Self {
        LOCAL_AWS.get_or_init(Self::start).as_ref().unwrap_or_else(|why| panic!("{why}"))
    }

    /// The local AWS with the application deployed by `sam deploy`.
    #[must_use]
    pub fn deployed() -> &'static Self {
        let aws = Self::running();
        // A deployment that failed fails again: every test then says why, and none waits for it.
        let deployed = aws.deployed.get_or_init(|| {
            let output = servers(&["deploy", "--endpoint", &aws.endpoint]).output().expect("python of .local starts");
            if output.status.success() { Ok(()) } else { Err(both(&output)) }
        });
        if let Err(why) = deployed {
            panic!("the application can't be deployed to the local AWS:\n{why}");
        }
        aws
    }

    /// Runs `sam deploy` into an account, with parameters of template.yaml as `NAME=VALUE`.
    ///
    /// # Errors
    /// What the command wrote.
    pub async fn install(&self, account: &str, parameters: &[String]) -> Result<(), String> {
        let command = servers(&["deploy", "--endpoint", &self.endpoint, "--account", account]);
        let mut command = tokio::process::Command::from(command);
        let output = command.args(parameters).output().await.expect("python of .local starts");
        if output.status.success() { Ok(()) } else { Err(both(&output)) }
    }

    /// Writes a release of what `make build` has built into a folder that isn't there yet.
    ///
    /// # Errors
    /// What the command wrote.
    pub async fn release(&self, folder: &Path) -> Result<(), String> {
        let mut command = tokio::process::Command::from(servers(&["package"]));
        let output = command.arg(folder).output().await.expect("python of .local starts");
        if output.status.success() { Ok(()) } else { Err(both(&output)) }
    }

    fn start() -> Result<Self, String> {
        let mut child = servers(&["run", "--free-ports"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python of .local starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("the local AWS says where it is");
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            drop(child.stdin.take());
            let _ = child.wait();
            return Err(format!("the local AWS didn't start; instead of one line of JSON it said `{line}`"));
        };
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            endpoint: text("endpoint"),
            organizations_endpoint: text("organizations_endpoint"),
            account: text("account"),
            region: text("region"),
            deployed: OnceLock::new(),
            _servers: Mutex::new(child),
        })
    }

    /// Runs the `aws` command line; returns what it printed as JSON, null for nothing.
    ///
    /// # Errors
    /// What the command wrote to stderr.
    pub async fn aws(&self, arguments: &[&str]) -> Result<Value, String> {
        self.aws_as(&self.account, arguments).await
    }

    /// The same in another account.
    ///
    /// # Errors
    /// What the command wrote to stderr.
    pub async fn aws_as(&self, account: &str, arguments: &[&str]) -> Result<Value, String> {
        let endpoint =
            if arguments.first() == Some(&"organizations") { &self.organizations_endpoint } else { &self.endpoint };
        self.aws_at(endpoint, account, arguments).await
    }

    /// The same at one of the endpoints, whatever it usually serves.
    ///
    /// # Errors
    /// What the command wrote to stderr.
    pub async fn aws_at(&self, endpoint: &str, account: &str, arguments: &[&str]) -> Result<Value, String> {
        let output = tokio::process::Command::new(tool("aws"))
            .args(arguments)
            .args(["--output", "json", "--endpoint-url", endpoint])
            .envs(self.environment(account))
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .output()
            .await
            .expect("aws of .local starts");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    /// Runs a script of a shell, whose `aws` is an account's; returns what it wrote.
    ///
    /// # Errors
    /// What it wrote, if it failed.
    pub async fn shell_as(&self, account: &str, script: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let tools = workspace().join(".local/tools/bin");
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
        let output = tokio::process::Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .env("PATH", path)
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ENDPOINT_URL_ORGANIZATIONS", &self.organizations_endpoint)
            .envs(self.environment(account))
            .envs(variables.iter().copied())
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .output()
            .await
            .expect("bash starts");
        if output.status.success() { Ok(both(&output)) } else { Err(both(&output)) }
    }

    /// What makes the command line an account's, and keeps it from all others.
    fn environment(&self, account: &str) -> [(&'static str, String); 8] {
        [
            ("AWS_ACCESS_KEY_ID", account.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_DEFAULT_REGION", self.region.clone()),
            ("AWS_REGION", self.region.clone()),
            // Whatever the person who runs the tests has configured must not be read.
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            // A proxy of theirs can't reach this machine's servers.
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ]
    }

    /// Calls an operation of a service with a JSON protocol, such as `ecr` or `organizations`.
    ///
    /// # Errors
    /// The error's code and message.
    pub async fn call(&self, service: &str, operation: &str, input: &Value) -> Result<Value, String> {
        self.call_as(&self.account, service, operation, input).await
    }

    /// The same in another account.
    ///
    /// # Errors
    /// The error's code and message.
    pub async fn call_as(&self, account: &str, service: &str, operation: &str, input: &Value) -> Result<Value, String> {
        let (endpoint, target) = match service {
            "dynamodb" => (self.endpoint.clone(), Some("DynamoDB_20120810")),
            "ecr" => (self.endpoint.clone(), Some("AmazonEC2ContainerRegistry_V20150921")),
            "kms" => (self.endpoint.clone(), Some("TrentService")),
            "organizations" => (self.organizations_endpoint.clone(), Some("AWSOrganizationsV20161128")),
            "ram" => (format!("{}/{}", self.organizations_endpoint, operation.to_lowercase()), None),
            other => panic!("the tests don't know the protocol of {other}"),
        };
        let request = self.request(Method::POST, &endpoint, account, service).body(input.to_string());
        let request = match target {
            Some(target) => request
                .header("content-type", "application/x-amz-json-1.1")
                .header("x-amz-target", format!("{target}.{operation}")),
            None => request.header("content-type", "application/json"),
        };
        let response = request.send().await.expect("the local AWS answers");
        let status = response.status();
        let body = response.bytes().await.expect("the local AWS answers whole");
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let code = body["__type"].as_str().unwrap_or_default();
        let message = body["message"].as_str().or(body["Message"].as_str()).unwrap_or_default();
        Err(format!("{code}: {message}"))
    }

    /// A new table of an account for the ledger of its functions, as template.yaml makes one; its name.
    ///
    /// # Panics
    /// If there is none afterwards.
    pub async fn ledger_table(&self, account: &str) -> String {
        let key = |hash: &str, range: &str| json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }]);
        let by_type = json!({
            "IndexName": "ByType",
            "KeySchema": key("Type", "Policy"),
            "Projection": { "ProjectionType": "KEYS_ONLY" },
        });
        let attributes = ["Policy", "Item", "Type"];
        self.table(account, "ledger", &attributes, key("Policy", "Item"), Some(json!([by_type]))).await
    }

    /// The same for what callers may have.
    ///
    /// # Panics
    /// If there is none afterwards.
    pub async fn caller_table(&self, account: &str) -> String {
        let key =
            json!([{ "AttributeName": "Caller", "KeyType": "HASH" }, { "AttributeName": "Item", "KeyType": "RANGE" }]);
        self.table(account, "callers", &["Caller", "Item"], key, None).await
    }

    /// The same for the requests of its functions.
    ///
    /// # Panics
    /// If there is none afterwards.
    pub async fn request_table(&self, account: &str) -> String {
        let key = json!([{ "AttributeName": "Resource", "KeyType": "HASH" }]);
        self.table(account, "requests", &["Resource"], key, None).await
    }

    async fn table(
        &self,
        account: &str,
        name: &str,
        attributes: &[&str],
        key: Value,
        indexes: Option<Value>,
    ) -> String {
        let table = format!("{name}-{:08x}", fastrand::u32(..));
        let attributes = attributes.iter().map(|name| json!({ "AttributeName": name, "AttributeType": "S" }));
        let mut input = json!({
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": attributes.collect::<Value>(),
            "KeySchema": key,
        });
        // An empty list is refused.
        if let Some(indexes) = indexes {
            input["GlobalSecondaryIndexes"] = indexes;
        }
        let created = self.call_as(account, "dynamodb", "CreateTable", &input).await;
        created.unwrap_or_else(|why| panic!("no table: {why}"));
        table
    }

    /// The status of a stack, by name or by ARN; `None` if there is none.
    pub async fn stack_status(&self, stack: &str) -> Option<String> {
        let described = self.described(stack).await;
        between(&described, "<StackStatus>", "</StackStatus>").next().map(str::to_owned)
    }

    /// The outputs of a stack, by name or by ARN. What XML escapes stays escaped.
    pub async fn stack_outputs(&self, stack: &str) -> BTreeMap<String, String> {
        let described = self.described(stack).await;
        let keys = between(&described, "<OutputKey>", "</OutputKey>").map(str::to_owned);
        keys.zip(between(&described, "<OutputValue>", "</OutputValue>").map(str::to_owned)).collect()
    }

    /// What CloudFormation says of a stack.
    async fn described(&self, stack: &str) -> String {
        self.query(&self.account, "cloudformation", "DescribeStacks", &[("StackName", stack)]).await.1
    }

    /// Calls an operation of a service with a query protocol as an account. The command line takes a second for it.
    ///
    /// # Errors
    /// The answer, which is XML either way.
    pub async fn query_as(
        &self,
        account: &str,
        service: &str,
        operation: &str,
        input: &[(&str, &str)],
    ) -> Result<String, String> {
        let (is_success, text) = self.query(account, service, operation, input).await;
        if is_success { Ok(text) } else { Err(text) }
    }

    async fn query(&self, account: &str, service: &str, operation: &str, input: &[(&str, &str)]) -> (bool, String) {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", operation)
            .extend_pairs(input)
            .finish();
        let request = self.request(Method::POST, &self.endpoint, account, service);
        answer(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await
    }

    /// Sends a request about a bucket to S3, whose protocol is HTTP itself: `path` begins with the bucket's name.
    ///
    /// # Errors
    /// The answer, which is XML then.
    pub async fn bucket_as(&self, account: &str, method: Method, path: &str, body: String) -> Result<String, String> {
        let url = format!("{}/{path}", self.endpoint);
        let (is_success, text) = answer(self.request(method, &url, account, "s3").body(body)).await;
        if is_success { Ok(text) } else { Err(text) }
    }

    /// Nobody checks signatures here; the access key says which account asks.
    fn request(&self, method: Method, url: &str, account: &str, service: &str) -> reqwest::RequestBuilder {
        let region = &self.region;
        crate::http::client().request(method, url).header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/{service}/aws4_request, \
                 SignedHeaders=host, Signature=0"
            ),
        )
    }
}

/// Whether a request succeeded, and what it was answered with.
async fn answer(request: reqwest::RequestBuilder) -> (bool, String) {
    let response = request.send().await.expect("the local AWS answers");
    let is_success = response.status().is_success();
    (is_success, response.text().await.expect("the local AWS answers whole"))
}

/// What stands between each `start` and the `end` that follows it.
pub fn between<'a>(text: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(move |rest| rest.split(end).next())
}

fn servers(arguments: &[&str]) -> Command {
    let mut command = Command::new(tool("python"));
    command.arg(workspace().join("tests/local-aws/servers.py")).args(arguments).current_dir(workspace());
    command
}

/// A program of the environment that the Makefile makes.
fn tool(name: &str) -> PathBuf {
    let path = workspace().join(".local/tools/bin").join(name);
    assert!(path.exists(), ".local has no {name} yet: run `make build` first");
    path
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
