//! Statements in the policies of others, whichever service keeps them.

use std::sync::Arc;

use archipelago_tests::cloudformation::Live;
use archipelago_tests::model::{Leases, Thing, Weather, Wish, World, configuration, lives};
use custom_resource::SdkConfig;
use policy_statement::{Document, Statements};
use serde_json::{Value, json};

use super::shelves::{Policies, Shelves};

/// How many lives are told in each run.
const LIVES: u32 = 250;

/// A policy of somebody else, written by hand, and one of the same kind with a copied mark in the middle of a Sid.
const FOREIGN: &str = r#"{"Version":"2008-10-17","Statement":[{"Sid":"","Effect":"Deny","Principal":"*","Action":"ecr:DeleteRepository","N":1.0}]}"#;
const NEIGHBOUR: &str = r#"{"Statement":[{"Sid":"Thing0123456789","Effect":"Allow","Principal":{"AWS":"555555555555"},"Action":"ecr:BatchGetImage"}],"Id":"\u0041"}"#;

#[derive(Debug)]
struct Policed<const EMPTY: bool> {
    shelves: Shelves<EMPTY>,
    leases: Arc<Leases>,
    aws: SdkConfig,
}

fn statement(account: &str, actions: &Value) -> Value {
    json!({ "Effect": "Allow", "Principal": { "AWS": account }, "Action": actions })
}

fn wish(shelf: &str, statement: &Value, meaning: &'static str) -> Wish {
    Wish { properties: json!({ "ShelfName": shelf, "Statement": statement }), meaning }
}

/// The shelf and the mark that an id names.
fn parts(id: &str) -> Option<(&str, &str)> {
    id.rsplit_once('#')
}

impl<const EMPTY: bool> Policed<EMPTY> {
    fn documents(&self) -> Vec<(String, Document)> {
        let policies = self.shelves.policies.lock().unwrap();
        let read =
            |(name, text): (&String, &Option<String>)| Some((name.clone(), Document::parse(text.as_ref()?).unwrap()));
        policies[0].iter().filter_map(read).collect()
    }
}

impl<const EMPTY: bool> World for Policed<EMPTY> {
    type Resource = Statements<Shelves<EMPTY>>;
    const TYPE: &'static str = "Custom::ShelfPolicyStatement";
    const STOPS_WHEN_OVERTAKEN: bool = true;

    fn wishes() -> Vec<Wish> {
        let pull = json!(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]);
        let turned = json!(["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]);
        let long = format!("ecr:{}", "x".repeat(900));
        vec![
            wish("app", &statement("222222222222", &pull), "pull"),
            wish("app", &json!([statement("222222222222", &turned)]), "pull"),
            wish("app", &json!([statement("222222222222", &pull), statement("333333333333", &pull)]), "two"),
            wish("base", &statement("222222222222", &pull), "elsewhere"),
            wish("new", &statement("222222222222", &pull), "in a shelf without a policy"),
            wish("nowhere", &statement("222222222222", &pull), "without a shelf"),
            wish("app", &statement("444444444444", &pull), "refused by AWS"),
            wish("app", &statement("222222222222", &json!(long)), "too long"),
            wish("app", &json!({ "Effect": "Perhaps" }), "no statement"),
            Wish { properties: json!({ "ShelfNmae": "app" }), meaning: "misspelt" },
        ]
    }

    fn new(weather: Arc<Weather>) -> Self {
        let leases = Arc::new(Leases::default());
        let aws = configuration(leases.clone(), Arc::clone(&weather));
        Self { shelves: Shelves { policies: Arc::default(), weather }, leases, aws }
    }

    fn begin(&self) {
        self.leases.begin();
        let policies: Policies = [
            ("app".to_owned(), Some(FOREIGN.to_owned())),
            ("base".to_owned(), Some(NEIGHBOUR.to_owned())),
            ("new".to_owned(), (!EMPTY).then(|| FOREIGN.to_owned())),
        ]
        .into();
        *self.shelves.policies.lock().unwrap() = [policies.clone(), policies];
    }

    fn process(&self) -> Statements<Shelves<EMPTY>> {
        let shelves = self.shelves.clone();
        let table = aws_sdk_dynamodb::Client::new(&self.aws);
        Statements::new(&self.aws, move |_| shelves.clone()).with_leases(table, "leases")
    }

    fn foreign(&self, marks: &[String]) -> String {
        let is_ours = |sid: &str| marks.iter().any(|mark| sid.contains(mark.as_str()));
        let foreign = self.documents().into_iter().map(|(shelf, document)| {
            let statements = document.statements().filter(|statement| !statement.sid().is_some_and(is_ours));
            (shelf, statements.map(|statement| statement.text().to_owned()).collect::<Vec<_>>())
        });
        // A shelf without a policy before may have one of ours.
        format!("{:?}", foreign.filter(|(_, statements)| !statements.is_empty()).collect::<Vec<_>>())
    }

    fn ours(&self, marks: &[String]) -> Vec<Thing> {
        let mut ours = Vec::new();
        for (shelf, document) in self.documents() {
            let is_of = |mark: &&String| document.statements().any(|statement| statement.is_of(mark));
            ours.extend(
                marks.iter().filter(is_of).map(|mark| Thing { mark: mark.clone(), id: format!("{shelf}#{mark}") }),
            );
        }
        ours
    }

    fn check(&self, live: &Live, mark: &str) -> Result<(), String> {
        let (place, _) = parts(&live.physical_resource_id).ok_or("its id is none")?;
        let documents = self.documents();
        let (_, document) = documents.iter().find(|(shelf, _)| shelf == place).ok_or("there is no policy")?;
        let own: Vec<Value> = document
            .statements()
            .filter(|statement| statement.is_of(mark))
            .map(|statement| serde_json::from_str(statement.text()).unwrap())
            .collect();
        let wanted = match &live.properties["Statement"] {
            Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        };
        let principals =
            |list: &[Value]| list.iter().map(|statement| statement["Principal"].clone()).collect::<Vec<_>>();
        if principals(&own) == principals(&wanted) { Ok(()) } else { Err(format!("the policy says {own:?}")) }
    }
}

#[test]
fn statements_live_and_leave_nothing_behind() {
    lives::<Policed<true>>(LIVES);
}

#[test]
fn statements_in_policies_that_are_never_empty_live_and_leave_nothing_behind() {
    lives::<Policed<false>>(LIVES);
}
