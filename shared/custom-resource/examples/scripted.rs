//! `Custom::Scripted`: a resource that ends as its template says, to see how CloudFormation takes it. The suites in
//! tests/ run it where a rule crosses the process.

use std::future::pending;

use custom_resource::{Claim, Error, Resource, Result, Server};
use serde::{Deserialize, Serialize};

struct Scripted;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    /// How a Create or an Update ends.
    #[serde(default)]
    ending: Ending,
    /// How a Delete ends.
    #[serde(default)]
    delete_ending: Ending,
    /// The id to hold before it ends.
    id: Option<String>,
    /// The length of the attribute `Text`.
    #[serde(default)]
    size: usize,
    /// The variable of the environment whose value is the attribute `Text` instead, if it is set.
    variable: Option<String>,
}

#[derive(Default, Clone, Copy, Deserialize)]
enum Ending {
    #[default]
    Success,
    Refused,
    NotYet,
    Panic,
    Hang,
    Abort,
}

impl Ending {
    async fn play(self) -> Result<()> {
        match self {
            Self::Success => Ok(()),
            Self::Refused => Err(Error::refused("the template said so")),
            Self::NotYet => Err(Error::not_yet("the template wants to be waited for")),
            #[expect(clippy::panic, reason = "that is what was asked for")]
            Self::Panic => panic!("a panic with a secret"),
            Self::Hang => pending().await,
            Self::Abort => std::process::abort(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    text: String,
}

impl Resource for Scripted {
    type Properties = Properties;
    type Id = String;
    type Attributes = Attributes;

    async fn ensure(&self, desired: &Properties, _: Option<&Properties>, claim: &Claim<String>) -> Result<Attributes> {
        if let Some(id) = &desired.id {
            claim.hold(id);
        }
        desired.ending.play().await?;
        let value = desired.variable.as_ref().and_then(|variable| std::env::var(variable).ok());
        Ok(Attributes { text: value.unwrap_or_else(|| "x".repeat(desired.size)) })
    }

    async fn remove(&self, last: Option<&Properties>, _: &Claim<String>) -> Result<()> {
        last.map_or(Ending::Success, |last| last.delete_ending).play().await
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), lambda_runtime::Error> {
    Server::new().metrics("Scripted").every_type(async |_| Ok(Scripted)).run().await
}
