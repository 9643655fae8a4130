//! A service in memory, and the ledger's table in memory behind a real client.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use archipelago::CallerTable;
use archipelago_tests::model::{DynamoDb, Fault, Weather, configuration};
use aws_sdk_dynamodb::{Client, config::BehaviorVersion};
use custom_resource::{AwsError, Claim, Error, FunctionArn, LeftBehind, Owner, Resource, Result, SdkConfig};
use policy_statement::{
    Attributes, Document, Limit, Lookup, Objection, Policy, PolicyStore, Properties, Resources, Rules, Statement,
    StatementId, Statements, Target, TargetLocation,
};
use serde_json::{Map, Value, json};

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
    /// Whether each shelf is being deleted, with its policy.
    pub(crate) is_gone: Cell<bool>,
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
    /// What tells the shelves from others that have their names later.
    pub(crate) identity: Cell<Option<&'static str>>,
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

    pub(crate) fn statements(&self) -> Process<Self> {
        let shelves = self.clone();
        self.process(Statements::new(&aws(), move |_| shelves.clone()))
    }

    pub(crate) fn never_empty(&self) -> Process<NeverEmpty> {
        let shelves = self.clone();
        self.process(Statements::new(&aws(), move |_| NeverEmpty(shelves.clone())))
    }

    fn process<S: PolicyStore>(&self, statements: Statements<S>) -> Process<S> {
        let table = self.0.table.clone();
        let statements = statements.with_ledger(table.client(), TABLE, table.clock()).with_callers(table.callers());
        Process { statements, table }
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
    const TYPE: &'static str = "Custom::ShelfStatement";
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
        if self.0.is_gone.get() {
            return Ok(Lookup::Gone(AwsError::refused("shelf:DescribeShelf", "Gone", "the shelf is being deleted")));
        }
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

    async fn identity(&self, _: &TargetLocation<Shelf>) -> Option<String> {
        self.0.identity.get().map(ToOwned::to_owned)
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
    const TYPE: &'static str = "Custom::ShelfStatement";
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

/// The one table that there is.
pub(crate) const TABLE: &str = "ledger";
pub(crate) const CALLERS: &str = "callers";

/// The shelf `app`.
pub(crate) const APP: &str = "arn:aws:shop:eu-west-1:111111111111:shelf/app";

/// The actions of [`pull`].
pub(crate) const PULL: [&str; 2] = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// How long after each other requests come, if nothing else is said: nobody waits for the lease then.
pub(crate) const APART: Duration = Duration::from_secs(5);

/// `DynamoDB` with the ledger's table, and the time that its functions go by.
#[derive(Clone)]
pub(crate) struct Table {
    tables: Arc<DynamoDb>,
    weather: Arc<Weather>,
    now: Rc<Cell<Duration>>,
}

impl Default for Table {
    fn default() -> Self {
        let tables = DynamoDb::new(&[(TABLE, &["Policy", "Item"]), (CALLERS, &["Caller", "Item"])]);
        let tables = Arc::new(tables.with_index(TABLE, "ByType", &["Type", "Policy"]));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self { tables, weather: Arc::new(Weather::still()), now: Rc::new(Cell::new(now)) }
    }
}

impl Table {
    pub(crate) fn client(&self) -> Client {
        Client::new(&configuration(self.tables.clone(), self.weather.clone()))
    }

    /// A client of a process with weather of its own.
    pub(crate) fn client_in(&self, weather: &Arc<Weather>) -> Client {
        Client::new(&configuration(self.tables.clone(), Arc::clone(weather)))
    }

    /// The table of callers.
    pub(crate) fn callers(&self) -> CallerTable {
        CallerTable::new(self.client(), Some(CALLERS.to_owned()))
    }

    /// Opens the shelf `app`, and one more target, to a caller for these actions, in the place of what was open to it before.
    pub(crate) fn open(&self, caller: &str, target: &str, actions: &[&str]) {
        self.grant(
            caller,
            "grant one",
            &json!({"Types": ["ShelfStatement"], "Targets": [APP, target], "Actions": actions, "Services": []}),
        );
    }

    /// Makes one of the grants of a caller be that.
    pub(crate) fn grant(&self, caller: &str, item: &str, grant: &Value) {
        let content = json!({"S": grant.to_string()});
        self.tables.change(CALLERS, &[caller, item], |item| drop(item.insert("Grant".to_owned(), content)));
    }

    /// Takes all away that is granted to a caller.
    pub(crate) fn close(&self, caller: &str) {
        self.open(caller, "", &[]);
    }

    pub(crate) fn clock(&self) -> impl Fn() -> Duration + 'static {
        let now = Rc::clone(&self.now);
        move || now.get()
    }

    /// Lets that much time pass.
    pub(crate) fn pass(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }

    /// Lets somebody else hold a lease for that long.
    pub(crate) fn take(&self, policy: &str, holder: &str, lasts: Duration) {
        let until = json!({"N": (self.now.get() + lasts).as_millis().to_string()});
        self.change(policy, |item| {
            item.insert("Version".to_owned(), json!({"N": "1"}));
            item.insert("Holder".to_owned(), json!({"S": holder}));
            item.insert("Until".to_owned(), until);
        });
    }

    /// Lets the lease of whoever holds it run out.
    pub(crate) fn run_out(&self, policy: &str) {
        self.change(policy, |item| drop(item.insert("Until".to_owned(), json!({"N": "1"}))));
    }

    /// Lets the service fail for requests with such a condition and such an update.
    pub(crate) fn fail(&self, fails: fn(&str, &str) -> bool) {
        self.weather.watch(move |_, request| {
            let parts = request["TransactItems"].as_array().cloned().unwrap_or_default();
            let all = parts.iter().map(|part| &part["Update"]).chain([request]);
            let is_hit = all.into_iter().any(|request| {
                let [condition, update] =
                    ["ConditionExpression", "UpdateExpression"].map(|name| request[name].as_str());
                fails(condition.unwrap_or_default(), update.unwrap_or_default())
            });
            is_hit.then_some(Fault::Broken)
        });
    }

    /// Tells `watcher` of each call, which says what goes wrong with it.
    pub(crate) fn watch(&self, watcher: impl FnMut(&str, &Value) -> Option<Fault> + Send + 'static) {
        self.weather.watch(watcher);
    }

    /// Ends when a process is to die at a call.
    pub(crate) async fn death(&self) {
        self.weather.death().await;
    }

    /// Lets a batch of reads have at most so many bytes: the rest is left unread, as where DynamoDB is busy.
    pub(crate) fn read_at_most(&self, bytes: usize) {
        self.tables.set_page(bytes);
    }

    /// The write units that all requests have consumed.
    pub(crate) fn write_units(&self) -> usize {
        self.tables.write_units(TABLE)
    }

    /// Lets each call go wrong in this way.
    pub(crate) fn fail_with(&self, fault: Fault) {
        self.weather.watch(move |_, _| Some(fault));
    }

    /// The item of a lease.
    pub(crate) fn lease(&self, policy: &str) -> Option<Map<String, Value>> {
        self.tables.item(TABLE, &[policy, "lease"])
    }

    /// For how long a lease still lasts.
    pub(crate) fn lasts(&self, policy: &str) -> Duration {
        let item = self.tables.item(TABLE, &[policy, "lease"]).unwrap();
        let until = item.get("Until").map_or(0, |until| until["N"].as_str().unwrap().parse().unwrap());
        Duration::from_millis(until).saturating_sub(self.now.get())
    }

    /// Adds a claim like the first one on a policy, of another stack.
    pub(crate) fn copy_claim(&self, policy: &str, stack: &str) {
        let mut item = self.claims(policy).swap_remove(0);
        let key = format!("claim {stack}");
        item.insert("Item".to_owned(), json!({ "S": key }));
        item.insert("StackId".to_owned(), json!({ "S": stack }));
        self.tables.change(TABLE, &[policy, &key], |copy| *copy = item);
    }

    /// Loses all items.
    pub(crate) fn lose(&self) {
        self.tables.begin();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.items(TABLE).is_empty()
    }

    /// The items of claims on a policy.
    pub(crate) fn claims(&self, policy: &str) -> Vec<Map<String, Value>> {
        let items = self.tables.items(TABLE).into_iter();
        items.filter(|item| item["Policy"]["S"] == policy && item["Item"]["S"] != "lease").collect()
    }

    /// Changes the items of claims on a policy.
    pub(crate) fn change_claims(&self, policy: &str, change: impl Fn(&mut Map<String, Value>)) {
        for item in self.claims(policy) {
            self.tables.change(TABLE, &[policy, item["Item"]["S"].as_str().unwrap()], &change);
        }
    }

    /// Changes the item of a claim, or makes it.
    pub(crate) fn add_claim(&self, policy: &str, key: &str, change: impl FnOnce(&mut Map<String, Value>)) {
        self.tables.change(TABLE, &[policy, key], change);
    }

    pub(crate) fn change(&self, policy: &str, change: impl FnOnce(&mut Map<String, Value>)) {
        self.tables.change(TABLE, &[policy, "lease"], change);
    }
}

/// Statements that are asked as the lifecycle asks them.
pub(crate) struct Process<S: PolicyStore> {
    pub(crate) statements: Statements<S>,
    table: Table,
}

impl<S: PolicyStore> Process<S> {
    pub(crate) fn with(self, change: impl FnOnce(Statements<S>) -> Statements<S>) -> Self {
        Self { statements: change(self.statements), ..self }
    }

    async fn ended<T>(&self, ended: Result<T>, claim: &Claim<StatementId<S::Target>>) -> Result<T> {
        if matches!(ended, Err(Error::Refused(_))) {
            self.statements.give_up(claim).await;
        }
        self.statements.settle().await;
        ended
    }
}

impl<S: PolicyStore> Resource for Process<S> {
    type Properties = Properties<S::Target>;
    type Id = StatementId<S::Target>;
    type Attributes = Attributes;
    const KEEPS_ORDER: bool = true;

    async fn ensure(
        &self,
        desired: &Self::Properties,
        previous: Option<&Self::Properties>,
        claim: &Claim<Self::Id>,
    ) -> Result<Attributes> {
        self.table.pass(APART);
        self.ended(self.statements.ensure(desired, previous, claim).await, claim).await
    }

    async fn remove(&self, last: Option<&Self::Properties>, claim: &Claim<Self::Id>) -> Result<()> {
        self.table.pass(APART);
        self.ended(self.statements.remove(last, claim).await, claim).await
    }

    async fn take_back(
        &self,
        cancelled: &Self::Properties,
        desired: &Self::Properties,
        left: &LeftBehind,
        claim: &Claim<Self::Id>,
    ) -> Result<()> {
        self.ended(self.statements.take_back(cancelled, desired, left, claim).await, claim).await
    }

    async fn other_event(&self, event: &Value, function: &FunctionArn) -> Option<Result<Value>> {
        self.table.pass(APART);
        let answer = self.statements.other_event(event, function).await;
        self.statements.settle().await;
        answer
    }
}

impl<S: PolicyStore> Process<S> {
    /// What an administrator, or a rule, is answered.
    #[expect(clippy::expect_used, reason = "a test fails so")]
    pub(crate) async fn told(&self, event: Value) -> Result<Value> {
        let function = "arn:aws:lambda:eu-west-1:111111111111:function:archipelago-shelf-statement";
        self.other_event(&event, &FunctionArn::read(function)).await.expect("it is for this type")
    }
}

pub(crate) fn aws() -> SdkConfig {
    SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build()
}

pub(crate) type ShelfClaim = Claim<StatementId<Shelf>>;

pub(crate) fn claim(logical_id: &str) -> ShelfClaim {
    let stack = "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a";
    Claim::new(Owner::new(stack, logical_id), None)
}

/// The claim in a later request, as CloudFormation asks for it when it knows the id that it has.
pub(crate) fn later(claim: &ShelfClaim) -> ShelfClaim {
    let function = claim.invocation().function().clone();
    let later = Claim::new(claim.owner().clone(), claim.id().map(|id| id.to_string()).as_deref());
    later.in_invocation(|invocation| invocation.on(function))
}

/// The claim, as CloudFormation asks for it when it knows its id.
pub(crate) fn known(logical_id: &str) -> ShelfClaim {
    let owner = claim(logical_id).owner().clone();
    let id = format!("app#{}", owner.mark());
    Claim::new(owner, Some(&id))
}

/// The `Sid` of its one statement.
pub(crate) fn sid(logical_id: &str) -> String {
    format!("{logical_id}{}", claim(logical_id).owner().mark())
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
