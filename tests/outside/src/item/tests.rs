use aws_sdk_dynamodb::{
    error::ErrorMetadata,
    operation::{
        delete_item::{DeleteItemError, DeleteItemOutput},
        get_item::{GetItemError, GetItemOutput},
        put_item::PutItemOutput,
    },
    types::error::{ConditionalCheckFailedException, ResourceNotFoundException},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use custom_resource::{Status, testing::Event};
use serde_json::{Value, json};

use super::*;

const ID: &str = "item/settings/colour";

fn properties() -> Value {
    json!({"Table": "settings", "Name": "colour", "Version": "3", "Content": {"Text": "blue"}})
}

fn items(rules: &[&Rule]) -> Items {
    Items::new(mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, rules))
}

/// What AWS says with an error, which the code of a type looks at.
fn code(code: &str) -> ErrorMetadata {
    ErrorMetadata::builder().code(code).build()
}

/// A table in which that item is; none, if it is empty.
fn shown(item: &[(&str, &str)]) -> Rule {
    let item = item.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect::<HashMap<_, _>>();
    let item = Some(item).filter(|item| !item.is_empty());
    mock!(Client::get_item).then_output(move || GetItemOutput::builder().set_item(item.clone()).build())
}

fn put() -> Rule {
    mock!(Client::put_item).then_output(|| PutItemOutput::builder().build())
}

#[tokio::test(start_paused = true)]
async fn an_item_is_put_where_none_is_and_its_id_is_its_place() {
    let put = put();
    let answer = Event::create(properties()).answered_by(&items(&[&shown(&[]), &put])).await;
    assert_eq!((answer.status(), answer.physical_resource_id()), (Status::Success, ID));
    assert_eq!((answer.data()["Version"].as_str(), put.num_calls()), (Some("3"), 1));
}

#[tokio::test(start_paused = true)]
async fn an_item_of_somebody_else_is_never_changed() {
    let (taken, put) = (shown(&[(OWNER, "0123456789 other/Item")]), put());
    let answer = Event::create(properties()).answered_by(&items(&[&taken, &put])).await;
    assert!(answer.reason().is_some_and(|reason| reason.starts_with("the item is there already")));
    assert_eq!(put.num_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_being_made_is_waited_for_and_one_that_is_not_made_is_refused() {
    let missing = || {
        let missing = ResourceNotFoundException::builder().meta(code("ResourceNotFoundException")).build();
        GetItemError::ResourceNotFoundException(missing)
    };
    let later = mock!(Client::get_item).sequence().error(missing).times(3);
    let later = later.output(|| GetItemOutput::builder().build()).build();
    assert_eq!(Event::create(properties()).answered_by(&items(&[&later, &put()])).await.status(), Status::Success);
    let never = mock!(Client::get_item).then_error(missing);
    let answer = Event::create(properties()).answered_by(&items(&[&never])).await;
    assert!(answer.reason().is_some_and(|reason| reason.contains("still so after 6")), "{:?}", answer.reason());
}

#[tokio::test(start_paused = true)]
async fn properties_are_refused_in_words_of_the_template() {
    for (name, value, sentence) in [
        ("Version", json!("-1"), "ResourceProperties.Version: expected a whole number from 0 to 4294967295 ("),
        ("Content", json!("Blue"), "ResourceProperties.Content: expected one of Empty, Text ("),
        ("Contents", json!("Empty"), "ResourceProperties.Contents: unknown property; did you mean `Content`? ("),
    ] {
        let mut properties = properties();
        properties[name] = value;
        let answer = Event::create(properties).answered_by(&items(&[])).await;
        assert!(answer.reason().is_some_and(|reason| reason.starts_with(sentence)), "{:?}", answer.reason());
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_takes_the_own_item_and_is_done_where_it_is_not() {
    let gone = mock!(Client::delete_item).then_output(|| DeleteItemOutput::builder().build());
    let others = mock!(Client::delete_item).then_error(|| {
        let failed = ConditionalCheckFailedException::builder().meta(code("ConditionalCheckFailedException")).build();
        DeleteItemError::ConditionalCheckFailedException(failed)
    });
    for rule in [gone, others] {
        let answer = Event::delete(ID, properties()).answered_by(&items(&[&rule])).await;
        assert_eq!((answer.status(), rule.num_calls()), (Status::Success, 1));
    }
}

#[test]
fn an_id_that_cloudformation_invents_is_none() {
    assert_eq!(ID.parse::<ItemId>().map(|id| id.to_string()).as_deref(), Ok(ID));
    assert!("stack-Item-1ABCDEF".parse::<ItemId>().is_err());
}
