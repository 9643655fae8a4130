//! What each verb asks of Organizations, with a real client and canned answers.

use archipelago::Users;
use aws_sdk_organizations::{
    operation::{
        create_organizational_unit::CreateOrganizationalUnitOutput,
        delete_organizational_unit::DeleteOrganizationalUnitOutput,
        describe_organizational_unit::DescribeOrganizationalUnitOutput,
        list_accounts_for_parent::ListAccountsForParentOutput,
        list_organizational_units_for_parent::ListOrganizationalUnitsForParentOutput, list_parents::ListParentsOutput,
        list_roots::ListRootsOutput, list_tags_for_resource::ListTagsForResourceOutput,
        tag_resource::TagResourceOutput, untag_resource::UntagResourceOutput,
        update_organizational_unit::UpdateOrganizationalUnitOutput,
    },
    types::{Account, OrganizationalUnit, Parent, ParentType, Root, Tag},
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
use aws_smithy_types::body::SdkBody;
use custom_resource::{Owner, testing::ensure};
use serde_json::{Value, json};

use super::*;

const ROOT: &str = "r-ab12";
const WORKLOADS: &str = "ou-ab12-workload1";
const PRODUCTION: &str = "ou-ab12-product1";
const OTHER: &str = "ou-ab12-another1";

fn owner() -> Owner {
    Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Production")
}

fn claim(id: Option<&str>) -> Claim<UnitId> {
    Claim::new(owner(), id)
}

fn properties(properties: Value) -> Properties {
    serde_json::from_value(properties).unwrap()
}

/// An error as Organizations sends it.
fn error_response(code: &str, message: &str) -> HttpResponse {
    let body = json!({"__type": code, "Message": message}).to_string();
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body))
}

fn unit(id: &str, name: &str) -> OrganizationalUnit {
    let arn = format!("arn:aws:organizations::111111111111:ou/o-exampleorgid/{id}");
    OrganizationalUnit::builder().id(id).arn(arn).name(name).build()
}

fn root() -> Rule {
    mock!(Client::list_roots).then_output(|| ListRootsOutput::builder().roots(Root::builder().id(ROOT).build()).build())
}

/// The OUs under `parent`, after an empty page, which Organizations may send at any time.
fn lists(parent: &'static str, units: &[(&str, &str)]) -> Rule {
    let units: Vec<_> = units.iter().map(|(id, name)| unit(id, name)).collect();
    mock!(Client::list_organizational_units_for_parent)
        .match_requests(move |request| request.parent_id() == Some(parent))
        .sequence()
        .output(|| ListOrganizationalUnitsForParentOutput::builder().next_token("more").build())
        .output(move || {
            let output = ListOrganizationalUnitsForParentOutput::builder();
            output.set_organizational_units(Some(units.clone())).build()
        })
        .build()
}

/// Makes an OU that the claim uses, or only a level on the way to that.
fn creates(parent: &'static str, id: &'static str, name: &'static str, is_used: bool) -> Rule {
    mock!(Client::create_organizational_unit)
        .match_requests(move |request| {
            let made = Tag::builder().key("archipelago:made").value(owner().signature()).build().unwrap();
            let user = request.tags().iter().any(|tag| tag.key() == Users::key(&owner()));
            let is_marked = request.tags().contains(&made) && user == is_used;
            request.parent_id() == Some(parent) && request.name() == Some(name) && is_marked
        })
        .then_output(move || CreateOrganizationalUnitOutput::builder().organizational_unit(unit(id, name)).build())
}

fn described(id: &'static str, name: &'static str) -> Rule {
    mock!(Client::describe_organizational_unit)
        .match_requests(move |request| request.organizational_unit_id() == Some(id))
        .then_output(move || DescribeOrganizationalUnitOutput::builder().organizational_unit(unit(id, name)).build())
}

fn tagged(id: &'static str, tags: &[(&str, String)]) -> Rule {
    let tags: Vec<_> = tags.iter().map(|(k, v)| Tag::builder().key(*k).value(v).build().unwrap()).collect();
    mock!(Client::list_tags_for_resource)
        .match_requests(move |request| request.resource_id() == Some(id))
        .then_output(move || ListTagsForResourceOutput::builder().set_tags(Some(tags.clone())).build())
}

type Marks = Vec<(String, String)>;

/// An OU with these marks.
fn marked(id: &'static str, marks: &[(String, String)]) -> Rule {
    tagged(id, &marks.iter().map(|(key, value)| (key.as_str(), value.clone())).collect::<Vec<_>>())
}

fn user_of(owner: &Owner) -> (String, String) {
    (Users::key(owner), owner.signature())
}

fn another() -> Owner {
    Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/other/2f0b", "Thing")
}

/// What the claim made and uses.
fn own_marks() -> Marks {
    vec![Users::made(&owner()), user_of(&owner())]
}

fn own(id: &'static str) -> Rule {
    marked(id, &own_marks())
}

/// What the claim made and is leaving.
fn left(id: &'static str) -> Rule {
    marked(id, &[Users::made(&owner()), Users::leaving(&owner())])
}

