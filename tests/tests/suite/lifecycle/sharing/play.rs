//! Things of several types, what was there of them, and what has to be there as long as somebody uses them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::{Stack, template};
use super::things::Thing;

/// A user of each thing: the physical id of its resource, by the thing's name.
pub(super) type User = BTreeMap<&'static str, String>;

pub(super) struct Play {
    things: Vec<Thing>,
    /// What was there of each thing before its first user.
    before: Vec<Vec<Value>>,
    /// What its first user left there.
    there: Vec<Vec<Value>>,
}

impl Play {
    pub(super) async fn of(things: Vec<Thing>) -> Self {
        let mut play = Self { things, before: Vec::new(), there: Vec::new() };
        play.before = play.seen(&[]).await;
        play
    }

    /// What there is of each thing.
    async fn seen(&self, users: &[&User]) -> Vec<Vec<Value>> {
        let mut seen = Vec::new();
        for thing in &self.things {
            let ids: Vec<_> = users.iter().map(|user| user[thing.name].as_str()).collect();
            seen.push(thing.seen(&ids).await);
        }
        seen
    }

    /// The resources of a user, by their logical ids.
    pub(super) fn resources(&self, user: &str) -> Map<String, Value> {
        self.things.iter().map(|thing| (format!("{user}{}", thing.name), thing.resource())).collect()
    }

    /// A template in which these users use the things.
    pub(super) fn template(&self, users: &[&str]) -> Value {
        let resources: Map<_, _> = users.iter().flat_map(|user| self.resources(user)).collect();
        template(&Value::Object(resources), &[])
    }

    /// A user in a stack.
    pub(super) async fn user(&self, stack: &Stack, user: &str) -> User {
        let mut outputs = stack.aws.stack_outputs(&stack.id).await;
        let id = |thing: &Thing| (thing.name, outputs.remove(&format!("{user}{}", thing.name)).unwrap());
        self.things.iter().map(id).collect()
    }

    /// A stack with the first user, and who that is.
    pub(super) async fn begun_by(&mut self, user: &str, template: &Value) -> (Stack, User) {
        let stack = Stack::create(template, "CREATE_COMPLETE").await;
        let first = self.user(&stack, user).await;
        self.there = self.seen(&[&first]).await;
        for (thing, (there, before)) in self.things.iter().zip(self.there.iter().zip(&self.before)) {
            // What outlives its users may have outlived those of another test.
            assert!(thing.outlives || thing.is_older == (there == before), "{}: {there:?}", thing.name);
        }
        (stack, first)
    }

    /// Fails unless all is there as the first user left it, with these users and no other.
    pub(super) async fn is_there(&self, users: &[&User], when: &str) {
        for (thing, (seen, there)) in self.things.iter().zip(self.seen(users).await.iter().zip(&self.there)) {
            assert_eq!(seen, there, "{} {when}", thing.name);
        }
    }

    /// Fails unless all is as it was before the first user, but for what outlives its users.
    pub(super) async fn is_over(&self) {
        for (number, (thing, seen)) in self.things.iter().zip(self.seen(&[]).await).enumerate() {
            let left = if thing.outlives { &self.there } else { &self.before };
            assert_eq!(seen, left[number], "{} after its last user", thing.name);
        }
    }
}
