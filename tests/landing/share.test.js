// That tasks find the subnets: shared with the unit that holds their accounts, and with nobody else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, APPLICATIONS, STAGES, landing, network, organization, unitsAbove } from "./landing.js";
import { Stack } from "./stack.js";

const share = network.properties("Share");
const { SubnetIds } = landing().applications.app.pipeline.parameters;
test("the tasks' subnets are those that are shared", () => {
  assert.deepEqual(SubnetIds, share.SubnetIds);
});

for (const account of APPLICATIONS.flatMap((application) => STAGES.map((stage) => `${application}-${stage}`)))
  test(`${account} is in a unit that the subnets are shared with`, () => {
    assert(unitsAbove(account).some((unit) => share.Principals.includes(unit)));
  });

for (const account of ["sandbox", "security", "tooling", "network"])
  test(`${account} isn't`, () => {
    assert(!unitsAbove(account).some((unit) => share.Principals.includes(unit)));
  });

test("nobody outside the organization is given them", () => {
  assert.notEqual(share.AllowExternalPrincipals, "true");
});

test("the subnets of the gateways are nobody else's", () => {
  const edges = network
    .of("AWS::EC2::Subnet")
    .map(([name]) => network.id(name))
    .filter((id) => !SubnetIds.includes(id));
  assert.equal(edges.length, 1);
  assert(edges.every((id) => !share.SubnetIds.includes(id)));
});

test("with a gateway in each zone, each zone's subnet goes out by its own", () => {
  const given = { Principals: organization.output("WorkloadsId"), NatGateways: "EachZone" };
  const each = new Stack("network", ACCOUNT.network, given);
  const gateways = each.of("AWS::EC2::NatGateway").map(([name]) => each.id(name));
  const ways = each.of("AWS::EC2::Route").map(([name]) => each.properties(name).NatGatewayId);
  assert.equal(gateways.length, 3);
  assert.deepEqual(ways.filter((id) => id !== undefined).sort(), gateways.sort());
});
