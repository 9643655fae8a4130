// That no function's role can widen its own or another's of the installation, by one call or by two.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runSimulation } from "./packages.js";
import { REGION, Stack } from "./stack.js";

const ACCOUNT = "300000000000";
const ELSEWHERE = "400000000000";
const EVERYTHING = { Effect: "Allow", Action: "*", Resource: "*" };

/** Every function, open for as much as somebody may give it. */
const WIDEST = {
  Functions: "All",
  RepositoryArns: "*",
  KeyArns: "*",
  BucketArns: "*",
  RoleArns: "*",
  AssumableRoleArns: "*",
};
/** A role of the same account that may do all there, has the name of those that are waited for, and lets everybody in. */
const ADMINISTRATOR = `arn:aws:iam::${ACCOUNT}:role/OrganizationAccountAccessRole`;
/** The same in another account. */
const STRANGER = `arn:aws:iam::${ELSEWHERE}:role/OrganizationAccountAccessRole`;

/** What changes who may do what, by the type of the thing that it is done to. */
const WIDENING = {
  "AWS::IAM::Role": [
    "iam:AttachRolePolicy",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PassRole",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "sts:AssumeRole",
    "sts:TagSession",
  ],
  "AWS::IAM::ManagedPolicy": [
    "iam:CreatePolicyVersion",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:SetDefaultPolicyVersion",
  ],
  "AWS::Serverless::Function": [
    "lambda:AddPermission",
    "lambda:CreateAlias",
    "lambda:CreateFunctionUrlConfig",
    "lambda:DeleteResourcePolicy",
    "lambda:PutFunctionEventInvokeConfig",
    "lambda:PutResourcePolicy",
    "lambda:RemovePermission",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "lambda:UpdateFunctionEventInvokeConfig",
  ],
  "AWS::DynamoDB::Table": [
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:DeleteTable",
    "dynamodb:PutResourcePolicy",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTimeToLive",
  ],
  "AWS::Events::Rule": [
    "events:DeleteRule",
    "events:DisableRule",
    "events:PutRule",
    "events:PutTargets",
    "events:RemoveTargets",
  ],
  "AWS::SQS::Queue": ["sqs:AddPermission", "sqs:RemovePermission", "sqs:SetQueueAttributes"],
  "AWS::Logs::LogGroup": ["logs:DeleteLogGroup", "logs:PutSubscriptionFilter"],
  // What the installation doesn't have today, and would be in reach if it had.
  "AWS::ECR::Repository": [],
  "AWS::KMS::Key": ["kms:CreateGrant", "kms:PutKeyPolicy"],
  "AWS::S3::Bucket": ["s3:PutBucketPolicy"],
};
/** What is done to no thing that is there. */
const AT_LARGE = ["lambda:CreateEventSourceMapping", "logs:PutResourcePolicy"].map((action) => ({
  action,
  resource: "*",
}));
/** What is deleted where it carries our mark: by the function that may give it that mark, and on the word of no other. */
const MARK = "archipelago:made";
const MARKED = {
  "organizations:CloseAccount": `arn:aws:organizations::${ACCOUNT}:account/o-exampleorgid/${ELSEWHERE}`,
  "organizations:DeleteOrganizationalUnit": `arn:aws:organizations::${ACCOUNT}:ou/o-exampleorgid/ou-ab12-0123abcd`,
};
/** What the function for callers is there for: it makes aliases of these functions, and by those of callers it lets others in. */
const OPENED = ["EcrPolicyStatement", "KmsPolicyStatement", "S3PolicyStatement", "IamTrustStatement"];
const OPENING = {
  function: ["lambda:CreateAlias", "lambda:UpdateAlias"],
  alias: [
    "lambda:AddPermission",
    "lambda:DeleteResourcePolicy",
    "lambda:PutFunctionEventInvokeConfig",
    "lambda:PutResourcePolicy",
    "lambda:RemovePermission",
  ],
};
/** With what a role that somebody may change is let into by those that may. */
const CHANGES = ["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy", "sts:AssumeRole"];

const installation = (parameters = WIDEST, name = "archipelago") => new Stack(name, ACCOUNT, parameters, "../template");

