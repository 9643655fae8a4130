//! A resource that is built when it is needed, and again while that fails.

use std::panic::AssertUnwindSafe;

use aws_config::SdkConfig;
use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::{Claim, FunctionArn, LeftBehind, Resource, Result, Work};

/// What makes a resource of the AWS configuration.
pub(crate) trait Build<R>: AsyncFn(&SdkConfig) -> Result<R> {}

impl<R, B: AsyncFn(&SdkConfig) -> Result<R>> Build<R> for B {}

/// A resource, once it is built. Until then an error of building it is one of each verb.
pub(crate) struct Built<R, B> {
    build: B,
    aws: SdkConfig,
    resource: OnceCell<R>,
}

impl<R: Resource, B: Build<R>> Built<R, B> {
    pub(crate) fn new(build: B, aws: &SdkConfig) -> Self {
        Self { build, aws: aws.clone(), resource: OnceCell::new() }
    }

    /// Builds it before the first request, if that works. A panic is one of the first request then, which is answered.
    pub(crate) async fn build(&self) {
        match AssertUnwindSafe(self.resource()).catch_unwind().await {
            Ok(Ok(_)) => {}
            Ok(Err(reason)) => {
                tracing::warn!(%reason, "the resource could not be built; the first request tries it again");
            }
            Err(_) => tracing::warn!("the resource could not be built; the first request tries it again"),
        }
    }

    async fn resource(&self) -> Result<&R> {
        self.resource.get_or_try_init(async || (self.build)(&self.aws).await).await
    }
}

impl<R: Resource, B: Build<R>> Resource for Built<R, B> {
    type Properties = R::Properties;
    type Id = R::Id;
    type Attributes = R::Attributes;
    const KEEPS_ORDER: bool = R::KEEPS_ORDER;

    async fn warm_up(&self) {
        if let Some(resource) = self.resource.get() {
            resource.warm_up().await;
        }
    }

    async fn ensure(
        &self,
        desired: &R::Properties,
        previous: Option<&R::Properties>,
        claim: &Claim<R::Id>,
    ) -> Result<R::Attributes> {
        self.resource().await?.ensure(desired, previous, claim).await
    }

    async fn remove(&self, last: Option<&R::Properties>, claim: &Claim<R::Id>) -> Result<()> {
        self.resource().await?.remove(last, claim).await
    }

    async fn take_back(
        &self,
        cancelled: &R::Properties,
        desired: &R::Properties,
        left: &LeftBehind,
        claim: &Claim<R::Id>,
    ) -> Result<()> {
        self.resource().await?.take_back(cancelled, desired, left, claim).await
    }

    async fn give_up(&self, claim: &Claim<R::Id>) {
        if let Some(resource) = self.resource.get() {
            resource.give_up(claim).await;
        }
    }

    async fn settle(&self) {
        if let Some(resource) = self.resource.get() {
            resource.settle().await;
        }
    }

    async fn plan(
        &self,
        work: &Work<R::Properties>,
        unknown: &[String],
        claim: &Claim<R::Id>,
    ) -> Option<Result<Value>> {
        match self.resource().await {
            Ok(resource) => resource.plan(work, unknown, claim).await,
            Err(error) => Some(Err(error)),
        }
    }

    async fn other_event(&self, event: &Value, function: &FunctionArn) -> Option<Result<Value>> {
        match self.resource().await {
            Ok(resource) => resource.other_event(event, function).await,
            Err(error) => Some(Err(error)),
        }
    }
}
