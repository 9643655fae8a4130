//! One statement: whose it is, and how one of ours is signed.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{equivalent, json};

/// Long enough to stay readable. AWS documents no limit, but every character counts against the policy's.
const SID_NAME_MAX: usize = 51;

/// One statement, as minified JSON text, so that a foreign one stays what it was to the byte.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    text: String,
    sid: Option<String>,
}

impl Statement {
    /// `None` unless the minified text is an object.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let members = json::members(text)?;
        let mut sids = members.iter().filter(|(name, _)| json::string(name).as_deref() == Some("Sid"));
        let sid = match (sids.next(), sids.next()) {
            (Some((_, sid)), None) => json::string(sid),
            // Of two Sids nobody can say which one counts, so such a statement is nobody's, thus foreign.
            _ => None,
        };
        Some(Self { text: text.to_owned(), sid })
    }

    /// The minified JSON text. It must not reach a log.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The `Sid`, if the statement has exactly one.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Whether it allows something to those whom it names, and denies nothing to anybody.
    pub(crate) fn allows(&self) -> bool {
        let members: Option<Map<String, Value>> = serde_json::from_str(&self.text).ok();
        members.is_some_and(|members| {
            members.get("Effect").is_some_and(|effect| effect == "Allow") && !members.contains_key("NotPrincipal")
        })
    }

    /// What it is called in a sentence.
    pub(crate) fn called(&self) -> String {
        let sid = self.sid().filter(|sid| !sid.is_empty());
        sid.map_or_else(|| "a statement without a Sid".to_owned(), |sid| format!("`{sid}`"))
    }

    /// Whether the claim with this mark (10 lower-case hexadecimal digits) put the statement there.
    #[must_use]
    pub fn is_of(&self, mark: &str) -> bool {
        self.sid().is_some_and(|sid| ends_in_mark(sid, mark))
    }

    /// Whether its `Sid` ends in something that looks like the mark of a claim.
    pub(crate) fn is_marked(&self) -> bool {
        let Some(sid) = self.sid() else { return false };
        (0..=3).filter_map(|length| sid.get(..sid.len().checked_sub(length)?)).any(|signed| {
            let mark = signed.len().checked_sub(10).and_then(|start| signed.get(start..));
            mark.is_some_and(|mark| {
                mark.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) && ends_in_mark(sid, mark)
            })
        })
    }

    /// What it grants, however it is written, and its `Sid`: equal for statements that needn't be told apart.
    pub(crate) fn meaning(&self) -> (Option<&str>, String) {
        (self.sid(), equivalent::meaning(&self.text))
    }
}

/// Shows the `Sid` only: a statement's body must not reach a log.
impl fmt::Debug for Statement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Statement").field("sid", &self.sid).finish_non_exhaustive()
    }
}

/// `<name><mark>` or `<name><mark>n` with n = 2 to 999. The mark may itself end in digits, so every length of n is tried.
/// A longer n isn't ours: the digits could be a whole mark of another claim, behind a name that copies our Sid. What is
/// left is a mark that equals the end of another's counted one, which is as rare as two claims with the same mark.
fn ends_in_mark(sid: &str, mark: &str) -> bool {
    let digits = sid.bytes().rev().take(3).take_while(u8::is_ascii_digit).count();
    (0..=digits).any(|length| {
        let (signed, n) = sid.split_at(sid.len() - length);
        let counted = n.is_empty() || (n != "1" && !n.starts_with('0'));
        counted && signed.ends_with(mark)
    })
}

/// The property `Statement`: one statement or a list of them, as IAM writes them.
///
/// Fails to deserialize, with a phrase that follows the property's path, if it is neither or the list is empty.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct StatementProperty {
    statements: Vec<Map<String, Value>>,
    listed: bool,
}

