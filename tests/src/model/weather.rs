//! How AWS behaves: every call takes some time, and some go wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It is told to slow down, without an effect.
    Throttled,
    /// AWS has an error of its own, without an effect.
    Broken,
    /// The connection breaks on the way there, so that it has no effect.
    Reset,
    /// It has its effect, but the connection breaks before the answer.
    Lost,
    /// It has its effect, and no answer comes.
    Unanswered,
    /// It takes long.
    Slow,
    /// It and all others are denied for a while, but for those that go wrong in another way.
    Denied,
    /// It is denied, and so is every later call of the operation.
    Forbidden,
    /// It reads what was there before the last change of what it reads. (A write can't.)
    Stale,
    /// The process dies before it.
    KilledBefore,
    /// It has its effect, and the process dies before the answer.
    KilledAfter,
}

/// Which call: the operation, and the how manieth of it since the forecast, from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The operation's name.
    pub operation: String,
    /// The first has 1.
    pub occurrence: usize,
}

impl Call {
    /// `1st`, `2nd` and so on.
    #[must_use]
    pub fn ordinal(&self) -> String {
        let ending = match (self.occurrence % 10, self.occurrence / 10 % 10) {
            (1, tens) if tens != 1 => "st",
            (2, tens) if tens != 1 => "nd",
            (3, tens) if tens != 1 => "rd",
            _ => "th",
        };
        format!("{}{ending}", self.occurrence)
    }
}

/// `CreateAccount`, or `CreateAccount, 2nd`.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.occurrence {
            1 => f.write_str(&self.operation),
            _ => write!(f, "{}, {}", self.operation, self.ordinal()),
        }
    }
}

/// Where in a forecast something goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultPoint {
    /// At the call of that number, from 0, whichever it is.
    Number(u8),
    /// At that call. Two at the same time are told apart by the order in which they begin.
    Call(Call),
}

impl fmt::Display for FaultPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "call {number}"),
            Self::Call(call) => write!(f, "{call}"),
        }
    }
}

/// What a call that went wrong ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// AWS's code for too many requests.
    Throttled,
    /// HTTP status 500.
    Broken,
    /// No answer.
    Unanswered,
    /// AWS's code for a missing permission.
    Denied,
}

/// For how long calls are denied: as long as a fresh role may be.
const DENIED_FOR: Duration = Duration::from_secs(8);
/// How long a slow call takes.
const SLOW: Duration = Duration::from_secs(4);
/// How long half a call takes at most, in milliseconds.
const HALF: u64 = 40;

/// The weather of one life.
#[derive(Debug, Default)]
pub struct Weather {
    forecast: Mutex<Forecast>,
    deaths: Notify,
    retries: bool,
    is_still: bool,
    watcher: Mutex<Option<Watcher>>,
}

/// What is told of each call before it has its effect, and says what goes wrong with it.
struct Watcher(Box<Watch>);

type Watch = dyn FnMut(&str, &Value) -> Option<Fault> + Send;

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

#[derive(Debug)]
struct Forecast {
    random: fastrand::Rng,
    calls: Vec<Call>,
    faults: BTreeMap<FaultPoint, Fault>,
    denied_until: Option<Instant>,
    forbidden: BTreeSet<String>,
}

impl Default for Forecast {
    fn default() -> Self {
        let random = fastrand::Rng::with_seed(7);
        let (calls, faults, forbidden) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        Self { random, calls, faults, denied_until: None, forbidden }
    }
}

impl Weather {
    /// Weather in which the SDK tries again what it may, as in a function.
    #[must_use]
    pub fn with_retries() -> Self {
        Self { retries: true, ..Self::default() }
    }

