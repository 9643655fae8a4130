//! Why an invocation failed, told from the few words that Lambda says about it.

use custom_resource::ANSWER_UNDELIVERED;

/// What Lambda writes around its cause.
const TIMEOUT: &str = "Task timed out after ";
const EXIT: &str = "Runtime exited with error: ";

/// Longer than any cause that Lambda states.
const LONGEST: usize = 80;

/// What became of an invocation that nobody answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Stopped after this time, such as `900.00 seconds`.
    TimedOut(String),
    /// Ended by a signal that nothing can catch.
    Killed,
    /// Its process ended in this way, such as `exit status 1`.
    Ended(String),
    /// Its process couldn't be made, for an error of this type.
    NotStarted(String),
    /// Waited for longer than the event may.
    TooOld,
    /// Not to be run at all.
    NoConcurrency,
    /// Caused by itself too often.
    TooManyInvocations,
    /// Brought to its end, but its answer couldn't be delivered.
    AnswerUndelivered,
    /// Something else, which Lambda names like this.
    Other(String),
}

impl Cause {
    /// The cause in a record: its condition, and the type and message of the error if the function ran.
    pub(crate) fn of(condition: &str, error_type: &str, message: &str) -> Self {
        match condition {
            "EventAgeExceeded" => return Self::TooOld,
            "ZeroReservedConcurrency" => return Self::NoConcurrency,
            "RecursiveInvocation" => return Self::TooManyInvocations,
            _ => {}
        }
        // Its message is not Lambda's.
        if error_type == ANSWER_UNDELIVERED {
            return Self::AnswerUndelivered;
        }
        if let Some(after) = after(message, TIMEOUT) {
            return Self::TimedOut(after);
        }
        match after(message, EXIT) {
            Some(signal) if signal == "signal: killed" => return Self::Killed,
            Some(end) => return Self::Ended(end),
            None => {}
        }
        match error_type {
            "Sandbox.Timedout" => Self::TimedOut("Timeout".to_owned()),
            "Runtime.OutOfMemory" => Self::Killed,
            "Runtime.ExitError" => Self::Ended("Runtime.ExitError".to_owned()),
            "Runtime.InvalidEntrypoint" | "Runtime.InvalidWorkingDir" | "Runtime.InvalidTaskConfig" => {
                Self::NotStarted(error_type.to_owned())
            }
            _ => Self::Other(brief(if error_type.is_empty() { condition } else { error_type })),
        }
    }

    /// The word for it in the metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::TimedOut(_) => "TimedOut",
            Self::Killed => "Killed",
            Self::Ended(_) => "Ended",
            Self::NotStarted(_) => "NotStarted",
            Self::TooOld => "TooOld",
            Self::NoConcurrency => "NoConcurrency",
            Self::TooManyInvocations => "TooManyInvocations",
            Self::AnswerUndelivered => ANSWER_UNDELIVERED,
            Self::Other(_) => "Other",
        }
    }

    /// Whether the function may have worked. `count` is how often Lambda says that it was invoked.
    pub(crate) fn may_have_begun(&self, count: u32) -> bool {
        match self {
            Self::NotStarted(_) | Self::NoConcurrency => false,
            Self::TooOld | Self::TooManyInvocations => count > 0,
            Self::TimedOut(_) | Self::Killed | Self::Ended(_) | Self::AnswerUndelivered | Self::Other(_) => true,
        }
    }

    /// The sentence about the function `name`.
    pub(crate) fn sentence(&self, name: &str) -> String {
        match self {
            Self::TimedOut(after) => format!(
                "{name} was stopped at its timeout ({after}) before it had answered; try again, and if it happens again \
                 give the function more MemorySize, a parameter of its stack, which makes it faster"
            ),
            Self::Killed => format!(
                "{name} was killed, which is what happens when it runs out of memory; give the function more MemorySize, \
                 a parameter of its stack, and try again"
            ),
            Self::Ended(how) => {
                format!("{name} ended before it had answered ({how}), as it does when it can't start; its log says why")
            }
            Self::NotStarted(why) => format!(
                "{name} could not be started ({why}); build and deploy it again, with the same Architecture for both"
            ),
            Self::TooOld => format!(
                "Lambda gave the request up without running {name}, since it was throttled or could not start it for too \
                 long (MaximumEventAgeInSeconds); let fewer stacks run at once or raise the account's quota of \
                 concurrent executions, and try again"
            ),
            Self::NoConcurrency => format!(
                "Lambda may not run {name}, since its reserved concurrency is 0; raise or remove that and try again"
            ),
            Self::TooManyInvocations => {
                format!("Lambda stopped {name}, since it had gone on in too many invocations of its own; try again")
            }
            Self::AnswerUndelivered => {
                format!("{name} could not deliver its answer, and what it was is not known any more; try again")
            }
            Self::Other(what) => format!("{name} ended before it had answered ({what}); its log says why"),
        }
    }
}