impl StatementProperty {
    /// The statements as this claim puts them into a policy: the end of each `Sid` is the claim's mark (10 lower-case
    /// hexadecimal digits), its start are the letters and digits of the template's `Sid` or else of the logical id.
    #[must_use]
    pub fn signed(&self, logical_id: &str, mark: &str) -> Vec<Statement> {
        let mut taken = HashSet::new();
        let sign = |statement: &Map<String, Value>| {
            let name = |text: &str| -> String {
                text.chars().filter(char::is_ascii_alphanumeric).take(SID_NAME_MAX).collect()
            };
            let named = statement.get("Sid").and_then(Value::as_str).map(name).filter(|name| !name.is_empty());
            let name = named.unwrap_or_else(|| name(logical_id));
            let mut sid = format!("{name}{mark}");
            let mut n = 1;
            while !taken.insert(sid.clone()) {
                n += 1;
                sid = format!("{name}{mark}{n}");
            }
            let mut signed = statement.clone();
            leave_out_nothing(&mut signed);
            if signed.contains_key("Sid") {
                signed.insert("Sid".to_owned(), Value::String(sid.clone()));
            } else {
                signed.shift_insert(0, "Sid".to_owned(), Value::String(sid.clone()));
            }
            Statement { text: Value::Object(signed).to_string(), sid: Some(sid) }
        };
        self.statements.iter().map(sign).collect()
    }

    /// Statements that were signed.
    pub(crate) fn of(statements: &[Statement]) -> Option<Self> {
        let statements = statements.iter().map(|statement| serde_json::from_str(statement.text()).ok());
        Some(Self { statements: statements.collect::<Option<_>>()?, listed: true })
    }

    /// The same with other statements in the places of these.
    pub(crate) fn with_each(&self, other: impl Fn(&Map<String, Value>) -> Map<String, Value>) -> Self {
        Self { statements: self.statements.iter().map(other).collect(), ..self.clone() }
    }

    /// The statements with the path of each, such as `ResourceProperties.Statement[1]`.
    pub(crate) fn by_path(&self) -> impl Iterator<Item = (String, &Map<String, Value>)> {
        self.statements.iter().enumerate().map(|(index, statement)| {
            let index = if self.listed { format!("[{index}]") } else { String::new() };
            (format!("ResourceProperties.Statement{index}"), statement)
        })
    }
}

/// Takes out of a Condition what says nothing, and a Condition that says nothing: AWS may leave it out of what it shows.
fn leave_out_nothing(statement: &mut Map<String, Value>) {
    let Some(Value::Object(operators)) = statement.get_mut("Condition") else { return };
    operators.retain(|_, keys| keys.as_object().is_none_or(|keys| !keys.is_empty()));
    if operators.is_empty() {
        statement.shift_remove("Condition");
    }
}

/// Shows how many there are only: a statement's body must not reach a log.
impl fmt::Debug for StatementProperty {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "StatementProperty({} statements)", self.statements.len())
    }
}

impl TryFrom<Value> for StatementProperty {
    type Error = String;

