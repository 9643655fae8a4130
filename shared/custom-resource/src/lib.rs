//! CloudFormation custom resources: a handler implements [`Resource`]'s two verbs, [`serve`] does the rest.
//!
//! Every request gets exactly one answer, SUCCESS or FAILED, with the id of what really exists, whatever happens on
//! the way: bad properties, a panic, a slow AWS, the end of the function's time. Where the process itself is killed, a
//! [`FallbackResponder`] answers from another one.
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
//! serve(async |_aws| Ok(Greetings)).await
//! # }
//! ```

mod account_id;
mod answer;
mod attributes;
mod aws_error;
mod built;
mod claim;
mod clock;
mod configuration;
mod continuation;
mod deliver;
mod digest;
mod envelope;
mod error;
mod event;
mod event_text;
mod fallback_responder;
mod function;
mod function_arn;
mod http;
mod invocation;
mod known;
mod left_behind;
mod lifecycle;
mod mangled;
mod metrics;
mod obstacle;
mod owner;
mod properties;
mod records;
mod request_order;
mod request_table;
mod resource;
mod response;
mod response_url;
mod server;
mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod undelivered;
mod waits;
mod warm_up;
mod writes;

pub use account_id::{account_of, is_account_id};
pub use answer::{Answer, Passing};
pub use aws_config::SdkConfig;
pub use aws_error::AwsError;
pub use claim::Claim;
pub use clock::Clock;
pub use envelope::{Envelope, Unanswerable};
pub use error::{Error, NotYet, Refusal, Result};
pub use event::{Continuation, Request};
pub use event_text::readable;
pub use fallback_responder::{Failure, FallbackResponder, Unheard};
pub use function::Function;
pub use function_arn::FunctionArn;
pub use invocation::{Invocation, RequestType};
pub use known::Known;
pub use left_behind::LeftBehind;
pub use lifecycle::{Admission, Lifecycle, Outcome, of_own_account};
pub use mangled::{mangled, mangled_account_id};
pub use owner::Owner;
pub use request_order::{NotARequestOrder, RequestOrder};
pub use request_table::RequestTable;
pub use resource::Resource;
pub use response::{Response, Status};
pub use response_url::{ResponseHosts, ResponseUrl};
pub use server::{Server, serve};
pub use telemetry::start_log;
pub use undelivered::{ANSWER_UNDELIVERED, Undelivered, undelivered};
pub use writes::Writes;
