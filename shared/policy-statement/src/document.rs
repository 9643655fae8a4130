//! A policy document in which one claim owns some statements and everything else is somebody else's.

use std::fmt;

use custom_resource::{Error, Result};
use serde_json::value::RawValue;

use crate::{Statement, json, orphans, principals};

/// A policy document. What is foreign in it (statements, `Version`, `Id`, unknown elements, duplicates, order) comes
/// out as it went in, to the byte, but for white space between tokens.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Name and value of each element as written, in their order. `Statement` has its value in `statements`.
    elements: Vec<(String, Option<String>)>,
    statements: Vec<Statement>,
    /// `"Statement": {..}` instead of `"Statement": [{..}]`.
    bare: bool,
}

impl Document {
    /// The document of a target that has no policy yet.
    #[must_use]
    pub fn empty() -> Self {
        let version = (r#""Version""#.to_owned(), Some(r#""2012-10-17""#.to_owned()));
        Self { elements: vec![version, no_statements()], statements: Vec::new(), bare: false }
    }

    /// Reads a policy, pretty-printed or not.
    ///
    /// # Errors
    /// Refused if it isn't a JSON object, if it has two elements `Statement` or if a statement isn't an object: what can't
    /// be read can't be kept either.
    pub fn parse(text: &str) -> Result<Self> {
        let unreadable = |what| Error::refused(format!("the policy that is there {what}, so it is left as it is"));
        let json: &RawValue = serde_json::from_str(text).map_err(|_| unreadable("isn't valid JSON"))?;
        let text = json::minified(json);
        let members = json::members(&text).ok_or_else(|| unreadable("isn't a JSON object"))?;

        let mut document = Self { elements: Vec::new(), statements: Vec::new(), bare: false };
        for (name, value) in members {
            let element = if json::string(name).as_deref() == Some("Statement") {
                if document.has_list() {
                    return Err(unreadable("has two elements Statement"));
                }
                let listed = json::items(value.get());
                document.bare = listed.is_none();
                let statements = listed.unwrap_or_else(|| vec![value]);
                let statements = statements.into_iter().map(|statement| Statement::parse(statement.get()));
                document.statements = statements
                    .collect::<Option<_>>()
                    .ok_or_else(|| unreadable("has a statement that isn't an object"))?;
                None
            } else {
                Some(value.get().to_owned())
            };
            document.elements.push((name.get().to_owned(), element));
        }
        Ok(document)
    }

    /// The minified policy, as it is to be sent. It must not reach a log.
    ///
    /// One statement that was written without a list stays so; once it has been in a list, it stays in one.
    #[must_use]
    pub fn to_text(&self) -> String {
        let element = |(name, value): &(String, Option<String>)| match value {
            Some(value) => format!("{name}:{value}"),
            None => format!("{name}:{}", self.statements_text()),
        };
        let elements: Vec<_> = self.elements.iter().map(element).collect();
        format!("{{{}}}", elements.join(","))
    }

    /// All statements in their order.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter()
    }