    fn try_from(property: Value) -> Result<Self, Self::Error> {
        let (statements, listed) = match property {
            Value::Array(list) if list.is_empty() => return Err("must hold at least one statement".to_owned()),
            Value::Array(list) if list.len() > 999 => return Err("must hold at most 999 statements".to_owned()),
            Value::Array(list) => (list, true),
            Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
                return Err("is JSON in a string; give the statement itself".to_owned());
            }
            one => (vec![one], false),
        };
        let objects = statements.into_iter().enumerate().map(|(index, statement)| match statement {
            Value::Object(statement) => Ok(statement),
            _ if listed => Err(format!("[{index}]: must be a statement (an object with Effect, Action, ...)")),
            _ => Err("must be a statement (an object with Effect, Action, ...) or a list of statements".to_owned()),
        });
        Ok(Self { statements: objects.collect::<Result<_, _>>()?, listed })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sids(property: Value, logical_id: &str, mark: &str) -> Vec<String> {
        let signed = StatementProperty::try_from(property).unwrap().signed(logical_id, mark);
        signed.iter().map(|statement| statement.sid().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_mark_is_the_end_of_the_sid_and_may_be_counted() {
        for ours in ["Pull0123456789", "0123456789", "Pull01234567892", "Pull012345678910", "Pull0123456789999"] {
            assert!(ends_in_mark(ours, "0123456789"), "{ours}");
        }
        for foreign in [
            "",
            "Pull",
            "Pull012345678",
            "Pull01234567891",
            "Pull012345678902",
            "Pull0123456789a",
            "Pull01234567891000",
            "PullA123456789",
            "0123456789é2",
            "é",
        ] {
            assert!(!ends_in_mark(foreign, "0123456789"), "{foreign}");
        }
    }

    #[test]
    fn a_sid_looks_marked_with_ten_digits_at_its_end_and_perhaps_a_number() {
        let is_marked = |sid: &str| Statement::parse(&format!(r#"{{"Sid":"{sid}"}}"#)).unwrap().is_marked();
        for marked in ["Pull0123456789", "abcdefabcd", "Pullabcdefabcd2", "Pullabcdefabcd999"] {
            assert!(is_marked(marked), "{marked}");
        }
        for other in ["", "Pull", "Pull-012345678", "PullABCDEFABCD", "Pullabcdefabcg1", "abcdefab1", "éabcdefabc"] {
            assert!(!is_marked(other), "{other}");
        }
    }

    #[test]
    fn a_copied_sid_in_front_of_an_all_digit_mark_stays_the_copiers() {
        let copied = format!("Pull{}{}", "a1b2c3d4e5", "9876543210");
        assert!(ends_in_mark(&copied, "9876543210"));
        assert!(!ends_in_mark(&copied, "a1b2c3d4e5"));
    }

    #[test]
    fn of_two_sids_in_one_statement_none_is_ours() {
        let twice = Statement::parse(r#"{"Sid":"Aabcdefabcd","Sid":"Aabcdefabcd"}"#).unwrap();
        assert!(!twice.is_of("abcdefabcd"));
        assert!(Statement::parse(r#"{"\u0053id":"\u0041abcdefabcd"}"#).unwrap().is_of("abcdefabcd"));
    }

    #[test]
    fn statements_that_would_share_a_sid_are_counted() {
        let list = json!([{"Effect": "Allow"}, {"Sid": "Pull", "Effect": "Allow"}, {"Sid": ""}, {"Sid": "Pull"}]);
        let expected = ["Grantabcdefabcd", "Pullabcdefabcd", "Grantabcdefabcd2", "Pullabcdefabcd2"];
        assert_eq!(sids(list, "Grant", "abcdefabcd"), expected);
        // With this mark the name A2 and the second A look alike.
        let alike = json!([{"Sid": "A"}, {"Sid": "A"}, {"Sid": "A2"}]);
        assert_eq!(sids(alike, "X", "2222222222"), ["A2222222222", "A22222222222", "A222222222222"]);
    }

    #[test]
    fn a_sid_keeps_letters_and_digits_and_is_cut_to_fit() {
        assert_eq!(sids(json!({"Sid": "Pull the image, é!"}), "X", "abcdefabcd"), ["Pulltheimageabcdefabcd"]);
        assert_eq!(sids(json!({"Sid": "- é -"}), "X", "abcdefabcd"), ["Xabcdefabcd"]);
        let long = sids(json!([{}, {}]), &"Long".repeat(60), "abcdefabcd");
        assert_eq!((long[0].len(), long[1].len()), (61, 62));
        assert!(long.iter().all(|sid| ends_in_mark(sid, "abcdefabcd")));
    }

    #[test]
    fn the_sid_takes_the_templates_place_or_else_the_first() {
        let list = json!([{"Effect": "Allow"}, {"Effect": "Allow", "Sid": "A", "Action": "ecr:*"}]);
        let signed = StatementProperty::try_from(list).unwrap().signed("X", "abcdefabcd");
        assert_eq!(signed[0].text(), r#"{"Sid":"Xabcdefabcd","Effect":"Allow"}"#);
        assert_eq!(signed[1].text(), r#"{"Effect":"Allow","Sid":"Aabcdefabcd","Action":"ecr:*"}"#);
    }

    #[test]
    fn what_is_no_statement_is_refused() {
        for (property, sentence) in [
            (json!([]), "must hold at least one statement"),
            (json!("Allow"), "must be a statement"),
            (json!(" {\"Effect\":\"Allow\"}"), "is JSON in a string; give the statement itself"),
            (json!([{"Effect": "Allow"}, "Allow"]), "[1]: must be a statement"),
            (json!([[{"Effect": "Allow"}]]), "[0]: must be a statement"),
        ] {
            assert!(StatementProperty::try_from(property).unwrap_err().starts_with(sentence));
        }
    }

    #[test]
    fn no_body_is_shown_by_debug() {
        let property = StatementProperty::try_from(json!({"Principal": "secret"})).unwrap();
        assert!(!format!("{property:?}{:?}", property.signed("X", "abcdefabcd")).contains("secret"));
    }
}
