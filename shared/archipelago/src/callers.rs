//! Which stacks and events a function admits. An alias that begins with `caller-` never stands for the function's own account.

use custom_resource::{Envelope, FunctionArn, account_of, is_account_id, of_own_account};

use crate::{
    Caller,
    caller::{CALLER, alias_of},
};

/// Admits stacks of the function's own account, and of no other.
pub(crate) fn admit_own_account(envelope: &Envelope) -> Result<(), String> {
    match understood(envelope)? {
        Some(_) => Err("resources of this type are for stacks of the function's own account".to_owned()),
        None => admit_without_alias(envelope),
    }
}

/// Admits stacks of the function's own account, and those of the caller whose alias was invoked: of that account, or of any other account
/// than the function's own, since Lambda has asked whether it is in the unit.
pub(crate) fn admit_callers(envelope: &Envelope) -> Result<(), String> {
    let stack = account_of(&envelope.stack_id);
    let Some(caller) = understood(envelope)? else { return admit_without_alias(envelope) };
    match caller.unit() {
        Some(unit) if stack == envelope.function.account => Err(format!(
            "the stack is of account {stack}, which is the function's own, but the function was invoked for accounts of {}; leave the \
             alias out",
            unit.id()
        )),
        Some(_) if !is_account_id(stack) => Err("the id of the stack names no account".to_owned()),
        None if caller.account() != stack => {
            Err(format!("the stack is of account {stack}, but the function was invoked for account {}", caller.name()))
        }
        _ => Ok(()),
    }
}

/// Admits events that are no requests of CloudFormation from whoever may invoke the function itself. The alias of another account lets that
/// account's stacks have what is open to them, and nothing else.
pub(crate) fn admit_administrators(function: &FunctionArn) -> Result<(), String> {
    match alias_of(function) {
        Some(name) => Err(format!(
            "the alias {CALLER}{name} is for requests of CloudFormation alone; invoke the function without an alias"
        )),
        None => Ok(()),
    }
}

fn understood(envelope: &Envelope) -> Result<Option<Caller>, String> {
    match Caller::of(&envelope.function, &envelope.stack_id) {
        Some(caller) if !caller.is_understood() => Err(format!(
            "the function was invoked by the alias {CALLER}{}, which names no account and no unit; the alias of an account is \
             {CALLER} and the account's 12 digits, that of a unit {CALLER}, the organization's id, - and the unit's id",
            caller.name()
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

    const UNIT: &str = ":caller-o-exampleorgid-ou-abcd-12345678";
    const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:thing";

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Properties {
        #[serde(rename = "Name")]
        _name: String,
    }

    #[test]
    fn behind_the_alias_of_a_caller_nothing_but_cloudformation_s_requests_is_admitted() {
        let admitted = |alias: &str| admit_administrators(&FunctionArn::read(&format!("{FUNCTION}{alias}")));
        for alias in ["", ":live", ":$LATEST", ":7"] {
            assert_eq!(admitted(alias), Ok(()), "{alias}");
        }
        for caller in ["222222222222", "o-exampleorgid-ou-abcd-12345678", "ou-abcd-12345678", ""] {
            let reason = admitted(&format!(":caller-{caller}")).unwrap_err();
            assert!(
                reason.starts_with(&format!("the alias caller-{caller} is for requests of CloudFormation alone")),
                "{reason}"
            );
        }
    }

    /// What every account may have, and who had it.
    struct Shared(RefCell<Vec<Option<String>>>);

    fn caller_of(claim: &Claim<String>) -> Option<String> {
        let caller = Caller::of(claim.invocation().function(), claim.owner().stack_id())?;
        Some(format!("{} {}", caller.name(), caller.account()))
    }

    impl Resource for Shared {
        type Properties = Properties;
        type Id = String;
        type Attributes = ();

        async fn ensure(&self, _: &Properties, _: Option<&Properties>, claim: &Claim<String>) -> Result<()> {
            self.0.borrow_mut().push(caller_of(claim));
            claim.hold(&"shared".to_owned());
            Ok(())
        }

        async fn remove(&self, _: Option<&Properties>, claim: &Claim<String>) -> Result<()> {
            self.0.borrow_mut().push(caller_of(claim));
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
        assert_eq!(seen, [Some("222222222222 222222222222".to_owned())]);
        let (response, seen) = shared("111111111111", "", "Create", None).await;
        assert_eq!((response.status(), seen), (Status::Success, vec![None]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_of_a_unit_is_believed_to_be_in_it() {
        for account in ["222222222222", "333333333333"] {
            let (response, seen) = shared(account, UNIT, "Create", None).await;
            assert_eq!(response.status(), Status::Success);
            assert_eq!(seen, [Some(format!("o-exampleorgid-ou-abcd-12345678 {account}"))]);
        }
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
            ("111111111111", UNIT, "the stack is of account 111111111111, which is the function's own, but"),
            ("", UNIT, "the id of the stack names no account"),
            ("222", UNIT, "the id of the stack names no account"),
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
            "o-exampleorgid",
            "o-exampleorgid-r-abcd",
            "o-exampleorgid-ou-abcd-12345678-x",
            "222222222222-eu",
            " 222222222222",
            "2222222222222",
            "\u{ff12}22222222222",
        ];
        for caller in aliases {
            let words =
                format!("the function was invoked by the alias caller-{caller}, which names no account and no unit");
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
        for alias in [":caller-222222222222", UNIT] {
            let (response, seen) = asked(admit_own_account, "222222222222", alias, "Create", None).await;
            assert_failed(
                &response,
                "nothing-was-made",
                "resources of this type are for stacks of the function's own account",
            );
            assert!(seen.is_empty());
        }
    }
}
