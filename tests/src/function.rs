//! A Lambda function on this machine: a binary, its environment, and processes that come and go as Lambda's do.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::fault::Fault;
use crate::files::built;
use crate::http::{Headers, Reply, Request, Server};
use crate::patience::soon;
use crate::process::Process;
pub use crate::process::{InvocationEnd, LogLine};
use crate::runtime_api::{Invocation, chain_of, json_of};

/// The time of an invocation that ends while its work still waits. A function keeps half of a short time for its answer: five
/// seconds are enough on a machine that does other work, too.
pub const SHORT: Duration = Duration::from_secs(10);

/// How much later than at its timeout a process is killed. On a busy machine a function that ends half a second before its
/// deadline may be seen to end after it; that functions keep their deadlines is tried with a clock that is played.
const GRACE: Duration = Duration::from_secs(30);

/// What a function is made of.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// `AWS_LAMBDA_FUNCTION_NAME`
    pub name: String,
    /// The file that Lambda would run as `bootstrap`.
    pub binary: PathBuf,
    /// Variables beside those that Lambda sets.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take, as its process is told.
    pub timeout: Duration,
    /// How long after its timeout a process is killed.
    pub grace: Duration,
    /// The 12 digits that own the function.
    pub account: String,
    /// `AWS_REGION`
    pub region: String,
    /// Whether its role has `lambda:InvokeFunction` on the function itself.
    pub may_invoke_itself: bool,
    /// What goes wrong when it invokes itself, the first time first.
    pub invoke_faults: Arc<Mutex<VecDeque<Fault>>>,
}

impl Configuration {
    /// A function of that name and binary with a timeout of one minute, which may invoke itself.
    pub fn new(name: impl Into<String>, binary: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            binary: binary.into(),
            environment: BTreeMap::new(),
            timeout: Duration::from_mins(1),
            grace: GRACE,
            account: "111111111111".to_owned(),
            region: "eu-west-1".to_owned(),
            may_invoke_itself: true,
            invoke_faults: Arc::default(),
        }
    }

    /// The function of template.yaml with that logical id, as `make build` made it and the stack `archipelago` names it.
    #[must_use]
    pub fn of(logical_id: &str) -> Self {
        let mut name = "archipelago".to_owned();
        for letter in logical_id.chars() {
            name.extend(letter.is_ascii_uppercase().then_some('-'));
            name.push(letter.to_ascii_lowercase());
        }
        Self::new(name, built(logical_id))
    }

    /// Sets a variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the timeout.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the timeout of a function that doesn't keep it, so that it is killed then.
    #[must_use]
    pub fn punctual(self, timeout: Duration) -> Self {
        Self { grace: Duration::ZERO, ..self }.timeout(timeout)
    }

    /// Takes the permission to invoke itself away.
    #[must_use]
    pub fn without_self_invocation(mut self) -> Self {
        self.may_invoke_itself = false;
        self
    }

    /// Lets these faults meet it when it invokes itself, one each time.
    #[must_use]
    pub fn invoke_faults(self, faults: impl IntoIterator<Item = Fault>) -> Self {
        lock(&self.invoke_faults).extend(faults);
        self
    }

    /// The ARN without a qualifier.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account, self.name)
    }
}

/// Lambda stops a function that has caused its own invocation this often.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
const LONGEST_CHAIN: u32 = 16;

/// One invocation as the function's owner sees it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The event.
    pub event: Value,
    /// Whether the function was invoked through the Lambda service, rather than by the test.
    pub through_lambda: bool,
    /// `None` while it runs.
    pub end: Option<InvocationEnd>,
}

/// A function that can be invoked, by the test and through Lambda's own endpoint.
#[derive(Debug)]
pub struct Function {
    inner: Arc<Inner>,
    _lambda: Server,
}

#[derive(Debug)]
struct Inner {
    configuration: Configuration,
    endpoint: OnceLock<String>,
    idle: Mutex<Vec<Process>>,
    started: Mutex<usize>,
    log: Arc<Mutex<Vec<LogLine>>>,
    records: Mutex<Vec<Record>>,
    refusals: Mutex<usize>,
    loops: Mutex<usize>,
    running: watch::Sender<usize>,
    /// The sessions whose processes are to be killed, and whether they have been.
    killed: watch::Sender<HashMap<String, bool>>,
}

/// Counts an invocation as running until it is dropped.
struct Running(Arc<Inner>);

