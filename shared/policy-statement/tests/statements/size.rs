//! Policies that AWS finds too large, or not.

use custom_resource::{Error, Resource};
use serde_json::{Value, json};

use crate::shelves::{FOREIGN, Shelves, claim, later, properties, pull, sids};

fn grant(accounts: u64) -> Value {
    let accounts: Vec<_> = (0..accounts).map(|n| format!("{:012}", 222_222_222_222_u64 + n)).collect();
    json!({"Effect": "Allow", "Principal": {"AWS": accounts}, "Action": "ecr:BatchGetImage"})
}

/// As AWS shows accounts.
fn with_roots(statement: &mut Value) {
    if let Some(accounts) = statement["Principal"]["AWS"].as_array_mut() {
        for account in accounts {
            *account = format!("arn:aws:iam::{}:root", account.as_str().unwrap()).into();
        }
    }
}

#[tokio::test]
async fn what_aws_finds_too_large_is_explained_in_numbers() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.0.most.set(Some(600));
    let claim = claim("Pull");
    let Err(Error::Refused(reason)) = shelves.statements().ensure(&properties(&grant(40)), None, &claim).await else {
        panic!("not final")
    };
    let begins =
        "shelf:PutPolicy was refused by AWS with TooLarge: It is too long; the policy of shelf app would have ";
    assert!(reason.sentence().starts_with(begins), "{reason}");
    assert!(reason.sentence().contains(" of 600 characters (this statement adds 693)"), "{reason}");
    assert!(claim.id().is_none(), "nothing was written");
}

#[tokio::test]
async fn what_aws_takes_is_never_too_large() {
    let shelves = Shelves::with(Some(FOREIGN));
    let attributes = shelves.statements().ensure(&properties(&grant(40)), None, &claim("Pull")).await.unwrap();
    assert!(attributes.policy_size > 600, "{attributes:?}");
}

#[tokio::test]
async fn what_no_service_could_take_is_refused_before_it_is_written() {
    let shelves = Shelves::with(Some(FOREIGN));
    let refusal = shelves.statements().ensure(&properties(&grant(200)), None, &claim("Pull")).await.unwrap_err();
    let refusal = refusal.to_string();
    assert!(refusal.starts_with("the policy of shelf app would have 3,"), "{refusal}");
    assert_eq!(shelves.0.writes.get(), 0);
}

/// S3 shows more than it was given, and judges what it is given.
#[tokio::test]
async fn a_policy_that_is_shown_longer_than_it_may_be_is_put_back_in_fewer_words() {
    let shelves = Shelves::with(None);
    shelves.0.most.set(Some(600));
    shelves.0.rewords.set(Some(with_roots));
    let (one, two) = (claim("One"), claim("Two"));
    shelves.statements().ensure(&properties(&grant(15)), None, &one).await.unwrap();
    // Shown, the other's alone would be too long.
    shelves.statements().ensure(&properties(&pull("333333333333")), None, &two).await.unwrap();
    assert_eq!(sids(shelves.policy()).len(), 2);
    shelves.statements().remove(None, &later(&two)).await.unwrap();
    assert_eq!(sids(shelves.policy()), [format!("One{}", one.owner().mark())]);
}

#[tokio::test]
async fn where_it_fits_everybody_elses_roots_stay_as_they_are() {
    let roots = r#"{"Statement":[{"Sid":"A","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::333333333333:root"},"Action":"*"}]}"#;
    let shelves = Shelves::with(Some(roots));
    shelves.0.most.set(Some(600));
    let claim = claim("Pull");
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    shelves.statements().remove(None, &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(roots));
}

#[tokio::test]
async fn a_delete_that_aws_refuses_for_the_size_of_the_rest_says_so() {
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("Pull");
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    shelves.0.most.set(Some(100));
    let Err(Error::Refused(reason)) = shelves.statements().remove(None, &later(&claim)).await else {
        panic!("not final")
    };
    assert!(
        reason.sentence().contains("characters (without this resource's statements, and more as AWS counts)"),
        "{reason}"
    );
}
