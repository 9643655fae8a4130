//! Other accounts whose stacks may use a function. Nothing in an event says who sent it. Lambda says by which alias it came,
//! and lets each account use its own alias alone.

use custom_resource::{Envelope, FunctionArn, account_of, is_account_id, of_own_account};

/// How the names of those aliases start.
const CALLER: &str = "caller-";

/// The other account that invoked `function`, if it did so by an alias of its own: all that follows `caller-`, be it an
/// account's id or not. What isn't one is refused before any work, and never stands for the function's own account.
#[must_use]
pub fn caller(function: &FunctionArn) -> Option<&str> {
    function.qualifier.as_deref()?.strip_prefix(CALLER)
}

/// Admits stacks of the function's own account, and of no other.
pub(crate) fn admit_own_account(envelope: &Envelope) -> Result<(), String> {
    match understood(envelope)? {
        Some(_) => Err("resources of this type are for stacks of the function's own account".to_owned()),
        None => admit_without_alias(envelope),
    }
}

/// Admits stacks of the function's own account, and those of the account whose alias was invoked.
pub(crate) fn admit_callers(envelope: &Envelope) -> Result<(), String> {
    let stack = account_of(&envelope.stack_id);
    match understood(envelope)? {
        Some(caller) if caller != stack => {
            Err(format!("the stack is of account {stack}, but the function was invoked for account {caller}"))
        }
        Some(_) => Ok(()),
        None => admit_without_alias(envelope),
    }
}

/// Admits events that are no requests of CloudFormation from whoever may invoke the function itself. The alias of another account lets that
/// account's stacks have what is open to them, and nothing else.
pub(crate) fn admit_administrators(function: &FunctionArn) -> Result<(), String> {
    match caller(function) {
        Some(caller) => Err(format!(
            "the alias {CALLER}{caller} is for requests of CloudFormation alone; invoke the function without an alias"
        )),
        None => Ok(()),
    }
}

fn understood(envelope: &Envelope) -> Result<Option<&str>, String> {
    match caller(&envelope.function) {
        Some(caller) if !is_account_id(caller) => Err(format!(
            "the function was invoked by the alias caller-{caller}, which names no account; the alias of an account is \
             caller- and the account's 12 digits"
        )),
        caller => Ok(caller),
    }
}

