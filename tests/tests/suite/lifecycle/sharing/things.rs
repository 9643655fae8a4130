//! What each type makes, as a template writes it, and what there is of it now.

use serde_json::{Value, json};

use super::super::account::{accounts, email, parent};
use super::super::ecr_policy_statement::{self as ecr, put_policy, repository};
use super::super::organization::{organizations, policy_types, trusted_services};
use super::super::organizational_unit::{children, ou, root};
use super::super::shared_subnet_tags::Shared;
use super::super::statements::{Kind, Policy, own_account};
use super::super::unique;
use super::{account, resource, tags, unit};
use crate::network::{self, associations, member, seen, shares, some_share};

/// No other test takes any of them away.
const TRUSTED_SERVICE: &str = "access-analyzer.amazonaws.com";
const POLICY_TYPE: &str = "TAG_POLICY";

/// Something in AWS that one or more resources use.
pub(super) struct Thing {
    /// Part of the logical ids of its users; no other thing of a play has it.
    pub(super) name: &'static str,
    /// Whether there was as much of it before its first user.
    pub(super) is_older: bool,
    /// Whether it stays when its last user is gone.
    pub(super) outlives: bool,
    target: Target,
}

enum Target {
    Organization,
    Unit { parent: String },
    Account { name: String, adopts: bool },
    Tags(Shared),
    Share { name: String, subnet: String, guest: String },
    Principal { share: String, account: String },
    Repository(String),
    Policy(Policy),
}

impl Thing {
    fn new(name: &'static str, target: Target) -> Self {
        Self { name, is_older: false, outlives: false, target }
    }

    /// The same of what was there before.
    pub(super) fn that_was_there(self) -> Self {
        Self { is_older: true, ..self }
    }

    /// One of each type.
    pub(super) async fn each() -> Vec<Self> {
        let units = Self::in_an_organization();
        let (units, shared, statements) = tokio::join!(units, Self::shared(), Self::statements());
        units.into_iter().chain(shared).chain(statements).collect()
    }

    /// The same, and beside those that are adopted or made one of the other kind.
    pub(super) async fn all() -> Vec<Self> {
        let (mut all, older) = tokio::join!(Self::each(), Self::older());
        all.extend(older);
        all.push(Self::new("First", Target::Repository(repository().await)));
        all
    }

    /// One of each type that takes what is there already, with something there.
    async fn older() -> [Self; 3] {
        let parent = ou(&root().await, &unique("parent")).await;
        ou(&parent, "Apps").await;
        let name = unique("account");
        organizations("CreateAccount", json!({ "AccountName": name, "Email": email(&name) })).await;
        let account = member(None).await;
        let share = some_share(&[&account]).await;
        [
            Self::new("OlderUnit", Target::Unit { parent }).that_was_there(),
            Self::account("OlderAccount", &name, true).that_was_there(),
            Self::principal("OlderPrincipal", &share, &account).that_was_there(),
        ]
    }

    async fn in_an_organization() -> [Self; 3] {
        let parent = ou(&root().await, &unique("parent")).await;
        [
            Self { outlives: true, ..Self::new("Organization", Target::Organization) },
            Self::new("Unit", Target::Unit { parent }),
            Self::account("Account", &unique("account"), true),
        ]
    }

    async fn shared() -> [Self; 3] {
        let guest = member(None).await;
        let vpc = network::vpc(own_account()).await;
        let subnet = network::subnet(own_account(), &vpc, 0).await;
        [
            Self::new("Tags", Target::Tags(Shared::new().await)),
            Self::principal("Principal", &some_share(&[]).await, &guest),
            Self::new("Share", Target::Share { name: unique("share"), subnet, guest }),
        ]
    }

    /// A statement of each type, in a policy that has one of somebody else.
    async fn statements() -> Vec<Self> {
        let name = repository().await;
        put_policy(&name, &ecr::foreign()).await;
        let mut all = vec![Self::new("Repository", Target::Repository(name))];
        let kinds = [("Key", Kind::Key), ("Bucket", Kind::Bucket), ("Trust", Kind::Trust), ("Inline", Kind::Inline)];
        for (name, kind) in kinds {
            all.push(Self::new(name, Target::Policy(Policy::of(kind, own_account()).await)));
        }
        all
    }

    /// An account, whose users adopt it or not.
    pub(super) fn account(name: &'static str, account: &str, adopts: bool) -> Self {
        Self::new(name, Target::Account { name: account.to_owned(), adopts })
    }

    /// A principal on a share.
    pub(super) fn principal(name: &'static str, share: &str, account: &str) -> Self {
        Self::new(name, Target::Principal { share: share.to_owned(), account: account.to_owned() })
    }

