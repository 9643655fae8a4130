//! What `Statements` does to a policy that is kept in memory, where others write as well and reads may lag.

#![expect(clippy::unwrap_used, reason = "helpers of tests; the lint only spares the tests themselves")]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    str::FromStr,
};

use custom_resource::{AwsError, Claim, Error, Owner, Resource, Result};
use policy_statement::{Limit, Policy, PolicyStore, Properties, Resources, Rules, StatementId, Statements, Target};
use serde_json::{Value, json};

const FOREIGN: &str = r#"{"Version":"2008-10-17","Statement":[{"Sid":"","Effect":"Deny","Principal":"*","Action":"ecr:DeleteRepository"}]}"#;

#[derive(Debug, Clone, PartialEq)]
struct Shelf(String);

impl Target for Shelf {
    const KIND: &'static str = "shelf";
    const PROPERTIES: &'static [&'static str] = &policy_statement::properties::<1, 3>(["ShelfName"]);

    fn read(properties: &BTreeMap<String, String>) -> Result<Self, String> {
        properties.get("ShelfName").cloned().map(Self).ok_or_else(|| "`ShelfName` is required".to_owned())
    }

    /// `111111111111/app` is `app` in that account.
    fn seen_from(&self, account: &str) -> Self {
        Self(self.0.strip_prefix(&format!("{account}/")).unwrap_or(&self.0).to_owned())
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

/// A service in memory: shelves with a policy or none. `lag` reads show what was there before the last write.
#[derive(Default)]
struct Shelves {
    policies: RefCell<BTreeMap<String, Option<String>>>,
    before: RefCell<BTreeMap<String, Option<String>>>,
    lag: Cell<u32>,
    writes: Cell<u32>,
}

impl Shelves {
    fn with(policy: Option<&str>) -> Self {
        let shelves = Self::default();
        shelves.policies.borrow_mut().insert("app".to_owned(), policy.map(ToOwned::to_owned));
        shelves
    }

    fn policy(&self) -> Option<String> {
        self.policies.borrow()["app"].clone()
    }

    fn write(&self, target: &Shelf, policy: Option<String>) {
        self.before.replace(self.policies.borrow().clone());
        self.policies.borrow_mut().insert(target.0.clone(), policy);
        self.writes.set(self.writes.get() + 1);
    }
}

impl PolicyStore for &Shelves {
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

    async fn get(&self, target: &Shelf) -> Result<Policy> {
        let lag = self.lag.get();
        self.lag.set(lag.saturating_sub(1));
        let policies = if lag > 0 { self.before.borrow() } else { self.policies.borrow() };
        Ok(match policies.get(&target.0) {
            Some(Some(text)) => Policy::Text(text.clone()),
            Some(None) => Policy::Absent,
            None => Policy::NoTarget(AwsError::refused("shelf:GetPolicy", "ShelfNotFound", "No such shelf.")),
        })
    }

    async fn put(&self, target: &Shelf, text: &str) -> Result<(), AwsError> {
        self.write(target, Some(text.to_owned()));
        Ok(())
    }

    async fn delete(&self, target: &Shelf) -> Result<(), AwsError> {
        self.write(target, None);
        Ok(())
    }
}

type Held = Claim<StatementId<Shelf>>;

fn claim(logical_id: &str) -> Held {
    let stack = "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a";
    Claim::new(Owner::new(stack, logical_id), None)
}

fn pull(account: &str) -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": account}, "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]})
}

fn properties(statement: &Value) -> Properties<Shelf> {
    serde_json::from_value(json!({"ShelfName": "app", "Statement": statement})).unwrap()
}

