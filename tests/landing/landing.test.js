// That the stacks permit what the picture shows, and nothing more.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EDGES } from "./edges.js";
import { FORBIDDEN } from "./forbidden.js";
import { allows } from "./judge.js";
import { connected, CONNECTION, policies, stacks } from "./landing.js";
import { beyond } from "./reach.js";

const ALL = policies();

for (const { says, who, actions, resource, context } of EDGES) {
  test(says, async () => {
    for (const action of actions) assert(await allows(ALL, who, action, resource, context), `${who} may not ${action}`);
  });
}

for (const { says, who, actions, resource, context } of FORBIDDEN) {
  test(`never: ${says}`, async () => {
    for (const action of actions) assert(!(await allows(ALL, who, action, resource, context)), `${who} may ${action}`);
  });
}

test("what an edge allows, it allows to nobody else", async () => {
  assert.deepEqual(await beyond(ALL, EDGES), []);
});

test("a pipeline that takes its source by a connection may use that one, and another pipeline none", async () => {
  for (const action of ["codeconnections:UseConnection", "codestar-connections:UseConnection"]) {
    // The connection has the prefix of the service that it was made in.
    const connection = CONNECTION.replace("codeconnections", action.split(":")[0]);
    const stack = connected(connection);
    const who = stack.arn("PipelineRole");
    assert(await allows(policies([stack]), who, action, connection));
    assert(!(await allows(policies([stack]), who, action, `${connection}-other`)));
    assert(!(await allows(policies([stacks.pipeline]), who, action, connection)));
  }
});

test("a pipeline that takes its source by a connection uploads it with an ACL, and another pipeline doesn't", async () => {
  const stack = connected(CONNECTION);
  const who = stack.arn("PipelineRole");
  const artifact = `arn:aws:s3:::${stack.parameters.ArtifactBucketName}/app/Source/example`;
  assert(await allows(policies([stack]), who, "s3:PutObjectAcl", artifact));
  assert(!(await allows(policies([stack]), who, "s3:PutObjectAcl", artifact.replace(":::", ":::other-"))));
  assert(!(await allows(policies([stacks.pipeline]), who, "s3:PutObjectAcl", artifact)));
});
