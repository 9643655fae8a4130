//! A target, the function that changes its policy, and all claims on it.

use std::sync::Arc;
use std::time::Duration;

use archipelago_tests::call::Call;
use archipelago_tests::function::{Configuration, Function};
use archipelago_tests::local_aws::LocalAws;
use archipelago_tests::proxy::Proxy;
use archipelago_tests::response_server::ResponseServer;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::check;
use super::claim::{Answering, Claim};
use super::target::{Kind, Target};
use super::weather::Weather;

/// CloudFormation signs its requests by the second, and makes no Create in the second of the Delete before.
const PAUSE: Duration = Duration::from_secs(1);

/// As in template.yaml.
const TIMEOUT: Duration = Duration::from_mins(5);

/// How long a lease lasts: who waits for a dead process's to end has waited long enough then.
const LEASE_SECONDS: &str = "6";

/// How many claims on one target act at once, as Lambda runs so many processes of a function at once: what has to wait gets as far as to its
/// calls, and a machine with two processors answers them in time.
const AT_ONCE: usize = 40;

/// Where leases and policies are kept.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    /// The endpoint of the service that has the table of leases.
    pub(super) leases: String,
    pub(super) table: String,
    /// The endpoint of the services that have the policies.
    pub(super) policies: String,
}

/// What the claims do, all at the same time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wave {
    /// Those that aren't there are created, the others updated.
    Put,
    /// Of those that are there a third is deleted, and a third is updated.
    Thin,
    /// They rest, and somebody else takes a statement of its own away and adds another one.
    Stranger,
    /// They rest, and somebody else does that and takes out statements of some that have no request in `Thin`.
    Wipe,
}

/// One target.
pub(super) struct ClaimedTarget {
    pub(super) target: Target,
    pub(super) function: Arc<Function>,
    pub(super) weather: Arc<Weather>,
    pub(super) claims: Vec<Claim>,
    /// The policy without statements of claims.
    before: Value,
    /// How often somebody else has changed it.
    strangers: usize,
    proxies: [Proxy; 2],
}

impl ClaimedTarget {
    /// A target at `endpoints` with this many claims to come.
    pub(super) async fn of(kind: Kind, claims: usize, endpoints: &Endpoints, weather: Weather, seed: u64) -> Self {
        let target = Target::make(kind, &endpoints.policies).await;
        let weather = Arc::new(weather);
        let fault = || {
            let weather = Arc::clone(&weather);
            move |call: &Call| weather.on(call)
        };
        let leases = Proxy::start(&endpoints.leases, fault()).await;
        let policies = Proxy::start(&endpoints.policies, fault()).await;
        let responses = Arc::new(ResponseServer::start().await);
        let local = LocalAws::running();
        let configuration = Configuration::of(kind.function())
            .timeout(TIMEOUT)
            .variable("LEDGER_TABLE", &endpoints.table)
            .variable("LEASE_SECONDS", LEASE_SECONDS)
            .variable("AWS_ENDPOINT_URL_DYNAMODB", leases.origin())
            .variable(&format!("AWS_ENDPOINT_URL_{}", kind.service()), policies.origin())
            .variable("RESPONSE_HOSTS", responses.origin());
        let (account, region) = (local.account.clone(), local.region.clone());
        let function = Arc::new(Function::start(Configuration { account, region, ..configuration }).await);
        weather.over(&function);
        let answering = Answering { function: Arc::clone(&function), responses };
        let claims = (0..claims).map(|number| Claim::new(&target, number, seed, answering.clone())).collect();
        let before = target.policy().await;
        Self { target, function, weather, claims, before, strangers: 0, proxies: [leases, policies] }
    }

    /// Lets all claims act, many at once, and waits until all are at rest.
    pub(super) async fn wave(&mut self, wave: Wave) {
        tokio::time::sleep(PAUSE).await;
        if matches!(wave, Wave::Stranger | Wave::Wipe) {
            return self.strange(matches!(wave, Wave::Wipe)).await;
        }
        let mut acting = JoinSet::new();
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        for mut claim in self.claims.drain(..) {
            let turns = Arc::clone(&turns);
            acting.spawn(async move {
                let _turn = turns.acquire().await;
                match (wave, claim.number % 3) {
                    (Wave::Put, _) => claim.put().await,
                    (Wave::Thin, 0) => claim.delete().await,
                    (Wave::Thin, 1) if claim.stands() => claim.put().await,
                    (Wave::Thin | Wave::Stranger | Wave::Wipe, _) => {}
                }
                claim
            });
        }
        self.claims = acting.join_all().await;
        self.claims.sort_by_key(|claim| claim.number);
    }

    /// Lets somebody else change the policy while all claims are at rest. No service has a conditional write of a policy: what one writes
    /// between another's read and write is lost, and so is what one writes while the other's reads still show what was before, unless it has been
    /// seen. Nobody can tell, so reads don't lag further than that. (Those that do, once it was seen, are played in
    /// shared/policy-statement/tests/statements/together: minutes cost nothing there.)
    async fn strange(&mut self, is_wipe: bool) {
        for claim in self.claims.iter_mut().filter(|claim| is_wipe && claim.number % 6 == 2 && claim.stands()) {
            claim.is_taken_out();
        }
        let claimed: Vec<_> = self.claims.iter().map(Claim::claimed).collect();
        let is_claimed = |statement: &Value| claimed.iter().any(|claim| claim.statements.contains(statement));
        let mut foreign = check::statements(&self.before);
        let mine = json!(format!("Strange{}", self.strangers));
        foreign.retain(|statement| statement["Sid"] != mine);
        self.strangers += 1;
        foreign.push(self.target.strange(self.strangers));
        let policy = self.target.policy().await;
        let ours = check::statements(&policy).into_iter().filter(is_claimed);
        let mut after = policy.clone();
        after["Statement"] = foreign.iter().cloned().chain(ours).collect();
        self.target.replace_policy(&after).await;
        self.before["Statement"] = json!(foreign);
        for proxy in &self.proxies {
            proxy.forget();
        }
    }

    /// Everything that is wrong.
    pub(super) async fn violations(&self) -> Vec<String> {
        let claimed: Vec<_> = self.claims.iter().map(Claim::claimed).collect();
        let mut violations = check::violations(&self.before, &claimed, &self.target.policy().await);
        for claim in &self.claims {
            violations.extend(claim.violations.iter().cloned());
            let other = claim.refusals.iter().filter(|reason| !check::is_about_size(reason));
            violations.extend(other.map(|reason| format!("claim {}: {reason}", claim.number)));
        }
        violations.iter().map(|violation| format!("{:?}: {violation}", self.target.kind)).collect()
    }

    /// How many operations were refused for the size of the policy.
    pub(super) fn refusals(&self) -> usize {
        self.claims.iter().map(|claim| claim.refusals.len()).sum()
    }

    /// Every call of AWS so far.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.proxies.iter().flat_map(Proxy::calls).collect()
    }
}
