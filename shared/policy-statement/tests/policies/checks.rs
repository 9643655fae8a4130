//! What each kind of policy takes and refuses, and in which words.

use policy_statement::{Resources, Rules, StatementProperty};
use serde_json::{Value, json};

const ECR: Rules = Rules {
    policy: "an ECR repository policy",
    services: &["ecr"],
    every_action: true,
    refused: &[("ecr:GetAuthorizationToken", "allow it in the caller's own IAM policy, on Resource `*`")],
    principals: true,
    canonical_users: false,
    resources: Resources::None,
};
const KMS: Rules =
    Rules { policy: "a key policy", services: &["kms"], refused: &[], resources: Resources::Star, ..ECR };
const S3: Rules = Rules {
    policy: "a bucket policy",
    services: &["s3"],
    refused: &[],
    canonical_users: true,
    resources: Resources::Of("s3"),
    ..ECR
};
const TRUST: Rules = Rules { policy: "a trust policy", services: &["sts"], every_action: false, refused: &[], ..ECR };
const INLINE: Rules = Rules {
    policy: "an inline policy of a role",
    services: &[],
    refused: &[],
    principals: false,
    resources: Resources::Any,
    ..ECR
};

/// The statement with some elements replaced; null takes one away.
fn with(base: &Value, elements: &Value) -> Value {
    let mut statement = base.as_object().unwrap().clone();
    statement.extend(elements.as_object().unwrap().clone());
    json!(statement.into_iter().filter(|(_, value)| !value.is_null()).collect::<serde_json::Map<_, _>>())
}

fn pull() -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": ["ecr:BatchGetImage", "ecr:Get*"]})
}

fn checked(rules: &Rules, statement: Value) -> Result<(), String> {
    let property = StatementProperty::try_from(statement).unwrap();
    rules.check(&property, false).map_err(|refusal| refusal.to_string())
}

fn refusal(rules: &Rules, statement: &Value) -> String {
    checked(rules, statement.clone()).expect_err(&statement.to_string())
}

