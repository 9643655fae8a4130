//! The process: what it serves, and how it starts.

use std::time::Duration;

use aws_config::SdkConfig;
use lambda_runtime::{Runtime, service_fn};
use tokio::time::timeout;

use crate::{
    Admission, Lifecycle, OtherAdmission, RequestTable, Resource, ResponseHosts, Result,
    built::{Build, Built},
    configuration::configuration,
    continuation::SelfInvocation,
    event_loop::serve_events,
    function::{Function, ServedType},
    http::{self, Sdk},
    lifecycle::of_own_account,
    other_event::whoever_may_invoke,
    telemetry,
    warm_up::warm_up,
};

/// How long the start waits for a resource to be built. Lambda gives a process ten seconds to start.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const BUILT_WITHIN: Duration = Duration::from_secs(5);

/// Serves Lambda's events until the process ends, with the resource that `build` makes of the AWS configuration.
///
/// # Errors
/// As for [`Server::run`].
pub async fn serve<R: Resource>(build: impl AsyncFn(&SdkConfig) -> Result<R>) -> Result<(), lambda_runtime::Error> {
    Server::new().every_type(build).run().await
}

/// Makes a type that is to be served, which isn't built before the configuration is there.
type Unbuilt<'a> = Box<dyn FnOnce(&SdkConfig) -> ServedType<'a> + 'a>;

/// One function: which types it serves, and how.
///
/// ```no_run
/// # use custom_resource::{Claim, Resource, Result, Server};
/// # struct Greetings;
/// # impl Resource for Greetings {
/// #     type Properties = ();
/// #     type Id = u32;
/// #     type Attributes = ();
/// #     async fn ensure(&self, _: &(), _: Option<&()>, _: &Claim<u32>) -> Result<()> { Ok(()) }
/// #     async fn remove(&self, _: Option<&()>, _: &Claim<u32>) -> Result<()> { Ok(()) }
/// # }
/// # async fn run() -> Result<(), lambda_runtime::Error> {
/// Server::new().metrics("Greetings").resource("Custom::Greeting", async |_aws| Ok(Greetings)).run().await
/// # }
/// ```
#[must_use]
pub struct Server<'a> {
    admission: Admission,
    admit_other: OtherAdmission,
    metrics: Option<&'static str>,
    has_log: bool,
    types: Vec<Unbuilt<'a>>,
    crates: Vec<&'static str>,
}

impl<'a> Server<'a> {
    /// A server of no type yet, for stacks of the function's own account, with a log and without metrics.
    pub fn new() -> Self {
        Self {
            admission: of_own_account,
            admit_other: whoever_may_invoke,
            metrics: None,
            has_log: true,
            types: Vec::new(),
            crates: Vec::new(),
        }
    }

    /// Serves requests that `admission` admits, and no others. Without this, a stack of another account is refused.
    pub fn admit(self, admission: Admission) -> Self {
        Self { admission, ..self }
    }

    /// Works on events that are no requests of CloudFormation where `admission` admits them. Without this, whoever may invoke the function
    /// may send them.
    pub fn admit_other(self, admission: OtherAdmission) -> Self {
        Self { admit_other: admission, ..self }
    }

    /// Writes a line with metrics for each request, in that namespace.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    pub fn metrics(self, namespace: &'static str) -> Self {
        Self { metrics: Some(namespace), ..self }
    }

    /// Starts no log: the program has one of its own. It must not write what the HTTP client says below `warn`, which has the
    /// `ResponseURL` in it.
    pub fn without_log(self) -> Self {
        Self { has_log: false, ..self }
    }

    /// Serves resources of that type, such as `Custom::Greeting`, with what `build` makes of the AWS configuration.
    ///
    /// `build` runs at the start of the process, and again for each request while it fails. Its error is answered like one of the
    /// resource's verbs.
    pub fn resource<R: Resource + 'a>(
        self,
        resource_type: &'static str,
        build: impl AsyncFn(&SdkConfig) -> Result<R> + 'a,
    ) -> Self {
        self.with(Some(resource_type), build)
    }

    /// Serves resources of all types that no other `build` is for, whatever a template calls them.
    pub fn every_type<R: Resource + 'a>(self, build: impl AsyncFn(&SdkConfig) -> Result<R> + 'a) -> Self {
        self.with(None, build)
    }

    fn with<R: Resource + 'a>(mut self, name: Option<&'static str>, build: impl Build<R> + 'a) -> Self {
        self.crates.push(std::any::type_name::<R>());
        self.types.push(Box::new(move |aws| ServedType::new(name, Built::new(build, aws))));
        self
    }

    /// Serves Lambda's events until the process ends.
    ///
    /// # Errors
    /// When the process can't start: an unreadable certificate bundle, or no Runtime API.
    pub async fn run(self) -> Result<(), lambda_runtime::Error> {
        let function = self.start().await?;
        serve_events(Runtime::new(service_fn(|event| function.handle(event)))).await
    }

    /// Starts without a loop over Lambda's events: for a program that gets other events too, and hands those of CloudFormation to
    /// [`Function::handle`].
    ///
    /// # Errors
    /// An unreadable certificate bundle.
    pub async fn start(self) -> Result<Function<'a>, lambda_runtime::Error> {
        if self.has_log {
            telemetry::start_log(&self.crates);
        }
        let http = http::client()?;
        let aws = configuration(Sdk(http.clone())).await;
        let requests = RequestTable::from_environment(&aws);
        let function = Function {
            types: self.types.into_iter().map(|of| of(&aws)).collect(),
            lifecycle: Lifecycle { admission: self.admission, requests },
            admit_other: self.admit_other,
            metrics: self.metrics,
            http,
            hosts: ResponseHosts::from_environment(),
            next: SelfInvocation::new(&aws),
        };
        // What fails here, or takes longer, is built again with the first request, which has an answer.
        let _ = timeout(BUILT_WITHIN, function.build()).await;
        // Apart from the rest, which is there as long as the process.
        warm_up(Box::pin(function.warm_up())).await;
        Ok(function)
    }
}

impl Default for Server<'_> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod other_events;
#[cfg(test)]
mod tests;
