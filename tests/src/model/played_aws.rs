//! What one resource type works on.

use std::fmt::Debug;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::weather::Weather;
use crate::cloudformation::Live;

/// Properties that a template may have.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The properties.
    pub properties: Value,
    /// The same for properties between which nothing has to be changed.
    pub meaning: &'static str,
}

/// Something in AWS that carries a mark.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    /// Ten hexadecimal digits that say whose it is.
    pub mark: String,
    /// Its physical id, or the name by which people know it.
    pub id: String,
}

/// A part of AWS in memory, and a resource type that works on it.
pub trait PlayedAws: Debug {
    /// The type.
    type Resource: custom_resource::Resource;
    /// Its name in a template.
    const TYPE: &'static str;
    /// Whether a request that is at work while CloudFormation cancels it is kept from doing anything beside the next one: at once,
    /// since its writes are under a lease. Others stop at their next look at AWS.
    const STOPS_WHEN_OVERTAKEN: bool;
    /// The calls that a request costs which comes after a later one. None of them changes anything but tables.
    const COST_OF_LATE_REQUESTS: &'static [&'static str] = &["UpdateItem"];
    /// The call that an Update makes as well if it would replace what there is.
    const READ_BEFORE_REPLACEMENT: Option<&'static str> = None;
    /// Whether the properties alone say what a Delete has to take away. One in the place of a rollback that failed has those
    /// of the update, and can't know what was there before.
    const DELETES_BY_PROPERTIES: bool = false;
    /// Whether a process knows something of the requests before, so that each life has to begin with one that doesn't.
    const REMEMBERS: bool = false;

    /// What a template may say of it; some of it is refused.
    fn wishes() -> Vec<Wish>;

    /// The one of all lives, in that weather.
    fn new(weather: Arc<Weather>) -> Self;

    /// Makes it what it was before anything of ours was there. To make another one would take longer than a life: clients of
    /// the SDK are slow to build.
    fn begin(&self);

    /// A process of the function.
    fn process(&self) -> Self::Resource;

    /// All that isn't of a claim with one of these marks, to the byte.
    fn foreign(&self, marks: &[String]) -> String;

    /// All that is.
    fn ours(&self, marks: &[String]) -> Vec<Thing>;

    /// Whether what has that id may still come to be: somebody else was asked to make it, and nobody could take that back.
    fn may_appear(&self, _id: &str) -> bool {
        false
    }

    /// Whether all is as the template says.
    ///
    /// # Errors
    /// What differs.
    fn check(&self, live: &Live, mark: &str) -> Result<(), String>;

    /// Whether all is as it should be once a Delete with these properties has succeeded: for types of which something
    /// is left to people then. From now on that isn't `ours`.
    ///
    /// # Errors
    /// What differs.
    fn check_deleted(&self, _last: &Map<String, Value>, _mark: &str) -> Result<(), String> {
        Ok(())
    }

    /// Whether what a plan showed in a way of its own has come true by a request that succeeded.
    ///
    /// # Errors
    /// What differs.
    fn check_plan(&self, plan: &Value) -> Result<(), String> {
        Err(format!("nobody knows how {plan} comes true"))
    }

    /// Others stop to use what is ours, so that all of it can be deleted.
    fn others_leave(&self) {}

    /// Whether nothing is under way any more once all is deleted.
    ///
    /// # Errors
    /// What is.
    fn check_end(&self) -> Result<(), String> {
        Ok(())
    }
}
