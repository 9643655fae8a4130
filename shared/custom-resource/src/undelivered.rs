//! Answers that could not be delivered, on their way to a [`FallbackResponder`](crate::FallbackResponder): they are in the error that ends the
//! invocation, and Lambda puts that into its record of the failure.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>

use std::fmt;

use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};

use crate::Response;

/// The type of the error that carries them.
pub const ANSWER_UNDELIVERED: &str = "AnswerUndelivered";

/// The answers of one invocation, each without the URL that it is for. None of them is secret.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Undelivered {
    answers: Vec<Response>,
}

impl Undelivered {
    /// Those that are, if any is.
    pub(crate) fn of(answers: Vec<Response>) -> Result<(), Self> {
        if answers.is_empty() { Ok(()) } else { Err(Self { answers }) }
    }
}

impl fmt::Debug for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers could not be delivered", self.answers.len())
    }
}

impl From<Undelivered> for Diagnostic {
    fn from(undelivered: Undelivered) -> Self {
        // Strings and maps with string keys always serialise.
        let error_message = serde_json::to_string(&undelivered).unwrap_or_default();
        Self { error_type: ANSWER_UNDELIVERED.to_owned(), error_message }
    }
}

/// The answers in an error of that type and message; none in any other error.
#[must_use]
pub fn undelivered(error_type: &str, message: &str) -> Vec<Response> {
    if error_type != ANSWER_UNDELIVERED {
        return Vec::new();
    }
    let answers = serde_json::from_str(message).map_or_else(|_| Vec::new(), |Undelivered { answers }| answers);
    answers.into_iter().filter(Response::is_sound).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::{Envelope, Known};

    fn success(data: Value) -> Response {
        let Value::Object(data) = data else { panic!("no object") };
        Response::success(&Envelope::example(), "ou-1", data, false)
    }

    fn carried(answers: Vec<Response>) -> Vec<Response> {
        let diagnostic = Diagnostic::from(Undelivered::of(answers).unwrap_err());
        undelivered(&diagnostic.error_type, &diagnostic.error_message)
    }

    #[test]
    fn an_answer_comes_out_as_it_went_in() {
        let answers = [
            success(json!({"Arn": "arn", "Nested": {"A": ["b"]}})),
            success(json!({})),
            Response::failed(&Envelope::example(), Known::Nothing, "no"),
        ];
        assert_eq!(carried(answers.to_vec()), answers);
        assert!(Undelivered::of(Vec::new()).is_ok());
    }

    #[test]
    fn what_is_no_answer_is_left_out_and_its_neighbours_are_not() {
        let long = Response::success(&Envelope::example(), "ou-1", Map::new(), false);
        let text = serde_json::to_value(Undelivered { answers: vec![long] }).unwrap();
        let with = |pointer: &str, value: Value| {
            let mut text = text.clone();
            *text.pointer_mut(pointer).unwrap() = value;
            undelivered(ANSWER_UNDELIVERED, &text.to_string()).len()
        };
        assert_eq!(with("/Answers/0/StackId", json!("arn")), 1);
        assert_eq!(with("/Answers/0/PhysicalResourceId", json!("")), 0);
        assert_eq!(with("/Answers/0/PhysicalResourceId", json!("x".repeat(1025))), 0);
        assert_eq!(with("/Answers/0/RequestId", json!("x".repeat(4096))), 0);
        assert_eq!(with("/Answers/0/Status", json!("DONE")), 0);
        assert_eq!(with("/Answers/0", json!("x")), 0);
        assert!(undelivered(ANSWER_UNDELIVERED, &text.to_string()[..40]).is_empty());
        assert!(undelivered("Runtime.ExitError", &text.to_string()).is_empty());
    }

    #[test]
    fn an_error_in_a_log_says_nothing_of_its_answers() {
        let error = Undelivered::of(vec![success(json!({"Arn": "confidant"}))]).unwrap_err();
        assert_eq!(format!("{error:?}"), "1 answers could not be delivered");
    }
}
