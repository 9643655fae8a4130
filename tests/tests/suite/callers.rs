//! Stacks of other accounts, and what they try: the real binary, invoked by aliases, with what it may do in the local AWS.

use archipelago_tests::function::{Configuration, Function};
use archipelago_tests::local_aws::LocalAws;
use archipelago_tests::response_server::ResponseServer;
use serde_json::{Value, json};

use crate::lifecycle::unique;

const ONE: &str = "246813579024";
const OTHER: &str = "357924681357";
const UNIT: &str = "o-exampleorgid-ou-abcd-12345678";
const OTHER_UNIT: &str = "o-exampleorgid-ou-abcd-87654321";

/// A repository that is open to callers, and the function that changes its policy.
struct Fixture {
    repository: String,
    function: Function,
    responses: ResponseServer,
    callers: String,
}

/// What CloudFormation is told.
#[derive(Debug)]
struct Told {
    status: String,
    id: String,
    reason: String,
}

impl Fixture {
    async fn open() -> Self {
        let local = LocalAws::running();
        let repository = unique("open");
        local.call("ecr", "CreateRepository", &json!({ "repositoryName": repository })).await.unwrap();
        let responses = ResponseServer::start().await;
        let callers = local.caller_table(&local.account).await;
        let configuration = Configuration::of("EcrPolicyStatement")
            .variable("REQUEST_TABLE", local.request_table(&local.account).await)
            .variable("LEDGER_TABLE", local.ledger_table(&local.account).await)
            .variable("CALLER_TABLE", &callers)
            .variable("AWS_ENDPOINT_URL", &local.endpoint)
            .variable("RESPONSE_HOSTS", responses.origin());
        let (account, region) = (local.account.clone(), local.region.clone());
        let function = Function::start(Configuration { account, region, ..configuration }).await;
        let fixture = Self { repository, function, responses, callers };
        for caller in [ONE, OTHER, UNIT, OTHER_UNIT] {
            fixture.grant(caller, "open-*", "ecr:BatchGetImage").await;
        }
        fixture
    }

    /// Grants a caller an action on repositories, beside what other names of repositories grant it.
    async fn grant(&self, caller: &str, repositories: &str, action: &str) {
        let local = LocalAws::running();
        let target = format!("arn:aws:ecr:*:{}:repository/{repositories}", local.account);
        let grant =
            json!({ "Types": ["EcrPolicyStatement"], "Targets": [target], "Actions": [action], "Services": [] });
        let item = json!({
            "Caller": { "S": caller },
            "Item": { "S": format!("grant {repositories}") },
            "Grant": { "S": grant.to_string() },
        });
        let input = json!({ "TableName": self.callers, "Item": item });
        local.call_as(&local.account, "dynamodb", "PutItem", &input).await.unwrap();
    }

