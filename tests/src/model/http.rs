//! Services of AWS that are played in memory, behind the SDK's own clients.

use std::fmt::Debug;
use std::io::Error as IoError;
use std::sync::Arc;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::region::Region;
use custom_resource::SdkConfig;
use serde_json::{Value, json};

use super::weather::{Trouble, Weather};

/// A service that speaks JSON.
pub trait Service: Debug + Send + Sync + 'static {
    /// The answer to an operation: its name as it stands in the request's target or, in small letters, in its path.
    ///
    /// # Errors
    /// AWS's code.
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str>;
}

/// The configuration of clients for which every call goes to `service`, through `weather`. Without the SDK's retries: the
/// buckets that limit them are shared by a whole process, so that one life would depend on another.
pub fn configuration(service: Arc<dyn Service>, weather: Arc<Weather>) -> SdkConfig {
    let connector = SharedHttpConnector::new(Connector { service, weather });
    SdkConfig::builder()
        .behavior_version(aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "model")))
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .build()
}

#[derive(Debug)]
struct Connector {
    service: Arc<dyn Service>,
    weather: Arc<Weather>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (service, weather) = (Arc::clone(&self.service), Arc::clone(&self.weather));
        HttpConnectorFuture::new(async move {
            let operation = operation(&request);
            let body = request.body().bytes().unwrap_or_default();
            let body = serde_json::from_slice(body).unwrap_or(Value::Null);
            match weather.call(|stale| service.answer(&operation, &body, stale)).await {
                Ok(Ok(answer)) => respond(200, &answer),
                Ok(Err(code)) => refuse(400, code),
                Err(Trouble::Throttled) => refuse(400, "ThrottlingException"),
                Err(Trouble::Denied) => refuse(400, "AccessDeniedException"),
                Err(Trouble::Broken) => refuse(500, "InternalServerError"),
                Err(Trouble::Unanswered) => Err(ConnectorError::io(IoError::other("broken").into())),
            }
        })
    }
}

fn operation(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
    let path = || request.uri().rsplit('/').next().unwrap_or_default().split('?').next().unwrap_or_default();
    target.unwrap_or_else(path).to_owned()
}

fn refuse(status: u16, code: &str) -> Result<HttpResponse, ConnectorError> {
    respond(status, &json!({ "__type": code, "message": "Not this time." }))
}

fn respond(status: u16, body: &Value) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
}
