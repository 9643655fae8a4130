//! A share and its associations, which take their time to come and to go.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

/// How long RAM takes at most to change a status, in milliseconds.
const LONGEST: u64 = 1000;
/// How long RAM lists what is gone.
const LINGERS_FOR: Duration = Duration::from_mins(1);

/// What can't be associated ends so: each of its associations is FAILED in the end.
pub const FAILING: &str = "ffffffff";
/// What can be associated with a share at the second try ends so.
pub const HESITANT: &str = "eeeeeeee";

/// A status until its time has come, and the one after it.
#[derive(Clone, Debug)]
struct Passage {
    passing: &'static str,
    last: &'static str,
    until: Instant,
}

impl Passage {
    fn new(passing: &'static str, last: &'static str) -> Self {
        Self { passing, last, until: Instant::now() + Duration::from_millis(fastrand::u64(..LONGEST)) }
    }

    fn over(last: &'static str) -> Self {
        Self { passing: last, last, until: Instant::now() }
    }

    fn status(&self) -> &'static str {
        if self.until <= Instant::now() { self.last } else { self.passing }
    }

    fn is_forgotten(&self) -> bool {
        matches!(self.last, "DELETED" | "DISASSOCIATED") && self.until + LINGERS_FOR <= Instant::now()
    }
}

/// `PRINCIPAL` or `RESOURCE`, and which.
pub(super) type Entity = (&'static str, String);

#[derive(Clone, Debug)]
struct Association {
    entity: Entity,
    passage: Passage,
}

/// A share of this account.
#[derive(Clone, Debug)]
pub struct Share {
    /// Its name.
    pub name: String,
    /// Its tags by key.
    pub tags: BTreeMap<String, String>,
    pub(super) is_open: bool,
    passage: Passage,
    /// Of one entity, the last counts.
    associations: Vec<Association>,
}

impl Share {
    pub(super) fn new(name: &str, is_open: bool, tags: BTreeMap<String, String>) -> Self {
        let passage = Passage::new("PENDING", "ACTIVE");
        Self { name: name.to_owned(), tags, is_open, passage, associations: Vec::new() }
    }

    /// One that was always there, with what is associated with it.
    pub(super) fn of_old(name: &str, entities: &[Entity], tags: BTreeMap<String, String>) -> Self {
        let mut share = Self { passage: Passage::over("ACTIVE"), ..Self::new(name, false, tags) };
        for entity in entities {
            share.have(entity.clone());
        }
        share
    }

    /// Has it be associated without a wait.
    pub(super) fn have(&mut self, entity: Entity) {
        self.associations.push(Association { entity, passage: Passage::over("ASSOCIATED") });
    }

    /// `ACTIVE`, or what else RAM says of it.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.passage.status()
    }

    /// How each subnet's ARN and each principal stands to it. Without those that never came or have gone.
    #[must_use]
    pub fn present(&self) -> BTreeMap<&str, &'static str> {
        let listed = self.associations.iter().map(|it| (it.entity.1.as_str(), it.passage.status()));
        let last: BTreeMap<_, _> = listed.collect();
        last.into_iter().filter(|(_, status)| !matches!(*status, "FAILED" | "DISASSOCIATED")).collect()
    }

    /// What is there already is there once.
    pub(super) fn associate(&mut self, entities: &[Entity]) -> Result<(), &'static str> {
        let status = |entity: &Entity| self.present().get(entity.1.as_str()).copied();
        if entities.iter().any(|entity| status(entity) == Some("DISASSOCIATING")) {
            return Err("InvalidStateTransitionException");
        }
        let missing: Vec<_> = entities.iter().filter(|entity| status(entity).is_none()).cloned().collect();
        for entity in missing {
            let is_first = !self.associations.iter().any(|known| known.entity == entity);
            let fails = entity.1.ends_with(FAILING) || is_first && entity.1.ends_with(HESITANT);
            let passage = Passage::new("ASSOCIATING", if fails { "FAILED" } else { "ASSOCIATED" });
            self.associations.push(Association { entity, passage });
        }
        Ok(())
    }

    pub(super) fn disassociate(&mut self, entities: &[Entity]) -> Result<(), &'static str> {
        let mut leaving = Vec::new();
        for entity in entities {
            let last = self.associations.iter().rposition(|it| it.entity == *entity);
            let last = last.ok_or("UnknownResourceException")?;
            match self.associations[last].passage.status() {
                "DISASSOCIATED" => return Err("UnknownResourceException"),
                "ASSOCIATING" | "DISASSOCIATING" => return Err("InvalidStateTransitionException"),
                "FAILED" => leaving.push((last, Passage::over("DISASSOCIATED"))),
                _ => leaving.push((last, Passage::new("DISASSOCIATING", "DISASSOCIATED"))),
            }
        }
        for (index, passage) in leaving {
            self.associations[index].passage = passage;
        }
        Ok(())
    }

    pub(super) fn delete(&mut self) -> Result<(), &'static str> {
        if self.present().values().any(|status| *status == "ASSOCIATING") {
            return Err("InvalidStateTransitionException");
        }
        for association in self.associations.iter_mut().filter(|it| it.passage.last == "ASSOCIATED") {
            association.passage = Passage::new("DISASSOCIATING", "DISASSOCIATED");
        }
        self.passage = Passage::new("DELETING", "DELETED");
        Ok(())
    }

    pub(super) fn is_forgotten(&self) -> bool {
        self.passage.is_forgotten()
    }

    /// As RAM lists it.
    pub(super) fn described(&self, arn: &str) -> Value {
        let tags: Vec<_> = self.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        json!({
            "resourceShareArn": arn,
            "name": self.name,
            "allowExternalPrincipals": self.is_open,
            "status": self.status(),
            "tags": tags,
        })
    }

    /// Its associations of a kind, as RAM lists them.
    pub(super) fn associations(&self, kind: &str) -> Vec<Value> {
        let listed = self.associations.iter().filter(|it| it.entity.0 == kind && !it.passage.is_forgotten());
        let described = |it: &Association| {
            json!({
                "associatedEntity": it.entity.1,
                "associationType": kind,
                "status": it.passage.status(),
                "external": false,
            })
        };
        listed.map(described).collect()
    }
}