fn own_level(id: &'static str) -> Rule {
    marked(id, &[Users::made(&owner())])
}

fn foreign_marks() -> Marks {
    vec![Users::made(&another()), user_of(&another())]
}

fn foreign(id: &'static str) -> Rule {
    marked(id, &foreign_marks())
}

/// What another made, and both use.
fn shared(id: &'static str) -> Rule {
    marked(id, &[foreign_marks(), vec![user_of(&owner())]].concat())
}

fn comes(id: &'static str) -> Rule {
    sets(id, &[user_of(&owner())])
}

fn leaves(id: &'static str) -> Rule {
    sets(id, &[Users::leaving(&owner())])
}

/// Sets these tags and no others.
fn sets(id: &'static str, tags: &[(String, String)]) -> Rule {
    let tags: Vec<_> = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build().unwrap()).collect();
    mock!(Client::tag_resource)
        .match_requests(move |r| r.resource_id() == Some(id) && r.tags() == tags)
        .then_output(|| TagResourceOutput::builder().build())
}

fn forgets(id: &'static str) -> Rule {
    mock!(Client::untag_resource)
        .match_requests(move |r| r.resource_id() == Some(id) && r.tag_keys() == [Users::key(&owner())])
        .then_output(|| UntagResourceOutput::builder().build())
}

/// Leaves what it made and nobody else uses.
fn last(id: &'static str) -> Vec<Rule> {
    vec![own(id), leaves(id), left(id), left(id)]
}

/// Finds a level that nobody uses, and says that it is about to go.
fn unused(id: &'static str) -> Vec<Rule> {
    vec![own_level(id), own_level(id), leaves(id), left(id), left(id)]
}

fn all<const N: usize>(parts: [Vec<Rule>; N]) -> Vec<Rule> {
    parts.into_iter().flatten().collect()
}

fn removes_tag(id: &'static str, key: &'static str) -> Rule {
    mock!(Client::untag_resource)
        .match_requests(move |r| r.resource_id() == Some(id) && r.tag_keys() == [key])
        .then_output(|| UntagResourceOutput::builder().build())
}

fn deletes(id: &'static str) -> Rule {
    mock!(Client::delete_organizational_unit)
        .match_requests(move |request| request.organizational_unit_id() == Some(id))
        .then_output(|| DeleteOrganizationalUnitOutput::builder().build())
}

fn renames(id: &'static str, to: &'static str) -> Rule {
    mock!(Client::update_organizational_unit)
        .match_requests(move |r| r.organizational_unit_id() == Some(id) && r.name() == Some(to))
        .then_output(|| UpdateOrganizationalUnitOutput::builder().build())
}

/// The parent of what isn't there.
fn lost() -> Rule {
    mock!(Client::list_parents).then_http_response(|| error_response("ChildNotFoundException", ""))
}

fn in_root() -> Rule {
    mock!(Client::list_parents)
        .then_output(|| ListParentsOutput::builder().parents(Parent::builder().id(ROOT).build()).build())
}

fn refuses_to_delete(id: &'static str) -> Rule {
    mock!(Client::delete_organizational_unit)
        .match_requests(move |request| request.organizational_unit_id() == Some(id))
        .then_http_response(|| error_response("OrganizationalUnitNotEmptyException", ""))
}

/// Answers with `rules` in this order, and fails the test on any other call.
fn mocked(rules: &[Rule]) -> OrganizationalUnits {
    OrganizationalUnits::new(mock_client!(
        aws_sdk_organizations,
        RuleMode::Sequential,
        rules.iter().collect::<Vec<_>>()
    ))
}

#[track_caller]
fn assert_all_called(rules: &[Rule]) {
    for (index, rule) in rules.iter().enumerate() {
        assert!(rule.num_calls() > 0, "call {index} was never made");
    }
}

async fn ensured(rules: &[Rule], desired: Value, previous: Option<Value>, claim: &Claim<UnitId>) -> Attributes {
    let previous = previous.map(properties);
    let attributes = ensure(&mocked(rules), &properties(desired), previous.as_ref(), claim).await.unwrap();
    assert_all_called(rules);
    attributes
}

async fn removed(rules: &[Rule], last: Option<Value>, claim: &Claim<UnitId>) -> Result<()> {
    let removed = mocked(rules).remove(last.map(properties).as_ref(), claim).await;
    assert_all_called(rules);
    removed
}

