//! Stacks of other accounts, which try to have more than is open to them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use archipelago_tests::model::Fault;
use custom_resource::{Claim, Error, FunctionArn, Owner, RequestOrder, Resource, Result};
use policy_statement::Attributes;
use serde_json::{Value, json};

use crate::shelves::{APART, APP, FOREIGN, PULL, ShelfClaim, Shelves, later, pull, read, sids};

const ACCOUNT: &str = "222222222222";
const UNIT: &str = "o-exampleorgid-ou-abcd-12345678";
const POLICY: &str = "shelf app";

fn by(caller: &str, account: &str, logical_id: &str, id: Option<&str>) -> ShelfClaim {
    let function =
        format!("arn:aws:lambda:eu-west-1:111111111111:function:archipelago-shelf-statement:caller-{caller}");
    let stack = format!("arn:aws:cloudformation:eu-west-1:{account}:stack/landing/1f0a");
    Claim::new(Owner::new(stack, logical_id), id)
        .in_invocation(|invocation| invocation.on(FunctionArn::read(&function)))
}

fn claim(logical_id: &str, id: Option<&str>) -> ShelfClaim {
    by(ACCOUNT, ACCOUNT, logical_id, id)
}

fn open_to(caller: &str) -> Shelves {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.table.open(caller, APP, &PULL);
    shelves
}

async fn ensured(shelves: &Shelves, more: Value, claim: &ShelfClaim) -> Result<Attributes> {
    let mut properties = json!({"ShelfName": "app", "Statement": pull(ACCOUNT)});
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shelves.statements().ensure(&read(properties).unwrap(), None, claim).await
}

#[track_caller]
fn assert_refused(result: Result<Attributes>, words: &str) {
    let refusal = result.unwrap_err();
    assert!(matches!(refusal, Error::Refused(_)) && refusal.to_string().contains(words), "{refusal}");
}

