// The policies that come of stacks, with the statements in them and the aliases that the functions write.

import { createHash } from "node:crypto";
import { ACCOUNT, ORGANIZATION } from "./landing.js";
import { REGION } from "./stack.js";

/** The types of single statements, and the ARN of what each is written into. */
export const STATEMENT_TYPES = {
  "Custom::EcrPolicyStatement": ({ RepositoryName }) =>
    `arn:aws:ecr:${REGION}:${ACCOUNT.tooling}:repository/${RepositoryName}`,
  "Custom::KmsPolicyStatement": ({ KeyId }) => KeyId,
  "Custom::S3PolicyStatement": ({ BucketName }) => `arn:aws:s3:::${BucketName}`,
};

/** How the function of a type is called. */
export const functionOf = (type) =>
  type
    .replace("Custom::", "")
    .replaceAll(/(?!^)([A-Z])/g, "-$1")
    .toLowerCase();

/** Every policy of these stacks: `{on, kind, name, statements}`, where `on` is the ARN of what it belongs to. */
export function policies(stacks) {
  const found = [];
  const add = (on, kind, name, statements) => {
    const there = found.find((policy) => policy.on === on && policy.kind === kind && policy.name === name);
    if (there) there.statements.push(...statements);
    else found.push({ on, kind, name, statements: [...statements] });
  };
  for (const stack of stacks) {
    for (const [logicalId] of stack.of("AWS::IAM::Role")) {
      const { AssumeRolePolicyDocument, Policies = [] } = stack.properties(logicalId);
      add(stack.arn(logicalId), "resource", "trust", AssumeRolePolicyDocument.Statement);
      for (const { PolicyName, PolicyDocument } of Policies)
        add(stack.arn(logicalId), "identity", PolicyName, PolicyDocument.Statement);
    }
    for (const [logicalId] of stack.of("AWS::KMS::Key"))
      add(stack.arn(logicalId), "resource", "policy", stack.properties(logicalId).KeyPolicy.Statement);
    for (const [logicalId] of stack.of("AWS::ECR::Repository")) {
      const { RepositoryPolicyText } = stack.properties(logicalId);
      if (RepositoryPolicyText) add(stack.arn(logicalId), "resource", "policy", RepositoryPolicyText.Statement);
    }
    for (const [logicalId] of stack.of("AWS::S3::BucketPolicy")) {
      const { Bucket, PolicyDocument } = stack.properties(logicalId);
      add(`arn:aws:s3:::${Bucket}`, "resource", "policy", PolicyDocument.Statement);
    }
    for (const [logicalId] of stack.of("Custom::Caller"))
      for (const [arn, statement] of aliases(stack, logicalId)) add(arn, "resource", "policy", [statement]);
    for (const [type, target] of Object.entries(STATEMENT_TYPES))
      for (const [logicalId] of stack.of(type)) {
        const { ServiceToken, Statement, ...properties } = stack.properties(logicalId);
        const written = [Statement]
          .flat()
          .map((statement) => ofUnit(ServiceToken, { ...statement, Sid: statement.Sid + mark(stack, logicalId) }));
        add(target(properties), "resource", "policy", written);
      }
  }
  return found;
}

/** As long as the mark of a stack's resource is, by which a statement is known. */
function mark(stack, logicalId) {
  return createHash("sha256").update(`${stack.account} ${stack.name} ${logicalId}`).digest("hex").slice(0, 10);
}

/** What follows `caller-` in the alias of whom a Custom::Caller lets in. */
export function callerOf({ AccountId, OrganizationId = ORGANIZATION, OrganizationalUnitId }) {
  return AccountId ?? `${OrganizationId}-${OrganizationalUnitId}`;
}

/** The alias of each function that a caller may use, and the statement in its policy, as the function of Custom::Caller makes them. */
function aliases(stack, logicalId) {
  const caller = stack.properties(logicalId);
  return Object.keys(STATEMENT_TYPES).map((type) => {
    const name = `${stack.parameters.Archipelago}-${functionOf(type)}:caller-${callerOf(caller)}`;
    const Resource = `arn:aws:lambda:${REGION}:${stack.account}:function:${name}`;
    const organization = caller.OrganizationId ?? ORGANIZATION;
    const Condition = { StringEquals: { "aws:PrincipalOrgID": organization } };
    const statement = { Sid: "caller", Effect: "Allow", Action: "lambda:InvokeFunction", Resource, Condition };
    if (caller.AccountId)
      return [Resource, { ...statement, Principal: { AWS: `arn:aws:iam::${caller.AccountId}:root` } }];
    Condition["ForAnyValue:StringLike"] = { "aws:PrincipalOrgPaths": paths(organization, caller.OrganizationalUnitId) };
    return [Resource, { ...statement, Principal: { AWS: "*" } }];
  });
}

/** A statement that was asked for by a unit's alias ends with the membership in that unit. */
function ofUnit(token, statement) {
  const [, organization, unit] = /:caller-(o-[^-]+)-(ou-.+)$/.exec(token) ?? [];
  if (!unit) return statement;
  const isInUnit = { "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": paths(organization, unit) } };
  return { ...statement, Condition: { ...statement.Condition, ...isInUnit } };
}

/** What the paths of a unit's accounts are like. */
function paths(organization, unit) {
  return `${organization}/r-${unit.split("-")[1]}/*${unit}/*`;
}
