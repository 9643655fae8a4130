//! What each verb asks of Organizations, STS and the Account API, with real clients and canned answers.

use std::time::Duration;

use archipelago::Users;
use aws_sdk_account::operation::put_account_name::PutAccountNameOutput;
use aws_sdk_organizations::{
    Client,
    operation::{
        close_account::CloseAccountOutput, create_account::CreateAccountOutput,
        describe_account::DescribeAccountOutput, describe_create_account_status::DescribeCreateAccountStatusOutput,
        list_accounts::ListAccountsOutput, list_create_account_status::ListCreateAccountStatusOutput,
        list_parents::ListParentsOutput, list_roots::ListRootsOutput,
        list_tags_for_resource::ListTagsForResourceOutput, move_account::MoveAccountOutput,
        tag_resource::TagResourceOutput, untag_resource::UntagResourceOutput,
    },
    primitives::DateTime,
    types::{
        Account, AccountStatus, CreateAccountFailureReason as Reason, CreateAccountState, CreateAccountStatus, Parent,
        ParentType, Root, Tag,
    },
};
use aws_sdk_sts::{
    operation::{assume_role::AssumeRoleOutput, get_caller_identity::GetCallerIdentityOutput},
    types::Credentials,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{Owner, RequestOrder};
use serde_json::{Value, json};

use super::*;

const ROOT: &str = "r-ab12";
const PRODUCTION: &str = "ou-ab12-product1";
const ID: &str = "222222222222";
const REQUEST: &str = "car-0123456789abcdef";
const EMAIL: &str = "aws+app@example.com";

fn owner() -> Owner {
    Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "App")
}

fn claim(id: Option<&str>) -> Claim<AccountId> {
    // Each call of a test is another try of one request.
    let order = RequestOrder::new(0, false, "");
    Claim::new(owner(), id).in_invocation(|invocation| invocation.ordered(order))
}

/// An account that nobody waits for, so that a test says only what it is about.
fn written(more: &Value) -> Properties {
    let mut properties = json!({"Name": "app", "Email": EMAIL, "WaitUntilReady": false});
    for (name, value) in more.as_object().unwrap() {
        properties[name] = value.clone();
    }
    serde_json::from_value(properties).unwrap()
}

/// An error as Organizations sends it.
fn error_response(code: &str, reason: Option<&str>) -> HttpResponse {
    let body = json!({"__type": code, "Message": "AWS's own words.", "Reason": reason}).to_string();
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body))
}

fn account(email: &str, state: AccountState) -> Account {
    let arn = format!("arn:aws:organizations::111111111111:account/o-exampleorgid/{ID}");
    Account::builder().id(ID).arn(arn).name("app").email(email).state(state).build()
}

fn request(state: CreateAccountState, reason: Option<Reason>) -> CreateAccountStatus {
    let id = matches!(state, CreateAccountState::Succeeded).then(|| ID.to_owned());
    CreateAccountStatus::builder()
        .id(REQUEST)
        .account_name("app")
        .state(state)
        .set_account_id(id)
        .set_failure_reason(reason)
        .build()
}

const HOUR: i64 = 3600;

/// The management account, whose organization was made so many seconds before the request of CloudFormation.
fn management(seconds: i64) -> Account {
    let joined = DateTime::from_secs(-seconds);
    Account::builder().id("111111111111").email("root@example.com").joined_timestamp(joined).build()
}

fn no_request() -> Rule {
    not_failed(Vec::new())
}

fn requests(state: CreateAccountState, all: Vec<CreateAccountStatus>) -> Rule {
    listed(vec![state], all)
}

/// All requests that may have made an account.
fn not_failed(all: Vec<CreateAccountStatus>) -> Rule {
    listed(vec![CreateAccountState::InProgress, CreateAccountState::Succeeded], all)
}

/// The requests in these states, after an empty page.
fn listed(states: Vec<CreateAccountState>, all: Vec<CreateAccountStatus>) -> Rule {
    mock!(Client::list_create_account_status)
        .match_requests(move |r| r.states() == states)
        .sequence()
        .output(|| ListCreateAccountStatusOutput::builder().next_token("more").build())
        .output(move || ListCreateAccountStatusOutput::builder().set_create_account_statuses(Some(all.clone())).build())
        .build()
}

/// The accounts of the organization, after an empty page.
fn accounts(all: Vec<Account>) -> Rule {
    mock!(Client::list_accounts)
        .sequence()
        .output(|| ListAccountsOutput::builder().next_token("more").build())
        .output(move || ListAccountsOutput::builder().set_accounts(Some(all.clone())).build())
        .build()
}

fn creates(state: CreateAccountState) -> Rule {
    mock!(Client::create_account)
        .match_requests(|r| {
            let marks = [Users::made(&owner()), user_of(&owner())];
            let marked = marks.map(|(key, value)| Tag::builder().key(key).value(value).build().unwrap());
            r.email() == Some(EMAIL) && r.account_name() == Some("app") && r.tags() == marked
        })
        .then_output(move || CreateAccountOutput::builder().create_account_status(request(state.clone(), None)).build())
}

fn create_fails(code: &'static str, reason: Option<&'static str>) -> Rule {
    mock!(Client::create_account).then_http_response(move || error_response(code, reason))
}

fn status(state: CreateAccountState, reason: Option<Reason>) -> Rule {
    mock!(Client::describe_create_account_status)
        .match_requests(|r| r.create_account_request_id() == Some(REQUEST))
        .then_output(move || {
            let request = request(state.clone(), reason.clone());
            DescribeCreateAccountStatusOutput::builder().create_account_status(request).build()
        })
}

