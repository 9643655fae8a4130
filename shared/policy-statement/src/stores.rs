//! The store that acts with the function's own role, and those that act with an assumed one.

use std::{
    cell::{LazyCell, RefCell},
    fmt,
    rc::Rc,
    time::{Duration, SystemTime},
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_sts::{Client, config::retry::RetryConfig};
use custom_resource::{AwsError, Error, Result, SdkConfig, SdkResult};

use crate::role::Role;

/// How long a role or its trust policy that was made a moment ago may not be known.
const ROLE_SEEN_WITHIN: Duration = Duration::from_mins(2);

/// The shortest session that STS gives, in seconds, and how much of it must be left for another piece of work.
const SESSION: i32 = 900;
const LEFT: Duration = Duration::from_mins(5);

/// One kind of store, with whichever credentials.
pub(crate) struct Stores<S> {
    aws: SdkConfig,
    build: Box<dyn Fn(&SdkConfig) -> S>,
    sts: LazyCell<Client, Box<dyn FnOnce() -> Client>>,
    own: Rc<S>,
    assumed: RefCell<Vec<Session<S>>>,
}

struct Session<S> {
    role: Role,
    ends: SystemTime,
    store: Rc<S>,
}

impl<S> Stores<S> {
    pub(crate) fn new(aws: &SdkConfig, build: impl Fn(&SdkConfig) -> S + 'static) -> Self {
        // A write that the SDK repeats could undo another's in between, so each look at a policy is a new try.
        let once = aws.to_builder().retry_config(RetryConfig::disabled()).build();
        let aws = aws.clone();
        Self {
            own: Rc::new(build(&once)),
            // Few templates name a role, and each of the SDK's clients reads a table of all Regions first.
            sts: LazyCell::new(Box::new(move || Client::new(&aws))),
            aws: once,
            build: Box::new(build),
            assumed: RefCell::default(),
        }
    }

    /// The store that acts with the function's own role.
    pub(crate) fn own(&self) -> &S {
        &self.own
    }

    /// Forgets all sessions: the role of one may have been deleted, and made again.
    pub(crate) fn forget_sessions(&self) {
        self.assumed.borrow_mut().clear();
    }

    #[cfg(test)]
    fn with_sts(self, sts: Client) -> Self {
        Self { sts: LazyCell::new(Box::new(|| sts)), ..self }
    }

    /// The store that acts as `role`, or as the function itself, which is in account `home`. Whoever reads the other
    /// account's trail finds `mark` in the session's name.
    pub(crate) async fn acting_as(&self, role: Option<&Role>, home: &str, mark: &str) -> Result<Rc<S>> {
        let Some(role) = role else { return Ok(Rc::clone(&self.own)) };
        let still_good = SystemTime::now() + LEFT;
        self.assumed.borrow_mut().retain(|session| session.ends > still_good);
        if let Some(session) = self.assumed.borrow().iter().find(|session| session.role == *role) {
            return Ok(Rc::clone(&session.store));
        }
        let request = self.sts.assume_role().role_arn(&role.arn).set_external_id(role.external_id.clone());
        let request = request.role_session_name(format!("archipelago-{mark}")).duration_seconds(SESSION);
        let assumed =
            request.send().await.into_aws_error().map_err(|error| with_the_missing_trust(error, role, home))?;
        let credentials = assumed.credentials.ok_or_else(|| Error::refused("sts:AssumeRole gave no credentials"))?;
        let ends = SystemTime::try_from(credentials.expiration).unwrap_or(still_good);
        let credentials = Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            None,
            "sts:AssumeRole",
        );
        let provider = SharedCredentialsProvider::new(credentials);
        let store = Rc::new((self.build)(&self.aws.to_builder().credentials_provider(provider).build()));
        self.assumed.borrow_mut().push(Session { role: role.clone(), ends, store: Rc::clone(&store) });
        Ok(store)
    }
}

/// AWS doesn't tell a role that doesn't exist from one that doesn't trust the caller.
fn with_the_missing_trust(error: AwsError, role: &Role, home: &str) -> AwsError {
    if error.code() != "AccessDenied" {
        return error;
    }
    let partition = role.arn.split(':').nth(1).unwrap_or("aws");
    let caller = caller(error.message()).unwrap_or_else(|| format!("arn:{partition}:iam::{home}:root"));
    let condition = match role.external_id {
        Some(_) => r#","Condition":{"StringEquals":{"sts:ExternalId":"<the template's ExternalId>"}}"#,
        None => "",
    };
    let statement =
        format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{caller}"}},"Action":"sts:AssumeRole"{condition}}}"#);
    let advice = format!(
        "the trust policy of {} needs the statement {statement}, and the function's own role needs sts:AssumeRole on it, \
         which the parameter AssumableRoleArns of the functions' stack gives",
        role.arn
    );
    error.advised(&advice).not_yet_within(ROLE_SEEN_WITHIN)
}

