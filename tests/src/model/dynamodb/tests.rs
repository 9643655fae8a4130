//! The tables as a function asks them.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, TransactWriteItem, Update};

use super::*;
use crate::model::{Fault, FaultPoint, Weather, configuration};

const TABLE: &str = "ledger";

fn ledger() -> DynamoDb {
    let tables = DynamoDb::new(&[(TABLE, &["Policy", "Item"]), ("requests", &["Resource"])]);
    tables.with_index(TABLE, "ByType", &["Type", "Policy"])
}

fn key(policy: &str, item: &str) -> Value {
    json!({ "Policy": { "S": policy }, "Item": { "S": item } })
}

/// A request for an item of the ledger, with more.
fn asked(policy: &str, item: &str, more: &Value) -> Value {
    let mut request = json!({ "TableName": TABLE, "Key": key(policy, item) });
    merge(&mut request, more);
    request
}

fn merge(request: &mut Value, more: &Value) {
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
}

/// Sets the attribute `A`.
fn sets(policy: &str, item: &str, text: &str) -> Value {
    let values = json!({ ":a": { "S": text } });
    asked(policy, item, &json!({ "UpdateExpression": "SET A = :a", "ExpressionAttributeValues": values }))
}

/// The same where there is none yet.
fn sets_first(policy: &str, item: &str, text: &str) -> Value {
    let mut request = sets(policy, item, text);
    merge(&mut request, &json!({ "ConditionExpression": "attribute_not_exists(A)" }));
    request
}

fn checks(policy: &str, item: &str, condition: &str) -> Value {
    asked(policy, item, &json!({ "ConditionExpression": condition }))
}

fn answer(tables: &DynamoDb, operation: &str, request: &Value) -> Result<Value, Refusal> {
    tables.answer_or_refusal(operation, request, false)
}

fn code(answer: Result<Value, Refusal>) -> &'static str {
    answer.unwrap_err().code
}

fn with(tables: &DynamoDb, items: &[(&str, &str, &str)]) {
    for (policy, item, text) in items {
        answer(tables, "UpdateItem", &sets(policy, item, text)).unwrap();
    }
}

fn text_at(tables: &DynamoDb, policy: &str, item: &str) -> Option<String> {
    Some(tables.item(TABLE, &[policy, item])?["A"]["S"].as_str()?.to_owned())
}

fn queried(tables: &DynamoDb, more: &Value) -> Result<Value, Refusal> {
    let mut request = json!({
        "TableName": TABLE,
        "KeyConditionExpression": "#p = :p",
        "ExpressionAttributeNames": { "#p": "Policy" },
        "ExpressionAttributeValues": { ":p": { "S": "app" } },
    });
    for (name, value) in more.as_object().unwrap() {
        match value.as_object() {
            Some(map) if name.starts_with("ExpressionAttribute") => {
                request[name].as_object_mut().unwrap().extend(map.clone());
            }
            _ => request[name] = value.clone(),
        }
    }
    answer(tables, "Query", &request)
}

fn places(answer: &Value) -> Vec<&str> {
    answer["Items"].as_array().unwrap().iter().map(|item| item["Item"]["S"].as_str().unwrap()).collect()
}

#[test]
fn an_update_makes_the_item_and_returns_what_it_was_or_is() {
    let tables = ledger();
    let returns = |text: &str, what: &str| {
        let mut request = sets("app", "lease", text);
        merge(&mut request, &json!({ "ReturnValues": what }));
        answer(&tables, "UpdateItem", &request).unwrap()
    };
    assert_eq!(returns("one", "ALL_OLD"), json!({}), "there was nothing");
    assert_eq!(returns("two", "ALL_OLD")["Attributes"]["A"]["S"], "one");
    assert_eq!(returns("three", "ALL_NEW")["Attributes"]["A"]["S"], "three");
    assert_eq!(returns("four", "NONE"), json!({}));
    assert_eq!(text_at(&tables, "app", "lease").as_deref(), Some("four"));
}

