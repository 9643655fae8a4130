//! What a caller may have.

use serde::{Deserialize, Serialize};

/// What one owner of a grant opens to a caller: all of its actions on all of its targets. What another grant opens doesn't add to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Grant {
    /// The types that the caller's stacks may have, without `Custom::`: `EcrPolicyStatement`.
    pub types: Vec<String>,
    /// ARNs, in which `*` and `?` stand for anything.
    pub targets: Vec<String>,
    /// Actions in full: `ecr:BatchGetImage`.
    pub actions: Vec<String>,
    /// The service principals that the caller may name for its own resources: `codebuild.amazonaws.com`.
    pub services: Vec<String>,
}
