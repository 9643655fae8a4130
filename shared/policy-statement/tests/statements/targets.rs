//! Which target is meant, who may change its policy, and what may never become of it.

use std::time::Duration;

use custom_resource::{
    Claim, Error, Resource, Result,
    testing::{Event, ensure},
};
use policy_statement::Attributes;
use serde_json::{Value, json};

use crate::shelves::{FOREIGN, ShelfClaim, Shelves, claim, later, pull, read, sids};

async fn ensured(shelves: &Shelves, more: Value, claim: &ShelfClaim) -> Result<Attributes> {
    let mut properties = json!({"ShelfName": "app", "Statement": pull("222222222222")});
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shelves.statements().ensure(&read(properties).unwrap(), None, claim).await
}

#[tokio::test]
async fn an_alias_is_another_word_for_the_same_target() {
    let shelves = Shelves::with(None);
    let (by_name, by_alias) = (claim("Name"), claim("Alias"));
    ensured(&shelves, json!({}), &by_name).await.unwrap();
    ensured(&shelves, json!({"ShelfName": "alias/app"}), &by_alias).await.unwrap();
    assert_eq!(by_alias.id().unwrap().to_string(), format!("app#{}", by_alias.owner().mark()));
    assert_eq!(sids(shelves.policy()).len(), 2);
}

#[tokio::test]
async fn another_word_for_the_same_target_is_no_cancelled_replacement() {
    let shelves = Shelves::with(None);
    let claim = claim("Pull");
    ensured(&shelves, json!({}), &claim).await.unwrap();
    let again = Claim::new(claim.owner().clone(), claim.id().map(|id| id.to_string()).as_deref());
    let named = |name: &str| read(json!({"ShelfName": name, "Statement": pull("222222222222")})).unwrap();
    ensure(&shelves.statements(), &named("app"), Some(&named("alias/app")), &again).await.unwrap();
    assert!(shelves.policy().is_some());
}

#[tokio::test]
async fn the_own_account_goes_without_saying() {
    let shelves = Shelves::with(None);
    let claim = claim("Pull");
    ensured(&shelves, json!({"AccountId": "111111111111"}), &claim).await.unwrap();
    assert!(claim.id().unwrap().to_string().starts_with("app#"));
    let role = json!({"RoleArn": "arn:aws:iam::333333333333:role/writer", "AccountId": "111111111111"});
    assert_eq!(
        ensured(&shelves, role, &claim).await.unwrap_err().to_string(),
        "ResourceProperties.RoleArn: is a role of account 333333333333, but the shelf app belongs to account 111111111111"
    );
}

#[tokio::test]
async fn a_function_acts_as_no_role_of_its_own_account() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull");
    let role = || json!({"RoleArn": "arn:aws:iam::111111111111:role/administrator"});
    assert_eq!(
        ensured(&shelves, role(), &claim).await.unwrap_err().to_string(),
        "ResourceProperties.RoleArn: is a role of the function's own account, which a function never acts as; leave it out"
    );
    assert_eq!((shelves.0.reads.get(), shelves.0.writes.get()), (0, 0));
    // What was put in through one before is taken out without it.
    ensured(&shelves, json!({}), &later(&claim)).await.unwrap();
    let mut last = json!({"ShelfName": "app", "Statement": pull("222222222222")});
    last.as_object_mut().unwrap().extend(role().as_object().unwrap().clone());
    shelves.statements().remove(Some(&read(last).unwrap()), &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn a_denial_says_which_parameter_lists_the_target() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.denied.replace(Some("app"));
    let Err(Error::NotYet(denial)) = ensured(&shelves, json!({}), &claim("Pull")).await else { panic!("final") };
    let sentence =
        "shelf:GetPolicy was refused by AWS with AccessDenied: Not you; list the shelf in the parameter ShelfArns";
    assert_eq!(denial.to_string(), sentence);
    assert!(denial.is_denial());
    shelves.0.denied.replace(None);
    shelves.refuse("AccessDeniedException", "Not you.");
    let refusal = ensured(&shelves, json!({}), &claim("Pull")).await.unwrap_err().to_string();
    assert!(refusal.ends_with("Not you; list the shelf in the parameter ShelfArns"), "{refusal}");
}

