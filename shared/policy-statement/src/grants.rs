//! What stacks of other accounts may have: nothing, unless a grant says so, and never more than access for themselves.

use archipelago::{Caller, Grant, Unit};
use custom_resource::{Error, Result, is_account_id};
use serde_json::{Map, Value, json};
use wildmatch::WildMatch;

use crate::{Document, Resources, Statement, StatementProperty, orphans::is_orphan};

/// Operators that don't hold where the key isn't there, and what they do with `*` and `?`.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
const SOURCE_OPERATORS: [&str; 4] = ["StringEquals", "StringLike", "ArnEquals", "ArnLike"];

/// The operator for a key with several values that doesn't hold where the key isn't there.
const ANY_LIKE: &str = "ForAnyValue:StringLike";
const PRINCIPAL_PATHS: &str = "aws:PrincipalOrgPaths";
const SOURCE_PATHS: &str = "aws:SourceOrgPaths";

/// What is granted to one caller for one type.
#[derive(Debug)]
pub(crate) struct Grants(Vec<Open>);

/// One grant.
#[derive(Debug)]
struct Open {
    targets: Vec<WildMatch>,
    actions: Vec<String>,
    services: Vec<String>,
}

impl Open {
    fn has_action(&self, action: &str) -> bool {
        self.actions.iter().any(|granted| granted.eq_ignore_ascii_case(action))
    }
}

/// Whom a statement names.
enum Named<'a> {
    /// The caller's account, its roles and its users.
    Own,
    /// Services, for the caller's own resources.
    Services(Vec<&'a str>),
}

impl Grants {
    /// Those of `grants` that open a type, such as `Custom::EcrPolicyStatement`.
    pub(crate) fn of(grants: Vec<Grant>, resource_type: &str) -> Self {
        let is_of_type = |grant: &Grant| grant.types.iter().any(|name| resource_type == format!("Custom::{name}"));
        let open = |grant: Grant| Open {
            targets: grant.targets.iter().map(|pattern| WildMatch::new(pattern)).collect(),
            actions: grant.actions,
            services: grant.services,
        };
        Self(grants.into_iter().filter(is_of_type).map(open).collect())
    }

    /// Whether the caller may have these statements in the policy of `target`, an ARN.
    ///
    /// # Errors
    /// Refused with the path of what goes beyond the bounds.
    pub(crate) fn check(
        &self,
        caller: &Caller,
        target: &str,
        resources: Resources,
        statements: &StatementProperty,
    ) -> Result<()> {
        let open: Vec<_> =
            self.0.iter().filter(|open| open.targets.iter().any(|pattern| pattern.matches(target))).collect();
        if open.is_empty() {
            return Err(Error::refused(format!(
                "{target} is not open to {}; a Custom::Caller in the functions' account says what is",
                called(caller)
            )));
        }
        statements.by_path().try_for_each(|(path, statement)| {
            let wrong = wrong_with(&open, caller, target, resources, statement);
            wrong.map_or(Ok(()), |wrong| Err(Error::refused(format!("{path}: {wrong}"))))
        })
    }
}

/// A caller in a sentence.
pub(crate) fn called(caller: &Caller) -> String {
    match caller.unit() {
        Some(unit) => format!("account {} of {}", caller.account(), unit.id()),
        None => format!("account {}", caller.name()),
    }
}

