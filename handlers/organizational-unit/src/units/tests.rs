//! What each verb asks of Organizations, with a real client and canned answers.

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
    Claim::new(owner(), id.map(ToOwned::to_owned))
}

fn properties(properties: Value) -> Properties {
    serde_json::from_value(properties).unwrap()
}

/// An error as Organizations sends it.
fn said(code: &str, message: &str) -> HttpResponse {
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

fn creates(parent: &'static str, id: &'static str, name: &'static str, mark: &'static str) -> Rule {
    mock!(Client::create_organizational_unit)
        .match_requests(move |request| {
            let marked = |tag: &Tag| tag.key() == mark && owner().made(tag.value());
            request.parent_id() == Some(parent) && request.name() == Some(name) && request.tags().iter().any(marked)
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

fn own(id: &'static str) -> Rule {
    tagged(id, &[(Owner::TAG_KEY, owner().tag_value())])
}

fn own_level(id: &'static str) -> Rule {
    tagged(id, &[(LEVEL_KEY, owner().tag_value())])
}

fn foreign(id: &'static str) -> Rule {
    tagged(id, &[(Owner::TAG_KEY, "0123456789 other/Thing".to_owned())])
}

fn sets_tag(id: &'static str, key: &'static str) -> Rule {
    mock!(Client::tag_resource)
        .match_requests(move |r| r.resource_id() == Some(id) && r.tags().len() == 1 && r.tags()[0].key() == key)
        .then_output(|| TagResourceOutput::builder().build())
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
    mock!(Client::list_parents).then_http_response(|| said("ChildNotFoundException", ""))
}

fn in_root() -> Rule {
    mock!(Client::list_parents)
        .then_output(|| ListParentsOutput::builder().parents(Parent::builder().id(ROOT).build()).build())
}

fn refuses_to_delete(id: &'static str) -> Rule {
    mock!(Client::delete_organizational_unit)
        .match_requests(move |request| request.organizational_unit_id() == Some(id))
        .then_http_response(|| said("OrganizationalUnitNotEmptyException", ""))
}

/// Answers with `rules` in this order, and fails the test on any other call.
fn world(rules: &[Rule]) -> OrganizationalUnits {
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
    let attributes = world(rules).ensure(&properties(desired), previous.as_ref(), claim).await.unwrap();
    assert_all_called(rules);
    attributes
}

async fn removed(rules: &[Rule], last: Option<Value>, claim: &Claim<UnitId>) -> Result<()> {
    let removed = world(rules).remove(last.map(properties).as_ref(), claim).await;
    assert_all_called(rules);
    removed
}

#[tokio::test]
async fn an_ou_that_is_not_there_is_made_under_the_root_and_carries_the_mark() {
    let claim = claim(None);
    let rules = [root(), lists(ROOT, &[(OTHER, "Sandbox")]), creates(ROOT, WORKLOADS, "Workloads", Owner::TAG_KEY)];
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
    let made = creates(WORKLOADS, PRODUCTION, "Production", Owner::TAG_KEY);
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
        creates(ROOT, WORKLOADS, "Workloads", LEVEL_KEY),
        lists(WORKLOADS, &[]),
        creates(WORKLOADS, PRODUCTION, "Production", Owner::TAG_KEY),
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
async fn an_ou_of_the_same_name_is_adopted_and_given_the_tags_of_the_template_but_no_mark() {
    let claim = claim(None);
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), foreign(WORKLOADS), sets_tag(WORKLOADS, "team")];
    let desired = json!({"Name": "Workloads", "Tags": [{"Key": "team", "Value": "a"}]});
    ensured(&rules, desired, None, &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
}

#[tokio::test]
async fn an_ou_of_the_same_name_is_refused_where_the_template_does_not_adopt() {
    let claim = claim(None);
    let units = world(&[root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), foreign(WORKLOADS)]);
    let desired = properties(json!({"Name": "Workloads", "AdoptExisting": false}));
    let refusal = units.ensure(&desired, None, &claim).await.unwrap_err().to_string();
    assert!(refusal.starts_with("an OU named Workloads exists there already (ou-ab12-workload1)"), "{refusal}");
    assert!(claim.id().is_none());
}

#[tokio::test]
async fn an_update_that_changes_nothing_only_looks() {
    let same = json!({"Name": "Workloads"});
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")])];
    ensured(&rules, same.clone(), Some(same), &claim(Some(WORKLOADS))).await;
}

#[tokio::test]
async fn a_rename_keeps_the_id() {
    let claim = claim(Some(WORKLOADS));
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), renames(WORKLOADS, "Apps")];
    let attributes = ensured(&rules, json!({"Name": "Apps"}), Some(json!({"Name": "Workloads"})), &claim).await;
    assert_eq!((attributes.id.as_str(), attributes.name.as_str()), (WORKLOADS, "Apps"));
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
}

#[tokio::test]
async fn a_rename_to_a_name_that_is_taken_is_refused_and_keeps_the_id() {
    let claim = claim(Some(WORKLOADS));
    let refuses = mock!(Client::update_organizational_unit)
        .then_http_response(|| said("DuplicateOrganizationalUnitException", "It exists."));
    let listed = lists(ROOT, &[(WORKLOADS, "Workloads"), (OTHER, "Apps")]);
    let units = world(&[root(), listed, refuses, described(WORKLOADS, "Workloads")]);
    let ended = units.ensure(&properties(json!({"Name": "Apps"})), None, &claim).await;
    assert!(matches!(ended, Err(Error::Refused(_))));
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
}

#[tokio::test]
async fn a_rename_that_was_sent_again_since_its_answer_was_lost_is_done() {
    let claim = claim(Some(WORKLOADS));
    let refuses = mock!(Client::update_organizational_unit)
        .then_http_response(|| said("DuplicateOrganizationalUnitException", "It exists."));
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), refuses, described(WORKLOADS, "Apps")];
    let attributes = ensured(&rules, json!({"Name": "Apps"}), Some(json!({"Name": "Workloads"})), &claim).await;
    assert_eq!((attributes.id.as_str(), attributes.name.as_str()), (WORKLOADS, "Apps"));
}