    /// Weather with other delays.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let forecast = Forecast { random: fastrand::Rng::with_seed(seed), ..Forecast::default() };
        Self { forecast: Mutex::new(forecast), ..Self::default() }
    }

    /// Weather in which a call takes no time, for clocks that can't be paused.
    #[must_use]
    pub fn still() -> Self {
        Self { is_still: true, ..Self::default() }
    }

    /// Whether the SDK tries again what it may.
    #[must_use]
    pub fn retries(&self) -> bool {
        self.retries
    }

    /// Fair weather, with the same delays each time.
    pub fn begin(&self) {
        *self.lock() = Forecast::default();
    }

    /// What goes wrong from now on; calls are counted anew.
    pub fn forecast(&self, faults: &[(FaultPoint, Fault)]) {
        let mut forecast = self.lock();
        forecast.calls.clear();
        forecast.faults = faults.iter().cloned().collect();
        forecast.denied_until = None;
        forecast.forbidden.clear();
    }

    /// Tells `watcher` the operation and the request of each call from now on, before its effect: it may let something else
    /// happen meanwhile, and says what goes wrong with the call, if anything.
    pub fn watch(&self, watcher: impl FnMut(&str, &Value) -> Option<Fault> + Send + 'static) {
        *self.watcher() = Some(Watcher(Box::new(watcher)));
    }

    /// The calls since the forecast, in the order in which they began.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// Whether everything that was forecast has happened.
    pub fn is_over(&self) -> bool {
        self.lock().faults.is_empty()
    }

    /// Ends when the process that is at work is to die.
    pub async fn death(&self) {
        self.deaths.notified().await;
    }

    /// One call, which has its `effect` in between; that is told whether it is to read what was there before.
    ///
    /// # Errors
    /// If it goes wrong.
    pub async fn call<T>(
        &self,
        operation: &str,
        request: &Value,
        effect: impl FnOnce(bool) -> T,
    ) -> Result<T, Trouble> {
        let (fault, there, back) = self.next(operation);
        self.travel(there).await;
        let fault = fault.or_else(|| self.watcher().as_mut().and_then(|watcher| (watcher.0)(operation, request)));
        match fault {
            Some(Fault::Throttled) => return Err(Trouble::Throttled),
            Some(Fault::Broken) => return Err(Trouble::Broken),
            Some(Fault::Denied | Fault::Forbidden) => return Err(Trouble::Denied),
            Some(Fault::Reset) => return Err(Trouble::Unanswered),
            Some(Fault::KilledBefore) => self.die().await,
            Some(Fault::Slow) => sleep(SLOW).await,
            _ => {}
        }
        let answer = effect(fault == Some(Fault::Stale));
        self.travel(back).await;
        match fault {
            Some(Fault::Lost) => Err(Trouble::Unanswered),
            Some(Fault::Unanswered) => pending().await,
            Some(Fault::KilledAfter) => self.die().await,
            _ => Ok(answer),
        }
    }

    async fn travel(&self, time: Duration) {
        if !self.is_still {
            sleep(time).await;
        }
    }

    async fn die<T>(&self) -> T {
        self.deaths.notify_one();
        pending().await
    }

    fn next(&self, operation: &str) -> (Option<Fault>, Duration, Duration) {
        let mut forecast = self.lock();
        let number = u8::try_from(forecast.calls.len()).unwrap_or(u8::MAX);
        let occurrence = 1 + forecast.calls.iter().filter(|call| call.operation == operation).count();
        let call = Call { operation: operation.to_owned(), occurrence };
        forecast.calls.push(call.clone());
        let by_number = forecast.faults.remove(&FaultPoint::Number(number));
        let named = forecast.faults.remove(&FaultPoint::Call(call)).or(by_number);
        let now = Instant::now();
        if named == Some(Fault::Denied) {
            forecast.denied_until = Some(now + DENIED_FOR);
        }
        if named == Some(Fault::Forbidden) {
            forecast.forbidden.insert(operation.to_owned());
        }
        let is_forbidden = forecast.forbidden.contains(operation);
        let is_denied = is_forbidden || forecast.denied_until.is_some_and(|until| now < until);
        let fault = named.or(is_denied.then_some(Fault::Denied));
        // The SDK draws random numbers when a client is used first: what is drawn after a call is to be the same without it.
        fastrand::seed(forecast.random.u64(..));
        let mut half = || Duration::from_millis(forecast.random.u64(1..HALF));
        (fault, half(), half())
    }

    fn watcher(&self) -> MutexGuard<'_, Option<Watcher>> {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Forecast> {
        self.forecast.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an operation changes nothing, by its name.
#[must_use]
pub fn is_read(operation: &str) -> bool {
    ["Assume", "BatchGet", "Describe", "Get", "Head", "List", "Query"].iter().any(|verb| operation.starts_with(verb))
}