#[test]
fn a_condition_that_is_not_met_changes_nothing_and_shows_the_item_to_whoever_asks() {
    let tables = ledger();
    with(&tables, &[("app", "lease", "one")]);
    let mut request = sets_first("app", "lease", "two");
    let refusal = answer(&tables, "UpdateItem", &request).unwrap_err();
    assert_eq!((refusal.code, refusal.with), ("ConditionalCheckFailedException", json!({})));
    merge(&mut request, &json!({ "ReturnValuesOnConditionCheckFailure": "ALL_OLD" }));
    let shown = answer(&tables, "UpdateItem", &request).unwrap_err().with;
    assert_eq!(shown["Item"]["A"]["S"], "one");
    assert_eq!(text_at(&tables, "app", "lease").as_deref(), Some("one"));
}

#[test]
fn what_aws_refuses_whatever_the_item_is_is_refused() {
    let tables = ledger();
    let mut unused = sets("app", "lease", "one");
    merge(&mut unused, &json!({ "ExpressionAttributeNames": { "#unused": "Unused" } }));
    let mut of_key = asked("app", "lease", &json!({ "UpdateExpression": "SET #i = :i" }));
    merge(&mut of_key, &json!({ "ExpressionAttributeNames": { "#i": "Item" } }));
    merge(&mut of_key, &json!({ "ExpressionAttributeValues": { ":i": { "S": "lease" } } }));
    let mut partial = sets("app", "lease", "one");
    partial["Key"].as_object_mut().unwrap().remove("Item");
    for request in [unused, of_key, partial, sets("", "lease", "one"), sets("app", "lease", &"x".repeat(410_000))] {
        assert_eq!(code(answer(&tables, "UpdateItem", &request)), "ValidationException");
    }
    let mut elsewhere = sets("app", "lease", "one");
    elsewhere["TableName"] = "nowhere".into();
    assert_eq!(code(answer(&tables, "UpdateItem", &elsewhere)), "ResourceNotFoundException");
    assert_eq!(tables.items(TABLE), Vec::<Item>::new());
}

#[test]
fn an_item_is_read_by_its_key() {
    let tables = ledger();
    with(&tables, &[("app", "lease", "one"), ("app", "claim 1", "two")]);
    let read = |item, more| answer(&tables, "GetItem", &asked("app", item, &more));
    assert_eq!(read("claim 1", json!({ "ConsistentRead": true })).unwrap()["Item"]["A"]["S"], "two");
    let projected = json!({ "ProjectionExpression": "#a", "ExpressionAttributeNames": { "#a": "A" } });
    assert_eq!(read("lease", projected).unwrap(), json!({ "Item": { "A": { "S": "one" } } }));
    assert_eq!(read("claim 2", json!({})).unwrap(), json!({}));
    let unused = json!({ "ExpressionAttributeNames": { "#a": "A" } });
    assert_eq!(code(read("lease", unused)), "ValidationException");
}

#[test]
fn a_stale_read_shows_what_was_there_before_unless_it_is_consistent() {
    let tables = ledger();
    with(&tables, &[("app", "lease", "one"), ("app", "lease", "two"), ("else", "lease", "three")]);
    let read = |consistent: bool| {
        let request = asked("app", "lease", &json!({ "ConsistentRead": consistent }));
        tables.answer_or_refusal("GetItem", &request, true).unwrap()["Item"]["A"]["S"].clone()
    };
    assert_eq!((read(false), read(true)), (json!("one"), json!("two")));
}

#[test]
fn a_query_finds_a_partition_or_a_part_of_it_in_the_order_of_its_items() {
    let tables = ledger();
    with(&tables, &[("app", "lease", "1"), ("app", "claim b", "2"), ("app", "claim a", "3"), ("apple", "lease", "4")]);
    let all = queried(&tables, &json!({ "ConsistentRead": true })).unwrap();
    assert_eq!(places(&all), ["claim a", "claim b", "lease"]);
    assert_eq!((&all["Count"], &all["ScannedCount"], all.get("LastEvaluatedKey")), (&json!(3), &json!(3), None));
    let part = |condition: &str, value: &str| {
        queried(
            &tables,
            &json!({
                "KeyConditionExpression": format!("#p = :p AND {condition}"),
                "ExpressionAttributeNames": { "#i": "Item" },
                "ExpressionAttributeValues": { ":i": { "S": value } },
            }),
        )
    };
    assert_eq!(places(&part("begins_with(#i, :i)", "claim ").unwrap()), ["claim a", "claim b"]);
    assert_eq!(places(&part("#i = :i", "lease").unwrap()), ["lease"]);
    let other = json!({ "ExpressionAttributeNames": { "#p": "A" } });
    assert_eq!(code(queried(&tables, &other)), "ValidationException", "that is no key");
}