#[tokio::test]
async fn a_name_that_a_failed_template_may_have_given_is_taken_back_whatever_is_listed() {
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), renames(WORKLOADS, "Workloads")];
    ensured(&rules, json!({"Name": "Workloads"}), Some(json!({"Name": "Apps"})), &claim(Some(WORKLOADS))).await;
    // It had the name all the time, and that is said to be taken.
    let taken = || {
        mock!(Client::update_organizational_unit)
            .then_http_response(|| said("DuplicateOrganizationalUnitException", "It exists."))
    };
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), taken(), described(WORKLOADS, "Workloads")];
    ensured(&rules, json!({"Name": "Workloads"}), Some(json!({"Name": "Apps"})), &claim(Some(WORKLOADS))).await;
    let behind = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), taken(), described(WORKLOADS, "Apps")];
    let (old, failed) = (properties(json!({"Name": "Workloads"})), properties(json!({"Name": "Apps"})));
    let ended = world(&behind).ensure(&old, Some(&failed), &claim(Some(WORKLOADS))).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn an_ou_that_is_not_listed_though_it_is_there_is_not_replaced() {
    let claim = claim(Some(WORKLOADS));
    let (desired, previous) = (properties(json!({"Name": "Apps"})), properties(json!({"Name": "Workloads"})));
    let ended = world(&[root(), lists(ROOT, &[]), in_root()]).ensure(&desired, Some(&previous), &claim).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
}

#[tokio::test]
async fn another_parent_is_a_replacement_under_a_new_id() {
    let claim = claim(Some(PRODUCTION));
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), creates(ROOT, OTHER, "Production", Owner::TAG_KEY)];
    let previous = json!({"Name": "Production", "ParentId": WORKLOADS});
    ensured(&rules, json!({"Name": "Production"}), Some(previous), &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), OTHER);
}

#[tokio::test]
async fn the_rollback_of_a_cancelled_replacement_deletes_the_new_ou() {
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads"), (OTHER, "Europe")]),
        lists(WORKLOADS, &[(PRODUCTION, "Production")]),
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads"), (OTHER, "Europe")]),
        lists(OTHER, &[("ou-ab12-newcopy1", "Production")]),
        own("ou-ab12-newcopy1"),
        deletes("ou-ab12-newcopy1"),
        own_level(OTHER),
        deletes(OTHER),
    ];
    let (old, new) = (json!({"Path": "Workloads/Production"}), json!({"Path": "Europe/Production"}));
    ensured(&rules, old, Some(new), &claim(Some(PRODUCTION))).await;
}