fn wrong_with(
    open: &[&Open],
    caller: &Caller,
    target: &str,
    resources: Resources,
    statement: &Map<String, Value>,
) -> Option<String> {
    let name = called(caller);
    if statement.get("Effect").is_none_or(|effect| effect != "Allow") {
        return Some(format!("{name} may only have statements that allow"));
    }
    if let Some(element) =
        ["NotPrincipal", "NotAction", "NotResource"].into_iter().find(|element| statement.contains_key(*element))
    {
        return Some(format!("{name} may not have a statement with {element}"));
    }
    if statement.values().any(has_variable) {
        return Some(format!("{name} may not have a statement with a policy variable"));
    }
    let services = match named(caller.account(), statement) {
        Some(Named::Own) => Vec::new(),
        Some(Named::Services(services)) => services,
        None => {
            return Some(format!(
                "{name} may only name itself, its roles and its users as Principal, or in a statement of their own services"
            ));
        }
    };
    if let Some(service) =
        services.iter().find(|service| !open.iter().any(|open| open.services.iter().any(|open| open == *service)))
    {
        return Some(format!(
            "`{service}` is not open to {name}; `Services` of the Custom::Caller says which services are"
        ));
    }
    if !services.is_empty() && !has_own_source(caller.account(), statement) {
        return Some(format!(
            "a service may only act for {name}: give `aws:SourceAccount` with its id, or `aws:SourceArn` with ARNs of it, in a \
             Condition with StringEquals, StringLike or ArnLike"
        ));
    }
    if let Some(unit) = caller.unit()
        && !is_bounded_by(caller.unit(), statement, paths_key(&services))
    {
        return Some(format!(
            "`{}` with {ANY_LIKE} must be {}, the path of the unit, or be left out",
            paths_key(&services),
            unit.paths()
        ));
    }
    let actions = statement.get("Action").map(strings).unwrap_or_default();
    if let Some(action) = actions.iter().find(|action| !open.iter().any(|open| open.has_action(action))) {
        return Some(format!(
            "`{action}` is not open to {name} on {target}; `Actions` of the Custom::Caller says what is, each action in full"
        ));
    }
    let opens_all = |open: &&&Open| {
        actions.iter().all(|action| open.has_action(action))
            && services.iter().all(|service| open.services.iter().any(|open| open == service))
    };
    if !open.iter().any(|open| opens_all(&open)) {
        return Some(format!(
            "no single Custom::Caller opens all of this to {name} on {target}; write a statement for what each of them opens"
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
            (!inside).then(|| format!("{name} may only name {target} as Resource, or what is in it"))
        }
    }
}

/// The statements as a caller has them: those of a unit end with membership, by their own Condition.
pub(crate) fn bounded(caller: Option<&Caller>, statements: &StatementProperty) -> StatementProperty {
    let Some(unit) = caller.and_then(Caller::unit) else { return statements.clone() };
    statements.with_each(|statement| {
        let mut statement = statement.clone();
        let is_for_services = statement.get("Principal").is_some_and(|principal| principal.get("Service").is_some());
        let key = if is_for_services { SOURCE_PATHS } else { PRINCIPAL_PATHS };
        if paths(&statement, key).is_none()
            && let Some(operators) = statement.entry("Condition").or_insert_with(|| json!({})).as_object_mut()
            && let Some(keys) = operators.entry(ANY_LIKE).or_insert_with(|| json!({})).as_object_mut()
        {
            keys.insert(key.to_owned(), unit.paths().into());
        }
        statement
    })
}

/// Whether all that has the mark in a policy can be of a claim of that caller, if it isn't the function's own account.
pub(crate) fn are_of_caller(caller: Option<&Caller>, document: &Document, mark: &str) -> bool {
    caller.is_none_or(|caller| document.own(mark).all(|statement| is_of_caller(caller, statement)))
}

/// Whether a claim of the caller can have put this statement there. The mark alone doesn't prove it: it is short
/// enough for somebody to look for a stack's name that has another's.
pub(crate) fn is_of_caller(caller: &Caller, statement: &Statement) -> bool {
    serde_json::from_str::<Map<_, _>>(statement.text()).is_ok_and(|statement| {
        // A caller has nothing else: what denies it something is somebody else's.
        statement.get("Effect").is_some_and(|effect| effect == "Allow")
            && match named(caller.account(), &statement) {
                Some(Named::Own) => is_bounded_by(caller.unit(), &statement, PRINCIPAL_PATHS),
                Some(Named::Services(_)) => {
                    has_own_source(caller.account(), &statement)
                        && is_bounded_by(caller.unit(), &statement, SOURCE_PATHS)
                }
                None => false,
            }
    })
}

/// Whom the statement names, if that is the account alone or services alone. Deleted principals, of which AWS keeps the id alone, are nobody
/// any more.
fn named<'a>(account: &str, statement: &'a Map<String, Value>) -> Option<Named<'a>> {
    let kinds = statement.get("Principal")?.as_object()?;
    let mut kinds = kinds.iter();
    let (Some((kind, principals)), None) = (kinds.next(), kinds.next()) else { return None };
    let principals = strings(principals);
    let is_callers = |principal: &&str| {
        let of = if is_account_id(principal) { principal } else { principal.split(':').nth(4).unwrap_or_default() };
        of == account || is_orphan(principal)
    };
    match kind.as_str() {
        _ if principals.is_empty() || account.is_empty() => None,
        "AWS" => principals.iter().all(is_callers).then_some(Named::Own),
        "Service" => Some(Named::Services(principals)),
        _ => None,
    }
}

