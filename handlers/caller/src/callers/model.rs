//! Hundreds of random lives of a caller, in which CloudFormation, Lambda and `DynamoDB` misbehave.

use std::{cell::Cell, rc::Rc, sync::Arc};

use archipelago_tests::{
    cloudformation::Live,
    model::{
        DynamoDb, Matrix, PlayedAws, Refusal, Scenario, Service, Thing, Weather, Wish, configuration,
        lambda::{HESITANT, Lambda, Place},
        late_requests_do_nothing, lives,
        organizations::{Contents, ORGANIZATION, Organizations, ROOT},
        plans_come_true,
    },
};
use custom_resource::Owner;
use serde_json::{Map, json};
use tokio::time::Instant;

use super::*;
use crate::{
    alias_policy::{are_equal, is_of_account, of_unit},
    statement_type::ALL,
};

/// How many lives are told in each run.
const LIVES: u32 = 150;

/// How many pairs of faults are tried in each run.
const PAIRS: usize = 40;

const TABLE: &str = "callers";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111111111111:app-failures";
const FUNCTIONS: [&str; 4] =
    ["app-ecr-policy-statement", "app-kms-policy-statement", "app-s3-policy-statement", "app-iam-trust-statement"];

const ACCOUNT: &str = "222222222222";
/// To whom another stack has opened repositories.
const SHARED: &str = "333333333333";
const SHARED_ALIAS: &str = "caller-333333333333";
/// The other stack.
const OTHERS: &str = "arn:aws:cloudformation:eu-west-1:111111111111:stack/shop/2f0b";
/// An alias of people.
const LIVE: &str = "live";

/// All that is called.
#[derive(Debug)]
struct Called {
    lambda: Lambda,
    tables: DynamoDb,
    organizations: Organizations,
}

impl Service for Called {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        self.answer_or_refusal(operation, request, stale).map_err(|refusal| refusal.code)
    }

    fn answer_or_refusal(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, Refusal> {
        let service: &dyn Service = match operation {
            operation if DynamoDb::has(operation) => &self.tables,
            "DescribeOrganization" | "DescribeOrganizationalUnit" => &self.organizations,
            _ => &self.lambda,
        };
        service.answer_or_refusal(operation, request, stale)
    }
}

/// An installation, in which another stack has a caller as well.
struct Installed {
    called: Arc<Called>,
    table: CallerTable,
    lambda: Client,
    organizations: aws_sdk_organizations::Client,
    began: Rc<Cell<(Instant, Duration)>>,
}

impl fmt::Debug for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installed").field("called", &self.called).finish_non_exhaustive()
    }
}

/// The time since 1970, of which waits take no time.
fn now((began, at): (Instant, Duration)) -> Duration {
    at + began.elapsed()
}

