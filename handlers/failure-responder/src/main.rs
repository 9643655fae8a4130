//! Answers CloudFormation in the place of functions that were killed, or never ran: the queue holds Lambda's records of them.

mod cause;
mod record;
mod responder;

use lambda_runtime::{Runtime, service_fn};
use responder::Responder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    custom_resource::start_log(&[std::any::type_name::<Responder>()]);
    let responder = Responder::from_environment()?;
    custom_resource::serve_events(Runtime::new(service_fn(|event| responder.handle(event)))).await
}
