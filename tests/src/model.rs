//! Random lives of one custom resource, told to a `custom_resource::Resource` in this process: CloudFormation and Lambda
//! misbehave, AWS is played in memory and fails, and time costs nothing.
//!
//! A [`PlayedAws`] is what one type works on; [`play`] tells it a [`Story`] and judges what became of it; [`lives`] makes up the
//! stories, and finds the shortest one that goes wrong; [`Matrix`] tries every fault at every call of a few [`Scenario`]s;
//! [`late_requests_do_nothing`] delivers each kind of request after the one that follows it.

mod dynamodb;
pub mod ec2;
mod history;
mod http;
pub mod lambda;
mod lambda_request;
mod late;
mod lives;
mod matrix;
pub mod organizations;
mod plans;
mod play;
mod played_aws;
mod policed;
pub mod policies;
mod process;
mod query;
pub mod ram;
mod rest;
pub mod stacks;
mod story;
mod weather;

pub use dynamodb::DynamoDb;
pub use http::{Refusal, Service, configuration};
pub use late::{OVERTAKEN, late_requests_do_nothing};
pub use lives::lives;
pub use matrix::{Matrix, Scenario};
pub use plans::plans_come_true;
pub use play::{Told, play};
pub use played_aws::{PlayedAws, Thing, Wish};
pub use policed::{FRESH, Played, Policed, every_fault, policies_are_planned};
pub use process::Process;
pub use story::{Chapter, Deed, Story, Twist, stories};
pub use weather::{Call, Fault, FaultPoint, Trouble, Weather, is_read};