fn wish(change: &Value, meaning: &'static str) -> Wish {
    let mut properties = json!({
        "AccountId": ACCOUNT,
        "Targets": ["arn:aws:s3:::artifacts", "arn:aws:ecr:eu-west-1:111111111111:repository/app/*"],
        "Actions": ["ecr:BatchGetImage", "s3:GetObject"],
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
    if let Value::Object(properties) = &mut properties {
        properties.retain(|_, value| !value.is_null());
    }
    Wish { properties, meaning }
}

/// For an OU in the place of an account.
fn by_unit(unit: &str, organization: Option<&str>, meaning: &'static str) -> Wish {
    wish(&json!({ "AccountId": null, "OrganizationalUnitId": unit, "OrganizationId": organization }), meaning)
}

fn place(function: &str, alias: &str) -> Place {
    (function.to_owned(), alias.to_owned())
}

fn end_of_events() -> Value {
    json!({
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 3000,
        "DestinationConfig": { "OnFailure": { "Destination": QUEUE } },
    })
}

fn arn((function, alias): &Place) -> String {
    format!("arn:aws:lambda:eu-west-1:111111111111:function:{function}:{alias}")
}

fn others() -> Owner {
    Owner::new(OTHERS, "Caller")
}

/// What a template opens, read by the code that is tested.
fn grant(properties: &Map<String, Value>) -> Grant {
    let own = |name: &&String| name.starts_with("Service") && *name != "Services";
    let properties: Map<_, _> =
        properties.iter().filter(|(name, _)| !own(name)).map(|(name, value)| (name.clone(), value.clone())).collect();
    serde_json::from_value::<Properties>(Value::Object(properties)).unwrap().grant()
}

/// A grant, whose it is and to whom.
struct Granted {
    caller: String,
    owner: Owner,
    grant: Grant,
}

impl Installed {
    fn granted(&self) -> Vec<Granted> {
        let text = |item: &Map<String, Value>, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
        let items = self.called.tables.items(TABLE).into_iter().filter(|item| text(item, "Item").starts_with("grant "));
        let granted = items.map(|item| Granted {
            caller: text(&item, "Caller"),
            owner: Owner::new(text(&item, "StackId"), text(&item, "LogicalId")),
            grant: serde_json::from_str(&text(&item, "Grant")).unwrap(),
        });
        granted.collect()
    }

    /// What there is of aliases: the places of any part of one.
    fn places(&self) -> BTreeSet<Place> {
        let there = self.called.lambda.contents();
        there.aliases.into_keys().chain(there.events.into_keys()).chain(there.policies.into_keys()).collect()
    }

    fn described(&self, place: &Place) -> String {
        let there = self.called.lambda.contents();
        let version = there.aliases.get(place).map(|alias| &alias.version);
        let statements = there.policies.get(place).map(|policy| json!(policy.statements));
        format!("{place:?} {version:?} {:?} {statements:?}", there.events.get(place))
    }

    /// What is wrong with the alias that a caller has of a function.
    fn wrong_with(&self, place: &Place, caller: &str) -> Option<String> {
        let there = self.called.lambda.contents();
        let statements = there.policies.get(place).map(|policy| json!({ "Statement": policy.statements }));
        let policy = statements.unwrap_or_default();
        let is_open = match Unit::read(caller) {
            Some(unit) => are_equal(&policy.to_string(), &of_unit(&unit, &arn(place))),
            None => match policy["Statement"].as_array().map(Vec::as_slice) {
                Some([one]) => is_of_account(one, "aws", [caller, &arn(place)], Some(ORGANIZATION)),
                _ => false,
            },
        };
        let is_latest = there.aliases.get(place).is_some_and(|alias| alias.version == "$LATEST");
        let is_right = is_open && is_latest && there.events.get(place) == Some(&end_of_events());
        (!is_right).then(|| self.described(place))
    }
}

impl PlayedAws for Installed {
    type Resource = Callers;
    const TYPE: &'static str = "Custom::Caller";
    const STOPS_WHEN_OVERTAKEN: bool = true;

    fn wishes() -> Vec<Wish> {
        let roles = json!({
            "Types": ["IamTrustStatement", "S3PolicyStatement", "EcrPolicyStatement"],
            "Services": ["codebuild.amazonaws.com"],
        });
        let reordered = json!({
            "Targets": ["arn:aws:ecr:eu-west-1:111111111111:repository/app/*", "arn:aws:s3:::artifacts"],
            "Types": ["S3PolicyStatement", "EcrPolicyStatement", "KmsPolicyStatement"],
        });
        let repositories = json!({
            "Types": ["EcrPolicyStatement"],
            "Targets": ["arn:aws:ecr:eu-west-1:111111111111:repository/*"],
            "Actions": ["ecr:BatchGetImage"],
        });
        let buckets = json!({
            "Types": ["S3PolicyStatement"], "Targets": ["arn:aws:s3:::artifacts"], "Actions": ["s3:GetObject"],
        });
        let both = json!(["EcrPolicyStatement", "S3PolicyStatement"]);
        let mut of_unit = by_unit("ou-ab12-unit00002", None, "repositories for a unit");
        of_unit.properties.as_object_mut().unwrap().extend(repositories.as_object().unwrap().clone());
        let targets = json!({ "Targets": ["arn:aws:s3:::artifacts", "arn:aws:s3:::pictures"] });
        vec![
            wish(&json!({}), "an account"),
            wish(&reordered, "an account"),
            wish(&targets, "other targets"),
            wish(&repositories, "repositories"),
            wish(&buckets, "buckets"),
            of_unit,
            wish(&roles, "roles as well"),
            wish(&json!({ "AccountId": SHARED, "Types": both }), "an account of others as well"),
            wish(&json!({ "AccountId": format!("444444444{HESITANT}") }), "an account whose aliases take a while"),
            by_unit("ou-ab12-unit00001", None, "a unit"),
            by_unit("ou-ab12-unit00001", Some(ORGANIZATION), "a unit"),
            by_unit("ou-ab12-unit00009", None, "a unit that isn't there"),
            by_unit("ou-ab12-unit00001", Some("o-otherorgid1"), "another organization"),
            wish(&json!({ "AccountId": "111111111111" }), "the own account"),
            wish(&json!({ "Targets": ["*"] }), "everything"),
            wish(&json!({ "Targts": [] }), "misspelt"),
        ]
    }

    fn new(weather: Arc<Weather>) -> Self {
        let called = Arc::new(Called {
            lambda: Lambda::default(),
            tables: DynamoDb::new(&[(TABLE, &["Caller", "Item"])]),
            organizations: Organizations::default(),
        });
        let aws = configuration(called.clone(), weather);
        Self {
            called,
            table: CallerTable::new(aws_sdk_dynamodb::Client::new(&aws), Some(TABLE.to_owned())),
            lambda: Client::new(&aws),
            organizations: aws_sdk_organizations::Client::new(&aws),
            began: Rc::new(Cell::new((Instant::now(), Duration::ZERO))),
        }
    }

    fn begin(&self) {
        let Called { lambda, tables, organizations } = &*self.called;
        self.began.set((Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()));
        let mut contents = Contents::organization();
        contents.make_unit(ROOT, "App", &[]);
        contents.make_unit(ROOT, "Shop", &[]);
        organizations.begin(contents);
        lambda.begin(&FUNCTIONS);
        let shared = place(FUNCTIONS[0], SHARED_ALIAS);
        let statement = json!({
            "Sid": "caller", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{SHARED}:root") },
            "Action": "lambda:InvokeFunction", "Resource": arn(&shared),
            "Condition": { "StringEquals": { "aws:PrincipalOrgID": ORGANIZATION } },
        });
        lambda.have(&shared, "$LATEST", end_of_events(), vec![statement]);
        lambda.have(&place(FUNCTIONS[0], LIVE), "7", json!({}), vec![json!({ "Sid": "theirs" })]);
        tables.begin();
        let opened = Grant {
            types: vec!["EcrPolicyStatement".to_owned()],
            targets: vec!["arn:aws:ecr:eu-west-1:111111111111:repository/shop".to_owned()],
            ..Grant::default()
        };
        let owner = others();
        let digest = custom_resource::digest_of([owner.stack_id(), owner.logical_id()]);
        tables.change(TABLE, &[SHARED, &format!("grant {digest}")], |item| {
            let opened = serde_json::to_string(&opened).unwrap();
            for (name, value) in [("Grant", &*opened), ("StackId", OTHERS), ("LogicalId", "Caller")] {
                item.insert(name.to_owned(), json!({ "S": value }));
            }
        });
    }

    fn process(&self) -> Callers {
        let began = Rc::clone(&self.began);
        let installation = Installation { stack: "app".to_owned(), failures: QUEUE.to_owned() };
        let (table, lambda, organizations) = (self.table.clone(), self.lambda.clone(), self.organizations.clone());
        Callers::of(table, lambda, organizations, installation, move || now(began.get()))
    }

    fn foreign(&self, marks: &[String]) -> String {
        let granted = self.granted();
        let grants = granted.iter().filter(|granted| !marks.contains(&granted.owner.mark()));
        let grants = grants.map(|granted| format!("{} {:?} {:?}", granted.caller, granted.owner, granted.grant));
        let aliases = [place(FUNCTIONS[0], LIVE), place(FUNCTIONS[0], SHARED_ALIAS)];
        grants.chain(aliases.iter().map(|place| self.described(place))).collect::<Vec<_>>().join("\n")
    }

    /// The grants, and aliases without one, which are the last stack's.
    fn ours(&self, marks: &[String]) -> Vec<Thing> {
        let granted = self.granted();
        let is_granted = |(function, alias): &Place| {
            let of = |of: &&StatementType| *function == format!("app-{}", of.function());
            let name = ALL.iter().find(of).map(|of| of.name());
            alias == LIVE
                || granted.iter().any(|granted| {
                    qualifier(&granted.caller) == *alias
                        && granted.grant.types.iter().any(|of| Some(of.as_str()) == name)
                })
        };
        let alone = self.places().into_iter().filter(|place| !is_granted(place));
        let alone = alone.filter_map(|(_, alias)| {
            let mark = marks.last()?.clone();
            Some(Thing { id: format!("{alias}#{mark}"), mark })
        });
        let things: BTreeSet<_> = granted
            .iter()
            .filter(|granted| marks.contains(&granted.owner.mark()))
            .map(|granted| {
                let mark = granted.owner.mark();
                Thing { id: format!("{}#{mark}", qualifier(&granted.caller)), mark }
            })
            .chain(alone)
            .collect();
        things.into_iter().collect()
    }

    fn check(&self, live: &Live, mark: &str) -> Result<(), String> {
        let properties = &live.properties;
        let text = |name: &str| properties.get(name).and_then(Value::as_str);
        let name = match (text("AccountId"), text("OrganizationalUnitId")) {
            (Some(account), _) => account.to_owned(),
            (_, unit) => format!("{ORGANIZATION}-{}", unit.unwrap_or_default()),
        };
        if live.physical_resource_id != format!("{}#{mark}", qualifier(&name)) {
            return Err("it has an id of something else".to_owned());
        }
        if live.data["Qualifier"] != qualifier(&name) {
            return Err("its attribute is another one".to_owned());
        }
        let wanted = grant(properties);
        let granted = self.granted();
        let own = granted.iter().find(|granted| granted.owner.mark() == mark && granted.caller == name);
        match own {
            Some(own) if own.grant == wanted => {}
            other => return Err(format!("it grants {:?}", other.map(|other| &other.grant))),
        }
        let types = types_of(granted.iter().filter(|granted| granted.caller == name).map(|granted| &granted.grant));
        for of in ALL {
            let place = place(&format!("app-{}", of.function()), &qualifier(&name));
            if types.contains(&of) {
                self.wrong_with(&place, &name).map_or(Ok(()), Err)?;
            } else if self.places().contains(&place) {
                return Err(format!("{} is there", self.described(&place)));
            }
        }
        Ok(())
    }

    /// The grants that were shown are there.
    fn check_plan(&self, plan: &Value) -> Result<(), String> {
        let sorted = |mut grants: Vec<Grant>| {
            grants.sort_by_key(|grant| grant.targets.clone());
            grants
        };
        let after = sorted(serde_json::from_value(plan["After"].clone()).map_err(|error| error.to_string())?);
        let of = |granted: &Granted| plan["Caller"] == qualifier(&granted.caller);
        let now = sorted(self.granted().into_iter().filter(of).map(|granted| granted.grant).collect());
        let places = self.places();
        let is_there = |alias: &Value| {
            let alias = alias.as_str().and_then(|alias| alias.split_once(':')).unwrap_or_default();
            places.contains(&place(alias.0, alias.1))
        };
        let made = plan["MakesAliases"].as_array().into_iter().flatten().all(is_there);
        let removed = !plan["RemovesAliases"].as_array().into_iter().flatten().any(is_there);
        if now == after && made && removed { Ok(()) } else { Err(format!("there are {now:?}, {places:?}")) }
    }

    fn check_end(&self) -> Result<(), String> {
        let then = now(self.began.get()) + LEASE;
        let until = |item: &Map<String, Value>| item.get("Until").and_then(|until| until["N"].as_str()?.parse().ok());
        let is_held = |item: &Map<String, Value>| until(item).is_some_and(|until| Duration::from_millis(until) > then);
        let held: Vec<_> = self.called.tables.items(TABLE).into_iter().filter(is_held).collect();
        if held.is_empty() { Ok(()) } else { Err(format!("somebody holds {held:?} for longer than a lease lasts")) }
    }
}

#[test]
fn callers_live_and_leave_nothing_behind() {
    lives::<Installed>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Installed>("an account", "a unit", true);
}

#[test]
fn whatever_goes_wrong_with_a_call_a_caller_has_what_the_template_says_or_what_it_had() {
    let mut matrix = Matrix::new(Installed::TYPE);
    let scenarios = [
        Scenario::of("Create", &["repositories"]),
        Scenario::of("Create for a unit", &["repositories for a unit"]),
        Scenario::of("Update", &["repositories", "buckets"]),
        Scenario::of("Update to another caller", &["repositories", "repositories for a unit"]),
        Scenario::deleted("Delete", &["repositories for a unit"]),
        Scenario::deleted("Delete beside others", &["an account of others as well"]),
    ];
    matrix.try_all::<Installed>(&scenarios, PAIRS);
    matrix.check();
}

#[test]
fn a_plan_shows_the_grants_and_aliases_that_a_request_leaves_and_changes_nothing() {
    let plans = plans_come_true::<Installed>(&["an account", "an account of others as well"]);
    let made = &plans["Create a unit"]["MakesAliases"];
    let alias = format!("app-ecr-policy-statement:caller-{ORGANIZATION}-ou-ab12-unit00001");
    assert!(made.as_array().unwrap().len() == 3 && made[0] == alias, "{made}");
    let others = &plans["Create an account of others as well"];
    assert_eq!(others["Before"].as_array().unwrap().len(), 1);
    assert_eq!(others["MakesAliases"], json!([format!("app-s3-policy-statement:{SHARED_ALIAS}")]));
    let update = &plans["Update an account to roles as well"];
    assert_eq!(update["RemovesAliases"], json!(["app-kms-policy-statement:caller-222222222222"]));
    assert_eq!(plans["Update an account to a unit"]["ThenLeaves"], "caller-222222222222");
    let delete = &plans["Delete an account of others as well"];
    assert_eq!(delete["After"].as_array().unwrap().len(), 1);
    assert_eq!(delete["RemovesAliases"], others["MakesAliases"]);
    let refused = plans["Create the own account"]["Refused"].as_str().unwrap();
    assert!(refused.starts_with("ResourceProperties.AccountId: "), "{refused}");
    assert!(plans["Create a unit that isn't there"]["WaitsFor"].is_string());
}