#[tokio::test]
async fn an_ou_that_is_not_there_is_made_under_the_root_and_carries_the_mark() {
    let claim = claim(None);
    let rules = [root(), lists(ROOT, &[(OTHER, "Sandbox")]), creates(ROOT, WORKLOADS, "Workloads", true)];
    let attributes = ensured(&rules, json!({"Name": "Workloads"}), None, &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
    assert_eq!(
        attributes,
        Attributes {
            id: WORKLOADS.to_owned(),
            arn: format!("arn:aws:organizations::111111111111:ou/o-exampleorgid/{WORKLOADS}"),
            name: "Workloads".to_owned(),
            path: "Workloads".to_owned(),
            parent_id: ROOT.to_owned(),
        }
    );
}

#[tokio::test]
async fn the_path_of_an_ou_under_another_is_read_from_its_parents() {
    let describe = described(WORKLOADS, "Workloads");
    let parents = mock!(Client::list_parents).then_output(|| {
        let root = Parent::builder().id(ROOT).r#type(ParentType::Root).build();
        ListParentsOutput::builder().parents(root).build()
    });
    let made = creates(WORKLOADS, PRODUCTION, "Production", true);
    let rules = [lists(WORKLOADS, &[]), made, describe, parents];
    let desired = json!({"Name": "Production", "ParentId": WORKLOADS});
    assert_eq!(ensured(&rules, desired, None, &claim(None)).await.path, "Workloads/Production");
}

#[tokio::test]
async fn missing_levels_of_a_path_are_made_on_the_way_and_carry_their_own_mark() {
    let claim = claim(None);
    let rules = [
        root(),
        lists(ROOT, &[]),
        creates(ROOT, WORKLOADS, "Workloads", false),
        lists(WORKLOADS, &[]),
        creates(WORKLOADS, PRODUCTION, "Production", true),
    ];
    let attributes = ensured(&rules, json!({"Path": "Workloads/Production"}), None, &claim).await;
    assert_eq!((attributes.path.as_str(), attributes.parent_id.as_str()), ("Workloads/Production", WORKLOADS));
}

#[tokio::test]
async fn a_create_that_comes_again_finds_what_it_made() {
    let claim = claim(None);
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), own(WORKLOADS)];
    ensured(&rules, json!({"Name": "Workloads", "AdoptExisting": false}), None, &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
}

#[tokio::test]
async fn an_ou_of_the_same_name_is_adopted_by_a_mark_and_given_the_tags_of_the_template() {
    let claim = claim(None);
    let tags = [("team".to_owned(), "a".to_owned()), (Users::key(&owner()), format!("{} ca8b", owner().signature()))];
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        foreign(WORKLOADS),
        sets(WORKLOADS, &tags),
        // Of one that leaves and one that comes, one sees the other.
        shared(WORKLOADS),
    ];
    let desired = json!({"Name": "Workloads", "Tags": [{"Key": "team", "Value": "a"}]});
    ensured(&rules, desired, None, &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
}

#[tokio::test]
async fn an_ou_whose_last_user_is_leaving_is_not_relied_on() {
    let leaving = || marked(WORKLOADS, &[Users::made(&another()), Users::leaving(&another()), user_of(&owner())]);
    let listed = || vec![root(), lists(ROOT, &[(WORKLOADS, "Workloads")])];
    for rules in
        [all([listed(), vec![foreign(WORKLOADS), comes(WORKLOADS), leaving()]]), all([listed(), vec![leaving()]])]
    {
        let claim = claim(None);
        let ended = mocked(&rules).ensure(&properties(json!({"Name": "Workloads"})), None, &claim).await;
        assert!(
            matches!(&ended, Err(Error::NotYet(waits)) if waits.to_string().contains("other/Thing is leaving")),
            "{ended:?}"
        );
        assert_all_called(&rules);
        assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
    }
}

#[tokio::test]
async fn what_two_resources_use_is_not_renamed_by_one_of_them_and_the_sentence_says_how_it_is_done() {
    let listed = || lists(ROOT, &[(WORKLOADS, "Workloads")]);
    let (desired, previous) = (properties(json!({"Name": "Apps"})), properties(json!({"Name": "Workloads"})));
    let rules = [root(), listed(), shared(WORKLOADS), shared(WORKLOADS)];
    let refusal =
        ensure(&mocked(&rules), &desired, Some(&previous), &claim(Some(WORKLOADS))).await.unwrap_err().to_string();
    for words in ["is used by other/Thing as well", "its name can't change", "rename the logical id first"] {
        assert!(refusal.contains(words), "{refusal}");
    }
    // The first list was behind: the other one has left.
    let rules = [root(), listed(), shared(WORKLOADS), own(WORKLOADS), renames(WORKLOADS, "Apps")];
    ensured(&rules, json!({"Name": "Apps"}), Some(json!({"Name": "Workloads"})), &claim(Some(WORKLOADS))).await;
}

#[tokio::test]
async fn an_ou_of_the_same_name_is_refused_where_the_template_does_not_adopt() {
    let claim = claim(None);
    let units = mocked(&[root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), foreign(WORKLOADS)]);
    let desired = properties(json!({"Name": "Workloads", "AdoptExisting": false}));
    let refusal = units.ensure(&desired, None, &claim).await.unwrap_err().to_string();
    assert!(refusal.starts_with("an OU named Workloads exists there already (ou-ab12-workload1)"), "{refusal}");
    assert!(claim.id().is_none());
}

#[tokio::test]
async fn an_update_that_changes_nothing_only_looks() {
    let same = json!({"Name": "Workloads"});
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), own(WORKLOADS)];
    ensured(&rules, same.clone(), Some(same), &claim(Some(WORKLOADS))).await;
}