#[test]
fn a_filter_sees_what_was_read_and_no_key() {
    let tables = ledger();
    with(&tables, &[("app", "claim a", "1"), ("app", "claim b", "2")]);
    let filtered = |name: &str| {
        queried(
            &tables,
            &json!({
                "FilterExpression": "#f = :f",
                "ProjectionExpression": "#i",
                "ExpressionAttributeNames": { "#f": name, "#i": "Item" },
                "ExpressionAttributeValues": { ":f": { "S": "2" } },
            }),
        )
    };
    let found = filtered("A").unwrap();
    assert_eq!(found["Items"], json!([{ "Item": { "S": "claim b" } }]));
    assert_eq!((&found["Count"], &found["ScannedCount"]), (&json!(1), &json!(2)));
    assert_eq!(code(filtered("Item")), "ValidationException");
}

#[test]
fn a_query_is_answered_page_by_page_before_the_filter() {
    let tables = ledger().with_page(1_100);
    let text = "x".repeat(500);
    with(
        &tables,
        &[("app", "a", &text), ("app", "b", &text), ("app", "c", &text), ("app", "d", &text), ("app", "e", &text)],
    );
    let filter = json!({ "FilterExpression": "attribute_not_exists(A)" });
    let mut seen = Vec::new();
    let mut start = json!({});
    loop {
        let page = queried(&tables, &start).unwrap();
        let mut filtered = start.clone();
        merge(&mut filtered, &filter);
        let none = queried(&tables, &filtered).unwrap();
        assert_eq!((&none["Count"], &none["LastEvaluatedKey"]), (&json!(0), &page["LastEvaluatedKey"]));
        seen.push(places(&page).join(""));
        match page.get("LastEvaluatedKey") {
            Some(last) => start = json!({ "ExclusiveStartKey": last }),
            None => break,
        }
    }
    assert_eq!(seen, ["ab", "cd", "e"]);
    let limited = queried(&tables, &json!({ "Limit": 1 })).unwrap();
    assert_eq!((places(&limited), &limited["LastEvaluatedKey"]), (vec!["a"], &key("app", "a")));
    let partial = json!({ "ExclusiveStartKey": { "Policy": { "S": "app" } } });
    assert_eq!(code(queried(&tables, &partial)), "ValidationException");
}

#[test]
fn a_page_has_at_least_one_item_and_at_most_1_mb() {
    let tables = ledger();
    let text = "x".repeat(400_000);
    with(&tables, &[("app", "a", &text), ("app", "b", &text), ("app", "c", &text)]);
    assert_eq!(places(&queried(&tables, &json!({})).unwrap()), ["a", "b"]);
    let tables = tables.with_page(1);
    assert_eq!(places(&queried(&tables, &json!({})).unwrap()), ["a"]);
}

fn batch(keys: &[Value]) -> Value {
    json!({ "RequestItems": { TABLE: { "ConsistentRead": true, "Keys": keys } } })
}

