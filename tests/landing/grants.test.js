// That the tooling account opens to an application what its stacks ask for, and nothing else, and no other application's things.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, APPLICATIONS, ORGANIZATION, STAGES, WAYS, landing, unitOf } from "./landing.js";
import { STATEMENT_TYPES, callerOf, functionOf } from "./policies.js";
import { REGION, Stack } from "./stack.js";
import { template } from "./template.js";

const sorted = (items) => [...new Set(items)].sort();

/** The single statements that a stack asks for, each with what it is written into. */
function asked(stack) {
  return Object.entries(STATEMENT_TYPES).flatMap(([type, target]) =>
    stack.of(type).map(([logicalId]) => {
      const { ServiceToken, Statement, ...properties } = stack.properties(logicalId);
      const statements = [Statement].flat();
      const actions = statements.flatMap(({ Action }) => Action);
      return { logicalId, type, ServiceToken, target: target(properties), statements, actions };
    }),
  );
}

/** What is opened to a caller by all stacks of a landing: the targets and actions of each of its grants. */
function grants(standing, caller) {
  return standing.all
    .flatMap((stack) => stack.of("Custom::Caller").map(([logicalId]) => stack.properties(logicalId)))
    .filter((properties) => callerOf(properties) === caller);
}

for (const [way, { byUnit }] of Object.entries(WAYS).filter(([, { access }]) => access === "Accounts")) {
  const standing = landing(way);
  for (const application of APPLICATIONS)
    for (const stage of STAGES) {
      const stack = standing.applications[application][stage];
      const caller = byUnit ? `${ORGANIZATION}-${unitOf(application, stage)}` : stack.account;
      const wanted = asked(stack);

      test(`${way}: what ${application} asks for in ${stage} is what one grant opens to it`, () => {
        const [{ Targets, Actions, Types, Services }, ...more] = grants(standing, caller);
        assert.equal(more.length, 0);
        assert.deepEqual(sorted(Targets), sorted(wanted.map(({ target }) => target)));
        assert.deepEqual(sorted(Actions), sorted(wanted.flatMap(({ actions }) => actions)));
        // The types are the three that are asked for by default, and no service may be let in.
        assert.deepEqual([Types, Services], [undefined, undefined]);
        assert(Targets.every((target) => !/[*?]/.test(target)));
      });

      test(`${way}: nothing that another application asks for is opened to ${application} in ${stage}`, () => {
        for (const other of APPLICATIONS.filter((name) => name !== application))
          for (const { target } of STAGES.flatMap((each) => asked(standing.applications[other][each])))
            for (const { Targets } of grants(standing, caller)) assert(!Targets.includes(target), target);
      });

      for (const { logicalId, type, ServiceToken, target, statements } of wanted) {
        test(`${way}: ${logicalId} of ${application} in ${stage} goes by the caller's own alias of its type`, () => {
          const alias = `archipelago-${functionOf(type)}:caller-${caller}`;
          assert.equal(ServiceToken, `arn:aws:lambda:${REGION}:${ACCOUNT.tooling}:function:${alias}`);
        });

        test(`${way}: ${logicalId} of ${application} in ${stage} is for one role of that account`, () => {
          const role = new RegExp(`^arn:aws:iam::${stack.account}:role/${application}-[a-z-]+$`);
          for (const { Effect, Principal, Resource = target, Condition } of statements) {
            assert.equal(Effect, "Allow");
            assert.deepEqual(Principal, { AWS: `arn:aws:iam::${stack.account}:root` });
            assert.match(Condition.ArnEquals["aws:PrincipalArn"], role);
            assert(Resource === "*" || Resource.startsWith(target), Resource);
          }
        });
      }
    }
}

test("where a stack has statements for units, nobody may call and nobody asks", () => {
  const { all } = landing("statements for units");
  for (const type of ["Custom::Caller", ...Object.keys(STATEMENT_TYPES)])
    assert.deepEqual(
      all.flatMap((stack) => stack.of(type)),
      [],
    );
});