fn admit_without_alias(envelope: &Envelope) -> Result<(), String> {
    let stack = account_of(&envelope.stack_id);
    of_own_account(envelope)
        .map_err(|reason| format!("{reason}; another account needs an alias of its own, caller-{stack}"))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use custom_resource::{Admission, Claim, Lifecycle, Resource, Response, Result, Status, testing::Event};
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:thing";

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Properties {
        #[serde(rename = "Name")]
        _name: String,
    }

    #[test]
    fn the_alias_says_who_calls() {
        let function = "arn:aws-cn:lambda:cn-north-1:111111111111:function:archipelago-ecr-policy-statement";
        assert_eq!(caller(&FunctionArn::read(function)), None);
        let by = |alias: &str| caller(&FunctionArn::read(&format!("{function}:{alias}"))).map(ToOwned::to_owned);
        assert_eq!(by("caller-222222222222").as_deref(), Some("222222222222"));
        for other in ["live", "$LATEST", "7", "Caller-2222", "caller"] {
            assert_eq!(by(other), None, "{other}");
        }
        for (alias, caller) in
            [("caller-2222", "2222"), ("caller-", ""), ("caller-ou-abcd-12345678", "ou-abcd-12345678")]
        {
            assert_eq!(by(alias).as_deref(), Some(caller), "what isn't understood is no alias of the own account");
        }
    }

    #[test]
    fn behind_the_alias_of_a_caller_nothing_but_cloudformation_s_requests_is_admitted() {
        let admitted = |alias: &str| admit_administrators(&FunctionArn::read(&format!("{FUNCTION}{alias}")));
        for alias in ["", ":live", ":$LATEST", ":7"] {
            assert_eq!(admitted(alias), Ok(()), "{alias}");
        }
        for caller in ["222222222222", "ou-abcd-12345678", ""] {
            let reason = admitted(&format!(":caller-{caller}")).unwrap_err();
            assert!(
                reason.starts_with(&format!("the alias caller-{caller} is for requests of CloudFormation alone")),
                "{reason}"
            );
        }
    }

    /// What every account may have, and who had it.
    struct Shared(RefCell<Vec<Option<String>>>);

    impl Resource for Shared {
        type Properties = Properties;
        type Id = String;
        type Attributes = ();

        async fn ensure(&self, _: &Properties, _: Option<&Properties>, claim: &Claim<String>) -> Result<()> {
            self.0.borrow_mut().push(caller(claim.invocation().function()).map(ToOwned::to_owned));
            claim.hold(&"shared".to_owned());
            Ok(())
        }

        async fn remove(&self, _: Option<&Properties>, claim: &Claim<String>) -> Result<()> {
            self.0.borrow_mut().push(caller(claim.invocation().function()).map(ToOwned::to_owned));
            Ok(())
        }
    }

    async fn asked(
        admission: Admission,
        account: &str,
        alias: &str,
        request_type: &str,
        id: Option<&str>,
    ) -> (Response, Vec<Option<String>>) {
        let event = Event::from_json(json!({ "RequestType": request_type, "ResourceProperties": { "Name": "a" } }));
        let event = event.with("StackId", format!("arn:aws:cloudformation:us-east-1:{account}:stack/landing/1f0a"));
        let event = match id {
            Some(id) => event.with("PhysicalResourceId", id),
            None => event,
        };
        let resource = Shared(RefCell::default());
        let rules = Lifecycle { admission, ..Lifecycle::default() };
        let response = event.to(&format!("{FUNCTION}{alias}")).under(rules).answered_by(&resource).await;
        (response, resource.0.into_inner())
    }

    async fn shared(
        account: &str,
        alias: &str,
        request_type: &str,
        id: Option<&str>,
    ) -> (Response, Vec<Option<String>>) {
        asked(admit_callers, account, alias, request_type, id).await
    }

    #[track_caller]
    fn assert_failed(response: &Response, id: &str, reason: &str) {
        assert_eq!((response.status(), response.physical_resource_id()), (Status::Failed, id));
        assert!(response.reason().unwrap().starts_with(reason), "{response:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn another_account_is_believed_by_its_alias() {
        let (response, seen) = shared("222222222222", ":caller-222222222222", "Create", None).await;
        assert_eq!(response.status(), Status::Success);
        assert_eq!(seen, [Some("222222222222".to_owned())]);
        let (response, seen) = shared("111111111111", "", "Create", None).await;
        assert_eq!((response.status(), seen), (Status::Success, vec![None]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stack_of_another_account_than_the_caller_s_is_refused_without_any_work() {
        for (account, alias, words) in [
            (
                "333333333333",
                ":caller-222222222222",
                "the stack is of account 333333333333, but the function was invoked for",
            ),
            (
                "111111111111",
                ":caller-222222222222",
                "the stack is of account 111111111111, but the function was invoked for",
            ),
            (
                "222222222222",
                "",
                "the stack is of account 222222222222, and the function is for stacks of account 111111111111",
            ),
            (
                "222222222222",
                ":live",
                "the stack is of account 222222222222, and the function is for stacks of account",
            ),
        ] {
            for (request_type, id) in [("Create", None), ("Update", Some("shared")), ("Delete", Some("shared"))] {
                let (response, seen) = shared(account, alias, request_type, id).await;
                assert_failed(&response, id.unwrap_or("nothing-was-made"), words);
                assert!(seen.is_empty());
            }
            let (response, seen) = shared(account, alias, "Delete", Some("nothing-was-made")).await;
            assert_eq!(response.status(), Status::Success, "its rollback must not hang");
            assert!(seen.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_is_not_understood_is_refused_without_any_work() {
        let aliases = [
            "2222",
            "",
            "ou-abcd-12345678",
            "222222222222-eu",
            " 222222222222",
            "2222222222222",
            "\u{ff12}22222222222",
        ];
        for caller in aliases {
            let words = format!("the function was invoked by the alias caller-{caller}, which names no account");
            // The function's own account, another one, and what the alias seems to say.
            for account in ["111111111111", "222222222222", caller] {
                for (request_type, id) in [
                    ("Create", None),
                    ("Update", Some("shared")),
                    ("Delete", Some("shared")),
                    ("Delete", Some("something-may-have-been-made")),
                ] {
                    let (response, seen) = shared(account, &format!(":caller-{caller}"), request_type, id).await;
                    assert_failed(&response, id.unwrap_or("nothing-was-made"), &words);
                    assert!(seen.is_empty(), "{seen:?}");
                }
                let made_nothing = Some("nothing-was-made");
                let (response, seen) = shared(account, &format!(":caller-{caller}"), "Delete", made_nothing).await;
                assert_eq!(response.status(), Status::Success, "its rollback must not hang");
                assert!(seen.is_empty(), "{seen:?}");
            }
        }
        // A type without callers says the same.
        let (response, seen) = asked(admit_own_account, "111111111111", ":caller-2222", "Create", None).await;
        assert_failed(
            &response,
            "nothing-was-made",
            "the function was invoked by the alias caller-2222, which names no",
        );
        assert!(seen.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_type_is_closed_to_other_accounts_unless_it_says_otherwise() {
        let (response, seen) = asked(admit_own_account, "222222222222", ":caller-222222222222", "Create", None).await;
        assert_failed(
            &response,
            "nothing-was-made",
            "resources of this type are for stacks of the function's own account",
        );
        assert!(seen.is_empty());
    }
}