#[tokio::test]
async fn the_rollback_gives_an_ou_back_to_itself_that_was_to_become_a_level() {
    // Update from Workloads to Workloads/Production: Production was made, and its answer was lost.
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        renames(WORKLOADS, "Workloads"),
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        lists(WORKLOADS, &[(PRODUCTION, "Production")]),
        own_level(WORKLOADS),
        sets_tag(WORKLOADS, Owner::TAG_KEY),
        removes_tag(WORKLOADS, LEVEL_KEY),
        own(PRODUCTION),
        deletes(PRODUCTION),
        own(WORKLOADS),
    ];
    let (old, new) = (json!({"Path": "Workloads"}), json!({"Path": "Workloads/Production"}));
    ensured(&rules, old, Some(new), &claim(Some(WORKLOADS))).await;
}

#[tokio::test]
async fn the_rollback_deletes_levels_even_if_the_new_ou_was_never_made() {
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads"), (OTHER, "Europe")]),
        lists(WORKLOADS, &[(PRODUCTION, "Production")]),
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads"), (OTHER, "Europe")]),
        lists(OTHER, &[]),
        // Perhaps it only isn't listed yet.
        lists(OTHER, &[]),
        own_level(OTHER),
        deletes(OTHER),
    ];
    let (old, new) = (json!({"Path": "Workloads/Production"}), json!({"Path": "Europe/Production"}));
    ensured(&rules, old, Some(new), &claim(Some(PRODUCTION))).await;
}

#[tokio::test]
async fn the_ou_of_another_resource_of_the_stack_is_refused_since_it_would_go_with_that() {
    let claim = claim(None);
    let sibling = Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Old").tag_value();
    let units =
        world(&[root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), tagged(WORKLOADS, &[(Owner::TAG_KEY, sibling)])]);
    let refusal = units.ensure(&properties(json!({"Name": "Workloads"})), None, &claim).await.unwrap_err().to_string();
    assert!(refusal.contains("is that of Old in this stack"), "{refusal}");
    assert!(claim.id().is_none());
}

#[tokio::test]
async fn an_ou_that_was_deleted_by_hand_is_made_again() {
    let claim = claim(Some(WORKLOADS));
    let rules = [root(), lists(ROOT, &[]), lost(), creates(ROOT, OTHER, "Workloads", Owner::TAG_KEY)];
    ensured(&rules, json!({"Name": "Workloads"}), Some(json!({"Name": "Workloads"})), &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), OTHER);
}

#[tokio::test]
async fn only_tags_that_the_template_set_are_taken_away() {
    let tags = tagged(WORKLOADS, &[("cost", "1".to_owned()), ("foreign", "f".to_owned())]);
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        tags,
        sets_tag(WORKLOADS, "team"),
        removes_tag(WORKLOADS, "cost"),
    ];
    let desired = json!({"Name": "Workloads", "Tags": [{"Key": "team", "Value": "a"}]});
    let previous = json!({"Name": "Workloads", "Tags": [{"Key": "cost", "Value": "1"}]});
    ensured(&rules, desired, Some(previous), &claim(Some(WORKLOADS))).await;
}

#[tokio::test]
async fn an_ou_that_becomes_a_level_of_its_own_path_is_marked_as_one() {
    let claim = claim(Some(WORKLOADS));
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        own(WORKLOADS),
        sets_tag(WORKLOADS, LEVEL_KEY),
        removes_tag(WORKLOADS, Owner::TAG_KEY),
        lists(WORKLOADS, &[]),
        creates(WORKLOADS, PRODUCTION, "Production", Owner::TAG_KEY),
    ];
    ensured(&rules, json!({"Path": "Workloads/Production"}), Some(json!({"Path": "Workloads"})), &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), PRODUCTION);
    // The clean-up that follows asks for the old id, which is a level now.
    removed(&[root(), own_level(WORKLOADS)][1..], Some(json!({"Name": "Workloads"})), &self::claim(Some(WORKLOADS)))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_level_that_becomes_the_ou_itself_is_marked_as_it_and_survives_the_clean_up() {
    let claim = claim(Some(PRODUCTION));
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        own_level(WORKLOADS),
        sets_tag(WORKLOADS, Owner::TAG_KEY),
        removes_tag(WORKLOADS, LEVEL_KEY),
    ];
    ensured(&rules, json!({"Path": "Workloads"}), Some(json!({"Path": "Workloads/Production"})), &claim).await;
    assert_eq!(claim.id().unwrap().as_str(), WORKLOADS);
    let clean_up =
        [root(), own(PRODUCTION), lists(ROOT, &[(WORKLOADS, "Workloads")]), deletes(PRODUCTION), own(WORKLOADS)];
    let old = json!({"Path": "Workloads/Production"});
    removed(&clean_up, Some(old), &self::claim(Some(PRODUCTION))).await.unwrap();
}

