//! S3, as far as it keeps the policies of buckets.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Codes, PlayedPolicies, text, unknown_in};
use crate::model::http::Service;

const CODES: Codes = Codes {
    no_target: "NoSuchBucket",
    no_policy: "NoSuchBucketPolicy",
    principal: "MalformedPolicy",
    size: "MalformedPolicy",
    most: 20_480,
};

/// The policies by the names of buckets.
#[derive(Debug)]
pub struct S3(pub Arc<PlayedPolicies>);

impl Service for S3 {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        let bucket = text(request, "Bucket");
        match operation {
            "GetBucketPolicy" => self.0.get(bucket, stale, &CODES).map(|policy| with_roots(&policy).into()),
            "PutBucketPolicy" => self.0.put(bucket, text(request, "Policy"), &CODES),
            // Without one it is no error.
            "DeleteBucketPolicy" => match self.0.delete(bucket, &CODES) {
                Err(code) if code == CODES.no_policy => Ok(Value::Null),
                deleted => deleted,
            },
            other => panic!("S3 can't be asked for {other}"),
        }
    }

    fn words_for(&self, _: &str, request: &Value) -> String {
        if CODES.is_too_large(text(request, "Policy")) {
            return format!("Normalized policy document exceeds the maximum allowed size of {} bytes", CODES.most);
        }
        "Invalid principal in policy".to_owned()
    }

    fn refused_with(&self, request: &Value) -> Value {
        json!({ "Detail": unknown_in(text(request, "Policy")) })
    }
}

/// The policy with the ARNs of their roots in the place of accounts, so that it is longer than it was when it was put.
/// <https://github.com/MIT-LCP/physionet-build/issues/2094>
fn with_roots(policy: &str) -> String {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let root = |text: &str| if is_account(text) { format!("arn:aws:iam::{text}:root") } else { text.to_owned() };
    policy.split('"').map(root).collect::<Vec<_>>().join("\"")
}
