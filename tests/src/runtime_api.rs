//! Lambda's Runtime API for one process: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};

use crate::http::{Headers, Reply, Request, Server};

/// One event on its way into a process.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// `Lambda-Runtime-Aws-Request-Id`
    pub request_id: String,
    /// `Lambda-Runtime-Deadline-Ms` is this long after the process takes the event.
    pub timeout: Duration,
    /// `Lambda-Runtime-Invoked-Function-Arn`, with the qualifier it was invoked by.
    pub function_arn: String,
    /// How many invocations of the function by itself led to this one.
    pub chain: u32,
    /// The bytes of the event.
    pub payload: Vec<u8>,
}

/// What a process reports about an invocation.
#[derive(Clone, Debug)]
pub enum Report {
    /// It has taken the event: its time runs from now on.
    Taken,
    /// `/response`
    Response(Vec<u8>),
    /// `/error`
    Error(Vec<u8>),
}

/// The endpoint that one process asks for its events.
#[derive(Debug)]
pub struct RuntimeApi {
    server: Server,
    queue: mpsc::UnboundedSender<(Invocation, mpsc::UnboundedSender<Report>)>,
    ready: watch::Receiver<bool>,
    init_error: Mutex<Option<oneshot::Receiver<Vec<u8>>>>,
}

struct State {
    queue: tokio::sync::Mutex<mpsc::UnboundedReceiver<(Invocation, mpsc::UnboundedSender<Report>)>>,
    ready: watch::Sender<bool>,
    init_error: Mutex<Option<oneshot::Sender<Vec<u8>>>>,
    running: Mutex<HashMap<String, mpsc::UnboundedSender<Report>>>,
}

const PREFIX: &str = "/2018-06-01/runtime/";

impl RuntimeApi {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let (queue, events) = mpsc::unbounded_channel();
        let (ready_sender, ready) = watch::channel(false);
        let (init_sender, init_error) = oneshot::channel();
        let state = Arc::new(State {
            queue: tokio::sync::Mutex::new(events),
            ready: ready_sender,
            init_error: Mutex::new(Some(init_sender)),
            running: Mutex::default(),
        });
        let server = Server::start(move |request| answer(request, Arc::clone(&state))).await;
        Self { server, queue, ready, init_error: Mutex::new(Some(init_error)) }
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn authority(&self) -> String {
        self.server.authority()
    }

    /// Returns once the process has asked for its first event.
    pub async fn ready(&self) {
        let mut ready = self.ready.clone();
        let _ = ready.wait_for(|ready| *ready).await;
    }

    /// Returns what the process posted to `/init/error`, once it has; can be awaited once.
    pub async fn init_error(&self) -> Vec<u8> {
        let receiver = self.init_error.lock().expect("no test panics with this lock").take();
        match receiver {
            Some(receiver) => match receiver.await {
                Ok(body) => body,
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// Hands an event to the process, which takes it when it next asks.
    pub fn offer(&self, invocation: Invocation) -> mpsc::UnboundedReceiver<Report> {
        let (sender, reports) = mpsc::unbounded_channel();
        self.queue.send((invocation, sender)).expect("the server lives as long as its owner");
        reports
    }
}

async fn answer(request: Request, state: Arc<State>) -> Reply {
    let Some(path) = request.path.strip_prefix(PREFIX) else { return Reply::status(404) };
    let segments: Vec<&str> = path.split('/').collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["invocation", "next"]) => next(&state).await,
        ("POST", ["init", "error"]) => {
            let sender = state.init_error.lock().expect("no test panics with this lock").take();
            if let Some(sender) = sender {
                let _ = sender.send(request.body);
            }
            accepted()
        }
        ("POST", ["invocation", id, "response"]) => report(&state, id, Report::Response(request.body)),
        ("POST", ["invocation", id, "error"]) => report(&state, id, Report::Error(request.body)),
        _ => Reply::status(404),
    }
}

async fn next(state: &State) -> Reply {
    state.ready.send_replace(true);
    let Some((invocation, reports)) = state.queue.lock().await.recv().await else { return Reply::Silence };
    let _ = reports.send(Report::Taken);
    state.running.lock().expect("no test panics with this lock").insert(invocation.request_id.clone(), reports);
    let deadline = SystemTime::now() + invocation.timeout;
    let deadline = deadline.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let headers = Headers::of([
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn),
        ("lambda-runtime-trace-id", trace_id(invocation.chain)),
    ]);
    Reply::Http(200, headers, invocation.payload)
}

fn report(state: &State, id: &str, report: Report) -> Reply {
    match state.running.lock().expect("no test panics with this lock").remove(id) {
        Some(reports) => {
            let _ = reports.send(report);
            accepted()
        }
        None => Reply::json(
            403,
            &json!({ "errorType": "InvalidRequestID", "errorMessage": "this request was answered or never made" }),
        ),
    }
}

fn accepted() -> Reply {
    Reply::json(202, &json!({ "status": "OK" }))
}

/// The SDKs send it on with the calls that an invocation makes, so that Lambda sees a function that invokes itself.
fn trace_id(chain: u32) -> String {
    let (root, parent) = (fastrand::u128(..) >> 32, fastrand::u64(..));
    format!("Root=1-{:08x}-{root:024x};Parent={parent:016x};Sampled=0;Lineage=1:0badcafe:{chain}", fastrand::u32(..))
}

/// The length of the chain that a trace id tells of.
pub(crate) fn chain_of(trace_id: Option<&str>) -> u32 {
    let lineage = trace_id.and_then(|trace_id| trace_id.split(';').find_map(|part| part.strip_prefix("Lineage=")));
    lineage.and_then(|lineage| lineage.rsplit(':').next()?.parse().ok()).unwrap_or(0)
}

/// The bytes of a report as JSON; what isn't JSON becomes a string.
pub(crate) fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}