fn describes(state: AccountState) -> Rule {
    mock!(Client::describe_account)
        .match_requests(|r| r.account_id() == Some(ID))
        .then_output(move || DescribeAccountOutput::builder().account(account(EMAIL, state.clone())).build())
}

fn tagged(tags: &[(&str, String)]) -> Rule {
    let tags: Vec<_> = tags.iter().map(|(k, v)| Tag::builder().key(*k).value(v).build().unwrap()).collect();
    mock!(Client::list_tags_for_resource)
        .match_requests(|r| r.resource_id() == Some(ID))
        .then_output(move || ListTagsForResourceOutput::builder().set_tags(Some(tags.clone())).build())
}

fn user_of(owner: &Owner) -> (String, String) {
    (Users::key(owner), owner.signature())
}

fn another() -> Owner {
    Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/other/2f0b", "Thing")
}

/// An account with these marks.
fn marked(marks: &[(String, String)]) -> Rule {
    tagged(&marks.iter().map(|(key, value)| (key.as_str(), value.clone())).collect::<Vec<_>>())
}

/// What the claim made and uses.
fn own() -> Rule {
    marked(&[Users::made(&owner()), user_of(&owner())])
}

/// What the claim made and is leaving.
fn left() -> Rule {
    marked(&[Users::made(&owner()), Users::leaving(&owner())])
}

fn foreign() -> Rule {
    marked(&[Users::made(&another()), user_of(&another())])
}

/// What another made, and both use.
fn shared() -> Rule {
    marked(&[Users::made(&another()), user_of(&another()), user_of(&owner())])
}

/// Sets these tags and no others.
fn sets(tags: &[(String, String)]) -> Rule {
    let tags: Vec<_> = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build().unwrap()).collect();
    mock!(Client::tag_resource)
        .match_requests(move |r| r.resource_id() == Some(ID) && r.tags() == tags)
        .then_output(|| TagResourceOutput::builder().build())
}

fn comes() -> Rule {
    sets(&[user_of(&owner())])
}

fn leaves() -> Rule {
    sets(&[Users::leaving(&owner())])
}

fn forgets() -> Rule {
    mock!(Client::untag_resource)
        .match_requests(|r| r.resource_id() == Some(ID) && r.tag_keys() == [Users::key(&owner())])
        .then_output(|| UntagResourceOutput::builder().build())
}

/// Leaves for good what stays open: the maker's tag goes with the last user's.
fn leaves_behind() -> Rule {
    let made = Users::made(&owner()).0;
    mock!(Client::untag_resource)
        .match_requests(move |r| r.resource_id() == Some(ID) && r.tag_keys() == [Users::key(&owner()), made.clone()])
        .then_output(|| UntagResourceOutput::builder().build())
}

/// Leaves what it made and nobody else uses.
fn last() -> Vec<Rule> {
    vec![own(), leaves(), left(), left()]
}

fn all<const N: usize>(parts: [Vec<Rule>; N]) -> Vec<Rule> {
    parts.into_iter().flatten().collect()
}

