//! Principals that AWS does not know.

use std::time::Duration;

use custom_resource::{Error, Resource};
use serde_json::json;

use crate::shelves::{FOREIGN, Shelves, claim, later, properties, pull, read, sids};

const ORPHANED: &str = r#"{"Statement":[{"Sid":"Old","Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEDELETEDROLE"},"Action":"ecr:*"},{"Sid":"Half","Effect":"Allow","Principal":{"AWS":["AIDAEXAMPLEDELETEDUSER","arn:aws:iam::333333333333:root"]},"N":1.0}]}"#;

#[tokio::test]
async fn a_principal_that_is_not_known_yet_may_appear_within_two_minutes() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.refuse("InvalidPrincipal", "Who?");
    let claim = claim("Pull");
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("final") };
    assert_eq!(not_yet.within, Some(Duration::from_mins(2)));
    assert!(not_yet.to_string().contains("a principal of the Statement doesn't exist"), "{not_yet}");
    assert!(claim.id().is_none(), "nothing was written");
}

#[tokio::test]
async fn any_other_refusal_is_final() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.refuse("Malformed", "Syntax.");
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await;
    let Err(Error::Refused(reason)) = ended else { panic!("not final") };
    assert_eq!(reason.sentence(), "shelf:PutPolicy was refused by AWS with Malformed: Syntax");
}

#[tokio::test]
async fn somebody_elses_deleted_principals_are_named_at_once() {
    let shelves = Shelves::with(Some(ORPHANED));
    shelves.refuse("InvalidPrincipal", "Who?");
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await;
    let Err(Error::Refused(reason)) = ended else { panic!("not final") };
    assert_eq!(
        reason.sentence(),
        "shelf:PutPolicy was refused by AWS with InvalidPrincipal: Who?; the policy of shelf app names principals that were \
         deleted (`Old`: AROAEXAMPLEDELETEDROLE, `Half`: AIDAEXAMPLEDELETEDUSER); take them out, or set PruneOrphans to true"
    );
}

#[tokio::test]
async fn they_are_left_alone_where_aws_takes_them() {
    let shelves = Shelves::with(Some(ORPHANED));
    let claim = claim("Pull");
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    shelves.statements().remove(None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(ORPHANED));
}

#[tokio::test]
async fn the_template_may_have_them_taken_out_where_aws_refuses_a_change_for_them() {
    let shelves = Shelves::with(Some(ORPHANED));
    let desired = json!({"ShelfName": "app", "Statement": pull("222222222222"), "PruneOrphans": true});
    let (desired, claim) = (read(desired).unwrap(), claim("Pull"));
    shelves.refuse("InvalidPrincipal", "Who?");
    shelves.statements().ensure(&desired, None, &claim).await.unwrap();
    assert_eq!(sids(shelves.policy()), ["Half", &format!("Pull{}", claim.owner().mark())]);
    shelves.statements().remove(Some(&desired), &later(&claim)).await.unwrap();
    let left = r#"{"Statement":[{"Sid":"Half","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::333333333333:root"]},"N":1.0}]}"#;
    assert_eq!(shelves.policy().as_deref(), Some(left));
}

#[tokio::test]
async fn a_role_that_aws_shows_by_its_id_for_a_moment_is_not_pruned() {
    let shelves = Shelves::with(Some(ORPHANED));
    let desired = json!({"ShelfName": "app", "Statement": pull("222222222222"), "PruneOrphans": true});
    shelves.statements().ensure(&read(desired).unwrap(), None, &claim("Pull")).await.unwrap();
    assert_eq!(sids(shelves.policy()).len(), 3);
}

#[tokio::test]
async fn what_pruning_can_not_take_out_is_named_without_that_advice() {
    let all_but = r#"{"Statement":[{"Sid":"But","Effect":"Deny","NotPrincipal":{"AWS":"AROAEXAMPLEDELETEDROLE"},"Action":"ecr:*"}]}"#;
    let shelves = Shelves::with(Some(all_but));
    shelves.refuse("InvalidPrincipal", "Who?");
    let desired = json!({"ShelfName": "app", "Statement": pull("222222222222"), "PruneOrphans": true});
    let sentence =
        shelves.statements().ensure(&read(desired).unwrap(), None, &claim("Pull")).await.unwrap_err().to_string();
    assert!(sentence.contains("`But`: AROAEXAMPLEDELETEDROLE") && !sentence.contains("PruneOrphans"), "{sentence}");
}