#[tokio::test]
async fn a_rename_keeps_the_id() {
    let claim = claim(Some(WORKLOADS));
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), own(WORKLOADS), renames(WORKLOADS, "Apps")];
    let attributes = ensured(&rules, json!({"Name": "Apps"}), Some(json!({"Name": "Workloads"})), &claim).await;
    assert_eq!((attributes.id.as_str(), attributes.name.as_str()), (WORKLOADS, "Apps"));
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
}

#[tokio::test]
async fn a_rename_to_a_name_that_is_taken_is_refused_and_keeps_the_id() {
    let claim = claim(Some(WORKLOADS));
    let refuses = mock!(Client::update_organizational_unit)
        .then_http_response(|| error_response("DuplicateOrganizationalUnitException", "It exists."));
    let listed = lists(ROOT, &[(WORKLOADS, "Workloads"), (OTHER, "Apps")]);
    let units = mocked(&[root(), listed, own(WORKLOADS), refuses, described(WORKLOADS, "Workloads")]);
    let ended = units.ensure(&properties(json!({"Name": "Apps"})), None, &claim).await;
    assert!(matches!(ended, Err(Error::Refused(_))));
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
}

#[tokio::test]
async fn a_rename_that_was_sent_again_since_its_answer_was_lost_is_done() {
    let claim = claim(Some(WORKLOADS));
    let refuses = mock!(Client::update_organizational_unit)
        .then_http_response(|| error_response("DuplicateOrganizationalUnitException", "It exists."));
    let rules =
        [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), own(WORKLOADS), refuses, described(WORKLOADS, "Apps")];
    let attributes = ensured(&rules, json!({"Name": "Apps"}), Some(json!({"Name": "Workloads"})), &claim).await;
    assert_eq!((attributes.id.as_str(), attributes.name.as_str()), (WORKLOADS, "Apps"));
}

#[tokio::test]
async fn a_name_that_a_failed_template_may_have_given_is_taken_back_whatever_is_listed() {
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), own(WORKLOADS), renames(WORKLOADS, "Workloads")];
    ensured(&rules, json!({"Name": "Workloads"}), Some(json!({"Name": "Apps"})), &claim(Some(WORKLOADS))).await;
    // It had the name all the time, and that is said to be taken.
    let taken = || {
        mock!(Client::update_organizational_unit)
            .then_http_response(|| error_response("DuplicateOrganizationalUnitException", "It exists."))
    };
    let rules =
        [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), own(WORKLOADS), taken(), described(WORKLOADS, "Workloads")];
    ensured(&rules, json!({"Name": "Workloads"}), Some(json!({"Name": "Apps"})), &claim(Some(WORKLOADS))).await;
    let behind =
        [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), own(WORKLOADS), taken(), described(WORKLOADS, "Apps")];
    let (old, failed) = (properties(json!({"Name": "Workloads"})), properties(json!({"Name": "Apps"})));
    let ended = ensure(&mocked(&behind), &old, Some(&failed), &claim(Some(WORKLOADS))).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn an_ou_that_is_not_listed_though_it_is_there_is_not_replaced() {
    let claim = claim(Some(WORKLOADS));
    let (desired, previous) = (properties(json!({"Name": "Apps"})), properties(json!({"Name": "Workloads"})));
    let ended = ensure(&mocked(&[root(), lists(ROOT, &[]), in_root()]), &desired, Some(&previous), &claim).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
}

#[tokio::test]
async fn another_parent_is_a_replacement_under_a_new_id() {
    let claim = claim(Some(PRODUCTION));
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), creates(ROOT, OTHER, "Production", true)];
    let previous = json!({"Name": "Production", "ParentId": WORKLOADS});
    ensured(&rules, json!({"Name": "Production"}), Some(previous), &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), OTHER);
}

#[tokio::test]
async fn the_rollback_of_a_cancelled_replacement_deletes_the_new_ou() {
    let new = "ou-ab12-newcopy1";
    let in_root = || lists(ROOT, &[(WORKLOADS, "Workloads"), (OTHER, "Europe")]);
    let rules = all([
        vec![root(), in_root(), lists(WORKLOADS, &[(PRODUCTION, "Production")]), own(PRODUCTION), comes(PRODUCTION)],
        vec![root(), in_root(), lists(OTHER, &[(new, "Production")])],
        last(new),
        vec![deletes(new)],
        unused(OTHER),
        vec![deletes(OTHER)],
    ]);
    let (old, new) = (json!({"Path": "Workloads/Production"}), json!({"Path": "Europe/Production"}));
    ensured(&rules, old, Some(new), &claim(Some(PRODUCTION))).await;
}

#[tokio::test]
async fn the_rollback_gives_an_ou_back_to_itself_that_was_to_become_a_level() {
    // Update from Workloads to Workloads/Production: Production was made, and its answer was lost.
    let in_root = || lists(ROOT, &[(WORKLOADS, "Workloads")]);
    let rules = all([
        vec![root(), in_root(), own_level(WORKLOADS), comes(WORKLOADS), renames(WORKLOADS, "Workloads")],
        vec![root(), in_root(), lists(WORKLOADS, &[(PRODUCTION, "Production")])],
        last(PRODUCTION),
        vec![deletes(PRODUCTION)],
    ]);
    let (old, new) = (json!({"Path": "Workloads"}), json!({"Path": "Workloads/Production"}));
    ensured(&rules, old, Some(new), &claim(Some(WORKLOADS))).await;
}