#[test]
fn a_batch_has_the_items_that_are_there_and_whoever_relies_on_an_order_is_wrong() {
    let tables = ledger();
    with(&tables, &[("app", "claim 1", "one"), ("app", "lease", "two"), ("other", "lease", "three")]);
    let request = batch(&[key("app", "claim 1"), key("app", "claim 2"), key("app", "lease")]);
    let found = answer(&tables, "BatchGetItem", &request).unwrap();
    let texts: Vec<_> =
        found["Responses"][TABLE].as_array().unwrap().iter().map(|item| item["A"]["S"].clone()).collect();
    assert_eq!((texts, &found["UnprocessedKeys"]), (vec![json!("two"), json!("one")], &json!({})));
    tables.set_page(1);
    let found = answer(&tables, "BatchGetItem", &request).unwrap();
    assert_eq!(found["Responses"][TABLE].as_array().unwrap().len(), 1);
    let rest = json!({ TABLE: { "ConsistentRead": true, "Keys": [key("app", "claim 2"), key("app", "claim 1")] } });
    assert_eq!(found["UnprocessedKeys"], rest);
}

#[test]
fn a_batch_that_aws_refuses_is_refused() {
    let tables = ledger();
    let many: Vec<_> = (0..101).map(|number| key("app", &format!("claim {number}"))).collect();
    let twice = [key("app", "lease"), key("app", "lease")];
    let partial = [json!({ "Policy": { "S": "app" } })];
    for keys in [&many[..], &twice, &partial, &[]] {
        assert_eq!(code(answer(&tables, "BatchGetItem", &batch(keys))), "ValidationException");
    }
    answer(&tables, "BatchGetItem", &batch(&many[..100])).unwrap();
    let elsewhere = json!({ "RequestItems": { "elsewhere": { "Keys": [key("app", "lease")] } } });
    assert_eq!(code(answer(&tables, "BatchGetItem", &elsewhere)), "ResourceNotFoundException");
}

#[test]
fn a_batch_lags_behind_unless_it_is_consistent() {
    let tables = ledger();
    with(&tables, &[("app", "lease", "one"), ("app", "lease", "two")]);
    let shown = |request: &Value| {
        let found = tables.answer_or_refusal("BatchGetItem", request, true).unwrap();
        found["Responses"][TABLE][0]["A"]["S"].clone()
    };
    let mut request = batch(&[key("app", "lease")]);
    assert_eq!(shown(&request), "two");
    request["RequestItems"][TABLE]["ConsistentRead"] = json!(false);
    assert_eq!(shown(&request), "one");
}

#[test]
fn an_index_has_the_keys_of_the_items_that_have_its_own() {
    let tables = ledger();
    for policy in ["b", "a", "c"] {
        with(&tables, &[(policy, "claim 1", "one")]);
        let values = json!({ ":t": { "S": if policy == "c" { "another" } else { "statement" } } });
        let typed = json!({
            "UpdateExpression": "SET #t = :t",
            "ExpressionAttributeNames": { "#t": "Type" },
            "ExpressionAttributeValues": values,
        });
        answer(&tables, "UpdateItem", &asked(policy, "lease", &typed)).unwrap();
    }
    let by_type = |more: &Value| {
        let mut request = json!({
            "TableName": TABLE,
            "IndexName": "ByType",
            "KeyConditionExpression": "#t = :t",
            "ExpressionAttributeNames": { "#t": "Type" },
            "ExpressionAttributeValues": { ":t": { "S": "statement" } },
        });
        merge(&mut request, more);
        answer(&tables, "Query", &request)
    };
    let of = |policy| json!({ "Type": { "S": "statement" }, "Policy": { "S": policy }, "Item": { "S": "lease" } });
    assert_eq!(by_type(&json!({})).unwrap()["Items"], json!([of("a"), of("b")]));
    let first = by_type(&json!({ "Limit": 1 })).unwrap();
    assert_eq!(first["LastEvaluatedKey"], of("a"));
    let second = by_type(&json!({ "ExclusiveStartKey": of("a") })).unwrap();
    assert_eq!((&second["Items"], second.get("LastEvaluatedKey")), (&json!([of("b")]), None));
    for refused in [
        json!({ "ConsistentRead": true }),
        json!({ "IndexName": "ByName" }),
        json!({ "ProjectionExpression": "A" }),
        json!({ "ExclusiveStartKey": key("a", "lease") }),
    ] {
        assert_eq!(code(by_type(&refused)), "ValidationException", "{refused}");
    }
}

