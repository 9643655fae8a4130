//! Policies in memory: what ECR, KMS, S3 and IAM have in common.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use archipelago_tests::model::{Trouble, Weather};
use custom_resource::{AwsError, Result};
use policy_statement::{Limit, Place, Policy, PolicyStore, Resources, Rules, Target};

/// The name of a shelf.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shelf(String);

impl Target for Shelf {
    const KIND: &'static str = "shelf";
    const ARN: &'static str = "arn:{partition}:shop:{region}:{account}:shelf/{}";
    const PROPERTIES: &'static [&'static str] = &policy_statement::properties::<1, 6>(["ShelfName"]);

    fn read(properties: &BTreeMap<String, String>) -> Result<Place<Self>, String> {
        let target = properties.get("ShelfName").cloned().map(Self).ok_or("`ShelfName` is required")?;
        Ok(Place { account: None, target })
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

/// The policies by the names of their shelves, `None` where a shelf has none.
pub(super) type Policies = BTreeMap<String, Option<String>>;

/// All shelves. With `EMPTY` a policy may go; without, it has to keep a statement.
#[derive(Clone, Debug)]
pub(super) struct Shelves<const EMPTY: bool> {
    pub(super) policies: Arc<Mutex<[Policies; 2]>>,
    pub(super) weather: Arc<Weather>,
}

impl<const EMPTY: bool> Shelves<EMPTY> {
    async fn write(&self, place: &Place<Shelf>, policy: Option<String>) -> Result<(), AwsError> {
        let effect = |_| {
            let [now, before] = &mut *self.policies.lock().unwrap();
            before.clone_from(now);
            match now.get_mut(&place.to_string()) {
                None => Err(AwsError::refused("shelf:PutPolicy", "ShelfNotFound", "No such shelf.")),
                Some(_) if policy.as_ref().is_some_and(|text| text.contains("444444444444")) => {
                    Err(AwsError::refused("shelf:PutPolicy", "Malformed", "Not this principal."))
                }
                Some(kept) => {
                    *kept = policy;
                    Ok(())
                }
            }
        };
        self.weather.call("PutPolicy", effect).await.map_err(|trouble| said("shelf:PutPolicy", trouble))?
    }
}

/// A trouble as the SDK's errors say it.
fn said(operation: &str, trouble: Trouble) -> AwsError {
    match trouble {
        Trouble::Throttled => {
            AwsError::refused(operation, "ThrottlingException", "").not_yet_within(Duration::from_mins(2))
        }
        Trouble::Denied => AwsError::refused(operation, "AccessDenied", "").not_yet_within(Duration::from_secs(20)),
        Trouble::Broken | Trouble::Unanswered => AwsError::unanswered(operation, "the connection failed"),
    }
}

impl<const EMPTY: bool> PolicyStore for Shelves<EMPTY> {
    type Target = Shelf;
    const RULES: Rules = Rules {
        policy: "a shelf's policy",
        services: &["ecr"],
        every_action: true,
        refused: &[],
        principals: true,
        resources: Resources::None,
    };
    const LIMIT: Limit = Limit::characters(900);
    const DELETED_WHEN_EMPTY: bool = EMPTY;
    const FROM_OUTSIDE: bool = false;
    const APPEARS_WITHIN: Option<Duration> = if EMPTY { None } else { Some(Duration::from_secs(30)) };

    async fn get(&self, place: &Place<Shelf>) -> Result<Policy> {
        let effect = |stale: bool| self.policies.lock().unwrap()[usize::from(stale)].get(&place.to_string()).cloned();
        let found = self.weather.call("GetPolicy", effect).await.map_err(|trouble| said("shelf:GetPolicy", trouble))?;
        Ok(match found {
            Some(Some(text)) => Policy::Text(text),
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
}