/** The policies of each role, by its ARN. */
function roles(stack) {
  const found = stack.of("AWS::IAM::Role").map(([logicalId]) => {
    const { AssumeRolePolicyDocument, Policies } = stack.properties(logicalId);
    const identity = Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    return [stack.arn(logicalId), { identity, trust: AssumeRolePolicyDocument.Statement }];
  });
  return new Map(found);
}

/** Everything of the installation that somebody could take over, with what is done for that. */
function things(stack) {
  const owned = Object.entries(WIDENING).flatMap(([type, actions]) =>
    stack.of(type).flatMap(([logicalId]) => {
      const arn = stack.arn(logicalId);
      const also = type === "AWS::Serverless::Function" ? [`${arn}:caller-${ELSEWHERE}`] : [];
      return [arn, ...also].flatMap((resource) => actions.map((action) => ({ action, resource })));
    }),
  );
  return [...owned, ...AT_LARGE];
}

/** What the role of the function for callers does to functions. */
function openings(stack) {
  return OPENED.flatMap((logicalId) => {
    const resource = stack.arn(logicalId);
    const alias = `${resource}:caller-${ELSEWHERE}`;
    return [
      ...OPENING.function.map((action) => ({ action, resource })),
      ...OPENING.alias.map((action) => ({ action, resource: alias })),
    ];
  });
}

/** One thing that is done, as a text. */
const said = ({ action, resource }) => `${action} on ${resource}`;

