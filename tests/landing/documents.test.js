// That each policy is one that IAM takes: its grammar, its actions, its Sids, its size.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CONNECTION, ORGANIZATION, WAYS, connected, landing } from "./landing.js";
import { iamActionExists, validateIdentityPolicy, validateResourcePolicy } from "./packages.js";
import { policies } from "./policies.js";
import { Stack } from "./stack.js";

// Characters, without white space between tokens.
const LIMITS = { ecr: 10_240, iam: 10_240, kms: 32_768, lambda: 20_480, s3: 20_480, trust: 2_048 };
const WITHOUT_RESOURCE = ["ecr", "trust"];
const serviceOf = ({ on, name }) => (name === "trust" ? name : on.split(":")[2]);
const actionsOf = ({ statements }) => statements.flatMap(({ Action }) => Action);

const { app } = landing().applications;
const written = [
  ...Object.keys(WAYS).flatMap((way) => policies(landing(way).all)),
  ...policies([connected(app, CONNECTION)]),
];
// Most policies are the same in each way.
const different = new Map(written.map((policy) => [JSON.stringify(policy), policy]));

for (const policy of different.values()) {
  const { on, kind, name, statements } = policy;
  const service = serviceOf(policy);

  test(`${name} of ${on} is a policy of its kind`, () => {
    const judged = { Version: "2012-10-17", Statement: structuredClone(statements) };
    for (const statement of judged.Statement) {
      assert.equal("Resource" in statement, !WITHOUT_RESOURCE.includes(service), statement.Sid);
      if (WITHOUT_RESOURCE.includes(service)) statement.Resource = "*";
    }
    assert.deepEqual((kind === "identity" ? validateIdentityPolicy : validateResourcePolicy)(judged), []);
  });

  test(`${name} of ${on} names actions that there are`, async () => {
    for (const action of actionsOf(policy).filter((action) => !action.endsWith(":*")))
      assert(await iamActionExists(...action.split(":")), action);
  });

  test(`${name} of ${on} has a Sid for each statement, each once`, () => {
    const sids = statements.map(({ Sid }) => Sid);
    assert(
      sids.every((sid) => /^[A-Za-z0-9]+$/.test(sid)),
      sids.join(),
    );
    assert.equal(new Set(sids).size, sids.length);
  });

  test(`${name} of ${on} is within its size`, () => {
    const size = JSON.stringify({ Version: "2012-10-17", Statement: statements }).length;
    assert(size <= LIMITS[service], `${size} of ${LIMITS[service]}`);
  });
}

test("a statement for everybody names the organization, so that nobody calls it public", () => {
  const open = written
    .flatMap(({ statements }) => statements)
    .filter(({ Effect, Principal }) => Effect === "Allow" && Principal?.AWS === "*");
  assert(open.length > 10);
  for (const { Condition } of open) assert.equal(Condition.StringEquals["aws:PrincipalOrgID"], ORGANIZATION);
});

const size = (statements) => JSON.stringify(statements).length - "[]".length + ",".length;

/** The policies of an application that its accounts have statements in, without those; and one account's statements. */
function shared(way) {
  const { tooling, development } = landing(way).applications.app;
  return policies([tooling, development])
    .filter(({ kind, name, on }) => kind === "resource" && name === "policy" && !on.includes(":function:"))
    .map((policy) => {
      const there = policies([tooling]).find(({ on }) => on === policy.on)?.statements ?? [];
      return { ...policy, there, one: policy.statements.slice(there.length) };
    });
}

for (const [way, accounts] of [
  ["a caller a unit", 20],
  ["a caller an account", 30],
])
  test(`${way}: ${accounts} accounts fit into every policy that they share`, () => {
    for (const policy of shared(way)) {
      assert(policy.one.length > 0, policy.on);
      const whole = accounts * size(policy.one) + size(policy.there) + 40;
      assert(whole <= LIMITS[serviceOf(policy)], `${policy.on}: ${size(policy.one)} an account`);
    }
  });

test("statements for units: a hundred units fit into every policy, with any number of accounts", () => {
  const units = Array.from({ length: 100 }, (_, index) => `ou-abcd-${String(index).padStart(8, "0")}`);
  const { tooling } = landing("statements for units").applications.app;
  const many = new Stack("tooling", tooling.account, { ...tooling.given, CallerUnits: units.join() });
  for (const policy of policies([many]))
    assert(size(policy.statements) + 40 <= LIMITS[serviceOf(policy)], `${policy.on}: ${size(policy.statements)}`);
});