/// The role that AWS's refusal names: `User: arn:aws:sts::111111111111:assumed-role/name/session is not ..`.
fn caller(message: &str) -> Option<String> {
    let arn = message.strip_prefix("User: ")?.split(' ').next()?;
    let (partition_and_account, session) = arn.split_once(":assumed-role/")?;
    let (name, _) = session.split_once('/')?;
    Some(format!("{}:role/{name}", partition_and_account.replacen(":sts:", ":iam:", 1)))
}

impl<S> fmt::Debug for Stores<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::{config::BehaviorVersion, operation::assume_role::AssumeRoleOutput, primitives::DateTime, types};
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
    use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
    use aws_smithy_types::body::SdkBody;

    use super::*;

    fn role() -> Role {
        Role { arn: "arn:aws:iam::222222222222:role/writer".to_owned(), external_id: Some("between-us".to_owned()) }
    }

    fn given_until(ends: SystemTime) -> Rule {
        mock!(Client::assume_role)
            .match_requests(|request| {
                request.role_arn() == Some("arn:aws:iam::222222222222:role/writer")
                    && request.external_id() == Some("between-us")
                    && request.role_session_name() == Some("archipelago-0123456789")
                    && request.duration_seconds() == Some(900)
            })
            .then_output(move || {
                let credentials = types::Credentials::builder().access_key_id("A").secret_access_key("S");
                let credentials = credentials.session_token("T").expiration(DateTime::from(ends)).build().unwrap();
                AssumeRoleOutput::builder().credentials(credentials).build()
            })
    }

    fn stores(rules: &[&Rule]) -> Stores<Option<String>> {
        let who = |aws: &SdkConfig| aws.credentials_provider().map(|provider| format!("{provider:?}"));
        let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let stores = Stores::new(&aws, who);
        stores.with_sts(mock_client!(aws_sdk_sts, RuleMode::MatchAny, rules))
    }

    #[tokio::test]
    async fn without_a_role_the_function_acts_itself() {
        let stores = stores(&[]);
        assert_eq!(*stores.acting_as(None, "111111111111", "0123456789").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_role_is_assumed_once_while_its_session_lasts() {
        let rule = given_until(SystemTime::now() + Duration::from_mins(15));
        let stores = stores(&[&rule]);
        for _ in 0..2 {
            let store = stores.acting_as(Some(&role()), "111111111111", "0123456789").await.unwrap();
            assert!(store.is_some(), "the store has no credentials of its own");
        }
        assert_eq!(rule.num_calls(), 1);
        stores.forget_sessions();
        stores.acting_as(Some(&role()), "111111111111", "0123456789").await.unwrap();
        assert_eq!(rule.num_calls(), 2);
    }

    #[tokio::test]
    async fn a_session_that_is_about_to_end_is_not_used_again() {
        let rule = given_until(SystemTime::now() + Duration::from_mins(4));
        let stores = stores(&[&rule]);
        for _ in 0..2 {
            stores.acting_as(Some(&role()), "111111111111", "0123456789").await.unwrap();
        }
        assert_eq!(rule.num_calls(), 2);
    }

    #[tokio::test]
    async fn a_role_that_may_not_be_assumed_yet_is_waited_for_and_then_says_which_trust_is_missing() {
        let denied = mock!(Client::assume_role).then_http_response(|| {
            let message = "User: arn:aws:sts::111111111111:assumed-role/archipelago-kms/fn is not authorized to perform: \
                           sts:AssumeRole on resource: arn:aws:iam::222222222222:role/writer";
            let body = format!(
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>{message}</Message></Error></ErrorResponse>"
            );
            HttpResponse::new(StatusCode::try_from(403).unwrap(), SdkBody::from(body))
        });
        let ended = stores(&[&denied]).acting_as(Some(&role()), "111111111111", "0123456789").await;
        let Err(Error::NotYet(not_yet)) = ended else { panic!("final") };
        assert_eq!(not_yet.within, Some(ROLE_SEEN_WITHIN));
        assert!(not_yet.is_denial());
        let sentence = not_yet.to_string();
        assert!(sentence.contains("the trust policy of arn:aws:iam::222222222222:role/writer needs"), "{sentence}");
        assert!(
            sentence.contains(r#""Principal":{"AWS":"arn:aws:iam::111111111111:role/archipelago-kms"}"#),
            "{sentence}"
        );
        assert!(!sentence.contains("between-us"), "{sentence}");
    }
}