#[tokio::test]
async fn another_accounts_target_needs_a_role_of_that_account() {
    let shelves = Shelves::with(None);
    let claim = claim("Pull");
    assert_eq!(
        ensured(&shelves, json!({"AccountId": "333333333333"}), &claim).await.unwrap_err().to_string(),
        "the shelf belongs to account 333333333333, and AWS takes changes of its policy from there alone; \
         name a role of that account as RoleArn"
    );
    assert!(shelves.0.table.is_empty(), "nothing was asked");
}

#[tokio::test]
async fn a_delete_that_lost_its_role_does_not_take_the_own_account_for_the_other() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull");
    let id = format!("333333333333:app#{}", claim.owner().mark());
    let delete = Claim::new(claim.owner().clone(), Some(&id));
    // The properties can't be read any more, so the role isn't known.
    let refusal = shelves.statements().remove(None, &delete).await.unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the statements are in the policy of shelf 333333333333:app of account 333333333333, and can't be taken out without \
         a role there as RoleArn"
    );
}

#[tokio::test]
async fn a_cancelled_replacement_that_was_seen_is_not_left_without_a_word() {
    let orphaned = r#"{"Statement":[{"Sid":"Old","Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEDELETEDROLE"},"Action":"ecr:*"}]}"#;
    let shelves = Shelves::with(None);
    shelves.keep("other", Some(orphaned));
    let named = |name: &str| read(json!({"ShelfName": name, "Statement": pull("222222222222")})).unwrap();
    let claim = claim("Pull");
    shelves.statements().ensure(&named("app"), None, &claim).await.unwrap();
    let again = || Claim::new(claim.owner().clone(), claim.id().map(|id| id.to_string()).as_deref());
    ensure(&shelves.statements(), &named("other"), Some(&named("app")), &again()).await.unwrap();
    shelves.refuse("InvalidPrincipal", "Who?");
    ensure(&shelves.statements(), &named("app"), Some(&named("other")), &again()).await.unwrap_err();
    ensure(&shelves.statements(), &named("app"), Some(&named("other")), &again()).await.unwrap();
    assert_eq!(shelves.0.policies.borrow()["other"].as_deref(), Some(orphaned));
    // What was never there, and can't be seen, keeps nobody.
    ensure(&shelves.statements(), &named("app"), Some(&named("nowhere")), &again()).await.unwrap();
}

#[tokio::test]
async fn each_target_of_a_rollback_is_resolved_once() {
    let shelves = Shelves::with(None);
    shelves.keep("other", None);
    let named = |name: &str| read(json!({"ShelfName": name, "Statement": pull("222222222222")})).unwrap();
    let claim = claim("Pull");
    shelves.statements().ensure(&named("app"), None, &claim).await.unwrap();
    let again = Claim::new(claim.owner().clone(), claim.id().map(|id| id.to_string()).as_deref());
    shelves.0.resolved.set(0);
    ensure(&shelves.statements(), &named("app"), Some(&named("alias/other")), &again).await.unwrap();
    assert_eq!(shelves.0.resolved.get(), 2);
}

