// Whether policies let a request through, by the rules of IAM.

import { runSimulation } from "./packages.js";
import { ACCOUNT, membership } from "./landing.js";

const EVERYTHING = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };

/**
 * Whether `who` may do `action` on `resource` with the conditions of `context`.
 *
 * `who` is the ARN of a role or a service; a role that the policies don't know is an administrator of its account.
 */
export async function allows(policies, who, action, resource, context = {}) {
  const account = owner(who);
  const identity = policies.filter(({ on, kind }) => kind === "identity" && on === who);
  const isOurs = policies.some(({ on, name }) => on === who && name === "trust");
  const resourcePolicy = policyOf(policies, resource);
  // What is denied since nothing says otherwise needs no evaluator, which takes its time.
  if (!resourcePolicy && consenting(resource, account) !== account) return false;
  const isAdministrator = account && !isOurs;
  if (!isAdministrator && ![...identity, resourcePolicy].some((policy) => names(policy, action))) return false;
  return answer({
    request: {
      principal: who,
      action,
      resource: { resource, accountId: consenting(resource, account) ?? ACCOUNT.tooling },
      contextVariables: {
        "aws:SecureTransport": "true",
        ...(account && { "aws:PrincipalArn": who, "aws:PrincipalAccount": account, ...membership(account) }),
        ...context,
      },
    },
    identityPolicies: isAdministrator ? [{ name: "administrator", policy: EVERYTHING }] : identity.map(document),
    resourcePolicy,
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  });
}

/** The same is asked again and again: most policies are the same in each way. */
const ANSWERS = new Map();

async function answer(question) {
  const key = JSON.stringify(question);
  if (!ANSWERS.has(key)) ANSWERS.set(key, await evaluated(question));
  return ANSWERS.get(key);
}

async function evaluated(question) {
  const { overallResult, resultType, errors } = await runSimulation(question, {});
  const { action, resource } = question.request;
  if (resultType === "error") throw new Error(`${action} on ${resource.resource}: ${JSON.stringify(errors)}`);
  return overallResult === "Allowed";
}

/** Whether a policy allows an action to anybody on anything. */
function names(policy, action) {
  const statements = (policy?.statements ?? policy?.Statement ?? []).filter(({ Effect }) => Effect === "Allow");
  const said = statements.flatMap(({ Action }) => Action);
  return said.some((name) => name.includes("*") || name.toLowerCase() === action.toLowerCase());
}

function document({ name, statements }) {
  return { name, policy: { Version: "2012-10-17", Statement: statements } };
}

/** The policy of the thing itself, or of the bucket that it is in. */
function policyOf(policies, resource) {
  const thing = resource.startsWith("arn:aws:s3:::") ? resource.split("/")[0] : resource;
  const found = policies.find(({ on, kind }) => kind === "resource" && on === thing);
  if (!found) return undefined;
  // Policies of repositories have no Resource; they are about the repository itself.
  const about = thing.includes(":ecr:") || found.name === "trust" ? { Resource: thing } : {};
  return { Version: "2012-10-17", Statement: found.statements.map((statement) => ({ ...statement, ...about })) };
}

/** The account that a thing is in, which the ARN of a bucket doesn't say; none of what all resources are. */
export function owner(arn) {
  return arn.startsWith("arn:aws:s3:::") ? ACCOUNT.tooling : arn.split(":")[4];
}

/**
 * The account whose consent a request needs. That of the network's owner is given by RAM, whose permissions aren't policies
 * that stacks hold: that the subnets are shared is a test of its own.
 */
function consenting(resource, caller) {
  return resource === "*" || resource.includes(":vpc/") ? caller : owner(resource);
}
