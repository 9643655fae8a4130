//! Services of AWS that are played in memory, behind the SDK's own clients.

use std::fmt::Debug;
use std::io::Error as IoError;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::Region;
use custom_resource::{SdkConfig, testing::instead_of};
use serde_json::{Value, json};

use super::lambda_request;
use super::query;
use super::rest;
use super::weather::{Trouble, Weather};
use crate::call::by_path;

/// What refusals say.
const MESSAGE: &str = "Not this time.";

/// When the functions' own clients cut a call off.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// What a service refuses a request with.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    /// AWS's code.
    pub code: &'static str,
    /// What it says.
    pub words: String,
    /// What it has beside these.
    pub with: Value,
}

impl Refusal {
    /// One with nothing beside the code and the words.
    pub(super) fn new(code: &'static str, words: &str) -> Self {
        Self { code, words: words.to_owned(), with: json!({}) }
    }
}

/// A service, whether it speaks JSON, the query protocol or that of S3.
pub trait Service: Debug + Send + Sync + 'static {
    /// The answer to an operation: its name as it stands in the request's target, in its form or else in its path.
    ///
    /// # Errors
    /// AWS's code.
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str>;

    /// What it says with a code of its own.
    fn words(&self, _code: &str) -> &'static str {
        MESSAGE
    }

    /// The same, where that depends on what was asked.
    fn words_for(&self, code: &str, _request: &Value) -> String {
        self.words(code).to_owned()
    }

    /// What the refusal of a request has beside its code and its words.
    fn refused_with(&self, _request: &Value) -> Value {
        json!({})
    }

    /// The answer to an operation, or all that its refusal says: of things as they are at that moment.
    ///
    /// # Errors
    /// That refusal.
    fn answer_or_refusal(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, Refusal> {
        self.answer(operation, request, stale).map_err(|code| {
            let with = self.refused_with(request);
            Refusal { code, words: self.words_for(code, request), with }
        })
    }
}

/// The configuration of clients for which every call goes to `service`, through `weather`. In most weather without the SDK's
/// retries: the buckets that limit them are shared by a whole process, so that one life of many faults would depend on
/// another.
pub fn configuration(service: Arc<dyn Service>, weather: Arc<Weather>) -> SdkConfig {
    let retries = if weather.retries() { RetryConfig::standard() } else { RetryConfig::disabled() };
    let connector = SharedHttpConnector::new(Connector { service, weather });
    SdkConfig::builder()
        .behavior_version(aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("key", "secret", None, None, "model")))
        .retry_config(retries)
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(CALL_TIMEOUT).build())
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
        if let Some(never_sent) = instead_of(&request) {
            return never_sent;
        }
        let (service, weather) = (Arc::clone(&self.service), Arc::clone(&self.weather));
        HttpConnectorFuture::new(async move {
            let asked = Asked::read(&request);
            let effect = |stale| service.answer_or_refusal(&asked.operation, &asked.parameters, stale);
            match weather.call(&asked.operation, &asked.parameters, effect).await {
                Ok(Ok(answer)) => asked.respond(&answer),
                Ok(Err(Refusal { code, words, with })) => asked.refuse(400, code, &words, with),
                Err(Trouble::Throttled) => {
                    let (status, code) = asked.protocol.throttled();
                    asked.refuse(status, code, MESSAGE, json!({}))
                }
                Err(Trouble::Denied) => asked.refuse(403, asked.protocol.denied(), MESSAGE, json!({})),
                Err(Trouble::Broken) => asked.refuse(500, "InternalServerError", MESSAGE, json!({})),
                Err(Trouble::Unanswered) => Err(ConnectorError::io(IoError::other("broken").into())),
            }
        })
    }
}

#[derive(Clone, Copy)]
enum Protocol {
    Json,
    Query,
    /// That of EC2, with codes of its own.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
    Ec2,
    Rest,
}

impl Protocol {
    fn throttled(self) -> (u16, &'static str) {
        match self {
            Self::Json => (400, "ThrottlingException"),
            Self::Query => (400, "Throttling"),
            Self::Ec2 => (503, "RequestLimitExceeded"),
            Self::Rest => (400, "SlowDown"),
        }
    }

    fn denied(self) -> &'static str {
        match self {
            Self::Json => "AccessDeniedException",
            Self::Query | Self::Rest => "AccessDenied",
            Self::Ec2 => "UnauthorizedOperation",
        }
    }
}

/// A request, in whichever protocol.
struct Asked {
    operation: String,
    parameters: Value,
    protocol: Protocol,
}

impl Asked {
    fn read(request: &HttpRequest) -> Self {
        let body = request.body().bytes().unwrap_or_default();
        if let Some((operation, parameters)) = rest::read(request.method(), request.uri(), body) {
            return Self { operation, parameters, protocol: Protocol::Rest };
        }
        if let Some((operation, parameters)) = lambda_request::read(request.method(), request.uri(), body) {
            return Self { operation, parameters, protocol: Protocol::Json };
        }
        let is_query = request.headers().get("content-type").is_some_and(|kind| kind.contains("form-urlencoded"));
        if let Some((operation, parameters)) = query::read(body).filter(|_| is_query) {
            let protocol = if query::is_ec2(&parameters) { Protocol::Ec2 } else { Protocol::Query };
            return Self { operation, parameters, protocol };
        }
        let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
        let (address, query) = request.uri().split_once('?').unwrap_or((request.uri(), ""));
        let path = || by_path(request.method(), address.rsplit('/').next().unwrap_or_default());
        let in_address = || query::parameters(query.as_bytes());
        let parameters = serde_json::from_slice(body).unwrap_or_else(|_| Value::Object(in_address()));
        Self { operation: target.map_or_else(path, ToOwned::to_owned), parameters, protocol: Protocol::Json }
    }

    fn respond(&self, answer: &Value) -> Result<HttpResponse, ConnectorError> {
        let body = match self.protocol {
            Protocol::Json => answer.to_string(),
            Protocol::Query | Protocol::Ec2 => query::written(&self.operation, &self.parameters, answer),
            Protocol::Rest => rest::written(answer),
        };
        respond(200, body)
    }

    fn refuse(&self, status: u16, code: &str, words: &str, mut with: Value) -> Result<HttpResponse, ConnectorError> {
        let body = match self.protocol {
            Protocol::Json => {
                with["__type"] = code.into();
                with["message"] = words.into();
                with.to_string()
            }
            Protocol::Query | Protocol::Ec2 => query::refused(&self.parameters, code, words),
            Protocol::Rest => rest::refused(code, words, &with),
        };
        respond(status, body)
    }
}

fn respond(status: u16, body: String) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(body)))
}
