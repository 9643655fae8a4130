//! Stands where one AWS service stands, for tests that need it silent, broken or scripted.

use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::fault::{Fault, error};
use crate::http::Reply;
use crate::proxy::Proxy;

/// An AWS endpoint of our own.
#[derive(Debug)]
pub struct AwsStub {
    proxy: Proxy,
    policies: RepositoryPolicies,
}

/// The policies of ECR's repositories, as text.
type RepositoryPolicies = Arc<Mutex<HashMap<String, Value>>>;

impl AwsStub {
    /// Answers every call with what `reply` says.
    pub async fn start(reply: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let proxy = Proxy::before(move |call, _| ready(reply(&call)), |_| Fault::None).await;
        Self { proxy, policies: RepositoryPolicies::default() }
    }

    /// A service that takes calls and never answers.
    pub async fn silent() -> Self {
        Self::start(|_| Reply::Silence).await
    }

    /// ECR with every repository one asks for and the policies they are given, unless `fault` interferes.
    pub async fn ecr(fault: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Self {
        let policies = RepositoryPolicies::default();
        let state = Arc::clone(&policies);
        let service = move |call: Call, _| ready(ecr(&mut state.lock().unwrap_or_else(PoisonError::into_inner), &call));
        Self { proxy: Proxy::before(service, fault).await, policies }
    }

    /// A ledger in `DynamoDB` that looks at no condition, so that everyone has the lease, unless `first` answers a call in its place.
    pub async fn ledger(first: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let items = Mutex::<HashMap<String, Map<String, Value>>>::default();
        Self::start(move |call| {
            let granted = || granted(&mut items.lock().unwrap_or_else(PoisonError::into_inner), &call.input);
            first(call).unwrap_or_else(|| Reply::json(200, &granted()))
        })
        .await
    }

    /// The value of `AWS_ENDPOINT_URL_<SERVICE>`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.proxy.origin()
    }

    /// Every call so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.proxy.calls()
    }

    /// How often an operation was called.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.proxy.count(operation)
    }

    /// Waits until there has been such a call.
    pub async fn called(&self, such: impl Fn(&Call) -> bool) {
        self.proxy.called(such).await;
    }

    /// The policy of a repository, null if it has none.
    #[must_use]
    pub fn policy(&self, repository: &str) -> Value {
        let policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let text = policies.get(repository).and_then(Value::as_str);
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
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

/// The answer to an update that is made whatever the item is, or to a look at an item.
fn granted(items: &mut HashMap<String, Map<String, Value>>, request: &Value) -> Value {
    let name = |key: &Value| ["Policy", "Item"].map(|attribute| key[attribute]["S"].to_string()).concat();
    if let Some(wanted) = request["RequestItems"].as_object() {
        // Nobody holds the lease.
        let is_of_claim = |key: &&Value| key["Item"]["S"] != "lease";
        let found = |keys: &Value| -> Value {
            let keys = keys["Keys"].as_array().into_iter().flatten().filter(is_of_claim);
            keys.filter_map(|key| items.get(&name(key)).cloned().map(Value::from)).collect()
        };
        let responses: Map<_, _> = wanted.iter().map(|(table, keys)| (table.clone(), found(keys))).collect();
        return json!({ "Responses": responses });
    }
    let item = items.entry(name(&request["Key"])).or_default();
    let (names, values) = (&request["ExpressionAttributeNames"], &request["ExpressionAttributeValues"]);
    let set = names.as_object().into_iter().flatten().filter_map(|(placeholder, name)| {
        let value = values.get(placeholder.replacen('#', ":", 1))?;
        Some((name.as_str()?.to_owned(), value.clone()))
    });
    item.extend(set.chain(request["Key"].as_object().cloned().unwrap_or_default()));
    match request["ReturnValues"].as_str() {
        Some("ALL_NEW") => json!({ "Attributes": item }),
        Some(_) => json!({}),
        None => json!({ "Item": item }),
    }
}
