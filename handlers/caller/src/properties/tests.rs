//! What a template may say of a caller.

use serde_json::{Value, json};

use super::*;

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111111111111:function:archipelago-caller";
const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/0123abcd-0123-4000-8000-0123456789ab";

fn template() -> Value {
    json!({
        "AccountId": "222222222222",
        "Targets": ["arn:aws:s3:::artifacts", KEY],
        "Actions": ["s3:GetObject", "kms:Decrypt"],
    })
}

fn with(changes: &[(&str, Value)]) -> Value {
    let mut template = template();
    for (name, value) in changes {
        template[*name] = value.clone();
    }
    template
}

fn read(properties: &Value) -> Result<Properties, String> {
    serde_json::from_value(properties.clone()).map_err(|error| error.to_string())
}

fn checked(properties: &Value) -> String {
    match read(properties).unwrap().check(&FunctionArn::read(FUNCTION)) {
        Err(error) => error.to_string(),
        Ok(()) => String::new(),
    }
}

#[test]
fn what_is_opened_does_not_depend_on_the_order_of_the_template() {
    let grant = read(&template()).unwrap().grant();
    let other = with(&[
        ("Targets", json!([KEY, "arn:aws:s3:::artifacts", KEY])),
        ("Actions", json!(["kms:Decrypt", "s3:GetObject"])),
        ("Types", json!(["S3PolicyStatement", "KmsPolicyStatement", "EcrPolicyStatement", "KmsPolicyStatement"])),
        ("Services", json!([])),
    ]);
    assert_eq!(read(&other).unwrap().grant(), grant);
    assert_eq!(grant.types, ["EcrPolicyStatement", "KmsPolicyStatement", "S3PolicyStatement"]);
    assert_eq!(grant.targets, [KEY, "arn:aws:s3:::artifacts"]);
    assert_eq!((grant.actions.len(), grant.services.len()), (2, 0));
    assert_eq!(checked(&template()), "");
}

#[test]
fn a_caller_is_an_account_or_an_ou() {
    assert_eq!(read(&template()).unwrap().who, Who::Account("222222222222".to_owned()));
    let unit = json!("ou-abcd-12345678");
    let mut by_unit = with(&[("OrganizationalUnitId", unit), ("OrganizationId", json!("o-exampleorgid"))]);
    assert!(read(&by_unit).unwrap_err().contains("instead of `OrganizationalUnitId`, not beside it"));
    by_unit.as_object_mut().unwrap().remove("AccountId");
    let who = Who::Unit("ou-abcd-12345678".to_owned(), Some("o-exampleorgid".to_owned()));
    assert_eq!(read(&by_unit).unwrap().who, who);
    for (name, words) in [
        ("OrganizationalUnitId", "either `AccountId` or `OrganizationalUnitId` is required"),
        ("AccountId", "`OrganizationId` belongs to `OrganizationalUnitId`"),
    ] {
        by_unit.as_object_mut().unwrap().remove("OrganizationalUnitId");
        if name == "AccountId" {
            by_unit["AccountId"] = json!("222222222222");
        }
        let refusal = read(&by_unit).unwrap_err();
        assert!(refusal.contains(words), "{refusal}");
    }
}