    /// The statements of the claim with this mark.
    pub fn own(&self, mark: &str) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |statement| statement.is_of(mark))
    }

    /// Everybody else's statements.
    pub fn foreign(&self, mark: &str) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |statement| !statement.is_of(mark))
    }

    /// Puts `wanted` in the place of the claim's statements; nothing wanted removes them. One whose `Sid` is there
    /// already takes that place, new ones go to the end.
    pub fn replace_own(&mut self, mark: &str, wanted: &[Statement]) {
        let mut wanted: Vec<_> = wanted.iter().collect();
        let mut kept = Vec::new();
        for present in self.statements.drain(..) {
            if !present.is_of(mark) {
                kept.push(present);
            } else if let Some(index) = wanted.iter().position(|statement| statement.sid() == present.sid()) {
                kept.push(wanted.remove(index).clone());
            }
        }
        kept.extend(wanted.into_iter().cloned());
        if !self.has_list() && !kept.is_empty() {
            self.elements.push(no_statements());
        }
        self.bare &= kept.len() == 1;
        self.statements = kept;
    }

    /// Whether the claim's statements are exactly these, in meaning, so that nothing has to be written.
    #[must_use]
    pub fn has_own(&self, mark: &str, wanted: &[Statement]) -> bool {
        self.own(mark).count() == wanted.len() && all_found(wanted.iter(), self.own(mark))
    }

    /// Whether all statements that are foreign in `before` are in this document as well, in meaning. There may be more.
    #[must_use]
    pub fn keeps_foreign(&self, before: &Self, mark: &str) -> bool {
        all_found(before.foreign(mark), self.foreign(mark))
    }

    /// Whether all statements that are in `other` and of none of the claims with these marks are in this document as well, in meaning. There
    /// may be more.
    pub(crate) fn keeps_others(&self, other: &Self, marks: &[String]) -> bool {
        let is_other = |statement: &&Statement| !marks.iter().any(|mark| statement.is_of(mark));
        all_found(other.statements().filter(is_other), self.statements().filter(is_other))
    }

    /// The document with ids of accounts in the place of the ARNs of their roots, as AWS shows what was put as an id.
    pub(crate) fn with_account_ids(&self) -> Self {
        let statements = self.statements.iter().map(principals::with_account_ids).collect();
        Self { statements, ..self.clone() }
    }

    /// The document without the deleted principals that everybody else's statements name.
    pub(crate) fn without_orphans(&self, mark: &str) -> Self {
        let statements = self.statements.iter().filter_map(|statement| {
            if statement.is_of(mark) { Some(statement.clone()) } else { orphans::without_orphans(statement) }
        });
        let statements: Vec<_> = statements.collect();
        Self { bare: self.bare && statements.len() == 1, statements, ..self.clone() }
    }

    /// Whether there are statements of the claim with that mark.
    pub(crate) fn has_any(&self, mark: &str) -> bool {
        self.own(mark).next().is_some()
    }

    /// Whether the claim's statements are as many as these, with the same Sids, whatever else they say.
    pub(crate) fn has_sids(&self, mark: &str, wanted: &[Statement]) -> bool {
        let mut present: Vec<_> = self.own(mark).map(Statement::sid).collect();
        let mut wanted: Vec<_> = wanted.iter().map(Statement::sid).collect();
        present.sort_unstable();
        wanted.sort_unstable();
        present == wanted
    }

    /// Whether policy variables mean anything in it: by the letter otherwise.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>
    pub(crate) fn knows_variables(&self) -> bool {
        let name = |(name, _): &&(String, _)| serde_json::from_str::<String>(name).is_ok_and(|name| name == "Version");
        let mut versions = self.elements.iter().filter(name).map(|(_, version)| version.as_deref()).peekable();
        versions.peek().is_some() && versions.all(|version| version == Some(r#""2012-10-17""#))
    }

    /// Sixteen hexadecimal digits that are the same for documents that mean the same, however they are written.
    pub(crate) fn fingerprint(&self) -> String {
        let elements = self.elements.iter().map(|(name, value)| format!("{name}:{value:?}"));
        let statements = self.statements.iter().map(|statement| format!("{:?}", statement.meaning()));
        sixteen_digits(&elements.chain(statements).collect::<Vec<_>>())
    }

    /// Whether there is no statement, so that the policy grants nothing and may be deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    fn has_list(&self) -> bool {
        self.elements.iter().any(|(_, value)| value.is_none())
    }

    fn statements_text(&self) -> String {
        let statements: Vec<_> = self.statements.iter().map(Statement::text).collect();
        let statements = statements.join(",");
        if self.bare { statements } else { format!("[{statements}]") }
    }
}

/// Sixteen hexadecimal digits that are the same for statements that mean the same, in whatever order.
pub(crate) fn digest_of<'a>(statements: impl Iterator<Item = &'a Statement>) -> String {
    let mut meanings: Vec<_> = statements.map(|statement| format!("{:?}", statement.meaning())).collect();
    meanings.sort_unstable();
    sixteen_digits(&meanings)
}

fn sixteen_digits(parts: &[String]) -> String {
    // A line feed after the last part as well.
    let lines = parts.iter().map(String::as_str).chain([""]);
    custom_resource::digest_of(lines).chars().take(16).collect()
}

fn no_statements() -> (String, Option<String>) {
    (r#""Statement""#.to_owned(), None)
}

/// Shows the Sids only: a statement's body must not reach a log.
impl fmt::Debug for Document {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Document").field("statements", &self.statements).finish_non_exhaustive()
    }
}

