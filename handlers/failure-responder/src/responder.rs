//! A batch of the queue in, the messages that are to come again out.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use std::convert::Infallible;

use archipelago::METRICS_NAMESPACE;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use custom_resource::{Clock, FallbackResponder};
use futures_util::future::join_all;
use lambda_runtime::LambdaEvent;

use crate::record::Record;

/// Answers what the records of a batch are about.
pub(crate) struct Responder {
    fallback: FallbackResponder,
}

impl Responder {
    pub(crate) fn from_environment() -> Result<Self, lambda_runtime::Error> {
        Ok(Self { fallback: FallbackResponder::from_environment()?.metrics(METRICS_NAMESPACE) })
    }

    /// Never an error: the whole batch would come again, with what is answered.
    pub(crate) async fn handle(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Infallible> {
        let clock = Clock::of(&event.context);
        let messages = event.payload.records.into_iter().map(|message| self.answer(message, clock));
        let mut again = SqsBatchResponse::default();
        again.batch_item_failures = join_all(messages).await.into_iter().flatten().collect();
        Ok(again)
    }

    /// Returns the message if it is to come again.
    async fn answer(&self, message: SqsMessage, clock: Clock) -> Option<BatchItemFailure> {
        let body = message.body.unwrap_or_default();
        let Some(record) = Record::read(&body) else {
            // Not quoted: whatever it is, it may hold what nobody is to read. The queue keeps it for a person.
            tracing::error!(
                message = message.message_id,
                "no record of a failed invocation, so nobody can be answered"
            );
            return Some(again(message.message_id));
        };
        let failure = record.failure();
        if let Some(asked) = record.unawaited() {
            // The alarm on the function's errors has told that it failed, and the next look finds what this one would have found.
            tracing::warn!(
                function = failure.function,
                invocation = record.request_id(),
                asked,
                reason = failure.reason,
                "nobody waits for what was stopped"
            );
            return None;
        }
        tracing::info!(function = failure.function, invocation = record.request_id(), "an invocation failed");
        self.fallback.fail(record.event, &failure, clock).await.err().map(|_| again(message.message_id))
    }
}

fn again(message_id: Option<String>) -> BatchItemFailure {
    let mut again = BatchItemFailure::default();
    again.item_identifier = message_id.unwrap_or_default();
    again
}
