//! Thousands of random lives of an OU, in which CloudFormation, Lambda and Organizations misbehave.

use std::{collections::BTreeMap, sync::Arc};

use archipelago_tests::{
    cloudformation::Live,
    model::{
        Matrix, Scene, Thing, Weather, Wish, World, configuration, lives,
        organizations::{Contents, Organizations as Played, ROOT, Unit as PlayedUnit},
    },
};
use serde_json::{Value, json};

use super::*;

/// How many lives are told in each run.
const LIVES: u32 = 500;

/// The OU that somebody else made in the root.
const SHARED: &str = "ou-ab12-unit00001";

/// How many pairs of faults are tried in each run.
const PAIRS: usize = 100;

/// An organization that somebody else works in, too.
#[derive(Debug)]
struct Landing {
    played: Arc<Played>,
    aws: Client,
}

fn wish(properties: Value, meaning: &'static str) -> Wish {
    Wish { properties, meaning }
}

/// The mark that an OU's tags carry.
fn mark_of(unit: &PlayedUnit) -> Option<String> {
    let tag = unit.tags.get(Owner::TAG_KEY).or_else(|| unit.tags.get(LEVEL_KEY))?;
    tag.split(' ').next().map(ToOwned::to_owned)
}

impl Landing {
    fn path(units: &BTreeMap<String, PlayedUnit>, unit: &PlayedUnit) -> String {
        match units.get(&unit.parent) {
            Some(parent) => format!("{}/{}", Self::path(units, parent), unit.name),
            None => unit.name.clone(),
        }
    }
}

impl World for Landing {
    type Resource = OrganizationalUnits;
    const TYPE: &'static str = "Custom::OrganizationalUnit";
    const STOPS_WHEN_OVERTAKEN: bool = false;

    fn wishes() -> Vec<Wish> {
        let tags = json!([{ "Key": "team", "Value": "a" }]);
        vec![
            wish(json!({ "Name": "Sandbox" }), "sandbox"),
            wish(json!({ "Name": "Sandbox", "ParentId": ROOT }), "sandbox"),
            wish(json!({ "Name": "Playground", "Tags": tags }), "renamed"),
            wish(json!({ "Name": "Team", "ParentId": SHARED }), "inside another"),
            wish(json!({ "Path": "Workloads/Production" }), "path"),
            wish(json!({ "Path": "Workloads/Production/Europe" }), "deeper"),
            wish(json!({ "Path": "Shared/Network" }), "in a foreign one"),
            // Nothing else is wanted beside it, so that no Update renames it.
            wish(json!({ "Path": "Shared/Tooling/Europe" }), "adopted"),
            wish(json!({ "Name": "Shared", "AdoptExisting": false }), "not adopted"),
            wish(json!({ "Name": "Lost", "ParentId": "ou-ab12-nothere1" }), "without a parent"),
            wish(json!({ "Nmae": "Sandbox" }), "misspelt"),
        ]
    }

    fn new(weather: Arc<Weather>) -> Self {
        let played = Arc::new(Played::default());
        let aws = Client::new(&configuration(played.clone(), weather));
        Self { played, aws }
    }

    fn begin(&self) {
        let mut contents = Contents::organization();
        let shared = contents.make_unit(ROOT, "Shared", &[("team", "others")]);
        let tooling = contents.make_unit(&shared, "Tooling", &[(Owner::TAG_KEY, "0123456789 other/Thing")]);
        contents.make_unit(&tooling, "Europe", &[("team", "others")]);
        self.played.begin(contents);
    }

    fn process(&self) -> OrganizationalUnits {
        OrganizationalUnits::new(self.aws.clone())
    }

    fn foreign(&self, marks: &[String]) -> String {
        let units = self.played.contents().units;
        let foreign = units.iter().filter(|(_, unit)| mark_of(unit).is_none_or(|mark| !marks.contains(&mark)));
        format!("{:#?}", foreign.collect::<Vec<_>>())
    }

    fn ours(&self, marks: &[String]) -> Vec<Thing> {
        let units = self.played.contents().units;
        let things = units.iter().filter(|(_, unit)| unit.tags.contains_key(Owner::TAG_KEY));
        let things = things.filter_map(|(id, unit)| Some(Thing { mark: mark_of(unit)?, id: id.clone() }));
        things.filter(|thing| marks.contains(&thing.mark)).collect()
    }

    fn check(&self, live: &Live, _: &str) -> Result<(), String> {
        let units = self.played.contents().units;
        let unit = units.get(&live.physical_resource_id).ok_or("there is no such OU")?;
        let (is, said) = (Self::path(&units, unit), &live.properties);
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        let parent = text("ParentId").and_then(|id| Some((units.get(id)?, text("Name")?)));
        let wanted = match parent {
            Some((parent, name)) => format!("{}/{name}", Self::path(&units, parent)),
            None => text("Path").or_else(|| text("Name")).unwrap_or_default().to_owned(),
        };
        if is == wanted { Ok(()) } else { Err(format!("the OU is at {is}")) }
    }
}

#[test]
fn ous_live_and_leave_nothing_behind() {
    lives::<Landing>(LIVES);
}

#[test]
fn whatever_goes_wrong_with_a_call_an_ou_is_there_once_or_taken_back() {
    let mut matrix = Matrix::new(Landing::TYPE);
    let scenes = [
        Scene::of("Create by name", &["renamed"]),
        Scene::of("Create by path", &["deeper"]),
        Scene::of("Create inside another", &["inside another"]),
        Scene::of("Create that adopts", &["adopted"]),
        Scene::of("Update of the name", &["sandbox", "renamed"]),
        Scene::of("Update that replaces", &["path", "in a foreign one"]),
        Scene::of("Update that makes it a level", &["path", "deeper"]),
        Scene::deleted("Delete by name", &["renamed"]),
        Scene::deleted("Delete by path", &["deeper"]),
    ];
    matrix.try_all::<Landing>(&scenes, PAIRS);
    matrix.check();
}
