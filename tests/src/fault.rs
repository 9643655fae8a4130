//! What can go wrong with a call, whether the service behind it is played or real.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Headers, Reply};

/// What a call is delayed by: a while, or a condition.
pub type Pending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What goes wrong with a call.
#[derive(Default)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It has no effect, and this is the reply.
    Before(Reply),
    /// It has its effect, and this is the reply all the same.
    After(Reply),
    /// It reaches the service once this is over.
    Delayed(Pending),
    /// It has its effect at once, and is answered once this is over.
    Late(Pending),
    /// It is answered as the same call was answered before; without such a call nothing goes wrong.
    Stale,
    /// It is answered as the same call was answered first within this time; without such a call nothing goes wrong.
    Lagging(Duration),
    /// It has its effect, and this is done to the answer's JSON.
    Rewritten(Box<dyn FnOnce(&mut Value) + Send>),
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Before(reply) => f.debug_tuple("Before").field(reply).finish(),
            Self::After(reply) => f.debug_tuple("After").field(reply).finish(),
            Self::Delayed(_) => f.write_str("Delayed(..)"),
            Self::Late(_) => f.write_str("Late(..)"),
            Self::Stale => f.write_str("Stale"),
            Self::Lagging(lag) => f.debug_tuple("Lagging").field(lag).finish(),
            Self::Rewritten(_) => f.write_str("Rewritten(..)"),
        }
    }
}

impl Fault {
    /// Delays the call on its way to the service, as by `tokio::time::sleep`.
    pub fn delayed(pending: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::Delayed(Box::pin(pending))
    }

    /// Delays the answer.
    pub fn late(pending: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::Late(Box::pin(pending))
    }

    /// Does `change` to the answer's JSON.
    pub fn rewritten(change: impl FnOnce(&mut Value) + Send + 'static) -> Self {
        Self::Rewritten(Box::new(change))
    }

    /// The reply to a call, whose effect happens when `effect` is awaited; `earlier` is the reply to the same call before.
    pub(crate) async fn meet(self, effect: impl Future<Output = Reply>, earlier: Option<Reply>) -> Reply {
        match self {
            Self::None => effect.await,
            Self::Before(reply) => reply,
            Self::After(reply) => {
                effect.await;
                reply
            }
            Self::Delayed(pending) => {
                pending.await;
                effect.await
            }
            Self::Late(pending) => {
                let reply = effect.await;
                pending.await;
                reply
            }
            Self::Stale | Self::Lagging(_) => match earlier {
                Some(reply) => reply,
                None => effect.await,
            },
            Self::Rewritten(change) => rewritten(effect.await, change),
        }
    }
}

fn rewritten(reply: Reply, change: impl FnOnce(&mut Value)) -> Reply {
    let Reply::Http(status, Headers(mut headers), body) = reply else { return reply };
    let mut json = serde_json::from_slice(&body)
        .unwrap_or_else(|_| panic!("only JSON can be rewritten, not `{}`", String::from_utf8_lossy(&body)));
    change(&mut json);
    headers.retain(|(name, _)| name != "content-length" && name != "x-amz-crc32");
    Reply::Http(status, Headers(headers), json.to_string().into_bytes())
}

/// An error as the JSON protocols of AWS write it.
#[must_use]
pub fn error(code: &str, message: &str) -> Reply {
    let headers = Headers::of([
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("x-amzn-requestid", "00000000-0000-4000-a000-000000000000".to_owned()),
    ]);
    let body = json!({ "__type": code, "message": message });
    Reply::Http(400, headers, body.to_string().into_bytes())
}
