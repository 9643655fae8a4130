//! A ledger that looks at no condition, so that everyone has the lease.

use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Map, Value, json};

/// A client of it, which sends nothing.
#[must_use]
pub fn ledger() -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(Credentials::new("111111111111", "secret", None, None, "fuzz"))
        .http_client(Table);
    Client::from_conf(config.build())
}

#[derive(Debug, Clone)]
struct Table;

impl HttpConnector for Table {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let ok = StatusCode::try_from(200).expect("a status");
        let request = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("a request in JSON");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, SdkBody::from(granted(&request).to_string()))))
    }
}

/// What an update returns that is made whatever the item is: an item with what it sets.
fn granted(request: &Value) -> Value {
    let (names, values) = (&request["ExpressionAttributeNames"], &request["ExpressionAttributeValues"]);
    let set = names.as_object().into_iter().flatten().filter_map(|(placeholder, name)| {
        let value = values.get(placeholder.replacen('#', ":", 1))?;
        Some((name.as_str()?.to_owned(), value.clone()))
    });
    let item: Map<_, _> = set.chain(request["Key"].as_object().cloned().unwrap_or_default()).collect();
    if request["ReturnValues"] == "ALL_NEW" { json!({ "Attributes": item }) } else { json!({}) }
}

impl HttpClient for Table {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