#[test]
fn the_key_of_an_index_is_a_text_that_is_not_empty() {
    let tables = ledger();
    let typed = |value: Value| {
        let update = json!({
            "UpdateExpression": "SET #t = :t",
            "ExpressionAttributeNames": { "#t": "Type" },
            "ExpressionAttributeValues": { ":t": value },
        });
        asked("app", "lease", &update)
    };
    for (value, in_transaction) in
        [(json!({ "S": "" }), "ValidationException"), (json!({ "N": "1" }), "TransactionCanceledException")]
    {
        let request = typed(value);
        assert_eq!(code(answer(&tables, "UpdateItem", &request)), "ValidationException");
        let request = transaction(&[json!({ "Update": request })]);
        assert_eq!(code(answer(&tables, "TransactWriteItems", &request)), in_transaction);
    }
    assert_eq!(tables.items(TABLE), Vec::<Item>::new());
}

#[test]
fn a_stale_query_shows_the_partition_as_it_was_before_it_was_last_changed() {
    let tables = ledger();
    with(&tables, &[("app", "a", "1"), ("app", "b", "2"), ("else", "a", "3")]);
    let mut request = json!({
        "TableName": TABLE,
        "KeyConditionExpression": "Policy = :p",
        "ExpressionAttributeValues": { ":p": { "S": "app" } },
    });
    let read = |request: &Value| tables.answer_or_refusal("Query", request, true).unwrap()["Count"].clone();
    assert_eq!(read(&request), 1);
    request["ConsistentRead"] = true.into();
    assert_eq!(read(&request), 2);
}

fn transaction(actions: &[Value]) -> Value {
    json!({ "TransactItems": actions })
}

#[test]
fn a_transaction_is_done_as_a_whole_or_cancelled_with_a_reason_for_each_item() {
    let tables = ledger();
    with(&tables, &[("app", "lease", "held")]);
    let mut claims = sets_first("app", "claim 1", "one");
    merge(&mut claims, &json!({ "ReturnValuesOnConditionCheckFailure": "ALL_OLD" }));
    let request = transaction(&[
        json!({ "ConditionCheck": checks("app", "lease", "attribute_exists(A)") }),
        json!({ "Update": claims }),
        json!({ "Update": sets("app", "claim 2", "two") }),
    ]);
    answer(&tables, "TransactWriteItems", &request).unwrap();
    assert_eq!(text_at(&tables, "app", "claim 1").as_deref(), Some("one"));
    assert_eq!(tables.items(TABLE).len(), 3);

    with(&tables, &[("app", "claim 2", "changed")]);
    let refusal = answer(&tables, "TransactWriteItems", &request).unwrap_err();
    assert_eq!(refusal.code, "TransactionCanceledException");
    let reasons = &refusal.with["CancellationReasons"];
    let codes: Vec<_> = reasons.as_array().unwrap().iter().map(|reason| &reason["Code"]).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed", "None"]);
    assert_eq!(reasons[1]["Item"]["A"]["S"], "one");
    assert_eq!(reasons[0], json!({ "Code": "None" }));
    assert_eq!(text_at(&tables, "app", "claim 2").as_deref(), Some("changed"), "all or nothing");
}

#[test]
fn a_check_changes_nothing() {
    let tables = ledger();
    let request = transaction(&[json!({ "ConditionCheck": checks("app", "lease", "attribute_not_exists(A)") })]);
    answer(&tables, "TransactWriteItems", &request).unwrap();
    assert_eq!(tables.items(TABLE), Vec::<Item>::new());
}

