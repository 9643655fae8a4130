//! Aliases of KMS keys as resources: in a policy an alias stands for itself, not for its key.
//! <https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html>

use serde_json::Value;

/// The actions on an alias. (They need the key as well.)
const ON_ALIASES: [&str; 3] = ["kms:createalias", "kms:updatealias", "kms:deletealias"];

/// Whether it is the ARN of an alias, or of several.
pub(super) fn is_alias(resource: &str) -> bool {
    let parts: Vec<_> = resource.splitn(6, ':').collect();
    matches!(parts[..], ["arn", _, "kms", _, _, name] if name.starts_with("alias/"))
}

/// Whether a statement with these actions may be about aliases. What a wildcard stands for isn't looked at: it may.
pub(super) fn may_be_meant(actions: &Value) -> bool {
    let actions = actions.as_array().map_or(std::slice::from_ref(actions), Vec::as_slice);
    actions.iter().filter_map(Value::as_str).any(|action| {
        let literal = action.split(['*', '?']).next().unwrap_or_default().to_ascii_lowercase();
        ON_ALIASES.iter().any(|known| known.starts_with(&literal))
    })
}
