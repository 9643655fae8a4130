//! The one HTTP client: for the answers and for the SDKs, so that TLS is set up once.
//!
//! ring, since aws-lc-rs gathers entropy for half a second at the CPU share of a 128 MB function; embedded roots, since
//! parsing the system's costs milliseconds of every cold start.

use std::{path::Path, sync::Arc, time::Duration};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::body::SdkBody;
use reqwest::{Client, redirect::Policy};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use url::Url;

use crate::{first_change, metrics, trace_header, warm_up};

/// AWS's endpoints are near; a connection that takes longer won't come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Lambda freezes the process between events; a connection that was idle for longer is likely to be dead by then.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that follows no redirects: neither AWS nor S3 sends any that should be followed. Proxies of the environment
/// are honoured, as the SDKs' own clients do.
///
/// # Errors
/// When `AWS_CA_BUNDLE` or `SSL_CERT_FILE` is set and can't be read.
pub(crate) fn client() -> Result<Client, BoxError> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots()?)
        .with_no_client_auth();
    Ok(Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build()?)
}

fn roots() -> Result<RootCertStore, BoxError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let set = |variable: &&'static str| Some((*variable, std::env::var_os(variable)?));
    let bundle = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"].iter().find_map(set).filter(|(_, path)| !path.is_empty());
    if let Some((variable, path)) = bundle {
        add_bundle(&mut roots, variable, Path::new(&path))?;
    }
    Ok(roots)
}

/// Adds the certificates in the file that a variable names.
fn add_bundle(roots: &mut RootCertStore, variable: &str, path: &Path) -> Result<(), String> {
    let unreadable = |error| format!("{variable} names {}, which can't be read: {error}", path.display());
    let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    // A bundle often holds some certificate that no verifier takes; one that is all of them is a mistake.
    match roots.add_parsable_certificates(certificates) {
        (0, ignored) => Err(format!(
            "{variable} names {}, of which no certificate could be used ({ignored} were tried)",
            path.display()
        )),
        _ => Ok(()),
    }
}

/// The client as the SDKs want it.
#[derive(Debug, Clone)]
pub(crate) struct Sdk(pub(crate) Client);

impl HttpClient for Sdk {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Sdk {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        if warm_up::is_under_way() {
            return HttpConnectorFuture::new(open(self.0.clone(), request.uri().to_owned()));
        }
        if let Some(never_sent) = first_change::instead_of(&request) {
            return never_sent;
        }
        metrics::called(request.headers());
        trace_header::add(request.headers_mut());
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (head, body) = request.into_parts();
            // Bodies of API calls are in memory; only uploads stream.
            let body = body.bytes().ok_or_else(|| ConnectorError::user("a streamed body".into()))?.to_vec();
            let request = http::Request::from_parts(head, body);
            let request = reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;
            let response = client.execute(request).await.map_err(failure)?;
            let response = http::Response::from(response).map(SdkBody::from_body_1_x);
            // The request was sent, so that this is none of the errors that are final.
            HttpResponse::try_from(response).map_err(|_| ConnectorError::io("its head could not be read".into()))
        })
    }
}

/// Opens the connection that a request to `uri` takes, if it takes long to open, and leaves it to the next. Only a request
/// can do so: one that asks for nothing.
async fn open(client: Client, uri: String) -> Result<HttpResponse, ConnectorError> {
    let origin = Url::parse(&uri).ok().filter(|uri| uri.scheme() == "https").and_then(|uri| uri.join("/").ok());
    if let Some(origin) = origin {
        client.head(origin).send().await.map_err(failure)?;
    }
    Err(ConnectorError::user("it was for the connection".into()))
}

/// What the SDKs' retries need to know of an error. The error itself may quote the URL, which names things.
fn failure(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    if error.is_builder() {
        ConnectorError::user(error.into())
    } else if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;
    use crate::first_change::Reached;

    async fn called(url: String) {
        let mut request = HttpRequest::new(SdkBody::from("a secret"));
        request.set_uri(url).unwrap();
        let called = Sdk(client().unwrap()).call(request).await;
        assert!(called.is_err());
    }

    /// The first byte that a server hears, if anybody comes.
    async fn heard(scheme: &str) -> Option<u8> {
        let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("{scheme}://{}/path?query", server.local_addr().unwrap());
        let hear = async {
            let (mut stream, _) = server.accept().await.unwrap();
            stream.read_u8().await.ok()
        };
        tokio::select! {
            biased;
            heard = hear => heard,
            () = warm_up::for_connections(called(url)) => None,
        }
    }

    #[test]
    fn a_bundle_that_can_not_be_used_is_named_with_its_variable() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (file, why) in
            [("nobody-wrote-this.pem", "which can't be read: "), ("Cargo.toml", "of which no certificate")]
        {
            let said = add_bundle(&mut RootCertStore::empty(), "AWS_CA_BUNDLE", &own.join(file)).unwrap_err();
            assert!(said.starts_with("AWS_CA_BUNDLE names /") && said.contains(&format!("{file}, {why}")), "{said}");
        }
    }

    #[tokio::test]
    async fn before_the_first_event_a_call_shakes_hands_and_says_nothing() {
        const HANDSHAKE: u8 = 22;
        assert_eq!(heard("https").await, Some(HANDSHAKE));
        assert_eq!(heard("http").await, None);
    }

    #[tokio::test]
    async fn a_plan_sends_what_reads_and_nothing_else() {
        let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/", server.local_addr().unwrap());
        let heard = async |operation: &str| {
            let mut request = HttpRequest::new(SdkBody::from("{}"));
            request.set_method("POST").unwrap();
            request.set_uri(url.as_str()).unwrap();
            request.headers_mut().insert("x-amz-target", format!("Any.{operation}"));
            let planned = first_change::up_to_first_change(async { Sdk(client().unwrap()).call(request).await });
            tokio::select! {
                _ = server.accept() => true,
                reached = planned => matches!(reached, Reached::End(_)),
            }
        };
        assert!(heard("ListThings").await);
        assert!(!heard("TagThings").await);
    }

    #[tokio::test]
    async fn a_start_without_a_way_to_aws_goes_on() {
        warm_up::warm_up(called("https://127.0.0.1:1/".to_owned())).await;
    }
}
