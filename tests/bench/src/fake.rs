//! A fake AWS: it answers what the handlers ask with what they have to see, each call after a delay that can be set. It
//! checks nothing but the conditions of `DynamoDB`, and its errors are those that handlers reckon with.

mod organizations;
mod policies;
mod shares;
mod subnets;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use archipelago_tests::call::Call;
use archipelago_tests::http::{Reply, Request, Server};
use archipelago_tests::model::{DynamoDb, Refusal, Service};
use rustls::ServerConfig;
use serde_json::json;
use tokio::task::yield_now;

/// Every service that a handler calls has an endpoint, and so connections, of its own.
const SERVICES: [&str; 10] = ["account", "dynamodb", "ec2", "ecr", "iam", "kms", "organizations", "ram", "s3", "sts"];

/// The account that owns all there is.
pub(crate) const ACCOUNT: &str = "111111111111";

/// The tables of template.yaml.
pub(crate) const LEDGER: &str = "ledger";
pub(crate) const REQUESTS: &str = "requests";

/// What is left of a delay when the clock takes over from the timer, which counts whole milliseconds.
const WATCHED: Duration = Duration::from_millis(2);

/// One call, from its arrival to its answer.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) operation: String,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

#[derive(Clone, Default)]
struct State {
    policies: policies::FakePolicies,
    organization: organizations::Organization,
    shares: shares::Shares,
    subnets: subnets::Subnets,
}

struct Services {
    tables: DynamoDb,
    settled: Mutex<State>,
    state: Mutex<State>,
    served: Mutex<Vec<Served>>,
    delay: Mutex<Duration>,
}

/// All services for one function.
pub(crate) struct FakeAws {
    servers: Vec<(&'static str, Server)>,
    services: Arc<Services>,
}

impl FakeAws {
    /// Listens on a free port for each service, with TLS if there is a configuration for it.
    pub(crate) async fn start(tls: Option<&Arc<ServerConfig>>) -> Self {
        let tables = DynamoDb::new(&[(LEDGER, &["Policy", "Item"]), (REQUESTS, &["Resource"])]);
        let services = Arc::new(Services {
            tables: tables.with_index(LEDGER, "ByType", &["Type", "Policy"]),
            settled: Mutex::default(),
            state: Mutex::default(),
            served: Mutex::default(),
            delay: Mutex::default(),
        });
        let mut servers = Vec::new();
        for service in SERVICES {
            let services = Arc::clone(&services);
            let answer = move |request| {
                let services = Arc::clone(&services);
                async move { services.serve(service, request).await }
            };
            servers.push((service, Server::listen(tls.cloned(), answer).await));
        }
        Self { servers, services }
    }

    /// The variables that lead an SDK here.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let variable = |service: &str| format!("AWS_ENDPOINT_URL_{}", service.to_uppercase());
        self.servers.iter().map(|(service, server)| (variable(service), server.origin())).collect()
    }

    /// Sets how long each call takes from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        *lock(&self.services.delay) = delay;
    }

    /// From now on [`Self::reset`] brings back what is there now.
    pub(crate) fn settle(&self) {
        let now = lock(&self.services.state).clone();
        *lock(&self.services.settled) = now;
    }

    /// Makes everything as it was at first, and all tables empty.
    pub(crate) fn reset(&self) {
        self.services.tables.begin();
        let settled = lock(&self.services.settled).clone();
        *lock(&self.services.state) = settled;
    }

    /// The account has no organization yet.
    pub(crate) fn without_organization(&self) {
        lock(&self.services.state).organization.exists = false;
    }

    /// The write units of `DynamoDB` that requests to the ledger have consumed since everything was as at first.
    pub(crate) fn write_units(&self) -> usize {
        self.services.tables.write_units(LEDGER)
    }

    /// What was served since this was asked last.
    pub(crate) fn served(&self) -> Vec<Served> {
        std::mem::take(&mut *lock(&self.services.served))
    }
}

impl Services {
    async fn serve(&self, service: &str, request: Request) -> Reply {
        // What opens a connection is no call.
        if request.method == "HEAD" && request.path == "/" {
            return Reply::status(404);
        }
        let began = Instant::now();
        let call = Call::read(&request);
        let delay = *lock(&self.delay);
        wait_until(began + delay).await;
        let reply = match service {
            "dynamodb" => self.table(&call),
            _ => lock(&self.state).answer(service, &call, &request),
        };
        let ended = Instant::now();
        lock(&self.served).push(Served { operation: call.operation, began, ended });
        reply
    }

    fn table(&self, call: &Call) -> Reply {
        if !DynamoDb::has(&call.operation) {
            return call.error(400, "NotPlayed", &format!("the fake dynamodb has no {}", call.operation));
        }
        match self.tables.answer_or_refusal(&call.operation, &call.input, false) {
            Ok(answer) => Reply::json(200, &answer),
            Err(Refusal { code, words, with }) => {
                let mut refusal = json!({ "__type": code, "message": words });
                let more = with.as_object().cloned().unwrap_or_default();
                more.into_iter().for_each(|(name, value)| refusal[name] = value);
                Reply::json(400, &refusal)
            }
        }
    }
}

impl State {
    fn answer(&mut self, service: &str, call: &Call, request: &Request) -> Reply {
        let answered = match service {
            "ecr" | "iam" | "kms" | "s3" => self.policies.answer(service, call, request),
            "account" | "organizations" | "sts" => self.organization.answer(call),
            "ram" => self.shares.answer(call),
            _ => self.subnets.answer(call),
        };
        let unknown = || call.error(400, "NotPlayed", &format!("the fake {service} has no {}", call.operation));
        answered.unwrap_or_else(unknown)
    }
}

async fn wait_until(then: Instant) {
    if let Some(long) = then.checked_duration_since(Instant::now() + WATCHED) {
        tokio::time::sleep(long).await;
    }
    while Instant::now() < then {
        yield_now().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