    /// What becomes of an event of `stack_account`, for itself, that came by the alias of `caller`.
    async fn told(&self, caller: &str, stack_account: &str, more: Value) -> Told {
        let url = self.responses.url();
        let mut event = json!({
            "RequestType": "Create",
            "ResponseURL": url.as_str(),
            "StackId": format!("arn:aws:cloudformation:us-east-1:{stack_account}:stack/workload/1f0a"),
            "RequestId": unique("request"),
            "LogicalResourceId": "Pull",
            "ResourceType": "Custom::EcrPolicyStatement",
            "ResourceProperties": self.properties(&json!({ "AWS": stack_account })),
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let arn = format!("{}:caller-{caller}", self.function.configuration().arn());
        self.function.invoke_by(&arn, &event).await;
        let puts = url.puts();
        assert_eq!(puts.len(), 1, "one answer");
        let answer = puts[0].json();
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Told { status: text("Status"), id: text("PhysicalResourceId"), reason: text("Reason") }
    }

    fn properties(&self, principal: &Value) -> Value {
        json!({
            "RepositoryName": self.repository,
            "Statement": { "Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage" },
        })
    }

    /// The statements of the policy.
    async fn statements(&self) -> Vec<Value> {
        let asked = json!({ "repositoryName": self.repository });
        match LocalAws::running().call("ecr", "GetRepositoryPolicy", &asked).await {
            Ok(output) => {
                let policy: Value = serde_json::from_str(output["policyText"].as_str().unwrap()).unwrap();
                policy["Statement"].as_array().unwrap().clone()
            }
            Err(_) => Vec::new(),
        }
    }
}

#[tokio::test]
async fn two_accounts_open_a_repository_to_themselves_and_neither_touches_the_other_s_statement() {
    let fixture = Fixture::open().await;
    let one = fixture.told(ONE, ONE, json!({})).await;
    let other = fixture.told(OTHER, OTHER, json!({})).await;
    assert_eq!((&*one.status, &*other.status), ("SUCCESS", "SUCCESS"), "{one:?} {other:?}");
    assert_eq!(fixture.statements().await.len(), 2);

    // The other account knows the id, and forges what it can.
    for forged in [
        json!({ "RequestType": "Delete", "PhysicalResourceId": one.id }),
        json!({ "RequestType": "Delete", "PhysicalResourceId": one.id, "LogicalResourceId": "Pull2" }),
        json!({ "RequestType": "Delete", "PhysicalResourceId": "x", "Continuation": { "HeldId": one.id }, "LogicalResourceId": "Pull3" }),
    ] {
        fixture.told(OTHER, OTHER, forged).await;
        let left = fixture.statements().await;
        let of_one = |statement: &Value| statement["Principal"].to_string().contains(ONE);
        assert_eq!(left.iter().filter(|statement| of_one(statement)).count(), 1, "{left:?}");
    }
    let gone = fixture.told(ONE, ONE, json!({ "RequestType": "Delete", "PhysicalResourceId": one.id })).await;
    assert_eq!(gone.status, "SUCCESS");
    assert!(fixture.statements().await.iter().all(|statement| !statement["Principal"].to_string().contains(ONE)));
}

#[tokio::test]
async fn a_forged_stack_is_refused_whatever_is_asked() {
    let fixture = Fixture::open().await;
    let one = fixture.told(ONE, ONE, json!({})).await;
    let before = fixture.statements().await;
    for request_type in ["Create", "Update", "Delete"] {
        let forged = json!({
            "RequestType": request_type,
            "PhysicalResourceId": one.id,
            "OldResourceProperties": fixture.properties(&json!({ "AWS": ONE })),
        });
        let told = fixture.told(OTHER, ONE, forged).await;
        assert_eq!(told.status, "FAILED");
        assert!(
            told.reason.starts_with(&format!(
                "the stack is of account {ONE}, but the function was invoked for account {OTHER}"
            )),
            "{told:?}"
        );
    }
    assert_eq!(fixture.statements().await, before);
}

#[tokio::test]
async fn no_type_works_for_a_caller_that_is_not_understood() {
    for of_type in [
        "Organization",
        "OrganizationalUnit",
        "Account",
        "SubnetShare",
        "SubnetSharePrincipal",
        "SharedSubnetTags",
        "EcrPolicyStatement",
        "KmsPolicyStatement",
        "S3PolicyStatement",
        "IamTrustStatement",
        "IamPolicyStatement",
        "Caller",
    ] {
        let responses = ResponseServer::start().await;
        let configuration = Configuration::of(of_type)
            .variable("AWS_ENDPOINT_URL", responses.origin())
            .variable("RESPONSE_HOSTS", responses.origin());
        let function = Function::start(configuration).await;
        for caller in ["2222", "", "ou-abcd-12345678", "o-exampleorgid", "o-exampleorgid-r-abcd"] {
            let url = responses.url();
            let event = json!({
                "RequestType": "Create",
                "ResponseURL": url.as_str(),
                "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/own/1f0a",
                "RequestId": "5a7e",
                "LogicalResourceId": "Thing",
                "ResourceType": format!("Custom::{of_type}"),
                "ResourceProperties": {},
            });
            function.invoke_by(&format!("{}:caller-{caller}", function.configuration().arn()), &event).await;
            let answer = url.puts()[0].json();
            assert_eq!(
                (&answer["Status"], &answer["PhysicalResourceId"]),
                (&json!("FAILED"), &json!("nothing-was-made"))
            );
            let reason = answer["Reason"].as_str().unwrap();
            assert!(
                reason.starts_with(&format!("the function was invoked by the alias caller-{caller}, which names no")),
                "{of_type}: {reason}"
            );
        }
    }
}

#[tokio::test]
async fn what_reaches_beyond_the_caller_is_refused_and_leaves_no_trace() {
    let fixture = Fixture::open().await;
    let closed = unique("closed");
    LocalAws::running().call("ecr", "CreateRepository", &json!({ "repositoryName": closed })).await.unwrap();
    let statement = |elements: Value| {
        let mut properties = fixture.properties(&json!({ "AWS": ONE }));
        properties["Statement"].as_object_mut().unwrap().extend(elements.as_object().unwrap().clone());
        json!({ "ResourceProperties": properties })
    };
    let with = |more: Value| {
        let mut properties = fixture.properties(&json!({ "AWS": ONE }));
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "ResourceProperties": properties })
    };
    let condition = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-exampleorgid" } });
    for (forged, words) in [
        (statement(json!({ "Principal": { "AWS": OTHER } })), "may only name itself"),
        (statement(json!({ "Principal": "*", "Condition": condition })), "may only name itself"),
        (
            statement(json!({ "Principal": { "Service": "lambda.amazonaws.com" } })),
            "`lambda.amazonaws.com` is not open",
        ),
        (statement(json!({ "Action": "ecr:*" })), "`ecr:*` is not open"),
        (statement(json!({ "Action": "ecr:SetRepositoryPolicy" })), "`ecr:SetRepositoryPolicy` is not open"),
        (statement(json!({ "Effect": "Deny" })), "may only have statements that allow"),
        (
            statement(json!({ "Condition": { "StringEquals": { "aws:PrincipalTag/a": "${aws:userid}" } } })),
            "policy variable",
        ),
        (with(json!({ "RepositoryName": closed })), "is not open to account"),
        (with(json!({ "RegistryId": OTHER })), "is not open to account"),
        (with(json!({ "RoleArn": format!("arn:aws:iam::{OTHER}:role/writer") })), "RoleArn"),
        (with(json!({ "PruneOrphans": "true" })), "PruneOrphans"),
    ] {
        let told = fixture.told(ONE, ONE, forged).await;
        assert_eq!((&*told.status, &*told.id), ("FAILED", "nothing-was-made"), "{told:?}");
        assert!(told.reason.contains(words), "{words}: {told:?}");
    }
    assert!(fixture.statements().await.is_empty());
}