#[test]
fn the_statements_of_a_cross_account_pipeline_are_taken() {
    let role = "arn:aws:iam::222222222222:role/pipeline-deploy";
    let root = "arn:aws-cn:iam::222222222222:root";
    for (rules, statements) in [
        (
            ECR,
            json!([pull(), {"Sid": "LambdaB", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "ecr:BatchGetImage", "Condition": {"StringLike": {"aws:sourceArn": "arn:aws:lambda:*"}}}]),
        ),
        (
            KMS,
            json!({"Effect": "Allow", "Principal": {"AWS": [role, root]}, "Action": "kms:ReEncrypt*", "Resource": "*"}),
        ),
        (
            S3,
            json!([{"Effect": "Allow", "Principal": {"AWS": role}, "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b"},
                {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
                 "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", "Principal":
                 {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1A2B3"}}]),
        ),
        (
            TRUST,
            json!({"Effect": "Allow", "Principal": {"AWS": root}, "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {"ForAnyValue:ArnLikeIfExists": {"aws:PrincipalArn": [role]}}}),
        ),
        (
            INLINE,
            json!([{"Effect": "Allow", "Action": "iam:PassRole", "Resource": role},
                {"Effect": "Deny", "NotAction": "*", "NotResource": ["*"]}]),
        ),
    ] {
        assert_eq!(checked(&rules, statements.clone()), Ok(()), "{statements}");
    }
}

#[test]
fn an_unknown_element_is_refused_with_its_path_and_the_nearest_name() {
    let principle = with(&pull(), &json!({"Principal": null, "Principle": "*"}));
    assert_eq!(
        refusal(&ECR, &json!([pull(), principle])),
        "ResourceProperties.Statement[1].Principle: unknown element; did you mean `Principal`?"
    );
    assert_eq!(
        refusal(&ECR, &with(&pull(), &json!({"action": "ecr:*"}))),
        "ResourceProperties.Statement.action: unknown element; did you mean `Action`?"
    );
    assert_eq!(
        refusal(&ECR, &with(&pull(), &json!({"Comment": "x"}))),
        "ResourceProperties.Statement.Comment: unknown element; known are Sid, Effect, Principal, NotPrincipal, \
         Action, NotAction, Resource, NotResource, Condition"
    );
}

#[test]
fn a_whole_policy_is_no_statement() {
    let policy = json!({"Version": "2012-10-17", "Statement": [pull()]});
    assert_eq!(refusal(&ECR, &policy), "ResourceProperties.Statement: is a whole policy; give its statements");
    assert_eq!(
        refusal(&ECR, &json!([pull(), policy])),
        "ResourceProperties.Statement[1]: is a whole policy; give its statements"
    );
}

#[test]
fn effect_sid_and_action_are_checked() {
    for (elements, sentence) in [
        (json!({"Effect": null}), ": has no Effect; it must be `Allow` or `Deny`"),
        (json!({"Effect": "allow"}), ".Effect: must be `Allow` or `Deny`"),
        (json!({"Effect": ["Allow"]}), ".Effect: must be `Allow` or `Deny`"),
        (json!({"Sid": 3}), ".Sid: must be a string"),
        (json!({"Action": null}), ": has no Action"),
        (json!({"NotAction": "ecr:*"}), ": has both Action and NotAction; it may have one"),
        (json!({"Action": []}), ".Action: must be a string or a list of strings, and not empty"),
        (json!({"Action": {"a": "b"}}), ".Action: must be a string or a list of strings, and not empty"),
        (json!({"Action": ["ecr:A", true]}), ".Action: must be a string or a list of strings, and not empty"),
        (
            json!({"Action": ["ecr:*", "BatchGetImage"]}),
            ".Action[1]: must be an action, such as `s3:GetObject`, or several, such as `s3:Get*`",
        ),
        (
            json!({"Action": null, "NotAction": "s3:GetObject"}),
            ".NotAction: `s3:GetObject`: an ECR repository policy takes only actions of `ecr`",
        ),
        (
            json!({"Action": "ecr:getAuthorizationToken"}),
            ".Action: `ecr:getAuthorizationToken` has no place in an ECR repository policy; \
             allow it in the caller's own IAM policy, on Resource `*`",
        ),
    ] {
        assert_eq!(refusal(&ECR, &with(&pull(), &elements)), format!("ResourceProperties.Statement{sentence}"));
    }
    for sid in ["Allow use of the key", "", "a-b_c.d", "é"] {
        assert_eq!(checked(&ECR, with(&pull(), &json!({"Sid": sid}))), Ok(()), "{sid}");
    }
    for action in ["", ":", "ecr:", ":Get", "e*:Get", "ecr:Get Image", "ecr:Get:Image", "arn:aws:ecr:x"] {
        assert!(refusal(&ECR, &with(&pull(), &json!({"Action": action}))).contains(".Action: must be an action"));
    }
    for action in ["*", "ECR:batchgetimage", "ecr:*", "ecr:Get*", "ecr:GetAuthorizationToke?"] {
        assert_eq!(checked(&ECR, with(&pull(), &json!({"Action": action}))), Ok(()));
    }
    assert_eq!(
        refusal(&TRUST, &with(&pull(), &json!({"Action": "*"}))),
        "ResourceProperties.Statement.Action: a trust policy doesn't take the action `*`; name the actions"
    );
}

#[test]
fn resources_are_what_the_policy_takes() {
    let path = "ResourceProperties.Statement";
    assert_eq!(
        refusal(&ECR, &with(&pull(), &json!({"Resource": "*"}))),
        format!("{path}.Resource: an ECR repository policy takes no Resource; leave it out")
    );
    assert_eq!(
        refusal(&TRUST, &with(&pull(), &json!({"Action": "sts:AssumeRole", "NotResource": "*"}))),
        format!("{path}.NotResource: a trust policy takes no NotResource; leave it out")
    );
    let decrypt = with(&pull(), &json!({"Action": "kms:Decrypt"}));
    for resource in [json!({}), json!({"Resource": "arn:aws:kms:a:111111111111:key/b"}), json!({"NotResource": "*"})] {
        let sentence = format!("{path}: must have Resource `*` and no NotResource in a key policy");
        assert_eq!(refusal(&KMS, &with(&decrypt, &resource)), sentence);
    }
    assert_eq!(checked(&KMS, with(&decrypt, &json!({"Resource": ["*"]}))), Ok(()));
    let get = with(&pull(), &json!({"Action": "s3:GetObject"}));
    assert_eq!(refusal(&S3, &get), format!("{path}: has no Resource"));
    assert_eq!(
        refusal(&S3, &with(&get, &json!({"Resource": ["arn:aws:s3:::b", "arn:aws:sqs:a:111111111111:b"]}))),
        format!("{path}.Resource[1]: must be `*` or an ARN of `s3`")
    );
    assert_eq!(
        refusal(&S3, &with(&get, &json!({"Resource": "${Bucket.Arn}/*"}))),
        format!("{path}.Resource: `${{` was left in it; write it with !Sub")
    );
    for (resource, what) in [
        ("", "it is empty, as CloudFormation hands over"),
        ("arn:aws:s3:::b ", "it begins or ends with a space"),
        ("arn:aws:s3:us-east-1:1.1111111111E10:accesspoint/a", "the account in its ARN isn't an id of 12 digits"),
    ] {
        let sentence = refusal(&S3, &with(&get, &json!({"Resource": [resource]})));
        assert!(sentence.starts_with(&format!("{path}.Resource[0]: {what}")), "{sentence}");
    }
    assert_eq!(checked(&S3, with(&get, &json!({"Resource": "arn:aws:s3:::b/${aws:PrincipalAccount}"}))), Ok(()));
    let inline = with(&get, &json!({"Principal": null}));
    assert_eq!(
        refusal(&INLINE, &with(&inline, &json!({"Resource": "my-bucket"}))),
        format!("{path}.Resource: must be `*` or an ARN")
    );
    assert_eq!(
        refusal(&INLINE, &with(&get, &json!({"Resource": "*"}))),
        format!("{path}.Principal: an inline policy of a role takes no Principal; leave it out")
    );
}

#[test]
fn an_alias_is_a_resource_for_actions_on_aliases_alone() {
    let alias = "arn:aws:kms:us-east-1:111111111111:alias/artifacts";
    let key = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let statement = |action: Value, resource: Value| json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let sentence = "is an alias, which stands for itself and not for its key, so it is without effect; \
                    write the key's ARN, or `key/*` with a Condition on kms:ResourceAliases";
    for (action, resource, path) in [
        (json!("kms:Decrypt"), json!(alias), "Resource"),
        (json!(["kms:ReEncrypt*", "s3:GetObject", "KMS:describekey"]), json!([key, alias]), "Resource[1]"),
        (json!("kms:Decrypt"), json!("arn:aws-cn:kms:*:*:alias/*"), "Resource"),
    ] {
        let refusal = refusal(&INLINE, &statement(action, resource));
        assert_eq!(refusal, format!("ResourceProperties.Statement.{path}: {sentence}"));
    }
    for (action, resource) in [
        (json!(["kms:DescribeKey", "kms:UpdateAlias"]), json!([alias, key])),
        (json!("KMS:createalias"), json!(alias)),
        (json!("kms:*"), json!(alias)),
        (json!("kms:*Alias"), json!(alias)),
        (json!("*"), json!(alias)),
        (json!("kms:Decrypt"), json!("arn:aws:s3:::alias/kms")),
        (json!("kms:Decrypt"), json!("arn:aws:kms:*:*:*")),
    ] {
        assert_eq!(checked(&INLINE, statement(action.clone(), resource)), Ok(()), "{action}");
    }
    for but in [
        json!({"Effect": "Allow", "NotAction": "kms:Decrypt", "Resource": alias}),
        json!({"Effect": "Allow", "Action": "kms:Decrypt", "NotResource": alias}),
    ] {
        assert_eq!(checked(&INLINE, but.clone()), Ok(()), "{but}");
    }
}

#[test]
fn a_principal_that_aws_would_refuse_is_refused_without_being_shown() {
    let long = "arn:aws:iam::111111111111:";
    for (principal, words) in [
        (json!(null), ": has no Principal"),
        (json!("111111111111"), ".Principal: must be `*` or an object"),
        (json!({}), ".Principal: must be `*` or an object"),
        (json!({"aws": "111111111111"}), ".Principal.aws: unknown kind of principal; did you mean `AWS`?"),
        (
            json!({"Services": "a.amazonaws.com"}),
            ".Principal.Services: unknown kind of principal; did you mean `Service`?",
        ),
        (json!({"AWS": []}), ".Principal.AWS: must be a string"),
        (json!({"AWS": 111_111_111_111_u64}), ".Principal.AWS: must be a string"),
        (json!({"AWS": ["*", "1234567890"]}), ".Principal.AWS[1]: an account id has 12 digits; quote it"),
        (json!({"AWS": "AROAEXAMPLEEXAMPLE"}), ".Principal.AWS: is the unique id"),
        (json!({"AWS": "AIDAEXAMPLEEXAMPLE"}), ".Principal.AWS: is the unique id"),
        (json!({"AWS": "ec2.amazonaws.com"}), ".Principal.AWS: is a service; write it under `Service`"),
        (json!({"AWS": "deploy"}), ".Principal.AWS: must be `*`, a 12-digit account id, or"),
        (json!({"AWS": "arn:aws:iam:us-east-1:111111111111:root"}), ".Principal.AWS: must be `*`, a 12-digit"),
        (json!({"AWS": "arn:aws:iam::${Account}:root"}), ".Principal.AWS: `${` was left in it; write it with !Sub"),
        (json!({"AWS": format!("{long}role/*")}), ".Principal.AWS: AWS takes no wildcard here"),
        (json!({"AWS": "arn:AWS:iam::111111111111:root"}), ".Principal.AWS: its ARN must start with a partition"),
        (
            json!({"AWS": "arn:aws:iam::11111111111:root"}),
            ".Principal.AWS: the account in its ARN isn't an id of 12 digits; quote the id where it is written",
        ),
        (json!({"AWS": "arn:aws:iam::1.1111111111E10:root"}), ".Principal.AWS: the account in its ARN isn't an id"),
        (json!({"AWS": "arn:aws:iam::somebody:root"}), ".Principal.AWS: its ARN must have an account id of 12 digits"),
        (json!({"AWS": "1.1111111111E10"}), ".Principal.AWS: it is a number with a point or an exponent"),
        (json!({"AWS": "1111-1111-1111"}), ".Principal.AWS: an account id is written without hyphens"),
        (json!({"AWS": " 111111111111"}), ".Principal.AWS: it begins or ends with a space"),
        (json!({"AWS": [""]}), ".Principal.AWS[0]: it is empty, as CloudFormation hands over an empty list"),
        (json!({"Federated": [""]}), ".Principal.Federated[0]: it is empty"),
        (json!({"AWS": format!("{long}group/a")}), ".Principal.AWS: a group can't be a principal"),
        (
            json!({"AWS": "arn:aws:organizations::111111111111:ou/o-exampleorgid/ou-ab12-workload1"}),
            ".Principal.AWS: an OU or an organization can't be a principal; write `*`, with a Condition on",
        ),
        (
            json!({"AWS": "arn:aws:organizations::111111111111:organization/o-exampleorgid"}),
            ".Principal.AWS: an OU or an organization can't be a principal",
        ),
        (json!({"AWS": "ou-ab12-workload1"}), ".Principal.AWS: an OU or an organization can't be a principal"),
        (json!({"AWS": "o-exampleorgid"}), ".Principal.AWS: an OU or an organization can't be a principal"),
        (
            json!({"AWS": "arn:aws:organizations::111111111111:account/o-exampleorgid/222222222222"}),
            ".Principal.AWS: is an account as Organizations names it; write its 12 digits",
        ),
        (json!({"AWS": format!("{long}saml-provider/a")}), ".Principal.AWS: is a provider; write it under `Federated`"),
        (json!({"AWS": format!("{long}Role/a")}), ".Principal.AWS: its ARN must end in"),
        (json!({"AWS": format!("{long}role/")}), ".Principal.AWS: its ARN must end in"),
        (json!({"AWS": format!("{long}root/a")}), ".Principal.AWS: its ARN must end in"),
        (json!({"AWS": "arn:aws:sts::111111111111:assumed-role/a"}), ".Principal.AWS: its ARN must end in"),
        (json!({"AWS": "arn:aws:s3::111111111111:role/a"}), ".Principal.AWS: its ARN must end in"),
        (json!({"Service": "*"}), ".Principal.Service: must be a service's domain name"),
        (json!({"Service": "lambda"}), ".Principal.Service: must be a service's domain name"),
        (json!({"Service": "Lambda.amazonaws.com"}), ".Principal.Service: must be a service's domain name"),
        (json!({"Service": "lambda.amazonaws.org"}), ".Principal.Service: ends almost like the domain of services"),
        (json!({"Service": "lambda.amazonaws"}), ".Principal.Service: ends almost like"),
        (json!({"Service": "lambda.amazonsaws.com"}), ".Principal.Service: ends almost like"),
        (json!({"Service": "nova.aws.internl"}), ".Principal.Service: ends almost like"),
        (json!({"Service": [""]}), ".Principal.Service[0]: it is empty"),
        (json!({"Service": ".amazonaws.com"}), ".Principal.Service: must be a service's domain name"),
        (
            json!({"Federated": format!("{long}role/a")}),
            ".Principal.Federated: must be the ARN of an identity provider",
        ),
        (json!({"CanonicalUser": "a".repeat(64)}), ".Principal.CanonicalUser: S3 alone knows canonical users; write"),
    ] {
        let refusal = refusal(&ECR, &with(&pull(), &json!({"Principal": principal})));
        assert!(refusal.starts_with(&format!("ResourceProperties.Statement{words}")), "{principal}: {refusal}");
        assert!(!refusal.contains("1111") && !refusal.contains("EXAMPLE"), "{refusal}");
    }
}

#[test]
fn a_bucket_policy_takes_canonical_users() {
    let get = with(&pull(), &json!({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}));
    let of = |user: &str| with(&get, &json!({"Principal": {"CanonicalUser": user}}));
    assert_eq!(checked(&S3, of(&"79a59df900b949e5".repeat(4))), Ok(()));
    for other in ["111111111111", &"A".repeat(64), &"a".repeat(63), "arn:aws:iam::111111111111:root"] {
        let refusal = refusal(&S3, &of(other));
        let words = "ResourceProperties.Statement.Principal.CanonicalUser: must be the canonical id of a user";
        assert!(refusal.starts_with(words), "{refusal}");
    }
}

#[test]
fn every_form_of_principal_is_taken() {
    for principal in [
        json!({"AWS": "arn:aws-us-gov:iam::111111111111:user/path/to/user+=,.@-_"}),
        json!({"AWS": ["arn:aws:sts::111111111111:assumed-role/role/session", "arn:aws:sts::111111111111:federated-user/a"]}),
        json!({"Service": ["logs.us-east-1.amazonaws.com", "ec2.amazonaws.com.cn", "alexa-appkit.amazon.com", "nova.aws.internal",
            "something.new.example"]}),
        json!({"Federated": ["cognito-identity.amazonaws.com", "arn:aws:iam::111111111111:saml-provider/idp",
            "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"]}),
    ] {
        assert_eq!(checked(&ECR, with(&pull(), &json!({"Principal": principal}))), Ok(()));
    }
}

#[test]
fn a_condition_is_operators_of_context_keys() {
    for (condition, words) in [
        (json!("x"), ": must be an object of operators"),
        (json!([]), ": must be an object of operators"),
        (
            json!({"StringEqual": {"a:b": "c"}}),
            ".StringEqual: unknown condition operator; did you mean `StringEquals`?",
        ),
        (
            json!({"stringEquals": {"a:b": "c"}}),
            ".stringEquals: unknown condition operator; did you mean `StringEquals`?",
        ),
        (
            json!({"arn:aws:iam::1:role/a": {"a:b": "c"}}),
            ": has an unknown condition operator; known are StringEquals, ",
        ),
        (
            json!({"StringEquals".repeat(1_000): {"a:b": "c"}}),
            ": has an unknown condition operator; known are StringEquals, ",
        ),
        (json!({"StringEquals": "c"}), ".StringEquals: must be an object of context keys"),
        (json!({"StringEquals": {"a:b": []}}), ".StringEquals: every context key must have a string"),
        (json!({"StringEquals": {"a:b": {"c": "d"}}}), ".StringEquals: every context key must have a string"),
    ] {
        let refusal = refusal(&ECR, &with(&pull(), &json!({"Condition": condition})));
        assert!(refusal.starts_with(&format!("ResourceProperties.Statement.Condition{words}")), "{refusal}");
    }
}

#[test]
fn everyone_is_allowed_only_with_a_condition_or_in_words() {
    let public = "ResourceProperties.Statement: allows everyone without a Condition; \
                  add one, or set AllowPublic to true if everyone is meant";
    let limited = json!({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}});
    for everyone in [
        json!({"Principal": "*"}),
        json!({"Principal": {"AWS": "*"}}),
        json!({"Principal": {"AWS": ["111111111111", "*"]}}),
        json!({"Principal": null, "NotPrincipal": {"AWS": "111111111111"}}),
        json!({"Principal": "*", "Condition": {}}),
    ] {
        let statement = with(&pull(), &everyone);
        assert_eq!(refusal(&ECR, &statement), public);
        assert_eq!(checked(&ECR, with(&statement, &json!({"Effect": "Deny"}))), Ok(()));
        assert_eq!(checked(&ECR, with(&statement, &json!({"Condition": limited}))), Ok(()));
        let property = StatementProperty::try_from(statement).unwrap();
        assert!(ECR.check(&property, true).is_ok());
    }
}

#[test]
fn a_condition_that_everyone_passes_is_none() {
    let with_condition = |condition: &Value| with(&pull(), &json!({"Principal": "*", "Condition": condition}));
    for none in [
        json!({"StringEquals": {}}),
        json!({"StringLike": {"aws:PrincipalArn": "*"}}),
        json!({"StringLike": {"aws:PrincipalArn": ["arn:aws:iam::111111111111:role/a", "**"]}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}),
        json!({"ArnEquals": {"aws:PrincipalArn": "arn:*:*:*:*:*"}}),
        json!({"StringLike": {"aws:PrincipalAccount": "????????????"}}),
        json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/*"}}),
        json!({"StringLike": {"aws:PrincipalOrgID": "o-*"}}),
        json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
        json!({"ForAllValues:StringEquals": {"aws:PrincipalTag/team": "a"}}),
        json!({"StringNotEquals": {"aws:PrincipalAccount": "111111111111"}}),
        json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        json!({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/0"]}}),
        json!({"IpAddress": {"aws:SourceIp": "::/0"}}),
        json!({"Bool": {"aws:SecureTransport": "true"}}),
        json!({"Bool": {"aws:PrincipalIsAWSService": ["true", "false"]}}),
        json!({"Null": {"aws:PrincipalOrgID": "false"}}),
        json!({"DateLessThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}}),
        json!({"Bool": {"aws:SecureTransport": "true"}, "StringLike": {"aws:PrincipalArn": "*"}}),
    ] {
        let sentence = refusal(&ECR, &with_condition(&none));
        let words = ": allows everyone, since everyone passes its Condition; say who is meant";
        assert!(sentence.starts_with(&format!("ResourceProperties.Statement{words}")), "{none}: {sentence}");
        assert_eq!(checked(&ECR, with(&with_condition(&none), &json!({"Principal": {"AWS": "111111111111"}}))), Ok(()));
    }
    for some in [
        json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:*"}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}}),
        json!({"StringEquals": {"aws:SourceVpce": "vpce-0123abcd"}}),
        json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        json!({"Bool": {"aws:PrincipalIsAWSService": "true"}}),
        json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}}),
        json!({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
    ] {
        assert_eq!(checked(&ECR, with_condition(&some)), Ok(()), "{some}");
    }
}

#[test]
fn ids_in_conditions_are_those_of_somebody() {
    for (condition, words) in [
        (
            json!({"StringEquals": {"aws:SourceAccount": "11111111111"}}),
            ".StringEquals.aws:SourceAccount: an account id has 12",
        ),
        (
            json!({"StringEquals": {"AWS:sourceaccount": ["111111111111", "1.1111111111E10"]}}),
            ".StringEquals.aws:SourceAccount: it is a number with",
        ),
        (json!({"StringLike": {"aws:PrincipalAccount": ""}}), ".StringLike.aws:PrincipalAccount: it is empty"),
        (
            json!({"StringNotEqualsIfExists": {"kms:CallerAccount": "*"}}),
            ".StringNotEqualsIfExists.kms:CallerAccount: must be account ids of 12 digits; wildcards need",
        ),
        (
            json!({"StringEquals": {"aws:PrincipalOrgID": "a1b2c3d4e5"}}),
            ".StringEquals.aws:PrincipalOrgID: must be ids of organizations (o-...)",
        ),
        (
            json!({"StringEquals": {"aws:PrincipalOrgID": " o-a1b2c3d4e5"}}),
            ".StringEquals.aws:PrincipalOrgID: it begins or",
        ),
        (
            json!({"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "ou-ab12-0123abcd/"}}),
            ".ForAnyValue:StringEquals.aws:PrincipalOrgPaths: must begin with the id of an organization",
        ),
        (
            json!({"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:1.1111111111E10:topic"}}),
            ".ArnEquals.aws:SourceArn: the account in its ARN isn't an id of 12 digits",
        ),
    ] {
        let refusal = refusal(&ECR, &with(&pull(), &json!({"Condition": condition})));
        assert!(
            refusal.starts_with(&format!("ResourceProperties.Statement.Condition{words}")),
            "{condition}: {refusal}"
        );
    }
    for taken in [
        json!({"StringEquals": {"aws:SourceAccount": "111111111111"}}),
        json!({"StringEquals": {"aws:SourceAccount": 111_111_111_111_u64}}),
        json!({"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}),
        json!({"StringLike": {"aws:PrincipalAccount": "1111*", "aws:PrincipalOrgID": "o-a1*"}}),
        json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": ["o-a1b2c3d4e5/*/ou-ab12-0123abcd/*"]}}),
        json!({"ArnLike": {"aws:SourceArn": ["arn:aws:s3:::b", "arn:aws:sns:*:*:t", "arn:aws:iam::aws:policy/a"]}}),
        json!({"StringEquals": {"aws:PrincipalTag/account": "1", "s3:prefix": ""}}),
    ] {
        assert_eq!(checked(&ECR, with(&pull(), &json!({"Condition": taken}))), Ok(()), "{taken}");
    }
}
