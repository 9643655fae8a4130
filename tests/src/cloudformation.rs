//! CloudFormation's side of custom resources: it sends the events, judges the answers and decides what comes next.
//!
//! [`Resource`] is the pure part, a state machine without I/O; [`Simulator`] plays it against a [`Handler`].

mod answer;
mod event;
mod ids;
mod resource;
mod simulator;

pub use answer::{Answer, Put, Violation, Violations};
pub use event::{Event, RequestType, signing_date, stringified};
pub use ids::Ids;
pub use resource::{Live, Resource, Status};
pub use simulator::{Delivery, Handler, Run, Simulator, Step};
