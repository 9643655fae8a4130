//! What a policy must have, by what CloudFormation was told and by what a stranger did.

use std::collections::BTreeMap;

use serde_json::Value;

/// What must be in the policy.
pub(super) struct Expected {
    /// By the marks of claims.
    claims: BTreeMap<String, Expectation>,
    /// The statements that aren't of claims, as they are written.
    foreign: Vec<String>,
    wrong: Vec<String>,
}

/// What must be there of one claim.
struct Expectation {
    name: String,
    /// One of these.
    allowed: Vec<Vec<Value>>,
    /// What a stranger has made of what since a request for it began; none while there is no request.
    disturbed: Option<Vec<[Vec<Value>; 2]>>,
}

impl Expected {
    pub(super) fn beside(foreign: &str) -> Self {
        let foreign = statements(Some(foreign)).iter().map(Value::to_string).collect();
        Self { claims: BTreeMap::new(), foreign, wrong: Vec::new() }
    }

    /// A request for the claim with that mark begins.
    pub(super) fn begins(&mut self, mark: &str, name: &str) {
        let expectation = self.claims.entry(mark.to_owned()).or_insert_with(|| Expectation {
            name: name.to_owned(),
            allowed: Vec::new(),
            disturbed: None,
        });
        expectation.disturbed.get_or_insert_default();
    }

    /// The claim is at rest, and is to have these statements. What a stranger has taken out after it was written, and before that was said, may
    /// be there or not.
    pub(super) fn ends(&mut self, mark: &str, claimed: Vec<Value>) {
        let expectation = self.claims.get_mut(mark).unwrap();
        let mut allowed = vec![claimed];
        for [before, after] in expectation.disturbed.take().unwrap_or_default() {
            if allowed.contains(&before) {
                allowed.push(after);
            }
        }
        expectation.allowed = allowed;
    }

    /// A stranger has replaced the policy.
    pub(super) fn strange(&mut self, before: Option<&str>, after: Option<&str>) {
        self.wrong.extend(self.wrong_of_others(before));
        for (mark, expectation) in &mut self.claims {
            let [before, after] = [of(mark, before), of(mark, after)];
            match &mut expectation.disturbed {
                Some(disturbed) => disturbed.push([before, after]),
                None if before == after => {}
                None => expectation.allowed = vec![after],
            }
        }
        self.foreign = self.of_others(after);
    }

    /// Everything that is wrong.
    pub(super) fn wrong(&self, policy: Option<&str>) -> Vec<String> {
        let mut wrong = self.wrong.clone();
        wrong.extend(self.wrong_of_others(policy));
        for (mark, expectation) in &self.claims {
            let (is, name) = (of(mark, policy), &expectation.name);
            if !expectation.allowed.contains(&is) {
                wrong.push(format!("{name} {mark} is {is:?} and not one of {:?}", expectation.allowed));
            }
        }
        wrong
    }

    fn wrong_of_others(&self, policy: Option<&str>) -> Option<String> {
        let is = self.of_others(policy);
        (is != self.foreign).then(|| format!("what others have is {is:?} and not {:?}", self.foreign))
    }

    /// The statements that are of no claim.
    fn of_others(&self, policy: Option<&str>) -> Vec<String> {
        let is_ours = |statement: &Value| self.claims.keys().any(|mark| is_of(statement, mark));
        statements(policy).iter().filter(|statement| !is_ours(statement)).map(Value::to_string).collect()
    }
}

/// The statements with a mark, in the order of their names.
pub(super) fn of(mark: &str, policy: Option<&str>) -> Vec<Value> {
    let mut own: Vec<_> = statements(policy).into_iter().filter(|statement| is_of(statement, mark)).collect();
    own.sort_by_key(|statement| statement["Sid"].to_string());
    own
}

pub(super) fn statements(policy: Option<&str>) -> Vec<Value> {
    let policy: Value = policy.map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    policy["Statement"].as_array().cloned().unwrap_or_default()
}

fn is_of(statement: &Value, mark: &str) -> bool {
    statement["Sid"].as_str().is_some_and(|sid| sid.contains(mark))
}
