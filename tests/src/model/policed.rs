//! Policies of others, and statements that stacks have in them, whichever service keeps them.

mod scenarios;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_types::SdkConfig;
use policy_statement::{Document, PolicyStore, Resources, Statements};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

pub use scenarios::{FRESH, every_fault, policies_are_planned};

use super::dynamodb::DynamoDb;
use super::http::{Service, configuration};
use super::played_aws::{PlayedAws, Thing, Wish};
use super::policies::{Called, Documents, FRESH_ROLE, PlayedPolicies, UNKNOWN};
use super::weather::Weather;
use crate::cloudformation::Live;

/// The account of the last of the targets, and the role there that may change its policy.
const OTHER_ACCOUNT: &str = "222222222222";

/// A mark that no claim has.
const NOBODY: &str = "nobody";

/// How long a lease lasts that is not released, as that of a process that was killed.
const LEASE: Duration = Duration::from_secs(15);

/// How long the policy of another target is, which is near the limit of a trust policy.
const LONG: usize = 1_900;

/// A store of policies that is played.
pub trait Played: PolicyStore + Debug + 'static {
    /// What statements may allow.
    const ACTIONS: [&'static str; 2];
    /// What policies belong to, by their ids: a target, one with a long policy, one without any, one that isn't there, and
    /// one of another account.
    const TARGETS: [&'static str; 5];
    /// The calls of a request that comes after a later one.
    const COST_OF_LATE_REQUESTS: &'static [&'static str];
    /// Another name of the first target, if there is one.
    const ALIAS: Option<&'static str> = None;

    /// The store itself.
    fn store(aws: &SdkConfig) -> Self;

    /// What it speaks to.
    fn service(policies: Arc<PlayedPolicies>) -> Box<dyn Service>;

    /// The properties that name a target.
    fn properties(target: &str) -> Value;
}

/// The policies of one service, and statements in them.
pub struct Policed<S> {
    policies: Arc<PlayedPolicies>,
    called: Arc<Called>,
    aws: SdkConfig,
    began: Rc<Cell<(Instant, Duration)>>,
    store: PhantomData<fn() -> S>,
}

impl<S> Debug for Policed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policed").field("policies", &self.policies).finish_non_exhaustive()
    }
}

/// A statement that allows a principal something on a target, or where policies have no principals a role something that is
/// called like that one.
fn statement<S: Played>(principal: &str, target: &str, actions: &Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Action": actions });
    if S::RULES.principals {
        statement["Principal"] = json!({ "AWS": principal });
    }
    match S::RULES.resources {
        Resources::None => {}
        Resources::Star => statement["Resource"] = "*".into(),
        Resources::Of(service) => statement["Resource"] = format!("arn:aws:{service}:::{target}/*").into(),
        Resources::Any => statement["Resource"] = format!("arn:aws:s3:::{}", principal.replace(':', ".")).into(),
    }
    statement
}