/// Whether each of `wanted` has its own counterpart in `present`. Most are there as they were written; what AWS writes in its
/// own way is compared by what it means, which takes longer.
fn all_found<'a>(wanted: impl Iterator<Item = &'a Statement>, present: impl Iterator<Item = &'a Statement>) -> bool {
    let mut present: Vec<_> = present.collect();
    let rewritten: Vec<_> = wanted.filter(|statement| !take(&mut present, statement)).collect();
    if rewritten.is_empty() {
        return true;
    }
    let mut present: Vec<_> = present.into_iter().map(Statement::meaning).collect();
    rewritten.into_iter().all(|statement| take(&mut present, &statement.meaning()))
}

/// Takes one that equals `wanted` out of `present`, if there is one.
fn take<T: PartialEq>(present: &mut Vec<T>, wanted: &T) -> bool {
    let index = present.iter().position(|candidate| candidate == wanted);
    index.map(|index| present.swap_remove(index)).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::StatementProperty;

    const MARK: &str = "0123456789";

    fn wanted(property: serde_json::Value) -> Vec<Statement> {
        StatementProperty::try_from(property).unwrap().signed("Grant", MARK)
    }

    fn document(text: &str) -> Document {
        Document::parse(text).unwrap()
    }

    #[test]
    fn what_is_foreign_survives_to_the_byte() {
        let policy = r#"{"Id":"a\u002fb","Version":"2008-10-17","Version":"2012-10-17","Statement":[{"Sid":"","N":1.0},{"Sid":"","N":1e5,"N":10000000000000000000000000001},{}],"Later":{"a":[],"a":null}}"#;
        let mut document = document(policy);
        assert_eq!(document.to_text(), policy);
        document.replace_own(MARK, &wanted(json!({"Effect": "Allow"})));
        let grown = policy.replace(",{}]", r#",{},{"Sid":"Grant0123456789","Effect":"Allow"}]"#);
        assert_eq!(document.to_text(), grown);
        document.replace_own(MARK, &[]);
        assert_eq!(document.to_text(), policy);
    }

    #[test]
    fn a_pretty_printed_policy_is_read_without_its_white_space() {
        let pretty = "{\n  \"Version\" : \"2008-10-17\",\n  \"Statement\" : [ {\n    \"Sid\" : \"a b\"\n  } ]\n}";
        assert_eq!(document(pretty).to_text(), r#"{"Version":"2008-10-17","Statement":[{"Sid":"a b"}]}"#);
    }

    #[test]
    fn a_lone_statement_stays_without_a_list_until_ours_joins_it() {
        let mut document = document(r#"{"Statement":{"Sid":"Theirs"}}"#);
        assert_eq!(document.to_text(), r#"{"Statement":{"Sid":"Theirs"}}"#);
        document.replace_own(MARK, &wanted(json!({"Effect": "Deny"})));
        assert_eq!(document.to_text(), r#"{"Statement":[{"Sid":"Theirs"},{"Sid":"Grant0123456789","Effect":"Deny"}]}"#);
        document.replace_own(MARK, &[]);
        assert_eq!(document.to_text(), r#"{"Statement":[{"Sid":"Theirs"}]}"#);
    }

    #[test]
    fn a_new_policy_has_a_version_and_an_existing_one_without_stays_without() {
        let ours = wanted(json!({"Effect": "Deny"}));
        let mut new = Document::empty();
        new.replace_own(MARK, &ours);
        let text = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Grant0123456789","Effect":"Deny"}]}"#;
        assert_eq!(new.to_text(), text);
        let mut old = document("{}");
        old.replace_own(MARK, &ours);
        assert_eq!(old.to_text(), r#"{"Statement":[{"Sid":"Grant0123456789","Effect":"Deny"}]}"#);
        old.replace_own(MARK, &[]);
        assert_eq!(old.to_text(), r#"{"Statement":[]}"#);
        assert!(old.is_empty());
    }

    #[test]
    fn an_update_keeps_places_and_puts_new_statements_last() {
        let policy = r#"{"Statement":[{"Sid":"A0123456789"},{"Sid":"X"},{"Sid":"B0123456789"},{"Sid":"C0123456789"},{"Sid":"Y"}]}"#;
        let mut document = document(policy);
        document.replace_own(MARK, &wanted(json!([{"Sid": "D"}, {"Sid": "C", "N": "1"}, {"Sid": "A"}])));
        let sids: Vec<_> = document.statements.iter().filter_map(Statement::sid).collect();
        assert_eq!(sids, ["A0123456789", "X", "C0123456789", "Y", "D0123456789"]);
        assert!(document.has_own(MARK, &wanted(json!([{"Sid": "A"}, {"Sid": "C", "N": "1"}, {"Sid": "D"}]))));
    }

    #[test]
    fn nothing_needs_writing_only_if_ours_are_there_exactly_once() {
        let ours = wanted(json!({"Sid": "A", "Effect": "Allow", "Action": ["ecr:*"]}));
        let there = r#"{"Effect":"Allow","Sid":"A0123456789","Action":"ecr:*"}"#;
        assert!(document(&format!(r#"{{"Statement":{there}}}"#)).has_own(MARK, &ours));
        for policy in [
            "{}".to_owned(),
            format!(r#"{{"Statement":[{there},{there}]}}"#),
            format!(r#"{{"Statement":[{there},{{"Sid":"B0123456789"}}]}}"#),
            format!(r#"{{"Statement":{}}}"#, there.replace("Allow", "Deny")),
            format!(r#"{{"Statement":{}}}"#, there.replace('A', "B")),
        ] {
            assert!(!document(&policy).has_own(MARK, &ours), "{policy}");
        }
        assert!(document("{}").has_own(MARK, &[]));
    }

    #[test]
    fn a_foreign_statement_that_is_gone_or_changed_is_noticed() {
        let before = document(r#"{"Statement":[{"Action":"a:b"},{"Action":"a:b"},{"Sid":"A0123456789"}]}"#);
        let twice_and_more = document(r#"{"Statement":[{"N":1},{"Action":["a:b"]},{"Action":"a:b"}]}"#);
        assert!(twice_and_more.keeps_foreign(&before, MARK));
        for lost in [r#"[{"Action":"a:b"},{"N":1}]"#, r#"[{"Action":"a:b"},{"Sid":"X","Action":"a:b"}]"#, "[]"] {
            assert!(!document(&format!(r#"{{"Statement":{lost}}}"#)).keeps_foreign(&before, MARK), "{lost}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_meaning() {
        let fingerprint = |text: &str| document(text).fingerprint();
        let written = fingerprint(r#"{"Statement":[{"Sid":"A","Action":"a:b","Principal":{"AWS":"111111111111"}}]}"#);
        let read_back =
            r#"{"Statement":{"Principal":{"AWS":["arn:aws:iam::111111111111:root"]},"Sid":"A","Action":["a:b"]}}"#;
        assert_eq!(fingerprint(read_back), written);
        for other in [
            r#"{"Statement":[]}"#.to_owned(),
            read_back.replace("\"A\"", "\"B\""),
            read_back.replace("a:b", "a:c"),
            read_back.replace("{\"Statement\"", "{\"Version\":\"2012-10-17\",\"Statement\""),
        ] {
            assert_ne!(fingerprint(&other), written, "{other}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (text, why) in [
            ("", "isn't valid JSON"),
            (r#"{"Statement":[]"#, "isn't valid JSON"),
            (r#"{"Statement":[]} {}"#, "isn't valid JSON"),
            ("[]", "isn't a JSON object"),
            ("null", "isn't a JSON object"),
            (r#"{"Statement":[{},"x"]}"#, "isn't an object"),
            (r#"{"Statement":null}"#, "isn't an object"),
            (r#"{"Statement":[],"\u0053tatement":[]}"#, "two elements Statement"),
        ] {
            let refusal = Document::parse(text).unwrap_err().to_string();
            assert!(refusal.contains(why), "{text}: {refusal}");
        }
    }

    #[test]
    fn no_body_is_shown_by_debug() {
        assert!(
            !format!("{:?}", document(r#"{"Id":"secret","Statement":[{"Principal":"secret"}]}"#)).contains("secret")
        );
    }
}
