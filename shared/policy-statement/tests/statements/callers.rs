//! Stacks of other accounts, which try to have more than is open to them.

use custom_resource::{Claim, FunctionArn, Owner, Resource, Result};
use policy_statement::Attributes;
use serde_json::{Value, json};

use crate::shelves::{FOREIGN, Process, ShelfClaim, Shelves, later, pull, read, sids};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111111111111:function:archipelago-shelf-statement:caller-222222222222";

fn claim(logical_id: &str, id: Option<&str>) -> ShelfClaim {
    let stack = "arn:aws:cloudformation:eu-west-1:222222222222:stack/landing/1f0a";
    Claim::new(Owner::new(stack, logical_id), id).in_invocation(|invocation| invocation.on(FunctionArn::read(FUNCTION)))
}

fn open(shelves: &Shelves) -> Process<Shelves> {
    let targets = "arn:aws:shop:eu-west-1:111111111111:shelf/app";
    shelves.statements().with(|of| of.with_grants(targets, "ecr:BatchGetImage,ecr:GetDownloadUrlForLayer"))
}

async fn ensured(shelves: &Shelves, more: Value, claim: &ShelfClaim) -> Result<Attributes> {
    let mut properties = json!({"ShelfName": "app", "Statement": pull("222222222222")});
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    open(shelves).ensure(&read(properties).unwrap(), None, claim).await
}

#[tokio::test]
async fn an_account_opens_what_is_open_to_it_and_takes_it_back() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull", None);
    ensured(&shelves, json!({}), &claim).await.unwrap();
    assert_eq!(sids(shelves.policy()), ["", &format!("Pull{}", claim.owner().mark())]);
    open(&shelves).remove(None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn by_default_nothing_is_open() {
    let shelves = Shelves::with(Some(FOREIGN));
    let desired = read(json!({"ShelfName": "app", "Statement": pull("222222222222")})).unwrap();
    let refusal = shelves.statements().ensure(&desired, None, &claim("Pull", None)).await.unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "arn:aws:shop:eu-west-1:111111111111:shelf/app is not open to account 222222222222; \
         the parameter GrantTargets of the functions' stack says what is"
    );
    assert!(shelves.0.table.is_empty(), "nobody is held up by it");
}

#[tokio::test]
async fn what_is_not_open_is_refused_before_anything_is_read() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.keep("secret", Some(FOREIGN));
    for (more, words) in [
        (json!({"ShelfName": "secret"}), "shelf/secret is not open"),
        (json!({"ShelfName": "alias/secret"}), "shelf/secret is not open"),
        (json!({"Statement": pull("333333333333")}), "only name itself"),
        (json!({"RoleArn": "arn:aws:iam::333333333333:role/writer"}), "ResourceProperties.RoleArn: stacks of account"),
        (json!({"RoleArn": "arn:aws:iam::111111111111:role/writer"}), "ResourceProperties.RoleArn: stacks of account"),
        (json!({"PruneOrphans": true}), "ResourceProperties.PruneOrphans: stacks of account"),
    ] {
        let refusal = ensured(&shelves, more, &claim("Pull", None)).await.unwrap_err().to_string();
        assert!(refusal.contains(words), "{refusal}");
    }
    assert_eq!((shelves.0.reads.get(), shelves.0.writes.get()), (0, 0));
}

#[tokio::test]
async fn a_stack_whose_mark_is_somebody_elses_neither_changes_nor_removes_their_statements() {
    let victim = claim("Pull", None);
    // As if the caller had looked for a StackId with the victim's mark, which anybody could find in some hours.
    let statement = json!({
        "Sid": format!("Pull{}", victim.owner().mark()),
        "Effect": "Allow",
        "Principal": {"AWS": "333333333333"},
        "Action": "ecr:BatchGetImage",
    });
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let shelves = Shelves::with(Some(&policy));
    let refusal = ensured(&shelves, json!({}), &victim).await.unwrap_err().to_string();
    assert!(refusal.contains("are not for account 222222222222 alone"), "{refusal}");
    let delete = claim("Pull", Some(&format!("app#{}", victim.owner().mark())));
    open(&shelves).remove(None, &delete).await.unwrap_err();
    assert_eq!(shelves.policy(), Some(policy));
}

#[tokio::test]
async fn a_delete_by_another_account_assumes_no_role() {
    let shelves = Shelves::with(Some(FOREIGN));
    let role =
        json!({"ShelfName": "app", "Statement": pull("222222222222"), "RoleArn": "arn:aws:iam::111111111111:role/w"});
    let refusal = open(&shelves).remove(Some(&read(role).unwrap()), &claim("Pull", None)).await.unwrap_err();
    assert!(refusal.to_string().contains("RoleArn"), "{refusal}");
}