fn sids(policy: Option<String>) -> Vec<String> {
    let policy: Value = serde_json::from_str(&policy.unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    statements.iter().map(|statement| statement["Sid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_statement_joins_the_others_with_a_sid_that_ends_in_the_mark() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull");
    let attributes = Statements::new(&shelves).ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    let sid = format!("Pull{}", claim.owner().mark());
    assert_eq!(sids(shelves.policy()), ["", &sid]);
    assert_eq!(attributes.sids, sid);
    assert_eq!(attributes.policy_size, shelves.policy().unwrap().len());
    assert_eq!(attributes.policy_size_limit, 600);
    assert_eq!(claim.id().unwrap().to_string(), format!("app#{}", claim.owner().mark()));
}

#[tokio::test]
async fn nothing_is_written_when_nothing_changes_in_meaning() {
    let shelves = Shelves::with(None);
    let statements = Statements::new(&shelves);
    let claim = claim("Pull");
    statements.ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    let same = json!([{
        "Action": ["ecr:getdownloadurlforlayer", "ecr:BatchGetImage"],
        "Principal": {"AWS": ["arn:aws:iam::222222222222:root"]},
        "Effect": "Allow",
    }]);
    statements.ensure(&properties(&same), None, &claim).await.unwrap();
    assert_eq!(shelves.writes.get(), 1);
}

#[tokio::test]
async fn two_claims_on_one_policy_leave_each_other_alone() {
    let shelves = Shelves::with(None);
    let statements = Statements::new(&shelves);
    let (one, two) = (claim("One"), claim("Two"));
    statements.ensure(&properties(&pull("222222222222")), None, &one).await.unwrap();
    statements.ensure(&properties(&json!([pull("333333333333"), pull("444444444444")])), None, &two).await.unwrap();
    let mark = two.owner().mark();
    assert_eq!(
        sids(shelves.policy()),
        [format!("One{}", one.owner().mark()), format!("Two{mark}"), format!("Two{mark}2")]
    );
    statements.remove(None, &one).await.unwrap();
    assert_eq!(sids(shelves.policy()), [format!("Two{mark}"), format!("Two{mark}2")]);
}

#[tokio::test]
async fn the_policy_goes_with_its_last_statement() {
    let shelves = Shelves::with(None);
    let statements = Statements::new(&shelves);
    let claim = claim("Pull");
    statements.ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    statements.remove(None, &claim).await.unwrap();
    assert_eq!(shelves.policy(), None);
}

#[tokio::test]
async fn what_is_foreign_is_the_same_to_the_byte_after_the_last_delete() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statements = Statements::new(&shelves);
    let claim = claim("Pull");
    statements.ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    statements.remove(None, &claim).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn a_delete_with_an_invented_id_finds_the_statements_by_their_mark() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statements = Statements::new(&shelves);
    let desired = properties(&pull("222222222222"));
    statements.ensure(&desired, None, &claim("Pull")).await.unwrap();
    let stack = "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a";
    let cancelled = Claim::new(Owner::new(stack, "Pull"), Some("landing-Pull-1ABCDEF".to_owned()));
    statements.remove(Some(&desired), &cancelled).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn deleting_what_was_never_there_writes_nothing() {
    for shelves in [Shelves::with(Some(FOREIGN)), Shelves::with(None), Shelves::default()] {
        let desired = properties(&pull("222222222222"));
        Statements::new(&shelves).remove(Some(&desired), &claim("Pull")).await.unwrap();
        Statements::new(&shelves).remove(None, &claim("Pull")).await.unwrap();
        assert_eq!(shelves.writes.get(), 0);
    }
}

#[tokio::test]
async fn a_target_that_does_not_exist_is_refused_and_holds_no_id() {
    let shelves = Shelves::default();
    let claim = claim("Pull");
    let ended = Statements::new(&shelves).ensure(&properties(&pull("222222222222")), None, &claim).await;
    assert_eq!(
        ended.unwrap_err().to_string(),
        "shelf:GetPolicy was refused by AWS with ShelfNotFound: No such shelf; \
         the shelf app must be there before a statement can go into its policy"
    );
    assert!(claim.id().is_none());
}

#[tokio::test]
async fn a_read_that_lags_behind_the_write_is_read_again() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statements = Statements::new(&shelves);
    let claim = claim("Pull");
    shelves.before.replace(shelves.policies.borrow().clone());
    shelves.lag.set(2);
    let desired = properties(&pull("222222222222"));
    assert!(matches!(statements.ensure(&desired, None, &claim).await, Err(Error::NotYet(_))));
    assert!(claim.id().is_some(), "the statement may be there");
    statements.ensure(&desired, None, &claim).await.unwrap();
    assert_eq!(shelves.writes.get(), 1);
}

#[tokio::test]
async fn another_target_is_a_replacement_and_the_old_one_is_cleaned_up_by_its_id() {
    let shelves = Shelves::with(None);
    shelves.policies.borrow_mut().insert("other".to_owned(), None);
    let statements = Statements::new(&shelves);
    let claim = claim("Pull");
    statements.ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    let old = claim.id().unwrap();
    let moved = json!({"ShelfName": "other", "Statement": pull("222222222222")});
    statements.ensure(&serde_json::from_value(moved).unwrap(), None, &claim).await.unwrap();
    assert_ne!(claim.id().unwrap(), old);
    let clean_up = self::claim("Pull");
    clean_up.hold(&old);
    statements.remove(None, &clean_up).await.unwrap();
    assert_eq!(shelves.policy(), None);
    assert!(shelves.policies.borrow()["other"].is_some());
}

#[tokio::test]
async fn another_way_to_write_the_same_target_is_no_replacement() {
    let shelves = Shelves::with(None);
    let statements = Statements::new(&shelves);
    let claim = claim("Pull");
    let at_first = properties(&pull("222222222222"));
    statements.ensure(&at_first, None, &claim).await.unwrap();
    let id = claim.id().unwrap();
    let written = json!({"ShelfName": "111111111111/app", "Statement": pull("222222222222")});
    let same = serde_json::from_value(written).unwrap();
    statements.ensure(&same, Some(&at_first), &claim).await.unwrap();
    assert_eq!(claim.id().unwrap(), id);
    statements.ensure(&at_first, Some(&same), &Claim::new(claim.owner().clone(), Some(id.to_string()))).await.unwrap();
    assert!(shelves.policy().is_some());
}

#[tokio::test]
async fn the_rollback_of_a_cancelled_replacement_takes_the_statements_out_of_the_new_target() {
    let shelves = Shelves::with(None);
    shelves.policies.borrow_mut().insert("other".to_owned(), None);
    let statements = Statements::new(&shelves);
    let at_first = properties(&pull("222222222222"));
    let moved = serde_json::from_value(json!({"ShelfName": "other", "Statement": pull("222222222222")})).unwrap();
    let claim = claim("Pull");
    statements.ensure(&at_first, None, &claim).await.unwrap();
    let given = claim.id().unwrap().to_string();
    let again = || Claim::new(claim.owner().clone(), Some(given.clone()));

    // The replacement waits once: what CloudFormation still knows by its id stays until it asks for its deletion.
    let replacing = again();
    statements.ensure(&moved, Some(&at_first), &replacing).await.unwrap();
    statements.ensure(&moved, Some(&at_first), &replacing).await.unwrap();
    assert!(shelves.policy().is_some());

    statements.ensure(&at_first, Some(&moved), &again()).await.unwrap();
    assert!(shelves.policy().is_some());
    assert_eq!(shelves.policies.borrow()["other"], None);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_it_is_written() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull");
    let accounts: Vec<_> = (0..30).map(|n| format!("{:012}", 222_222_222_222_u64 + n)).collect();
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": accounts}, "Action": "ecr:BatchGetImage"});
    let refusal = Statements::new(&shelves).ensure(&properties(&statement), None, &claim).await.unwrap_err();
    let refusal = refusal.to_string();
    assert!(refusal.starts_with("the policy of shelf app would have "), "{refusal}");
    assert!(refusal.contains(" of 600 characters (this statement adds "), "{refusal}");
    assert_eq!(shelves.writes.get(), 0);
}

#[tokio::test]
async fn a_statement_that_could_not_work_is_refused_before_any_call() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statement = json!({"Effect": "Allow", "Principle": {"AWS": "222222222222"}, "Action": "ecr:BatchGetImage"});
    let refusal = Statements::new(&shelves).ensure(&properties(&statement), None, &claim("Pull")).await.unwrap_err();
    let refusal = refusal.to_string();
    assert!(refusal.starts_with("ResourceProperties.Statement.Principle: "), "{refusal}");
}

#[tokio::test]
async fn a_policy_that_can_not_be_read_is_never_touched() {
    let shelves = Shelves::with(Some("[]"));
    let refusal = Statements::new(&shelves).ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await;
    assert!(refusal.unwrap_err().to_string().starts_with("the policy of shelf app can't be read: "));
    assert_eq!(shelves.policy().as_deref(), Some("[]"));
}