impl Running {
    fn new(inner: &Arc<Inner>) -> Self {
        inner.running.send_modify(|running| *running += 1);
        Self(Arc::clone(inner))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}

impl Function {
    /// Makes the function; its first process starts with its first event.
    pub async fn start(configuration: Configuration) -> Self {
        assert!(configuration.binary.is_file(), "{} is not there", configuration.binary.display());
        let inner = Arc::new(Inner {
            configuration,
            endpoint: OnceLock::new(),
            idle: Mutex::default(),
            started: Mutex::default(),
            log: Arc::default(),
            records: Mutex::default(),
            refusals: Mutex::default(),
            loops: Mutex::default(),
            running: watch::Sender::new(0),
            killed: watch::Sender::default(),
        });
        let weak = Arc::downgrade(&inner);
        let lambda = Server::start(move |request| {
            let inner = weak.upgrade();
            async move {
                match inner {
                    Some(inner) => {
                        let fault = lock(&inner.configuration.invoke_faults).pop_front().unwrap_or_default();
                        fault.meet(inner.invoke_api(request), None).await
                    }
                    None => Reply::Cut,
                }
            }
        })
        .await;
        inner.endpoint.set(lambda.origin()).expect("the endpoint is set once");
        Self { inner, _lambda: lambda }
    }

    /// What it was made of.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.inner.configuration
    }

    /// The origin that serves Lambda's `Invoke`; its processes have it in `AWS_ENDPOINT_URL_LAMBDA`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.inner.endpoint()
    }

    /// Invokes the function and waits for its end, but not for that of invocations it caused.
    pub async fn invoke(&self, event: &Value) -> InvocationEnd {
        self.invoke_by(&self.configuration().arn(), event).await
    }

    /// The same by this ARN, which may name an alias.
    pub async fn invoke_by(&self, arn: &str, event: &Value) -> InvocationEnd {
        let running = Running::new(&self.inner);
        let arn = arn.to_owned();
        self.inner.run(event.clone(), event.to_string().into_bytes(), arn, 0, running).await
    }

    /// The same with an event as text, which may be JSON that no [`Value`] can hold; its record has the text then.
    pub async fn invoke_with(&self, event: &str) -> InvocationEnd {
        let running = Running::new(&self.inner);
        let event = event.as_bytes();
        self.inner.run(json_of(event), event.to_vec(), self.configuration().arn(), 0, running).await
    }

    /// Kills the process whose calls are signed with this session, in the middle of its invocation, as soon as it has one;
    /// the future is over once that has happened.
    pub fn kill(&self, session: &str) -> impl Future<Output = ()> + Send + 'static + use<> {
        let session = session.to_owned();
        self.inner.killed.send_modify(|killed| killed.extend([(session.clone(), false)]));
        let mut killed = self.inner.killed.subscribe();
        async move { drop(soon("a process to kill", killed.wait_for(|killed| killed.get(&session) == Some(&true))).await) }
    }

    /// Waits until no invocation is under way, including those that the function made of itself.
    pub async fn settled(&self) {
        let mut running = self.inner.running.subscribe();
        let _ = running.wait_for(|running| *running == 0).await;
    }

    /// Waits until the function has been invoked that often.
    pub async fn invoked(&self, times: usize) {
        let mut running = self.inner.running.subscribe();
        // Every invocation changes the number of running ones after its record is written.
        let _ = soon("an invocation", running.wait_for(|_| self.records().len() >= times)).await;
    }

    /// Every invocation so far, in the order they began.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        lock(&self.inner.records).clone()
    }

    /// How often Lambda refused the function's wish to invoke itself.
    #[must_use]
    pub fn refusals(&self) -> usize {
        *lock(&self.inner.refusals)
    }

    /// How often Lambda dropped an event, because the function had caused its own invocation too often.
    #[must_use]
    pub fn loops(&self) -> usize {
        *lock(&self.inner.loops)
    }

    /// How many processes were started so far.
    #[must_use]
    pub fn processes(&self) -> usize {
        *lock(&self.inner.started)
    }

    /// The most memory that any of the processes which are kept warm has ever had at once, in bytes.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        lock(&self.inner.idle).iter().map(Process::peak_memory).max().unwrap_or_default()
    }

    /// The lines written so far; a live process may have written more than was read yet.
    #[must_use]
    pub fn log(&self) -> Vec<LogLine> {
        lock(&self.inner.log).clone()
    }

    /// Ends the processes that are kept warm and returns everything that was ever written.
    pub async fn retire(&self) -> Vec<LogLine> {
        self.settled().await;
        let idle = std::mem::take(&mut *lock(&self.inner.idle));
        for process in idle {
            process.end().await;
        }
        self.log()
    }
}

impl Inner {
    fn endpoint(&self) -> &str {
        self.endpoint.get().map_or("", String::as_str)
    }

    async fn run(
        self: &Arc<Self>,
        event: Value,
        payload: Vec<u8>,
        arn: String,
        chain: u32,
        running: Running,
    ) -> InvocationEnd {
        let record = {
            let mut records = lock(&self.records);
            records.push(Record { event, through_lambda: chain > 0, end: None });
            records.len() - 1
        };
        self.running.send_modify(|_| ());
        let warm = lock(&self.idle).pop();
        let process = match warm {
            Some(process) => process,
            None => self.start_process().await,
        };
        let invocation =
            Invocation { request_id: uuid(), timeout: self.configuration.timeout, function_arn: arn, chain, payload };
        let grace = self.configuration.grace;
        let session = process.session().to_owned();
        let mut killed = self.killed.subscribe();
        let killed = async { drop(killed.wait_for(|killed| killed.contains_key(&session)).await) };
        let (end, process) = tokio::select! {
            ended = process.invoke(invocation, grace) => ended,
            () = killed => {
                self.killed.send_modify(|killed| killed.extend([(session.clone(), true)]));
                (InvocationEnd::Crashed, None)
            }
        };
        if let Some(process) = process {
            lock(&self.idle).push(process);
        }
        lock(&self.records)[record].end = Some(end.clone());
        drop(running);
        end
    }

