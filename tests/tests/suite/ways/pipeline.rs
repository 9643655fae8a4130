//! `stacks/pipeline.yaml` as AWS would be given it: moto has the API of pipelines, checks what it gets, and runs nothing.

use archipelago_tests::local_aws::LocalAws;
use serde_json::{Value, json};

use super::landing::Landing;

#[tokio::test]
async fn codepipeline_takes_the_pipeline_that_acts_in_each_account_as_its_own_role() {
    let landing = Landing::standing().await;
    let Landing { tooling, development, production, app, shared, .. } = landing;
    let parameters = [
        ("ArtifactBucketName", app.output("ArtifactBucketName")),
        ("ArtifactKeyArn", app.output("ArtifactKeyArn")),
        ("DevelopmentAccountId", &development.0),
        ("ProductionAccountId", &production.0),
        ("VpcId", &shared["VpcId"]),
        ("SubnetIds", &shared["SubnetIds"]),
    ];
    tooling.create("pipeline", "stacks/pipeline.yaml", &parameters).await;
    let pipeline = tooling.aws(&["codepipeline", "get-pipeline", "--name", "app"]).await["pipeline"].clone();

    assert_eq!(pipeline["roleArn"], format!("arn:aws:iam::{}:role/app-pipeline", tooling.0));
    let key = json!({ "type": "KMS", "id": app.output("ArtifactKeyArn") });
    let bucket = app.output("ArtifactBucketName");
    assert_eq!(pipeline["artifactStore"], json!({ "type": "S3", "location": bucket, "encryptionKey": key }));

    let stages = pipeline["stages"].as_array().unwrap();
    let acting: Vec<_> = stages.iter().flat_map(|stage| actions(stage).map(|action| acts(stage, action))).collect();
    let [into_development, into_production] = [development, production].map(|account| {
        let role = |name: &str| format!("arn:aws:iam::{}:role/app-{name}", account.0);
        (role("deploy"), role("cloudformation"))
    });
    assert_eq!(
        acting,
        [
            json!(["Source", "S3", null, null]),
            json!(["Build", "CodeBuild", null, null]),
            json!(["Development", "CloudFormation", into_development.0, into_development.1]),
            json!(["Production", "CloudFormation", into_production.0, into_production.1]),
            json!(["Production", "Manual", null, null]),
            // Given to an action that executes a change set, CloudFormation's role would be ignored.
            json!(["Production", "CloudFormation", into_production.0, null]),
        ]
    );
    let told = actions(&stages[2]).next().unwrap()["configuration"]["ParameterOverrides"].clone();
    let told: Value = serde_json::from_str(told.as_str().unwrap()).unwrap();
    assert_eq!((&told["SubnetIds"], &told["VpcId"]), (&json!(shared["SubnetIds"]), &json!(shared["VpcId"])));

    tooling.delete("pipeline").await;
    let local = LocalAws::running();
    let asked = ["codepipeline", "get-pipeline", "--name", "app"];
    let refused = local.aws_at(&local.organizations_endpoint, &tooling.0, &asked).await.unwrap_err();
    assert!(refused.contains("PipelineNotFoundException"), "{refused}");
}

fn actions(stage: &Value) -> impl Iterator<Item = &Value> {
    stage["actions"].as_array().unwrap().iter()
}

/// In which stage by which service, as which role, and with which role for CloudFormation.
fn acts(stage: &Value, action: &Value) -> Value {
    json!([stage["name"], action["actionTypeId"]["provider"], action["roleArn"], action["configuration"]["RoleArn"]])
}
