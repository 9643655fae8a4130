//! What a template's author reads where a number, a character or a boolean is wrong. It never quotes the value.

use std::num::{NonZeroI8, NonZeroU16};

use super::*;

#[derive(Debug, Deserialize)]
struct Holder<T> {
    #[serde(rename = "Value")]
    value: T,
}

fn read_value<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    read::<Holder<T>>(&json!({ "Value": value })).map(|holder| holder.value)
}

/// What is said of `wrong`, and of what no number, boolean or character is.
fn is_refused<T: DeserializeOwned + std::fmt::Debug>(wrong: &[Value], expected: &str) {
    let refusal = |value: &Value| read_value::<T>(value).unwrap_err();
    for value in wrong.iter().chain(&[json!("s3cret")]) {
        assert_eq!(refusal(value), format!("ResourceProperties.Value: expected {expected}"), "{value}");
    }
    for (value, found) in [(json!(["1"]), "a list"), (json!({"s3cret": "1"}), "an object"), (json!(null), "nothing")] {
        assert_eq!(refusal(&value), format!("ResourceProperties.Value: expected {expected}, found {found}"));
    }
}

#[test]
fn an_integer_has_its_range_where_people_can_read_it() {
    let fractions =
        [json!("1.5"), json!(1.5), json!(true), json!("true"), json!("99999999999999999999999"), json!("inf")];
    let with = |more: Value| [fractions.as_slice(), &[more]].concat();
    is_refused::<u8>(&with(json!("256")), "a whole number from 0 to 255");
    is_refused::<u8>(&with(json!(-1)), "a whole number from 0 to 255");
    is_refused::<u16>(&with(json!("65536")), "a whole number from 0 to 65535");
    is_refused::<u32>(&with(json!("4294967296")), "a whole number from 0 to 4294967295");
    is_refused::<u64>(&with(json!("-1")), "a whole number that isn't below 0");
    is_refused::<usize>(&with(json!("-1")), "a whole number that isn't below 0");
    is_refused::<i8>(&with(json!("-129")), "a whole number from -128 to 127");
    is_refused::<i16>(&with(json!(32768)), "a whole number from -32768 to 32767");
    is_refused::<i32>(&with(json!("2147483648")), "a whole number from -2147483648 to 2147483647");
    is_refused::<i64>(&with(json!("9223372036854775808")), "a whole number");
    is_refused::<isize>(&with(json!("9223372036854775808")), "a whole number");
    is_refused::<NonZeroU16>(&with(json!("0")), "a whole number from 0 to 65535, but not 0");
    is_refused::<NonZeroI8>(&with(json!(0)), "a whole number from -128 to 127, but not 0");
}

#[test]
fn integers_of_every_size_are_read() {
    assert_eq!(read_value(&json!("255")), Ok(u8::MAX));
    assert_eq!(read_value(&json!("18446744073709551615")), Ok(u64::MAX));
    assert_eq!(read_value(&json!("-9223372036854775808")), Ok(i64::MIN));
    assert_eq!(read_value(&json!(u128::MAX.to_string())), Ok(u128::MAX));
    assert_eq!(read_value(&json!(i128::MIN.to_string())), Ok(i128::MIN));
    assert_eq!((read_value(&json!(7)), read_value(&json!(7))), (Ok(7_u128), Ok(7_i128)));
    is_refused::<u128>(&[json!("-1"), json!("1.5"), json!(true)], "a whole number that isn't below 0");
    is_refused::<i128>(&[json!("1.5"), json!(true)], "a whole number");
}

#[test]
fn a_number_with_a_point_is_one_that_can_be_counted_with() {
    assert_eq!(
        (read_value(&json!("1.5")), read_value(&json!("7")), read_value(&json!(7))),
        (Ok(1.5), Ok(7.0), Ok(7.0))
    );
    is_refused::<f64>(&[json!("NaN"), json!("inf"), json!("-infinity"), json!("1e999"), json!(true)], "a number");
    is_refused::<f32>(&[json!("NaN"), json!("true")], "a number");
}

#[test]
fn a_boolean_and_a_character_have_their_words_too() {
    is_refused::<bool>(&[json!("1"), json!("True")], "true or false");
    assert_eq!((read_value(&json!(7)), read_value(&json!("7"))), (Ok('7'), Ok('7')));
    is_refused::<char>(&[json!("77"), json!(77)], "one character");
}

#[test]
fn what_has_become_of_a_number_on_its_way_is_said_as_well() {
    for (value, why) in
        [("", "it is empty, "), (" 3", "it begins or ends with a space, "), ("${Size}", "`${` was left")]
    {
        for refusal in [read_value::<u8>(&json!(value)).unwrap_err(), read_value::<bool>(&json!(value)).unwrap_err()] {
            assert!(refusal.contains(&format!("; {why}")), "{refusal}");
        }
    }
}
