//! Which shapes of serde's can be read, and that the others are refused whatever is in them.

use std::collections::HashMap;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Port {
    number: u16,
    #[serde(default)]
    public: bool,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Holder<T> {
    value: T,
}

fn read_value<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    read::<Holder<T>>(&json!({ "Value": value })).map(|holder| holder.value)
}

#[derive(Debug, PartialEq, Deserialize)]
enum Plain {
    Nobody,
    Limit(u8),
    Pair(u8, bool),
    Listener(Port),
    #[serde(rename_all = "PascalCase")]
    Inline {
        number: u16,
    },
}

#[test]
fn a_variant_is_a_string_or_an_object_of_one_property() {
    assert_eq!(read_value(&json!("Nobody")), Ok(Plain::Nobody));
    assert_eq!(read_value(&json!({"Limit": "3"})), Ok(Plain::Limit(3)));
    assert_eq!(read_value(&json!({"Pair": ["3", "true"]})), Ok(Plain::Pair(3, true)));
    let listener = Port { number: 80, public: true };
    assert_eq!(read_value(&json!({"Listener": {"Number": "80", "Public": "true"}})), Ok(Plain::Listener(listener)));
    assert_eq!(read_value(&json!({"Inline": {"Number": "80"}})), Ok(Plain::Inline { number: 80 }));
    assert_eq!(read(&json!({"ServiceToken": "arn", "Limit": "3"})), Ok(Plain::Limit(3)));
}

#[test]
fn a_variant_is_refused_with_its_place_and_what_was_expected() {
    let variants = "Nobody, Limit, Pair, Listener, Inline";
    for (value, refusal) in [
        (json!("s3cret"), format!(": expected one of {variants}")),
        (json!({"s3cret": "1"}), format!(": expected one of {variants}")),
        (json!(["Nobody"]), format!(": expected one of {variants}, found a list")),
        (json!({}), format!(": expected an object with one property, named as one of {variants}")),
        (
            json!({"Limit": "1", "s3cret": "1"}),
            format!(": expected an object with one property, named as one of {variants}"),
        ),
        (json!({"Nobody": {}}), ": expected `Nobody` as a string, found an object".to_owned()),
        (json!("Limit"), ": expected an object with one property, `Limit`, found a string".to_owned()),
        (json!("Inline"), ": expected an object with one property, `Inline`, found a string".to_owned()),
        (json!({"Limit": "s3cret"}), ".Limit: expected a whole number from 0 to 255".to_owned()),
        (json!({"Pair": {"s3cret": 1}}), ".Pair: expected a list, found an object".to_owned()),
        (
            json!({"Listener": {"Nmuber": "80"}}),
            ".Listener.Nmuber: unknown property; did you mean `Number`?".to_owned(),
        ),
        (json!({"Inline": {"Nmuber": "80"}}), ".Inline.Nmuber: unknown property; did you mean `Number`?".to_owned()),
        (json!({"Inline": ["80"]}), ".Inline: expected an object, found a list".to_owned()),
    ] {
        assert_eq!(read_value::<Plain>(&value).unwrap_err(), format!("ResourceProperties.Value{refusal}"), "{value}");
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "Type", content = "Settings")]
enum Adjacent {
    Nobody,
    Limit(u8),
    Pair(u8, bool),
    Listener(Port),
    #[serde(rename_all = "PascalCase")]
    Inline {
        number: u16,
    },
}

#[test]
fn a_tag_beside_its_content_is_read_first_wherever_it_stands() {
    let listener = || Adjacent::Listener(Port { number: 80, public: true });
    let settings = json!({"Number": "80", "Public": "true"});
    assert_eq!(read_value(&json!({"Type": "Listener", "Settings": settings})), Ok(listener()));
    assert_eq!(read_value(&json!({"Settings": settings, "Type": "Listener"})), Ok(listener()));
    assert_eq!(read_value(&json!({"Settings": "3", "Type": "Limit"})), Ok(Adjacent::Limit(3)));
    assert_eq!(read_value(&json!({"Settings": ["3", "true"], "Type": "Pair"})), Ok(Adjacent::Pair(3, true)));
    assert_eq!(
        read_value(&json!({"Settings": {"Number": "80"}, "Type": "Inline"})),
        Ok(Adjacent::Inline { number: 80 })
    );
    assert_eq!(read_value(&json!({"Type": "Nobody"})), Ok(Adjacent::Nobody));
}

#[test]
fn what_is_wrong_beside_a_tag_has_its_place_as_well() {
    for (value, refusal) in [
        (json!({"Settings": {"Number": "80"}}), ": `Type` is required"),
        (json!({"Type": "Listener"}), ": `Settings` is required"),
        (json!({"Type": "s3cret"}), ".Type: expected one of Nobody, Limit, Pair, Listener, Inline"),
        (json!({"Type": "Nobody", "Settigns": "1"}), ".Settigns: unknown property; did you mean `Settings`?"),
        (json!({"Type": "Limit", "Settings": "300"}), ".Settings: expected a whole number from 0 to 255"),
        (
            json!({"Type": "Listener", "Settings": {"Nmuber": "80"}}),
            ".Settings.Nmuber: unknown property; did you mean `Number`?",
        ),
        (json!({"Type": "Inline", "Settings": {"Number": "80", "Pubilc": "1"}}), ".Settings.Pubilc: unknown property"),
        (json!({"Type": "Inline", "Settings": ["80"]}), ".Settings: expected an object, found a list"),
    ] {
        assert_eq!(
            read_value::<Adjacent>(&value).unwrap_err(),
            format!("ResourceProperties.Value{refusal}"),
            "{value}"
        );
    }
}

