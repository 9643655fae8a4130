//! What happens to a resource, in words that say it again.

use std::fmt;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::weather::{Fault, FaultPoint};

/// One life.
pub type Story = Vec<Chapter>;

/// One operation on the stack, and what goes wrong meanwhile.
#[derive(Clone)]
pub struct Chapter {
    /// What a person wants.
    pub deed: Deed,
    /// What CloudFormation and Lambda make of it.
    pub twist: Twist,
    /// Whether another resource of the stack fails afterwards, so that a success is rolled back.
    pub another_fails: bool,
    /// Whether all of its events have the request id of the one before.
    pub same_request_id: bool,
    /// How long one invocation may take.
    pub invocation: Duration,
    /// Which calls to AWS go wrong.
    pub faults: Vec<(FaultPoint, Fault)>,
}

/// One line, without what is as usual.
impl fmt::Debug for Chapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deed, twist, another_fails, same_request_id, invocation, faults } = self;
        write!(f, "{deed:?}, {twist:?}, {invocation:?} an invocation")?;
        if *another_fails {
            f.write_str(", another fails")?;
        }
        if *same_request_id {
            f.write_str(", same request id")?;
        }
        faults.iter().try_for_each(|(call, fault)| write!(f, ", {call} {fault:?}"))
    }
}

/// What a person does; the numbers are those of the wishes. Where the stack isn't in a state for it, nothing happens.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Creates the stack.
    Create(usize),
    /// Updates it.
    Update(usize),
    /// Deletes it.
    Delete,
    /// Continues its rollback.
    ContinueRollback,
}

/// What CloudFormation and Lambda make of it.
#[derive(Clone, Copy, Debug)]
pub enum Twist {
    /// Each event arrives once.
    Plain,
    /// Each arrives again after it was answered.
    Twice,
    /// Each arrives twice at the same time.
    AtOnce,
    /// The first is cancelled after a while, whether or not it was answered by then.
    Cancelled(Duration),
    /// The same, and it waits in Lambda's queue: if for longer, it arrives after the Delete or the rollback.
    CancelledWaiting(Duration, Duration),
    /// The process that works on the first is killed after a while.
    Killed(Duration),
    /// The first arrives again at the end.
    Late,
}

/// Longer than all that follows a cancelled request takes, and shorter than CloudFormation waits.
pub(super) const LONG_AFTER: Duration = Duration::from_mins(55);

/// At least the millisecond by which one request is told to be later than another.
fn wait() -> impl Strategy<Value = Duration> {
    prop_oneof![4 => 1..1500_u64, 1 => 1..60_000_u64].prop_map(Duration::from_millis)
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        6 => Just(Twist::Plain),
        2 => Just(Twist::Twice),
        2 => Just(Twist::AtOnce),
        3 => wait().prop_map(Twist::Cancelled),
        1 => (wait(), wait()).prop_map(|(cancelled, waiting)| Twist::CancelledWaiting(cancelled, waiting)),
        2 => (1_000..60_000_u64).prop_map(|cancelled| {
            Twist::CancelledWaiting(Duration::from_millis(cancelled), LONG_AFTER)
        }),
        2 => wait().prop_map(Twist::Killed),
        1 => Just(Twist::Late),
    ]
}

fn deed(wishes: usize) -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..wishes).prop_map(Deed::Create),
        5 => (0..wishes).prop_map(Deed::Update),
        2 => Just(Deed::Delete),
        1 => Just(Deed::ContinueRollback),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    select(vec![Fault::Throttled, Fault::Broken, Fault::Lost, Fault::Slow, Fault::Denied, Fault::Stale])
}

fn chapter(wishes: usize) -> impl Strategy<Value = Chapter> {
    let invocation = prop_oneof![5 => Just(900_u64), 1 => Just(60), 1 => Just(12), 1 => Just(3)];
    let place = (0..12_u8).prop_map(FaultPoint::Number);
    let faults = prop_oneof![1 => Just(Vec::new()), 2 => vec((place, fault()), 1..4)];
    let another_fails = proptest::bool::weighted(0.15);
    (deed(wishes), twist(), another_fails, proptest::bool::weighted(0.15), invocation, faults).prop_map(
        |(deed, twist, another_fails, same_request_id, invocation, faults)| {
            let invocation = Duration::from_secs(invocation);
            Chapter { deed, twist, another_fails, same_request_id, invocation, faults }
        },
    )
}

/// All lives of up to eight chapters about so many wishes.
pub fn stories(wishes: usize) -> impl Strategy<Value = Story> {
    vec(chapter(wishes), 1..8)
}
