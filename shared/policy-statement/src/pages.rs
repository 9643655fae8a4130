//! Answers that go on in another one, where there is more than one invocation can say.

use std::time::Duration;

use custom_resource::{Error, Result};
use serde_json::Value;
use tokio::time::Instant;

/// Where the next answer begins, in an answer and in the event that asks for the next one.
pub(crate) const NEXT: &str = "Next";

/// How many policies are looked at at the same time.
pub(crate) const AT_ONCE: usize = 8;

/// How long an answer is worked on: AWS's command line asks again after a minute without one.
/// <https://docs.aws.amazon.com/cli/latest/reference/lambda/invoke.html>
const WITHIN: Duration = Duration::from_secs(25);

/// From where on, and how long, an answer is worked on.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    after: Option<&'a str>,
    ends: Instant,
}

impl<'a> Pages<'a> {
    /// As the event asks.
    ///
    /// # Errors
    /// Refused where it asks to begin at something that no answer said.
    pub(crate) fn of(event: &'a Value) -> Result<Self> {
        let after = match event.get(NEXT) {
            None | Some(Value::Null) => None,
            Some(Value::String(after)) if !after.is_empty() => Some(after.as_str()),
            Some(_) => return Err(Error::refused(format!("{NEXT} is what the answer before had as {NEXT}"))),
        };
        Ok(Self { after, ends: Instant::now() + WITHIN })
    }

    pub(crate) fn after(&self) -> Option<&'a str> {
        self.after
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        now >= self.ends
    }
}