const tooling = (parameters) => new Stack("tooling", ACCOUNT.tooling, parameters);
const units = { CallerUnits: `${unitOf("app", "development")},${unitOf("app", "production")}` };
const opened = (stack) => JSON.stringify(stack.properties("ArtifactsPolicy")).includes("ForUnits");

test("a stack that nobody is named to opens nothing, and needs no functions", () => {
  assert.deepEqual(tooling({}).of("Custom::Caller"), []);
  for (const Access of ["Accounts", "Units", "Both"])
    assert(!opened(tooling({ Access, OrganizationId: ORGANIZATION })), Access);
});

test("units and accounts may call side by side, and accounts go on where units have statements", () => {
  const both = { ...units, OrganizationId: ORGANIZATION, CallerAccounts: ACCOUNT.sandbox };
  for (const [Access, callers, hasStatements] of [
    ["Accounts", 3, false],
    ["Both", 3, true],
    ["Units", 1, true],
  ]) {
    const stack = tooling({ ...both, Access });
    assert.equal(stack.of("Custom::Caller").length, callers, Access);
    assert.equal(opened(stack), hasStatements, Access);
  }
});

test("from Both to Units no policy changes, so nothing that joined one is lost", () => {
  const given = { ...units, OrganizationId: ORGANIZATION };
  const written = (Access) => {
    const stack = tooling({ ...given, Access });
    return ["ImagesKey", "Images", "ArtifactsKey", "ArtifactsPolicy"].map((logicalId) => stack.properties(logicalId));
  };
  assert.deepEqual(written("Both"), written("Units"));
});

test("statements for units need the organization, which callers find by themselves", () => {
  assert.throws(() => tooling({ ...units, Access: "Units" }), /OrganizationId must say which organization/);
  const [[logicalId]] = tooling(units).of("Custom::Caller");
  assert(!("OrganizationId" in tooling(units).properties(logicalId)));
});

test("a StackSet asks for every parameter of the stack that it deploys, and hands it on", () => {
  const [workload, stackset] = ["workload", "stackset"].map(template);
  const { applications } = landing();
  for (const byUnit of [true, false]) {
    const { given } = applications.app.stackset;
    const stack = new Stack("stackset", ACCOUNT.management, { ...given, ...(!byUnit && { OrganizationId: "" }) });
    const sets = stack.of("AWS::CloudFormation::StackSet").map(([logicalId]) => stack.properties(logicalId));
    assert.equal(sets.length, byUnit ? 2 : 1);
    assert.equal(new Set(sets.map(({ StackSetName }) => StackSetName)).size, sets.length);
    for (const { Parameters } of sets) {
      const handed = Object.fromEntries(Parameters.map((each) => [each.ParameterKey, each.ParameterValue]));
      assert.deepEqual(Object.keys(handed).sort(), Object.keys(workload.Parameters).sort());
      for (const [name, value] of Object.entries(handed))
        if (name !== "Qualifier") assert.equal(value, stack.parameters[name], name);
      assert.equal(handed.Qualifier === "", !byUnit);
    }
  }
  for (const [name, { AllowedPattern }] of Object.entries(workload.Parameters))
    if (name !== "Qualifier") assert.equal(stackset.Parameters[name].AllowedPattern, AllowedPattern, name);
});

test("each unit has a StackSet of its own, which hands its accounts the unit's alias", () => {
  const { applications } = landing();
  const all = APPLICATIONS.flatMap((application) => STAGES.map((stage) => unitOf(application, stage)));
  assert.equal(new Set(all).size, all.length);
  for (const { stackset } of Object.values(applications))
    for (const [logicalId] of stackset.of("AWS::CloudFormation::StackSet")) {
      const { StackInstancesGroup, Parameters } = stackset.properties(logicalId);
      const [[unit, ...more]] = StackInstancesGroup.map(
        ({ DeploymentTargets }) => DeploymentTargets.OrganizationalUnitIds,
      );
      const { ParameterValue } = Parameters.find(({ ParameterKey }) => ParameterKey === "Qualifier");
      assert.deepEqual([more, ParameterValue], [[], `caller-${ORGANIZATION}-${unit}`]);
    }
});