#[tokio::test]
async fn accounts_of_a_unit_have_what_is_granted_to_the_unit_for_as_long_as_they_are_in_it() {
    let fixture = Fixture::open().await;
    let one = fixture.told(UNIT, ONE, json!({})).await;
    let other = fixture.told(UNIT, OTHER, json!({})).await;
    assert_eq!((&*one.status, &*other.status), ("SUCCESS", "SUCCESS"), "{one:?} {other:?}");
    let statements = fixture.statements().await;
    assert_eq!(statements.len(), 2);
    let bound = json!({ "aws:PrincipalOrgPaths": "o-exampleorgid/r-abcd/*ou-abcd-12345678/*" });
    for statement in &statements {
        assert_eq!(statement["Condition"]["ForAnyValue:StringLike"], bound);
    }
    let gone = fixture.told(UNIT, ONE, json!({ "RequestType": "Delete", "PhysicalResourceId": one.id })).await;
    assert_eq!(gone.status, "SUCCESS");
    assert_eq!(fixture.statements().await.len(), 1);
}

#[tokio::test]
async fn by_the_alias_of_a_unit_nobody_reaches_another_unit_s_statements_or_the_functions_own_account() {
    let fixture = Fixture::open().await;
    let own = LocalAws::running().account.clone();
    let one = fixture.told(UNIT, ONE, json!({})).await;
    let before = fixture.statements().await;
    for request_type in ["Create", "Update", "Delete"] {
        let forged = json!({
            "RequestType": request_type,
            "PhysicalResourceId": one.id,
            "OldResourceProperties": fixture.properties(&json!({ "AWS": ONE })),
        });
        // An account of another unit, by the alias of that; and by its own account's.
        for caller in [OTHER_UNIT, ONE] {
            let told = fixture.told(caller, ONE, forged.clone()).await;
            assert_eq!(told.status, "FAILED", "{told:?}");
            assert!(told.reason.contains("has statements with the mark of this resource"), "{told:?}");
        }
        let told = fixture.told(UNIT, &own, forged).await;
        assert_eq!(told.status, "FAILED");
        assert!(told.reason.contains("which is the function's own"), "{told:?}");
    }
    let elsewhere = json!({ "ResourceProperties": fixture.properties(&json!({ "AWS": OTHER })) });
    let told = fixture.told(UNIT, ONE, elsewhere).await;
    assert!(told.reason.contains("account 246813579024 of ou-abcd-12345678 may only name itself"), "{told:?}");
    assert_eq!(fixture.statements().await, before);
}