#[tokio::test]
async fn the_rollback_deletes_levels_even_if_the_new_ou_was_never_made() {
    let in_root = || lists(ROOT, &[(WORKLOADS, "Workloads"), (OTHER, "Europe")]);
    let rules = all([
        vec![root(), in_root(), lists(WORKLOADS, &[(PRODUCTION, "Production")]), own(PRODUCTION), comes(PRODUCTION)],
        // Perhaps it only isn't listed yet.
        vec![root(), in_root(), lists(OTHER, &[]), lists(OTHER, &[])],
        unused(OTHER),
        vec![deletes(OTHER)],
    ]);
    let (old, new) = (json!({"Path": "Workloads/Production"}), json!({"Path": "Europe/Production"}));
    ensured(&rules, old, Some(new), &claim(Some(PRODUCTION))).await;
}

#[tokio::test]
async fn the_ou_of_another_resource_of_the_stack_is_adopted_and_stays_when_that_goes() {
    let old = Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Old");
    let made = || vec![Users::made(&old), user_of(&old)];
    let both = || marked(WORKLOADS, &[made(), vec![user_of(&owner())]].concat());
    let rules =
        [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), marked(WORKLOADS, &made()), comes(WORKLOADS), both()];
    ensured(&rules, json!({"Name": "Workloads"}), None, &claim(None)).await;
    let leaving = || marked(WORKLOADS, &[Users::made(&old), Users::leaving(&old), user_of(&owner())]);
    let leaves = sets(WORKLOADS, &[Users::leaving(&old)]);
    let gone = mock!(Client::untag_resource)
        .match_requests(|r| r.resource_id() == Some(WORKLOADS) && r.tag_keys()[0] != Users::key(&owner()))
        .then_output(|| UntagResourceOutput::builder().build());
    let rules = [both(), leaves, leaving(), leaving(), gone];
    let last = properties(json!({"Name": "Workloads"}));
    let claim = Claim::new(old.clone(), Some(WORKLOADS));
    mocked(&rules).remove(Some(&last), &claim).await.unwrap();
    assert_all_called(&rules);
}

#[tokio::test]
async fn an_ou_that_was_deleted_by_hand_is_made_again() {
    let claim = claim(Some(WORKLOADS));
    let rules = [root(), lists(ROOT, &[]), lost(), creates(ROOT, OTHER, "Workloads", true)];
    ensured(&rules, json!({"Name": "Workloads"}), Some(json!({"Name": "Workloads"})), &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), OTHER);
}

#[tokio::test]
async fn only_tags_that_the_template_set_are_taken_away() {
    let there = [("cost", "1".to_owned()), ("foreign", "f".to_owned())];
    let own = (Users::key(&owner()), format!("{} ca8b", owner().signature()));
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        tagged(WORKLOADS, &there),
        sets(WORKLOADS, &[("team".to_owned(), "a".to_owned()), own]),
        removes_tag(WORKLOADS, "cost"),
    ];
    let desired = json!({"Name": "Workloads", "Tags": [{"Key": "team", "Value": "a"}]});
    let previous = json!({"Name": "Workloads", "Tags": [{"Key": "cost", "Value": "1"}]});
    ensured(&rules, desired, Some(previous), &claim(Some(WORKLOADS))).await;
}

#[tokio::test]
async fn an_ou_that_becomes_a_level_of_its_own_path_has_no_user_any_more() {
    let claim = claim(Some(WORKLOADS));
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        forgets(WORKLOADS),
        lists(WORKLOADS, &[]),
        creates(WORKLOADS, PRODUCTION, "Production", true),
    ];
    ensured(&rules, json!({"Path": "Workloads/Production"}), Some(json!({"Path": "Workloads"})), &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), PRODUCTION);
    // The clean-up that follows asks for the old id, which is a level now.
    let clean_up = [own_level(WORKLOADS), own_level(WORKLOADS)];
    removed(&clean_up, Some(json!({"Name": "Workloads"})), &self::claim(Some(WORKLOADS))).await.unwrap();
}

