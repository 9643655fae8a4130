//! The local AWS of this repository, started once for all tests of a process, and its real command line.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::Value;

use crate::binary::workspace;

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
    deployed: OnceLock<()>,
    _servers: Mutex<Child>,
}

static LOCAL_AWS: OnceLock<LocalAws> = OnceLock::new();

impl LocalAws {
    /// The local AWS, started by whoever asks first.
    pub fn running() -> &'static Self {
        LOCAL_AWS.get_or_init(Self::start)
    }

    /// The local AWS with the application deployed by `sam deploy`.
    #[must_use]
    pub fn deployed() -> &'static Self {
        let aws = Self::running();
        aws.deployed.get_or_init(|| {
            let output = servers(&["deploy", "--endpoint", &aws.endpoint]).output().expect("python of .local starts");
            assert!(output.status.success(), "the application can't be deployed to the local AWS:\n{}", both(&output));
        });
        aws
    }

    fn start() -> Self {
        let mut child = servers(&["run", "--free-ports"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python of .local starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("the local AWS says where it is");
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the local AWS didn't start; instead of one line of JSON it said `{line}`"));
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        Self {
            endpoint: text("endpoint"),
            organizations_endpoint: text("organizations_endpoint"),
            account: text("account"),
            region: text("region"),
            deployed: OnceLock::new(),
            _servers: Mutex::new(child),
        }
    }

    /// Runs the `aws` command line; returns what it printed as JSON, null for nothing.
    ///
    /// # Errors
    /// What the command wrote to stderr.
    pub async fn aws(&self, arguments: &[&str]) -> Result<Value, String> {
        let endpoint =
            if arguments.first() == Some(&"organizations") { &self.organizations_endpoint } else { &self.endpoint };
        let output = tokio::process::Command::new(tool("aws"))
            .args(arguments)
            .args(["--output", "json", "--no-cli-pager", "--endpoint-url", endpoint])
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_DEFAULT_REGION", &self.region)
            .env("AWS_REGION", &self.region)
            // Whatever the person who runs the tests has configured must not be read.
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
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
