//! `Custom::Account`: an account of the organization, made once whatever happens.

mod account;
mod api;
mod creation;
mod placement;
mod properties;
mod state;

use account::Accounts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    archipelago::serve(Accounts::new).await
}