#[tokio::test]
async fn a_level_that_becomes_the_ou_itself_gets_a_user_and_survives_the_clean_up() {
    let claim = claim(Some(PRODUCTION));
    let in_root = || lists(ROOT, &[(WORKLOADS, "Workloads")]);
    let rules = [root(), in_root(), own_level(WORKLOADS), comes(WORKLOADS), own(WORKLOADS)];
    let desired = json!({"Path": "Workloads", "AdoptExisting": false});
    ensured(&rules, desired, Some(json!({"Path": "Workloads/Production"})), &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
    let clean_up = [
        root(),
        own(PRODUCTION),
        in_root(),
        leaves(PRODUCTION),
        left(PRODUCTION),
        left(PRODUCTION),
        deletes(PRODUCTION),
        own(WORKLOADS),
        own(WORKLOADS),
    ];
    let old = json!({"Path": "Workloads/Production"});
    removed(&clean_up, Some(old), &self::claim(Some(PRODUCTION))).await.unwrap();
}

#[tokio::test]
async fn the_rollback_makes_a_level_of_what_was_to_become_the_ou_itself() {
    let in_root = || lists(ROOT, &[(WORKLOADS, "Workloads")]);
    let inside = || lists(WORKLOADS, &[(PRODUCTION, "Production")]);
    let rules = all([
        vec![root(), in_root(), forgets(WORKLOADS), inside(), own(PRODUCTION), comes(PRODUCTION)],
        vec![renames(PRODUCTION, "Production")],
        // What was to be the OU itself is a level, and isn't left again.
        vec![root(), in_root(), own_level(WORKLOADS), own_level(WORKLOADS)],
    ]);
    let (old, failed) = (json!({"Path": "Workloads/Production"}), json!({"Path": "Workloads"}));
    ensured(&rules, old, Some(failed), &claim(Some(PRODUCTION))).await;
}

#[tokio::test]
async fn who_uses_an_ou_is_looked_at_twice_before_it_goes() {
    let by_two = || marked(WORKLOADS, &[Users::made(&owner()), Users::leaving(&owner()), user_of(&another())]);
    let leaving = || vec![own(WORKLOADS), leaves(WORKLOADS)];
    for looks in [[by_two(), left(WORKLOADS)], [left(WORKLOADS), by_two()]] {
        let rules = all([leaving(), looks.into()]);
        let ended = removed(&rules, None, &claim(Some(WORKLOADS))).await;
        assert!(matches!(ended, Err(Error::NotYet(_))), "{ended:?}");
    }
    let rules = all([leaving(), vec![by_two(), by_two(), forgets(WORKLOADS)]]);
    removed(&rules, None, &claim(Some(WORKLOADS))).await.unwrap();
    // A list that is behind may hide the claim itself.
    let rules = all([vec![own_level(WORKLOADS)], last(WORKLOADS), vec![deletes(WORKLOADS)]]);
    removed(&rules, None, &claim(Some(WORKLOADS))).await.unwrap();
}

#[tokio::test]
async fn what_organizations_says_while_it_is_busy_is_not_yet() {
    let busy = mock!(Client::create_organizational_unit)
        .then_http_response(|| error_response("ConcurrentModificationException", "Try again."));
    let units = mocked(&[root(), lists(ROOT, &[]), busy]);
    let ended = units.ensure(&properties(json!({"Name": "Workloads"})), None, &claim(None)).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn a_name_that_somebody_took_in_between_is_looked_at_again() {
    let taken = mock!(Client::create_organizational_unit)
        .then_http_response(|| error_response("DuplicateOrganizationalUnitException", "It exists."));
    let units = mocked(&[root(), lists(ROOT, &[]), taken]);
    let ended = units.ensure(&properties(json!({"Name": "Workloads"})), None, &claim(None)).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn a_parent_that_may_have_been_made_a_moment_ago_is_asked_for_again_for_two_minutes() {
    let missing = || error_response("ParentNotFoundException", "No such parent.");
    let nothing = mock!(Client::list_organizational_units_for_parent).then_http_response(missing);
    let refuses = mock!(Client::create_organizational_unit).then_http_response(missing);
    let desired = properties(json!({"Name": "Workloads", "ParentId": OTHER}));
    let ended = mocked(&[nothing, refuses]).ensure(&desired, None, &claim(None)).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("refused at once") };
    assert_eq!(not_yet.within, Some(Duration::from_mins(2)));
    assert!(not_yet.to_string().contains("ParentNotFoundException: No such parent"), "{not_yet}");
}

#[tokio::test]
async fn an_organization_that_was_made_a_moment_ago_is_waited_for_by_every_call() {
    let unknown = || error_response("AWSOrganizationsNotInUseException", "");
    let roots = mock!(Client::list_roots).then_http_response(unknown);
    let children = mock!(Client::list_organizational_units_for_parent).then_http_response(unknown);
    let creates = mock!(Client::create_organizational_unit).then_http_response(unknown);
    for rules in [vec![roots], vec![root(), children], vec![root(), lists(ROOT, &[]), creates]] {
        let ended = mocked(&rules).ensure(&properties(json!({"Name": "Workloads"})), None, &claim(None)).await;
        let Err(Error::NotYet(not_yet)) = ended else { panic!("refused at once") };
        assert_eq!(not_yet.within, Some(Duration::from_mins(2)), "{not_yet}");
    }
}

#[tokio::test]
async fn a_name_for_an_ou_that_is_listed_and_that_the_change_does_not_know_yet_is_given_again() {
    let unknown = mock!(Client::update_organizational_unit)
        .then_http_response(|| error_response("OrganizationalUnitNotFoundException", ""));
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), own(WORKLOADS), unknown];
    let ended = mocked(&rules).ensure(&properties(json!({"Name": "Apps"})), None, &claim(Some(WORKLOADS))).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("refused at once") };
    assert_eq!(not_yet.within, Some(Duration::from_mins(2)), "{not_yet}");
}

