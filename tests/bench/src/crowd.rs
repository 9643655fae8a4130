//! Many statements that are created at once in one policy.

use std::time::Duration;

use serde_json::{Value, json};

/// What it took until all were there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) claims: usize,
    /// From the first event to the last answer.
    pub(crate) time: Duration,
    /// Of AWS, by all.
    pub(crate) calls: usize,
    /// Write units of `DynamoDB`, of all.
    pub(crate) units: usize,
}

impl Crowd {
    /// How many at once are looked at: up to what the policy takes.
    pub(crate) fn sizes(function: &str) -> &'static [usize] {
        match function {
            "ecr-policy-statement" => &[1, 5, 20, 45],
            "kms-policy-statement" => &[1, 5, 20, 50, 150],
            _ => &[],
        }
    }

    /// The Create of the nth claim: that of `event`, for another resource and another account, with one action.
    pub(crate) fn event(event: &Value, nth: usize) -> Value {
        let mut event = event.clone();
        event["LogicalResourceId"] = json!(format!("Of{nth}"));
        event["RequestId"] = json!(format!("5a7e0000-0000-4000-8000-{nth:012}"));
        let statement = &mut event["ResourceProperties"]["Statement"];
        statement["Principal"]["AWS"] = json!(format!("{:012}", 222_222_222_222_u64 + nth as u64));
        statement["Action"] = statement["Action"][0].take();
        event
    }

    pub(crate) fn calls_each(&self) -> f64 {
        each(self.calls, self.claims)
    }

    pub(crate) fn units_each(&self) -> f64 {
        each(self.units, self.claims)
    }
}

fn each(all: usize, of: usize) -> f64 {
    let number = |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(all) / number(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_claim_of_a_crowd_is_another_one() {
        let event = json!({
            "LogicalResourceId": "Pull",
            "ResourceProperties": { "Statement": { "Action": ["kms:Decrypt", "kms:Encrypt"], "Principal": {} } },
        });
        let [one, other] = [0, 1].map(|nth| Crowd::event(&event, nth));
        assert_ne!(one["LogicalResourceId"], other["LogicalResourceId"]);
        assert_eq!(other["ResourceProperties"]["Statement"]["Action"], "kms:Decrypt");
        assert_eq!(other["ResourceProperties"]["Statement"]["Principal"]["AWS"], "222222222223");
    }

    #[test]
    fn what_all_took_is_shared_by_all() {
        let crowd = Crowd { claims: 4, time: Duration::ZERO, calls: 10, units: 2 };
        assert!((crowd.calls_each() - 2.5).abs() < f64::EPSILON);
        assert!((crowd.units_each() - 0.5).abs() < f64::EPSILON);
    }
}
