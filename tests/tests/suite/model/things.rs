//! The smallest type that keeps the contract of a resource: what is left to go wrong is the library's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use archipelago_tests::cloudformation::Live;
use archipelago_tests::model::{PlayedAws, Thing, Trouble, Weather, Wish, lives};
use custom_resource::{AwsError, Claim, Error, LeftBehind, RequestOrder, Resource, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many lives are told in each run.
const LIVES: u32 = 10_000;

/// What a template says of a thing.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    name: String,
    #[serde(default)]
    size: u32,
}

/// What it reads back.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    label: String,
    size: u32,
}

/// A thing that is there, by its id.
#[derive(Clone, Debug)]
struct Kept {
    mark: String,
    name: String,
    size: u32,
}

#[derive(Debug, Default)]
struct Store {
    things: BTreeMap<u32, Kept>,
    orders: BTreeMap<String, RequestOrder>,
    made: u32,
}

/// A service that keeps things, and the latest request for each mark.
#[derive(Clone, Debug)]
struct Things {
    store: Rc<RefCell<Store>>,
    weather: Arc<Weather>,
}

impl Things {
    /// One call, which is refused for a request that was overtaken.
    async fn call<T>(&self, claim: &Claim<u32>, effect: impl FnOnce(&mut Store, &str) -> T) -> Result<T> {
        let mark = claim.owner().mark();
        let once_in_turn = |_| {
            let store = &mut *self.store.borrow_mut();
            if store.orders.get(&mark).is_some_and(|latest| claim.invocation().order().is_overtaken_by(latest)) {
                return Err(Error::refused("a later request was worked on"));
            }
            store.orders.insert(mark.clone(), claim.invocation().order().clone());
            Ok(effect(store, &mark))
        };
        match self.weather.call("Call", &Value::Null, once_in_turn).await {
            Ok(answer) => answer,
            Err(Trouble::Broken | Trouble::Unanswered) => Err(AwsError::unanswered("thing:Call", "broken").into()),
            Err(Trouble::Throttled | Trouble::Denied) => {
                let denied = AwsError::refused("thing:Call", "AccessDenied", "");
                Err(denied.not_yet_within(Duration::from_secs(20)).into())
            }
        }
    }
}

impl Resource for Things {
    type Properties = Properties;
    type Id = u32;
    type Attributes = Attributes;

    /// Another name is another thing; one called `nothing` is refused, one called `never` isn't ready for ever.
    async fn ensure(&self, desired: &Properties, _: Option<&Properties>, claim: &Claim<u32>) -> Result<Attributes> {
        let Properties { name, size } = desired;
        if name == "nothing" {
            return Err(Error::refused("a thing is something"));
        }
        let put = |store: &mut Store, mark: &str| {
            let known = store.things.iter_mut().find(|(_, kept)| kept.mark == mark && kept.name == *name);
            if let Some((id, kept)) = known {
                kept.size = *size;
                return *id;
            }
            store.made += 1;
            store.things.insert(store.made, Kept { mark: mark.to_owned(), name: name.clone(), size: *size });
            store.made
        };
        claim.hold(&self.call(claim, put).await?);
        if name == "never" {
            return Err(Error::not_yet("the thing isn't ready"));
        }
        Ok(Attributes { label: format!("<{name}>"), size: *size })
    }

    async fn remove(&self, _: Option<&Properties>, claim: &Claim<u32>) -> Result<()> {
        let id = claim.id();
        let is_it = |number: u32, kept: &Kept, mark: &str| kept.mark == mark && id.is_none_or(|id| id == number);
        self.call(claim, |store, mark| store.things.retain(|number, kept| !is_it(*number, kept, mark))).await
    }

    async fn take_back(&self, _: &Properties, desired: &Properties, _: &LeftBehind, claim: &Claim<u32>) -> Result<()> {
        let own = |_: &u32, kept: &mut Kept, mark: &str| kept.mark == mark && kept.name != desired.name;
        self.call(claim, |store, mark| store.things.retain(|id, kept| !own(id, kept, mark))).await
    }
}

impl PlayedAws for Things {
    type Resource = Self;
    const TYPE: &'static str = "Custom::Thing";
    const STOPS_WHEN_OVERTAKEN: bool = true;

    fn wishes() -> Vec<Wish> {
        vec![
            Wish { properties: json!({ "Name": "a" }), meaning: "a" },
            Wish { properties: json!({ "Name": "a", "Size": 0 }), meaning: "a" },
            Wish { properties: json!({ "Name": "a", "Size": 2 }), meaning: "larger" },
            Wish { properties: json!({ "Name": "b" }), meaning: "another" },
            Wish { properties: json!({ "Name": "never", "ServiceTimeout": 120 }), meaning: "never ready" },
            Wish { properties: json!({ "Name": "nothing" }), meaning: "refused" },
            Wish { properties: json!({ "Nmae": "a" }), meaning: "misspelt" },
        ]
    }

    fn new(weather: Arc<Weather>) -> Self {
        Self { store: Rc::default(), weather }
    }

    fn begin(&self) {
        let foreign = Kept { mark: "0123456789".to_owned(), name: "a".to_owned(), size: 1 };
        *self.store.borrow_mut() = Store { things: [(0, foreign)].into(), ..Store::default() };
    }

    fn process(&self) -> Self {
        self.clone()
    }

    fn foreign(&self, marks: &[String]) -> String {
        let store = self.store.borrow();
        format!("{:?}", store.things.iter().filter(|(_, kept)| !marks.contains(&kept.mark)).collect::<Vec<_>>())
    }

    fn ours(&self, marks: &[String]) -> Vec<Thing> {
        let store = self.store.borrow();
        let ours = store.things.iter().filter(|(_, kept)| marks.contains(&kept.mark));
        ours.map(|(id, kept)| Thing { mark: kept.mark.clone(), id: id.to_string() }).collect()
    }

    fn check(&self, live: &Live, _: &str) -> Result<(), String> {
        let store = self.store.borrow();
        let id = live.physical_resource_id.parse::<u32>().map_err(|_| "its id is none")?;
        let kept = store.things.get(&id).ok_or("it isn't there")?;
        let property = |name: &str| live.properties.get(name).and_then(|value| value.as_str()).unwrap_or("0");
        let is_so = property("Name") == kept.name && property("Size") == kept.size.to_string();
        if is_so { Ok(()) } else { Err(format!("there is {kept:?}")) }
    }
}

#[test]
fn things_live_and_leave_nothing_behind() {
    lives::<Things>(LIVES);
}