#[tokio::test]
async fn a_delete_blames_nobody_for_the_statement_that_it_takes_out() {
    for (policy, words) in
        [(FOREIGN, "a statement of somebody else in the policy of shelf app"), (ORPHANED, "take them out")]
    {
        let shelves = Shelves::with(Some(policy));
        let claim = claim("Pull");
        shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
        shelves.refuse("InvalidPrincipal", "Who?");
        let ended = shelves.statements().remove(None, &later(&claim)).await;
        let Err(Error::Refused(reason)) = ended else { panic!("not final") };
        assert!(reason.sentence().contains(words) && !reason.sentence().contains("PruneOrphans"), "{reason}");
    }
}

#[tokio::test]
async fn nothing_is_pruned_where_nothing_is_written() {
    let claim = claim("Pull");
    let ours = format!(r#"{{"Sid":"Pull{}","Effect":"Deny","Principal":"*","Action":"*"}}]}}"#, claim.owner().mark());
    let policy = format!("{},{ours}", ORPHANED.strip_suffix("]}").unwrap());
    let shelves = Shelves::with(Some(&policy));
    let statement = json!({"Effect": "Deny", "Principal": "*", "Action": "*"});
    let desired = json!({"ShelfName": "app", "Statement": statement, "PruneOrphans": true});
    shelves.statements().ensure(&read(desired).unwrap(), None, &claim).await.unwrap();
    assert_eq!(shelves.policy(), Some(policy));
}

/// Accounts that were closed, or haven't enabled the Region, stay in policies as they are.
const CLOSED: &str = r#"{"Statement":[{"Sid":"Old","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::333333333333:root","arn:aws:iam::444444444444:role/a"]},"Action":"ecr:*"}]}"#;

#[tokio::test]
async fn somebody_elses_unknown_account_is_named_at_once_where_aws_names_it() {
    for name in ["333333333333", "arn:aws:iam::333333333333:root"] {
        let shelves = Shelves::with(Some(CLOSED));
        let claim = claim("Pull");
        shelves.refuse("InvalidPrincipal", &format!(r#"Invalid principal in policy: "AWS":"{name}""#));
        let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await;
        let Err(Error::Refused(reason)) = ended else { panic!("not final") };
        let who = "the policy of shelf app names it (`Old`: arn:aws:iam::333333333333:root); AWS doesn't know a role or a user \
                   that was deleted, nor an account that was closed or has not enabled this Region; take it out";
        assert!(reason.sentence().ends_with(who), "{reason}");
    }
}

#[tokio::test]
async fn where_aws_names_none_a_delete_says_whom_it_may_be_about() {
    let shelves = Shelves::with(Some(CLOSED));
    let claim = claim("Pull");
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    shelves.refuse("InvalidPrincipal", "Who?");
    let Err(Error::Refused(reason)) = shelves.statements().remove(None, &later(&claim)).await else {
        panic!("not final")
    };
    let who = "take it out, one of: `Old`: arn:aws:iam::333333333333:root, `Old`: arn:aws:iam::444444444444:role/a";
    assert!(reason.sentence().ends_with(who), "{reason}");
}

#[tokio::test]
async fn where_aws_names_none_a_principal_of_ours_may_appear_and_others_are_named() {
    let shelves = Shelves::with(Some(CLOSED));
    shelves.refuse("InvalidPrincipal", "Who?");
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await;
    let Err(Error::NotYet(waits)) = ended else { panic!("final") };
    let sentence = waits.to_string();
    assert!(
        sentence.contains("an account is unknown, too, where it was closed or has not enabled this Region"),
        "{sentence}"
    );
    assert!(
        sentence.contains("or else statements of others name it: `Old`: arn:aws:iam::333333333333:root"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_principal_of_ours_that_aws_names_may_appear_whoever_else_was_deleted() {
    let shelves = Shelves::with(Some(ORPHANED));
    shelves.refuse("InvalidPrincipal", "Invalid principal in policy; arn:aws:iam::222222222222:root");
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await;
    let Err(Error::NotYet(waits)) = ended else { panic!("final") };
    assert_eq!(waits.within, Some(Duration::from_mins(2)));
    assert!(!waits.to_string().contains("AROA"), "{waits}");
}