    async fn start_process(&self) -> Process {
        let session = {
            let mut started = lock(&self.started);
            *started += 1;
            format!("session-of-the-tests-{started}")
        };
        let configuration = &self.configuration;
        let mut environment: BTreeMap<String, String> = [
            ("AWS_LAMBDA_FUNCTION_NAME", configuration.name.as_str()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", configuration.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", &format!("2026/01/01/[$LATEST]{:032x}", fastrand::u128(..))),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
            ("AWS_REGION", &configuration.region),
            ("AWS_DEFAULT_REGION", &configuration.region),
            // An account of the local AWS is its 12-digit access key.
            ("AWS_ACCESS_KEY_ID", &configuration.account),
            ("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests"),
            ("AWS_SESSION_TOKEN", &session),
            ("AWS_ENDPOINT_URL_LAMBDA", self.endpoint()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        environment.extend(configuration.environment.clone());
        Process::start(&configuration.binary, &environment, session, Arc::clone(&self.log)).await
    }

    /// `POST /2015-03-31/functions/{name or arn}/invocations`
    async fn invoke_api(self: Arc<Self>, request: Request) -> Reply {
        let name = request
            .path
            .strip_prefix("/2015-03-31/functions/")
            .and_then(|rest| rest.strip_suffix("/invocations"))
            .map(percent_decoded);
        let (Some(name), "POST") = (name, request.method.as_str()) else { return Reply::status(404) };
        let Some(arn) = self.arn_of(&name) else {
            return error(404, "ResourceNotFoundException", &format!("Function not found: {name}"));
        };
        if !self.configuration.may_invoke_itself {
            *lock(&self.refusals) += 1;
            let Configuration { account, name, .. } = &self.configuration;
            let message = format!(
                "User: arn:aws:sts::{account}:assumed-role/{name}/{name} is not authorized to perform: \
                 lambda:InvokeFunction on resource: {arn} because no identity-based policy allows the \
                 lambda:InvokeFunction action"
            );
            return error(403, "AccessDeniedException", &message);
        }
        let chain = chain_of(request.headers.get("x-amzn-trace-id")) + 1;
        if chain > LONGEST_CHAIN {
            *lock(&self.loops) += 1;
            // Whoever invokes asynchronously is told nothing.
            return match request.headers.get("x-amz-invocation-type") {
                Some("Event") => Reply::status(202),
                _ => error(400, "RecursiveInvocationException", "the function has invoked itself too often"),
            };
        }
        let event = json_of(&request.body);
        let running = Running::new(&self);
        match request.headers.get("x-amz-invocation-type") {
            Some("DryRun") => Reply::status(204),
            Some("Event") => {
                let inner = Arc::clone(&self);
                tokio::spawn(async move { inner.run(event, request.body, arn, chain, running).await });
                Reply::status(202)
            }
            _ => match self.run(event, request.body, arn, chain, running).await {
                InvocationEnd::Returned(value) => Reply::json(200, &value),
                InvocationEnd::Errored(value) => unhandled(&value),
                InvocationEnd::TimedOut => unhandled(&json!({ "errorType": "Sandbox.Timedout" })),
                InvocationEnd::Crashed => unhandled(&json!({ "errorType": "Runtime.ExitError" })),
            },
        }
    }

    /// The ARN that a name, an ARN, or either with a qualifier stands for.
    fn arn_of(&self, name: &str) -> Option<String> {
        let arn = self.configuration.arn();
        let rest = name.strip_prefix(&arn).or_else(|| name.strip_prefix(&self.configuration.name))?;
        (rest.is_empty() || rest.starts_with(':')).then(|| format!("{arn}{rest}"))
    }
}

fn error(status: u16, kind: &str, message: &str) -> Reply {
    let headers = Headers::of([("content-type", "application/json".to_owned()), ("x-amzn-errortype", kind.to_owned())]);
    Reply::Http(status, headers, json!({ "Type": "User", "Message": message }).to_string().into_bytes())
}

fn unhandled(value: &Value) -> Reply {
    let headers = Headers::of([("x-amz-function-error", "Unhandled".to_owned())]);
    Reply::Http(200, headers, value.to_string().into_bytes())
}

fn percent_decoded(text: &str) -> String {
    // A plus sign means itself in a path, but a space in a form.
    let pair = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

fn uuid() -> String {
    let bits = format!("{:032x}", fastrand::u128(..));
    format!("{}-{}-4{}-a{}-{}", &bits[..8], &bits[8..12], &bits[13..16], &bits[17..20], &bits[20..])
}

/// A test that panicked with the lock has failed by itself; the others go on.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
