//! Stands between an SDK and AWS: records every call, sends it on as it came, and lets go wrong what a test says.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::call::Call;
use crate::fault::Fault;
use crate::http::{Headers, Reply, Request, Server};
use crate::patience::soon;

/// An endpoint for one test or one function, in front of a service or of a whole local AWS.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    calls: watch::Sender<Vec<Call>>,
    answers: Arc<Answers>,
}

/// What a service answered to a request, which is told by its method, path, query, operation and body.
type Answers = Mutex<HashMap<(String, String, Option<String>, String, Vec<u8>), Vec<(Instant, Reply)>>>;

/// How long more than the last answer is kept.
const KEPT: Duration = Duration::from_secs(10);

/// These belong to one connection, and to the library that speaks on it.
const OF_THE_CONNECTION: [&str; 5] = ["connection", "content-length", "keep-alive", "te", "transfer-encoding"];

impl Proxy {
    /// Listens on a free port and sends calls on to `upstream`, an origin; `fault` says what goes wrong with each.
    /// Which call of its operation it is stands in [`Call::nth`].
    pub async fn start(upstream: &str, fault: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Self {
        let (client, upstream) = (crate::http::client(), upstream.trim_end_matches('/').to_owned());
        Self::before(move |_, request| forward(client.clone(), upstream.clone(), request), fault).await
    }

    /// A proxy before a service that is played by `service`.
    pub(crate) async fn before<Replying>(
        service: impl Fn(Call, Request) -> Replying + Send + Sync + 'static,
        fault: impl Fn(&Call) -> Fault + Send + Sync + 'static,
    ) -> Self
    where
        Replying: Future<Output = Reply> + Send + 'static,
    {
        let calls = watch::Sender::new(Vec::new());
        let answers = Arc::<Answers>::default();
        let state = Arc::new((service, fault, calls.clone(), Arc::clone(&answers)));
        let server = Server::start(move |request| {
            let state = Arc::clone(&state);
            let answered = async move {
                let (service, fault, calls, answers) = &*state;
                let (index, call) = recorded(calls, &request);
                let key = key(&call, &request);
                let fault = fault(&call);
                let earlier = lock(answers).get(&key).and_then(|answers| earlier(&fault, answers));
                let effect = async {
                    let reply = service(call, request).await;
                    if let Reply::Http(..) = reply {
                        let mut answers = lock(answers);
                        let answers = answers.entry(key).or_default();
                        answers.retain(|(at, _)| at.elapsed() < KEPT);
                        answers.push((Instant::now(), reply.clone()));
                    }
                    reply
                };
                let reply = fault.meet(effect, earlier).await;
                if let Reply::Http(status, ..) = reply {
                    calls.send_modify(|calls| calls[index].status = Some(status));
                }
                reply
            };
            // A call that has come has its effect, whether who made it still lives or not.
            let answered = tokio::spawn(answered);
            async { answered.await.unwrap_or(Reply::Cut) }
        })
        .await;
        Self { server, calls, answers }
    }

    /// The value of `AWS_ENDPOINT_URL_<SERVICE>`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.server.origin()
    }

    /// Forgets what was answered, so that no later answer is one from before.
    pub fn forget(&self) {
        lock(&self.answers).clear();
    }

    /// Every call so far, in the order they came.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// The operations that were called so far, in order.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        self.calls.borrow().iter().map(|call| call.operation.clone()).collect()
    }

    /// How often an operation was called.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.calls.borrow().iter().filter(|call| call.operation == operation).count()
    }

    /// Waits until there has been such a call.
    pub async fn called(&self, such: impl Fn(&Call) -> bool) {
        let mut calls = self.calls.subscribe();
        let _ = soon("a call of AWS", calls.wait_for(|calls| calls.iter().any(&such))).await;
    }
}

/// The answer to the same call that a fault brings back.
fn earlier(fault: &Fault, answers: &[(Instant, Reply)]) -> Option<Reply> {
    let answer = match fault {
        Fault::Stale => answers.last(),
        Fault::Lagging(lag) => answers.iter().find(|(at, _)| at.elapsed() <= *lag),
        _ => None,
    };
    answer.map(|(_, reply)| reply.clone())
}

/// Adds a call to the record; returns its place there.
fn recorded(calls: &watch::Sender<Vec<Call>>, request: &Request) -> (usize, Call) {
    let mut call = Call::read(request);
    let mut index = 0;
    calls.send_modify(|calls| {
        let same = |known: &&Call| (&known.service, &known.operation) == (&call.service, &call.operation);
        call.nth = 1 + calls.iter().filter(same).count();
        index = calls.len();
        calls.push(call.clone());
    });
    (index, call)
}

fn key(call: &Call, request: &Request) -> (String, String, Option<String>, String, Vec<u8>) {
    let Request { method, path, query, body, .. } = request;
    (method.clone(), path.clone(), query.clone(), call.operation.clone(), body.clone())
}

/// Sends a request on as it came, `Host` and signature included.
async fn forward(client: reqwest::Client, upstream: String, request: Request) -> Reply {
    let query = request.query.map(|query| format!("?{query}")).unwrap_or_default();
    let method = request.method.parse().expect("it came as a method");
    let mut sent = client.request(method, format!("{upstream}{}{query}", request.path)).body(request.body);
    for (name, value) in request.headers.0 {
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            sent = sent.header(name, value);
        }
    }
    let answered = async {
        let response = sent.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()));
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect();
        Ok::<_, reqwest::Error>(Reply::Http(status, Headers(headers), response.bytes().await?.to_vec()))
    };
    answered.await.unwrap_or_else(|error| {
        let text = format!("the proxy can't reach what stands behind it: {error}");
        Reply::Http(502, Headers::default(), text.into_bytes())
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
