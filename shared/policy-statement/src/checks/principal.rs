//! `Principal`: everyone, or an object of the kinds of principals.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use custom_resource::{Result, is_account_id, mangled, mangled_account_id};
use serde_json::Value;

use super::{refused, refused_key, strings};

const KINDS: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];

/// Suffixes of service principals: the partitions' domains, Alexa's, and one that roles of AWS's own services trust, as in
/// `nova.aws.internal`.
const SERVICE_DOMAINS: [&str; 9] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".amazon.com",
    ".aws.internal",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
];

/// Refuses what AWS would, without saying which principal was written.
pub(super) fn check(path: &str, principal: &Value, canonical_users: bool) -> Result<()> {
    if principal == "*" {
        return Ok(());
    }
    let Some(kinds) = principal.as_object().filter(|kinds| !kinds.is_empty()) else {
        return refused(path, "must be `*` or an object such as `{AWS: ...}` or `{Service: ...}`");
    };
    for (kind, principals) in kinds {
        if !KINDS.contains(&kind.as_str()) {
            return refused_key(path, kind, "kind of principal", &KINDS);
        }
        let path = format!("{path}.{kind}");
        for (path, principal) in strings(&path, principals)? {
            let wrong = match kind.as_str() {
                "AWS" => wrong_with_aws(principal),
                "Service" => wrong_with_service(principal),
                "Federated" => wrong_with_federated(principal),
                _ if canonical_users => wrong_with_canonical_user(principal),
                _ => Some(
                    "S3 alone knows canonical users; write the account's id, or the ARN of a role or a user, under `AWS`",
                ),
            };
            let wrong = if principal.contains("${") { mangled(principal) } else { wrong };
            if let Some(wrong) = wrong {
                return refused(&path, wrong);
            }
        }
    }
    Ok(())
}

/// `*`, alone, as a kind, or in a list.
pub(super) fn is_everyone(principal: &Value) -> bool {
    match principal {
        Value::String(principal) => principal == "*",
        Value::Array(list) => list.iter().any(is_everyone),
        Value::Object(kinds) => kinds.values().any(is_everyone),
        _ => false,
    }
}

fn wrong_with_aws(principal: &str) -> Option<&'static str> {
    if principal == "*" || is_account_id(principal) {
        return None;
    }
    if let Some(why) = mangled_account_id(principal) {
        return Some(why);
    }
    if principal.starts_with("AROA") || principal.starts_with("AIDA") {
        return Some("is the unique id of a role or user, which AWS shows once that is deleted; write its ARN");
    }
    if SERVICE_DOMAINS.iter().any(|domain| principal.ends_with(domain)) {
        return Some("is a service; write it under `Service`");
    }
    if let Some(why) = wrong_with_organizations(principal) {
        return Some(why);
    }
    let parts: Vec<_> = principal.splitn(6, ':').collect();
    let ["arn", partition, service, "", account, name] = parts[..] else {
        return Some("must be `*`, a 12-digit account id, or the ARN of an account's root, a role or a user");
    };
    if principal.contains(['*', '?']) {
        return Some("AWS takes no wildcard here; name the account, and limit it with a Condition on aws:PrincipalArn");
    }
    if !is_partition(partition) {
        return Some("its ARN must start with a partition, such as `arn:aws:`");
    }
    // An origin access identity, AWS's one principal of that account.
    if (service, account) == ("iam", "cloudfront") && name.starts_with("user/CloudFront Origin Access Identity ") {
        return None;
    }
    if !is_account_id(account) {
        return Some(mangled(principal).unwrap_or("its ARN must have an account id of 12 digits"));
    }
    match (service, name.split_once('/')) {
        ("iam", None) if name == "root" => None,
        ("iam", Some(("user" | "role", name))) | ("sts", Some(("federated-user", name))) if is_path(name) => None,
        ("sts", Some(("assumed-role", session))) if is_path(session) && session.contains('/') => None,
        ("iam", Some(("group", _))) => Some("a group can't be a principal; name its users or a role"),
        ("iam", Some(("saml-provider" | "oidc-provider", _))) => Some("is a provider; write it under `Federated`"),
        _ => Some(
            "its ARN must end in `root`, `role/...`, `user/...`, or (sts) `assumed-role/.../...`, in small letters",
        ),
    }
}

/// What Organizations calls a unit, an organization or an account, which policies know by their conditions alone.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths>
fn wrong_with_organizations(principal: &str) -> Option<&'static str> {
    let named = match principal.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "organizations", _, _, named] => named,
        [id] => id,
        _ => return None,
    };
    if named.starts_with("account/") {
        return Some("is an account as Organizations names it; write its 12 digits");
    }
    let is_unit = named.starts_with("ou/") || named.starts_with("ou-");
    let is_organization = named.starts_with("organization/") || named.starts_with("o-");
    (is_unit || is_organization).then_some(
        "an OU or an organization can't be a principal; write `*`, with a Condition on aws:PrincipalOrgPaths or aws:PrincipalOrgID",
    )
}

/// Any domain may be a service's, but for those that look like a slip of the pen.
fn wrong_with_service(principal: &str) -> Option<&'static str> {
    if !is_domain(principal) {
        let sentence = "must be a service's domain name in small letters, such as `lambda.amazonaws.com`";
        return Some(mangled(principal).unwrap_or(sentence));
    }
    let is_known = SERVICE_DOMAINS.iter().any(|domain| principal.ends_with(domain));
    let is_like = |domain: &&str| {
        let labels = domain.matches('.').count();
        let end: Vec<_> = principal.rsplitn(labels + 1, '.').take(labels).collect();
        let end: Vec<_> = end.into_iter().rev().collect();
        strsim::damerau_levenshtein(&end.join("."), &domain[1..]) <= 2
    };
    let is_slip = principal.split('.').any(|label| label == "amazonaws") || SERVICE_DOMAINS.iter().any(is_like);
    (!is_known && is_slip)
        .then_some("ends almost like the domain of services, `.amazonaws.com` in most partitions; correct it")
}

/// S3's guide has the canonical user of an origin access identity. S3 shows it in other words.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html>
fn wrong_with_canonical_user(principal: &str) -> Option<&'static str> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_canonical = principal.len() == 64 && principal.bytes().all(is_hex);
    let sentence = "must be the canonical id of a user or an account, 64 hexadecimal digits in small letters";
    (!is_canonical).then(|| mangled(principal).unwrap_or(sentence))
}

fn wrong_with_federated(principal: &str) -> Option<&'static str> {
    let parts: Vec<_> = principal.splitn(6, ':').collect();
    let is_federated = match parts[..] {
        ["arn", partition, "iam", "", account, name] => {
            let is_provider = ["saml-provider/", "oidc-provider/"].iter().any(|kind| name.starts_with(kind));
            is_partition(partition) && is_account_id(account) && is_provider
        }
        _ => is_domain(principal),
    };
    let sentence = mangled(principal).unwrap_or(FEDERATED);
    (!is_federated).then_some(sentence)
}

const FEDERATED: &str = "must be the ARN of an identity provider or a domain such as `cognito-identity.amazonaws.com`";

fn is_partition(text: &str) -> bool {
    text == "aws"
        || text
            .strip_prefix("aws-")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(inner)
    };
    text.contains('.') && text.split('.').all(is_label)
}

/// What IAM takes in names and paths.
fn is_path(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=,.@-".contains(&byte);
    !text.is_empty() && text.bytes().all(is_allowed)
}
