//! Lambda, as far as aliases go: what each one points at, how its events end, and who may invoke the function by it.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html>

mod policy;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

pub use policy::Policy;
use policy::{CONFLICT, NOT_FOUND, text};

use super::history::History;
use super::http::Service;

/// How an alias ends that is made after a while for the calls that are made with its name as a qualifier.
pub const HESITANT: &str = "999";

/// How long that takes.
const KNOWN_IN: Duration = Duration::from_secs(1);

/// A function's name, and that of an alias of it.
pub type Place = (String, String);

/// An alias.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// The version that it points at.
    pub version: String,
    known_at: Instant,
}

/// What there is of aliases. Settings and policies without an alias are what it left behind.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    functions: Vec<&'static str>,
    /// The aliases.
    pub aliases: BTreeMap<Place, Alias>,
    /// How events end that come by them.
    pub events: BTreeMap<Place, Value>,
    /// Who may invoke a function by them.
    pub policies: BTreeMap<Place, Policy>,
    written: u32,
}

/// The functions of an account.
#[derive(Debug, Default)]
pub struct Lambda(Mutex<History<Contents>>);

impl Lambda {
    /// Makes it functions without aliases.
    pub fn begin(&self, functions: &[&'static str]) {
        *self.lock() = History::of(Contents { functions: functions.to_vec(), ..Contents::default() });
    }

    /// Gives a function an alias that was always there, with those settings and that policy.
    pub fn have(&self, place: &Place, version: &str, events: Value, statements: Vec<Value>) {
        let mut kept = self.lock();
        let contents = kept.origin();
        let alias = Alias { version: version.to_owned(), known_at: Instant::now() };
        contents.aliases.insert(place.clone(), alias);
        contents.events.insert(place.clone(), events);
        contents.policies.insert(place.clone(), Policy { statements, revision: String::new() });
    }

    /// What there is.
    #[must_use]
    pub fn contents(&self) -> Contents {
        self.lock().now().clone()
    }

    fn lock(&self) -> MutexGuard<'_, History<Contents>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The function and the alias that a request is about.
fn place(request: &Value) -> Place {
    let arn: Vec<_> = text(request, "ResourceArn").split(':').collect();
    if let [.., function, alias] = arn[..] {
        return (function.to_owned(), alias.to_owned());
    }
    let alias = [text(request, "Name"), text(request, "Qualifier")].concat();
    (text(request, "FunctionName").to_owned(), alias)
}

impl Contents {
    fn ask(&mut self, operation: &str, request: &Value) -> Result<Value, &'static str> {
        let place = place(request);
        if !self.functions.iter().any(|function| *function == place.0) {
            return Err(NOT_FOUND);
        }
        self.written += 1;
        let now = Instant::now();
        match operation {
            "CreateAlias" if self.aliases.contains_key(&place) => return Err(CONFLICT),
            "CreateAlias" => {
                let known_at = if place.1.ends_with(HESITANT) { now + KNOWN_IN } else { now };
                let alias = Alias { version: text(request, "FunctionVersion").to_owned(), known_at };
                self.aliases.insert(place, alias);
                return Ok(json!({}));
            }
            _ => {}
        }
        let alias = self.aliases.get_mut(&place).ok_or(NOT_FOUND)?;
        match operation {
            "GetAlias" => return Ok(json!({ "Name": place.1, "FunctionVersion": alias.version })),
            "UpdateAlias" => {
                text(request, "FunctionVersion").clone_into(&mut alias.version);
                return Ok(json!({}));
            }
            "DeleteAlias" => {
                self.aliases.remove(&place);
                return Ok(json!({}));
            }
            _ if now < alias.known_at => return Err(NOT_FOUND),
            "PutFunctionEventInvokeConfig" => {
                let names = ["MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"];
                let settings = names.map(|name| (name, request[name].clone()));
                self.events.insert(place, settings.into_iter().collect());
                return Ok(json!({}));
            }
            "DeleteFunctionEventInvokeConfig" => {
                return self.events.remove(&place).map(|_| json!({})).ok_or(NOT_FOUND);
            }
            _ => {}
        }
        let revision = format!("revision-{}", self.written);
        let policy = self.policies.remove(&place);
        let (policy, answer) = policy::ask(operation, request, policy, &revision);
        self.policies.extend(policy.map(|policy| (place, policy)));
        answer
    }
}

impl Service for Lambda {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        self.lock().answer(operation, stale, |contents| contents.ask(operation, request))
    }
}

#[cfg(test)]
mod tests;
