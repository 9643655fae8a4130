use serde::Deserialize;
use serde_json::json;

use super::{buffered::BUFFERED, *};

mod shapes;
mod words;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Example {
    name: String,
    #[serde(default)]
    adopt: bool,
    retention: Option<u32>,
    #[serde(default)]
    ports: Vec<u16>,
    #[serde(default)]
    tags: Vec<Tag>,
    mode: Option<Mode>,
    statement: Option<Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Allow,
    Deny,
}

fn refusal(properties: &Value) -> String {
    read::<Example>(properties).unwrap_err()
}

#[test]
fn scalars_read_well_as_strings_and_as_themselves() {
    let strings = json!({"Name": "n", "Adopt": "true", "Retention": "3", "Ports": ["80"], "Mode": "DENY"});
    let scalars = json!({"Name": "n", "Adopt": true, "Retention": 3, "Ports": [80], "Mode": "DENY"});
    let read_strings: Example = read(&strings).unwrap();
    assert_eq!(read_strings, read(&scalars).unwrap());
    assert!(read_strings.adopt);
    assert_eq!((read_strings.retention, read_strings.ports), (Some(3), vec![80]));
}

#[test]
fn a_text_may_look_like_a_number_or_a_boolean() {
    let tags = json!({"Name": 7, "Tags": [{"Key": "cost-centre", "Value": 1234}, {"Key": "prod", "Value": true}]});
    let example: Example = read(&tags).unwrap();
    assert_eq!(example.name, "7");
    assert_eq!(example.tags[0].value, "1234");
    assert_eq!(example.tags[1].value, "true");
}

#[test]
fn free_form_values_stay_as_they_came() {
    let statement =
        json!({"Effect": "Allow", "Condition": {"Bool": {"aws:SecureTransport": "true"}}, "n": [1, 1.5, null]});
    let example: Example = read(&json!({"Name": "n", "Statement": statement})).unwrap();
    assert_eq!(example.statement, Some(statement));
}

#[test]
fn an_unknown_property_is_refused_with_its_path_and_the_nearest_name() {
    assert_eq!(refusal(&json!({"Nmae": "n"})), "ResourceProperties.Nmae: unknown property; did you mean `Name`?");
    assert_eq!(
        refusal(&json!({"Name": "n", "Tags": [{"Key": "k", "Value": "v"}, {"Key": "k", "Valeu": "v"}]})),
        "ResourceProperties.Tags[1].Valeu: unknown property; did you mean `Value`?"
    );
}

#[test]
fn a_name_like_no_other_is_refused_with_all_names_that_there_are() {
    assert_eq!(
        refusal(&json!({"Name": "n", "Xyzzy": "1"})),
        "ResourceProperties.Xyzzy: unknown property; \
         there are `Name`, `Adopt`, `Retention`, `Ports`, `Tags`, `Mode`, `Statement`"
    );
}

#[test]
fn a_name_that_may_be_a_value_is_not_shown() {
    let hidden = "ResourceProperties: unknown property (its name isn't shown, since it isn't one of up to 64 letters \
                  (A to Z, a to z) and digits); ";
    for (name, there_are) in [
        ("person@example.com", "there are `Name`, `Adopt`, "),
        ("Retentiоn", "did you mean `Retention`?"),
        ("Retention\u{202e}", "did you mean `Retention`?"),
        ("", "there are `Name`, `Adopt`, "),
        (&"Retention".repeat(100_000), "there are `Name`, `Adopt`, "),
    ] {
        let refusal = refusal(&json!({"Name": "n", name: "1"}));
        assert!(refusal.strip_prefix(hidden).is_some_and(|rest| rest.starts_with(there_are)), "{refusal}");
    }
}

#[test]
fn what_looks_at_a_whole_list_says_which_item_it_is() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tagged {
        #[serde(rename = "Tags")]
        _tags: Tags,
    }
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "Vec<Value>")]
    struct Tags;
    impl TryFrom<Vec<Value>> for Tags {
        type Error = &'static str;
        fn try_from(_: Vec<Value>) -> Result<Self, &'static str> {
            Err("[1].Key: this key is there twice")
        }
    }
    let twice = json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]);
    let refusal = read::<Tagged>(&json!({"Tags": twice})).unwrap_err();
    assert_eq!(refusal, "ResourceProperties.Tags[1].Key: this key is there twice");
}

#[test]
fn what_has_become_of_an_id_is_said_wherever_one_is_refused() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "String")]
    struct Id;
    impl TryFrom<String> for Id {
        type Error = &'static str;
        fn try_from(_: String) -> Result<Self, &'static str> {
            Err("expected an id")
        }
    }
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Named {
        #[serde(rename = "Id")]
        _id: Option<Id>,
        #[serde(rename = "Ids", default)]
        _ids: Vec<Id>,
    }
    for (properties, says) in [
        (json!({"Id": "s3cret"}), "ResourceProperties.Id: expected an id"),
        (json!({"Id": "s3cret "}), "ResourceProperties.Id: expected an id; it begins or ends with a space"),
        (json!({"Ids": [""]}), "ResourceProperties.Ids[0]: expected an id; it is empty, as CloudFormation hands over"),
        (json!({"Ids": ["1.2345678901E10"]}), "ResourceProperties.Ids[0]: expected an id; it is a number with"),
        (json!({"Ids": [12_345_678_901.5]}), "ResourceProperties.Ids[0]: expected an id; it is a number with"),
    ] {
        let refusal = read::<Named>(&properties).unwrap_err();
        assert!(refusal.starts_with(says) && !refusal.contains("s3cret"), "{refusal}");
    }
}

#[test]
fn what_cloudformation_reads_itself_is_no_property_of_ours() {
    let example: Example = read(&json!({"ServiceToken": "arn", "ServiceTimeout": "60", "Name": "n"})).unwrap();
    assert_eq!(example.name, "n");
}

#[test]
fn a_refusal_names_the_place_and_what_was_expected_but_never_the_value() {
    assert_eq!(refusal(&json!({})), "ResourceProperties: `Name` is required");
    assert_eq!(refusal(&json!({"Name": "n", "Adopt": "s3cret"})), "ResourceProperties.Adopt: expected true or false");
    assert_eq!(
        refusal(&json!({"Name": "n", "Ports": ["80", "s3cret"]})),
        "ResourceProperties.Ports[1]: expected a whole number from 0 to 65535"
    );
    assert_eq!(
        refusal(&json!({"Name": "n", "Ports": ["80000"]})),
        "ResourceProperties.Ports[0]: expected a whole number from 0 to 65535"
    );
    assert_eq!(
        refusal(&json!({"Name": "n", "Mode": "s3cret"})),
        "ResourceProperties.Mode: expected one of ALLOW, DENY"
    );
    assert_eq!(
        refusal(&json!({"Name": "n", "Tags": [["k", "v"]]})),
        "ResourceProperties.Tags[0]: expected an object, found a list"
    );
    assert_eq!(
        refusal(&json!({"Name": "n", "Tags": ["k=v"]})),
        "ResourceProperties.Tags[0]: expected an object, found a string"
    );
    assert_eq!(
        refusal(&json!({"Name": "n", "Ports": "80"})),
        "ResourceProperties.Ports: expected a list, found a string"
    );
    assert_eq!(
        refusal(&json!({"Name": "n", "Adopt": ["true"]})),
        "ResourceProperties.Adopt: expected true or false, found a list"
    );
    assert_eq!(
        refusal(&json!({"Name": {"s3cret": "x"}})),
        "ResourceProperties.Name: expected a string, found an object"
    );
}
