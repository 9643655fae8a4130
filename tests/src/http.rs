//! A small HTTP/1.1 server on 127.0.0.1, with TLS where it is wanted, that can also keep silent or cut the connection.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub use crate::message::{Headers, Reply, Request};
use crate::record::record;

/// A client for this machine's servers, past any proxy.
///
/// # Panics
/// Never: what could fail is TLS, and that has all it needs.
#[must_use]
pub fn client() -> reqwest::Client {
    // Everything here is plain HTTP, but in this workspace reqwest comes with TLS, without the cryptography for it.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().expect("TLS has its cryptography")
}

/// A server that stops, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct Server {
    has_tls: bool,
    port: u16,
    task: JoinHandle<()>,
}

/// Hyper closes the connection without an answer when the service fails.
#[derive(Debug)]
struct CutConnection;

impl fmt::Display for CutConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut on purpose")
    }
}

impl std::error::Error for CutConnection {}

impl Server {
    /// Listens on a free port of 127.0.0.1 and answers each request with what `answer` returns.
    pub async fn start<F, Replying>(answer: F) -> Self
    where
        F: Fn(Request) -> Replying + Send + Sync + 'static,
        Replying: Future<Output = Reply> + Send + 'static,
    {
        Self::listen(None, answer).await
    }

    /// The same, over TLS if there is a configuration for it.
    pub async fn listen<F, Replying>(tls: Option<Arc<ServerConfig>>, answer: F) -> Self
    where
        F: Fn(Request) -> Replying + Send + Sync + 'static,
        Replying: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port on 127.0.0.1");
        let port = listener.local_addr().expect("the address of a bound listener").port();
        let has_tls = tls.is_some();
        let tls = tls.map(TlsAcceptor::from);
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // An answer in two parts mustn't wait for the other side to have the first.
                let _ = stream.set_nodelay(true);
                let (answer, tls) = (Arc::clone(&answer), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => converse(stream, answer).await,
                        // A client that doesn't trust us goes away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                converse(stream, answer).await;
                            }
                        }
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self { has_tls, port, task }
    }

    /// `127.0.0.1:<port>`
    #[must_use]
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:<port>`, or the same with https.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.has_tls { "https" } else { "http" }, self.authority())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse<F, Replying>(stream: impl AsyncRead + AsyncWrite + Unpin, answer: Arc<F>)
where
    F: Fn(Request) -> Replying,
    Replying: Future<Output = Reply>,
{
    let service = service_fn(move |request| serve(request, Arc::clone(&answer)));
    // A client that goes away, and a connection that is cut, are both part of the play.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn serve<F, Replying>(
    request: hyper::Request<Incoming>,
    answer: Arc<F>,
) -> Result<hyper::Response<Full<Bytes>>, CutConnection>
where
    F: Fn(Request) -> Replying,
    Replying: Future<Output = Reply>,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| CutConnection)?.to_bytes().to_vec();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: Headers(headers.collect()),
        body,
    };
    record(&request);
    match answer(request).await {
        Reply::Http(status, headers, body) => {
            let mut response = hyper::Response::builder().status(status);
            for (name, value) in headers.0 {
                response = response.header(name, value);
            }
            Ok(response.body(Full::new(Bytes::from(body))).expect("headers of the tests are valid"))
        }
        Reply::Silence => match std::future::pending::<Infallible>().await {},
        Reply::Cut => Err(CutConnection),
    }
}