#[test]
fn a_transaction_has_one_action_for_an_item_and_at_most_a_hundred() {
    let tables = ledger();
    let both = [
        json!({ "ConditionCheck": checks("app", "lease", "attribute_not_exists(A)") }),
        json!({ "Update": sets("app", "lease", "one") }),
    ];
    let many = |count: usize| {
        (0..count).map(|number| json!({ "Update": sets("app", &format!("{number:03}"), "one") })).collect::<Vec<_>>()
    };
    let mut unused = many(1);
    unused[0]["Update"]["ExpressionAttributeNames"] = json!({ "#unused": "Unused" });
    let large: Vec<_> =
        (0..11).map(|number| json!({ "Update": sets("app", &number.to_string(), &"x".repeat(400_000)) })).collect();
    for refused in [&both[..], &many(0), &many(101), &unused, &large] {
        assert_eq!(code(answer(&tables, "TransactWriteItems", &transaction(refused))), "ValidationException");
    }
    assert_eq!(tables.items(TABLE), Vec::<Item>::new());
    answer(&tables, "TransactWriteItems", &transaction(&many(100))).unwrap();
    assert_eq!(tables.items(TABLE).len(), 100);
}

#[test]
fn an_item_that_grows_too_large_cancels_a_transaction() {
    let tables = ledger();
    let large = sets("app", "claim 1", &"x".repeat(410_000));
    let request = transaction(&[json!({ "Update": sets("app", "lease", "one") }), json!({ "Update": large })]);
    let refusal = answer(&tables, "TransactWriteItems", &request).unwrap_err();
    assert_eq!(refusal.code, "TransactionCanceledException");
    assert_eq!(refusal.with["CancellationReasons"][1]["Code"], "ValidationError");
    assert_eq!(tables.items(TABLE), Vec::<Item>::new());
}

#[test]
fn a_transaction_that_was_done_is_not_done_again_for_the_same_token() {
    let tables = ledger();
    let mut request = transaction(&[json!({ "Update": sets_first("app", "lease", "one") })]);
    request["ClientRequestToken"] = "token".into();
    for _ in 0..2 {
        answer(&tables, "TransactWriteItems", &request).unwrap();
    }
    let mut other = transaction(&[json!({ "Update": sets("app", "lease", "two") })]);
    other["ClientRequestToken"] = "token".into();
    assert_eq!(code(answer(&tables, "TransactWriteItems", &other)), "IdempotentParameterMismatchException");
    assert_eq!(text_at(&tables, "app", "lease").as_deref(), Some("one"));
}

#[test]
fn a_write_is_charged_for_the_whole_item_and_twice_in_a_transaction() {
    let tables = ledger();
    let mut charged = 0;
    let mut costs = |operation: &str, request: &Value| {
        let _ = answer(&tables, operation, request);
        let units = tables.write_units(TABLE) - charged;
        charged += units;
        units
    };
    assert_eq!(costs("UpdateItem", &sets("app", "lease", "one")), 1);
    assert_eq!(costs("UpdateItem", &sets("app", "lease", &"x".repeat(3_000))), 3, "as it is after");
    assert_eq!(costs("UpdateItem", &sets("app", "lease", "one")), 3, "as it was before");
    assert_eq!(costs("UpdateItem", &sets_first("app", "lease", "two")), 1, "though nothing was written");
    let both = transaction(&[
        json!({ "ConditionCheck": checks("app", "lease", "attribute_exists(A)") }),
        json!({ "Update": sets("app", "claim 1", &"x".repeat(1_500)) }),
    ]);
    assert_eq!(costs("TransactWriteItems", &both), 2 + 4);
    assert_eq!(costs("GetItem", &asked("app", "lease", &json!({}))), 0);
    assert_eq!(tables.write_units("requests"), 0);
}

#[test]
fn an_item_is_put_in_the_place_of_another_and_deleted_if_it_is_as_asked() {
    let tables = ledger();
    let put = |item: &Value| {
        let mut item = item.clone();
        item["Policy"] = json!({ "S": "app" });
        item["Item"] = json!({ "S": "grant" });
        answer(&tables, "PutItem", &json!({ "TableName": TABLE, "Item": item }))
    };
    put(&json!({ "A": { "S": "one" }, "B": { "S": "two" } })).unwrap();
    put(&json!({ "A": { "S": "three" } })).unwrap();
    assert_eq!(text_at(&tables, "app", "grant").as_deref(), Some("three"));
    assert!(!tables.item(TABLE, &["app", "grant"]).unwrap().contains_key("B"));
    assert_eq!(code(put(&json!({ "A": { "S": "x".repeat(410_000) } }))), "ValidationException");
    let nobody_s = json!({ "TableName": TABLE, "Item": { "A": { "S": "one" } } });
    assert_eq!(code(answer(&tables, "PutItem", &nobody_s)), "ValidationException");

    let deletes = |value: &str| {
        let mut request = asked("app", "grant", &json!({}));
        request["ConditionExpression"] = "A = :a".into();
        request["ExpressionAttributeValues"] = json!({ ":a": { "S": value } });
        answer(&tables, "DeleteItem", &request)
    };
    assert_eq!(code(deletes("one")), "ConditionalCheckFailedException");
    deletes("three").unwrap();
    assert_eq!(tables.items(TABLE), Vec::<Item>::new());
    answer(&tables, "DeleteItem", &asked("app", "grant", &json!({}))).unwrap();
}