/** Whether a role with these policies may do that. Of the thing itself, `trust` is the policy; `keys` are more of the request's. */
async function allows(who, { identity }, { action, resource }, trust, keys = {}) {
  const account = who.split(":")[4];
  const document = (Statement) => ({ Version: "2012-10-17", Statement });
  const { overallResult, resultType, errors } = await runSimulation(
    {
      request: {
        principal: who,
        action,
        resource: { resource, accountId: resource.split(":")[4] || ACCOUNT },
        contextVariables: { "aws:PrincipalArn": who, "aws:PrincipalAccount": account, ...keys },
      },
      identityPolicies: [{ name: "inline", policy: document(identity) }],
      resourcePolicy: trust && document(trust.map((statement) => ({ ...statement, Resource: resource }))),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  if (resultType === "error") throw new Error(`${action} on ${resource}: ${JSON.stringify(errors)}`);
  return overallResult === "Allowed";
}

/** The ways in which a function's role comes to more than it has, each as a sentence. */
async function* ways(stack) {
  const functions = [...roles(stack)];
  const targets = things(stack);
  const trusts = roles(stack);
  const opens = new Set(openings(stack).map(said));
  const caller = stack.arn("CallerRole");
  // By two calls: a role of this account is changed, so that it may do all and lets a function in by its name, and is assumed.
  const changers = [];
  for (const [who, role] of functions)
    for (const action of CHANGES)
      if (await allows(who, role, { action, resource: ADMINISTRATOR }, lets(who))) changers.push(`${who}: ${action}`);
  for (const [who, role] of changers.length > 0 ? functions : [])
    if (await allows(who, role, { action: "sts:AssumeRole", resource: ADMINISTRATOR }, lets(who)))
      yield `${changers.join(" or ")}, then ${who} as ${ADMINISTRATOR}`;
  // By two: one marks what another then deletes.
  for (const [action, resource] of Object.entries(MARKED))
    for (const [who, role] of functions) {
      const marks = { action: "organizations:TagResource", resource };
      const deletes = await allows(who, role, { action, resource }, undefined, { [`aws:ResourceTag/${MARK}`]: "mark" });
      if (!deletes && (await allows(who, role, marks, undefined, { "aws:TagKeys": [MARK] })))
        yield `${who} marks ${resource}, then another: ${action}`;
    }
  // By one: what the installation has.
  for (const [who, role] of functions)
    for (const target of targets)
      if (
        !(who === caller && opens.has(said(target))) &&
        (await allows(who, role, target, trusts.get(target.resource)?.trust))
      )
        yield `${who}: ${said(target)}`;
  // By two: a role of another account that may do all there, and from there back.
  const stranger = { identity: [EVERYTHING] };
  for (const target of targets)
    if (await allows(STRANGER, stranger, target, trusts.get(target.resource)?.trust))
      yield `${STRANGER}: ${said(target)}`;
}

/** The first of them, if there is any. */
async function way(stack) {
  for await (const found of ways(stack)) return found;
  return undefined;
}

/** A trust policy that names a role, which then needs no permission of its own in the same account. */
function lets(who) {
  return [{ Effect: "Allow", Principal: { AWS: who }, Action: ["sts:AssumeRole", "sts:TagSession"] }];
}

test("the installation is judged whole", () => {
  const stack = installation();
  assert.equal(roles(stack).size, stack.of("AWS::Serverless::Function").length);
  const judged = new Set(Object.keys(WIDENING));
  const owned = new Set(Object.values(stack.resources).map(({ Type }) => Type));
  // What nobody gains anything by.
  const harmless = [
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    // It is a part of its function's policy.
    "AWS::Lambda::Permission",
    "AWS::Logs::QueryDefinition",
    "AWS::SSM::Parameter",
  ];
  assert.deepEqual(
    [...owned].filter((type) => !judged.has(type) && !harmless.includes(type)),
    [],
  );
  const known = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:archipelago-account`;
  assert(things(stack).some(({ resource }) => resource === known));
});

test("who may do all of it is found", async () => {
  const administrator = { identity: [EVERYTHING] };
  for (const target of things(installation()))
    assert(await allows(ADMINISTRATOR, administrator, target, undefined), said(target));
});

test("no function's role widens its own or another's, by one call or by two, however open it is", async () => {
  assert.equal(await way(installation()), undefined);
});

test("others are let in by the function for callers alone, and by aliases of callers alone", async () => {
  const stack = installation();
  const role = roles(stack).get(stack.arn("CallerRole"));
  for (const opening of openings(stack)) assert(await allows(stack.arn("CallerRole"), role, opening), said(opening));
  for (const logicalId of OPENED)
    for (const alias of ["", ":live", ":$LATEST"])
      for (const action of OPENING.alias) {
        const other = { action, resource: `${stack.arn(logicalId)}${alias}` };
        assert(!(await allows(stack.arn("CallerRole"), role, other)), said(other));
      }
});

test("the roles of other accounts are assumed where they are listed", async () => {
  const [who, role] = [...roles(installation())].find(([arn]) => arn.includes("KmsPolicyStatement"));
  assert(await allows(who, role, { action: "sts:AssumeRole", resource: STRANGER }, lets(who)));
});

for (const type of ["IamTrustStatement", "IamPolicyStatement"])
  test(`${type} changes no role unless RoleArns lists it`, async () => {
    const app = `arn:aws:iam::${ACCOUNT}:role/app`;
    const actions =
      type === "IamTrustStatement" ? ["iam:UpdateAssumeRolePolicy"] : ["iam:PutRolePolicy", "iam:DeleteRolePolicy"];
    for (const [RoleArns, may] of [
      ["", false],
      [app, true],
      [`${app}-other`, false],
    ]) {
      const [who, role] = [...roles(installation({ ...WIDEST, RoleArns }))].find(([arn]) => arn.includes(type));
      for (const action of actions)
        assert.equal(await allows(who, role, { action, resource: app }), may, `${action} with RoleArns "${RoleArns}"`);
    }
  });

// Whichever guard is taken out of the template, there is a way.
for (const [logicalId] of installation().of("AWS::IAM::Role")) {
  const guards = installation()
    .properties(logicalId)
    .Policies[0].PolicyDocument.Statement.filter(({ Effect }) => Effect === "Deny");
  test(`${logicalId} has a guard`, () => assert.notEqual(guards.length, 0));
  for (const { Sid } of guards)
    test(`it matters: ${Sid} of ${logicalId}`, async () => {
      const stack = installation();
      const { PolicyDocument } = stack.resources[logicalId].Properties.Policies[0];
      PolicyDocument.Statement = PolicyDocument.Statement.filter((statement) => statement.Sid !== Sid);
      assert.notEqual(await way(stack), undefined);
    });
}
