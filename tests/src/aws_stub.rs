//! Stands where one AWS service stands, for tests that need it silent, broken or scripted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::http::{Reply, Request, Server};

/// A call that reached the service.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation, as in `SetRepositoryPolicy`; the path for services that don't name it in a header.
    pub operation: String,
    /// The body, null if it isn't JSON.
    pub input: Value,
}

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing.
    None,
    /// It has no effect, and this is the reply.
    Before(Reply),
    /// It has its effect, and this is the reply all the same.
    After(Reply),
}

/// An AWS endpoint of our own.
#[derive(Debug)]
pub struct AwsStub {
    server: Server,
    calls: watch::Sender<Vec<Call>>,
    policies: Policies,
}

/// The policies of ECR's repositories, as text.
type Policies = Arc<Mutex<HashMap<String, Value>>>;

impl AwsStub {
    /// Answers every call with what `reply` says.
    pub async fn start(reply: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let calls = watch::Sender::new(Vec::new());
        let (seen, reply) = (calls.clone(), Arc::new(reply));
        let server = Server::start(move |request| {
            let call = call(&request);
            seen.send_modify(|calls| calls.push(call.clone()));
            let reply = Arc::clone(&reply);
            async move { reply(&call) }
        })
        .await;
        Self { server, calls, policies: Policies::default() }
    }

    /// A service that takes calls and never answers.
    pub async fn silent() -> Self {
        Self::start(|_| Reply::Silence).await
    }

    /// ECR with every repository one asks for and the policies they are given, unless `fault` interferes.
    pub async fn ecr(fault: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Self {
        let policies = Policies::default();
        let state = Arc::clone(&policies);
        let stub = Self::start(move |call| {
            let fault = fault(call);
            if let Fault::Before(reply) = fault {
                return reply;
            }
            let mut policies = state.lock().unwrap_or_else(PoisonError::into_inner);
            let reply = ecr(&mut policies, call);
            match fault {
                Fault::After(instead) => instead,
                _ => reply,
            }
        })
        .await;
        Self { policies, ..stub }
    }

    /// The value of `AWS_ENDPOINT_URL_<SERVICE>`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// Every call so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// How often an operation was called.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.calls.borrow().iter().filter(|call| call.operation == operation).count()
    }

    /// Waits until there has been such a call.
    pub async fn called(&self, such: impl Fn(&Call) -> bool) {
        let mut calls = self.calls.subscribe();
        let _ = calls.wait_for(|calls| calls.iter().any(&such)).await;
    }

    /// The policy of a repository, null if it has none.
    #[must_use]
    pub fn policy(&self, repository: &str) -> Value {
        let policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let text = policies.get(repository).and_then(Value::as_str);
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// An error as the JSON protocols of AWS write it.
#[must_use]
pub fn error(code: &str, message: &str) -> Reply {
    let headers = vec![
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amzn-requestid", "00000000-0000-4000-a000-000000000000".to_owned()),
    ];
    let body = json!({ "__type": code, "message": message });
    Reply::Answer(400, headers, body.to_string().into_bytes())
}

fn ecr(policies: &mut HashMap<String, Value>, call: &Call) -> Reply {
    let repository = call.input["repositoryName"].as_str().unwrap_or_default();
    let policy = match call.operation.as_str() {
        "SetRepositoryPolicy" => {
            policies.insert(repository.to_owned(), call.input["policyText"].clone());
            policies.get(repository).cloned()
        }
        "GetRepositoryPolicy" => policies.get(repository).cloned(),
        "DeleteRepositoryPolicy" => policies.remove(repository),
        other => return error("InvalidParameterException", &format!("the stub has no {other}")),
    };
    match policy {
        Some(text) => Reply::json(200, &repository_policy(call, &text)),
        None => error("RepositoryPolicyNotFoundException", "Repository policy does not exist"),
    }
}

fn repository_policy(call: &Call, text: &Value) -> Value {
    json!({
        "registryId": "111111111111",
        "repositoryName": call.input["repositoryName"],
        "policyText": text,
    })
}

fn call(request: &Request) -> Call {
    let target = request.headers.get("x-amz-target").and_then(|target| target.rsplit('.').next());
    Call {
        operation: target.unwrap_or(&request.path).to_owned(),
        input: serde_json::from_slice(&request.body).unwrap_or_default(),
    }
}