/// What stands behind `words` in `message`, to the end of the line.
fn after(message: &str, words: &str) -> Option<String> {
    let (_, rest) = message.split_once(words)?;
    Some(brief(rest.lines().next().unwrap_or_default().trim()))
}

/// A function's own words may be about anything, so no more is repeated than Lambda would say.
fn brief(text: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || " .:_-".contains(*c);
    text.chars().take(LONGEST).take_while(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_known_by_its_message_in_both_of_its_forms_and_by_its_type() {
        for message in [
            "RequestId: 8ae02711-a9ac-422f-9bb1-0798d2a48327 Error: Task timed out after 3.00 seconds",
            "2026-11-24T12:00:00.000Z 8ae02711-a9ac-422f-9bb1-0798d2a48327 Task timed out after 3.00 seconds\n\n",
        ] {
            assert_eq!(Cause::of("RetriesExhausted", "", message), Cause::TimedOut("3.00 seconds".to_owned()));
        }
        assert_eq!(Cause::of("RetriesExhausted", "Sandbox.Timedout", ""), Cause::TimedOut("Timeout".to_owned()));
    }

    #[test]
    fn a_process_that_was_killed_is_told_from_one_that_ended() {
        let cause = |end: &str| {
            Cause::of("RetriesExhausted", "Runtime.ExitError", &format!("RequestId: 8ae0 Error: {EXIT}{end}"))
        };
        assert_eq!(cause("signal: killed"), Cause::Killed);
        for end in ["exit status 101", "signal: segmentation fault"] {
            assert_eq!(cause(end), Cause::Ended(end.to_owned()));
        }
        let silent = Cause::of(
            "RetriesExhausted",
            "Runtime.ExitError",
            "RequestId: 8ae0 Error: Runtime exited without providing a reason",
        );
        assert_eq!(silent, Cause::Ended("Runtime.ExitError".to_owned()));
        assert_eq!(Cause::of("RetriesExhausted", "Runtime.OutOfMemory", ""), Cause::Killed);
    }

    #[test]
    fn what_lambda_gave_up_is_known_by_the_condition_whatever_else_is_said() {
        assert_eq!(Cause::of("EventAgeExceeded", "TooManyRequestsException", "Rate Exceeded."), Cause::TooOld);
        assert_eq!(Cause::of("ZeroReservedConcurrency", "", ""), Cause::NoConcurrency);
        assert_eq!(Cause::of("RecursiveInvocation", "", ""), Cause::TooManyInvocations);
    }

    #[test]
    fn a_request_that_grew_too_old_may_have_been_worked_on_before() {
        assert!(!Cause::TooOld.may_have_begun(0));
        assert!(Cause::TooOld.may_have_begun(1));
    }

    #[test]
    fn what_nobody_knows_is_named_as_lambda_names_it() {
        let other = |condition, error_type| Cause::of(condition, error_type, "").sentence("thing");
        assert!(other("RetriesExhausted", "Function.Unknown").contains("(Function.Unknown)"));
        assert!(other("SomethingNew", "").contains("(SomethingNew)"));
    }

    #[test]
    fn a_function_s_own_words_are_not_repeated() {
        let own = Cause::of("RetriesExhausted", "Mine{Signature=s3cret}", "https://x?Signature=s3cret");
        assert_eq!(own, Cause::Other("Mine".to_owned()));
        let url = format!("{EXIT}exit status 1 https://x?Signature=s3cret");
        assert!(!Cause::of("RetriesExhausted", "", &url).sentence("thing").contains("s3cret"));
    }
}
