//! Thousands of random lives of an OU, in which CloudFormation, Lambda and Organizations misbehave.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use archipelago_tests::{
    cloudformation::Live,
    model::{
        Matrix, PlayedAws, Scenario, Thing, Weather, Wish, configuration, late_requests_do_nothing, lives,
        organizations::{Contents, MANAGEMENT, ORGANIZATION, Organizations as Played, ROOT, Unit as PlayedUnit},
        plans_come_true,
    },
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;

/// How many lives are told in each run.
const LIVES: u32 = 500;

/// The OU that somebody else made in the root.
const SHARED: &str = "ou-ab12-unit00001";

/// How long it is unknown as a parent: it was made a moment ago.
const SHARED_KNOWN_IN: Duration = Duration::from_secs(1);

/// An OU that is said not to be empty when it is deleted first.
const EMPTIED: &str = "Emptied";

/// How many pairs of faults are tried in each run.
const PAIRS: usize = 60;

/// An organization that somebody else works in, too.
#[derive(Debug)]
struct Landing {
    played: Arc<Played>,
    aws: Client,
    /// The levels of claims, with the OUs that they have led to.
    led_to: Mutex<BTreeMap<String, String>>,
}

fn wish(properties: Value, meaning: &'static str) -> Wish {
    Wish { properties, meaning }
}

/// The mark of the claim that made an OU.
fn maker(unit: &PlayedUnit) -> Option<String> {
    unit.tags.get("archipelago:made")?.split(' ').next().map(ToOwned::to_owned)
}

/// The key of the tag of a user.
fn user(mark: &str) -> String {
    format!("archipelago:user-{mark}")
}

impl Landing {
    fn path(units: &BTreeMap<String, PlayedUnit>, unit: &PlayedUnit) -> String {
        match units.get(&unit.parent) {
            Some(parent) => format!("{}/{}", Self::path(units, parent), unit.name),
            None => unit.name.clone(),
        }
    }

    /// Whether an OU is somewhere below another.
    fn is_below(units: &BTreeMap<String, PlayedUnit>, id: &str, above: &str) -> bool {
        units.get(id).is_some_and(|unit| unit.parent == above || Self::is_below(units, &unit.parent, above))
    }
}

impl PlayedAws for Landing {
    type Resource = OrganizationalUnits;
    const TYPE: &'static str = "Custom::OrganizationalUnit";
    const STOPS_WHEN_OVERTAKEN: bool = false;

    fn wishes() -> Vec<Wish> {
        let tags = json!([{ "Key": "team", "Value": "a" }]);
        vec![
            wish(json!({ "Name": "Sandbox" }), "sandbox"),
            wish(json!({ "Name": "Sandbox", "ParentId": ROOT }), "sandbox"),
            wish(json!({ "Name": "Sandbox", "Tags": [{ "Key": "cost", "Value": "1" }] }), "tagged"),
            wish(json!({ "Name": "Playground", "Tags": tags }), "renamed"),
            wish(json!({ "Name": "Team", "ParentId": SHARED }), "inside another"),
            wish(json!({ "Path": "Workloads/Production" }), "path"),
            wish(json!({ "Path": "Workloads/Production/Europe" }), "deeper"),
            wish(json!({ "Path": "Shared/Network" }), "in a foreign one"),
            // Nothing else is wanted beside it, so that no Update renames it.
            wish(json!({ "Path": "Shared/Tooling/Europe" }), "adopted"),
            wish(json!({ "Path": "Shared/Tooling" }), "shared with another"),
            wish(json!({ "Name": "Shared", "AdoptExisting": false }), "not adopted"),
            wish(json!({ "Name": EMPTIED }), "emptied"),
            wish(json!({ "Name": "Lost", "ParentId": "ou-ab12-nothere1" }), "without a parent"),
            wish(json!({ "Nmae": "Sandbox" }), "misspelt"),
        ]
    }

    fn new(weather: Arc<Weather>) -> Self {
        let played = Arc::new(Played::default());
        let aws = Client::new(&configuration(played.clone(), weather));
        Self { played, aws, led_to: Mutex::default() }
    }

    fn begin(&self) {
        let mut contents = Contents::organization();
        let shared = contents.make_unit(ROOT, "Shared", &[("team", "others")]);
        let others = "0123456789 other/Thing";
        let marks = [("archipelago:made", others), ("archipelago:user-0123456789", others)];
        let tooling = contents.make_unit(&shared, "Tooling", &marks);
        contents.make_unit(&tooling, "Europe", &[("team", "others")]);
        contents.know_unit(SHARED, Instant::now() + SHARED_KNOWN_IN);
        contents.linger(EMPTIED, 1);
        self.led_to.lock().unwrap().clear();
        self.played.begin(contents);
    }

    fn process(&self) -> OrganizationalUnits {
        OrganizationalUnits::new(self.aws.clone())
    }

    fn foreign(&self, marks: &[String]) -> String {
        let units = self.played.contents().units;
        let foreign = units.into_iter().filter(|(_, unit)| maker(unit).is_none_or(|mark| !marks.contains(&mark)));
        let foreign = foreign.map(|(id, mut unit)| {
            unit.tags.retain(|key, _| !marks.iter().any(|mark| *key == user(mark)));
            (id, unit)
        });
        format!("{:#?}", foreign.collect::<Vec<_>>())
    }

