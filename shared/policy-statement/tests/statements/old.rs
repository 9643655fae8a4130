//! Statements of others that AWS took once and takes no more.

use custom_resource::{Error, Resource};

use crate::shelves::{FOREIGN, Shelves, claim, later, properties, pull};

const OLD: &str = r#"{"Statement":[{"Sid":"Old","Effect":"Allow","Principal":"*"},{"Effect":"Deny","Principal":"*"},{"Sid":"Good","Effect":"Deny","Principal":"*","Action":"*"}]}"#;
const BLAMED: &str = "the policy of shelf app has statements of others that AWS doesn't take any more, so it takes no change of \
                      the policy (`Old` has no Action, a statement without a Sid has no Action); correct them, or take them out";

#[tokio::test]
async fn statements_of_others_that_aws_takes_no_more_are_named_at_once() {
    for (words, quoted) in [("Form.", "Form; "), ("", "")] {
        let shelves = Shelves::with(Some(OLD));
        shelves.refuse("Malformed", words);
        let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await;
        let Err(Error::Refused(reason)) = ended else { panic!("not final: {words}") };
        assert_eq!(reason.sentence(), format!("shelf:PutPolicy was refused by AWS with Malformed: {quoted}{BLAMED}"));
    }
}

#[tokio::test]
async fn a_delete_names_them_too() {
    let shelves = Shelves::with(Some(OLD));
    let claim = claim("Pull");
    shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim).await.unwrap();
    shelves.refuse("Malformed", "Form.");
    let Err(Error::Refused(reason)) = shelves.statements().remove(None, &later(&claim)).await else {
        panic!("not final")
    };
    assert!(reason.sentence().ends_with(BLAMED), "{reason}");
}

#[tokio::test]
async fn they_are_not_blamed_for_a_principal() {
    let shelves = Shelves::with(Some(OLD));
    shelves.refuse("InvalidPrincipal", "Who?");
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await;
    let Err(Error::NotYet(waits)) = ended else { panic!("final") };
    assert!(waits.to_string().contains("most likely a principal of the Statement"), "{waits}");
}

#[tokio::test]
async fn where_there_are_none_a_refusal_without_words_is_about_a_principal() {
    let shelves = Shelves::with(Some(FOREIGN));
    shelves.refuse("Malformed", "");
    let ended = shelves.statements().ensure(&properties(&pull("222222222222")), None, &claim("Pull")).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
}
