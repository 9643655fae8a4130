//! What RAM says while something may pass, and what it says of an organization that it doesn't know.
//! <https://docs.aws.amazon.com/ram/latest/userguide/tshoot-sharing-outside-org.html>

use std::time::Duration;

use custom_resource::{AwsError, Error, Passing, Result, SdkResult};
use organizations::NEW_FOR;

/// How long RAM may be busy, or may not have heard of the organization yet.
pub const RAM_BUSY_FOR: Duration = Duration::from_mins(10);

/// How long a share that was made a moment ago may not be listed, or not be active.
pub const SHARE_LISTED_WITHIN: Duration = Duration::from_mins(1);

/// What RAM says of any call while it is busy with the share, or with itself.
pub const PASSING: [Passing; 1] = [Passing {
    codes: &[
        "InvalidStateTransitionException",
        "ServerInternalException",
        "ServiceUnavailableException",
        "ThrottlingException",
    ],
    within: RAM_BUSY_FOR,
}];

/// An answer of RAM to a call that shares or unshares.
pub trait SharingResult<T>: SdkResult<T> {
    /// Of calls that share, makes passing what `PASSING` names: RAM may also not know yet that it may share inside the organization, or that an account is in
    /// it.
    ///
    /// # Errors
    /// What AWS said; if it didn't know the organization or the account, with what to do should it stay so.
    fn unless_onboarding(self) -> Result<T> {
        self.passing(&PASSING).map_err(|error| match &error {
            unknown if is_onboarding(unknown) => onboarding(unknown),
            unknown if is_no_member(unknown) => no_member(unknown),
            _ => error.into(),
        })
    }

    /// Of calls that unshare, makes passing what `PASSING` names. What participants have in a subnet is theirs, whatever it keeps from happening.
    ///
    /// # Errors
    /// What AWS said; if it refused, with what may be in the way.
    fn unless_in_use(self) -> Result<T> {
        self.passing(&PASSING).map_err(|error| match error.code() {
            "OperationNotPermittedException" => Error::refused(format!(
                "{error}; network interfaces that participants have in the subnets are left alone, so if they are in the \
                 way, have the participants delete them first"
            )),
            _ => error.into(),
        })
    }
}

impl<T, A: SdkResult<T>> SharingResult<T> for A {}

/// The code is that of many refusals, and only the words tell them apart.
fn is_onboarding(error: &AwsError) -> bool {
    let words = error.message().to_ascii_lowercase();
    match error.code() {
        "OperationNotPermittedException" | "InvalidParameterException" => words.contains("onboarding process"),
        "UnknownResourceException" => words.contains("organization") && words.contains("could not be found"),
        _ => false,
    }
}

/// What RAM says of an account that it takes for another organization's, as for a while of one that was just made.
/// <https://docs.aws.amazon.com/ram/latest/userguide/tshoot-sharing-outside-org.html>
fn is_no_member(error: &AwsError) -> bool {
    let may_be = ["OperationNotPermittedException", "InvalidParameterException"].contains(&error.code());
    may_be && error.message().to_ascii_lowercase().contains("not in your aws organization")
}

fn no_member(error: &AwsError) -> Error {
    Error::not_yet_within(NEW_FOR, format!("{error}; if it stays so, name an account of this organization"))
}

fn onboarding(error: &AwsError) -> Error {
    Error::not_yet_within(
        RAM_BUSY_FOR,
        format!(
            "{error}; if it stays so, switch sharing on in the organization's management account, with `ResourceSharing: \
             true` on a `Custom::Organization`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use custom_resource::NotYet;

    use super::*;

    const ONBOARDING: &str = "The resource you are attempting to share can only be shared within your AWS Organization. \
        This error may also occur if you have not enabled sharing with your AWS organization, or that onboarding process \
        is still in progress.";

    fn refused(code: &str, message: &str) -> Result<(), AwsError> {
        Err(AwsError::refused("ram:AssociateResourceShare", code, message))
    }

    #[test]
    fn what_passes_by_itself_is_waited_for_up_to_ten_minutes() {
        for code in PASSING[0].codes {
            let error = Error::from(refused(code, "").passing(&PASSING).unwrap_err());
            assert!(matches!(error, Error::NotYet(NotYet { within: Some(RAM_BUSY_FOR), .. })), "{code}");
        }
    }

    #[test]
    fn an_organization_that_ram_does_not_know_yet_is_waited_for_and_the_wait_says_how_to_switch_sharing_on() {
        for (code, message) in [
            ("OperationNotPermittedException", ONBOARDING),
            ("InvalidParameterException", ONBOARDING),
            ("UnknownResourceException", "Organization o-exampleorgid could not be found."),
            ("UnknownResourceException", "OrganizationalUnit ou-ab12-workload1 could not be found."),
        ] {
            let error = refused(code, message).unless_onboarding().unwrap_err();
            let Error::NotYet(NotYet { waiting_for, within, .. }) = error else { panic!("final: {code}: {message}") };
            assert_eq!(within, Some(RAM_BUSY_FOR));
            assert!(waiting_for.contains(message.trim_end_matches('.')), "{waiting_for}");
            assert!(waiting_for.contains("`ResourceSharing: true` on a `Custom::Organization`"), "{waiting_for}");
        }
    }

    #[test]
    fn an_account_that_ram_does_not_know_yet_is_asked_for_again_for_two_minutes() {
        let message = "Principal 222222222222 is not in your AWS organization. You do not have permission to add external \
                       AWS accounts to a resource share.";
        for code in ["InvalidParameterException", "OperationNotPermittedException"] {
            let error = refused(code, message).unless_onboarding().unwrap_err();
            let Error::NotYet(NotYet { waiting_for, within, .. }) = error else { panic!("final: {code}") };
            assert_eq!(within, Some(Duration::from_mins(2)));
            assert!(waiting_for.ends_with("if it stays so, name an account of this organization"), "{waiting_for}");
        }
    }

    #[test]
    fn other_refusals_are_final_and_carry_aws_s_reason() {
        for (code, message) in [
            ("OperationNotPermittedException", "You cannot share a subnet in a default VPC."),
            ("InvalidParameterException", "Principal ID o-exampleorgid is malformed."),
            ("MalformedArnException", "The specified resource ARN is not valid."),
            ("ResourceShareLimitExceededException", "You have reached the limit."),
            ("TagPolicyViolationException", "The tag policy does not allow it."),
            ("UnknownResourceException", "The resource share could not be found."),
            ("IdempotentParameterMismatchException", "The token was used with other parameters."),
        ] {
            let error = refused(code, message).unless_onboarding().unwrap_err();
            assert!(
                matches!(&error, Error::Refused(reason) if reason.sentence().contains(message.trim_end_matches('.'))),
                "{error}"
            );
        }
    }

    #[test]
    fn what_keeps_a_subnet_from_being_unshared_is_left_alone_and_said_so() {
        let refusal = refused("OperationNotPermittedException", "The subnet is in use.").unless_in_use().unwrap_err();
        assert!(
            refusal.to_string().contains("The subnet is in use; network interfaces that participants have"),
            "{refusal}"
        );
        assert!(matches!(refusal, Error::Refused(_)));
        let busy = refused("InvalidStateTransitionException", "It is ASSOCIATING.").unless_in_use().unwrap_err();
        assert!(matches!(busy, Error::NotYet(_)), "{busy}");
    }
}
