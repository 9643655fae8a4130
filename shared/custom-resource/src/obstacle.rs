//! Why a call to AWS has no answer, from the errors that the SDKs and the HTTP client keep as sources.
//!
//! These errors may quote a request, a URL or a value. The SDKs do so between backticks, and what stands there isn't repeated.
//! <https://docs.rs/aws-smithy-runtime-api/latest/aws_smithy_runtime_api/client/result/enum.SdkError.html>

use std::{error::Error as StdError, io, iter};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};

const NO_CREDENTIALS: &str = "the function has no credentials, which Lambda sets in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
                              AWS_SESSION_TOKEN";

const BAD_CREDENTIALS: &str = "the function's credentials can't be used, which Lambda sets in AWS_ACCESS_KEY_ID, \
                               AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN";

const NO_REGION: &str = "the function has no Region, which Lambda sets in AWS_REGION";

const OF_ENDPOINT: &str =
    "the endpoint follows from AWS_REGION, AWS_ENDPOINT_URL, AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT";

/// How the SDKs say that no Region is set: most of them, S3's, and what signs requests.
const REGION_MISSES: [&str; 3] = [
    "Invalid Configuration: Missing Region",
    "A region must be set when sending requests to S3.",
    "missing signing region",
];

/// How the SDKs' serializers say that an endpoint is no address.
const UNAPPLIED: &str = "failed to apply endpoint";

/// What is in the way of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The request was not sent, and the next one won't be: the environment of the function or the request is wrong.
    Unsent(String),
    /// The request may have been sent, and another one may be answered.
    Unanswered(String),
}

impl Obstacle {
    /// What was in the way of a call that AWS didn't answer with an error of its own.
    pub(crate) fn of<E: StdError + 'static>(error: &SdkError<E, HttpResponse>) -> Self {
        let source = error.source();
        match error {
            SdkError::ConstructionFailure(_) => {
                Self::Unsent(format!("the request could not be built: {}", root(source)))
            }
            SdkError::TimeoutError(_) => Self::Unanswered("the call timed out".to_owned()),
            SdkError::DispatchFailure(failure) => {
                // What says itself that it is transient, although it is of no other kind, has `as_other`.
                let may_pass = failure.is_io() || failure.is_timeout() || failure.as_other().is_some();
                if may_pass { Self::Unanswered(broken(source)) } else { unsent(source) }
            }
            _ if find::<reqwest::Error>(source).is_some() => {
                Self::Unanswered(format!("the answer broke off: {}", broken(source)))
            }
            _ => Self::Unanswered("the answer could not be read".to_owned()),
        }
    }
}

type Source<'a> = Option<&'a (dyn StdError + 'static)>;

/// What kept a request from being sent. The SDKs call all of it a failure of the connection.
fn unsent(source: Source<'_>) -> Obstacle {
    let why = root(source);
    let is_of_endpoint = find::<reqwest::Error>(source).is_some_and(reqwest::Error::is_builder)
        || chain(source).any(|error| is_unresolved(error) || error.to_string().starts_with(UNAPPLIED));
    Obstacle::Unsent(match find::<CredentialsError>(source) {
        Some(CredentialsError::ProviderTimedOut(_)) => {
            return Obstacle::Unanswered("the function's credentials could not be loaded in time".to_owned());
        }
        Some(CredentialsError::CredentialsNotLoaded(_)) => NO_CREDENTIALS.to_owned(),
        // Its source may quote them.
        Some(_) => BAD_CREDENTIALS.to_owned(),
        None if REGION_MISSES.contains(&why.as_str()) => NO_REGION.to_owned(),
        None if is_of_endpoint => format!("the service has no endpoint: {why}; {OF_ENDPOINT}"),
        None => format!("the request could not be prepared: {why}"),
    })
}

/// Whether there is no endpoint. Two crates have an error of that name, and the SDKs use both.
fn is_unresolved(error: &dyn StdError) -> bool {
    format!("{error:?}").starts_with("ResolveEndpointError")
}

/// What happened to a connection.
pub(crate) fn broken(source: Source<'_>) -> String {
    let http = find::<reqwest::Error>(source);
    if http.is_some_and(reqwest::Error::is_dns) {
        return "the name of the endpoint could not be resolved".to_owned();
    }
    if let Some(error) = find::<rustls::Error>(source) {
        return format!("TLS failed: {error}");
    }
    if http.is_some_and(reqwest::Error::is_timeout) {
        let what = if http.is_some_and(reqwest::Error::is_connect) { "the connection" } else { "the call" };
        return format!("{what} timed out");
    }
    let kind = chain(source).filter_map(|error| error.downcast_ref::<io::Error>()).last().map(io::Error::kind);
    let known = match kind {
        Some(io::ErrorKind::ConnectionRefused) => "the connection was refused",
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe) => {
            "the connection was reset"
        }
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => "the endpoint can't be reached",
        _ => return format!("the connection failed: {}", root(source)),
    };
    known.to_owned()
}

