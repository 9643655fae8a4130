//! That the played Lambda keeps aliases and policies as AWS does.

use tokio::time::sleep;

use super::*;

const ARN: &str = "arn:aws:lambda:eu-west-1:111111111111:function:app:live";

fn asked(lambda: &Lambda, operation: &str, more: &Value) -> Result<Value, &'static str> {
    let mut request = json!({ "FunctionName": "app", "Qualifier": "live" });
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    lambda.answer(operation, &request, false)
}

fn alias(lambda: &Lambda, operation: &str, name: &str) -> Result<Value, &'static str> {
    let request = json!({ "FunctionName": "app", "Name": name, "FunctionVersion": "$LATEST" });
    lambda.answer(operation, &request, false)
}

fn made() -> Lambda {
    let lambda = Lambda::default();
    lambda.begin(&["app"]);
    alias(&lambda, "CreateAlias", "live").unwrap();
    lambda
}

#[tokio::test]
async fn an_alias_is_made_once_and_belongs_to_a_function() {
    let lambda = made();
    assert_eq!(alias(&lambda, "CreateAlias", "live"), Err("ResourceConflictException"));
    assert_eq!(alias(&lambda, "GetAlias", "other"), Err("ResourceNotFoundException"));
    assert_eq!(alias(&Lambda::default(), "CreateAlias", "live"), Err("ResourceNotFoundException"));
    assert_eq!(asked(&lambda, "GetPolicy", &json!({})), Err("ResourceNotFoundException"));
    alias(&lambda, "DeleteAlias", "live").unwrap();
    assert_eq!(asked(&lambda, "AddPermission", &json!({ "StatementId": "a" })), Err("ResourceNotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn an_alias_may_not_be_known_for_a_while_but_to_calls_on_aliases() {
    let lambda = made();
    let name = format!("caller-{HESITANT}");
    alias(&lambda, "CreateAlias", &name).unwrap();
    alias(&lambda, "GetAlias", &name).unwrap();
    let settings = json!({ "Qualifier": name });
    assert_eq!(asked(&lambda, "PutFunctionEventInvokeConfig", &settings), Err("ResourceNotFoundException"));
    sleep(KNOWN_IN).await;
    asked(&lambda, "PutFunctionEventInvokeConfig", &settings).unwrap();
}

#[tokio::test]
async fn a_policy_is_one_whether_it_is_written_whole_or_by_statements() {
    let lambda = made();
    let permission = json!({ "StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "222222222222" });
    asked(&lambda, "AddPermission", &permission).unwrap();
    assert_eq!(asked(&lambda, "AddPermission", &permission), Err("ResourceConflictException"));
    let there = lambda.answer("GetResourcePolicy", &json!({ "ResourceArn": ARN }), false).unwrap();
    let put = |revision: &Value, condition: &Value| {
        let statement = json!({ "Sid": "b", "Principal": { "AWS": "*" }, "Resource": ARN, "Condition": condition });
        let policy = json!({ "Statement": [statement] }).to_string();
        lambda.answer(
            "PutResourcePolicy",
            &json!({ "ResourceArn": ARN, "Policy": policy, "RevisionId": revision }),
            false,
        )
    };
    let inside = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-exampleorgid" } });
    assert_eq!(put(&json!("another"), &inside), Err("PreconditionFailedException"));
    assert_eq!(put(&there["RevisionId"], &json!({})), Err("PublicPolicyException"));
    put(&there["RevisionId"], &inside).unwrap();
    assert_eq!(put(&there["RevisionId"], &inside), Err("PreconditionFailedException"));
    let policy = asked(&lambda, "GetPolicy", &json!({})).unwrap();
    assert!(policy["Policy"].as_str().unwrap().contains(r#""Sid":"b""#), "{policy}");
    assert_eq!(asked(&lambda, "RemovePermission", &json!({ "StatementId": "a" })), Err("ResourceNotFoundException"));
    asked(&lambda, "RemovePermission", &json!({ "StatementId": "b" })).unwrap();
    assert_eq!(asked(&lambda, "GetPolicy", &json!({})), Err("ResourceNotFoundException"));
}