#[tokio::test]
async fn an_ou_that_the_deletion_does_not_know_yet_is_not_left_behind() {
    let unknown = || {
        mock!(Client::delete_organizational_unit)
            .then_http_response(|| error_response("OrganizationalUnitNotFoundException", ""))
    };
    let there = all([last(WORKLOADS), vec![unknown(), in_root()]]);
    let ended = removed(&there, Some(json!({"Name": "Workloads"})), &claim(Some(WORKLOADS))).await;
    let Err(Error::NotYet(not_yet)) = ended else { panic!("it is left") };
    assert_eq!(not_yet.within, Some(Duration::from_mins(2)), "{not_yet}");
    let gone = all([last(WORKLOADS), vec![unknown(), lost()]]);
    removed(&gone, Some(json!({"Name": "Workloads"})), &claim(Some(WORKLOADS))).await.unwrap();
}

#[tokio::test]
async fn delete_takes_away_what_was_made_and_nobody_else_uses() {
    let rules = all([last(WORKLOADS), vec![deletes(WORKLOADS)]]);
    removed(&rules, Some(json!({"Name": "Workloads"})), &claim(Some(WORKLOADS))).await.unwrap();
}

#[tokio::test]
async fn a_delete_that_comes_again_goes_on() {
    let rules = [left(WORKLOADS), left(WORKLOADS), left(WORKLOADS), deletes(WORKLOADS)];
    removed(&rules, None, &claim(Some(WORKLOADS))).await.unwrap();
    let gone = mock!(Client::tag_resource).then_http_response(|| error_response("TargetNotFoundException", ""));
    removed(&[own(WORKLOADS), gone, lost()], None, &claim(Some(WORKLOADS))).await.unwrap();
}

#[tokio::test]
async fn delete_leaves_what_was_adopted_without_its_mark() {
    let last = || Some(json!({"Name": "Workloads"}));
    let adopted = || marked(WORKLOADS, &[user_of(&owner())]);
    removed(&[adopted(), adopted(), forgets(WORKLOADS)], last(), &claim(Some(WORKLOADS))).await.unwrap();
    // And what it doesn't use as it is.
    removed(&[foreign(WORKLOADS), foreign(WORKLOADS)], last(), &claim(Some(WORKLOADS))).await.unwrap();
}

#[tokio::test]
async fn delete_of_an_ou_that_is_gone_is_done() {
    let gone =
        || mock!(Client::list_tags_for_resource).then_http_response(|| error_response("TargetNotFoundException", ""));
    removed(&[gone(), lost(), gone(), lost()], None, &claim(Some(WORKLOADS))).await.unwrap();
}

#[tokio::test]
async fn an_ou_whose_tags_are_not_listed_though_it_is_there_is_not_left_behind() {
    let gone =
        mock!(Client::list_tags_for_resource).then_http_response(|| error_response("TargetNotFoundException", ""));
    let ended = removed(&[gone, in_root()], None, &claim(Some(WORKLOADS))).await;
    assert!(matches!(ended, Err(Error::NotYet(_))), "{ended:?}");
}

#[tokio::test]
async fn delete_of_an_ou_that_is_not_empty_names_what_is_inside() {
    let accounts = mock!(Client::list_accounts_for_parent).then_output(|| {
        let account = |id: &str| Account::builder().id(id).build();
        ListAccountsForParentOutput::builder()
            .accounts(account("222222222222"))
            .accounts(account("333333333333"))
            .build()
    });
    let inside = lists(WORKLOADS, &[(PRODUCTION, "Production")]);
    // It stays, and so does the claim.
    let rules = all([last(WORKLOADS), vec![refuses_to_delete(WORKLOADS), accounts, inside, comes(WORKLOADS)]]);
    let refusal = removed(&rules, None, &claim(Some(WORKLOADS))).await.unwrap_err().to_string();
    assert_eq!(
        refusal,
        "the OU ou-ab12-workload1 is not empty, so it can't be deleted; \
         it holds accounts 222222222222, 333333333333; OUs Production: move or remove these first"
    );
}

#[tokio::test]
async fn delete_takes_the_levels_that_the_path_made_deepest_first_and_leaves_those_that_others_use() {
    let rules = all([
        vec![root(), own(PRODUCTION), lists(ROOT, &[(WORKLOADS, "Workloads")]), leaves(PRODUCTION), left(PRODUCTION)],
        vec![lists(WORKLOADS, &[(OTHER, "Europe")]), left(PRODUCTION), deletes(PRODUCTION)],
        unused(OTHER),
        vec![deletes(OTHER)],
        unused(WORKLOADS),
        vec![refuses_to_delete(WORKLOADS), forgets(WORKLOADS)],
    ]);
    removed(&rules, Some(json!({"Path": "Workloads/Europe/Production"})), &claim(Some(PRODUCTION))).await.unwrap();
}

