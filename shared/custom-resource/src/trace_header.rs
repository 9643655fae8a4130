//! The header by which Lambda follows what an event leads to, and stops functions that invoke each other without end.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>

use aws_smithy_runtime_api::http::Headers;
use lambda_runtime::Context;
use tokio::task_local;

/// It is no part of a signature, since whoever passes it on may change it.
/// <https://docs.rs/aws-sigv4/latest/aws_sigv4/http_request/struct.SigningSettings.html>
const TRACE_HEADER: &str = "x-amzn-trace-id";

task_local! {
    /// That of the event that this task works on.
    static TRACE: Option<String>;
}

/// Does the work of an event with that context, whose header goes on with each call of AWS.
pub(crate) fn of<T>(context: &Context, work: impl Future<Output = T>) -> impl Future<Output = T> {
    TRACE.scope(context.xray_trace_id.clone(), work)
}

/// Adds the header to those of a call.
pub(crate) fn add(headers: &mut Headers) {
    if let Ok(Some(trace)) = TRACE.try_with(Clone::clone) {
        // What is no header came in none, and nobody can follow it.
        let _ = headers.try_insert(TRACE_HEADER, trace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added() -> Option<String> {
        let mut headers = Headers::new();
        add(&mut headers);
        headers.get(TRACE_HEADER).map(ToOwned::to_owned)
    }

    #[tokio::test]
    async fn a_call_has_the_header_of_the_event_it_is_made_for() {
        let event = |trace: Option<&str>| {
            let mut context = Context::default();
            context.xray_trace_id = trace.map(ToOwned::to_owned);
            context
        };
        let [one, other] = ["Root=1-1;Lineage=1:a:0", "Root=1-2"].map(|trace| event(Some(trace)));
        let twice = async || {
            let first = added();
            tokio::task::yield_now().await;
            assert_eq!(first, added());
            first
        };
        let (one, other) = tokio::join!(of(&one, twice()), of(&other, twice()));
        assert_eq!((one.as_deref(), other.as_deref()), (Some("Root=1-1;Lineage=1:a:0"), Some("Root=1-2")));
        for without in [None, Some("two\nlines")] {
            assert_eq!(of(&event(without), async { added() }).await, None);
        }
        assert_eq!(added(), None);
    }
}
