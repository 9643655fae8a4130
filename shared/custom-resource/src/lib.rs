//! CloudFormation custom resources: a handler implements [`Resource`]'s two verbs, [`serve`] does the rest.
//!
//! Every request gets exactly one answer, SUCCESS or FAILED, with the id of what really exists, whatever happens on
//! the way: bad properties, a panic, a slow AWS, the end of the function's time. Where the process itself is killed, a
//! [`Deputy`] answers from another one.
//!
//! ```no_run
//! use custom_resource::{Claim, Resource, Result, serve};
//!
//! struct Greetings;
//!
//! #[derive(serde::Deserialize)]
//! #[serde(rename_all = "PascalCase")]
//! struct Properties {
//!     name: String,
//! }
//!
//! #[derive(serde::Serialize)]
//! #[serde(rename_all = "PascalCase")]
//! struct Attributes {
//!     greeting: String,
//! }
//!
//! impl Resource for Greetings {
//!     type Properties = Properties;
//!     type Id = String;
//!     type Attributes = Attributes;
//!
//!     async fn ensure(&self, desired: &Properties, _: Option<&Properties>, claim: &Claim<String>) -> Result<Attributes> {
//!         claim.hold(&format!("greeting-{}", claim.owner().mark()));
//!         Ok(Attributes { greeting: format!("Hello, {}!", desired.name) })
//!     }
//!
//!     async fn remove(&self, _: Option<&Properties>, _: &Claim<String>) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! # async fn run() -> Result<(), lambda_runtime::Error> {
//! serve(|_aws| Greetings).await
//! # }
//! ```

mod account_id;
mod attributes;
mod configuration;
mod continuation;
mod deliver;
mod deputy;
mod error;
mod event;
mod function_arn;
mod http;
mod lifecycle;
mod mangled;
mod metrics;
mod obstacle;
mod properties;
mod requests;
mod resource;
mod response;
mod response_url;
#[cfg(feature = "schema")]
pub mod schema;
mod serve;
mod tags;
mod telemetry;
mod turn;
mod undelivered;
mod users;
mod warm_up;

pub use account_id::is_account_id;
pub use aws_config::SdkConfig;
pub use deputy::{Deputy, Failure, Unheard};
pub use error::{Answer, AwsError, Error, NotYet, Result};
pub use event::{Continuation, Envelope, Request, Unanswerable, readable};
pub use function_arn::FunctionArn;
pub use lifecycle::{Clock, Outcome, answer};
pub use mangled::{mangled, mangled_account_id};
pub use requests::Requests;
pub use resource::{Claim, Owner, Resource};
pub use response::{Response, Status};
pub use response_url::{ResponseHosts, ResponseUrl};
pub use serve::serve;
pub use tags::{TagChanges, Tags};
pub use telemetry::start_log;
pub use turn::{NotATurn, Turn};
pub use undelivered::{ANSWER_UNDELIVERED, undelivered};
pub use users::Users;