#[tokio::test]
async fn delete_looks_again_for_levels_that_are_not_listed() {
    let rules = all([
        vec![root(), own(PRODUCTION), lists(ROOT, &[]), leaves(PRODUCTION), left(PRODUCTION)],
        vec![lists(ROOT, &[(WORKLOADS, "Workloads")]), left(PRODUCTION), deletes(PRODUCTION)],
        unused(WORKLOADS),
        vec![deletes(WORKLOADS)],
    ]);
    removed(&rules, Some(json!({"Path": "Workloads/Production"})), &claim(Some(PRODUCTION))).await.unwrap();
}

#[tokio::test]
async fn a_level_that_another_stack_made_goes_with_the_last_one_that_used_it() {
    let level = || marked(WORKLOADS, &[Users::made(&another())]);
    let left_level = || marked(WORKLOADS, &[Users::made(&another()), Users::leaving(&owner())]);
    let rules = all([
        vec![root(), own(PRODUCTION), lists(ROOT, &[(WORKLOADS, "Workloads")])],
        vec![leaves(PRODUCTION), left(PRODUCTION), left(PRODUCTION), deletes(PRODUCTION)],
        vec![level(), level(), leaves(WORKLOADS), left_level(), left_level(), deletes(WORKLOADS)],
    ]);
    removed(&rules, Some(json!({"Path": "Workloads/Production"})), &claim(Some(PRODUCTION))).await.unwrap();
}

#[tokio::test]
async fn a_level_that_is_adopted_has_a_user_and_stays() {
    let level = marked(WORKLOADS, &[Users::made(&another())]);
    let adopted = || marked(WORKLOADS, &[Users::made(&another()), user_of(&owner())]);
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), level, comes(WORKLOADS), adopted()];
    ensured(&rules, json!({"Path": "Workloads"}), None, &claim(None)).await;
    // Whoever made it on the way to another OU doesn't take it away with that.
    assert!(
        !mocked(&[adopted(), adopted()]).levels().delete_one(WORKLOADS, &Claim::new(another(), None)).await.unwrap()
    );
}

#[tokio::test]
async fn delete_with_an_invented_id_finds_by_its_mark_what_a_cancelled_create_made() {
    let found = vec![root(), lists(ROOT, &[(WORKLOADS, "Workloads")])];
    let rules = all([found, last(WORKLOADS), vec![deletes(WORKLOADS)]]);
    removed(&rules, Some(json!({"Name": "Workloads"})), &claim(Some("landing-Workloads-1ABCDEF"))).await.unwrap();
}

#[tokio::test]
async fn delete_with_an_invented_id_touches_nothing_foreign() {
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), foreign(WORKLOADS), foreign(WORKLOADS)];
    removed(&rules, Some(json!({"Name": "Workloads"})), &claim(Some("landing-Workloads-1ABCDEF"))).await.unwrap();
}

#[tokio::test]
async fn delete_with_an_invented_id_looks_again_for_what_is_not_listed_yet() {
    let found = vec![root(), lists(ROOT, &[]), lists(ROOT, &[(WORKLOADS, "Workloads")])];
    let rules = all([found, last(WORKLOADS), vec![deletes(WORKLOADS)]]);
    removed(&rules, Some(json!({"Name": "Workloads"})), &claim(Some("landing-Workloads-1ABCDEF"))).await.unwrap();
}

#[tokio::test]
async fn delete_of_what_was_never_made_is_done() {
    removed(&[], None, &claim(Some("nothing-was-made"))).await.unwrap();
    let rules = [root(), lists(ROOT, &[])];
    removed(&rules, Some(json!({"Name": "Workloads"})), &claim(Some("nothing-was-made"))).await.unwrap();
    // Levels on the way have no id that could be held.
    let rules = [root(), lists(ROOT, &[]), lists(ROOT, &[])];
    removed(&rules, Some(json!({"Path": "Workloads/Production"})), &claim(Some("nothing-was-made"))).await.unwrap();
}

#[test]
fn the_schema_is_what_the_code_says() {
    let retried = archipelago::schema::Retried {
        passing: &[
            (Some("CreateOrganizationalUnit"), &crate::tree::CREATING),
            (Some("UpdateOrganizationalUnit"), &[crate::tree::NEW_UNIT]),
            (Some("DescribeOrganizationalUnit"), &[crate::tree::NEW_UNIT]),
            (None, &organizations::PASSING),
        ],
        waits: &[
            ("EMPTIED_WITHIN", EMPTIED_WITHIN),
            ("UNIT_LISTED_WITHIN", crate::tree::UNIT_LISTED_WITHIN),
            ("ORGANIZATIONS_BUSY_FOR", ORGANIZATIONS_BUSY_FOR),
            ("NEW_FOR", organizations::NEW_FOR),
            ("USERS_LEFT_WITHIN", archipelago::USERS_LEFT_WITHIN),
        ],
    };
    let schema = archipelago::schema::text::<OrganizationalUnits>(env!("CARGO_PKG_DESCRIPTION"), &retried);
    expectorate::assert_contents("../../schemas/OrganizationalUnit.json", &schema);
}
