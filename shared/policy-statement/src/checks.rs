//! What a statement must be before AWS is called, since AWS's refusals rarely say which part of it was wrong.
//!
//! Sentences name elements, actions and the path of the property, never what a principal, a resource or a condition is.

mod alias;
mod condition;
mod principal;
mod refusal;
mod variable;

use custom_resource::{Result, mangled};
use serde_json::{Map, Value};

pub(crate) use variable::with_variable;

use crate::StatementProperty;
use refusal::{refused, refused_key, strings};

const ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// What one kind of policy takes.
///
/// ```
/// use policy_statement::{Resources, Rules};
///
/// const ECR: Rules = Rules {
///     policy: "an ECR repository policy",
///     services: &["ecr"],
///     every_action: true,
///     refused: &[("ecr:GetAuthorizationToken", "allow it in the caller's own IAM policy, on Resource `*`")],
///     principals: true,
///     canonical_users: false,
///     resources: Resources::None,
/// };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The policy as it reads in a sentence: `an ECR repository policy`.
    pub policy: &'static str,
    /// The prefixes of its actions, before the colon. None listed: actions of every service.
    pub services: &'static [&'static str],
    /// Whether the action `*` is taken.
    pub every_action: bool,
    /// Actions of these services that the policy doesn't take, and what to do instead.
    pub refused: &'static [(&'static str, &'static str)],
    /// Whether a statement names principals (it must) or not (it mustn't).
    pub principals: bool,
    /// Whether principals may be canonical users.
    pub canonical_users: bool,
    /// What a statement says of resources.
    pub resources: Resources,
}

/// What a statement says of resources.
#[derive(Clone, Copy, Debug)]
pub enum Resources {
    /// Nothing: the policy belongs to the one resource there is.
    None,
    /// `*`: the one resource the policy belongs to.
    Star,
    /// `*` or ARNs of that service.
    Of(&'static str),
    /// `*` or ARNs of any service.
    Any,
}

impl Rules {
    /// Checks every statement by the grammar and by these rules.
    ///
    /// # Errors
    /// Refused with the path of the first element that the policy wouldn't take or that would be without effect, and of a
    /// statement that allows everyone without a Condition unless `allow_public`.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>
    pub fn check(&self, property: &StatementProperty, allow_public: bool) -> Result<()> {
        property.by_path().try_for_each(|(path, statement)| self.check_statement(&path, statement, allow_public))
    }

    fn check_statement(&self, path: &str, statement: &Map<String, Value>, allow_public: bool) -> Result<()> {
        if statement.contains_key("Statement") {
            return refused(path, "is a whole policy; give its statements");
        }
        if let Some(unknown) = statement.keys().find(|name| !ELEMENTS.contains(&name.as_str())) {
            return refused_key(path, unknown, "element", &ELEMENTS);
        }
        check_sid(path, statement)?;
        match statement.get("Effect").map(Value::as_str) {
            Some(Some("Allow" | "Deny")) => {}
            Some(_) => return refused(&format!("{path}.Effect"), "must be `Allow` or `Deny`"),
            None => return refused(path, "has no Effect; it must be `Allow` or `Deny`"),
        }
        let (name, actions) = one_of(path, statement, ["Action", "NotAction"])?;
        for (path, action) in strings(&format!("{path}.{name}"), actions)? {
            self.check_action(&path, action)?;
        }
        self.check_resources(path, statement)?;
        if self.principals {
            let (name, principal) = one_of(path, statement, ["Principal", "NotPrincipal"])?;
            principal::check(&format!("{path}.{name}"), principal, self.canonical_users)?;
        } else {
            none_of(path, statement, ["Principal", "NotPrincipal"], self.policy)?;
        }
        if let Some(condition) = statement.get("Condition") {
            condition::check(&format!("{path}.Condition"), condition)?;
        }
        if !allow_public && is_public(statement) {
            let says_something =
                |condition: &Value| condition.as_object().is_some_and(|operators| !operators.is_empty());
            let sentence = if statement.get("Condition").is_some_and(says_something) {
                "allows everyone, since everyone passes its Condition; say who is meant, such as by StringEquals on \
                 aws:PrincipalOrgID, or set AllowPublic to true if everyone is meant"
            } else {
                "allows everyone without a Condition; add one, or set AllowPublic to true if everyone is meant"
            };
            return refused(path, sentence);
        }
        Ok(())
    }

