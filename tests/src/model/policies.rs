//! The services that keep policies: ECR, KMS, S3 and IAM. Each policy is kept to the byte.

mod ecr;
mod iam;
mod kms;
mod s3;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

pub use ecr::Ecr;
pub use iam::{InlinePolicies, TrustPolicies};
pub use kms::Kms;
pub use s3::S3;

use super::dynamodb::DynamoDb;
use super::history::History;
use super::http::{Refusal, Service};

/// An account with a role that never is.
pub const UNKNOWN: &str = "444444444444";

/// The name at the end of a role's ARN that was made a moment ago.
pub const FRESH_ROLE: &str = "role/fresh";

/// How long services don't know it, from when the first of them is told of it.
const KNOWN_AFTER: Duration = Duration::from_secs(2);

/// The documents by what they belong to, `None` where something has none.
pub type Documents = BTreeMap<String, Option<String>>;

/// What a service refuses, in its codes, and how many characters it takes.
struct Codes {
    no_target: &'static str,
    no_policy: &'static str,
    principal: &'static str,
    size: &'static str,
    most: usize,
}

impl Codes {
    /// Whether a policy is too large. White space isn't counted.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
    fn is_too_large(&self, policy: &str) -> bool {
        size(policy) > self.most
    }
}

fn size(policy: &str) -> usize {
    policy.chars().filter(|c| !c.is_whitespace()).count()
}

/// The principal in a policy that no service knows.
fn unknown_in(policy: &str) -> &str {
    let names = policy.split('"').find(|name| name.contains(UNKNOWN) || name.contains(FRESH_ROLE));
    names.unwrap_or_default()
}

/// All policies of one service.
#[derive(Debug, Default)]
pub struct PlayedPolicies(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    documents: History<Documents>,
    fresh_since: Option<Instant>,
}

impl PlayedPolicies {
    /// Makes these the policies.
    pub fn begin(&self, documents: Documents) {
        *self.lock() = Kept { documents: History::of(documents), fresh_since: None };
    }

    /// The policies as they are.
    pub fn documents(&self) -> Documents {
        self.lock().documents.now().clone()
    }

    fn read<A: PartialEq>(&self, stale: bool, ask: impl Fn(&Documents) -> A) -> A {
        self.lock().documents.read(stale, |documents| ask(documents))
    }

    fn get(&self, target: &str, stale: bool, codes: &Codes) -> Result<String, &'static str> {
        let get = |documents: &Documents| documents.get(target).ok_or(codes.no_target)?.clone().ok_or(codes.no_policy);
        self.read(stale, get)
    }

    fn has(&self, target: &str, stale: bool) -> bool {
        self.read(stale, |documents| documents.contains_key(target))
    }

    fn put(&self, target: &str, text: &str, codes: &Codes) -> Result<Value, &'static str> {
        if codes.is_too_large(text) {
            return Err(codes.size);
        }
        let kept = &mut *self.lock();
        let is_unknown_yet = text.contains(FRESH_ROLE) && {
            let now = Instant::now();
            now < *kept.fresh_since.get_or_insert(now) + KNOWN_AFTER
        };
        if is_unknown_yet || text.contains(UNKNOWN) {
            return Err(codes.principal);
        }
        kept.replace(target, Some(text), codes)
    }

    fn delete(&self, target: &str, codes: &Codes) -> Result<Value, &'static str> {
        let kept = &mut *self.lock();
        if kept.documents.now().get(target).is_some_and(Option::is_none) {
            return Err(codes.no_policy);
        }
        kept.replace(target, None, codes)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn replace(&mut self, target: &str, document: Option<&str>, codes: &Codes) -> Result<Value, &'static str> {
        *self.documents.write().get_mut(target).ok_or(codes.no_target)? = document.map(str::to_owned);
        Ok(json!({}))
    }
}

/// All that a statement type calls: the service that keeps the policies, the table of leases, and STS.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) policies: Box<dyn Service>,
    pub(super) leases: DynamoDb,
}

impl Service for Called {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        self.answer_or_refusal(operation, request, stale).map_err(|refusal| refusal.code)
    }

    fn answer_or_refusal(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, Refusal> {
        match operation {
            "AssumeRole" => Ok(json!({ "Credentials": {
                "AccessKeyId": "assumed",
                "SecretAccessKey": "secret",
                "SessionToken": "token",
                "Expiration": "2100-01-01T00:00:00Z",
            } })),
            _ if DynamoDb::has(operation) => self.leases.answer_or_refusal(operation, request, stale),
            _ => self.policies.answer_or_refusal(operation, request, stale),
        }
    }
}

fn text<'a>(request: &'a Value, name: &str) -> &'a str {
    request[name].as_str().unwrap_or_default()
}
