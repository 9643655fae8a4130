//! Any properties of a statement type, created, created again and deleted in front of a policy in memory.

#![no_main]

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    rc::Rc,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use archipelago_fuzz::{answered, ledger};
use aws_sdk_dynamodb::config::BehaviorVersion;
use custom_resource::{AwsError, Result, SdkConfig, Status};
use libfuzzer_sys::fuzz_target;
use policy_statement::{Limit, Objection, Policy, PolicyStore, Resources, Rules, Statements, Target, TargetLocation};

const FOREIGN: &str =
    r#"{"Version":"2008-10-17","Statement":[{"Sid":"","Effect":"Deny","Principal":"*","Action":"s3:*","N":1.0}]}"#;

#[derive(Clone, PartialEq)]
struct Shelf(String);

impl Target for Shelf {
    const KIND: &'static str = "shelf";
    const ARN: &'static str = "arn:{partition}:shop:{region}:{account}:shelf/{}";
    const OWN: &'static [&'static str] = &["ShelfName"];

    fn read(properties: &BTreeMap<String, String>) -> Result<TargetLocation<Self>, String> {
        let name = properties.get("ShelfName").ok_or("`ShelfName` is required")?;
        let target = name.parse().map_err(|()| "`ShelfName` is small letters")?;
        Ok(TargetLocation { account: None, target })
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
        let is_name = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase());
        if is_name { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

/// One policy, whichever shelf is asked for.
#[derive(Clone)]
struct Shelves(Rc<RefCell<String>>, Rc<Cell<u32>>);

impl PolicyStore for Shelves {
    type Target = Shelf;
    const TYPE: &'static str = "Custom::ShelfStatement";
    const RULES: Rules = Rules {
        policy: "a shelf's policy",
        services: &["s3"],
        every_action: false,
        refused: &[("s3:CreateBucket", "do without")],
        principals: true,
        canonical_users: true,
        resources: Resources::Of("s3"),
    };
    const LIMIT: Limit = Limit::characters(2048);
    const DELETED_WHEN_EMPTY: bool = false;
    const FROM_OUTSIDE: bool = false;
    const APPEARS_WITHIN: Option<Duration> = None;
    const OPENED_BY: &'static str = "the parameter ShelfArns lists the shelves";

    async fn get(&self, _: &TargetLocation<Shelf>) -> Result<Policy> {
        Ok(Policy::Text(self.0.borrow().clone()))
    }

    async fn put(&self, _: &TargetLocation<Shelf>, text: &str) -> Result<(), AwsError> {
        self.1.set(self.1.get() + 1);
        self.0.replace(text.to_owned());
        Ok(())
    }

    async fn delete(&self, _: &TargetLocation<Shelf>) -> Result<(), AwsError> {
        unreachable!("it isn't deleted when it is empty")
    }

    fn objection(_: &AwsError) -> Objection {
        Objection::Other
    }
}

fn event(request_type: &str, id: &str, properties: &str) -> String {
    format!(
        r#"{{"RequestType":"{request_type}","StackId":"arn:aws:cloudformation:eu-west-1:111111111111:stack/demo/1f0a","RequestId":"5a7e","LogicalResourceId":"Grant","ResourceType":"Custom::ShelfStatement",{id}"ResourceProperties":{properties}}}"#
    )
}

fuzz_target!(|data: &[u8]| {
    let Ok(properties) = str::from_utf8(data) else { return };
    // Who acts in another account asks STS first.
    if serde_json::from_str::<serde_json::Value>(properties).is_ok_and(|read| read.get("RoleArn").is_some()) {
        return;
    }
    let shelves = Shelves(Rc::new(RefCell::new(FOREIGN.to_owned())), Rc::default());
    let (policy, writes) = (Rc::clone(&shelves.0), Rc::clone(&shelves.1));
    let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let statements = Statements::new(&aws, move |_| shelves.clone()).with_ledger(ledger(), "ledger", now);

    let create = event("Create", "", properties);
    let Some(created) = answered(&statements, &create) else { return };
    if created.status() == Status::Failed {
        assert_eq!(writes.get(), 0, "what is refused is refused before it is written");
        return;
    }
    let written = policy.borrow().clone();
    assert!(written.chars().count() <= 2048 && written.starts_with(&FOREIGN[..FOREIGN.len() - 2]), "{written}");
    let again = answered(&statements, &create).expect("what was made once is made again");
    assert_eq!((again.status(), writes.get()), (Status::Success, 1), "nothing is written twice");

    let id = format!(r#""PhysicalResourceId":"{}","#, created.physical_resource_id());
    let deleted = answered(&statements, &event("Delete", &id, properties)).expect("what was made is deleted");
    assert_eq!((deleted.status(), &**policy.borrow()), (Status::Success, FOREIGN), "all that was made is gone");
});
