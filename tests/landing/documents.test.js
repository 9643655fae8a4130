// That each policy is one that IAM takes: its grammar, its actions, its Sids, its size.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connected, CONNECTION, policies, stacks } from "./landing.js";
import { iamActionExists, validateIdentityPolicy, validateResourcePolicy } from "./packages.js";

// Characters, without white space between tokens.
const LIMITS = { ecr: 10_240, iam: 10_240, kms: 32_768, lambda: 20_480, s3: 20_480, trust: 2_048 };
const WITHOUT_RESOURCE = ["ecr", "trust"];
const serviceOf = ({ on, name }) => (name === "trust" ? name : on.split(":")[2]);
const actionsOf = ({ statements }) => statements.flatMap(({ Action }) => Action);

for (const policy of [...policies(), ...policies([connected(CONNECTION)])]) {
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

test("thirty accounts fit into every policy that they share", () => {
  const size = (statements) => JSON.stringify(statements).length - "[]".length + ",".length;
  const [shared, whole] = [policies([stacks.development]), policies()].map((some) =>
    some.filter(({ kind, name }) => kind === "resource" && name === "policy"),
  );
  for (const policy of shared) {
    const own = size(policy.statements);
    const others = size(whole.find(({ on }) => on === policy.on).statements) - 2 * own;
    assert(30 * own + others + 40 <= LIMITS[serviceOf(policy)], `${policy.on}: ${own} an account`);
  }
});
