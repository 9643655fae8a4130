//! How AWS behaves: every call takes some time, and some go wrong.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is told to slow down, without an effect.
    Throttled,
    /// AWS has an error of its own, without an effect.
    Broken,
    /// It has its effect, but the connection breaks before the answer.
    Lost,
    /// It takes long.
    Slow,
    /// It and all others are denied for a while.
    Denied,
    /// It reads what was there before the last write. (A write can't.)
    Stale,
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
pub struct Weather(Mutex<Forecast>);

#[derive(Debug)]
struct Forecast {
    random: fastrand::Rng,
    calls: u8,
    faults: BTreeMap<u8, Fault>,
    denied_until: Option<Instant>,
}

impl Default for Forecast {
    fn default() -> Self {
        let random = fastrand::Rng::with_seed(7);
        Self { random, calls: 0, faults: BTreeMap::new(), denied_until: None }
    }
}

impl Weather {
    /// Fair weather, with the same delays each time.
    pub fn begin(&self) {
        *self.lock() = Forecast::default();
    }

    /// What goes wrong from now on, by the number of the call, counted anew.
    pub fn forecast(&self, faults: &[(u8, Fault)]) {
        let mut forecast = self.lock();
        forecast.calls = 0;
        forecast.faults = faults.iter().copied().collect();
        forecast.denied_until = None;
    }

    /// One call, which has its `effect` in between; that is told whether it is to read what was there before.
    ///
    /// # Errors
    /// If it goes wrong.
    pub async fn call<T>(&self, effect: impl FnOnce(bool) -> T) -> Result<T, Trouble> {
        let (fault, there, back) = self.next();
        sleep(there).await;
        match fault {
            Some(Fault::Throttled) => return Err(Trouble::Throttled),
            Some(Fault::Broken) => return Err(Trouble::Broken),
            Some(Fault::Denied) => return Err(Trouble::Denied),
            Some(Fault::Slow) => sleep(SLOW).await,
            _ => {}
        }
        let answer = effect(fault == Some(Fault::Stale));
        sleep(back).await;
        if fault == Some(Fault::Lost) { Err(Trouble::Unanswered) } else { Ok(answer) }
    }

    fn next(&self) -> (Option<Fault>, Duration, Duration) {
        let mut forecast = self.lock();
        let number = forecast.calls;
        forecast.calls = number.saturating_add(1);
        let mut fault = forecast.faults.remove(&number);
        let now = Instant::now();
        if fault == Some(Fault::Denied) {
            forecast.denied_until = Some(now + DENIED_FOR);
        } else if forecast.denied_until.is_some_and(|until| now < until) {
            fault = Some(Fault::Denied);
        }
        let mut half = || Duration::from_millis(forecast.random.u64(1..HALF));
        (fault, half(), half())
    }

    fn lock(&self) -> MutexGuard<'_, Forecast> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
