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
    config::{BehaviorVersion, retry::RetryConfig},
    operation::update_item::{UpdateItemError, UpdateItemInput, UpdateItemOutput},
    types::AttributeValue,
};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{AwsError, Claim, Error, Owner, Result, SdkConfig};
use policy_statement::{
    Document, Limit, Lookup, Objection, Policy, PolicyStore, Properties, Resources, Rules, Statement, StatementId,
    Statements, Target, TargetLocation,
};
use serde_json::{Value, json};

pub(crate) const FOREIGN: &str = r#"{"Version":"2008-10-17","Statement":[{"Sid":"","Effect":"Deny","Principal":"*","Action":"ecr:DeleteRepository"}]}"#;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shelf(String);

impl Target for Shelf {
    const KIND: &'static str = "shelf";
    const ARN: &'static str = "arn:{partition}:shop:{region}:{account}:shelf/{}";
    const OWN: &'static [&'static str] = &["ShelfName", "AccountId"];

    fn read(properties: &BTreeMap<String, String>) -> Result<TargetLocation<Self>, String> {
        let target = properties.get("ShelfName").cloned().map(Self).ok_or("`ShelfName` is required")?;
        Ok(TargetLocation { account: properties.get("AccountId").cloned(), target })
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
pub(crate) struct Shelves(pub(crate) Rc<ShelvesState>);

#[derive(Default)]
pub(crate) struct ShelvesState {
    pub(crate) policies: RefCell<BTreeMap<String, Option<String>>>,
    pub(crate) before: RefCell<BTreeMap<String, Option<String>>>,
    /// That many reads show what was there before the last write.
    pub(crate) lag: Cell<u32>,
    pub(crate) reads: Cell<u32>,
    pub(crate) writes: Cell<u32>,
    pub(crate) resolved: Cell<u32>,
    /// What the next write is refused with.
    pub(crate) refusal: RefCell<Option<AwsError>>,
    /// How long a read takes.
    pub(crate) takes: Cell<Duration>,
    /// How long a policy may be, if it may not be of any length.
    pub(crate) most: Cell<Option<usize>>,
    /// The shelf that may not be read.
    pub(crate) denied: RefCell<Option<&'static str>>,
    /// Whether no write is ever answered.
    pub(crate) hangs: Cell<bool>,
    /// Whether the answer to the next write is lost.
    answer_is_lost: Cell<bool>,
    /// The words in which a policy is shown, if they aren't those in which it was written.
    pub(crate) rewords: Cell<Option<fn(&mut Value)>>,
    /// What else happens during the next read.
    meanwhile: RefCell<Option<Box<dyn FnOnce()>>>,
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

    pub(crate) fn lose_answer(&self) {
        self.0.answer_is_lost.set(true);
    }

    pub(crate) fn on_read(&self, meanwhile: impl FnOnce() + 'static) {
        self.0.meanwhile.replace(Some(Box::new(meanwhile)));
    }

    pub(crate) fn refuse(&self, code: &str, message: &str) {
        self.0.refusal.replace(Some(AwsError::refused("shelf:PutPolicy", code, message)));
    }

    fn reworded(&self, text: &str) -> String {
        let Some(reword) = self.0.rewords.get() else { return text.to_owned() };
        let mut policy: Value = serde_json::from_str(text).unwrap();
        policy["Statement"].as_array_mut().unwrap().iter_mut().for_each(reword);
        policy.to_string()
    }

    async fn wait(&self) {
        if !self.0.takes.get().is_zero() {
            tokio::time::sleep(self.0.takes.get()).await;
        }
    }

    async fn write(&self, location: &TargetLocation<Shelf>, policy: Option<String>) -> Result<(), AwsError> {
        self.0.writes.set(self.0.writes.get() + 1);
        if self.0.hangs.get() {
            std::future::pending::<()>().await;
        }
        if let Some(refusal) = self.0.refusal.take() {
            return Err(refusal);
        }
        if let (Some(policy), Some(most)) = (&policy, self.0.most.get())
            && policy.len() > most
        {
            return Err(AwsError::refused("shelf:PutPolicy", "TooLarge", "It is too long."));
        }
        self.0.before.replace(self.0.policies.borrow().clone());
        self.0.policies.borrow_mut().insert(location.to_string(), policy);
        if self.0.answer_is_lost.take() {
            return Err(AwsError::unanswered("shelf:PutPolicy", "the connection failed"));
        }
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
        canonical_users: false,
        resources: Resources::None,
    };
    const LIMIT: Limit = Limit::characters(600);
    const DELETED_WHEN_EMPTY: bool = true;
    const FROM_OUTSIDE: bool = false;
    const APPEARS_WITHIN: Option<Duration> = None;
    const OPENED_BY: &'static str = "list the shelf in the parameter ShelfArns";

    /// `alias/app` is `app`.
    async fn resolve(&self, location: TargetLocation<Shelf>) -> Result<Lookup<TargetLocation<Shelf>>> {
        self.0.resolved.set(self.0.resolved.get() + 1);
        let name = location.target.0.strip_prefix("alias/").unwrap_or(&location.target.0).to_owned();
        Ok(Lookup::Found(TargetLocation { target: Shelf(name), ..location }))
    }

    async fn get(&self, location: &TargetLocation<Shelf>) -> Result<Policy> {
        self.0.reads.set(self.0.reads.get() + 1);
        self.wait().await;
        if let Some(meanwhile) = self.0.meanwhile.take() {
            meanwhile();
        }
        if self.0.denied.borrow().is_some_and(|denied| denied == location.to_string()) {
            let denied = AwsError::refused("shelf:GetPolicy", "AccessDenied", "Not you.");
            return Err(denied.not_yet_within(Duration::from_secs(20)).into());
        }
        let lag = self.0.lag.get();
        self.0.lag.set(lag.saturating_sub(1));
        let policies = if lag > 0 { self.0.before.borrow() } else { self.0.policies.borrow() };
        Ok(match policies.get(&location.to_string()) {
            Some(Some(text)) => Policy::Text(self.reworded(text)),
            Some(None) => Policy::Absent,
            None => Policy::NoTarget(AwsError::refused("shelf:GetPolicy", "ShelfNotFound", "No such shelf.")),
        })
    }

    async fn put(&self, location: &TargetLocation<Shelf>, text: &str) -> Result<(), AwsError> {
        self.write(location, Some(text.to_owned())).await
    }

    async fn delete(&self, location: &TargetLocation<Shelf>) -> Result<(), AwsError> {
        self.write(location, None).await
    }

    fn objection(error: &AwsError) -> Objection {
        match (error.code(), error.message()) {
            ("InvalidPrincipal", _) => Objection::Principal,
            ("TooLarge", _) => Objection::Size,
            ("Malformed", "") => Objection::PrincipalOrStatement,
            ("Malformed", _) => Objection::Statement,
            _ => Objection::Other,
        }
    }

    fn no_longer_taken(statement: &Statement) -> Option<&'static str> {
        (!statement.text().contains(r#""Action""#)).then_some("has no Action")
    }

    /// The shelf `wide` has room for twice as much.
    async fn limit(&self, location: &TargetLocation<Shelf>) -> Result<Limit> {
        Ok(if location.target.0 == "wide" { Limit::characters(1200) } else { Self::LIMIT })
    }

    fn guard(_: &TargetLocation<Shelf>, before: &Document, after: &Document) -> Result<()> {
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
    const LAG: Duration = Duration::from_mins(10);
    const OPENED_BY: &'static str = "list the shelf in the parameter ShelfArns";

    async fn get(&self, location: &TargetLocation<Shelf>) -> Result<Policy> {
        self.0.get(location).await
    }

    async fn put(&self, location: &TargetLocation<Shelf>, text: &str) -> Result<(), AwsError> {
        self.0.put(location, text).await
    }

    async fn delete(&self, location: &TargetLocation<Shelf>) -> Result<(), AwsError> {
        self.0.delete(location).await
    }

    fn objection(error: &AwsError) -> Objection {
        Shelves::objection(error)
    }
}

/// The two conditions that the mock understands, to the letter.
const IS_FREE: &str = "attribute_not_exists(#until) OR #until < :now OR #holder = :holder";
const IS_HELD: &str = "#holder = :holder AND #until > :now";

type Item = HashMap<String, AttributeValue>;

/// `DynamoDB` with one table of leases.
#[derive(Clone, Default)]
pub(crate) struct Table(Arc<Mutex<Items>>);

#[derive(Default)]
struct Items {
    items: HashMap<String, Item>,
    fails: Option<fn(&UpdateItemInput) -> bool>,
}

impl Table {
    pub(crate) fn client(&self) -> Client {
        let table = self.clone();
        let rule = mock!(Client::update_item).then_compute_response(move |request| table.update(request));
        mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&rule], |config| {
            config.retry_config(RetryConfig::disabled())
        })
    }

    /// Lets somebody else hold a lease for that long.
    pub(crate) fn take(&self, policy: &str, holder: &str, lasts: Duration) {
        let until = AttributeValue::N((now() + lasts).as_millis().to_string());
        let holder = AttributeValue::S(holder.to_owned());
        let item = Item::from([("Holder".to_owned(), holder), ("Until".to_owned(), until)]);
        self.0.lock().unwrap().items.entry(policy.to_owned()).or_default().extend(item);
    }

    /// Lets the lease of whoever holds it run out.
    pub(crate) fn run_out(&self, policy: &str) {
        let over = AttributeValue::N("1".to_owned());
        self.0.lock().unwrap().items.get_mut(policy).unwrap().insert("Until".to_owned(), over);
    }

    /// Makes what is remembered that much older.
    pub(crate) fn age(&self, policy: &str, by: Duration) {
        let mut items = self.0.lock().unwrap();
        let Some(AttributeValue::L(history)) = items.items.get_mut(policy).unwrap().get_mut("History") else {
            return;
        };
        for line in history {
            let text = line.as_s().unwrap();
            let (what, at) = text.rsplit_once(' ').unwrap();
            let Ok(at) = at.parse::<u64>() else { continue };
            *line = AttributeValue::S(format!("{what} {}", at - u64::try_from(by.as_millis()).unwrap()));
        }
    }

    /// Makes what is remembered of the words of statements forgotten.
    pub(crate) fn forget_words(&self, policy: &str) {
        let mut items = self.0.lock().unwrap();
        let Some(AttributeValue::L(history)) = items.items.get_mut(policy).unwrap().get_mut("History") else {
            return;
        };
        history.retain(|line| !line.as_s().unwrap().starts_with("shown "));
    }

    /// Lets the service fail for such requests.
    pub(crate) fn fail(&self, fails: Option<fn(&UpdateItemInput) -> bool>) {
        self.0.lock().unwrap().fails = fails;
    }

    /// For how long a lease still lasts.
    pub(crate) fn lasts(&self, policy: &str) -> Duration {
        let items = self.0.lock().unwrap();
        until(&items.items[policy]).saturating_sub(now())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().items.is_empty()
    }

    fn update(&self, request: &UpdateItemInput) -> MockResponse<UpdateItemOutput, UpdateItemError> {
        let mut items = self.0.lock().unwrap();
        if items.fails.is_some_and(|fails| fails(request)) {
            return refusal(500, "InternalServerError");
        }
        let values = request.expression_attribute_values().unwrap();
        let names = request.expression_attribute_names().unwrap();
        assert_eq!((&*names["#holder"], &*names["#until"]), ("Holder", "Until"));
        let item = items.items.entry(request.key().unwrap()["Policy"].as_s().unwrap().clone()).or_default();
        let holds = item.get("Holder") == values.get(":holder");
        let is_over = until(item) < time(&values[":now"]);
        let condition = request.condition_expression().unwrap();
        assert!([IS_FREE, IS_HELD].contains(&condition), "the mock can't judge {condition}");
        let is_so = if condition == IS_FREE { is_over || holds } else { holds && !is_over };
        if !is_so {
            return refusal(400, "ConditionalCheckFailedException");
        }
        let changes = request.update_expression().unwrap().strip_prefix("SET ").unwrap();
        for change in changes.split(", ") {
            let (name, value) = change.split_once(" = ").unwrap();
            let name = names.get(name).map_or(name, String::as_str);
            item.insert(name.to_owned(), values[value].clone());
        }
        MockResponse::Output(UpdateItemOutput::builder().set_attributes(Some(item.clone())).build())
    }
}

fn refusal(status: u16, code: &str) -> MockResponse<UpdateItemOutput, UpdateItemError> {
    let body = format!(r#"{{"__type":"{code}","message":"Not this time."}}"#);
    MockResponse::Http(HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body)))
}

fn until(item: &Item) -> Duration {
    item.get("Until").map(time).unwrap_or_default()
}

fn time(value: &AttributeValue) -> Duration {
    Duration::from_millis(value.as_n().unwrap().parse().unwrap())
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

pub(crate) type ShelfClaim = Claim<StatementId<Shelf>>;

pub(crate) fn claim(logical_id: &str) -> ShelfClaim {
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