/// An error and its sources.
fn chain(source: Source<'_>) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    iter::successors(source, |error| source_of(*error))
}

/// The source of an error. An `io::Error` leaves out the error that it was made of.
fn source_of<'a>(error: &'a (dyn StdError + 'static)) -> Source<'a> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

fn find<E: StdError + 'static>(source: Source<'_>) -> Option<&E> {
    chain(source).find_map(|error| error.downcast_ref())
}

/// The last source's words, without what they quote.
fn root(source: Source<'_>) -> String {
    let said = chain(source).last().map(ToString::to_string).unwrap_or_default();
    match (said.split_once('`'), said.rsplit_once('`')) {
        (Some((before, _)), Some((_, after))) => format!("{before}…{after}"),
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, time::Duration};

    use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
    use aws_credential_types::{
        Credentials, credential_fn::provide_credentials_fn, provider::SharedCredentialsProvider,
    };
    use aws_sdk_dynamodb::Client;
    use aws_smithy_runtime_api::client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    };
    use aws_smithy_types::{error::operation::BuildError, retry::ErrorKind};
    use aws_types::sdk_config::Builder;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::{AwsError, Error, http};

    const SECRET: &str = "s3cret";

    fn configuration() -> Builder {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("key", SECRET, None, None, "test")))
            .retry_config(RetryConfig::disabled())
            .http_client(http::Sdk(http::client().unwrap()))
    }

    /// How a call of DynamoDB ends.
    async fn called(aws: Builder) -> AwsError {
        let sent = Client::new(&aws.build()).describe_table().table_name(SECRET).send().await;
        let ended = AwsError::from(sent.unwrap_err());
        assert!(!ended.to_string().contains(SECRET), "{ended}");
        ended
    }

    /// What a person reads of a call that is not to be made again.
    async fn refused(aws: Builder) -> String {
        let ended = called(aws).await;
        assert!(ended.is_refusal(), "{ended}");
        let Error::Refused(sentence) = Error::from(ended) else { panic!("it is called again") };
        let sentence = sentence.sentence();
        sentence.strip_prefix("dynamodb:DescribeTable was not sent to AWS: ").unwrap_or(sentence).to_owned()
    }

    /// What a person reads of a call that may be answered if it is made again.
    async fn passing(aws: Builder) -> String {
        let ended = called(aws).await;
        assert!(!ended.is_refusal(), "{ended}");
        let Error::NotYet(not_yet) = Error::from(ended) else { panic!("it is never called again") };
        let sentence = not_yet.waiting_for;
        sentence.strip_prefix("dynamodb:DescribeTable got no answer from AWS: ").unwrap_or(&sentence).to_owned()
    }

    fn with_credentials(error: fn() -> CredentialsError) -> Builder {
        let provider = provide_credentials_fn(move || async move { Err(error()) });
        configuration().credentials_provider(SharedCredentialsProvider::new(provider))
    }

    #[tokio::test]
    async fn a_region_that_is_missing_is_named_with_its_variable() {
        assert_eq!(refused(configuration().region(None)).await, NO_REGION);
    }

    #[tokio::test]
    async fn an_endpoint_that_is_no_url_is_refused_without_being_quoted() {
        for endpoint in [
            "s3cret",
            "127.0.0.1:1/s3cret",
            "http://",
            "http://s3 cret",
            "http://127.0.0.1:99999/?s3cret",
            "ftp://s3cret/",
        ] {
            let said = refused(configuration().endpoint_url(endpoint)).await;
            assert!(said.starts_with("the service has no endpoint: "), "{endpoint}: {said}");
            assert!(said.contains("AWS_ENDPOINT_URL"), "{endpoint}: {said}");
        }
    }

    #[tokio::test]
    async fn an_endpoint_of_one_s_own_can_not_be_fips_or_dual_stack() {
        for aws in [configuration().use_fips(true), configuration().use_dual_stack(true)] {
            let said = refused(aws.endpoint_url("http://127.0.0.1:1")).await;
            assert!(said.contains(" and custom endpoint are not supported; the endpoint follows from "), "{said}");
            assert!(said.contains("AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT"), "{said}");
        }
    }

    #[tokio::test]
    async fn credentials_that_are_missing_or_can_not_be_used_are_named_with_their_variables() {
        assert_eq!(refused(with_credentials(|| CredentialsError::not_loaded("no variable"))).await, NO_CREDENTIALS);
        for error in
            [CredentialsError::invalid_configuration, CredentialsError::provider_error, CredentialsError::unhandled]
        {
            // As `VarError` does with what is no UTF-8.
            let provider = provide_credentials_fn(move || async move { Err(error(SECRET)) });
            let aws = configuration().credentials_provider(SharedCredentialsProvider::new(provider));
            assert_eq!(refused(aws).await, BAD_CREDENTIALS);
        }
        let slow = with_credentials(|| CredentialsError::provider_timed_out(Duration::from_secs(5)));
        assert_eq!(passing(slow).await, "the function's credentials could not be loaded in time");
    }

    /// A connector that fails in one way.
    #[derive(Debug, Clone)]
    struct Failing(fn() -> ConnectorError);

    impl HttpClient for Failing {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Failing {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            HttpConnectorFuture::ready(Err(self.0()))
        }
    }

    #[tokio::test]
    async fn what_no_connection_was_needed_for_is_final_unless_it_says_that_it_passes() {
        let user = Failing(|| ConnectorError::user("the body `s3cret` is a stream".into()));
        assert_eq!(
            refused(configuration().http_client(user)).await,
            "the request could not be prepared: the body … is a stream"
        );
        let other = Failing(|| ConnectorError::other("no sleep is set".into(), None));
        assert_eq!(
            refused(configuration().http_client(other)).await,
            "the request could not be prepared: no sleep is set"
        );
        let transient = Failing(|| ConnectorError::other("try again".into(), Some(ErrorKind::TransientError)));
        assert_eq!(passing(configuration().http_client(transient)).await, "the connection failed: try again");
    }

    #[test]
    fn a_request_that_can_not_be_built_names_the_field_and_not_its_value() {
        let details = "`s3cret` cannot be used as a header value";
        let error: SdkError<CredentialsError, HttpResponse> = BuildError::invalid_field("owner", details).into();
        let said = "the request could not be built: invalid field in input: owner (details: … cannot be used as a header value)";
        assert_eq!(Obstacle::of(&error), Obstacle::Unsent(said.to_owned()));
    }

    /// How a call ends whose connection is treated so.
    async fn treated<F: Future<Output = ()>>(scheme: &str, treat: impl FnOnce(TcpStream) -> F) -> String {
        let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let aws = configuration().endpoint_url(format!("{scheme}://{}", server.local_addr().unwrap()));
        let treat = async {
            treat(server.accept().await.unwrap().0).await;
        };
        tokio::join!(passing(aws), treat).0
    }

    async fn heard(stream: &mut TcpStream) {
        assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0);
    }

    /// Ends it from this side. What is closed with something unread in it is reset.
    async fn closed(mut stream: TcpStream) {
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }

    #[tokio::test]
    async fn what_happened_to_a_connection_is_said_as_what_it_is() {
        assert_eq!(passing(configuration().endpoint_url("http://127.0.0.1:1")).await, "the connection was refused");
        // A label has at most 63 letters, so nobody is asked for this one.
        let nobody = format!("http://{}.example", "x".repeat(64));
        assert_eq!(
            passing(configuration().endpoint_url(nobody)).await,
            "the name of the endpoint could not be resolved"
        );
        let no_tls = treated("https", async |mut stream| {
            heard(&mut stream).await;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            closed(stream).await;
        });
        let no_tls = no_tls.await;
        assert!(no_tls.starts_with("TLS failed: "), "{no_tls}");
        let reset = treated("http", async |mut stream| {
            heard(&mut stream).await;
            stream.set_zero_linger().unwrap();
        });
        assert_eq!(reset.await, "the connection was reset");
        let silent = treated("http", async |mut stream| {
            heard(&mut stream).await;
            closed(stream).await;
        });
        assert_eq!(silent.await, "the connection failed: connection closed before message completed");
        let cut = treated("http", async |mut stream| {
            heard(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await.unwrap();
            closed(stream).await;
        });
        let cut = cut.await;
        assert!(cut.starts_with("the answer broke off: the connection failed: "), "{cut}");
    }

    #[tokio::test]
    async fn a_call_that_takes_too_long_says_so() {
        let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let silent = format!("http://{}", server.local_addr().unwrap());
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(1)).build();
        let aws = configuration().endpoint_url(silent).timeout_config(timeouts);
        assert_eq!(passing(aws).await, "the call timed out");
    }
}
