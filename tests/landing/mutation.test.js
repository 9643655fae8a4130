// That nothing in the stacks' policies is idle: whatever is taken out of them, the picture is another one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { edges } from "./edges.js";
import { forbidden } from "./forbidden.js";
import { allows } from "./judge.js";
import { APPLICATIONS, WAYS, landing } from "./landing.js";
import { policies } from "./policies.js";
import { beyond } from "./reach.js";

const LISTS = ["Action", "Resource"];

/** Each of a policy's statements, and each of their actions, resources and conditions, as a way to lose it. */
function* losses({ statements }) {
  for (const [index, statement] of statements.entries()) {
    yield { of: statement.Sid, lose: (kept) => kept.splice(index, 1) };
    for (const name of LISTS.filter((name) => Array.isArray(statement[name])))
      for (const [item, value] of statement[name].entries())
        yield { of: `${statement.Sid}: ${name} ${value}`, lose: (kept) => kept[index][name].splice(item, 1) };
    for (const [operator, keys] of Object.entries(statement.Condition ?? {}))
      for (const [key, value] of Object.entries(keys).filter((condition) => !isSaidTwice(statement, ...condition))) {
        const of = `${statement.Sid}: ${operator} ${key}`;
        yield { of, lose: (kept) => without(kept[index].Condition, operator, key) };
        for (const [item, one] of Array.isArray(value) ? value.entries() : [])
          yield { of: `${of} ${one}`, lose: (kept) => kept[index].Condition[operator][key].splice(item, 1) };
      }
  }
}

function without(condition, operator, key) {
  delete condition[operator][key];
  if (Object.keys(condition[operator]).length === 0) delete condition[operator];
}

/** The organization of a path is in the path, and AWS wants it by itself, so that a statement for everybody isn't called public. */
function isSaidTwice({ Condition }, key, value) {
  const paths = [Condition["ForAnyValue:StringLike"]?.["aws:PrincipalOrgPaths"] ?? []].flat();
  return key === "aws:PrincipalOrgID" && paths.length > 0 && paths.every((path) => path.startsWith(`${value}/`));
}

/** Whether the picture is as it was; only requests that the policy is asked about are tried. */
async function holds(standing, all, { on, kind }) {
  const concerns = ({ who, resource }) =>
    kind === "identity" ? who === on : resource === on || resource.startsWith(`${on}/`);
  const allowed = edges(standing);
  for (const [tried, may] of [
    [allowed, true],
    [forbidden(standing), false],
  ])
    for (const { who, actions, resource, context } of tried.filter(concerns))
      for (const action of actions) if ((await allows(all, who, action, resource, context)) !== may) return false;
  return (await beyond(all, allowed, allowed.filter(concerns))).length === 0;
}

for (const [index, way] of Object.keys(WAYS).entries()) {
  const standing = landing(way);
  const { shared, applications, all } = standing;
  const whole = policies(all);
  // Those of the other application are of the same templates. What nobody else's policy has to do with is the same in each way.
  const own = policies([...shared, ...Object.values(applications[APPLICATIONS[0]])]).map(({ on }) => on);
  const judged = ({ on, kind, name }) => own.includes(on) && (index === 0 || (kind === "resource" && name !== "trust"));
  for (const [position, policy] of whole.entries())
    for (const { of, lose } of judged(policy) ? losses(policy) : [])
      test(`${way}, it matters: ${of}, in ${policy.name} of ${policy.on}`, async () => {
        const left = structuredClone(whole);
        lose(left[position].statements);
        // A list without items, a policy without statements: nothing of it is left to be judged.
        const { statements } = left[position];
        left[position].statements = statements.filter((each) => LISTS.every((name) => each[name]?.length !== 0));
        const there = left.filter(({ statements, name }) => name === "trust" || statements.length > 0);
        assert(!(await holds(standing, there, policy)), "nothing changes without it");
      });
}