fn parent(id: &'static str, kind: ParentType) -> Rule {
    mock!(Client::list_parents).match_requests(|r| r.child_id() == Some(ID)).then_output(move || {
        ListParentsOutput::builder().parents(Parent::builder().id(id).r#type(kind.clone()).build()).build()
    })
}

fn roots() -> Rule {
    mock!(Client::list_roots).then_output(|| ListRootsOutput::builder().roots(Root::builder().id(ROOT).build()).build())
}

fn moves(from: &'static str, to: &'static str) -> Rule {
    mock!(Client::move_account)
        .match_requests(move |r| r.source_parent_id() == Some(from) && r.destination_parent_id() == Some(to))
        .then_output(|| MoveAccountOutput::builder().build())
}

fn move_fails(code: &'static str) -> Rule {
    mock!(Client::move_account).then_http_response(move || error_response(code, None))
}

/// Answers with these rules, each in its order, and fails the test on any other call.
fn mocked(organizations: &[Rule], account: &[Rule], sts: &[Rule]) -> Accounts {
    let account = mock_client!(aws_sdk_account, RuleMode::Sequential, account.iter().collect::<Vec<_>>());
    Accounts {
        api: Api::of(
            mock_client!(aws_sdk_organizations, RuleMode::Sequential, organizations.iter().collect::<Vec<_>>()),
            || account,
            mock_client!(aws_sdk_sts, RuleMode::Sequential, sts.iter().collect::<Vec<_>>()),
        ),
    }
}

#[track_caller]
fn assert_all_called(rules: &[Rule]) {
    for (index, rule) in rules.iter().enumerate() {
        assert!(rule.num_calls() > 0, "call {index} was never made");
    }
}

async fn ensured(
    rules: &[Rule],
    more: &Value,
    previous: Option<&Value>,
    claim: &Claim<AccountId>,
) -> Result<Attributes> {
    let previous = previous.map(written);
    let ended = mocked(rules, &[], &[]).ensure(&written(more), previous.as_ref(), claim).await;
    assert_all_called(rules);
    ended
}

async fn removed(rules: &[Rule], last: Option<&Value>, claim: &Claim<AccountId>) -> Result<()> {
    let ended = mocked(rules, &[], &[]).remove(last.map(written).as_ref(), claim).await;
    assert_all_called(rules);
    ended
}

#[track_caller]
fn assert_waits<T>(ended: Result<T>, minutes: Option<u64>) {
    let Err(Error::NotYet(not_yet)) = ended else { panic!("not a wait") };
    assert_eq!(not_yet.within, minutes.map(Duration::from_mins), "{not_yet}");
}

#[track_caller]
fn refusal<T>(ended: Result<T>) -> String {
    let Err(Error::Refused(sentence)) = ended else { panic!("not refused") };
    let sentence = sentence.to_string();
    assert!(!sentence.contains(EMAIL), "{sentence}");
    sentence
}

#[tokio::test]
async fn a_new_account_is_asked_for_once_and_its_request_is_held_at_once() {
    let claim = claim(None);
    let rules = [no_request(), accounts(Vec::new()), creates(CreateAccountState::InProgress)];
    assert_waits(ensured(&rules, &json!({}), None, &claim).await, None);
    assert_eq!(claim.id(), Some(AccountId::Request(REQUEST.to_owned())));

    // The next look follows the request, and asks for nothing.
    assert_waits(ensured(&[status(CreateAccountState::InProgress, None)], &json!({}), None, &claim).await, None);
    let rules = [status(CreateAccountState::Succeeded, None), describes(AccountState::Active), own()];
    let attributes = ensured(&rules, &json!({}), None, &claim).await.unwrap();
    assert_eq!(claim.id(), Some(AccountId::Account(ID.to_owned())));
    assert_eq!((attributes.account_id.as_str(), attributes.state.as_str()), (ID, "ACTIVE"));
    assert_eq!((attributes.name.as_str(), attributes.email.as_str()), ("app", EMAIL));
}

#[tokio::test]
async fn a_request_of_that_name_that_is_under_way_is_waited_for() {
    let claim = claim(None);
    let pending = not_failed(vec![request(CreateAccountState::InProgress, None)]);
    assert_waits(ensured(&[pending], &json!({}), None, &claim).await, None);
}

#[tokio::test]
async fn an_account_whose_answer_was_lost_is_found_by_its_address_in_any_case_and_its_mark() {
    let claim = claim(None);
    let listed = account("AWS+App@Example.com", AccountState::Active);
    ensured(&[no_request(), accounts(vec![listed]), own(), own()], &json!({}), None, &claim).await.unwrap();
    assert_eq!(claim.id(), Some(AccountId::Account(ID.to_owned())));
}

#[tokio::test]
async fn an_account_that_has_the_address_is_taken_over_only_where_the_template_says_so() {
    let listed = || accounts(vec![account(EMAIL, AccountState::Active)]);
    let sentence = refusal(ensured(&[no_request(), listed(), foreign()], &json!({}), None, &claim(None)).await);
    assert!(sentence.contains("set `AdoptExisting` to true"), "{sentence}");
    let rules = [no_request(), listed(), foreign(), comes(), shared()];
    ensured(&rules, &json!({"AdoptExisting": true}), None, &claim(None)).await.unwrap();
}

#[tokio::test]
async fn an_account_that_is_suspended_or_being_closed_is_never_taken_over() {
    for state in [AccountState::Suspended, AccountState::PendingClosure, AccountState::Closed] {
        let claim = claim(None);
        let rules = [no_request(), accounts(vec![account(EMAIL, state.clone())])];
        let sentence = refusal(ensured(&rules, &json!({"AdoptExisting": true}), None, &claim).await);
        assert!(sentence.contains(&format!("the account {ID} is {state}")), "{sentence}");
        assert!(claim.id().is_none(), "what isn't taken over isn't held");
    }
}

#[tokio::test]
async fn the_management_account_is_neither_taken_over_nor_kept() {
    let desired = json!({"Email": "root@example.com", "AdoptExisting": true});
    for desired in [desired.clone(), json!({"Email": "root@example.com"})] {
        let claim = claim(None);
        let sentence =
            refusal(ensured(&[no_request(), accounts(vec![management(HOUR)])], &desired, None, &claim).await);
        assert!(sentence.contains("111111111111 is the management account of this organization"), "{sentence}");
        assert!(claim.id().is_none(), "what isn't taken over isn't held");
    }
    let describes = mock!(Client::describe_account)
        .then_output(|| DescribeAccountOutput::builder().account(management(HOUR)).build());
    let sentence = refusal(ensured(&[describes], &desired, Some(&desired), &claim(Some("111111111111"))).await);
    assert!(sentence.contains("is one of its members"), "{sentence}");
}

/// An account as AWS describes it where accounts have no state, but the older status.
fn described_by_status(status: AccountStatus) -> Rule {
    mock!(Client::describe_account).then_output(move || {
        let mut described = account(EMAIL, AccountState::Active);
        (described.state, described.status) = (None, Some(status.clone()));
        DescribeAccountOutput::builder().account(described).build()
    })
}

#[tokio::test]
async fn where_an_account_has_no_state_its_status_says_the_same() {
    let attributes = ensured(&[described_by_status(AccountStatus::Active), own()], &json!({}), None, &claim(Some(ID)))
        .await
        .unwrap();
    assert_eq!(attributes.state, "ACTIVE");
    for status in [AccountStatus::Suspended, AccountStatus::PendingClosure] {
        let sentence =
            refusal(ensured(&[described_by_status(status.clone())], &json!({}), None, &claim(Some(ID))).await);
        assert!(sentence.contains(&format!("the account {ID} is {status}")), "{sentence}");
    }
    let closing = json!({"CloseOnDelete": true});
    let rules = all([last(), vec![described_by_status(AccountStatus::Suspended)]]);
    removed(&rules, Some(&closing), &claim(Some(ID))).await.unwrap();
    let rules = all([last(), vec![described_by_status(AccountStatus::PendingClosure)]]);
    assert_waits(removed(&rules, Some(&closing), &claim(Some(ID))).await, None);
}

#[tokio::test]
async fn an_account_that_is_being_activated_is_waited_for() {
    let rules = [no_request(), accounts(vec![account(EMAIL, AccountState::PendingActivation)])];
    assert_waits(ensured(&rules, &json!({"AdoptExisting": true}), None, &claim(None)).await, None);
}

#[tokio::test]
async fn what_may_pass_while_an_account_is_made_is_waited_for_as_long_as_it_may() {
    for (code, reason, minutes) in [
        ("ConcurrentModificationException", None, 10),
        ("TooManyRequestsException", None, 10),
        ("ServiceException", None, 10),
        ("AWSOrganizationsNotInUseException", None, 2),
        ("FinalizingOrganizationException", None, 60),
        ("ConstraintViolationException", Some("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"), 60),
        ("ConstraintViolationException", Some("ACCOUNT_NUMBER_LIMIT_EXCEEDED"), 60),
    ] {
        for listed in [vec![management(HOUR - 1)], Vec::new()] {
            let rules = [no_request(), accounts(listed), create_fails(code, reason)];
            assert_waits(ensured(&rules, &json!({}), None, &claim(None)).await, Some(minutes));
        }
    }
}

#[tokio::test]
async fn what_will_not_pass_while_an_account_is_made_is_refused_in_aws_s_words() {
    for (code, reason) in [
        ("InvalidInputException", None),
        ("UnsupportedAPIEndpointException", None),
        ("ConstraintViolationException", Some("EMAIL_VERIFICATION_CODE_EXPIRED")),
        // Of an organization with a small quota, which isn't new: an hour would change nothing.
        ("ConstraintViolationException", Some("ACCOUNT_NUMBER_LIMIT_EXCEEDED")),
    ] {
        let rules = [no_request(), accounts(vec![management(HOUR)]), create_fails(code, reason)];
        let sentence = refusal(ensured(&rules, &json!({}), None, &claim(None)).await);
        assert!(sentence.contains(&format!("{code}: AWS's own words")), "{sentence}");
    }
}

#[tokio::test]
async fn a_request_that_failed_for_organizations_own_reasons_is_made_again_a_few_times() {
    for reason in [Reason::ConcurrentAccountModification, Reason::InternalFailure] {
        let failed = |count| {
            requests(CreateAccountState::Failed, vec![request(CreateAccountState::Failed, Some(reason.clone())); count])
        };
        let failure = || status(CreateAccountState::Failed, Some(reason.clone()));
        let rules = [failure(), failed(2), no_request(), accounts(Vec::new()), creates(CreateAccountState::InProgress)];
        assert_waits(ensured(&rules, &json!({}), None, &claim(Some(REQUEST))).await, None);
        let sentence = refusal(ensured(&[failure(), failed(3)], &json!({}), None, &claim(Some(REQUEST))).await);
        assert!(sentence.contains(&format!("3 times, last with {reason}")), "{sentence}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_looked_for_in_this_organization() {
    let taken = || status(CreateAccountState::Failed, Some(Reason::EmailAlreadyExists));
    let here = || accounts(vec![account(EMAIL, AccountState::Active)]);
    let held = || claim(Some(REQUEST));
    let rules = [taken(), no_request(), here(), foreign(), comes(), shared()];
    ensured(&rules, &json!({"AdoptExisting": true}), None, &held()).await.unwrap();
    let sentence = refusal(ensured(&[taken(), no_request(), here(), foreign()], &json!({}), None, &held()).await);
    assert!(sentence.contains("set `AdoptExisting` to true"), "{sentence}");
}

#[tokio::test]
async fn an_address_is_called_foreign_only_after_the_account_has_had_a_minute_to_be_listed() {
    let taken = status(CreateAccountState::Failed, Some(Reason::EmailAlreadyExists));
    let rules = [taken, no_request(), accounts(Vec::new())];
    let ended = ensured(&rules, &json!({}), None, &claim(Some(REQUEST))).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("refused at once") };
    assert_eq!(not_yet.within, Some(Duration::from_mins(1)));
    assert!(not_yet.to_string().starts_with("an account outside this organization"), "{not_yet}");
}

/// A request that made the account so many seconds before that of CloudFormation.
fn succeeded(seconds: i64) -> Rule {
    let mut made = request(CreateAccountState::Succeeded, None);
    made.requested_timestamp = Some(DateTime::from_secs(-seconds));
    not_failed(vec![made])
}

#[tokio::test]
async fn an_account_whose_answer_was_lost_and_which_is_not_listed_yet_is_found_by_its_request() {
    let new = claim(None);
    let rules = [succeeded(0), accounts(vec![management(0)]), describes(AccountState::Active), own(), own()];
    ensured(&rules, &json!({}), None, &new).await.unwrap();
    assert_eq!(new.id(), Some(AccountId::Account(ID.to_owned())));

    // The same, where it was asked for a second time.
    let taken = status(CreateAccountState::Failed, Some(Reason::EmailAlreadyExists));
    let again = claim(Some(REQUEST));
    let rules = [taken, succeeded(HOUR - 1), accounts(Vec::new()), describes(AccountState::Active), own(), own()];
    ensured(&rules, &json!({}), None, &again).await.unwrap();
    assert_eq!(again.id(), Some(AccountId::Account(ID.to_owned())));
}

#[tokio::test]
async fn an_account_that_a_request_has_just_made_and_no_call_knows_yet_is_waited_for() {
    let unknown =
        mock!(Client::describe_account).then_http_response(|| error_response("AccountNotFoundException", None));
    let rules = [succeeded(0), accounts(Vec::new()), unknown];
    assert_waits(ensured(&rules, &json!({}), None, &claim(None)).await, Some(2));
}

#[tokio::test]
async fn old_requests_and_those_for_other_addresses_keep_nobody_from_an_account() {
    let old = [succeeded(HOUR), accounts(Vec::new()), creates(CreateAccountState::InProgress)];
    assert_waits(ensured(&old, &json!({}), None, &claim(None)).await, None);
    let another = mock!(Client::describe_account).then_output(|| {
        DescribeAccountOutput::builder().account(account("b@example.com", AccountState::Active)).build()
    });
    let rules = [succeeded(0), accounts(Vec::new()), another, creates(CreateAccountState::InProgress)];
    assert_waits(ensured(&rules, &json!({}), None, &claim(None)).await, None);
}

#[tokio::test]
async fn a_request_that_is_held_and_not_described_yet_is_not_made_again() {
    let unknown = mock!(Client::describe_create_account_status)
        .then_http_response(|| error_response("CreateAccountStatusNotFoundException", None));
    assert_waits(ensured(&[unknown], &json!({}), None, &claim(Some(REQUEST))).await, Some(2));
}

#[tokio::test]
async fn any_other_reason_of_a_failed_request_is_refused_by_its_name() {
    for reason in Reason::values().iter().map(|name| Reason::from(*name)) {
        if [Reason::ConcurrentAccountModification, Reason::InternalFailure, Reason::EmailAlreadyExists]
            .contains(&reason)
        {
            continue;
        }
        let rules = [status(CreateAccountState::Failed, Some(reason.clone()))];
        let sentence = refusal(ensured(&rules, &json!({}), None, &claim(Some(REQUEST))).await);
        assert!(sentence.ends_with(reason.as_str()), "{sentence}");
    }
}

#[tokio::test]
async fn an_update_that_changes_nothing_only_looks() {
    ensured(&[describes(AccountState::Active), own()], &json!({}), Some(&json!({})), &claim(Some(ID))).await.unwrap();
    let in_production = json!({"ParentId": PRODUCTION});
    let rules = [describes(AccountState::Active), own(), parent(PRODUCTION, ParentType::OrganizationalUnit)];
    ensured(&rules, &in_production, Some(&in_production), &claim(Some(ID))).await.unwrap();
}

#[tokio::test]
async fn an_account_is_moved_from_where_it_is() {
    let rules = [describes(AccountState::Active), own(), parent(ROOT, ParentType::Root), moves(ROOT, PRODUCTION)];
    ensured(&rules, &json!({"ParentId": PRODUCTION}), Some(&json!({})), &claim(Some(ID))).await.unwrap();
}

#[tokio::test]
async fn an_account_goes_back_to_the_root_when_the_template_names_no_parent_any_more() {
    let at_first = parent(PRODUCTION, ParentType::OrganizationalUnit);
    let rules = [describes(AccountState::Active), own(), at_first, roots(), moves(PRODUCTION, ROOT)];
    let before = json!({"ParentId": PRODUCTION});
    ensured(&rules, &json!({}), Some(&before), &claim(Some(ID))).await.unwrap();
}

#[tokio::test]
async fn an_account_that_the_template_places_elsewhere_is_moved_wherever_it_is_said_to_be() {
    let (nowhere, there) = (json!({}), json!({"ParentId": PRODUCTION}));
    let in_root = || [describes(AccountState::Active), own(), parent(ROOT, ParentType::Root)];
    for moving in [moves(PRODUCTION, ROOT), move_fails("DuplicateAccountException")] {
        let rules: Vec<_> = in_root().into_iter().chain([moving]).collect();
        ensured(&rules, &nowhere, Some(&there), &claim(Some(ID))).await.unwrap();
    }
    let is_there = parent(PRODUCTION, ParentType::OrganizationalUnit);
    let rules = [describes(AccountState::Active), own(), is_there, roots(), moves(ROOT, PRODUCTION)];
    ensured(&rules, &there, Some(&nowhere), &claim(Some(ID))).await.unwrap();
}

#[tokio::test]
async fn an_account_that_is_not_where_a_failed_template_wanted_it_stays_where_it_is() {
    let is_elsewhere = || parent(PRODUCTION, ParentType::OrganizationalUnit);
    let failed = json!({"ParentId": "ou-ab12-nothere1"});
    for code in ["SourceParentNotFoundException", "AccountNotFoundException"] {
        let rules = [describes(AccountState::Active), own(), is_elsewhere(), roots(), move_fails(code), is_elsewhere()];
        ensured(&rules, &json!({}), Some(&failed), &claim(Some(ID))).await.unwrap();
        let moved = parent("ou-ab12-another1", ParentType::OrganizationalUnit);
        let rules = [describes(AccountState::Active), own(), is_elsewhere(), roots(), move_fails(code), moved];
        assert_waits(ensured(&rules, &json!({}), Some(&failed), &claim(Some(ID))).await, Some(2));
    }
}

#[tokio::test]
async fn a_template_that_was_refused_for_its_address_has_nothing_to_be_taken_back() {
    let tags = json!([{"Key": "team", "Value": "a"}]);
    let refused = json!({"Email": "b@example.com", "ParentId": PRODUCTION, "Tags": tags});
    ensured(&[describes(AccountState::Active), own()], &json!({}), Some(&refused), &claim(Some(ID))).await.unwrap();
}

#[tokio::test]
async fn a_move_that_was_made_is_done_and_one_from_elsewhere_is_looked_at_again() {
    let moving = |ending: Rule| [describes(AccountState::Active), own(), parent(ROOT, ParentType::Root), ending];
    let desired = json!({"ParentId": PRODUCTION});
    ensured(&moving(move_fails("DuplicateAccountException")), &desired, None, &claim(Some(ID))).await.unwrap();
    for (code, minutes) in [
        ("SourceParentNotFoundException", 2),
        ("DestinationParentNotFoundException", 2),
        ("AccountNotFoundException", 2),
        ("AWSOrganizationsNotInUseException", 2),
        ("ConcurrentModificationException", 4),
        ("TooManyRequestsException", 4),
        ("ServiceException", 4),
    ] {
        assert_waits(ensured(&moving(move_fails(code)), &desired, None, &claim(Some(ID))).await, Some(minutes));
    }
}

#[tokio::test]
async fn tags_are_set_where_they_differ() {
    let own = (Users::key(&owner()), format!("{} {}", owner().signature(), "c7ffca8b"));
    let there = [("team", "a".to_owned()), (own.0.as_str(), "another".to_owned())];
    let rules = [
        describes(AccountState::Active),
        tagged(&there),
        sets(&[("stage".to_owned(), "prod".to_owned()), own.clone()]),
    ];
    let desired = json!({"Tags": [{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "prod"}]});
    let before = json!({"Tags": [{"Key": "team", "Value": "a"}]});
    ensured(&rules, &desired, Some(&before), &claim(Some(ID))).await.unwrap();
}

#[tokio::test]
async fn another_address_is_refused() {
    let sentence = refusal(
        ensured(&[describes(AccountState::Active)], &json!({"Email": "b@example.com"}), None, &claim(Some(ID))).await,
    );
    assert!(sentence.contains("give the old one"), "{sentence}");
}

fn renames(to: &'static str) -> Rule {
    mock!(aws_sdk_account::Client::put_account_name)
        .match_requests(move |r| r.account_id() == Some(ID) && r.account_name() == Some(to))
        .then_output(|| PutAccountNameOutput::builder().build())
}

#[tokio::test]
async fn another_name_is_given_through_the_account_api_or_refused() {
    let desired = written(&json!({"Name": "api"}));
    let accounts = mocked(&[describes(AccountState::Active), own()], &[renames("api")], &[]);
    assert_eq!(accounts.ensure(&desired, None, &claim(Some(ID))).await.unwrap().name, "api");
}

#[tokio::test]
async fn a_name_that_a_failed_template_may_have_given_is_taken_back_whatever_is_described() {
    let (old, failed) = (written(&json!({})), written(&json!({"Name": "api"})));
    let back = [renames("app")];
    let accounts = mocked(&[describes(AccountState::Active), own()], &back, &[]);
    accounts.ensure(&old, Some(&failed), &claim(Some(ID))).await.unwrap();
    assert_all_called(&back);
}

#[tokio::test]
async fn a_name_that_may_not_be_given_is_not_taken_back() {
    let (old, failed) = (written(&json!({})), written(&json!({"Name": "api"})));
    let denied = mock!(aws_sdk_account::Client::put_account_name)
        .then_http_response(|| error_response("AccessDeniedException", None));
    let accounts = mocked(&[describes(AccountState::Active), own()], &[denied], &[]);
    accounts.ensure(&old, Some(&failed), &claim(Some(ID)).denied()).await.unwrap();
}

#[tokio::test]
async fn another_name_that_is_denied_is_asked_for_while_the_role_may_be_fresh_and_the_sentence_says_what_to_do() {
    let denied = mock!(aws_sdk_account::Client::put_account_name)
        .then_http_response(|| error_response("AccessDeniedException", None));
    let accounts = mocked(&[describes(AccountState::Active), own()], &[denied], &[]);
    let ended = accounts.ensure(&written(&json!({"Name": "api"})), None, &claim(Some(ID))).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("it was refused at once") };
    assert!(not_yet.is_denial(), "{not_yet}");
    assert!(not_yet.to_string().contains("trust account.amazonaws.com"), "{not_yet}");
}

#[tokio::test]
async fn an_account_that_has_left_is_refused_and_one_that_is_only_not_described_is_waited_for() {
    let gone =
        || mock!(Client::describe_account).then_http_response(|| error_response("AccountNotFoundException", None));
    let lost = mock!(Client::list_parents).then_http_response(|| error_response("ChildNotFoundException", None));
    let sentence = refusal(ensured(&[gone(), lost], &json!({}), None, &claim(Some(ID))).await);
    assert!(sentence.contains("not in this organization"), "{sentence}");
    let behind = [gone(), parent(ROOT, ParentType::Root)];
    assert_waits(ensured(&behind, &json!({}), None, &claim(Some(ID))).await, Some(2));
}

#[tokio::test]
async fn an_account_is_ready_when_its_role_can_be_assumed_and_knows_who_it_is() {
    let assumes = mock!(aws_sdk_sts::Client::assume_role)
        .match_requests(|r| r.role_arn() == Some("arn:aws:iam::222222222222:role/OrganizationAccountAccessRole"))
        .then_output(|| {
            let keys = Credentials::builder().access_key_id("a").secret_access_key("b").session_token("c");
            let keys = keys.expiration(DateTime::from_secs(0)).build().unwrap();
            AssumeRoleOutput::builder().credentials(keys).build()
        });
    let knows =
        mock!(aws_sdk_sts::Client::get_caller_identity).then_output(|| GetCallerIdentityOutput::builder().build());
    let sts = [assumes, knows];
    let accounts = mocked(&[describes(AccountState::Active), own()], &[], &sts);
    accounts.ensure(&written(&json!({"WaitUntilReady": true})), None, &claim(Some(ID))).await.unwrap();
    assert_all_called(&sts);
}

#[tokio::test]
async fn a_role_that_can_not_be_assumed_yet_is_waited_for_and_one_that_could_is_not_asked_again() {
    let desired = written(&json!({"WaitUntilReady": true}));
    for code in ["AccessDenied", "InvalidClientTokenId", "RegionDisabledException"] {
        let denies = mock!(aws_sdk_sts::Client::assume_role).then_http_response(move || {
            let body =
                format!("<ErrorResponse><Error><Code>{code}</Code><Message>No.</Message></Error></ErrorResponse>");
            HttpResponse::new(StatusCode::try_from(403).unwrap(), SdkBody::from(body))
        });
        let accounts = mocked(&[describes(AccountState::Active), own()], &[], &[denies]);
        assert_waits(accounts.ensure(&desired, None, &claim(Some(ID))).await, Some(15));
    }
    let accounts = mocked(&[describes(AccountState::Active), own()], &[], &[]);
    accounts.ensure(&desired, Some(&desired), &claim(Some(ID))).await.unwrap();
}

#[tokio::test]
async fn delete_leaves_the_account_without_its_mark_unless_the_template_closes_it() {
    let not_closing = json!({});
    for last in [Some(&not_closing), None] {
        removed(&[own(), leaves_behind()], last, &claim(Some(ID))).await.unwrap();
        removed(&[foreign(), foreign()], last, &claim(Some(ID))).await.unwrap();
    }
    let rules = [status(CreateAccountState::Succeeded, None), own(), leaves_behind()];
    removed(&rules, Some(&not_closing), &claim(Some(REQUEST))).await.unwrap();
    let nothing = [not_failed(Vec::new()), accounts(Vec::new())];
    removed(&nothing, Some(&not_closing), &claim(Some("nothing-was-made"))).await.unwrap();
    removed(&[], None, &claim(Some("nothing-was-made"))).await.unwrap();
}

#[tokio::test]
async fn an_account_that_another_resource_uses_is_neither_closed_nor_renamed_nor_moved() {
    let closing = json!({"CloseOnDelete": true});
    let left = || marked(&[Users::made(&owner()), Users::leaving(&owner()), user_of(&another())]);
    removed(&[shared(), leaves(), left(), left(), forgets()], Some(&closing), &claim(Some(ID))).await.unwrap();
    let rules = [describes(AccountState::Active), shared(), shared()];
    let sentence = refusal(ensured(&rules, &json!({"Name": "api"}), None, &claim(Some(ID))).await);
    assert!(
        sentence.starts_with(&format!("the account {ID} is used by other/Thing as well, so its name")),
        "{sentence}"
    );
    let rules = [describes(AccountState::Active), shared(), parent(ROOT, ParentType::Root), shared()];
    let sentence = refusal(ensured(&rules, &json!({"ParentId": PRODUCTION}), None, &claim(Some(ID))).await);
    assert!(sentence.contains("so its place can't change"), "{sentence}");
}

#[tokio::test]
async fn an_account_that_could_not_be_closed_keeps_its_user() {
    let fails = mock!(Client::close_account)
        .then_http_response(|| error_response("ConstraintViolationException", Some("CLOSE_ACCOUNT_QUOTA_EXCEEDED")));
    let rules = all([last(), vec![describes(AccountState::Active), fails, comes()]]);
    refusal(removed(&rules, Some(&json!({"CloseOnDelete": true})), &claim(Some(ID))).await);
}

#[tokio::test]
async fn a_delete_of_what_the_claim_never_used_closes_nothing_even_if_nobody_else_uses_it() {
    let unused = || marked(&[Users::made(&owner())]);
    let here = accounts(vec![account(EMAIL, AccountState::Active)]);
    let rules = [not_failed(Vec::new()), here, unused(), unused()];
    removed(&rules, Some(&json!({"CloseOnDelete": true})), &claim(Some("landing-App-1ABCDEF"))).await.unwrap();
}

#[tokio::test]
async fn close_on_delete_closes_what_the_claim_made_and_waits_until_it_is_closed() {
    let closing = json!({"CloseOnDelete": true});
    let closes = mock!(Client::close_account)
        .match_requests(|r| r.account_id() == Some(ID))
        .then_output(|| CloseAccountOutput::builder().build());
    assert_waits(
        removed(&all([last(), vec![describes(AccountState::Active), closes]]), Some(&closing), &claim(Some(ID))).await,
        None,
    );
    // The next look goes on.
    let looks = |state| [left(), left(), left(), describes(state)];
    assert_waits(removed(&looks(AccountState::PendingClosure), Some(&closing), &claim(Some(ID))).await, None);
    for state in [AccountState::Suspended, AccountState::Closed] {
        removed(&looks(state), Some(&closing), &claim(Some(ID))).await.unwrap();
    }
}

#[tokio::test]
async fn an_account_that_was_adopted_is_never_closed() {
    let adopted = || marked(&[user_of(&owner())]);
    removed(&[adopted(), adopted(), forgets()], Some(&json!({"CloseOnDelete": true})), &claim(Some(ID))).await.unwrap();
}

#[tokio::test]
async fn a_delete_of_a_request_finds_out_first_what_it_made() {
    let closing = json!({"CloseOnDelete": true});
    assert_waits(
        removed(&[status(CreateAccountState::InProgress, None)], Some(&closing), &claim(Some(REQUEST))).await,
        None,
    );
    let suspended = || vec![describes(AccountState::Suspended)];
    let rules = all([vec![status(CreateAccountState::Succeeded, None)], last(), suspended()]);
    removed(&rules, Some(&closing), &claim(Some(REQUEST))).await.unwrap();
    let failed = status(CreateAccountState::Failed, Some(Reason::InternalFailure));
    let nothing = || [not_failed(Vec::new()), accounts(Vec::new())];
    let again = status(CreateAccountState::Failed, Some(Reason::InternalFailure));
    let rules: Vec<_> = [failed].into_iter().chain(nothing()).chain([again]).chain(nothing()).collect();
    removed(&rules, Some(&closing), &claim(Some(REQUEST))).await.unwrap();
}

#[tokio::test]
async fn a_delete_of_a_request_that_failed_finds_what_another_made_whose_answer_was_lost() {
    let closing = json!({"CloseOnDelete": true});
    let failed = || status(CreateAccountState::Failed, Some(Reason::EmailAlreadyExists));
    let here = accounts(vec![account(EMAIL, AccountState::Active)]);
    let found = vec![failed(), not_failed(Vec::new()), here];
    let rules = all([found, last(), vec![describes(AccountState::Suspended)]]);
    removed(&rules, Some(&closing), &claim(Some(REQUEST))).await.unwrap();
    let pending = not_failed(vec![request(CreateAccountState::InProgress, None)]);
    assert_waits(removed(&[failed(), pending], Some(&closing), &claim(Some(REQUEST))).await, None);
}

#[tokio::test]
async fn a_delete_with_an_invented_id_finds_what_a_cancelled_create_made() {
    let closing = json!({"CloseOnDelete": true});
    let invented = || claim(Some("landing-App-1ABCDEF"));
    let here = || accounts(vec![account(EMAIL, AccountState::Active)]);
    let found = || vec![not_failed(Vec::new()), here()];
    let rules = all([found(), last(), vec![describes(AccountState::Suspended)]]);
    removed(&rules, Some(&closing), &invented()).await.unwrap();
    removed(&all([found(), vec![foreign(), foreign()]]), Some(&closing), &invented()).await.unwrap();
    let nothing = || [not_failed(Vec::new()), accounts(Vec::new())];
    removed(&nothing(), Some(&closing), &claim(Some("nothing-was-made"))).await.unwrap();
    let twice: Vec<_> = nothing().into_iter().chain(nothing()).collect();
    removed(&twice, Some(&closing), &invented()).await.unwrap();
    // The first look was at lists that were behind.
    let behind = all([nothing().into(), found(), last(), vec![describes(AccountState::Suspended)]]);
    removed(&behind, Some(&closing), &invented()).await.unwrap();
    let pending = not_failed(vec![request(CreateAccountState::InProgress, None)]);
    assert_waits(removed(&[pending], Some(&closing), &invented()).await, None);
}

#[tokio::test]
async fn a_delete_finds_an_account_that_is_not_listed_yet_by_the_request_that_made_it() {
    let made = not_failed(vec![request(CreateAccountState::Succeeded, None)]);
    let rules = all([vec![made, accounts(Vec::new())], last(), vec![describes(AccountState::Suspended)]]);
    removed(&rules, Some(&json!({"CloseOnDelete": true})), &claim(None)).await.unwrap();
}

#[tokio::test]
async fn an_account_that_carries_the_mark_but_is_not_described_yet_is_waited_for_before_it_is_closed() {
    let unknown =
        mock!(Client::describe_account).then_http_response(|| error_response("AccountNotFoundException", None));
    let closing = json!({"CloseOnDelete": true});
    assert_waits(removed(&all([last(), vec![unknown]]), Some(&closing), &claim(Some(ID))).await, Some(2));
}

#[tokio::test]
async fn closing_waits_for_what_passes_and_refuses_the_quota_in_aws_s_words() {
    let closing = json!({"CloseOnDelete": true});
    let ended = async |code: &'static str, reason: Option<&'static str>| {
        let fails = mock!(Client::close_account).then_http_response(move || error_response(code, reason));
        let stays = (code == "ConstraintViolationException" && reason != Some("CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED"))
            .then(comes);
        let tries = vec![describes(AccountState::Active), fails];
        let rules = all([last(), tries, stays.into_iter().collect()]);
        removed(&rules, Some(&closing), &claim(Some(ID))).await
    };
    assert_waits(ended("ConflictException", None).await, Some(10));
    assert_waits(ended("ConcurrentModificationException", None).await, Some(4));
    assert_waits(ended("TooManyRequestsException", None).await, Some(4));
    let constraint = "ConstraintViolationException";
    assert_waits(ended(constraint, Some("CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED")).await, Some(60));
    for reason in ["CLOSE_ACCOUNT_QUOTA_EXCEEDED", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"] {
        let sentence = refusal(ended(constraint, Some(reason)).await);
        assert!(sentence.contains("AWS's own words"), "{sentence}");
    }
    // Done, but for the look that sees it.
    assert_waits(ended("AccountAlreadyClosedException", None).await, None);
    assert_waits(ended("AccountNotFoundException", None).await, None);
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried {
        passing: &[
            (Some("CreateAccount"), &crate::api::CREATING),
            (Some("account:PutAccountName"), &[crate::api::RENAMING]),
            (Some("MoveAccount"), &[crate::api::NEW_PARENT]),
            (Some("CloseAccount"), &[crate::api::CLOSING]),
            (Some("STS"), &[crate::api::NOT_READY]),
            (None, &organizations::PASSING),
        ],
        waits: &[
            ("BUSY_WITH_ACCOUNTS", crate::api::BUSY_WITH_ACCOUNTS),
            ("QUEUED", crate::api::QUEUED),
            ("READY_WITHIN", crate::api::READY_WITHIN),
            ("ACCOUNT_LISTED_WITHIN", crate::creation::ACCOUNT_LISTED_WITHIN),
            ("ORGANIZATIONS_BUSY_FOR", organizations::ORGANIZATIONS_BUSY_FOR),
            ("NEW_FOR", organizations::NEW_FOR),
            ("USERS_LEFT_WITHIN", archipelago::USERS_LEFT_WITHIN),
        ],
    };
    let schema = archipelago::schema::text::<Accounts>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/Account.json", &schema);
}
