//! What a handler implements.

use std::{fmt::Display, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Claim, FunctionArn, LeftBehind, Result, Work};

/// One kind of custom resource.
///
/// All verbs read what is there before they change it. They may be dropped at any `.await` and run again from the start:
/// CloudFormation delivers an event twice, a Create may follow its own lost answer, and a Delete may overtake the
/// Create that it takes back.
#[expect(async_fn_in_trait, reason = "one event at a time on a current-thread runtime: nothing has to be Send")]
pub trait Resource {
    /// What the template says: a struct, as a rule, with `#[serde(rename_all = "PascalCase")]`, or `()` if there are no properties.
    ///
    /// CloudFormation sends every scalar as a string: `"3"` is read as a number where the type has one, `"true"` as a boolean. A name
    /// that the type doesn't have is refused, and the one that is most like it is suggested. A refusal starts with the path of the
    /// property and never quotes its value; what a type's own `FromStr` or `TryFrom` says is shown as it is, so it must not
    /// quote the value either.
    ///
    /// Enums are read as serde writes them by default (`Public`, or `{"Port": 80}`), and with
    /// `#[serde(tag = "Type", content = "Settings")]`. What serde reads into a buffer first can't be read with these rules:
    /// `#[serde(flatten)]`, `#[serde(untagged)]`, and `#[serde(tag = "Type")]` without `content`. The first event that has such a property is
    /// answered FAILED with that sentence, whatever its value, so a test of one event shows it. Write the fields out, or read a
    /// `serde_json::Value` with `#[serde(try_from = "serde_json::Value")]`.
    type Properties: DeserializeOwned;
    /// What `!Ref` reads. A text that doesn't parse was never an id of this type: CloudFormation invents ids.
    type Id: FromStr + Display + Clone;
    /// What `!GetAtt` reads; serialises as an object, with the same names each time. Numbers and booleans in it are answered as
    /// strings.
    type Attributes: Serialize;

    /// Whether the resource itself does nothing for a request that is older than another one for the same resource, with a
    /// [`RequestNote`](crate::request_note::RequestNote) of its own. Otherwise the lifecycle asks the table of requests before each try.
    const KEEPS_ORDER: bool = false;

    /// Makes a call to each service that every request needs, before the first one. It goes as far as to the connection:
    /// nothing of it is sent, and it ends with an error that says nothing.
    async fn warm_up(&self) {}

    /// Makes things as `desired` says, whatever they are now, and holds the id as soon as the thing exists.
    ///
    /// `previous` is what the template said before; `None` on Create, and where it can't be read any more.
    async fn ensure(
        &self,
        desired: &Self::Properties,
        previous: Option<&Self::Properties>,
        claim: &Claim<Self::Id>,
    ) -> Result<Self::Attributes>;

    /// Makes things as if this claim had never been. Nothing left is success.
    ///
    /// `last` is what the template said last, where it can be read: a Delete is never refused for its properties.
    /// Without `claim.id()` there may still be a thing that carries the owner's mark.
    async fn remove(&self, last: Option<&Self::Properties>, claim: &Claim<Self::Id>) -> Result<()>;

    /// Takes back what a replacement made that CloudFormation cancelled: a thing beside the one that the claim holds, as
    /// `cancelled` said it and `desired` doesn't. Nobody else would, since CloudFormation never learned its id.
    ///
    /// It is called after `ensure` in an Update that ends at the id that CloudFormation knows. (At another id it is that Update which
    /// replaces, and CloudFormation cleans up.) Where `cancelled` means the thing itself there is nothing to do, and so for
    /// types whose updates never replace.
    ///
    /// A rollback doesn't fail because AWS refuses this, unless [`LeftBehind::is_there`] was called.
    ///
    /// # Errors
    /// What AWS said.
    async fn take_back(
        &self,
        cancelled: &Self::Properties,
        desired: &Self::Properties,
        left: &LeftBehind,
        claim: &Claim<Self::Id>,
    ) -> Result<()> {
        let _ = (cancelled, desired, left, claim);
        Ok(())
    }

    /// Takes back what still waits to be done for the claim, before CloudFormation is answered FAILED: what is left may come to pass
    /// after the answer.
    async fn give_up(&self, claim: &Claim<Self::Id>) {
        let _ = claim;
    }

    /// Does what has to be done after a try that ended, whatever its end, and that nobody has to wait for. It runs while the answer is
    /// on its way, and may be lost with the process. After an event that is no request of CloudFormation the invocation waits for it.
    async fn settle(&self) {}

    /// Says what `work` would do, and does nothing, as an administrator asks by an event with the `RequestType` `Plan`. `unknown` has the paths of
    /// values that the deployment itself makes: [`KNOWN_AFTER_APPLY`](crate::KNOWN_AFTER_APPLY) stands in their places.
    ///
    /// `None`, the default: `ensure` or `remove` runs, its calls of AWS that only read are made, and the first other one is shown. So a
    /// type whose changes are no calls of clients that are made of the [`SdkConfig`](crate::SdkConfig) needs a plan of its own.
    ///
    /// # Errors
    /// What the stack would be told.
    async fn plan(
        &self,
        work: &Work<Self::Properties>,
        unknown: &[String],
        claim: &Claim<Self::Id>,
    ) -> Option<Result<Value>> {
        let _ = (work, unknown, claim);
        None
    }

    /// Answers an event that is no request of CloudFormation, since it has no `ResponseURL`: an administrator's question, a schedule, or what
    /// EventBridge has seen. The answer is what the invocation of `function` returns; an error is returned as `{"Error": "<sentence>"}`, and
    /// fails no invocation. `None`, the default: it isn't for this type, and nothing is done.
    ///
    /// It may be dropped at any `.await`, when the function's time ends. [`Server::admit_other`](crate::Server::admit_other) says who may ask.
    async fn other_event(&self, event: &Value, function: &FunctionArn) -> Option<Result<Value>> {
        let _ = (event, function);
        None
    }
}
