//! Where answers are PUT: it notes when each was there.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use archipelago_tests::http::{Reply, Request, Server};
use rustls::ServerConfig;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::Failed;

/// Who isn't through by then won't be.
const PATIENCE: Duration = Duration::from_mins(5);

/// The host of the response URLs in `events/`.
const REAL: &str = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com";

/// When those URLs are no longer valid. By that a request was made two hours earlier, and one that is older than its
/// `ServiceTimeout` does nothing.
const EXPIRES: &str = "Expires=1790000000";
const VALID_FOR: Duration = Duration::from_hours(2);

/// A server that takes answers.
pub(crate) struct Answers {
    server: Server,
    put: UnboundedReceiver<(Instant, Vec<u8>)>,
}

impl Answers {
    /// Listens on a free port, with TLS if there is a configuration for it.
    pub(crate) async fn start(tls: Option<&Arc<ServerConfig>>) -> Self {
        let (sender, put) = unbounded_channel();
        let take = move |request: Request| {
            // Who measured is gone only at the end.
            let _ = sender.send((Instant::now(), request.body));
            async { Reply::status(200) }
        };
        Self { server: Server::listen(tls.cloned(), take).await, put }
    }

    /// What `RESPONSE_HOSTS` has to name.
    pub(crate) fn origin(&self) -> String {
        self.server.origin()
    }

    /// The event with its response URL here, as of a request that is made now.
    pub(crate) fn here(&self, event: &str) -> String {
        let expires = (SystemTime::now() + VALID_FOR).duration_since(UNIX_EPOCH).unwrap_or_default();
        event.replace(REAL, &self.origin()).replace(EXPIRES, &format!("Expires={}", expires.as_secs()))
    }

    /// When the next answer is there, and the id in it.
    pub(crate) async fn next(&mut self) -> Result<(Instant, String), Failed> {
        let (at, body) = tokio::time::timeout(PATIENCE, self.put.recv()).await?.ok_or("nobody answers any more")?;
        let answer: Value = serde_json::from_slice(&body)?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        // The failure responder has nothing else to say.
        let is_right = text("Status") == "SUCCESS" || text("Reason").contains("was stopped at its timeout");
        if is_right { Ok((at, text("PhysicalResourceId"))) } else { Err(text("Reason").into()) }
    }
}
