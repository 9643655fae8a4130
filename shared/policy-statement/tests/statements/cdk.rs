//! What the CDK makes of an `iam.PolicyStatement`, as docs/cdk.md shows it.

use custom_resource::Resource;
use serde_json::{Value, json};

use crate::shelves::{FOREIGN, Shelves, claim, later, properties};

const PAGE: &str = include_str!("../../../../docs/cdk.md");

/// The value as CloudFormation hands it over.
fn resolved(value: &Value) -> Value {
    let text = |value: &Value| resolved(value).as_str().unwrap().to_owned();
    match value {
        Value::Object(members) if members.contains_key("Ref") => {
            let parameters = json!({"AWS::Partition": "aws", "AWS::AccountId": "222222222222"});
            parameters[members["Ref"].as_str().unwrap()].clone()
        }
        Value::Object(members) if members.contains_key("Fn::Join") => {
            members["Fn::Join"][1].as_array().unwrap().iter().map(text).collect::<String>().into()
        }
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), resolved(value))).collect())
        }
        Value::Array(items) => items.iter().map(resolved).collect(),
        scalar => scalar.clone(),
    }
}

#[tokio::test]
async fn the_statement_of_the_page_goes_into_the_policy() {
    let synthesised = PAGE.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let synthesised: Value = serde_json::from_str(synthesised).unwrap();
    let shelves = Shelves::with(Some(FOREIGN));
    let claim = claim("PullAccess");
    let desired = properties(&resolved(&synthesised["Statement"]));
    let attributes = shelves.statements().ensure(&desired, None, &claim).await.unwrap();
    assert_eq!(attributes.sids, format!("Pull{}", claim.owner().mark()));
    let policy: Value = serde_json::from_str(&shelves.policy().unwrap()).unwrap();
    let statement = json!({
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::222222222222:role/deploy"}},
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
        "Sid": attributes.sids,
    });
    assert_eq!(policy["Statement"][1], statement);
    shelves.statements().remove(Some(&desired), &later(&claim)).await.unwrap();
    assert_eq!(shelves.policy().as_deref(), Some(FOREIGN));
}