#[tokio::test]
async fn the_rollback_makes_a_level_of_what_was_to_become_the_ou_itself() {
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        own(WORKLOADS),
        sets_tag(WORKLOADS, LEVEL_KEY),
        removes_tag(WORKLOADS, Owner::TAG_KEY),
        lists(WORKLOADS, &[(PRODUCTION, "Production")]),
        renames(PRODUCTION, "Production"),
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        own_level(WORKLOADS),
    ];
    let (old, failed) = (json!({"Path": "Workloads/Production"}), json!({"Path": "Workloads"}));
    ensured(&rules, old, Some(failed), &claim(Some(PRODUCTION))).await;
}

#[tokio::test]
async fn what_is_shown_with_both_marks_is_looked_at_again_before_it_is_deleted_as_the_one_or_the_other() {
    let path = || Some(json!({"Path": "Workloads/Production"}));
    let (mark, foreign) = (owner().tag_value(), "0123456789 other/Thing".to_owned());
    let both = || tagged(WORKLOADS, &[(Owner::TAG_KEY, mark.clone()), (LEVEL_KEY, mark.clone())]);
    let up_to_the_level = || {
        vec![root(), tagged(PRODUCTION, &[(Owner::TAG_KEY, foreign.clone())]), lists(ROOT, &[(WORKLOADS, "Workloads")])]
    };
    for (then, is_deleted) in [(own_level(WORKLOADS), true), (own(WORKLOADS), false), (both(), false)] {
        let deletion = is_deleted.then(|| deletes(WORKLOADS));
        let rules: Vec<_> = up_to_the_level().into_iter().chain([both(), then]).chain(deletion).collect();
        removed(&rules, path(), &claim(Some(PRODUCTION))).await.unwrap();
    }
    removed(&[both(), own_level(WORKLOADS)], None, &claim(Some(WORKLOADS))).await.unwrap();
    removed(&[both(), own(WORKLOADS), deletes(WORKLOADS)], None, &claim(Some(WORKLOADS))).await.unwrap();
}

