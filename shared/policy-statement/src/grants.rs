//! What stacks of other accounts may have: nothing, unless the functions' own stack says so, and never more than access
//! for themselves.

use custom_resource::{Error, Result, is_account_id};
use serde_json::{Map, Value};
use wildmatch::WildMatch;

use crate::{Document, Resources, Statement, StatementProperty, orphans::is_orphan};

/// The variables with ARNs of targets, in which `*` and `?` stand for anything, and with actions, in which they don't.
const TARGETS: &str = "GRANT_TARGETS";
const ACTIONS: &str = "GRANT_ACTIONS";

/// The bounds of what other accounts may ask for.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    targets: Vec<WildMatch>,
    actions: Vec<String>,
}

impl Grants {
    pub(crate) fn from_environment() -> Self {
        let list = |name: &str| std::env::var(name).unwrap_or_default();
        Self::of(&list(TARGETS), &list(ACTIONS))
    }

    /// Two lists with commas.
    pub(crate) fn of(targets: &str, actions: &str) -> Self {
        let items = |list| str::split(list, ',').map(str::trim).filter(|item| !item.is_empty());
        Self {
            targets: items(targets).map(WildMatch::new).collect(),
            actions: items(actions).map(ToOwned::to_owned).collect(),
        }
    }

    /// Whether account `caller` may have these statements in the policy of `target`, an ARN.
    ///
    /// # Errors
    /// Refused with the path of what goes beyond the bounds.
    pub(crate) fn check(
        &self,
        caller: &str,
        target: &str,
        resources: Resources,
        statements: &StatementProperty,
    ) -> Result<()> {
        if !self.targets.iter().any(|pattern| pattern.matches(target)) {
            return Err(Error::refused(format!(
                "{target} is not open to account {caller}; the parameter GrantTargets of the functions' stack says what is"
            )));
        }
        statements.by_path().try_for_each(|(path, statement)| {
            let wrong = self.wrong_with(caller, target, resources, statement);
            wrong.map_or(Ok(()), |wrong| Err(Error::refused(format!("{path}: {wrong}"))))
        })
    }