fn client(tables: DynamoDb, weather: Weather) -> (Client, Arc<DynamoDb>, Arc<Weather>) {
    let (tables, weather) = (Arc::new(tables), Arc::new(weather));
    (Client::new(&configuration(tables.clone(), weather.clone())), tables, weather)
}

/// The same as `sets_first`, by the SDK.
fn first(item: &str) -> TransactWriteItem {
    let update = Update::builder()
        .table_name(TABLE)
        .key("Policy", AttributeValue::S("app".to_owned()))
        .key("Item", AttributeValue::S(item.to_owned()))
        .condition_expression("attribute_not_exists(A)")
        .update_expression("SET A = :a")
        .expression_attribute_values(":a", AttributeValue::S("one".to_owned()));
    TransactWriteItem::builder().update(update.build().unwrap()).build()
}

fn held() -> TransactWriteItem {
    let check = ConditionCheck::builder()
        .table_name(TABLE)
        .key("Policy", AttributeValue::S("app".to_owned()))
        .key("Item", AttributeValue::S("lease".to_owned()))
        .condition_expression("attribute_exists(A)");
    TransactWriteItem::builder().condition_check(check.build().unwrap()).build()
}

#[tokio::test]
async fn the_sdk_reads_why_a_transaction_was_cancelled() {
    let (client, _, _) = client(ledger(), Weather::still());
    let sent = client.transact_write_items().transact_items(first("claim 1")).transact_items(held()).send().await;
    let error = sent.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { panic!("{error}") };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().map(|reason| reason.code()).collect();
    assert_eq!(codes, [Some("None"), Some("ConditionalCheckFailed")]);
    let words = cancelled.message().unwrap_or_default();
    assert!(words.ends_with("[None, ConditionalCheckFailed]"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_whose_answer_was_lost_is_done_once_by_the_sdk() {
    let (client, tables, weather) = client(ledger(), Weather::with_retries());
    weather.forecast(&[(FaultPoint::Number(0), Fault::Lost)]);
    client.transact_write_items().transact_items(first("lease")).send().await.unwrap();
    assert_eq!(weather.calls().len(), 2);
    assert_eq!(text_at(&tables, "app", "lease").as_deref(), Some("one"));
}

#[tokio::test]
async fn a_watcher_lets_things_happen_before_a_call_and_says_what_goes_wrong_with_it() {
    let (client, tables, weather) = client(ledger(), Weather::still());
    let others = tables.clone();
    weather.watch(move |operation, request| {
        assert_eq!(operation, "TransactWriteItems");
        let is_check = !request["TransactItems"][0]["ConditionCheck"].is_null();
        if is_check {
            others.change(TABLE, &["app", "lease"], |item| drop(item.insert("A".to_owned(), json!({ "S": "theirs" }))));
        }
        (!is_check).then_some(Fault::Lost)
    });
    client.transact_write_items().transact_items(held()).send().await.unwrap();
    client.transact_write_items().transact_items(first("claim 1")).send().await.unwrap_err();
    assert_eq!(text_at(&tables, "app", "lease").as_deref(), Some("theirs"));
    assert_eq!(text_at(&tables, "app", "claim 1").as_deref(), Some("one"), "the answer was lost, not the effect");
}
