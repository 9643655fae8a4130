//! A service in memory, and a table of leases in memory behind a real client.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    fmt,
    rc::Rc,
    str::FromStr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::{
    Client,
    config::BehaviorVersion,
    operation::update_item::{UpdateItemError, UpdateItemInput, UpdateItemOutput},
    types::AttributeValue,
};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{AwsError, Claim, Error, Owner, Result, SdkConfig};
use policy_statement::{
    Document, Limit, Place, Policy, PolicyStore, Properties, Resources, Rules, StatementId, Statements, Target,
};
use serde_json::{Value, json};

pub(crate) const FOREIGN: &str = r#"{"Version":"2008-10-17","Statement":[{"Sid":"","Effect":"Deny","Principal":"*","Action":"ecr:DeleteRepository"}]}"#;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shelf(String);

impl Target for Shelf {
    const KIND: &'static str = "shelf";
    const ARN: &'static str = "arn:{partition}:shop:{region}:{account}:shelf/{}";
    const PROPERTIES: &'static [&'static str] = &policy_statement::properties::<2, 7>(["ShelfName", "AccountId"]);

    fn read(properties: &BTreeMap<String, String>) -> Result<Place<Self>, String> {
        let target = properties.get("ShelfName").cloned().map(Self).ok_or("`ShelfName` is required")?;
        Ok(Place { account: properties.get("AccountId").cloned(), target })
    }
}

impl fmt::Display for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Shelf {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(Self(text.to_owned()))
    }
}

/// Shelves with a policy or none.
#[derive(Clone, Default)]
pub(crate) struct Shelves(pub(crate) Rc<World>);

#[derive(Default)]
pub(crate) struct World {
    pub(crate) policies: RefCell<BTreeMap<String, Option<String>>>,
    pub(crate) before: RefCell<BTreeMap<String, Option<String>>>,
    /// That many reads show what was there before the last write.
    pub(crate) lag: Cell<u32>,
    pub(crate) reads: Cell<u32>,
    pub(crate) writes: Cell<u32>,
    /// What the next write is refused with.
    pub(crate) refusal: RefCell<Option<AwsError>>,
    /// Whether no write is ever answered.
    pub(crate) hangs: Cell<bool>,
    pub(crate) table: Table,
}

impl Shelves {
    pub(crate) fn with(policy: Option<&str>) -> Self {
        let shelves = Self::default();
        shelves.keep("app", policy);
        shelves
    }

    pub(crate) fn keep(&self, name: &str, policy: Option<&str>) {
        self.0.policies.borrow_mut().insert(name.to_owned(), policy.map(ToOwned::to_owned));
    }

    pub(crate) fn policy(&self) -> Option<String> {
        self.0.policies.borrow()["app"].clone()
    }

    pub(crate) fn statements(&self) -> Statements<Self> {
        let shelves = self.clone();
        let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let statements = Statements::new(&aws, move |_| shelves.clone());
        statements.with_leases(self.0.table.client(), "leases")
    }

    pub(crate) fn never_empty(&self) -> Statements<NeverEmpty> {
        let shelves = self.clone();
        let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let statements = Statements::new(&aws, move |_| NeverEmpty(shelves.clone()));
        statements.with_leases(self.0.table.client(), "leases")
    }

    pub(crate) fn refuse(&self, code: &str, message: &str) {
        self.0.refusal.replace(Some(AwsError::refused("shelf:PutPolicy", code, message)));
    }

    async fn write(&self, place: &Place<Shelf>, policy: Option<String>) -> Result<(), AwsError> {
        self.0.writes.set(self.0.writes.get() + 1);
        if self.0.hangs.get() {
            std::future::pending::<()>().await;
        }
        if let Some(refusal) = self.0.refusal.take() {
            return Err(refusal);
        }
        self.0.before.replace(self.0.policies.borrow().clone());
        self.0.policies.borrow_mut().insert(place.to_string(), policy);
        Ok(())
    }
}

impl PolicyStore for Shelves {
    type Target = Shelf;
    const RULES: Rules = Rules {
        policy: "a shelf's policy",
        services: &["ecr"],
        every_action: true,
        refused: &[],
        principals: true,
        resources: Resources::None,
    };
    const LIMIT: Limit = Limit::characters(600);
    const DELETED_WHEN_EMPTY: bool = true;
    const FROM_OUTSIDE: bool = false;
    const APPEARS_WITHIN: Option<Duration> = None;

    /// `alias/app` is `app`.
    async fn resolve(&self, place: Place<Shelf>) -> Result<Result<Place<Shelf>, AwsError>> {
        let name = place.target.0.strip_prefix("alias/").unwrap_or(&place.target.0).to_owned();
        Ok(Ok(Place { target: Shelf(name), ..place }))
    }

    async fn get(&self, place: &Place<Shelf>) -> Result<Policy> {
        self.0.reads.set(self.0.reads.get() + 1);
        let lag = self.0.lag.get();
        self.0.lag.set(lag.saturating_sub(1));
        let policies = if lag > 0 { self.0.before.borrow() } else { self.0.policies.borrow() };
        Ok(match policies.get(&place.to_string()) {
            Some(Some(text)) => Policy::Text(text.clone()),
            Some(None) => Policy::Absent,
            None => Policy::NoTarget(AwsError::refused("shelf:GetPolicy", "ShelfNotFound", "No such shelf.")),
        })
    }

