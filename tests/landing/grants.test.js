// That the tooling account opens to others what their stacks ask for, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, STATEMENT_TYPES, stacks } from "./landing.js";
import { REGION } from "./stack.js";
import { template } from "./template.js";

const listed = (name) => stacks.tooling.output(name).split(",").sort();
const sorted = (items) => [...new Set(items)].sort();

/** The single statements of the accounts that are deployed into, each with what it is written into. */
const ASKED = [stacks.development, stacks.production].flatMap((stack) =>
  Object.entries(STATEMENT_TYPES).flatMap(([type, target]) =>
    stack.of(type).map(([logicalId]) => {
      const { ServiceToken, Statement, ...properties } = stack.properties(logicalId);
      return {
        account: stack.account,
        logicalId,
        type,
        ServiceToken,
        target: target(properties),
        statements: [Statement].flat(),
      };
    }),
  ),
);

test("GrantTargets of the tooling account are what the statements are written into", () => {
  assert.deepEqual(listed("GrantTargets"), sorted(ASKED.map(({ target }) => target)));
});

test("GrantActions of the tooling account are those of the statements", () => {
  assert.deepEqual(
    listed("GrantActions"),
    sorted(ASKED.flatMap(({ statements }) => statements.flatMap(({ Action }) => Action))),
  );
});

for (const { account, logicalId, type, ServiceToken, target, statements } of ASKED) {
  test(`${logicalId} of ${account} goes by the account's own alias of the function of its type`, () => {
    const name = type
      .replace("Custom::", "")
      .replaceAll(/(?!^)([A-Z])/g, "-$1")
      .toLowerCase();
    const alias = `archipelago-${name}:caller-${account}`;
    assert.equal(ServiceToken, `arn:aws:lambda:${REGION}:${ACCOUNT.tooling}:function:${alias}`);
  });

  test(`${logicalId} of ${account} is for one role of that account`, () => {
    for (const { Effect, Principal, Resource = target, Condition } of statements) {
      assert.equal(Effect, "Allow");
      assert.deepEqual(Principal, { AWS: `arn:aws:iam::${account}:root` });
      assert.match(Condition.ArnEquals["aws:PrincipalArn"], new RegExp(`^arn:aws:iam::${account}:role/app-[a-z-]+$`));
      assert(Resource === "*" || Resource.startsWith(target), Resource);
    }
  });
}

test("a StackSet asks for every parameter of the stack that it deploys, and hands it on", () => {
  const [workload, stackset] = ["workload", "stackset"].map(template);
  const handed = stackset.Resources.Workloads.Properties.Parameters;
  assert.deepEqual(
    handed.map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue.Ref]).sort(),
    Object.keys(workload.Parameters)
      .map((name) => [name, name])
      .sort(),
  );
  for (const [name, { AllowedPattern }] of Object.entries(workload.Parameters))
    assert.equal(stackset.Parameters[name].AllowedPattern, AllowedPattern, name);
});
