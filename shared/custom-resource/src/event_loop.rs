//! Lambda's events, one after the other.

use std::{
    cell::Cell,
    future::{Ready, ready},
    sync::Arc,
};

use http::{Method, StatusCode};
use http_body_util::BodyExt;
use lambda_runtime::{
    Config, Context, Error, LambdaInvocation, Runtime, Service,
    layers::TracingLayer,
    service_fn,
    tower::{ServiceExt, layer::layer_fn},
};
use lambda_runtime_api_client::{PooledClient, body::Body, build_request};

/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
const NEXT: &str = "/2018-06-01/runtime/invocation/next";
const REQUEST_ID: &str = "lambda-runtime-aws-request-id";

/// Serves Lambda's events until the process ends, as [`Runtime::run`] does, but for the variable `_X_AMZN_TRACE_ID`.
///
/// [`Runtime::run`] sets that variable for each event, and glibc frees no value that a variable ever had: a process grows by 0.2 KiB with
/// each event. What the SDKs read there, the trace header, is in the [`Context`], and the HTTP client of the
/// [`SdkConfig`](crate::SdkConfig) that resources are built of adds it to each call.
/// <https://sourceware.org/git/?p=glibc.git;a=blob;f=stdlib/setenv.c>
///
/// Events come over one connection, and answers go over another. AWS's own server closes neither while it is idle.
/// <https://github.com/aws/aws-lambda-runtime-interface-emulator/blob/develop/lambda/rapi/server.go>
///
/// # Errors
/// When the Runtime API can't be reached, or doesn't keep its protocol.
///
/// # Panics
/// Without the variables that Lambda sets, as [`Runtime::new`] does.
pub async fn serve_events<S>(runtime: Runtime<S>) -> Result<(), Error>
where
    S: Service<LambdaInvocation, Response = (), Error = Error>,
{
    let runtime = runtime.layer(TracingLayer::new());
    if runtime.is_snapstart() {
        // There is more to do before the first event.
        return runtime.run().await;
    }
    let mut service = answering(runtime).ok_or("the runtime has no service")?;
    let (api, config) = (PooledClient::builder().build(), Arc::new(Config::from_env()));
    loop {
        let next = build_request().method(Method::GET).uri(NEXT).body(Body::empty())?;
        let (parts, body) = api.call(next).await?.into_parts();
        // So says `cargo lambda watch` while there is none.
        if parts.status == StatusCode::NO_CONTENT {
            continue;
        }
        let body = body.collect().await?.to_bytes();
        let request_id = parts.headers.get(REQUEST_ID).ok_or("an event without a request id")?.to_str()?;
        let context = Context::new(request_id, Arc::clone(&config), &parts.headers)?;
        service.ready().await?.call(LambdaInvocation { parts, body, context }).await?;
    }
}

/// What a runtime does with an event that has come: it calls the handler, and answers Lambda. A runtime gives that to layers alone.
fn answering<S>(runtime: Runtime<S>) -> Option<S> {
    let answering = Cell::new(None);
    let _ = runtime.layer(layer_fn(|service| {
        answering.set(Some(service));
        service_fn(|_: LambdaInvocation| -> Ready<Result<(), Error>> { ready(Ok(())) })
    }));
    answering.into_inner()
}
