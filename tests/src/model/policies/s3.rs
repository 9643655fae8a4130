//! S3, as far as it keeps the policies of buckets.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>

use std::sync::Arc;

use serde_json::Value;

use super::{Codes, Policies, text};
use crate::model::http::Service;

const CODES: Codes = Codes { no_target: "NoSuchBucket", no_policy: "NoSuchBucketPolicy", principal: "MalformedPolicy" };

/// The policies by the names of buckets.
#[derive(Debug)]
pub struct S3(pub Arc<Policies>);

impl Service for S3 {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        let bucket = text(request, "Bucket");
        match operation {
            "GetBucketPolicy" => self.0.get(bucket, stale, &CODES).map(Value::from),
            "PutBucketPolicy" => self.0.put(bucket, text(request, "Policy"), &CODES),
            // Without one it is no error.
            "DeleteBucketPolicy" => match self.0.delete(bucket, &CODES) {
                Err(code) if code == CODES.no_policy => Ok(Value::Null),
                deleted => deleted,
            },
            other => panic!("S3 can't be asked for {other}"),
        }
    }

    fn words(&self, _: &str) -> &'static str {
        "Invalid principal in policy"
    }
}
