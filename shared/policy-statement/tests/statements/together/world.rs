//! A policy over time: what it was when, who reads what of it, and what it must be.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fastrand::Rng;
use policy_statement::PolicyStore;
use serde_json::Value;
use tokio::{
    sync::RwLock,
    time::{Instant, sleep},
};

use super::{bay::Bay, expected::Expected};
use crate::{
    cabinet::POLICY,
    shelves::{FOREIGN, Table},
};

/// The clocks of two processes are apart, so that much less.
const READS_LAG: u64 = <Bay as PolicyStore>::LAG.as_secs() * 1_000 - 2_000;

const SETTLES: Duration = Duration::from_secs(28);

/// One policy, and all who have to do with it.
pub(super) struct World {
    random: RefCell<Rng>,
    pub(super) table: Table,
    pub(super) expected: RefCell<Expected>,
    /// Held by each attempt of a process, so that a stranger acts while nobody is between a read and its write: what one writes
    /// then the other replaces, and nobody could tell.
    pub(super) gate: Arc<RwLock<()>>,
    /// How often a stranger has changed the policy.
    pub(super) strangers: Cell<usize>,
    pub(super) steps: RefCell<Vec<String>>,
    began: Instant,
    began_at: Duration,
    /// The documents, and since when each is there.
    versions: RefCell<Vec<(Instant, Option<String>)>>,
    /// Those that nobody of ours can have seen.
    unseen: RefCell<BTreeSet<usize>>,
    /// Those that came late: half a minute is the time in which a write that nobody saw comes to pass, as far as functions wait for it.
    late: RefCell<BTreeSet<usize>>,
    /// Before which none is shown, and what the ledger says is current until somebody knows of that one.
    floor: RefCell<Option<(usize, Option<String>)>>,
    on_the_way: Cell<usize>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let expected = Expected::beside(FOREIGN);
        Self {
            random: RefCell::new(Rng::with_seed(seed)),
            table: Table::default(),
            expected: RefCell::new(expected),
            gate: Arc::default(),
            strangers: Cell::default(),
            steps: RefCell::default(),
            began: Instant::now(),
            // At a whole second, as URLs say it.
            began_at: Duration::from_secs(now.as_secs()),
            versions: RefCell::new(vec![(Instant::now(), Some(FOREIGN.to_owned()))]),
            unseen: RefCell::default(),
            late: RefCell::default(),
            floor: RefCell::new(Some((0, None))),
            on_the_way: Cell::default(),
        }
    }

    /// The time since 1970.
    pub(super) fn time(&self, at: Instant) -> Duration {
        self.began_at + at.duration_since(self.began)
    }

    pub(super) fn note(&self, step: &str) {
        self.steps.borrow_mut().push(format!("{:9.3} {step}", self.began.elapsed().as_secs_f64()));
    }

    /// One of so many numbers, from 0.
    pub(super) fn dice(&self, sides: usize) -> usize {
        self.random.borrow_mut().usize(0..sides)
    }

    /// One time of so many.
    pub(super) fn one_of(&self, times: usize) -> bool {
        self.dice(times) == 0
    }

    pub(super) fn seed(&self) -> u64 {
        self.random.borrow_mut().u64(..)
    }

    /// A time of so many milliseconds at most.
    pub(super) fn within(&self, millis: u64) -> Duration {
        Duration::from_millis(self.random.borrow_mut().u64(1..=millis))
    }

    /// The policy as it is.
    pub(super) fn policy(&self) -> Option<String> {
        self.versions.borrow().last().and_then(|(_, text)| text.clone())
    }

    /// Any document that was there, or the one that is while there may be one whose write nobody saw the end of: whoever puts that one back is
    /// taken for the late write.
    pub(super) fn some_document(&self) -> Option<String> {
        let is_of_a_lost_write = |line: &String| line.starts_with("given-up ") || line.starts_with("pending ");
        if self.history().iter().any(is_of_a_lost_write) {
            return self.policy();
        }
        let versions = self.versions.borrow();
        versions[self.dice(versions.len())].1.clone()
    }

    /// What a read shows now: a document that was there some time ago.
    pub(super) fn shown(&self) -> Option<String> {
        let known = self.known_current();
        let mut floor = self.floor.borrow_mut();
        if floor.as_ref().is_some_and(|(_, before)| *before != known) {
            *floor = None;
        }
        let versions = self.versions.borrow();
        let age = match self.dice(8) {
            0..=4 => Duration::ZERO,
            5 => Duration::from_millis(READS_LAG),
            6 => self.within(READS_LAG),
            _ => self.within(20_000),
        };
        let is_shown = |index: &usize| {
            let ended = versions.get(index + 1).map(|(at, _)| *at);
            ended.is_none_or(|at| at.elapsed() <= age)
                && floor.as_ref().is_none_or(|(floor, _)| index >= floor)
                && !self.unseen.borrow().contains(index)
        };
        let index = (0..versions.len()).find(is_shown).unwrap_or(versions.len() - 1);
        self.note(&format!("  read: {}", described(index, &versions)));
        versions[index].1.clone()
    }

    /// Lets a write come there after a while, whatever becomes of its author.
    pub(super) fn send(self: &Rc<Self>, text: Option<String>, there: Duration) {
        self.on_the_way.set(self.on_the_way.get() + 1);
        let world = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let sent = Instant::now();
            sleep(there).await;
            let is_known = world.versions.borrow().iter().any(|(at, known)| *at >= sent && *known == text);
            if there > SETTLES && is_known {
                // It was written again, with an answer. Whoever finds the same document again later takes it for somebody else's.
                world.on_the_way.set(world.on_the_way.get() - 1);
                return;
            }
            world.versions.borrow_mut().push((Instant::now(), text));
            let index = world.versions.borrow().len() - 1;
            if there > SETTLES {
                world.late.borrow_mut().insert(index);
            }
            world.on_the_way.set(world.on_the_way.get() - 1);
            let versions = world.versions.borrow();
            world.note(&format!("  written: {}", described(versions.len() - 1, &versions)));
        });
    }

    /// Waits until no write is on its way.
    pub(super) async fn is_quiet(&self) {
        while self.on_the_way.get() > 0 {
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Whether a write of ours is on its way, or has come late and isn't corrected.
    pub(super) fn is_unsettled(&self) -> bool {
        self.on_the_way.get() > 0 || self.late.borrow().contains(&(self.versions.borrow().len() - 1))
    }

    /// A stranger replaces the policy. Nobody of ours could know of it before it is seen: until then no read shows what was there before, and what
    /// is replaced by the stranger again before that is never seen.
    pub(super) fn strange(&self, text: Option<&str>, how: &str) {
        let before = self.policy();
        let known = self.known_current();
        let mut versions = self.versions.borrow_mut();
        if let Some((floor, _)) = self.floor.borrow().as_ref().filter(|(_, before)| *before == known) {
            self.unseen.borrow_mut().extend(*floor..versions.len());
        }
        versions.push((Instant::now(), text.map(ToOwned::to_owned)));
        *self.floor.borrow_mut() = Some((versions.len() - 1, known));
        self.strangers.set(self.strangers.get() + 1);
        self.note(&format!("a stranger {how}: {}", described(versions.len() - 1, &versions)));
        self.expected.borrow_mut().strange(before.as_deref(), text);
    }

    /// Everything that is wrong with the policy.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.expected.borrow().wrong(self.policy().as_deref())
    }

    /// Which document is there, as far as the ledger says.
    fn known_current(&self) -> Option<String> {
        self.history().into_iter().find(|line| line.starts_with("current "))
    }

    /// What holders of the lease have left to each other.
    fn history(&self) -> Vec<String> {
        let lease = self.table.lease(POLICY).unwrap_or_default();
        let lines = lease.get("History").and_then(|history| history["L"].as_array()).into_iter().flatten();
        lines.map(|line| line["S"].as_str().unwrap().to_owned()).collect()
    }
}

/// A document by its number, with the beginnings of its statements' names.
fn described(index: usize, versions: &[(Instant, Option<String>)]) -> String {
    let policy = versions[index].1.as_ref().map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    let names = policy["Statement"].as_array().into_iter().flatten().map(|statement| {
        let principal = statement["Principal"]["AWS"].as_str().map_or("", |account| &account[6..]);
        format!("{}:{principal}", statement["Sid"].as_str().unwrap_or_default())
    });
    format!("{index} of {}: {}", versions.len() - 1, names.collect::<Vec<_>>().join(" "))
}
