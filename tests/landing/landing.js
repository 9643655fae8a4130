// The landing: which stack is in which account, what one hands to the next, and the policies that come of it.

import { createHash } from "node:crypto";
import { REGION, Stack } from "./stack.js";

export const ACCOUNT = {
  management: "100000000000",
  network: "200000000000",
  tooling: "300000000000",
  development: "400000000000",
  production: "500000000000",
  stranger: "600000000000",
};
export const ORGANIZATION = "o-exampleorgid";
export const APPLICATION = "app";

const organization = new Stack("organization", ACCOUNT.management, { MailboxDomain: "landing.test" });
const network = new Stack("network", ACCOUNT.network, { Principals: organization.output("WorkloadsId") });
const tooling = new Stack("tooling", ACCOUNT.tooling, { Application: APPLICATION });
const callers = new Stack("callers", ACCOUNT.tooling, {
  OrganizationId: ORGANIZATION,
  CallerAccounts: `${ACCOUNT.development},${ACCOUNT.production}`,
});
const handed = {
  Application: APPLICATION,
  ArtifactBucketName: tooling.output("ArtifactBucketName"),
  ArtifactKeyArn: tooling.output("ArtifactKeyArn"),
};
const fromTooling = { ...handed, ToolingAccountId: ACCOUNT.tooling, ImagesKeyArn: tooling.output("ImagesKeyArn") };
const development = new Stack("development", ACCOUNT.development, fromTooling, "workload");
const production = new Stack("production", ACCOUNT.production, fromTooling, "workload");
const deployed = {
  ...handed,
  DevelopmentAccountId: ACCOUNT.development,
  ProductionAccountId: ACCOUNT.production,
  VpcId: network.output("VpcId"),
  SubnetIds: network.output("SubnetIds"),
};
export const CONNECTION = `arn:aws:codeconnections:${REGION}:${ACCOUNT.tooling}:connection/example`;
const pipeline = new Stack("pipeline", ACCOUNT.tooling, deployed);

/** The pipeline with a source that it takes by a connection, not from the bucket. */
export function connected(connection) {
  const source = { ConnectionArn: connection, SourceRepository: "owner/app" };
  return new Stack("pipeline", ACCOUNT.tooling, { ...deployed, ...source });
}

export const stacks = { organization, network, tooling, callers, development, production, pipeline };

/** The types of single statements, and the ARN of what each is written into. */
export const STATEMENT_TYPES = {
  "Custom::EcrPolicyStatement": ({ RepositoryName }) =>
    `arn:aws:ecr:${REGION}:${ACCOUNT.tooling}:repository/${RepositoryName}`,
  "Custom::KmsPolicyStatement": ({ KeyId }) => KeyId,
  "Custom::S3PolicyStatement": ({ BucketName }) => `arn:aws:s3:::${BucketName}`,
};

/** Every policy of these stacks: `{on, kind, name, statements}`, where `on` is the ARN of what it belongs to. */
export function policies(some = Object.values(stacks)) {
  const found = [];
  const add = (on, kind, name, statements) => {
    const there = found.find((policy) => policy.on === on && policy.kind === kind && policy.name === name);
    if (there) there.statements.push(...statements);
    else found.push({ on, kind, name, statements: [...statements] });
  };
  for (const stack of some) {
    for (const [logicalId] of stack.of("AWS::IAM::Role")) {
      const { AssumeRolePolicyDocument, Policies = [] } = stack.properties(logicalId);
      add(stack.arn(logicalId), "resource", "trust", AssumeRolePolicyDocument.Statement);
      for (const { PolicyName, PolicyDocument } of Policies)
        add(stack.arn(logicalId), "identity", PolicyName, PolicyDocument.Statement);
    }
    for (const [logicalId] of stack.of("AWS::KMS::Key"))
      add(stack.arn(logicalId), "resource", "policy", stack.properties(logicalId).KeyPolicy.Statement);
    for (const [logicalId] of stack.of("AWS::S3::BucketPolicy")) {
      const { Bucket, PolicyDocument } = stack.properties(logicalId);
      add(`arn:aws:s3:::${Bucket}`, "resource", "policy", PolicyDocument.Statement);
    }
    for (const [logicalId] of stack.of("AWS::Lambda::Permission")) add(...permission(stack, logicalId));
    for (const [type, target] of Object.entries(STATEMENT_TYPES))
      for (const [logicalId] of stack.of(type)) {
        const { Statement, ...properties } = stack.properties(logicalId);
        const marked = [Statement]
          .flat()
          .map((statement) => ({ ...statement, Sid: statement.Sid + mark(stack, logicalId) }));
        add(target(properties), "resource", "policy", marked);
      }
  }
  return found;
}

/** As long as the mark of a stack's resource is, by which a statement is known. */
function mark(stack, logicalId) {
  return createHash("sha256").update(`${stack.account} ${stack.name} ${logicalId}`).digest("hex").slice(0, 10);
}

/** The statement that Lambda makes of a permission. */
function permission(stack, logicalId) {
  const alias = stack.value(stack.resources[logicalId].Properties.FunctionName.Ref);
  const { FunctionName, Name } = stack.properties(alias);
  const { Action, Principal, PrincipalOrgID } = stack.properties(logicalId);
  const arn = `arn:aws:lambda:${REGION}:${stack.account}:function:${FunctionName}:${Name}`;
  const statement = {
    Sid: logicalId,
    Effect: "Allow",
    Principal: { AWS: `arn:aws:iam::${Principal}:root` },
    Action,
    Resource: arn,
    Condition: { StringEquals: { "aws:PrincipalOrgID": PrincipalOrgID } },
  };
  return [arn, "resource", "policy", [statement]];
}
