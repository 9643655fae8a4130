// That the stacks permit what the picture shows, and nothing more, in each way in which accounts come to their application's things.

import assert from "node:assert/strict";
import { test } from "node:test";
import { edges } from "./edges.js";
import { forbidden, OUTSIDERS } from "./forbidden.js";
import { allows, owner } from "./judge.js";
import { ACCOUNT, APPLICATIONS, CONNECTION, WAYS, connected, landing } from "./landing.js";
import { policies } from "./policies.js";
import { beyond } from "./reach.js";

for (const way of Object.keys(WAYS)) {
  const standing = landing(way);
  const all = policies(standing.all);
  const allowed = edges(standing);

  for (const { says, who, actions, resource, context } of allowed)
    test(`${way}: ${says}`, async () => {
      for (const action of actions)
        assert(await allows(all, who, action, resource, context), `${who} may not ${action}`);
    });

  for (const { says, who, actions, resource, context } of forbidden(standing))
    test(`${way}, never: ${says}`, async () => {
      for (const action of actions)
        assert(!(await allows(all, who, action, resource, context)), `${who} may ${action}`);
    });

  test(`${way}: what an edge allows, it allows to nobody else`, async () => {
    assert.deepEqual(await beyond(all, allowed), []);
  });

  for (const application of APPLICATIONS)
    test(`${way}: nobody of another application reaches a thing of ${application}`, async () => {
      const [other] = APPLICATIONS.filter((name) => name !== application);
      const theirs = policies(Object.values(standing.applications[other])).filter(({ name }) => name === "trust");
      const accounts = Object.entries(ACCOUNT).filter(([name]) => name.startsWith(`${other}-`));
      const outsiders = OUTSIDERS.filter((who) => accounts.some(([, id]) => owner(who) === id));
      const things = allowed.filter(({ says, resource }) => says.startsWith(`${application}: `) && isOwn(resource));
      let tried = 0;
      for (const who of [...theirs.map(({ on }) => on), ...outsiders])
        for (const { actions, resource, context } of things)
          for (const action of actions) {
            tried += 1;
            assert(!(await allows(all, who, action, resource, context)), `${who} may ${action} on ${resource}`);
          }
      assert(tried > 2_000, `${tried}`);
    });
}

/** What both applications may do is done to no thing, or to the VPC, by the stack of each account. */
function isOwn(resource) {
  return resource !== "*" && !resource.includes(":vpc/");
}

const { app, shop } = landing().applications;

test("a pipeline that takes its source by a connection may use that one, and another pipeline none", async () => {
  for (const action of ["codeconnections:UseConnection", "codestar-connections:UseConnection"]) {
    // The connection has the prefix of the service that it was made in.
    const connection = CONNECTION.replace("codeconnections", action.split(":")[0]);
    const stack = connected(app, connection);
    const who = stack.arn("PipelineRole");
    assert(await allows(policies([stack]), who, action, connection));
    assert(!(await allows(policies([stack]), who, action, `${connection}-other`)));
    for (const { pipeline } of [app, shop])
      assert(!(await allows(policies([pipeline]), pipeline.arn("PipelineRole"), action, connection)));
  }
});

test("a pipeline that takes its source by a connection uploads it with an ACL, and another pipeline doesn't", async () => {
  const stack = connected(app, CONNECTION);
  const who = stack.arn("PipelineRole");
  const artifact = `arn:aws:s3:::${stack.parameters.ArtifactBucketName}/app/Source/example`;
  assert(await allows(policies([stack]), who, "s3:PutObjectAcl", artifact));
  for (const other of ["other-", "shop-"])
    assert(!(await allows(policies([stack]), who, "s3:PutObjectAcl", artifact.replace(":::", `:::${other}`))));
  assert(!(await allows(policies([app.pipeline]), who, "s3:PutObjectAcl", artifact)));
});