/// Whether a service acts under the statement for resources of the account alone.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>
fn has_own_source(account: &str, statement: &Map<String, Value>) -> bool {
    let operators = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
    let keys =
        operators.filter(|(operator, _)| SOURCE_OPERATORS.contains(&operator.as_str())).flat_map(|(operator, keys)| {
            keys.as_object().into_iter().flatten().map(move |(key, values)| (operator, key, strings(values)))
        });
    keys.into_iter().any(|(operator, key, values)| {
        let is_own = |value: &&str| {
            if key.eq_ignore_ascii_case("aws:SourceAccount") {
                *value == account
            } else {
                key.eq_ignore_ascii_case("aws:SourceArn") && is_arn_of(account, value, operator.starts_with("Arn"))
            }
        };
        !values.is_empty() && values.iter().all(is_own)
    })
}

/// Whether the pattern is one of ARNs of the account alone. `ArnLike` matches each part by itself; by `StringLike`, a `*` reaches over
/// colons, so none may stand before the account.
fn is_arn_of(account: &str, pattern: &str, is_in_parts: bool) -> bool {
    let parts: Vec<_> = pattern.splitn(6, ':').collect();
    let is_plain = |part: &&str| is_in_parts || !part.contains(['*', '?']);
    parts.len() == 6 && parts[0] == "arn" && parts[4] == account && parts[..4].iter().all(is_plain)
}

fn paths_key(services: &[&str]) -> &'static str {
    if services.is_empty() { PRINCIPAL_PATHS } else { SOURCE_PATHS }
}

/// The paths that a statement names of its own.
fn paths<'a>(statement: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let keys = statement.get("Condition")?.get(ANY_LIKE)?.as_object()?;
    keys.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, paths)| paths)
}