#[tokio::test]
async fn what_two_grants_open_does_not_add_up_to_more() {
    let fixture = Fixture::open().await;
    fixture.grant(ONE, "elsewhere", "ecr:GetDownloadUrlForLayer").await;
    let mut properties = fixture.properties(&json!({ "AWS": ONE }));
    properties["Statement"]["Action"] = json!("ecr:GetDownloadUrlForLayer");
    let told = fixture.told(ONE, ONE, json!({ "ResourceProperties": properties })).await;
    assert!(told.reason.contains("`ecr:GetDownloadUrlForLayer` is not open to account"), "{told:?}");
    fixture.grant(ONE, "open-*", "ecr:GetDownloadUrlForLayer").await;
    let told = fixture.told(ONE, ONE, json!({ "ResourceProperties": properties, "LogicalResourceId": "Second" })).await;
    assert_eq!(told.status, "SUCCESS", "{told:?}");
    let told = fixture.told(ONE, ONE, json!({})).await;
    assert!(told.reason.contains("`ecr:BatchGetImage` is not open"), "the grant was replaced: {told:?}");
}

#[tokio::test]
async fn a_function_that_knows_no_table_of_callers_serves_none() {
    let local = LocalAws::running();
    let responses = ResponseServer::start().await;
    let configuration = Configuration::of("EcrPolicyStatement")
        .variable("REQUEST_TABLE", local.request_table(&local.account).await)
        .variable("LEDGER_TABLE", local.ledger_table(&local.account).await)
        .variable("AWS_ENDPOINT_URL", &local.endpoint)
        .variable("RESPONSE_HOSTS", responses.origin());
    let (account, region) = (local.account.clone(), local.region.clone());
    let function = Function::start(Configuration { account, region, ..configuration }).await;
    let fixture = Fixture { repository: unique("open"), function, responses, callers: String::new() };
    let told = fixture.told(ONE, ONE, json!({})).await;
    assert!(told.reason.starts_with("the function has no variable CALLER_TABLE"), "{told:?}");
}

/// A stack whose resources are a caller each, with the things that are opened to it.
fn stack_of(callers: &[Value]) -> String {
    let token = json!({ "Fn::ImportValue": "archipelago-caller" });
    let repository =
        json!({ "Fn::Sub": "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/opened" });
    let resources = callers.iter().enumerate().map(|(index, who)| {
        let mut properties = json!({
            "ServiceToken": token, "Types": ["EcrPolicyStatement"], "Targets": [repository], "Actions": ["ecr:BatchGetImage"],
        });
        properties.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
        (format!("Caller{index}"), json!({ "Type": "Custom::Caller", "Properties": properties }))
    });
    let qualifiers = callers.iter().enumerate().map(|(index, _)| {
        (format!("Qualifier{index}"), json!({ "Value": { "Fn::GetAtt": [format!("Caller{index}"), "Qualifier"] } }))
    });
    json!({
        "Resources": resources.collect::<serde_json::Map<_, _>>(),
        "Outputs": qualifiers.collect::<serde_json::Map<_, _>>(),
    })
    .to_string()
}

