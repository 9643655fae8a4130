//! Stands where one AWS service stands, for tests that need it silent, broken or scripted.

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

/// An AWS endpoint of our own.
#[derive(Debug)]
pub struct AwsStub {
    server: Server,
    calls: watch::Sender<Vec<Call>>,
}

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
        Self { server, calls }
    }

    /// A service that takes calls and never answers.
    pub async fn silent() -> Self {
        Self::start(|_| Reply::Silence).await
    }

    /// ECR with one repository, whose policy can be written unless `refuse` says why not.
    pub async fn ecr(refuse: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let policy: Mutex<Option<Value>> = Mutex::default();
        Self::start(move |call| {
            if let Some(refusal) = refuse(call) {
                return refusal;
            }
            let mut policy = policy.lock().unwrap_or_else(PoisonError::into_inner);
            match call.operation.as_str() {
                "SetRepositoryPolicy" => *policy = Some(call.input["policyText"].clone()),
                "GetRepositoryPolicy" if policy.is_some() => {}
                "DeleteRepositoryPolicy" if policy.is_some() => {
                    let text = policy.take();
                    return Reply::json(200, &repository_policy(call, &text.unwrap_or_default()));
                }
                "GetRepositoryPolicy" | "DeleteRepositoryPolicy" => {
                    return error("RepositoryPolicyNotFoundException", "Repository policy does not exist");
                }
                other => return error("InvalidParameterException", &format!("the stub has no {other}")),
            }
            Reply::json(200, &repository_policy(call, policy.as_ref().unwrap_or(&Value::Null)))
        })
        .await
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

    /// Waits until that many calls have arrived.
    pub async fn called(&self, times: usize) {
        let mut calls = self.calls.subscribe();
        let _ = calls.wait_for(|calls| calls.len() >= times).await;
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
