//! Accounts: asked for, made in a while, ready after another, moved and closed.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html>

mod calls;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::ids::{MANAGEMENT, ORGANIZATION};

/// How long an account takes to be made.
const MADE_IN: Duration = Duration::from_millis(1200);
/// How long its role is out of reach then.
const READY_IN: Duration = Duration::from_secs(2);
/// How long it is missing from lists then, though it is described.
const LISTED_IN: Duration = Duration::from_secs(3);
/// How long it takes to be closed.
const CLOSED_IN: Duration = Duration::from_secs(1);
/// How many are on a page.
const PAGE: usize = 2;

/// An account, perhaps one that is still being made.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The OU or the root that it is in.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// The root user's address.
    pub email: String,
    /// Its tags by key.
    pub tags: BTreeMap<String, String>,
    made_at: Instant,
    listed_at: Instant,
    ready_at: Instant,
    closed_at: Option<Instant>,
}

/// A request for an account, with the one that it makes or the reason why it makes none.
#[derive(Clone, Debug)]
pub(super) struct Request {
    id: String,
    name: String,
    makes: Result<String, &'static str>,
    ends_at: Instant,
}

impl Account {
    /// Whether it has been made.
    #[must_use]
    pub fn is_there(&self, now: Instant) -> bool {
        self.made_at <= now
    }

    /// Whether its role can be assumed.
    #[must_use]
    pub fn is_ready(&self, now: Instant) -> bool {
        self.ready_at <= now && self.state(now) == "ACTIVE"
    }

    /// Its state, by AWS's name.
    #[must_use]
    pub fn state(&self, now: Instant) -> &'static str {
        match self.closed_at {
            None => "ACTIVE",
            Some(closed_at) if now < closed_at => "PENDING_CLOSURE",
            Some(_) => "SUSPENDED",
        }
    }

    pub(super) fn described(&self, id: &str, now: Instant) -> Value {
        let arn = format!("arn:aws:organizations::{MANAGEMENT}:account/{ORGANIZATION}/{id}");
        json!({ "Id": id, "Arn": arn, "Name": self.name, "Email": self.email, "State": self.state(now) })
    }
}

impl Request {
    fn state(&self, now: Instant) -> &'static str {
        match self.makes {
            _ if now < self.ends_at => "IN_PROGRESS",
            Ok(_) => "SUCCEEDED",
            Err(_) => "FAILED",
        }
    }

    pub(super) fn described(&self, now: Instant) -> Value {
        let mut status = json!({ "Id": self.id, "AccountName": self.name, "State": self.state(now) });
        if now >= self.ends_at {
            match &self.makes {
                Ok(id) => status["AccountId"] = json!(id),
                Err(reason) => status["FailureReason"] = json!(reason),
            }
        }
        status
    }
}

/// A page of a list, by the number at which it begins.
fn page(name: &str, all: Vec<Value>, request: &Value) -> Value {
    let start = request["NextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
    let next = (start + PAGE < all.len()).then(|| (start + PAGE).to_string());
    let items: Vec<_> = all.into_iter().skip(start).take(PAGE).collect();
    json!({ name: items, "NextToken": next })
}
