//! S3's protocol, as far as policies of buckets need it: the bucket is in the host's name, the operation in method and query,
//! and a policy is the whole body.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html>

use serde_json::{Value, json};
use url::Url;

use super::query;

/// The operation that a request asks for, and its parameters; `None` if it isn't one of S3's.
pub(super) fn read(method: &str, address: &str, body: &[u8]) -> Option<(String, Value)> {
    let address = Url::parse(address).ok()?;
    let bucket = address.host_str()?.split_once(".s3.")?.0;
    let is_policy = address.query_pairs().any(|(name, _)| name == "policy");
    let verb = match method {
        "GET" => "Get",
        "PUT" => "Put",
        "DELETE" => "Delete",
        _ => return None,
    };
    let operation = format!("{verb}Bucket{}", if is_policy { "Policy" } else { "" });
    Some((operation, json!({ "Bucket": bucket, "Policy": String::from_utf8_lossy(body) })))
}

/// The body of an answer.
pub(super) fn written(answer: &Value) -> String {
    answer.as_str().unwrap_or_default().to_owned()
}

/// The body of a refusal, with what it has beside its code and its words.
pub(super) fn refused(code: &str, message: &str, with: &Value) -> String {
    let with = with.as_object().into_iter().flatten();
    let elements = with.map(|(name, value)| format!("<{name}>{}</{name}>", value.as_str().unwrap_or_default()));
    query::error(code, message).replace("</Error>", &format!("{}</Error>", elements.collect::<String>()))
}
