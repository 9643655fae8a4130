//! The policy as a process sees it, until it dies.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use archipelago_tests::model::{Fault, Weather};
use custom_resource::{AwsError, Result};
use fastrand::Rng;
use policy_statement::{Limit, Objection, Policy, PolicyStore, Rules, TargetLocation};
use tokio::{sync::Notify, time::sleep};

use super::world::World;
use crate::shelves::{Shelf, Shelves};

/// What the accounts begin with that AWS doesn't know.
pub(super) const UNKNOWN: &str = "666";

/// A process, which dies at one of its calls.
#[derive(Default)]
pub(super) struct Process {
    calls: AtomicUsize,
    /// 0 for one that goes on.
    dies_at: AtomicUsize,
    deaths: Notify,
}

impl Process {
    /// Lets it die at that call from now, from 1.
    pub(super) fn dooms(&self, call: usize) {
        self.calls.store(0, Ordering::Relaxed);
        self.dies_at.store(call, Ordering::Relaxed);
    }

    /// Whether it dies at the call that begins.
    fn dies(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1 == self.dies_at.load(Ordering::Relaxed)
    }

    /// Ends when it dies at a call of the policy.
    pub(super) async fn death(&self) {
        self.deaths.notified().await;
    }

    async fn die<T>(&self) -> T {
        self.deaths.notify_one();
        std::future::pending().await
    }

    /// Lets it die at calls of the ledger as well, some of which fail.
    pub(super) fn in_weather(self: &Arc<Self>, seed: u64) -> Arc<Weather> {
        let weather = Arc::new(Weather::seeded(seed));
        let (process, mut random) = (Arc::clone(self), Rng::with_seed(seed));
        weather.watch(move |_, _| match (process.dies(), random.u32(0..400)) {
            (true, dice) if dice % 2 == 0 => Some(Fault::KilledBefore),
            (true, _) => Some(Fault::KilledAfter),
            (false, 0) => Some(Fault::Lost),
            (false, 1) => Some(Fault::Reset),
            (false, 2) => Some(Fault::Throttled),
            (false, 3..6) => Some(Fault::Slow),
            _ => None,
        });
        weather
    }
}

/// The store.
#[derive(Clone)]
pub(super) struct Bay {
    pub(super) world: Rc<World>,
    pub(super) process: Arc<Process>,
}

impl Bay {
    async fn write(&self, text: Option<String>) -> Result<(), AwsError> {
        let (world, dies) = (&self.world, self.process.dies());
        if dies && world.one_of(3) {
            return self.process.die().await;
        }
        if text.as_ref().is_some_and(|text| text.contains(&format!("\"{UNKNOWN}"))) {
            sleep(world.within(50)).await;
            return Err(AwsError::refused("bay:PutPolicy", "Other", "No."));
        }
        let is_lost = world.one_of(60);
        let there = match (dies || is_lost, world.dice(20)) {
            (true, 0..=1) => world.within(600_000),
            (true, 2..=9) => world.within(25_000),
            (false, 0) => world.within(10_000),
            _ => world.within(60),
        };
        if !(is_lost && world.one_of(3)) {
            world.send(text, there);
        }
        if is_lost {
            sleep(Duration::from_secs(3)).await;
            return Err(AwsError::unanswered("bay:PutPolicy", "the connection failed"));
        }
        if dies && world.one_of(2) {
            return self.process.die().await;
        }
        sleep(there + world.within(60)).await;
        if dies { self.process.die().await } else { Ok(()) }
    }
}

impl PolicyStore for Bay {
    type Target = Shelf;
    const TYPE: &'static str = "Custom::ShelfStatement";
    const RULES: Rules = Shelves::RULES;
    const LIMIT: Limit = Limit::characters(100_000);
    const DELETED_WHEN_EMPTY: bool = true;
    const FROM_OUTSIDE: bool = true;
    const APPEARS_WITHIN: Option<Duration> = None;
    const OPENED_BY: &'static str = Shelves::OPENED_BY;

    async fn get(&self, _: &TargetLocation<Shelf>) -> Result<Policy> {
        let (world, dies) = (&self.world, self.process.dies());
        sleep(world.within(if world.one_of(50) { 8_000 } else { 60 })).await;
        let shown = world.shown();
        sleep(world.within(30)).await;
        if dies {
            return self.process.die().await;
        }
        Ok(shown.map_or(Policy::Absent, Policy::Text))
    }

    async fn put(&self, _: &TargetLocation<Shelf>, text: &str) -> Result<(), AwsError> {
        self.write(Some(text.to_owned())).await
    }

    async fn delete(&self, _: &TargetLocation<Shelf>) -> Result<(), AwsError> {
        self.write(None).await
    }

    fn objection(error: &AwsError) -> Objection {
        Shelves::objection(error)
    }
}
