//! Organizations: the root, OUs, what their tags are, and what may be done with them.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/Welcome.html>

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::http::Service;

/// The id of the root.
pub const ROOT: &str = "r-ab12";

/// An OU.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// The OU or the root that it is in.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// Its tags by key.
    pub tags: BTreeMap<String, String>,
}

/// An organization.
#[derive(Debug, Default)]
pub struct Organizations {
    units: Mutex<BTreeMap<String, Unit>>,
    made: AtomicU32,
}

impl Organizations {
    /// All OUs by their ids.
    pub fn units(&self) -> MutexGuard<'_, BTreeMap<String, Unit>> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes it an organization with nothing in it.
    pub fn begin(&self) {
        self.units().clear();
        self.made.store(0, Ordering::Relaxed);
    }

    /// Makes an OU, and returns its id.
    pub fn make(&self, parent: &str, name: &str, tags: &[(&str, &str)]) -> String {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let id = self.new_id();
        self.units().insert(id.clone(), Unit { parent: parent.to_owned(), name: name.to_owned(), tags });
        id
    }

    /// An id that was never used.
    fn new_id(&self) -> String {
        format!("ou-ab12-unit{:05}", self.made.fetch_add(1, Ordering::Relaxed))
    }
}

fn described(id: &str, unit: &Unit) -> Value {
    let arn = format!("arn:aws:organizations::111111111111:ou/o-exampleorgid/{id}");
    json!({ "Id": id, "Arn": arn, "Name": unit.name })
}

fn pairs(tags: &Value) -> impl Iterator<Item = (String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    tags.as_array().into_iter().flatten().map(move |tag| (text(&tag["Key"]), text(&tag["Value"])))
}

impl Service for Organizations {
    fn answer(&self, operation: &str, request: &Value, _: bool) -> Result<Value, &'static str> {
        let mut units = self.units();
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        let is_taken = |units: &BTreeMap<String, Unit>, id: &str, parent: &str, name: &str| {
            units.iter().any(|(other, unit)| other != id && unit.parent == parent && unit.name == name)
        };
        match operation {
            "ListRoots" => Ok(json!({ "Roots": [{ "Id": ROOT }] })),
            "ListOrganizationalUnitsForParent" => {
                let parent = text("ParentId");
                if parent != ROOT && !units.contains_key(parent) {
                    return Err("ParentNotFoundException");
                }
                let children = units.iter().filter(|(_, unit)| unit.parent == parent);
                let children: Vec<_> = children.map(|(id, unit)| described(id, unit)).collect();
                Ok(json!({ "OrganizationalUnits": children }))
            }
            "ListAccountsForParent" => Ok(json!({ "Accounts": [] })),
            "DescribeOrganizationalUnit" => {
                let id = text("OrganizationalUnitId");
                let unit = units.get(id).ok_or("OrganizationalUnitNotFoundException")?;
                Ok(json!({ "OrganizationalUnit": described(id, unit) }))
            }
            "ListParents" => {
                let unit = units.get(text("ChildId")).ok_or("ChildNotFoundException")?;
                let kind = if unit.parent == ROOT { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
                Ok(json!({ "Parents": [{ "Id": unit.parent, "Type": kind }] }))
            }
            "CreateOrganizationalUnit" => {
                let (parent, name) = (text("ParentId"), text("Name"));
                if parent != ROOT && !units.contains_key(parent) {
                    return Err("ParentNotFoundException");
                }
                if is_taken(&units, "", parent, name) {
                    return Err("DuplicateOrganizationalUnitException");
                }
                let tags = pairs(&request["Tags"]).collect();
                let unit = Unit { parent: parent.to_owned(), name: name.to_owned(), tags };
                let id = self.new_id();
                units.insert(id.clone(), unit.clone());
                Ok(json!({ "OrganizationalUnit": described(&id, &unit) }))
            }
            "UpdateOrganizationalUnit" => {
                let (id, name) = (text("OrganizationalUnitId"), text("Name"));
                let parent = units.get(id).ok_or("OrganizationalUnitNotFoundException")?.parent.clone();
                if is_taken(&units, id, &parent, name) {
                    return Err("DuplicateOrganizationalUnitException");
                }
                let unit = units.get_mut(id).ok_or("OrganizationalUnitNotFoundException")?;
                name.clone_into(&mut unit.name);
                Ok(json!({ "OrganizationalUnit": described(id, unit) }))
            }
            "DeleteOrganizationalUnit" => {
                let id = text("OrganizationalUnitId");
                if units.values().any(|unit| unit.parent == id) {
                    return Err("OrganizationalUnitNotEmptyException");
                }
                units.remove(id).map(|_| json!({})).ok_or("OrganizationalUnitNotFoundException")
            }
            "ListTagsForResource" => {
                let unit = units.get(text("ResourceId")).ok_or("TargetNotFoundException")?;
                let tags: Vec<_> = unit.tags.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect();
                Ok(json!({ "Tags": tags }))
            }
            "TagResource" => {
                let unit = units.get_mut(text("ResourceId")).ok_or("TargetNotFoundException")?;
                unit.tags.extend(pairs(&request["Tags"]));
                Ok(json!({}))
            }
            "UntagResource" => {
                let unit = units.get_mut(text("ResourceId")).ok_or("TargetNotFoundException")?;
                let gone = request["TagKeys"].as_array().into_iter().flatten();
                gone.filter_map(Value::as_str).for_each(|key| drop(unit.tags.remove(key)));
                Ok(json!({}))
            }
            other => panic!("Organizations can't be asked for {other}"),
        }
    }
}
