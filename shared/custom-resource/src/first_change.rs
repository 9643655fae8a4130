//! Work that goes on until it would change something: its calls that read are made, and the first other one is shown and not sent.

use std::{cell::RefCell, future::pending};

use aws_smithy_runtime_api::client::{http::HttpConnectorFuture, orchestrator::HttpRequest};
use serde_json::Value;
use tokio::{
    select,
    sync::oneshot::{Sender, channel},
    task_local,
};

use crate::aws_call::AwsCall;

task_local! {
    /// Hears of what the work of this task would change first.
    static FIRST_CHANGE: RefCell<Option<Sender<AwsCall>>>;
}

/// How far work went.
#[derive(Debug, PartialEq)]
pub(crate) enum Reached<T> {
    /// A call that isn't a read, as it is shown.
    Change(Value),
    /// Its end.
    End(T),
}

/// Does `work` as far as it changes nothing. At the first call that isn't a read it is dropped.
pub(crate) async fn up_to_first_change<T>(work: impl Future<Output = T>) -> Reached<T> {
    let (sender, mut first) = channel::<AwsCall>();
    let reached = async {
        select! {
            biased;
            Ok(call) = &mut first => Reached::Change(call.shown()),
            // It may have given up on a call that never ended.
            done = work => first.try_recv().map_or(Reached::End(done), |call| Reached::Change(call.shown())),
        }
    };
    FIRST_CHANGE.scope(RefCell::new(Some(sender)), reached).await
}

/// What a connector returns in the place of sending `request`, if nothing is to be changed and that isn't a read: a call without an end.
pub(crate) fn instead_of(request: &HttpRequest) -> Option<HttpConnectorFuture> {
    let is_stopped = FIRST_CHANGE.try_with(|first| {
        let call = AwsCall::of(request);
        let is_stopped = !call.is_read;
        if is_stopped && let Some(first) = first.take() {
            // Whoever waits for it is the task around this one.
            let _ = first.send(call);
        }
        is_stopped
    });
    is_stopped.is_ok_and(|is_stopped| is_stopped).then(|| HttpConnectorFuture::new(pending()))
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, time::Duration};

    use aws_smithy_types::body::SdkBody;
    use serde_json::json;

    use super::*;

    /// Whether a call of that operation is sent. One that isn't never ends.
    async fn sent(operation: &str) -> bool {
        let mut request = HttpRequest::new(SdkBody::from("{}"));
        request.set_uri("https://any.amazonaws.com/").unwrap();
        request.headers_mut().insert("x-amz-target", format!("Any.{operation}"));
        match instead_of(&request) {
            Some(call) => call.await.is_ok(),
            None => true,
        }
    }

    #[tokio::test]
    async fn reads_are_sent_and_the_first_other_call_ends_the_work() {
        let went = Cell::new(0);
        let work = async {
            for operation in ["ListThings", "GetThing", "TagThing", "DeleteThing"] {
                assert!(sent(operation).await);
                went.set(went.get() + 1);
            }
        };
        let shown = json!({"Service": "any", "Operation": "TagThing", "Parameters": {}});
        assert_eq!(up_to_first_change(work).await, Reached::Change(shown));
        assert_eq!(went.get(), 2);
    }

    #[tokio::test]
    async fn work_that_only_reads_ends() {
        assert_eq!(up_to_first_change(async { sent("ListThings").await }).await, Reached::End(true));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_gives_a_change_up_ends_with_that_change() {
        let impatient = async { tokio::time::timeout(Duration::ZERO, sent("TagThing")).await.is_ok() };
        assert!(matches!(up_to_first_change(impatient).await, Reached::Change(_)));
        let both = async { tokio::join!(sent("GetThing"), sent("TagThing"), sent("DeleteThing")) };
        let Reached::Change(shown) = up_to_first_change(both).await else { panic!("all were sent") };
        assert_eq!(shown["Operation"], "TagThing");
    }

    #[tokio::test]
    async fn work_that_is_no_plan_is_stopped_by_nothing() {
        assert!(sent("DeleteThing").await);
    }
}
