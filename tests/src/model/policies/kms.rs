//! KMS, as far as it keeps the policies of keys.
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html>

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Codes, Policies, text};
use crate::model::http::Service;

const CODES: Codes = Codes {
    no_target: "NotFoundException",
    no_policy: "NotFoundException",
    principal: "MalformedPolicyDocumentException",
};

/// The policies by the ids of keys. An alias is `alias/` and the id of its key.
#[derive(Debug)]
pub struct Kms(pub Arc<Policies>);

impl Service for Kms {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        let name = text(request, "KeyId");
        let key = name.strip_prefix("alias/").unwrap_or(name);
        match operation {
            "DescribeKey" => self.0.get(key, stale, &CODES).map(|_| {
                json!({ "KeyMetadata": {
                    "KeyId": key,
                    "AWSAccountId": "111111111111",
                    "KeyManager": "CUSTOMER",
                    "KeyState": "Enabled",
                } })
            }),
            "GetKeyPolicy" => self.0.get(key, stale, &CODES).map(|policy| json!({ "Policy": policy })),
            "PutKeyPolicy" => self.0.put(key, text(request, "Policy"), &CODES),
            other => panic!("KMS can't be asked for {other}"),
        }
    }

    fn words(&self, _: &str) -> &'static str {
        "Policy contains a statement with one or more invalid principals."
    }
}