/// A policy of somebody else, written by hand, with a copied mark in the middle of a Sid.
fn foreign<S: Played>(target: &str, length: usize) -> String {
    let root = statement::<S>("arn:aws:iam::111111111111:root", target, &json!(["kms:*"])).to_string();
    let beginning = r#"{"Version":"2008-10-17","Id":"\u0041","Statement":[{"Sid":"Thing0123456789of","N":1.0,"#;
    let rest = format!("{},{{\"Sid\":\"\",\"Effect\":\"Deny\",", root.trim_start_matches('{'));
    let end = if matches!(S::RULES.resources, Resources::Star) { r#"","Resource":"*"}]}"# } else { r#""}]}"# };
    let filling = "x".repeat(length.saturating_sub(beginning.len() + rest.len()));
    format!(r#"{beginning}{rest}"Principal":"*","Action":"none:{filling}{end}"#)
}

fn wish<S: Played>(target: &str, statement: &Value, meaning: &'static str) -> Wish {
    let mut properties = S::properties(target);
    properties["Statement"] = statement.clone();
    Wish { properties, meaning }
}

impl<S: Played> Policed<S> {
    fn documents(&self) -> BTreeMap<String, Document> {
        let documents = self.policies.documents().into_iter();
        let read = |text: String| Document::parse(&text).expect("what is kept can be read");
        documents.filter_map(|(target, text)| Some((target, read(text?)))).collect()
    }
}

/// The id of statements in the policy of a target.
fn id<S: Played>(target: &str, mark: &str) -> String {
    if target == S::TARGETS[4] { format!("{OTHER_ACCOUNT}:{target}#{mark}") } else { format!("{target}#{mark}") }
}

impl<S: Played> PlayedAws for Policed<S> {
    type Resource = Statements<S>;
    const TYPE: &'static str = <S as PolicyStore>::TYPE;
    const STOPS_WHEN_OVERTAKEN: bool = true;
    /// It notes the request, asks for the lease and reads the policy at once, and gives the lease back.
    const COST_OF_LATE_REQUESTS: &'static [&'static str] = S::COST_OF_LATE_REQUESTS;
    /// It looks whether the claim is suspended where it is.
    const READ_BEFORE_REPLACEMENT: Option<&'static str> = Some("GetItem");
    /// The sessions of roles that it assumed.
    const REMEMBERS: bool = true;

    fn wishes() -> Vec<Wish> {
        let [target, other, new, nowhere, elsewhere] = S::TARGETS;
        let [first, second] = S::ACTIONS;
        let both = json!([first, second]);
        let plain = statement::<S>("222222222222", target, &both);
        let two = json!([plain, statement::<S>("333333333333", target, &json!(first))]);
        let unknown = statement::<S>(&format!("arn:aws:iam::{UNKNOWN}:role/gone"), target, &both);
        let fresh = statement::<S>(&format!("arn:aws:iam::333333333333:{FRESH_ROLE}"), target, &both);
        let of = |target| statement::<S>("222222222222", target, &both);
        let mut too_long = plain.clone();
        too_long["Condition"] = json!({ "StringLike": { "aws:PrincipalTag/team": "x".repeat(S::LIMIT.size + 2_048) } });
        let mut elsewhere = wish::<S>(elsewhere, &of(elsewhere), "elsewhere");
        elsewhere.properties["RoleArn"] = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/writer").into();
        let mut wishes = vec![
            wish::<S>(target, &plain, "plain"),
            wish::<S>(target, &json!([statement::<S>("222222222222", target, &json!([second, first]))]), "plain"),
            wish::<S>(target, &two, "two"),
            wish::<S>(other, &of(other), "in another policy"),
            wish::<S>(new, &of(new), "in a new policy"),
            wish::<S>(target, &fresh, "for a fresh role"),
            elsewhere,
            wish::<S>(nowhere, &of(nowhere), "without a target"),
            wish::<S>(target, &unknown, "refused by AWS"),
            wish::<S>(target, &too_long, "too long"),
            wish::<S>(target, &json!({ "Effect": "Perhaps" }), "no statement"),
            Wish { properties: json!({ "Statment": [] }), meaning: "misspelt" },
        ];
        wishes.extend(S::ALIAS.map(|alias| wish::<S>(alias, &plain, "plain")));
        wishes
    }

    fn new(weather: Arc<Weather>) -> Self {
        let policies = Arc::<PlayedPolicies>::default();
        let leases = DynamoDb::new(&[("ledger", &["Policy", "Item"])]);
        let called = Arc::new(Called { policies: S::service(policies.clone()), leases });
        let began = Rc::new(Cell::new((Instant::now(), Duration::ZERO)));
        let aws = configuration(called.clone(), weather);
        Self { policies, called, aws, began, store: PhantomData }
    }

    fn begin(&self) {
        self.called.leases.begin();
        self.began.set((Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()));
        let [target, other, new, _, elsewhere] = S::TARGETS;
        let documents = [(target, 0), (other, LONG), (new, 0), (elsewhere, 0)].map(|(target, length)| {
            let is_there = target != new || !S::DELETED_WHEN_EMPTY;
            (target.to_owned(), is_there.then(|| foreign::<S>(target, length)))
        });
        self.policies.begin(Documents::from(documents));
    }

    fn process(&self) -> Statements<S> {
        let table = aws_sdk_dynamodb::Client::new(&self.aws);
        let began = Rc::clone(&self.began);
        let clock = move || now(began.get());
        Statements::new(&self.aws, S::store).with_ledger(table, "ledger", clock)
    }

    fn foreign(&self, marks: &[String]) -> String {
        let without_ours = self.documents().into_iter().map(|(target, mut document)| {
            for mark in marks {
                document.replace_own(mark, &[]);
            }
            (target, document)
        });
        // A target without a policy before may have one of ours.
        let foreign = without_ours.filter(|(_, document)| !document.is_empty());
        format!("{:#?}", foreign.map(|(target, document)| (target, document.to_text())).collect::<Vec<_>>())
    }

    fn ours(&self, marks: &[String]) -> Vec<Thing> {
        let documents = self.documents().into_iter();
        let ours = documents.flat_map(|(target, document)| {
            let of = |mark: &&String| document.own(mark).next().is_some();
            let thing = |mark: &String| Thing { mark: mark.clone(), id: id::<S>(&target, mark) };
            marks.iter().filter(of).map(thing).collect::<Vec<_>>()
        });
        ours.collect()
    }

    /// A wish that nobody could withdraw is carried out by whoever holds the lease next.
    fn may_appear(&self, id: &str) -> bool {
        let wishes = self.called.leases.items("ledger").into_iter().filter(|item| item.contains_key("Wish"));
        let location = |item: &Map<String, Value>| item["Location"]["S"].as_str().unwrap_or_default().to_owned();
        wishes.map(|item| location(&item)).any(|location| id.starts_with(&format!("{location}#")))
    }

    fn check(&self, live: &Live, mark: &str) -> Result<(), String> {
        let documents = self.documents();
        let found = documents.iter().find(|(target, _)| id::<S>(target, mark) == live.physical_resource_id);
        let (_, document) = found.ok_or("its id is that of no policy")?;
        let own = document.own(mark);
        let wanted = match &live.properties["Statement"] {
            Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        };
        let there: Vec<Value> = own.map(|own| serde_json::from_str(own.text()).expect("a statement")).collect();
        let sids: Vec<_> = there.iter().filter_map(|own| own["Sid"].as_str()).collect();
        let grants = |list: &[Value]| list.iter().map(grant).collect::<Vec<_>>();
        if grants(&there) != grants(&wanted) {
            return Err(format!("the policy says {there:?}"));
        }
        let size = S::LIMIT.used_by(document).to_string();
        if live.data["Sids"] != sids.join(",") || live.data["PolicySize"] != Value::String(size) {
            return Err(format!("its attributes aren't those of {sids:?}"));
        }
        Ok(())
    }

    /// The policy that was shown is there, whatever AWS has made of its words.
    fn check_plan(&self, plan: &Value) -> Result<(), String> {
        let named = plan["Policy"].as_str().and_then(|policy| policy.split_once(' ')).ok_or("it shows no policy")?.1;
        let target = named.rsplit_once(':').filter(|(account, _)| *account == OTHER_ACCOUNT).map_or(named, |it| it.1);
        let now = self.documents().remove(target).unwrap_or_else(Document::empty);
        let planned = match &plan["After"] {
            Value::Null => Document::empty(),
            after => Document::parse(&after.to_string()).map_err(|error| error.to_string())?,
        };
        let is_so = planned.keeps_foreign(&now, NOBODY) && now.keeps_foreign(&planned, NOBODY);
        if is_so { Ok(()) } else { Err(format!("{target} has {}, and not {}", now.to_text(), planned.to_text())) }
    }

    fn check_end(&self) -> Result<(), String> {
        let then = now(self.began.get()) + LEASE;
        let until = |item: &Map<String, Value>| item.get("Until").and_then(|until| until["N"].as_str()?.parse().ok());
        let is_held = |item: &Map<String, Value>| until(item).is_some_and(|until| Duration::from_millis(until) > then);
        let items = self.called.leases.items("ledger").into_iter().filter(is_held);
        let held: Vec<_> = items.map(|item| item["Policy"].to_string()).collect();
        if held.is_empty() { Ok(()) } else { Err(format!("somebody holds {held:?} for longer than a lease lasts")) }
    }
}

/// The time since 1970 in a life that began then. Waits of a life cost no time, which the time of day doesn't know.
fn now((began, at): (Instant, Duration)) -> Duration {
    at + began.elapsed()
}

/// A statement without its name, accounts by their ids, and its actions in one order.
fn grant(statement: &Value) -> Value {
    let mut grant = statement.clone();
    if let Some(principal) = grant["Principal"]["AWS"].as_str() {
        let account = principal.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
        let account = Value::from(account.unwrap_or(principal));
        grant["Principal"]["AWS"] = account;
    }
    if let Some(statement) = grant.as_object_mut() {
        statement.remove("Sid");
    }
    if let Some(actions) = grant["Action"].as_array_mut() {
        actions.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    grant
}