    /// The OUs of a claim: those that it made or uses. A level that leads to one is a part of that, and so it is where a clean-up
    /// that failed has left the level alone.
    fn ours(&self, marks: &[String]) -> Vec<Thing> {
        let units = self.played.contents().units;
        let mut led_to = self.led_to.lock().unwrap();
        let is_of = |unit: &PlayedUnit, mark: &String| {
            maker(unit).as_ref() == Some(mark) || unit.tags.contains_key(&user(mark))
        };
        let things = units.keys().flat_map(|id| marks.iter().map(move |mark| (id, mark)));
        let things = things.filter(|(id, mark)| is_of(&units[*id], mark)).map(|(id, mark)| {
            let is_itself =
                |unit: &PlayedUnit| unit.tags.get(&user(mark)).is_some_and(|tag| !tag.ends_with(" leaving"));
            let leads_to = |other: &&String| is_itself(&units[*other]) && Self::is_below(&units, other, id);
            if is_itself(&units[id]) {
                led_to.remove(id);
            } else if let Some(itself) = units.keys().find(leads_to) {
                led_to.insert(id.clone(), itself.clone());
            }
            Thing { id: led_to.get(id).unwrap_or(id).clone(), mark: mark.clone() }
        });
        things.collect()
    }

    fn check(&self, live: &Live, mark: &str) -> Result<(), String> {
        let units = self.played.contents().units;
        let Live { physical_resource_id: id, properties, data } = live;
        let unit = units.get(id).ok_or("there is no such OU")?;
        let is = Self::path(&units, unit);
        let text = |name: &str| properties.get(name).and_then(Value::as_str);
        let parent = text("ParentId").and_then(|id| Some((units.get(id)?, text("Name")?)));
        let wanted = match parent {
            Some((parent, name)) => format!("{}/{name}", Self::path(&units, parent)),
            None => text("Path").or_else(|| text("Name")).unwrap_or_default().to_owned(),
        };
        let tags = properties.get("Tags").and_then(Value::as_array).into_iter().flatten();
        let tags: Vec<_> = tags.filter_map(|tag| Some((tag["Key"].as_str()?, tag["Value"].as_str()?))).collect();
        let has = |(key, value): &(&str, &str)| unit.tags.get(*key).is_some_and(|has| has == value);
        let is_own = maker(unit).as_deref() == Some(mark);
        let arn = format!("arn:aws:organizations::{MANAGEMENT}:ou/{ORGANIZATION}/{id}");
        let attributes = json!({ "Id": id, "Arn": arn, "Name": unit.name, "Path": is, "ParentId": unit.parent });
        for (holds, difference) in [
            (is == wanted, format!("the OU is at {is}")),
            (tags.iter().all(has), format!("its tags are {:?}", unit.tags)),
            (unit.tags.contains_key(&user(mark)), format!("its tags are {:?}", unit.tags)),
            (!is_own || unit.tags.len() == tags.len() + 2, format!("its tags are {:?}", unit.tags)),
            (Value::from(data.clone()) == attributes, format!("its attributes are {data:?}")),
        ] {
            if !holds {
                return Err(difference);
            }
        }
        Ok(())
    }
}

#[test]
fn ous_live_and_leave_nothing_behind() {
    lives::<Landing>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Landing>("path", "renamed", true);
}

#[test]
fn whatever_goes_wrong_with_a_call_an_ou_is_there_once_or_taken_back() {
    let mut matrix = Matrix::new(Landing::TYPE);
    let scenarios = [
        Scenario::of("Create by name", &["renamed"]),
        Scenario::of("Create by path", &["deeper"]),
        Scenario::of("Create inside another", &["inside another"]),
        Scenario::of("Create that adopts", &["adopted"]),
        Scenario::of("Update of the name and the tags", &["tagged", "renamed"]),
        Scenario::of("Update that replaces", &["path", "in a foreign one"]),
        Scenario::of("Update that makes it a level", &["path", "deeper"]),
        Scenario::deleted("Delete by name", &["renamed"]),
        Scenario::deleted("Delete by a path that has become longer", &["path", "deeper"]),
        Scenario::deleted("Delete of what was emptied a moment ago", &["emptied"]),
    ];
    matrix.try_all::<Landing>(&scenarios, PAIRS);
    matrix.check();
}

#[test]
fn a_plan_shows_the_first_change_and_changes_nothing() {
    let plans = plans_come_true::<Landing>(&["sandbox", "path", "adopted"]);
    let first = |name: &str| plans[name]["FirstChange"]["Operation"].clone();
    assert_eq!(first("Create path"), "CreateOrganizationalUnit");
    assert_eq!(plans["Create path"]["FirstChange"]["Parameters"]["Name"], "Workloads", "a level at a time");
    assert_eq!(first("Update sandbox to renamed"), "TagResource");
    assert_eq!(first("Delete adopted"), "UntagResource");
    assert!(plans["Create not adopted"]["Refused"].is_string());
}