#[tokio::test]
async fn an_account_opens_what_is_open_to_it_and_takes_it_back() {
    let shelves = open_to(ACCOUNT);
    let claim = claim("Pull", None);
    ensured(&shelves, json!({}), &claim).await.unwrap();
    assert_eq!(sids(shelves.policy()), ["", &format!("Pull{}", claim.owner().mark())]);
    shelves.statements().remove(None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn by_default_nothing_is_open_and_nobody_carries_out_what_was_refused() {
    let shelves = Shelves::with(Some(FOREIGN));
    let refusal = ensured(&shelves, json!({}), &claim("Pull", None)).await.unwrap_err();
    assert_eq!(
        refusal.to_string(),
        format!("{APP} is not open to account 222222222222; a Custom::Caller in the functions' account says what is")
    );
    assert!(shelves.0.table.claims(POLICY).iter().all(|item| !item.contains_key("Wish")));
    assert_eq!(shelves.0.writes.get(), 0);
}

#[tokio::test]
async fn what_is_not_open_is_refused() {
    let shelves = open_to(ACCOUNT);
    shelves.keep("secret", Some(FOREIGN));
    for (more, words) in [
        (json!({"ShelfName": "secret"}), "shelf/secret is not open"),
        (json!({"ShelfName": "alias/secret"}), "shelf/secret is not open"),
        (json!({"Statement": pull("333333333333")}), "only name itself"),
        (json!({"RoleArn": "arn:aws:iam::333333333333:role/writer"}), "ResourceProperties.RoleArn: stacks of account"),
        (json!({"RoleArn": "arn:aws:iam::111111111111:role/writer"}), "ResourceProperties.RoleArn: stacks of account"),
        (json!({"PruneOrphans": true}), "ResourceProperties.PruneOrphans: stacks of account"),
    ] {
        assert_refused(ensured(&shelves, more, &claim("Pull", None)).await, words);
    }
    assert_eq!(shelves.0.writes.get(), 0);
}

#[tokio::test]
async fn a_caller_that_has_just_been_refused_leaves_nothing_in_the_ledger() {
    let shelves = Shelves::with(Some(FOREIGN));
    let statements = shelves.statements();
    let desired = |name: &str| read(json!({"ShelfName": name, "Statement": pull(ACCOUNT)})).unwrap();
    for name in ["app", "one", "two"] {
        statements.ensure(&desired(name), None, &claim("Pull", None)).await.unwrap_err();
    }
    assert_eq!(shelves.0.table.claims("shelf one").len() + shelves.0.table.claims("shelf two").len(), 0);
    shelves.0.table.open(ACCOUNT, APP, &PULL);
    statements.ensure(&desired("app"), None, &claim("Other", None)).await.unwrap();
}

#[tokio::test]
async fn the_grants_of_another_caller_open_nothing() {
    let shelves = open_to(UNIT);
    assert_refused(ensured(&shelves, json!({}), &claim("Pull", None)).await, "is not open to account 222222222222;");
    let other_unit = by("o-exampleorgid-ou-abcd-99999999", ACCOUNT, "Pull", None);
    assert_refused(
        ensured(&shelves, json!({}), &other_unit).await,
        "is not open to account 222222222222 of ou-abcd-99999999;",
    );
}

#[tokio::test]
async fn an_action_of_one_grant_is_not_open_on_the_target_of_another() {
    let shelves = open_to(ACCOUNT);
    let grant = |target: &str, action: &str| json!({"Types": ["ShelfStatement"], "Targets": [target], "Actions": [action], "Services": []});
    shelves.0.table.grant(ACCOUNT, "grant one", &grant(APP, PULL[0]));
    shelves.0.table.grant(ACCOUNT, "grant two", &grant("arn:aws:shop:eu-west-1:111111111111:shelf/other", PULL[1]));
    assert_refused(
        ensured(&shelves, json!({}), &claim("Pull", None)).await,
        "`ecr:GetDownloadUrlForLayer` is not open",
    );
    shelves.0.table.grant(ACCOUNT, "grant two", &grant(APP, PULL[1]));
    assert_refused(ensured(&shelves, json!({}), &claim("Pull", None)).await, "no single Custom::Caller");
}

#[tokio::test]
async fn what_an_account_of_a_unit_has_ends_with_membership() {
    let shelves = open_to(UNIT);
    let claim = by(UNIT, ACCOUNT, "Pull", None);
    ensured(&shelves, json!({}), &claim).await.unwrap();
    let policy: Value = serde_json::from_str(&shelves.policy().unwrap()).unwrap();
    assert_eq!(
        policy["Statement"][1]["Condition"],
        json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-exampleorgid/r-abcd/*ou-abcd-12345678/*"}})
    );
    shelves.statements().remove(None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn an_account_of_a_unit_does_not_touch_what_another_one_has() {
    let shelves = open_to(UNIT);
    let victim = by(UNIT, "333333333333", "Pull", None);
    ensured(&shelves, json!({"Statement": pull("333333333333")}), &victim).await.unwrap();
    let policy = shelves.policy();
    // The alias of the unit is open to it, and its own account's alone doesn't make the claim its own.
    shelves.0.table.open("333333333333", APP, &PULL);
    let same_stack = by("333333333333", "333333333333", "Pull", None);
    let other = json!({"Statement": pull("333333333333")});
    assert_refused(ensured(&shelves, other, &same_stack).await, "has statements with the mark");
    assert_eq!(shelves.policy(), policy);
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
    shelves.0.table.open(ACCOUNT, APP, &PULL);
    assert_refused(ensured(&shelves, json!({}), &victim).await, "are not for account 222222222222 alone");
    let delete = claim("Pull", Some(&format!("app#{}", victim.owner().mark())));
    shelves.statements().remove(None, &delete).await.unwrap_err();
    assert_eq!(shelves.policy(), Some(policy));
}

#[tokio::test]
async fn what_an_administrator_opened_to_a_caller_is_not_the_caller_s_because_of_its_mark() {
    let shelves = open_to(ACCOUNT);
    // Of a stack of the function's own account, whose id has the mark of the caller's.
    let function = "arn:aws:lambda:eu-west-1:111111111111:function:archipelago-shelf-statement";
    let twin = claim("Pull", None);
    let owner = twin.owner().clone();
    let theirs = Claim::new(owner, None).in_invocation(|invocation| invocation.on(FunctionArn::read(function)));
    ensured(&shelves, json!({}), &theirs).await.unwrap();
    let policy = shelves.policy();
    let words = "has statements with the mark of this resource that are of another resource";
    assert_refused(ensured(&shelves, json!({"Statement": pull("arn:aws:iam::222222222222:root")}), &twin).await, words);
    let delete = claim("Pull", Some(&format!("app#{}", twin.owner().mark())));
    let refusal = shelves.statements().remove(None, &delete).await.unwrap_err();
    assert!(refusal.to_string().contains(words), "{refusal}");
    assert_eq!(shelves.policy(), policy);
}

#[tokio::test]
async fn a_grant_that_goes_while_a_request_waits_closes_the_door() {
    let shelves = open_to(ACCOUNT);
    shelves.0.table.take(POLICY, "somebody else", std::time::Duration::from_hours(1));
    let (statements, claim) = (shelves.statements(), claim("Pull", None));
    let desired = read(json!({"ShelfName": "app", "Statement": pull(ACCOUNT)})).unwrap();
    let waits = statements.statements.ensure(&desired, None, &claim).await.unwrap_err();
    assert!(matches!(waits, Error::NotYet(_)), "{waits}");
    shelves.0.table.close(ACCOUNT);
    shelves.0.table.run_out(POLICY);
    assert_refused(statements.ensure(&desired, None, &claim).await, "is not open to account");
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
    assert!(shelves.0.table.claims(POLICY).iter().all(|item| !item.contains_key("Wish")), "nobody else writes it");
}

#[tokio::test]
async fn nobody_carries_out_a_caller_s_wish_before_its_grants_were_read() {
    let shelves = open_to(ACCOUNT);
    shelves.0.table.take(POLICY, "somebody else", std::time::Duration::from_hours(1));
    let desired = read(json!({"ShelfName": "app", "Statement": pull(ACCOUNT)})).unwrap();
    let unchecked = || shelves.0.table.claims(POLICY)[0]["Unchecked"]["BOOL"].clone();
    let claim = claim("Pull", None);
    // The table of callers doesn't answer.
    shelves.0.table.watch(|_, request| (request["TableName"] == "callers").then_some(Fault::Broken));
    let statements = shelves.statements();
    let waits = statements.statements.ensure(&desired, None, &claim).await.unwrap_err();
    assert!(matches!(waits, Error::NotYet(_)), "{waits}");
    assert_eq!(unchecked(), true);
    // When the next request comes, so that it looks at what others wish.
    let then = (shelves.0.table.clock()() + APART).as_millis().to_string();
    shelves.0.table.change(POLICY, |item| {
        item.insert("Until".to_owned(), json!({"N": "0"}));
        item.insert("Released".to_owned(), json!({ "N": then }));
    });
    let other = crate::shelves::claim("Other");
    shelves.statements().ensure(&crate::shelves::properties(&pull("444444444444")), None, &other).await.unwrap();
    assert_eq!(sids(shelves.policy()).len(), 2, "what isn't known to be granted isn't in it");
    shelves.0.table.watch(|_, _| None);
    shelves.0.table.take(POLICY, "somebody else", std::time::Duration::from_hours(1));
    statements.statements.ensure(&desired, None, &claim).await.unwrap_err();
    assert_eq!(unchecked(), false);
}

#[tokio::test]
async fn an_event_with_the_id_of_a_request_does_not_wish_something_else() {
    let shelves = open_to(ACCOUNT);
    shelves.0.table.take(POLICY, "somebody else", std::time::Duration::from_hours(1));
    let order = RequestOrder::new(1_000, false, "request");
    let claimed = || claim("Pull", None).in_invocation(|invocation| invocation.ordered(order.clone()));
    let desired = |action: &str| {
        let statement = json!({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": action});
        read(json!({"ShelfName": "app", "Statement": statement})).unwrap()
    };
    shelves.statements().statements.ensure(&desired(PULL[0]), None, &claimed()).await.unwrap_err();
    let wish = || shelves.0.table.claims(POLICY)[0]["Wish"].clone();
    let wished = wish();
    for action in [PULL[1], "ecr:*"] {
        let refusal = shelves.statements().statements.ensure(&desired(action), None, &claimed()).await.unwrap_err();
        assert!(matches!(refusal, Error::Refused(_)), "{refusal}");
        assert_eq!(wish(), wished);
    }
}

#[tokio::test]
async fn what_was_granted_is_given_back_after_the_grant_was_taken_away() {
    let shelves = open_to(ACCOUNT);
    let claim = claim("Pull", None);
    ensured(&shelves, json!({}), &claim).await.unwrap();
    shelves.0.table.close(ACCOUNT);
    let policy = shelves.policy();
    let other = json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": PULL[0]}});
    assert_refused(ensured(&shelves, other, &later(&claim)).await, "is not open");
    // The rollback, and whatever else changes nothing.
    ensured(&shelves, json!({}), &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy(), policy);
    shelves.keep("app", Some(FOREIGN));
    ensured(&shelves, json!({}), &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN), "what somebody has taken out isn't put back");
    shelves.keep("app", policy.as_deref());
    shelves.statements().remove(None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test]
async fn a_delete_by_another_account_assumes_no_role() {
    let shelves = open_to(ACCOUNT);
    let role = json!({"ShelfName": "app", "Statement": pull(ACCOUNT), "RoleArn": "arn:aws:iam::111111111111:role/w"});
    let refusal = shelves.statements().remove(Some(&read(role).unwrap()), &claim("Pull", None)).await.unwrap_err();
    assert!(refusal.to_string().contains("RoleArn"), "{refusal}");
}

/// What administrators are told of the claims.
async fn told(shelves: &Shelves, event: Value) -> Vec<Value> {
    shelves.statements().told(event).await.unwrap()["Claims"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn what_is_not_granted_any_more_is_listed_so() {
    let shelves = open_to(UNIT);
    ensured(&shelves, json!({}), &by(UNIT, ACCOUNT, "Pull", None)).await.unwrap();
    let list = || told(&shelves, json!({"RequestType": "List"}));
    assert_eq!((&list().await[0]["Caller"], &list().await[0]["Granted"]), (&json!(UNIT), &Value::Null));
    shelves.0.table.close(UNIT);
    assert_eq!((&list().await[0]["State"], &list().await[0]["Granted"]), (&json!("there"), &json!(false)));
}

#[tokio::test(start_paused = true)]
async fn a_unit_is_cut_off_and_let_in_again_as_far_as_it_is_granted() {
    let shelves = open_to(UNIT);
    shelves.0.table.open("333333333333", APP, &PULL);
    let other = by("333333333333", "333333333333", "Pull", None);
    ensured(&shelves, json!({"Statement": pull("333333333333")}), &other).await.unwrap();
    let of_other = shelves.policy();
    ensured(&shelves, json!({}), &by(UNIT, ACCOUNT, "Pull", None)).await.unwrap();
    let all = shelves.policy();
    let asked = async |kind: &str| told(&shelves, json!({"RequestType": kind, "Caller": UNIT})).await;
    assert_eq!(asked("Suspend").await[0]["Result"], "suspended");
    assert_eq!(shelves.policy(), of_other);
    assert_eq!(asked("Resume").await[0]["Result"], "resumed");
    assert_eq!(shelves.policy(), all);

    asked("Suspend").await;
    shelves.0.table.close(UNIT);
    let resumed = asked("Resume").await;
    assert!(resumed[0]["But"].as_str().is_some_and(|but| but.contains("is not open to account")), "{resumed:?}");
    assert_eq!(shelves.policy(), of_other);
}

#[tokio::test(start_paused = true)]
async fn an_account_of_a_unit_is_cut_off_by_its_own_id() {
    let shelves = open_to(UNIT);
    ensured(&shelves, json!({}), &by(UNIT, ACCOUNT, "Pull", None)).await.unwrap();
    told(&shelves, json!({"RequestType": "Suspend", "AccountId": ACCOUNT})).await;
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_none_is_not_suspended() {
    let shelves = open_to(UNIT);
    for caller in ["", "2222", "ou-abcd-12345678"] {
        let refusal = shelves.statements().told(json!({"RequestType": "Suspend", "Caller": caller})).await.unwrap_err();
        assert!(refusal.to_string().starts_with("give AccountId, 12 digits in a string, or Caller,"), "{refusal}");
    }
}

/// How many calls to the tables one request makes.
async fn calls(shelves: &Shelves, claim: ShelfClaim) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    shelves.0.table.watch(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        None
    });
    ensured(shelves, json!({}), &claim).await.unwrap();
    count.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_caller_s_request_makes_one_call_more_than_another_one() {
    let own = calls(&open_to(ACCOUNT), crate::shelves::claim("Pull")).await;
    assert_eq!(calls(&open_to(ACCOUNT), claim("Pull", None)).await, own + 1);
}

#[tokio::test]
async fn three_hundred_grants_are_read_in_one_call() {
    let shelves = open_to(UNIT);
    for n in 0..300 {
        let targets = [
            "arn:aws:s3:::",
            "arn:aws:ecr:eu-west-1:111111111111:repository/",
            "arn:aws:kms:eu-west-1:111111111111:key/",
        ];
        let grant = json!({
            "Types": ["EcrPolicyStatement", "KmsPolicyStatement", "S3PolicyStatement"],
            "Targets": targets.map(|target| format!("{target}0123abcd-0123-4000-8000-0123456789{n:03}")),
            "Actions": ["ecr:BatchGetImage", "kms:Decrypt", "s3:GetObject", "s3:ListBucket"],
            "Services": [],
        });
        shelves.0.table.grant(UNIT, &format!("grant {n:064}"), &grant);
    }
    let by_unit = || by(UNIT, ACCOUNT, "Pull", None);
    assert_eq!(calls(&shelves, by_unit()).await, calls(&open_to(UNIT), by_unit()).await);
}