#[tokio::test]
async fn what_organizations_says_while_it_is_busy_is_not_yet() {
    let busy = mock!(Client::create_organizational_unit)
        .then_http_response(|| said("ConcurrentModificationException", "Try again."));
    let units = world(&[root(), lists(ROOT, &[]), busy]);
    let ended = units.ensure(&properties(json!({"Name": "Workloads"})), None, &claim(None)).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn a_name_that_somebody_took_in_between_is_looked_at_again() {
    let taken = mock!(Client::create_organizational_unit)
        .then_http_response(|| said("DuplicateOrganizationalUnitException", "It exists."));
    let units = world(&[root(), lists(ROOT, &[]), taken]);
    let ended = units.ensure(&properties(json!({"Name": "Workloads"})), None, &claim(None)).await;
    assert!(matches!(ended, Err(Error::NotYet(_))));
}

#[tokio::test]
async fn a_parent_that_does_not_exist_is_refused() {
    let missing = || said("ParentNotFoundException", "No such parent.");
    let nothing = mock!(Client::list_organizational_units_for_parent).then_http_response(missing);
    let refuses = mock!(Client::create_organizational_unit).then_http_response(missing);
    let desired = properties(json!({"Name": "Workloads", "ParentId": OTHER}));
    let ended = world(&[nothing, refuses]).ensure(&desired, None, &claim(None)).await;
    let Err(Error::Refused(sentence)) = ended else { panic!("not refused") };
    assert!(sentence.contains("ParentNotFoundException: No such parent"), "{sentence}");
}

#[tokio::test]
async fn delete_takes_away_what_carries_the_mark() {
    removed(&[own(WORKLOADS), deletes(WORKLOADS)], Some(json!({"Name": "Workloads"})), &claim(Some(WORKLOADS)))
        .await
        .unwrap();
}

#[tokio::test]
async fn delete_leaves_what_was_adopted() {
    removed(&[foreign(WORKLOADS)], Some(json!({"Name": "Workloads"})), &claim(Some(WORKLOADS))).await.unwrap();
}

#[tokio::test]
async fn delete_of_an_ou_that_is_gone_is_done() {
    let gone = || mock!(Client::list_tags_for_resource).then_http_response(|| said("TargetNotFoundException", ""));
    removed(&[gone(), lost()], None, &claim(Some(WORKLOADS))).await.unwrap();
}

#[tokio::test]
async fn an_ou_whose_tags_are_not_listed_though_it_is_there_is_not_left_behind() {
    let gone = mock!(Client::list_tags_for_resource).then_http_response(|| said("TargetNotFoundException", ""));
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
    let rules =
        [own(WORKLOADS), refuses_to_delete(WORKLOADS), accounts, lists(WORKLOADS, &[(PRODUCTION, "Production")])];
    let refusal = removed(&rules, None, &claim(Some(WORKLOADS))).await.unwrap_err().to_string();
    assert_eq!(
        refusal,
        "the OU ou-ab12-workload1 is not empty, so it can't be deleted; \
         it holds accounts 222222222222, 333333333333; OUs Production: move or remove these first"
    );
}

#[tokio::test]
async fn delete_takes_the_levels_that_the_path_made_deepest_first_and_leaves_those_that_others_use() {
    let rules = [
        root(),
        own(PRODUCTION),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        deletes(PRODUCTION),
        lists(WORKLOADS, &[(OTHER, "Europe")]),
        own_level(OTHER),
        deletes(OTHER),
        own_level(WORKLOADS),
        refuses_to_delete(WORKLOADS),
    ];
    removed(&rules, Some(json!({"Path": "Workloads/Europe/Production"})), &claim(Some(PRODUCTION))).await.unwrap();
}

#[tokio::test]
async fn delete_looks_again_for_levels_that_are_not_listed() {
    let rules = [
        root(),
        own(PRODUCTION),
        lists(ROOT, &[]),
        deletes(PRODUCTION),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        own_level(WORKLOADS),
        deletes(WORKLOADS),
    ];
    removed(&rules, Some(json!({"Path": "Workloads/Production"})), &claim(Some(PRODUCTION))).await.unwrap();
}

#[tokio::test]
async fn a_level_that_another_resource_of_the_stack_made_goes_with_the_last_one_that_used_it() {
    let sibling = Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Development");
    let rules = [
        root(),
        own(PRODUCTION),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        deletes(PRODUCTION),
        tagged(WORKLOADS, &[(LEVEL_KEY, sibling.tag_value())]),
        deletes(WORKLOADS),
    ];
    removed(&rules, Some(json!({"Path": "Workloads/Production"})), &claim(Some(PRODUCTION))).await.unwrap();
}

#[tokio::test]
async fn a_level_that_is_adopted_is_no_level_any_more_so_that_it_stays() {
    let rules = [
        root(),
        lists(ROOT, &[(WORKLOADS, "Workloads")]),
        tagged(WORKLOADS, &[(LEVEL_KEY, "0123456789 other/Thing".to_owned())]),
        removes_tag(WORKLOADS, LEVEL_KEY),
    ];
    ensured(&rules, json!({"Path": "Workloads"}), None, &claim(None)).await;
}

#[tokio::test]
async fn delete_with_an_invented_id_finds_by_its_mark_what_a_cancelled_create_made() {
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), own(WORKLOADS), deletes(WORKLOADS)];
    removed(&rules, Some(json!({"Name": "Workloads"})), &claim(Some("landing-Workloads-1ABCDEF"))).await.unwrap();
}

#[tokio::test]
async fn delete_with_an_invented_id_touches_nothing_foreign() {
    let rules = [root(), lists(ROOT, &[(WORKLOADS, "Workloads")]), foreign(WORKLOADS)];
    removed(&rules, Some(json!({"Name": "Workloads"})), &claim(Some("landing-Workloads-1ABCDEF"))).await.unwrap();
}

#[tokio::test]
async fn delete_with_an_invented_id_looks_again_for_what_is_not_listed_yet() {
    let rules =
        [root(), lists(ROOT, &[]), lists(ROOT, &[(WORKLOADS, "Workloads")]), own(WORKLOADS), deletes(WORKLOADS)];
    removed(&rules, Some(json!({"Name": "Workloads"})), &claim(Some("landing-Workloads-1ABCDEF"))).await.unwrap();
}

#[tokio::test]
async fn delete_of_what_was_never_made_is_done() {
    removed(&[], None, &claim(Some("nothing-was-made"))).await.unwrap();
    let rules = [root(), lists(ROOT, &[])];
    removed(&rules, Some(json!({"Path": "Workloads/Production"})), &claim(Some("nothing-was-made"))).await.unwrap();
}

#[test]
fn the_schema_is_what_the_code_says() -> Result<(), custom_resource::schema::Stale> {
    custom_resource::schema::keep::<OrganizationalUnits>("../../schemas", env!("CARGO_PKG_DESCRIPTION"))
}
