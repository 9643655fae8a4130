//! `Custom::Account`: an account of the organization, made once whatever happens.

mod account;
mod api;
mod place;
mod properties;

use account::Accounts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    archipelago::serve(Accounts::new).await
}
