// Who reaches further than the picture.

import { OUTSIDERS } from "./forbidden.js";
import { allows, owner } from "./judge.js";

const request = (who, action, resource) => `${who} ${action} ${resource}`;

/** What `policies` allow of these edges to others than the picture, which is all `edges`, does. */
export async function beyond(policies, edges, concerned = edges) {
  const permitted = new Set(
    edges.flatMap(({ who, actions, resource }) => actions.map((action) => request(who, action, resource))),
  );
  const services = new Set(edges.map(({ who }) => who).filter((who) => !who.startsWith("arn:")));
  const roles = policies.filter(({ name }) => name === "trust").map(({ on }) => on);
  const found = new Set();
  for (const who of [...roles, ...services, ...OUTSIDERS])
    for (const { actions, resource, context } of concerned.filter((edge) => isForeign(who, edge)))
      for (const action of actions) {
        const said = request(who, action, resource);
        if (!permitted.has(said) && (await allows(policies, who, action, resource, context))) found.add(said);
      }
  return [...found];
}

/**
 * An administrator rules the own account, and what RAM lets into the VPC is no policy; the rest lies in others. What one
 * administrator of an account may do, all may.
 */
function isForeign(who, { who: permitted, resource }) {
  if (resource === "*") return false;
  if (!OUTSIDERS.includes(who)) return true;
  const isAllowed = permitted.endsWith(":role/administrator") && owner(permitted) === owner(who);
  return !isAllowed && !resource.includes(":vpc/") && owner(resource) !== owner(who);
}
