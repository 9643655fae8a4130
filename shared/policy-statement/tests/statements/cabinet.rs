//! A shelf with room for many statements, whose calls go as a test says, and the requests that wait for it.

use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    time::Duration,
};

use archipelago_tests::model::Fault;
use custom_resource::{AwsError, Claim, Error, RequestOrder, Resource, Result};
use policy_statement::{
    Attributes, Document, Limit, Objection, Policy, PolicyStore, Properties, Rules, Statements, TargetLocation,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::shelves::{Shelf, ShelfClaim, Shelves, TABLE, aws};

/// How often a request is tried that doesn't end.
const TRIES: u32 = 36;

pub(crate) const POLICY: &str = "shelf app";

/// A call to the service.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call<'a> {
    Read,
    /// The policy that is written; none where it is deleted.
    Write(Option<&'a str>),
}

/// What becomes of a call.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    Passes,
    /// The process dies before it.
    DiesBefore,
    /// It has its effect, and the process dies before the answer.
    DiesAfter,
    /// Nobody knows what becomes of it; it has its effect when the test says so.
    ComesLate,
    /// AWS refuses it with that code.
    Refused(&'static str),
    /// A read shows this.
    Shows(Option<String>),
    /// It takes that long.
    Takes(Duration),
}

type Fates = Box<dyn FnMut(Call<'_>) -> Fate>;

/// The store.
#[derive(Clone)]
pub(crate) struct Cabinet {
    pub(crate) shelves: Shelves,
    fates: Rc<RefCell<Fates>>,
    deaths: Rc<Notify>,
    /// Writes that have no effect yet.
    pub(crate) late: Rc<RefCell<Vec<Option<String>>>>,
    made: Rc<Cell<u64>>,
}

impl Cabinet {
    pub(crate) fn with(policy: Option<&str>) -> Self {
        let fates: Fates = Box::new(|_| Fate::Passes);
        Self {
            shelves: Shelves::with(policy),
            fates: Rc::new(RefCell::new(fates)),
            deaths: Rc::default(),
            late: Rc::default(),
            made: Rc::default(),
        }
    }

    /// What becomes of each call from now on.
    pub(crate) fn fate(&self, fates: impl FnMut(Call<'_>) -> Fate + 'static) {
        *self.fates.borrow_mut() = Box::new(fates);
    }

    pub(crate) fn all_passes(&self) {
        self.fate(|_| Fate::Passes);
        self.shelves.0.table.watch(|_, _| None);
    }

    /// Refuses each policy with that word in it.
    pub(crate) fn refuse_with(&self, word: &'static str, code: &'static str) {
        self.fate(move |call| match call {
            Call::Write(Some(text)) if text.contains(word) => Fate::Refused(code),
            _ => Fate::Passes,
        });
    }

    /// A process of the function.
    pub(crate) fn process(&self) -> Rc<Statements<Self>> {
        self.process_by(self.shelves.0.table.clock())
    }

    /// One that goes by that clock.
    pub(crate) fn process_by(&self, clock: impl Fn() -> Duration + 'static) -> Rc<Statements<Self>> {
        let cabinet = self.clone();
        let statements = Statements::new(&aws(), move |_| cabinet.clone());
        Rc::new(statements.with_ledger(self.shelves.0.table.client(), TABLE, clock))
    }

    /// A request for a claim in a process of its own. None is a Delete, to which CloudFormation knows an id.
    pub(crate) fn request(&self, claim: ShelfClaim, statement: Option<&Value>) -> Request {
        self.request_in(&self.process(), claim, statement)
    }

    pub(crate) fn request_in(
        &self,
        process: &Rc<Statements<Self>>,
        claim: ShelfClaim,
        statement: Option<&Value>,
    ) -> Request {
        self.made.set(self.made.get() + 1);
        let order =
            RequestOrder::new(self.made.get() * 1_000, statement.is_none(), &format!("request {}", self.made.get()));
        let claim = if statement.is_none() { known(&claim) } else { claim };
        let claim = claim.in_invocation(|invocation| invocation.ordered(order));
        let desired = statement.map(|statement| on_shelf(json!({"Statement": statement})));
        Request { process: Rc::clone(process), claim, desired, cabinet: self.clone() }
    }

    /// Lets somebody else hold the lease.
    pub(crate) fn hold_lease(&self) {
        self.shelves.0.table.take(POLICY, "somebody else", Duration::from_hours(1));
    }

    /// Lets the one who holds the lease give it back now.
    pub(crate) fn free_lease(&self) {
        let now = self.shelves.0.table.clock()().as_millis();
        self.shelves.0.table.change(POLICY, |item| {
            item.insert("Until".to_owned(), json!({"N": "0"}));
            item.insert("Released".to_owned(), json!({"N": now.to_string()}));
        });
    }

    /// Lets the dead have no lease any more.
    pub(crate) fn end_lease(&self) {
        self.pass(Duration::from_secs(16));
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.shelves.0.table.pass(time);
    }

    pub(crate) fn writes(&self) -> u32 {
        self.shelves.0.writes.get()
    }

    /// Lets the process die at the call to the ledger or the service of that number, from 0: before it, or after its effect.
    pub(crate) fn kill_at(&self, number: usize, is_after: bool) {
        let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let next = move || count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == number;
        let dies = next.clone();
        self.shelves.0.table.watch(move |_, _| {
            let fault = if is_after { Fault::KilledAfter } else { Fault::KilledBefore };
            dies().then_some(fault)
        });
        self.fate(move |_| match (next(), is_after) {
            (false, _) => Fate::Passes,
            (true, false) => Fate::DiesBefore,
            (true, true) => Fate::DiesAfter,
        });
    }

    /// What `work` ends with, if the process doesn't die.
    pub(crate) async fn unless_dead<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.deaths.notified() => None,
            () = self.shelves.0.table.death() => None,
            ended = work => Some(ended),
        }
    }

    /// Asks for all of the requests in turn until each has ended well, with some seconds between two tries; gives up after three minutes.
    #[expect(clippy::panic, reason = "a test fails so")]
    pub(crate) async fn all_end(&self, requests: &[Request]) {
        let mut waiting: Vec<_> = requests.iter().collect();
        for _ in 0..TRIES {
            let mut still = Vec::new();
            for request in waiting {
                match request.asked().await {
                    Ok(_) => {}
                    Err(Error::NotYet(_)) => still.push(request),
                    Err(refused) => panic!("{refused}"),
                }
            }
            if still.is_empty() {
                return;
            }
            waiting = still;
            self.pass(Duration::from_secs(5));
        }
        panic!("{} requests wait for ever", waiting.len());
    }

    async fn die<T>(&self) -> T {
        self.deaths.notify_one();
        pending().await
    }

    async fn write(&self, location: &TargetLocation<Shelf>, text: Option<&str>) -> Result<(), AwsError> {
        let fate = (self.fates.borrow_mut())(Call::Write(text));
        match &fate {
            Fate::DiesBefore => self.die().await,
            Fate::Refused(code) => {
                self.shelves.0.writes.set(self.writes() + 1);
                return Err(AwsError::refused("shelf:PutPolicy", code, "No."));
            }
            Fate::ComesLate => {
                self.late.borrow_mut().push(text.map(ToOwned::to_owned));
                return Err(AwsError::unanswered("shelf:PutPolicy", "the connection failed"));
            }
            Fate::Takes(time) => tokio::time::sleep(*time).await,
            _ => {}
        }
        let ended = match text {
            Some(text) => self.shelves.put(location, text).await,
            None => self.shelves.delete(location).await,
        };
        match fate {
            Fate::DiesAfter => self.die().await,
            _ => ended,
        }
    }
}

impl PolicyStore for Cabinet {
    type Target = Shelf;
    const TYPE: &'static str = "Custom::ShelfStatement";
    const RULES: Rules = Shelves::RULES;
    const LIMIT: Limit = Limit::characters(20_000);
    const DELETED_WHEN_EMPTY: bool = true;
    const FROM_OUTSIDE: bool = true;
    const APPEARS_WITHIN: Option<Duration> = None;
    const OPENED_BY: &'static str = Shelves::OPENED_BY;

    async fn get(&self, location: &TargetLocation<Shelf>) -> Result<Policy> {
        let fate = (self.fates.borrow_mut())(Call::Read);
        match fate {
            Fate::DiesBefore => self.die().await,
            Fate::Takes(time) => tokio::time::sleep(time).await,
            _ => {}
        }
        let shown = self.shelves.get(location).await;
        match fate {
            Fate::DiesAfter => self.die().await,
            Fate::Shows(Some(text)) => Ok(Policy::Text(text)),
            Fate::Shows(None) => Ok(Policy::Absent),
            _ => shown,
        }
    }

    async fn put(&self, location: &TargetLocation<Shelf>, text: &str) -> Result<(), AwsError> {
        self.write(location, Some(text)).await
    }

    async fn delete(&self, location: &TargetLocation<Shelf>) -> Result<(), AwsError> {
        self.write(location, None).await
    }

    fn objection(error: &AwsError) -> Objection {
        Shelves::objection(error)
    }

    fn guard(location: &TargetLocation<Shelf>, before: &Document, after: &Document) -> Result<()> {
        Shelves::guard(location, before, after)
    }
}

/// A request that a process works on.
pub(crate) struct Request {
    pub(crate) process: Rc<Statements<Cabinet>>,
    pub(crate) claim: ShelfClaim,
    pub(crate) desired: Option<Properties<Shelf>>,
    cabinet: Cabinet,
}

impl Request {
    /// The same request, which Lambda hands to another process.
    pub(crate) fn again(&self) -> Self {
        let order = self.claim.invocation().order().clone();
        let claim = Claim::new(self.claim.owner().clone(), None);
        let claim = claim.in_invocation(|invocation| invocation.ordered(order));
        let (desired, cabinet) = (self.desired.clone(), self.cabinet.clone());
        Self { process: cabinet.process(), claim, desired, cabinet }
    }

    /// Asks once, as the lifecycle does, and answers if that is the end of it.
    pub(crate) async fn asked(&self) -> Result<Option<Attributes>> {
        let ended = match &self.desired {
            Some(desired) => self.process.ensure(desired, None, &self.claim).await.map(Some),
            None => self.process.remove(None, &self.claim).await.map(|()| None),
        };
        if matches!(ended, Err(Error::Refused(_))) {
            self.process.give_up(&self.claim).await;
        }
        self.process.settle().await;
        ended
    }

    /// Asks, and has to wait.
    #[expect(clippy::panic, reason = "a test fails so")]
    pub(crate) async fn waits(&self) -> String {
        match self.asked().await {
            Err(Error::NotYet(not_yet)) => not_yet.to_string(),
            ended => panic!("it doesn't wait: {ended:?}"),
        }
    }

    /// Asks until it ends well, with some seconds between two tries; gives up after three minutes.
    pub(crate) async fn ends(&self) {
        self.cabinet.all_end(std::slice::from_ref(self)).await;
    }

    /// The request ends without success, as after its `ServiceTimeout`.
    pub(crate) async fn fails(&self) {
        self.process.give_up(&self.claim).await;
        self.process.settle().await;
    }

    /// The claim as CloudFormation knows it after a success.
    pub(crate) fn known(&self) -> ShelfClaim {
        known(&self.claim)
    }

    /// The `Sid` of its one statement.
    pub(crate) fn sid(&self) -> String {
        sid(&self.claim)
    }
}

/// The claim, with the id that it has where there may be something.
pub(crate) fn known(claim: &ShelfClaim) -> ShelfClaim {
    Claim::new(claim.owner().clone(), Some(&id(claim)))
}

pub(crate) fn id(claim: &ShelfClaim) -> String {
    format!("app#{}", claim.owner().mark())
}

/// The `Sid` of the one statement of a claim.
pub(crate) fn sid(claim: &ShelfClaim) -> String {
    format!("{}{}", claim.owner().logical_id(), claim.owner().mark())
}

fn on_shelf(mut properties: Value) -> Properties<Shelf> {
    properties["ShelfName"] = "app".into();
    serde_json::from_value(properties).unwrap()
}