#[tokio::test]
async fn a_caller_s_alias_is_opened_to_it_alone_and_goes_with_its_last_grant() {
    let local = LocalAws::deployed();
    let (unit, arn) = crate::network::unit().await;
    let organization = arn.split('/').nth(1).unwrap();
    let root = unit.split('-').nth(1).unwrap();
    let (name_of_unit, paths) = (format!("{organization}-{unit}"), format!("{organization}/r-{root}/*{unit}/*"));
    let unit = json!({ "OrganizationalUnitId": unit });
    let stacks = [[json!({ "AccountId": ONE }), unit], [json!({ "AccountId": ONE }), json!({ "AccountId": OTHER })]];
    let function = "archipelago-ecr-policy-statement";
    // Somebody has made an alias by hand, for another version.
    let version = local.aws(&["lambda", "publish-version", "--function-name", function]).await.unwrap();
    let version = ["--function-version", version["Version"].as_str().unwrap()];
    let by_hand = format!("caller-{OTHER}");
    let alias = ["lambda", "create-alias", "--function-name", function, "--name", &by_hand];
    local.aws(&[&alias[..], &version].concat()).await.unwrap();
    let mut names = Vec::new();
    for callers in &stacks {
        let name = unique("callers");
        let command = ["cloudformation", "create-stack", "--stack-name", &name, "--template-body", &stack_of(callers)];
        local.aws(&command).await.unwrap();
        local.aws(&["cloudformation", "wait", "stack-create-complete", "--stack-name", &name]).await.unwrap();
        names.push(name);
    }
    let qualified = |caller: &str| {
        ["--function-name".to_owned(), function.to_owned(), "--qualifier".to_owned(), format!("caller-{caller}")]
    };
    let ask = async |command: &str, caller: &str| {
        let qualified = qualified(caller);
        let all: Vec<_> = ["lambda", command].into_iter().chain(qualified.iter().map(String::as_str)).collect();
        local.aws(&all).await
    };
    let unit = name_of_unit.as_str();
    for (caller, words) in [(ONE, ONE), (OTHER, OTHER), (unit, &paths)] {
        let output = ask("get-policy", caller).await.unwrap();
        let policy: Value = serde_json::from_str(output["Policy"].as_str().unwrap()).unwrap();
        let [permission] = &policy["Statement"].as_array().unwrap()[..] else { panic!("{policy}") };
        assert!(permission.to_string().contains(words), "{permission}");
        assert!(permission["Condition"].to_string().contains(organization), "{permission}");
        assert_eq!(permission["Action"], "lambda:InvokeFunction");
        let events = ask("get-function-event-invoke-config", caller).await.unwrap();
        assert_eq!((&events["MaximumRetryAttempts"], &events["MaximumEventAgeInSeconds"]), (&json!(0), &json!(3000)));
        assert!(events["DestinationConfig"]["OnFailure"]["Destination"].is_string(), "{events}");
    }
    let alias = ["lambda", "get-alias", "--function-name", function, "--name", &by_hand];
    assert_eq!(local.aws(&alias).await.unwrap()["FunctionVersion"], "$LATEST");
    for (name, left) in names.iter().zip([vec![ONE, OTHER], vec![]]) {
        local.aws(&["cloudformation", "delete-stack", "--stack-name", name]).await.unwrap();
        local.aws(&["cloudformation", "wait", "stack-delete-complete", "--stack-name", name]).await.unwrap();
        for caller in [ONE, OTHER, unit] {
            assert_eq!(ask("get-policy", caller).await.is_ok(), left.contains(&caller), "{caller}");
        }
    }
}