#[test]
fn no_properties_are_a_unit_and_a_unit_struct() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Nothing;
    assert_eq!(read(&json!({"ServiceToken": "arn"})), Ok(()));
    assert_eq!(read(&json!({"ServiceToken": "arn"})), Ok(Nothing));
    let refusal = "ResourceProperties.Name: unknown property; there are none";
    assert_eq!(read::<()>(&json!({"Name": "n"})).unwrap_err(), refusal);
    assert_eq!(read::<Nothing>(&json!({"Name": "n"})).unwrap_err(), refusal);
}

#[test]
fn names_in_a_map_may_be_numbers_and_variants() {
    #[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
    enum Stage {
        Test,
        Live,
    }
    assert_eq!(read_value(&json!({"80": "true"})), Ok(HashMap::from([(80_u16, true)])));
    assert_eq!(read_value(&json!({"Live": "3"})), Ok(HashMap::from([(Stage::Live, 3)])));
    assert_eq!(
        read_value::<HashMap<u16, bool>>(&json!({"s3cret": "true"})).unwrap_err(),
        "ResourceProperties.Value: a name in it isn't what it has to be: expected a whole number from 0 to 65535"
    );
    assert_eq!(
        read_value::<HashMap<Stage, u8>>(&json!({"s3cret": "3"})).unwrap_err(),
        "ResourceProperties.Value: a name in it isn't what it has to be: expected one of Test, Live"
    );
}

#[test]
fn a_list_of_a_certain_length_has_no_more_and_no_less() {
    assert_eq!(read_value(&json!(["1", "true"])), Ok((1, true)));
    for wrong in [json!(["1"]), json!(["1", "true", "3"])] {
        let refusal = "ResourceProperties.Value: expected a list of 2 items";
        assert_eq!(read_value::<(u8, bool)>(&wrong).unwrap_err(), refusal, "{wrong}");
        assert_eq!(read_value::<[String; 2]>(&json!(["a", "b", "c"])).unwrap_err(), refusal);
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Flat {
    #[serde(rename = "Name")]
    _name: Option<String>,
    #[serde(flatten)]
    _port: Option<Port>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(#[expect(dead_code, reason = "it is never read")] u8),
    Text(#[expect(dead_code, reason = "it is never read")] String),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "Type", expecting = "a listener")]
enum Internal {
    Port(#[expect(dead_code, reason = "it is never read")] Port),
    Nobody,
}

#[derive(Debug, Deserialize)]
struct Generic<T> {
    #[serde(flatten)]
    _inner: T,
}

#[derive(Debug, Deserialize)]
enum FlatVariant {
    Port {
        #[serde(flatten)]
        _port: Port,
    },
}

/// serde reads these into a buffer first, and out of that by its own rules: "3" is no number there, and any name will do.
#[test]
fn a_type_that_serde_buffers_is_refused_whatever_the_template_says() {
    let defect = |place: &str| format!("ResourceProperties{place}: {BUFFERED}");
    for flat in [json!({}), json!({"Name": "n"}), json!({"Name": "n", "Number": 80})] {
        assert_eq!(read::<Flat>(&flat).unwrap_err(), defect(""));
        assert_eq!(read_value::<Option<Flat>>(&flat).unwrap_err(), defect(".Value"));
    }
    assert_eq!(read::<Generic<Port>>(&json!({"Number": 80})).unwrap_err(), defect(""));
    for internal in [json!({"Type": "Nobody"}), json!({"Type": "Port", "Number": 80}), json!("Nobody"), json!([])] {
        assert_eq!(read_value::<Internal>(&internal).unwrap_err(), defect(".Value"));
    }
    assert_eq!(read::<Internal>(&json!({"Type": "Nobody"})).unwrap_err(), defect(""));
    for untagged in [json!(3), json!("3"), json!("a"), json!({})] {
        assert_eq!(read_value::<Untagged>(&untagged).unwrap_err(), defect(".Value"));
        assert_eq!(read_value::<Vec<Untagged>>(&json!([untagged])).unwrap_err(), defect(".Value[0]"));
    }
    assert_eq!(read_value::<FlatVariant>(&json!({"Port": {"Number": 80}})).unwrap_err(), defect(".Value.Port"));
}

#[test]
fn what_is_read_from_a_free_form_value_takes_the_place_of_such_a_type() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(try_from = "Value")]
    struct OneOrMany(Vec<String>);
    impl TryFrom<Value> for OneOrMany {
        type Error = &'static str;
        fn try_from(value: Value) -> Result<Self, &'static str> {
            match value {
                Value::String(one) => Ok(Self(vec![one])),
                many => serde_json::from_value(many).map(Self).map_err(|_| "expected a string or a list of strings"),
            }
        }
    }
    assert_eq!(read_value(&json!("a")), Ok(OneOrMany(vec!["a".to_owned()])));
    assert_eq!(read_value(&json!(["a"])), Ok(OneOrMany(vec!["a".to_owned()])));
    assert_eq!(
        read_value::<OneOrMany>(&json!({"s3cret": 1})).unwrap_err(),
        "ResourceProperties.Value: expected a string or a list of strings"
    );
}
