//! Stands where S3 stands: takes the answers that functions PUT, and behaves as the script of each URL says.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::cloudformation::{Put, signing_date};
use crate::http::{Headers, Reply, Request, Server};
use crate::patience::soon;

/// What happens to one PUT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It is answered with this status.
    Status(u16),
    /// It is refused by S3 with this status and code.
    Refused(u16, &'static str),
    /// It is answered 200 after a while.
    Slow(Duration),
    /// It is taken, and no answer ever comes.
    Silence,
    /// It is taken, and the connection is closed without an answer.
    Cut,
}

/// A server for the `ResponseURL` of events.
#[derive(Debug)]
pub struct ResponseServer {
    server: Server,
    urls: Arc<Mutex<HashMap<String, Arc<State>>>>,
}

/// One `ResponseURL`.
#[derive(Clone, Debug)]
pub struct ResponseUrl {
    url: String,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    query: String,
    script: Mutex<VecDeque<Reaction>>,
    puts: watch::Sender<Vec<Put>>,
}

impl ResponseServer {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let urls: Arc<Mutex<HashMap<String, Arc<State>>>> = Arc::default();
        let known = Arc::clone(&urls);
        let server = Server::start(move |request| {
            let state = lock(&known).get(&request.path).cloned();
            async move {
                match state {
                    Some(state) => state.take(request).await,
                    None => Reply::status(404),
                }
            }
        })
        .await;
        Self { server, urls }
    }

    /// What `RESPONSE_HOSTS` of a function must list.
    #[must_use]
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// A fresh URL which takes whatever is PUT.
    #[must_use]
    pub fn url(&self) -> ResponseUrl {
        self.scripted([])
    }

    /// A fresh URL whose first PUTs meet these reactions; later ones are answered 200.
    #[must_use]
    pub fn scripted(&self, script: impl IntoIterator<Item = Reaction>) -> ResponseUrl {
        self.made(SystemTime::now(), script)
    }

    /// A fresh URL that CloudFormation signed at that time, which takes whatever is PUT.
    #[must_use]
    pub fn url_signed_at(&self, time: SystemTime) -> ResponseUrl {
        self.made(time, [])
    }

    fn made(&self, signed_at: SystemTime, script: impl IntoIterator<Item = Reaction>) -> ResponseUrl {
        let path = format!(
            "/cloudformation-custom-resource-response-euwest1/arn%3Aaws%3Acloudformation%3Aeu-west-1%3A111111111111\
             %3Astack/demo/{:08x}%7CThing%7C{:032x}",
            fastrand::u32(..),
            fastrand::u128(..)
        );
        let date = signing_date(signed_at);
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={date}&X-Amz-SignedHeaders=host&X-Amz-Expires=7200\
             &X-Amz-Credential=AKIA{:016X}%2F20260101%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature={:032x}{:032x}",
            fastrand::u64(..),
            fastrand::u128(..),
            fastrand::u128(..)
        );
        let url = format!("{}{path}?{query}", self.server.origin());
        let state = Arc::new(State {
            query,
            script: Mutex::new(script.into_iter().collect()),
            puts: watch::Sender::new(Vec::new()),
        });
        lock(&self.urls).insert(path, Arc::clone(&state));
        ResponseUrl { url, state }
    }
}

impl ResponseUrl {
    /// The whole URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The query, which must be seen by nobody.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.state.query
    }

    /// The signature at the query's end.
    #[must_use]
    pub fn signature(&self) -> &str {
        self.state.query.rsplit('=').next().unwrap_or_default()
    }

    /// Every PUT so far, with the status it was answered with.
    #[must_use]
    pub fn puts(&self) -> Vec<Put> {
        self.state.puts.borrow().clone()
    }

    /// Waits until that many PUTs have arrived.
    pub async fn received(&self, count: usize) -> Vec<Put> {
        let mut puts = self.state.puts.subscribe();
        let _ = soon("an answer", puts.wait_for(|puts| puts.len() >= count)).await;
        self.puts()
    }
}

impl State {
    async fn take(&self, request: Request) -> Reply {
        // A signature that doesn't fit is refused by S3, whatever the script says.
        if request.method != "PUT" || request.query.as_deref() != Some(&self.query) {
            self.record(request, 403);
            return Reply::status(403);
        }
        // S3 stores no second object where the first is asked for.
        let is_first = !self.puts.borrow().iter().any(Put::stored);
        if request.headers.get("if-none-match") == Some("*") && !is_first {
            self.record(request, 412);
            return Reply::status(412);
        }
        let reaction = lock(&self.script).pop_front().unwrap_or(Reaction::Status(200));
        match reaction {
            Reaction::Status(status) => {
                self.record(request, status);
                Reply::status(status)
            }
            Reaction::Refused(status, code) => {
                self.record(request, status);
                refused(status, code)
            }
            Reaction::Slow(delay) => {
                self.record(request, 200);
                tokio::time::sleep(delay).await;
                Reply::status(200)
            }
            Reaction::Silence => {
                self.record(request, 0);
                Reply::Silence
            }
            Reaction::Cut => {
                self.record(request, 0);
                Reply::Cut
            }
        }
    }

    fn record(&self, request: Request, status: u16) {
        self.puts.send_modify(|puts| puts.push(Put { headers: request.headers, body: request.body, status }));
    }
}

/// An error of S3: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
fn refused(status: u16, code: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>No.</Message><RequestId>4442587F\
         B7D0A2F9</RequestId></Error>"
    );
    Reply::Http(status, Headers::of([("content-type", "application/xml".to_owned())]), body.into_bytes())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