    /// The resource of a user, which is the same for all of them.
    pub(super) fn resource(&self) -> Value {
        match &self.target {
            Target::Organization => {
                let wanted = json!({ "PolicyTypes": [POLICY_TYPE], "TrustedServices": [TRUSTED_SERVICE] });
                resource("Custom::Organization", "organization", wanted)
            }
            Target::Unit { parent } => unit("Apps", parent),
            Target::Account { name, adopts } => account(name, *adopts),
            Target::Tags(shared) => tags(shared, &[("Name", "app"), ("stage", "test")]),
            Target::Share { name, subnet, guest } => {
                let wanted = json!({ "Name": name, "SubnetIds": [subnet], "Principals": [guest] });
                resource("Custom::SubnetShare", "subnet-share", wanted)
            }
            Target::Principal { share, account } => {
                let wanted = json!({ "ShareArn": share, "Principal": account });
                resource("Custom::SubnetSharePrincipal", "subnet-share-principal", wanted)
            }
            Target::Repository(name) => {
                let mut statement = ecr::statement(name, "", &json!("ecr:BatchGetImage"));
                statement["Properties"]["Statement"].as_object_mut().unwrap().shift_remove("Sid");
                statement
            }
            Target::Policy(policy) => policy.resource(&policy.actions().0, &json!({})),
        }
    }

    /// What there is of it now, whoever of its `users`, by their physical ids, made it. What only counts users is checked.
    pub(super) async fn seen(&self, users: &[&str]) -> Vec<Value> {
        match &self.target {
            Target::Organization => {
                let described = organizations("DescribeOrganization", json!({})).await;
                let (types, services) = (policy_types(own_account()).await, trusted_services(own_account()).await);
                let wanted = |name: &String| [POLICY_TYPE, TRUSTED_SERVICE].contains(&name.as_str());
                let on: Vec<_> = types.into_iter().chain(services).filter(wanted).collect();
                assert!(users.is_empty() || on.len() == 2, "{on:?}");
                vec![described["Organization"]["Id"].clone(), json!(on)]
            }
            Target::Unit { parent } => {
                let units = children(parent).await;
                for (_, id) in &units {
                    counted(&keys(id).await, users);
                }
                units.into_iter().map(|unit| json!(unit)).collect()
            }
            Target::Account { name, .. } => {
                let mut open = Vec::new();
                for account in accounts(&email(name)).await {
                    if account["State"] == "ACTIVE" {
                        let id = account["Id"].as_str().unwrap();
                        counted(&keys(id).await, users);
                        open.push(json!([id, account["Name"], parent(id).await]));
                    }
                }
                open
            }
            Target::Tags(shared) => {
                for keys in shared.keys().await {
                    counted(&keys, users);
                }
                shared.here().await.into_iter().map(|tags| json!(tags)).collect()
            }
            Target::Share { name, subnet, guest } => {
                let mut arns: Vec<_> =
                    shares(name).await.iter().map(|share| network::text(&share["resourceShareArn"])).collect();
                let mut expected = users.to_vec();
                arns.sort();
                expected.sort_unstable();
                assert_eq!(arns, expected, "a share for each user");
                seen(guest, &[subnet]).await.into_iter().map(|subnet| json!(subnet)).collect()
            }
            Target::Principal { share, .. } => {
                assert_eq!(network::tags(share).await.len(), users.len(), "a note for each user");
                associations(share).await.into_iter().map(|association| json!(association)).collect()
            }
            Target::Repository(name) => statements(&ecr::policy(name).await, users),
            Target::Policy(policy) => statements(&policy.read().await, users),
        }
    }
}

/// Fails unless a tag says of each of `users`, and of nobody else, that it uses the thing with these tags.
fn counted(keys: &[String], users: &[&str]) {
    let marks: Vec<_> = keys.iter().filter(|key| key.starts_with("archipelago:user-")).collect();
    assert_eq!(marks.len(), users.len(), "a tag for each user: {marks:?}");
}

/// The keys of the tags of an OU or an account.
async fn keys(id: &str) -> Vec<String> {
    let listed = organizations("ListTagsForResource", json!({ "ResourceId": id })).await;
    listed["Tags"].as_array().unwrap().iter().map(|tag| network::text(&tag["Key"])).collect()
}

/// The statements of a policy. Those of `users` have to be there with one meaning, which is one item, whoever has it.
fn statements(policy: &Value, users: &[&str]) -> Vec<Value> {
    let (mut all, mut missing) = (Vec::new(), users.to_vec());
    for statement in policy["Statement"].as_array().into_iter().flatten() {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        let has = |user: &&str| user.rsplit_once('#').is_some_and(|(_, mark)| sid.ends_with(mark));
        let mut statement = statement.clone();
        if let Some(place) = missing.iter().position(has) {
            missing.remove(place);
            statement.as_object_mut().unwrap().shift_remove("Sid");
        }
        if !all.contains(&statement) {
            all.push(statement);
        }
    }
    assert!(missing.is_empty(), "{missing:?} have no statement in {policy}");
    all
}