#[tokio::test]
async fn a_policy_that_may_not_be_empty_keeps_its_last_statement_and_says_so() {
    let shelves = Shelves::with(None);
    let claim = claim("Pull");
    ensured(&shelves, json!({}), &claim).await.unwrap();
    assert_eq!(
        shelves.never_empty().remove(None, &later(&claim)).await.unwrap_err().to_string(),
        "the policy of shelf app would have no statement left, which AWS doesn't take; give it another one, or delete the shelf"
    );
    assert_eq!(shelves.0.writes.get(), 1);
    shelves.keep(
        "app",
        Some(&shelves.policy().unwrap().replace("}]}", r#"}],"Id":"x"}"#).replace("[{", r#"[{"Sid":"Other"},{"#)),
    );
    shelves.never_empty().remove(None, &later(&claim)).await.unwrap();
    assert_eq!(sids(shelves.policy()), ["Other"]);
}

#[tokio::test]
async fn a_statement_that_the_target_can_not_do_without_stays() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Root");
    ensured(&shelves, json!({}), &claim).await.unwrap();
    let refusal = shelves.statements().remove(None, &later(&claim)).await.unwrap_err();
    assert_eq!(refusal.to_string(), "it would lose its root");
    assert_eq!(shelves.0.writes.get(), 1);
}

#[tokio::test]
async fn a_target_that_was_made_a_moment_ago_may_appear() {
    let shelves = Shelves::default();
    let desired = read(json!({"ShelfName": "app", "Statement": pull("222222222222")})).unwrap();
    let ended = shelves.never_empty().ensure(&desired, None, &claim("Pull")).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("final") };
    assert_eq!(not_yet.within, Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn a_target_may_have_more_room_than_others() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.keep("wide", Some(FOREIGN));
    let accounts: Vec<_> = (0..30).map(|n| format!("{:012}", 222_222_222_222_u64 + n)).collect();
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": accounts}, "Action": "ecr:BatchGetImage"});
    let attributes = ensured(&shelves, json!({"Statement": statement}), &claim("Pull")).await.unwrap();
    assert_eq!(attributes.policy_size_limit, 600);
    let attributes =
        ensured(&shelves, json!({"ShelfName": "wide", "Statement": statement}), &claim("Pull")).await.unwrap();
    assert!(attributes.policy_size > 600);
    assert_eq!(attributes.policy_size_limit, 1200);
}

#[test]
fn the_role_and_its_external_id_are_read_without_being_shown() {
    let refusal = |more: Value| {
        let mut properties = json!({"ShelfName": "app", "Statement": pull("222222222222")});
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(properties).err().unwrap().to_string()
    };
    let secret = "not for: anybody!";
    assert!(refusal(json!({"RoleArn": "writer"})).starts_with("`RoleArn` is the ARN of a role"));
    assert!(refusal(json!({"ExternalId": secret})).contains("needs `RoleArn`"));
    let role = "arn:aws:iam::222222222222:role/writer";
    assert!(!refusal(json!({"RoleArn": role, "ExternalId": secret})).contains(secret));
    let mangled = refusal(json!({"RoleArn": "arn:aws:iam::2.2222222222E10:role/writer"}));
    assert!(mangled.contains("the account in its ARN isn't an id of 12 digits"), "{mangled}");
    assert!(refusal(json!({"RoleArn": ""})).contains("it is empty"), "an empty parameter");
}

#[tokio::test]
async fn a_property_that_no_statement_type_has_is_refused_with_those_of_the_target_and_of_all() {
    let shelves = Shelves::with(None);
    let properties = json!({"ShelfName": "app", "Statement": pull("222222222222"), "Xyzzy": "1"});
    let refusal = Event::create(properties).answered_by(&shelves.statements()).await;
    let there_are =
        "there are `ShelfName`, `AccountId`, `Statement`, `RoleArn`, `ExternalId`, `PruneOrphans`, `AllowPublic`";
    let reason = refusal.reason().unwrap();
    assert!(reason.starts_with(&format!("ResourceProperties.Xyzzy: unknown property; {there_are}")), "{reason}");
    let properties = json!({"ShelfNam": "app", "Statement": pull("222222222222")});
    let refusal = Event::create(properties).answered_by(&shelves.statements()).await;
    let reason = refusal.reason().unwrap();
    assert!(reason.starts_with("ResourceProperties.ShelfNam: unknown property; did you mean `ShelfName`?"), "{reason}");
}

#[tokio::test]
async fn a_delete_whose_target_is_being_deleted_leaves_no_claim() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull");
    ensured(&shelves, json!({}), &claim).await.unwrap();
    shelves.0.is_gone.set(true);
    let (reads, writes) = (shelves.0.reads.get(), shelves.0.writes.get());
    shelves.statements().remove(None, &later(&claim)).await.unwrap();
    let claims = shelves.0.table.claims("shelf app");
    assert!(claims.iter().all(|claim| !claim.contains_key("Statements") && !claim.contains_key("Wish")), "{claims:?}");
    assert_eq!((shelves.0.reads.get(), shelves.0.writes.get()), (reads, writes));
}