#[test]
fn what_can_t_be_opened_is_refused_in_words() {
    for (name, value, words) in [
        ("AccountId", json!("ou-abcd-12345678"), "it is that of an OU; write it as `OrganizationalUnitId`"),
        ("AccountId", json!("22222222222"), "quote it in the template"),
        ("AccountId", json!("2222-2222-2222"), "without hyphens"),
        ("AccountId", json!("arn:aws:iam::222222222222:root"), "expected the id of an account, which has 12 digits"),
        ("AccountId", json!("app"), "expected the id of an account, which has 12 digits"),
        ("OrganizationalUnitId", json!("222222222222"), "it is that of an account; write it as `AccountId`"),
        ("OrganizationalUnitId", json!("r-abcd"), "it is that of the root; name the OUs below it"),
        ("OrganizationalUnitId", json!("o-exampleorgid"), "it is that of an organization; name the OUs in it"),
        ("OrganizationalUnitId", json!("Workloads"), "expected the id of an OU (ou-...)"),
        ("OrganizationId", json!("r-abcd"), "expected the id of an organization (o-...)"),
        ("Types", json!([]), "the list is empty"),
        ("Types", json!(["IamPolicyStatement"]), "for stacks of that account alone"),
        ("Targets", json!([]), "the list is empty"),
        ("Targets", json!(["*"]), "* alone would open everything"),
        ("Actions", json!([]), "the list is empty"),
        ("Actions", json!(["*"]), "each action is written in full"),
        ("Actions", json!(["s3:Get*"]), "each action is written in full"),
        ("Actions", json!(["GetObject"]), "expected an action of ecr, kms, s3 or sts"),
        ("Actions", json!(["iam:PassRole"]), "expected an action of ecr, kms, s3 or sts"),
        ("Actions", json!(["s3:"]), "expected an action of ecr, kms, s3 or sts"),
        ("Services", json!(["*"]), "expected the principal of a service in full"),
        ("Services", json!(["*.amazonaws.com"]), "expected the principal of a service in full"),
        ("Services", json!(["codebuild"]), "expected the principal of a service in full"),
        ("Services", json!([".amazonaws.com"]), "expected the principal of a service in full"),
        ("Services", json!(["codebuild.example.com"]), "expected the principal of a service in full"),
    ] {
        let refusal = read(&with(&[(name, value.clone())])).unwrap_err();
        assert!(refusal.contains(words), "{name} {value}: {refusal}");
    }
    for service in ["codebuild.amazonaws.com", "logs.eu-west-1.amazonaws.com", "codebuild.amazonaws.com.cn"] {
        read(&with(&[("Services", json!([service]))])).unwrap();
    }
}

#[test]
fn what_this_function_can_t_open_is_refused_with_its_path() {
    for (name, value, reason) in [
        ("AccountId", json!("111111111111"), "ResourceProperties.AccountId: it is the function's own account"),
        (
            "Targets",
            json!(["arn:aws:s3:::artifacts", "arn:aws:iam::111111111111:role/app"]),
            "ResourceProperties.Targets[1]: it is a role, and `Types` has no IamTrustStatement",
        ),
        (
            "Targets",
            json!(["arn:aws:ecr:us-east-1:111111111111:repository/app"]),
            "ResourceProperties.Targets[0]: it is in another Region",
        ),
        (
            "Actions",
            json!(["s3:GetObject", "sts:AssumeRole"]),
            "ResourceProperties.Actions[1]: it is an action of sts, and `Types` has no IamTrustStatement",
        ),
        (
            "Types",
            json!(["S3PolicyStatement"]),
            "ResourceProperties.Targets[1]: it is a key, and `Types` has no KmsPolicyStatement",
        ),
    ] {
        let refusal = checked(&with(&[(name, value)]));
        assert!(refusal.starts_with(reason), "{refusal}");
    }
}

#[test]
fn an_id_is_that_of_a_caller_or_none_of_ours() {
    for id in ["caller-222222222222#0123456789", "caller-o-exampleorgid-ou-abcd-12345678#0123456789"] {
        assert_eq!(id.parse::<CallerId>().unwrap().to_string(), id);
    }
    for foreign in [
        "app-Caller-1ABCDEF",
        "nothing-was-made",
        "caller-2222#0123456789",
        "caller-222222222222",
        "caller-222222222222#",
        "caller-222222222222#012345678x",
        "",
    ] {
        assert!(foreign.parse::<CallerId>().is_err(), "{foreign}");
    }
}

#[test]
fn an_id_is_written_as_in_the_first_release() {
    let owner = Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/app-tooling/1f0a", "Caller");
    let id = CallerId::of("222222222222", &owner).to_string();
    assert_eq!(id, format!("caller-222222222222#{}", owner.mark()));
}