    fn check_action(&self, path: &str, action: &str) -> Result<()> {
        if action == "*" {
            let sentence = format!("{} doesn't take the action `*`; name the actions", self.policy);
            return if self.every_action { Ok(()) } else { refused(path, &sentence) };
        }
        let Some((service, name)) = action.split_once(':').filter(|(service, name)| {
            let letters = |text: &str, more: &[u8]| {
                !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
            };
            letters(service, b"-") && letters(name, b"*?")
        }) else {
            return refused(path, "must be an action, such as `s3:GetObject`, or several, such as `s3:Get*`");
        };
        if !self.services.is_empty() && !self.services.iter().any(|known| known.eq_ignore_ascii_case(service)) {
            let known = self.services.join("` or `");
            return refused(path, &format!("`{service}:{name}`: {} takes only actions of `{known}`", self.policy));
        }
        match self.refused.iter().find(|(refused, _)| refused.eq_ignore_ascii_case(action)) {
            Some((_, instead)) => refused(path, &format!("`{action}` has no place in {}; {instead}", self.policy)),
            None => Ok(()),
        }
    }

    fn check_resources(&self, path: &str, statement: &Map<String, Value>) -> Result<()> {
        let service = match self.resources {
            Resources::None => return none_of(path, statement, ["Resource", "NotResource"], self.policy),
            Resources::Star => {
                let star = [Value::from("*"), Value::from(vec!["*"])];
                let is_star = statement.get("Resource").is_some_and(|resource| star.contains(resource));
                let sentence = format!("must have Resource `*` and no NotResource in {}", self.policy);
                return if is_star && !statement.contains_key("NotResource") {
                    Ok(())
                } else {
                    refused(path, &sentence)
                };
            }
            Resources::Of(service) => Some(service),
            Resources::Any => None,
        };
        let (name, resources) = one_of(path, statement, ["Resource", "NotResource"])?;
        for (path, resource) in strings(&format!("{path}.{name}"), resources)? {
            let parts: Vec<_> = resource.splitn(6, ':').collect();
            let fits = match (resource, service, parts.as_slice()) {
                ("*", _, _) | (_, None, ["arn", _, _, _, _, _]) => true,
                (_, Some(service), ["arn", _, named, _, _, _]) => service == *named,
                _ => false,
            };
            // An ARN may have a policy variable in it.
            if let Some(why) = mangled(resource).filter(|_| !fits || !resource.contains("${")) {
                return refused(&path, why);
            }
            if !fits {
                let of = service.map(|service| format!(" of `{service}`")).unwrap_or_default();
                return refused(&path, &format!("must be `*` or an ARN{of}"));
            }
            let actions = statement.get("Action").filter(|_| name == "Resource");
            if alias::is_alias(resource) && actions.is_some_and(|actions| !alias::may_be_meant(actions)) {
                let sentence = "is an alias, which stands for itself and not for its key, so it is without effect; \
                                write the key's ARN, or `key/*` with a Condition on kms:ResourceAliases";
                return refused(&path, sentence);
            }
        }
        Ok(())
    }
}

/// Any text will do, as in AWS's own samples ("Allow use of the key"): ours is made of its letters and digits.
fn check_sid(path: &str, statement: &Map<String, Value>) -> Result<()> {
    match statement.get("Sid").map(Value::as_str) {
        None | Some(Some(_)) => Ok(()),
        Some(None) => refused(&format!("{path}.Sid"), "must be a string"),
    }
}

/// Everyone who isn't named is still everyone, so an Allow with `NotPrincipal` counts as well.
fn is_public(statement: &Map<String, Value>) -> bool {
    let allows = statement.get("Effect").is_some_and(|effect| effect == "Allow");
    let limited = statement.get("Condition").is_some_and(condition::limits);
    let everyone =
        statement.contains_key("NotPrincipal") || statement.get("Principal").is_some_and(principal::is_everyone);
    allows && everyone && !limited
}

/// The one of two elements that is there, with its name. Refused if there are both or none.
fn one_of<'a>(
    path: &str,
    statement: &'a Map<String, Value>,
    names: [&'static str; 2],
) -> Result<(&'static str, &'a Value)> {
    match names.map(|name| statement.get(name)) {
        [Some(value), None] => Ok((names[0], value)),
        [None, Some(value)] => Ok((names[1], value)),
        [None, None] => refused(path, &format!("has no {}", names[0])),
        [Some(_), Some(_)] => refused(path, &format!("has both {} and {}; it may have one", names[0], names[1])),
    }
}

fn none_of(path: &str, statement: &Map<String, Value>, names: [&str; 2], policy: &str) -> Result<()> {
    match names.into_iter().find(|name| statement.contains_key(*name)) {
        Some(name) => refused(&format!("{path}.{name}"), &format!("{policy} takes no {name}; leave it out")),
        None => Ok(()),
    }
}
