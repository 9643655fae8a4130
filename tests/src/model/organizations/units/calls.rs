//! What Organizations answers about units.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::contents::{Contents, pairs};
use super::super::ids::ROOT;
use super::{KNOWN_IN, Unit, described};

impl Contents {
    /// Makes an OU, and returns its id.
    pub fn make_unit(&mut self, parent: &str, name: &str, tags: &[(&str, &str)]) -> String {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.insert_unit(Unit { parent: parent.to_owned(), name: name.to_owned(), tags, known_at: Instant::now() })
    }

    /// Lets an OU be unknown as a parent until then, as one that was made a moment ago.
    pub fn know_unit(&mut self, id: &str, at: Instant) {
        if let Some(unit) = self.units.get_mut(id) {
            unit.known_at = at;
        }
    }

    /// Lets so many attempts to delete the OU of a name be told that it isn't empty: what was in it has left a moment ago.
    pub fn linger(&mut self, name: &str, times: usize) {
        self.lingering.insert(name.to_owned(), times);
    }

    fn insert_unit(&mut self, unit: Unit) -> String {
        let id = format!("ou-ab12-unit{:05}", self.number());
        self.units.insert(id.clone(), unit);
        id
    }

    /// Whether something can be in it.
    pub(in crate::model::organizations) fn is_parent(&self, id: &str) -> bool {
        id == ROOT || self.units.contains_key(id)
    }

    /// Whether what is made or moved can be put in it.
    pub(in crate::model::organizations) fn takes_children(&self, id: &str, now: Instant) -> bool {
        id == ROOT || self.units.get(id).is_some_and(|unit| unit.known_at <= now)
    }

    /// Whether an OU has the name already, be it the one that is to have it.
    fn is_taken(&self, parent: &str, name: &str) -> bool {
        self.units.values().any(|unit| unit.parent == parent && unit.name == name)
    }

    /// The answer to an operation on OUs; `None` if it is no such operation.
    pub(in crate::model::organizations) fn ask_of_units(
        &mut self,
        operation: &str,
        request: &Value,
        now: Instant,
    ) -> Option<Result<Value, &'static str>> {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        Some(match operation {
            "ListOrganizationalUnitsForParent" => self.units_in(text("ParentId")),
            "DescribeOrganizationalUnit" => {
                let id = text("OrganizationalUnitId");
                let unit = self.units.get(id).ok_or("OrganizationalUnitNotFoundException");
                unit.map(|unit| json!({ "OrganizationalUnit": described(id, unit) }))
            }
            "CreateOrganizationalUnit" => {
                let tags = pairs(&request["Tags"]).collect();
                let (parent, name, known_at) = (text("ParentId").to_owned(), text("Name").to_owned(), now + KNOWN_IN);
                self.create_unit(Unit { parent, name, tags, known_at }, now)
            }
            "UpdateOrganizationalUnit" => self.rename_unit(text("OrganizationalUnitId"), text("Name")),
            "DeleteOrganizationalUnit" => self.delete_unit(text("OrganizationalUnitId"), now),
            _ => return None,
        })
    }

    fn units_in(&self, parent: &str) -> Result<Value, &'static str> {
        if !self.is_parent(parent) {
            return Err("ParentNotFoundException");
        }
        let children = self.units.iter().filter(|(_, unit)| unit.parent == parent);
        let children: Vec<_> = children.map(|(id, unit)| described(id, unit)).collect();
        Ok(json!({ "OrganizationalUnits": children }))
    }

    fn create_unit(&mut self, unit: Unit, now: Instant) -> Result<Value, &'static str> {
        if !self.takes_children(&unit.parent, now) {
            return Err("ParentNotFoundException");
        }
        if self.is_taken(&unit.parent, &unit.name) {
            return Err("DuplicateOrganizationalUnitException");
        }
        let id = self.insert_unit(unit);
        Ok(json!({ "OrganizationalUnit": described(&id, &self.units[&id]) }))
    }

    fn rename_unit(&mut self, id: &str, name: &str) -> Result<Value, &'static str> {
        let parent = self.units.get(id).ok_or("OrganizationalUnitNotFoundException")?.parent.clone();
        if self.is_taken(&parent, name) {
            return Err("DuplicateOrganizationalUnitException");
        }
        let unit = self.units.get_mut(id).ok_or("OrganizationalUnitNotFoundException")?;
        name.clone_into(&mut unit.name);
        Ok(json!({ "OrganizationalUnit": described(id, unit) }))
    }

    fn delete_unit(&mut self, id: &str, now: Instant) -> Result<Value, &'static str> {
        let accounts = self.accounts.values().filter(|account| account.is_there(now));
        let mut parents = self.units.values().map(|unit| &unit.parent).chain(accounts.map(|account| &account.parent));
        if parents.any(|parent| parent == id) {
            return Err("OrganizationalUnitNotEmptyException");
        }
        let name = self.units.get(id).map(|unit| unit.name.as_str()).unwrap_or_default();
        if let Some(times) = self.lingering.get_mut(name).filter(|times| **times > 0) {
            *times -= 1;
            return Err("OrganizationalUnitNotEmptyException");
        }
        self.units.remove(id).map(|_| json!({})).ok_or("OrganizationalUnitNotFoundException")
    }
}
