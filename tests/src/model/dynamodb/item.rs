//! Items in `DynamoDB`'s JSON, `{"Until": {"N": "1"}}`: their size, and what is at a path in them.

use serde_json::{Map, Value, json};

pub(super) type Item = Map<String, Value>;

/// What an update says of a path whose parent isn't there.
const NO_PARENT: &str = "The document path provided in the update expression is invalid for update";

/// The bytes of an item.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
pub(super) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

/// The bytes of a value, and what the function `size` says of a text.
fn size_of_value(value: &Value) -> usize {
    let (kind, content) = value.as_object().and_then(|value| value.iter().next()).expect("a value has a type");
    match (&**kind, content) {
        ("S", Value::String(text)) => text.len(),
        // "Approximately (length of attribute name) + (1 byte per two significant digits) + (1 byte)".
        ("N", Value::String(number)) => number.trim_matches('0').len().div_ceil(2) + 1,
        ("BOOL" | "NULL", _) => 1,
        // "3 bytes of overhead, regardless of its contents", and 1 for each element.
        ("L", Value::Array(list)) => 3 + list.iter().map(|value| 1 + size_of_value(value)).sum::<usize>(),
        ("M", Value::Object(map)) => 3 + map.len() + size(map),
        _ => panic!("the tables can't measure a value of the type {kind}"),
    }
}

/// The number that the function `size` makes of a value.
pub(super) fn length(value: &Value) -> Value {
    let length = match (&value["L"], &value["M"]) {
        (Value::Array(list), _) => list.len(),
        (_, Value::Object(map)) => map.len(),
        _ => size_of_value(value),
    };
    json!({ "N": length.to_string() })
}

/// What is at a path.
pub(super) fn get<'a>(item: &'a Item, path: &[String]) -> Option<&'a Value> {
    let (last, parents) = path.split_last()?;
    parents.iter().try_fold(item, |item, name| item.get(name)?["M"].as_object())?.get(last)
}

/// Puts a value at a path, or takes away what is there.
///
/// # Errors
/// If there is no map that it could be in.
pub(super) fn put(item: &mut Item, path: &[String], value: Option<Value>) -> Result<(), &'static str> {
    let (last, parents) = path.split_last().ok_or(NO_PARENT)?;
    let map = parents.iter().try_fold(item, |item, name| item.get_mut(name)?.get_mut("M")?.as_object_mut());
    let map = map.ok_or(NO_PARENT)?;
    match value {
        Some(value) => drop(map.insert(last.clone(), value)),
        None => drop(map.remove(last)),
    }
    Ok(())
}

/// What is at these paths, and the maps that it is in.
pub(super) fn projected(item: &Item, paths: &[Vec<String>]) -> Item {
    let mut projected = Item::new();
    for path in paths {
        let Some(value) = get(item, path) else { continue };
        for end in 1..path.len() {
            if get(&projected, &path[..end]).is_none() {
                put(&mut projected, &path[..end], Some(json!({ "M": {} }))).expect("its parent was put there");
            }
        }
        put(&mut projected, path, Some(value.clone())).expect("its parent was put there");
    }
    projected
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(item: &Value) -> Item {
        item.as_object().expect("an item").clone()
    }

    fn path(path: &str) -> Vec<String> {
        path.split('.').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn an_item_is_as_long_as_its_names_and_its_values() {
        for (of, expected) in [
            (json!({ "Name": { "S": "äb" } }), 4 + 3),
            (json!({ "N": { "N": "12345" } }), 1 + 4),
            (json!({ "B": { "BOOL": true } }), 2),
            (json!({ "L": { "L": [{ "S": "ab" }, { "S": "c" }] } }), 1 + 3 + 2 + 3),
            (json!({ "M": { "M": { "ab": { "S": "c" } } } }), 1 + 3 + 1 + 3),
        ] {
            assert_eq!(size(&item(&of)), expected, "{of}");
        }
    }

    #[test]
    fn what_is_in_a_map_has_a_path_and_needs_the_map() {
        let mut changed = item(&json!({ "wish": { "M": { "order": { "N": "1" }, "end": { "N": "2" } } } }));
        assert_eq!(get(&changed, &path("wish.order")), Some(&json!({ "N": "1" })));
        put(&mut changed, &path("wish.order"), None).unwrap();
        put(&mut changed, &path("wish.end"), Some(json!({ "N": "3" }))).unwrap();
        assert_eq!(changed, item(&json!({ "wish": { "M": { "end": { "N": "3" } } } })));
        for value in [None, Some(json!({ "N": "3" }))] {
            assert_eq!(put(&mut changed, &path("written.end"), value), Err(NO_PARENT));
        }
        assert_eq!(get(&changed, &path("written.end")), None);
    }

    #[test]
    fn a_projection_shows_what_is_at_its_paths_alone() {
        let whole = item(&json!({ "a": { "M": { "b": { "N": "1" }, "c": { "N": "2" } } }, "d": { "S": "e" } }));
        let shown = projected(&whole, &[path("a.c"), path("d"), path("a.none"), path("none")]);
        assert_eq!(shown, item(&json!({ "a": { "M": { "c": { "N": "2" } } }, "d": { "S": "e" } })));
    }
}