    async fn put(&self, place: &Place<Shelf>, text: &str) -> Result<(), AwsError> {
        self.write(place, Some(text.to_owned())).await
    }

    async fn delete(&self, place: &Place<Shelf>) -> Result<(), AwsError> {
        self.write(place, None).await
    }

    fn is_about_principals(error: &AwsError) -> bool {
        error.code() == "InvalidPrincipal"
    }

    /// The shelf `wide` has room for twice as much.
    async fn limit(&self, place: &Place<Shelf>, _: usize) -> Result<Limit> {
        Ok(if place.target.0 == "wide" { Limit::characters(1200) } else { Self::LIMIT })
    }

    fn guard(_: &Place<Shelf>, before: &Document, after: &Document) -> Result<()> {
        let has_root = |document: &Document| {
            document.statements().any(|statement| statement.sid().is_some_and(|sid| sid.starts_with("Root")))
        };
        if has_root(before) && !has_root(after) { Err(Error::refused("it would lose its root")) } else { Ok(()) }
    }
}

/// The same shelves, whose policies may never be empty.
pub(crate) struct NeverEmpty(Shelves);

impl PolicyStore for NeverEmpty {
    type Target = Shelf;
    const RULES: Rules = Shelves::RULES;
    const LIMIT: Limit = Shelves::LIMIT;
    const DELETED_WHEN_EMPTY: bool = false;
    const FROM_OUTSIDE: bool = false;
    const APPEARS_WITHIN: Option<Duration> = Some(Duration::from_secs(30));

    async fn get(&self, place: &Place<Shelf>) -> Result<Policy> {
        self.0.get(place).await
    }

    async fn put(&self, place: &Place<Shelf>, text: &str) -> Result<(), AwsError> {
        self.0.put(place, text).await
    }

    async fn delete(&self, place: &Place<Shelf>) -> Result<(), AwsError> {
        self.0.delete(place).await
    }

    fn is_about_principals(error: &AwsError) -> bool {
        Shelves::is_about_principals(error)
    }
}

/// DynamoDB with one table, as far as leases need it: conditions are those on the holder and the time.
#[derive(Clone, Default)]
pub(crate) struct Table(Arc<Mutex<HashMap<String, HashMap<String, AttributeValue>>>>);

impl Table {
    pub(crate) fn client(&self) -> Client {
        let table = self.clone();
        let rule = mock!(Client::update_item).then_compute_response(move |request| table.update(request));
        mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&rule])
    }

    /// Lets somebody else hold a lease for that long.
    pub(crate) fn take(&self, policy: &str, holder: &str, lasts: Duration) {
        let until = AttributeValue::N((now() + lasts).as_millis().to_string());
        let holder = AttributeValue::S(holder.to_owned());
        let item = HashMap::from([("Holder".to_owned(), holder), ("Until".to_owned(), until)]);
        self.0.lock().unwrap().insert(policy.to_owned(), item);
    }

    /// For how long a lease still lasts.
    pub(crate) fn lasts(&self, policy: &str) -> Duration {
        let items = self.0.lock().unwrap();
        until(&items[policy]).saturating_sub(now())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    fn update(&self, request: &UpdateItemInput) -> MockResponse<UpdateItemOutput, UpdateItemError> {
        let mut items = self.0.lock().unwrap();
        let given = |name: &str| request.expression_attribute_values().unwrap().get(name).cloned();
        let policy = request.key().unwrap()["Policy"].as_s().unwrap().clone();
        let item = items.entry(policy).or_default();
        let holds = item.get("Holder") == given(":holder").as_ref();
        let is_over = given(":now").is_some() && until(item) < now();
        if !holds && !is_over {
            let body = r#"{"__type":"ConditionalCheckFailedException","message":"The conditional request failed"}"#;
            return MockResponse::Http(HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body)));
        }
        for (name, value) in [("Holder", ":holder"), ("Until", ":until"), ("Replaced", ":replaced")] {
            if let Some(value) = given(value) {
                item.insert(name.to_owned(), value);
            }
        }
        MockResponse::Output(UpdateItemOutput::builder().set_attributes(Some(item.clone())).build())
    }
}

fn until(item: &HashMap<String, AttributeValue>) -> Duration {
    let until = item.get("Until").map(|until| until.as_n().unwrap().parse().unwrap());
    Duration::from_millis(until.unwrap_or_default())
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

pub(crate) type Held = Claim<StatementId<Shelf>>;

pub(crate) fn claim(logical_id: &str) -> Held {
    let stack = "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a";
    Claim::new(Owner::new(stack, logical_id), None)
}

pub(crate) fn pull(account: &str) -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": account}, "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]})
}

pub(crate) fn properties(statement: &Value) -> Properties<Shelf> {
    read(json!({"ShelfName": "app", "Statement": statement})).unwrap()
}

pub(crate) fn read(properties: Value) -> Result<Properties<Shelf>, serde_json::Error> {
    serde_json::from_value(properties)
}

pub(crate) fn sids(policy: Option<String>) -> Vec<String> {
    let policy: Value = serde_json::from_str(&policy.unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    statements.iter().map(|statement| statement["Sid"].as_str().unwrap().to_owned()).collect()
}
