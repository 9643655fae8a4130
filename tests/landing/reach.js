// Who reaches further than the picture.

import { EDGES } from "./edges.js";
import { OUTSIDERS } from "./forbidden.js";
import { allows, owner } from "./judge.js";

const request = (who, action, resource) => `${who} ${action} ${resource}`;
const PERMITTED = new Set(
  EDGES.flatMap(({ who, actions, resource }) => actions.map((action) => request(who, action, resource))),
);
const SERVICES = [...new Set(EDGES.map(({ who }) => who).filter((who) => !who.startsWith("arn:")))];

/** What `policies` allow of these edges to others than the picture does. */
export async function beyond(policies, edges) {
  const roles = policies.filter(({ name }) => name === "trust").map(({ on }) => on);
  const found = new Set();
  for (const who of [...roles, ...SERVICES, ...OUTSIDERS])
    for (const { actions, resource, context } of edges.filter((edge) => isForeign(who, edge)))
      for (const action of actions) {
        const said = request(who, action, resource);
        if (!PERMITTED.has(said) && (await allows(policies, who, action, resource, context))) found.add(said);
      }
  return [...found];
}

/** An administrator rules the own account, and what RAM lets into the VPC is no policy; the rest lies in others. */
function isForeign(who, { resource }) {
  if (resource === "*") return false;
  return !OUTSIDERS.includes(who) || !(resource.includes(":vpc/") || owner(resource) === owner(who));
}
