//! What goes wrong while the claims are at work: the same for the same seed, as far as calls come in the same order.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use archipelago_tests::call::Call;
use archipelago_tests::fault::Fault;
use archipelago_tests::function::Function;
use fastrand::Rng;

/// A call, or its answer, is delayed for this long at most: the write of a process that is killed comes before its lease ends.
const DELAY: Duration = Duration::from_millis(60);

/// How far a read lags behind at most: longer than a lease.
const LAG: Duration = Duration::from_secs(8);

/// A process that is to die does so at one of its first calls, this many.
const LAST_CALL: usize = 24;

/// One process of ten dies.
const DOOMED: u64 = 10;

/// The faults between one function and AWS.
#[derive(Debug)]
pub(super) struct Weather {
    seed: u64,
    /// Whether processes are killed.
    kills: bool,
    function: OnceLock<Arc<Function>>,
    /// How many calls each process has made.
    calls: Mutex<HashMap<String, usize>>,
}

impl Weather {
    /// Calls that take their time, reads that lag behind, and processes that are killed in the middle of a call.
    pub(super) fn bad(seed: u64) -> Self {
        Self { seed, kills: true, function: OnceLock::new(), calls: Mutex::default() }
    }

    /// Calls that take their time and reads that lag behind.
    pub(super) fn changeable(seed: u64) -> Self {
        Self { kills: false, ..Self::bad(seed) }
    }

    /// Says whose processes are killed.
    pub(super) fn over(&self, function: &Arc<Function>) {
        self.function.set(Arc::clone(function)).unwrap();
    }

    /// How many processes died of it.
    pub(super) fn killed(&self) -> usize {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(session, calls)| self.dies_at(session).is_some_and(|at| at <= **calls)).count()
    }

    pub(super) fn on(&self, call: &Call) -> Fault {
        let nth_of_process = {
            let mut calls = self.calls.lock().unwrap();
            let calls = calls.entry(call.session.clone()).or_default();
            *calls += 1;
            *calls
        };
        let mut dice = self.dice(&(&call.operation, call.nth));
        if self.dies_at(&call.session) == Some(nth_of_process) {
            let killed = self.function.get().unwrap().kill(&call.session);
            // The call is on its way to AWS then, or its answer is on the way back.
            return if dice.bool() { Fault::delayed(killed) } else { Fault::late(killed) };
        }
        let delay = tokio::time::sleep(DELAY.mul_f64(dice.f64()));
        match dice.u8(0..10) {
            0..=2 => Fault::delayed(delay),
            3..=4 => Fault::late(delay),
            5 if may_lag(call) => Fault::Lagging(LAG.mul_f64(dice.f64())),
            _ => Fault::None,
        }
    }

    /// At which of its calls a process is killed, if it is one of those that are.
    fn dies_at(&self, session: &str) -> Option<usize> {
        let number: u64 = session.rsplit('-').next()?.parse().ok()?;
        let doomed = self.kills && number % DOOMED == self.seed % DOOMED;
        doomed.then(|| self.dice(&session).usize(1..=LAST_CALL))
    }

    fn dice(&self, of: &impl Hash) -> Rng {
        let mut hasher = DefaultHasher::new();
        (self.seed, of).hash(&mut hasher);
        Rng::with_seed(hasher.finish())
    }
}

/// Whether AWS may answer the call with what was true a while ago. The ledger is read consistently, so it shows what was written.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html>
fn may_lag(call: &Call) -> bool {
    call.operation.starts_with("Get") && call.service != "dynamodb"
}
