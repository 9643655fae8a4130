// That nothing in the stacks' policies is idle: whatever is taken out of them, the picture is another one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EDGES } from "./edges.js";
import { FORBIDDEN } from "./forbidden.js";
import { allows } from "./judge.js";
import { policies } from "./landing.js";
import { beyond } from "./reach.js";

const LISTS = ["Action", "Resource"];

/** Each of a policy's statements, and each of their conditions, actions and resources, as a way to lose it. */
function* losses({ statements }) {
  for (const [index, statement] of statements.entries()) {
    yield { of: statement.Sid, lose: (kept) => kept.splice(index, 1) };
    if (statement.Condition) yield { of: `${statement.Sid}: Condition`, lose: (kept) => delete kept[index].Condition };
    for (const name of LISTS.filter((name) => Array.isArray(statement[name])))
      for (const [item, value] of statement[name].entries())
        yield { of: `${statement.Sid}: ${name} ${value}`, lose: (kept) => kept[index][name].splice(item, 1) };
  }
}

/** Whether the picture is as it was; only requests that the policy is asked about are tried. */
async function holds(all, { on, kind }) {
  const concerns = ({ who, resource }) =>
    kind === "identity" ? who === on : resource === on || resource.startsWith(`${on}/`);
  for (const [edges, may] of [
    [EDGES, true],
    [FORBIDDEN, false],
  ])
    for (const { who, actions, resource, context } of edges.filter(concerns))
      for (const action of actions) if ((await allows(all, who, action, resource, context)) !== may) return false;
  return (await beyond(all, EDGES.filter(concerns))).length === 0;
}

for (const [position, policy] of policies().entries()) {
  for (const { of, lose } of losses(policy)) {
    test(`it matters: ${of}, in ${policy.name} of ${policy.on}`, async () => {
      const all = structuredClone(policies());
      lose(all[position].statements);
      // A list without items, a policy without statements: nothing of it is left to be judged.
      for (const each of all)
        each.statements = each.statements.filter((statement) => LISTS.every((name) => statement[name]?.length !== 0));
      assert(
        !(await holds(
          all.filter(({ statements, name }) => name === "trust" || statements.length > 0),
          policy,
        )),
        "nothing changes without it",
      );
    });
  }
}