/// Whether the statement is for members of the unit alone, if there is one.
fn is_bounded_by(unit: Option<&Unit>, statement: &Map<String, Value>, key: &str) -> bool {
    unit.is_none_or(|unit| paths(statement, key).is_some_and(|paths| strings(paths) == [unit.paths()]))
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

    const UNIT: &str = "o-exampleorgid-ou-abcd-12345678";
    const PATHS: &str = "o-exampleorgid/r-abcd/*ou-abcd-12345678/*";

    fn caller() -> Caller {
        Caller::named(CALLER, CALLER)
    }

    fn of_unit() -> Caller {
        Caller::named(UNIT, CALLER)
    }

    fn grant(targets: &[&str], actions: &[&str], services: &[&str]) -> Grant {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let types = texts(&["KmsPolicyStatement", "S3PolicyStatement"]);
        Grant { types, targets: texts(targets), actions: texts(actions), services: texts(services) }
    }

    fn grants() -> Grants {
        let targets = [BUCKET, "arn:aws:ecr:*:111111111111:repository/team-?/*"];
        let artifacts = grant(&targets, &["s3:GetObject", "s3:ListBucket"], &["codebuild.amazonaws.com"]);
        let uploads = grant(&["arn:aws:s3:::uploads", BUCKET], &["s3:PutObject"], &["logs.amazonaws.com"]);
        Grants::of(vec![artifacts, uploads], "Custom::S3PolicyStatement")
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
        asked_by(&caller(), target, statement)
    }

    fn asked_by(caller: &Caller, target: &str, statement: Value) -> Result<()> {
        let property = StatementProperty::try_from(statement).unwrap();
        grants().check(caller, target, Resources::Of("s3"), &property)
    }

    fn for_service(condition: &Value) -> Value {
        let mut statement = statement();
        statement["Principal"] = json!({"Service": "codebuild.amazonaws.com"});
        statement["Condition"] = condition.clone();
        statement
    }

    fn refusal(asked: Result<()>) -> String {
        asked.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_account_may_have_what_is_open_to_it_for_itself() {
        asked(BUCKET, statement()).unwrap();
    }

    #[test]
    fn nothing_is_open_by_default() {
        let property = StatementProperty::try_from(statement()).unwrap();
        let of = |grants, name| Grants::of(grants, name).check(&caller(), BUCKET, Resources::Of("s3"), &property);
        of(vec![grant(&[BUCKET], &["s3:GetObject", "s3:ListBucket"], &[])], "Custom::S3PolicyStatement").unwrap();
        assert!(of(Vec::new(), "Custom::S3PolicyStatement").is_err());
        // What is open for one type isn't for another.
        assert!(
            of(vec![grant(&[BUCKET], &["s3:GetObject", "s3:ListBucket"], &[])], "Custom::EcrPolicyStatement").is_err()
        );
    }

    #[test]
    fn an_action_of_one_grant_is_not_open_on_the_target_of_another() {
        let with = |actions: Value| {
            let mut statement = statement();
            statement["Action"] = actions;
            statement["Resource"] = json!("arn:aws:s3:::uploads");
            refusal(asked("arn:aws:s3:::uploads", statement))
        };
        assert_eq!(with(json!("s3:PutObject")), "");
        assert!(with(json!("s3:GetObject")).contains("`s3:GetObject` is not open to account 222222222222 on"));
        let mut both = statement();
        both["Action"] = json!(["s3:GetObject", "s3:PutObject"]);
        assert!(refusal(asked(BUCKET, both)).contains("no single Custom::Caller opens all of this"));
    }

    #[test]
    fn a_service_may_act_for_the_caller_s_own_resources() {
        let arn = "arn:aws:codebuild:eu-west-1:222222222222:project/app";
        for condition in [
            json!({"StringEquals": {"aws:SourceAccount": CALLER}}),
            json!({"StringLike": {"aws:sourceaccount": [CALLER]}}),
            json!({"StringEquals": {"aws:SourceArn": arn}}),
            json!({"StringLike": {"aws:SourceArn": "arn:aws:codebuild:eu-west-1:222222222222:project/*"}}),
            json!({"ArnLike": {"aws:SourceArn": ["arn:aws:*:*:222222222222:*"]}}),
            json!({"ArnEquals": {"aws:SourceArn": arn}, "Bool": {"aws:SecureTransport": "true"}}),
        ] {
            assert_eq!(refusal(asked(BUCKET, for_service(&condition))), "", "{condition}");
        }
    }

    #[test]
    fn a_service_without_the_caller_s_own_source_is_refused() {
        for condition in [
            json!({}),
            json!({"StringEquals": {"aws:SourceAccount": "333333333333"}}),
            json!({"StringEquals": {"aws:SourceAccount": [CALLER, "333333333333"]}}),
            json!({"StringEquals": {"aws:SourceAccount": []}}),
            json!({"StringLike": {"aws:SourceAccount": "2222*"}}),
            json!({"StringLike": {"aws:SourceAccount": "*"}}),
            json!({"StringNotEquals": {"aws:SourceAccount": CALLER}}),
            json!({"StringEqualsIfExists": {"aws:SourceAccount": CALLER}}),
            json!({"ForAllValues:StringEquals": {"aws:SourceAccount": CALLER}}),
            json!({"StringEquals": {"aws:PrincipalAccount": CALLER}}),
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}}),
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:codebuild:*:*:project/app"}}),
            json!({"ArnLike": {"aws:SourceArn": "arn:aws:codebuild:*:333333333333:222222222222:project"}}),
            json!({"StringLike": {"aws:SourceArn": "arn:aws:codebuild:*:222222222222:project/app"}}),
            json!({"StringLike": {"aws:SourceArn": "*:222222222222:*"}}),
        ] {
            let refusal = refusal(asked(BUCKET, for_service(&condition)));
            assert!(refusal.contains("a service may only act for account 222222222222"), "{condition}: {refusal}");
        }
    }

    #[test]
    fn a_service_that_is_not_open_is_refused() {
        let own = json!({"StringEquals": {"aws:SourceAccount": CALLER}});
        for service in ["lambda.amazonaws.com", "*", "codebuild.*", ""] {
            let mut statement = for_service(&own);
            statement["Principal"]["Service"] = json!(["codebuild.amazonaws.com", service]);
            let refusal = refusal(asked(BUCKET, statement));
            assert!(refusal.contains(&format!("`{service}` is not open")), "{refusal}");
        }
        let mut statement = for_service(&own);
        // Its grant opens other actions.
        statement["Principal"]["Service"] = json!("logs.amazonaws.com");
        assert!(refusal(asked(BUCKET, statement)).contains("no single Custom::Caller"));
    }

    #[test]
    fn statements_of_a_unit_end_with_membership() {
        let bounded = |statement: Value| {
            let property = bounded(Some(&of_unit()), &StatementProperty::try_from(statement).unwrap());
            grants().check(&of_unit(), BUCKET, Resources::Of("s3"), &property).unwrap();
            let (_, statement) = property.by_path().next().map(|(path, statement)| (path, statement.clone())).unwrap();
            Value::Object(statement)["Condition"].clone()
        };
        let tag = json!({"aws:PrincipalTag/team": "app"});
        let paths = json!({PRINCIPAL_PATHS: PATHS});
        assert_eq!(bounded(statement()), json!({"StringEquals": tag, ANY_LIKE: paths}));
        let mut plain = statement();
        plain.as_object_mut().unwrap().remove("Condition");
        assert_eq!(bounded(plain.clone()), json!({ ANY_LIKE: paths }));
        plain["Condition"] = json!({ANY_LIKE: {"aws:principalorgpaths": [PATHS]}});
        assert_eq!(bounded(plain.clone()), plain["Condition"]);
        let own = json!({"aws:SourceAccount": CALLER});
        assert_eq!(
            bounded(for_service(&json!({ "StringEquals": own }))),
            json!({"StringEquals": own, ANY_LIKE: {SOURCE_PATHS: PATHS}})
        );
    }

    #[test]
    fn a_statement_of_a_unit_with_another_path_is_refused() {
        for path in [json!("*"), json!("o-exampleorgid/*"), json!([PATHS, "o-exampleorgid/*"]), json!([])] {
            let mut statement = statement();
            statement["Condition"] = json!({ANY_LIKE: {PRINCIPAL_PATHS: path}});
            let property = bounded(Some(&of_unit()), &StatementProperty::try_from(statement).unwrap());
            let refusal = refusal(grants().check(&of_unit(), BUCKET, Resources::Of("s3"), &property));
            assert!(refusal.contains("must be o-exampleorgid/r-abcd/*ou-abcd-12345678/*"), "{path}: {refusal}");
        }
    }

    #[test]
    fn an_account_of_a_unit_names_itself_alone() {
        let mut other = statement();
        other["Principal"] = json!({"AWS": "333333333333"});
        let refusal = refusal(asked_by(&of_unit(), BUCKET, other));
        assert!(refusal.contains("account 222222222222 of ou-abcd-12345678 may only name itself"), "{refusal}");
    }

    #[test]
    fn a_caller_that_is_not_understood_may_have_nothing() {
        let mut nobody_s = statement();
        nobody_s["Principal"] = json!({"AWS": "arn:aws:iam:::root"});
        assert!(refusal(asked_by(&Caller::named("2222", CALLER), BUCKET, nobody_s)).contains("may only name itself"));
    }

    #[test]
    fn a_target_is_open_if_its_whole_arn_matches() {
        let open = |target: &str| {
            !asked(target, statement()).is_err_and(|error| error.to_string().contains("is not open to account"))
        };
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
            is_of_caller(&caller(), &Statement::parse(&text).unwrap())
        };
        assert!(is_of(r#"{"AWS":["arn:aws:iam::222222222222:root","AROAEXAMPLEDELETEDROLE"]}"#));
        for other in [r#""*""#, r#"{"AWS":"333333333333"}"#, r#"{"AWS":["222222222222","333333333333"]}"#] {
            assert!(!is_of(other), "{other}");
        }
        let deny = r#"{"Sid":"Pull0123456789","Effect":"Deny","Principal":{"AWS":"222222222222"}}"#;
        assert!(
            !is_of_caller(&caller(), &Statement::parse(deny).unwrap()),
            "what denies it something is somebody else's"
        );
    }

    #[test]
    fn a_statement_is_of_a_unit_only_with_its_path() {
        let is_of = |condition: &str| {
            let principal = r#"{"AWS":"222222222222"}"#;
            let text = format!(
                r#"{{"Sid":"Pull0123456789","Effect":"Allow","Principal":{principal},"Condition":{condition}}}"#
            );
            is_of_caller(&of_unit(), &Statement::parse(&text).unwrap())
        };
        assert!(is_of(&json!({ANY_LIKE: {PRINCIPAL_PATHS: [PATHS]}}).to_string()));
        assert!(!is_of("{}"));
        assert!(!is_of(&json!({ANY_LIKE: {PRINCIPAL_PATHS: "o-exampleorgid/*"}}).to_string()));
    }
}
