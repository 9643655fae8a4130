// That the pipeline acts in each account as that account's role, with artifacts that it can read.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, APPLICATIONS, CONNECTION, connected, landing } from "./landing.js";
import { template } from "./template.js";

const accountOf = (arn) => arn.split(":")[4];
// As a build exports it.
const DIGEST = `${ACCOUNT.tooling}.dkr.ecr.us-east-1.amazonaws.com/shop@sha256:${"0".repeat(64)}`;

test("a connection takes the place of the bucket", () => {
  const { Configuration } = connected(landing().applications.app, CONNECTION).properties("Pipeline").Stages[0]
    .Actions[0];
  assert.deepEqual(Configuration, { ConnectionArn: CONNECTION, FullRepositoryId: "owner/app", BranchName: "main" });
  assert.deepEqual(connected(landing().applications.app, CONNECTION).of("AWS::Events::Rule"), []);
});

for (const application of APPLICATIONS) {
  const { tooling, development, production, pipeline } = landing().applications[application];
  const { ArtifactStore, Stages, RoleArn } = pipeline.properties("Pipeline");
  const DEPLOYS = Stages.flatMap(({ Name, Actions }) => Actions.map((action) => ({ stage: Name, ...action }))).filter(
    ({ ActionTypeId }) => ActionTypeId.Category === "Deploy",
  );
  test(`${application}: a change comes to development, then before a person's eyes, then to production`, () => {
    const order = Stages.flatMap(({ Name, Actions }) => Actions.map((action) => `${Name} ${action.Name}`));
    assert.deepEqual(order, [
      "Source Bucket",
      "Build Image",
      "Development Deploy",
      "Production Prepare",
      "Production Approve",
      "Production Deploy",
    ]);
    const [prepare, approve, deploy] = Stages[3].Actions;
    assert(prepare.RunOrder < approve.RunOrder && approve.RunOrder < deploy.RunOrder);
    assert.equal(approve.ActionTypeId.Provider, "Manual");
    assert.equal(prepare.Configuration.ChangeSetName, deploy.Configuration.ChangeSetName);
  });

  test(`${application}: artifacts are encrypted with a key that other accounts find`, () => {
    assert.deepEqual(ArtifactStore.EncryptionKey, { Type: "KMS", Id: tooling.arn("ArtifactsKey") });
    assert.equal(RoleArn, pipeline.arn("PipelineRole"));
  });

  test(`${application}: what a build is said to export, its commands export`, () => {
    const { BuildSpec } = pipeline.properties("Build").Source;
    const [, names] = BuildSpec.match(/exported-variables: \[(.*)\]/);
    for (const name of names.split(", ")) assert.match(BuildSpec, new RegExp(`^ +- export ${name}$`, "m"));
  });

  for (const { stage, Name, RoleArn: role, Configuration } of DEPLOYS) {
    const account = { Development: development, Production: production }[stage];

    test(`${application}: ${stage} ${Name} acts as the role of its account`, () => {
      assert.equal(role, account.arn("Deploy"));
    });

    // Given to an action that executes a change set, it would be ignored.
    if (Configuration.ActionMode === "CHANGE_SET_EXECUTE") continue;

    test(`${application}: ${stage} ${Name} hands CloudFormation a role of the same account`, () => {
      assert.equal(Configuration.RoleArn, account.arn("CloudFormation"));
      assert.equal(accountOf(Configuration.RoleArn), accountOf(role));
    });

    test(`${application}: ${stage} ${Name} gives the application what its parameters take, in a kilobyte`, () => {
      const overrides = JSON.parse(Configuration.ParameterOverrides.replace("#{Build.IMAGE}", DIGEST));
      const parameters = template("application").Parameters;
      const required = Object.keys(parameters).filter((name) => !("Default" in parameters[name]));
      for (const name of required) assert(name in overrides, `${name} is missing`);
      for (const [name, value] of Object.entries(overrides))
        for (const item of parameters[name].Type === "CommaDelimitedList" ? value.split(",") : [value])
          assert.match(item, new RegExp(parameters[name].AllowedPattern), name);
      // Ids of subnets are at most 17 digits long; here they have eight.
      assert(JSON.stringify(overrides).length + 9 * 4 <= 1024);
    });
  }
}
