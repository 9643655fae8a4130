//! Stacks whose resources, all of one type, want one thing.

use std::sync::Arc;
use std::time::Duration;

use aws_types::SdkConfig;
use custom_resource::{Claim, Error, Owner, Resource, Result};
use serde_json::Value;
use tokio::time::sleep;

use super::http::{Service, configuration};
use super::weather::Weather;

/// A resource by the names of its stack and its own.
pub type Who = (&'static str, &'static str);

/// A resource.
pub const OLD: Who = ("landing", "Old");
/// Another one of the same stack: the same one, renamed.
pub const NEW: Who = ("landing", "New");
/// One of the same name in another stack.
pub const COPY: Who = ("copy", "Old");

/// How often a request is tried: for longer than anything takes.
const TRIES: usize = 200;

/// The stacks, and the AWS that they meet.
#[derive(Debug)]
pub struct Stacks<R, P> {
    /// The AWS.
    pub played: Arc<P>,
    resource: R,
}

impl<R: Resource, P: Service + 'static> Stacks<R, P> {
    /// Those whose resources `build` makes, in front of `played`.
    pub fn new(played: P, build: impl FnOnce(&SdkConfig) -> R) -> Self {
        let played = Arc::new(played);
        let aws = configuration(played.clone(), Arc::new(Weather::default()));
        Self { played, resource: build(&aws) }
    }

    /// Creates a resource, and answers its physical id.
    ///
    /// # Errors
    /// The refusal.
    pub async fn create(&self, who: Who, desired: &Value) -> Result<String> {
        let (claim, desired) = (Claim::new(owner(who), None), read::<R>(desired));
        until_done(async || self.resource.ensure(&desired, None, &claim).await).await?;
        Ok(claim.id().expect("what was created has an id").to_string())
    }

    /// Updates the resource of that physical id.
    ///
    /// # Errors
    /// The refusal.
    pub async fn update(&self, who: Who, id: &str, desired: &Value, previous: &Value) -> Result<R::Attributes> {
        let (desired, previous) = (read::<R>(desired), read::<R>(previous));
        let claim = Claim::new(owner(who), Some(id));
        until_done(async || self.resource.ensure(&desired, Some(&previous), &claim).await).await
    }

    /// Deletes the resource of that physical id.
    pub async fn delete(&self, who: Who, id: &str, last: &Value) {
        let (claim, last) = (Claim::new(owner(who), Some(id)), read::<R>(last));
        let deleted = until_done(async || self.resource.remove(Some(&last), &claim).await).await;
        deleted.unwrap_or_else(|error| panic!("a Delete is refused: {error}"));
    }
}

/// The owner that such a resource is.
#[must_use]
pub fn owner((stack, logical_id): Who) -> Owner {
    Owner::new(format!("arn:aws:cloudformation:us-east-1:111111111111:stack/{stack}/1f0a"), logical_id)
}

fn read<R: Resource>(properties: &Value) -> R::Properties {
    serde_json::from_value(properties.clone()).unwrap_or_else(|error| panic!("{properties}: {error}"))
}

/// What the loop of the lifecycle does.
async fn until_done<T>(work: impl AsyncFn() -> Result<T>) -> Result<T> {
    for _ in 0..TRIES {
        match work().await {
            Err(Error::NotYet(_)) => sleep(Duration::from_secs(2)).await,
            ended => return ended,
        }
    }
    panic!("it never ends")
}