    fn wrong_with(
        &self,
        caller: &str,
        target: &str,
        resources: Resources,
        statement: &Map<String, Value>,
    ) -> Option<String> {
        if statement.get("Effect").is_none_or(|effect| effect != "Allow") {
            return Some(format!("account {caller} may only have statements that allow"));
        }
        if let Some(name) =
            ["NotPrincipal", "NotAction", "NotResource"].into_iter().find(|name| statement.contains_key(*name))
        {
            return Some(format!("account {caller} may not have a statement with {name}"));
        }
        if statement.values().any(has_variable) {
            return Some(format!("account {caller} may not have a statement with a policy variable"));
        }
        if !is_only_for(caller, statement) {
            return Some(format!("account {caller} may only name itself, its roles and its users as Principal"));
        }
        let is_granted = |action: &str| self.actions.iter().any(|granted| granted.eq_ignore_ascii_case(action));
        let actions = statement.get("Action").map(strings).unwrap_or_default();
        if let Some(action) = actions.iter().find(|action| !is_granted(action)) {
            return Some(format!(
                "`{action}` is not open to account {caller}; the parameter GrantActions of the functions' stack says what \
                 is, each action in full"
            ));
        }
        let is_inside = |resource: &&str| {
            let rest = resource.strip_prefix(target);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match resources {
            Resources::None | Resources::Star => None,
            Resources::Of(_) | Resources::Any => {
                let named = statement.get("Resource").map(strings).unwrap_or_default();
                let inside = named.iter().all(is_inside);
                (!inside).then(|| format!("account {caller} may only name {target} as Resource, or what is in it"))
            }
        }
    }
}

/// Whether all that has the mark in a policy can be of a claim of that account, if it is another one than the function's.
pub(crate) fn are_of_caller(caller: Option<&str>, document: &Document, mark: &str) -> bool {
    caller.is_none_or(|caller| document.own(mark).all(|statement| is_of_caller(caller, statement)))
}

/// Whether a claim of account `caller` can have put this statement there. The mark alone doesn't prove it: it is short
/// enough for somebody to look for a stack's name that has another's.
pub(crate) fn is_of_caller(caller: &str, statement: &Statement) -> bool {
    serde_json::from_str::<Map<_, _>>(statement.text()).is_ok_and(|statement| {
        // A caller has nothing else: what denies it something is somebody else's.
        statement.get("Effect").is_some_and(|effect| effect == "Allow") && is_only_for(caller, &statement)
    })
}

/// Whether all principals are in that account. Deleted ones, of which AWS keeps the id alone, are nobody any more.
fn is_only_for(caller: &str, statement: &Map<String, Value>) -> bool {
    let Some(Value::Object(kinds)) = statement.get("Principal") else { return false };
    let is_callers = |principal: &str| {
        let account =
            if is_account_id(principal) { principal } else { principal.split(':').nth(4).unwrap_or_default() };
        account == caller || is_orphan(principal)
    };
    !kinds.is_empty()
        && kinds.iter().all(|(kind, principals)| {
            let principals = strings(principals);
            kind == "AWS" && !principals.is_empty() && principals.into_iter().all(is_callers)
        })
}

/// One string or a list of them. What is no string counts as an empty one, which nothing allows.
fn strings(value: &Value) -> Vec<&str> {
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    items.iter().map(|item| item.as_str().unwrap_or_default()).collect()
}

fn has_variable(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("${"),
        Value::Array(list) => list.iter().any(has_variable),
        Value::Object(members) => members.iter().any(|(name, value)| name.contains("${") || has_variable(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CALLER: &str = "222222222222";
    const BUCKET: &str = "arn:aws:s3:::artifacts";

    fn grants() -> Grants {
        Grants::of(
            "arn:aws:s3:::artifacts, arn:aws:ecr:*:111111111111:repository/team-?/*",
            "s3:GetObject,s3:ListBucket",
        )
    }

    fn statement() -> Value {
        json!({
            "Effect": "Allow",
            "Principal": {"AWS": ["222222222222", "arn:aws:iam::222222222222:role/deploy"]},
            "Action": ["s3:GetObject", "S3:LISTBUCKET"],
            "Resource": ["arn:aws:s3:::artifacts", "arn:aws:s3:::artifacts/*"],
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "app"}},
        })
    }

    fn asked(target: &str, statement: Value) -> Result<()> {
        let property = StatementProperty::try_from(statement).unwrap();
        grants().check(CALLER, target, Resources::Of("s3"), &property)
    }

    #[test]
    fn an_account_may_have_what_is_open_to_it_for_itself() {
        asked(BUCKET, statement()).unwrap();
    }

    #[test]
    fn nothing_is_open_by_default() {
        let property = StatementProperty::try_from(statement()).unwrap();
        assert!(Grants::of("", "").check(CALLER, BUCKET, Resources::Of("s3"), &property).is_err());
    }

    #[test]
    fn a_target_is_open_if_its_whole_arn_matches() {
        let open =
            |target: &str| !asked(target, statement()).is_err_and(|error| error.to_string().contains("GrantTargets"));
        assert!(open("arn:aws:ecr:eu-west-1:111111111111:repository/team-a/app"));
        for closed in [
            "arn:aws:s3:::artifacts-of-others",
            "arn:aws:s3:::artifact",
            "arn:aws:ecr:eu-west-1:333333333333:repository/team-a/app",
            "arn:aws:ecr:eu-west-1:111111111111:repository/team-ab/app",
        ] {
            assert!(!open(closed), "{closed}");
        }
    }

    #[test]
    fn what_reaches_further_than_its_own_account_is_refused() {
        for (name, value, words) in [
            ("Effect", json!("Deny"), "only have statements that allow"),
            ("Principal", json!("*"), "only name itself"),
            ("Principal", json!({"AWS": "*"}), "only name itself"),
            ("Principal", json!({"AWS": ["222222222222", "333333333333"]}), "only name itself"),
            ("Principal", json!({"AWS": "arn:aws:iam::333333333333:role/222222222222"}), "only name itself"),
            ("Principal", json!({"AWS": "222222222222", "Service": "lambda.amazonaws.com"}), "only name itself"),
            ("Principal", json!({"Federated": "arn:aws:iam::222222222222:saml-provider/x"}), "only name itself"),
            ("Principal", json!({"AWS": []}), "only name itself"),
            ("Principal", json!({}), "only name itself"),
            ("NotPrincipal", json!({"AWS": "333333333333"}), "with NotPrincipal"),
            ("NotAction", json!("s3:DeleteObject"), "with NotAction"),
            ("NotResource", json!("arn:aws:s3:::b"), "with NotResource"),
            ("Action", json!("s3:*"), "`s3:*` is not open"),
            ("Action", json!("s3:Get*"), "is not open"),
            ("Action", json!(["s3:GetObject", "s3:PutBucketPolicy"]), "`s3:PutBucketPolicy` is not open"),
            ("Action", json!([["s3:GetObject"]]), "is not open"),
            ("Resource", json!("*"), "only name arn:aws:s3:::artifacts as Resource"),
            ("Resource", json!("arn:aws:s3:::artifacts-of-others/*"), "only name"),
            ("Resource", json!("arn:aws:s3:::artifacts/${aws:userid}"), "policy variable"),
            ("Condition", json!({"StringLike": {"aws:PrincipalTag/${aws:username}": "x"}}), "policy variable"),
        ] {
            let mut statement = statement();
            statement[name] = value.clone();
            let refusal = asked(BUCKET, json!([statement])).err().map(|error| error.to_string());
            let refusal = refusal.unwrap_or_else(|| panic!("{name} {value} was let through"));
            assert!(refusal.starts_with("ResourceProperties.Statement[0]: ") && refusal.contains(words), "{refusal}");
        }
    }

    #[test]
    fn a_statement_is_of_the_caller_only_if_it_is_for_nobody_else() {
        let is_of = |principal: &str| {
            let text = format!(r#"{{"Sid":"Pull0123456789","Effect":"Allow","Principal":{principal}}}"#);
            is_of_caller(CALLER, &Statement::parse(&text).unwrap())
        };
        assert!(is_of(r#"{"AWS":["arn:aws:iam::222222222222:root","AROAEXAMPLEDELETEDROLE"]}"#));
        for other in [r#""*""#, r#"{"AWS":"333333333333"}"#, r#"{"AWS":["222222222222","333333333333"]}"#] {
            assert!(!is_of(other), "{other}");
        }
        let deny = r#"{"Sid":"Pull0123456789","Effect":"Deny","Principal":{"AWS":"222222222222"}}"#;
        assert!(!is_of_caller(CALLER, &Statement::parse(deny).unwrap()), "what denies it something is somebody else's");
    }
}
