//! What the least Rust with AWS's SDK takes: one read, one write, one answer; no lease, no second look, no retries.

use std::sync::Arc;

use aws_config::{
    BehaviorVersion,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
};
use aws_sdk_ecr::Client;
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    orchestrator::HttpResponse,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde_json::{Value, json};

#[derive(Debug, Clone)]
struct Http(reqwest::Client);

impl Http {
    fn new() -> Result<Self, Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(bundle) = std::env::var_os("AWS_CA_BUNDLE") {
            roots.add_parsable_certificates(CertificateDer::pem_file_iter(bundle)?.flatten());
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(reqwest::Client::builder().tls_backend_preconfigured(tls).build()?))
    }
}

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let request = request.map(|body| body.bytes().unwrap_or_default().to_vec());
            let request = reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;
            let response = client.execute(request).await.map_err(|error| ConnectorError::io(error.into()))?;
            let response = http::Response::from(response).map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

async fn answer(ecr: &Client, http: &reqwest::Client, event: Value) -> Result<(), Error> {
    let properties = &event["ResourceProperties"];
    let repository = properties["RepositoryName"].as_str().unwrap_or_default();
    let policy = ecr.get_repository_policy().repository_name(repository).send().await?;
    let mut policy: Value = serde_json::from_str(policy.policy_text().unwrap_or("{}"))?;
    let mut statement = properties["Statement"].clone();
    statement["Sid"] = event["LogicalResourceId"].clone();
    let statements = policy["Statement"].as_array_mut().ok_or("a policy without statements")?;
    statements.retain(|there| there["Sid"] != statement["Sid"]);
    statements.push(statement);
    ecr.set_repository_policy().repository_name(repository).policy_text(policy.to_string()).send().await?;
    let body = json!({
        "Status": "SUCCESS",
        "PhysicalResourceId": event["LogicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    });
    let url = event["ResponseURL"].as_str().unwrap_or_default();
    http.put(url).header("content-type", "").body(body.to_string()).send().await?.error_for_status()?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let http = Http::new()?;
    let aws = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .region(EnvironmentVariableRegionProvider::new())
        .load()
        .await;
    let (ecr, http) = (&Client::new(&aws), &http.0);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| answer(ecr, http, event.payload).await)).await
}
