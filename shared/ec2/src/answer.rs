//! An answer of EC2, or what it says instead.

use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use serde_json::Value;

use crate::xml;

/// The content of the answer to `action`.
///
/// # Errors
/// EC2's refusal. A success that can't be read is an error of another kind: nobody knows what was done.
pub(crate) fn read(action: &str, response: &HttpResponse) -> Result<Value, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        xml::read(body, &format!("{action}Response")).map_err(OrchestratorError::response)
    } else {
        Err(OrchestratorError::operation(refusal(body)))
    }
}

/// The code and the words of an error, if it is one of EC2's: proxies say something else.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
fn refusal(body: &[u8]) -> ErrorMetadata {
    let said = xml::read(body, "Response").unwrap_or_default();
    let text = |name: &str| said["Errors"]["Error"][name].as_str();
    let mut refusal = ErrorMetadata::builder();
    if let Some(code) = text("Code") {
        refusal = refusal.code(code);
    }
    if let Some(message) = text("Message") {
        refusal = refusal.message(message);
    }
    refusal.build()
}
