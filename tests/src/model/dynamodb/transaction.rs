//! Several writes that are all made or none.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::item::size;
use super::tables::{Kept, Schema, invalid};
use super::write::{Obstacle, Write, write};
use crate::model::http::Refusal;

/// "Up to 100 action requests", whose items may have 4 MB together.
const MOST_ACTIONS: usize = 100;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Each write of a transaction is two: one prepares it, one commits it.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>
const WRITES: usize = 2;

pub(super) fn transact(schema: &Schema, kept: &mut Kept, request: &Value) -> Result<Value, Refusal> {
    let actions = request["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
    if actions.is_empty() || actions.len() > MOST_ACTIONS {
        return Err(invalid("A transaction has 1 to 100 actions"));
    }
    let token = request["ClientRequestToken"].as_str();
    if let Some(done) = token.and_then(|token| kept.done.get(token)) {
        let mismatch = || Refusal::new("IdempotentParameterMismatchException", "The token is that of another request");
        return if done == request { Ok(json!({})) } else { Err(mismatch()) };
    }
    let requests: Vec<_> = actions.iter().map(action).collect();
    let writes = requests.iter().map(|(_, request)| write(schema, kept.items(), request));
    let writes = writes.collect::<Result<Vec<_>, _>>()?;
    if writes.iter().map(|write| &write.key).collect::<BTreeSet<_>>().len() < writes.len() {
        return Err(invalid("Transaction request cannot include multiple operations on one item"));
    }
    if writes.iter().map(larger).sum::<usize>() > MOST_BYTES {
        return Err(invalid("The items of a transaction have at most 4 MB"));
    }
    for Write { key, before, after } in &writes {
        kept.count_write(key, [before.as_ref(), after.as_ref().ok()], WRITES);
    }
    if writes.iter().any(|write| write.after.is_err()) {
        let reasons = writes.iter().zip(&requests).map(|(write, (_, request))| reason(write, request));
        return Err(cancelled(&reasons.collect::<Vec<_>>()));
    }
    let updates = writes.into_iter().zip(&requests).filter(|(_, (is_update, _))| *is_update);
    kept.write(updates.filter_map(|(write, _)| Some((write.key, Some(write.after.ok()?)))));
    kept.done.extend(token.map(|token| (token.to_owned(), request.clone())));
    Ok(json!({}))
}

/// Whether it is an update, and what it asks for.
fn action(action: &Value) -> (bool, &Value) {
    match action.as_object().and_then(|action| action.iter().next()) {
        Some((kind, request)) if kind == "Update" => (true, request),
        Some((kind, request)) if kind == "ConditionCheck" => (false, request),
        _ => panic!("no transaction of the tables can do {action}"),
    }
}

fn larger(write: &Write) -> usize {
    [write.before.as_ref(), write.after.as_ref().ok()].into_iter().flatten().map(size).max().unwrap_or_default()
}

fn reason(write: &Write, request: &Value) -> Value {
    match &write.after {
        // "The message field is omitted entirely for an item that has no error" (`TransactionCanceledException` in botocore's
        // model of the service).
        Ok(_) => json!({ "Code": "None" }),
        Err(Obstacle::Invalid(words)) => json!({ "Code": "ValidationError", "Message": words }),
        Err(Obstacle::NotMet) => {
            let mut reason = json!({ "Code": "ConditionalCheckFailed", "Message": "The conditional request failed" });
            if let Some(item) = write.shown(request) {
                reason["Item"] = json!(item);
            }
            reason
        }
    }
}

fn cancelled(reasons: &[Value]) -> Refusal {
    let codes: Vec<_> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    let words = "Transaction cancelled, please refer cancellation reasons for specific reasons";
    let words = format!("{words} [{}]", codes.join(", "));
    // This exception's message has a capital, unlike that of others: https://github.com/boto/boto3/issues/2657
    let with = json!({ "CancellationReasons": reasons, "Message": words });
    Refusal { with, ..Refusal::new("TransactionCanceledException", &words) }
}
