// The landing of two applications: which stack is in which account, and what one hands to the next.

import { REGION, Stack } from "./stack.js";

export const ACCOUNT = {
  management: "100000000000",
  network: "200000000000",
  tooling: "300000000000",
  "app-development": "400000000000",
  "app-production": "500000000000",
  "shop-development": "700000000000",
  "shop-production": "800000000000",
  sandbox: "900000000000",
  // In another organization.
  stranger: "600000000000",
};
export const ORGANIZATION = "o-exampleorgid";
export const APPLICATIONS = ["app", "shop"];
export const STAGES = ["development", "production"];
export const CONNECTION = `arn:aws:codeconnections:${REGION}:${ACCOUNT.tooling}:connection/example`;

/** How the accounts of an application come to what the tooling account opens to them. */
export const WAYS = {
  "a caller a unit": { byUnit: true, access: "Accounts" },
  "a caller an account": { byUnit: false, access: "Accounts" },
  "statements for units": { byUnit: true, access: "Units" },
};

const MailboxDomain = "landing.test";
export const organization = new Stack("organization", ACCOUNT.management, { MailboxDomain });
export const network = new Stack("network", ACCOUNT.network, { Principals: organization.output("WorkloadsId") });
const stages = {
  DevelopmentId: organization.output("DevelopmentId"),
  ProductionId: organization.output("ProductionId"),
};
const shop = { Application: "shop", MailboxDomain, ...stages };
export const accounts = new Stack("shop-accounts", ACCOUNT.management, shop, "accounts");

const UNITS = {
  "app-development": organization.output("AppDevelopmentUnitId"),
  "app-production": organization.output("AppProductionUnitId"),
  "shop-development": accounts.output("DevelopmentUnitId"),
  "shop-production": accounts.output("ProductionUnitId"),
};
export const unitOf = (application, stage) => UNITS[`${application}-${stage}`];

/** The stacks of an application. That of the first are named as the templates are. */
function stacksOf(application, { byUnit, access }) {
  const named = (name) => (application === APPLICATIONS[0] ? name : `${application}-${name}`);
  const units = STAGES.map((stage) => unitOf(application, stage)).join();
  const callers = STAGES.map((stage) => ACCOUNT[`${application}-${stage}`]).join();
  const open = byUnit
    ? { CallerUnits: units, OrganizationId: ORGANIZATION, Access: access }
    : { CallerAccounts: callers };
  const tooling = new Stack(named("tooling"), ACCOUNT.tooling, { Application: application, ...open }, "tooling");
  const given = {
    Application: application,
    ArtifactBucketName: tooling.output("ArtifactBucketName"),
    ArtifactKeyArn: tooling.output("ArtifactKeyArn"),
  };
  const deployed = {
    ...given,
    ToolingAccountId: ACCOUNT.tooling,
    ImagesKeyArn: tooling.output("ImagesKeyArn"),
    Access: access,
    OrganizationalUnitIds: units,
    Region: REGION,
    TemplateUrl: "https://bucket.s3.amazonaws.com/workload.yaml",
    ...(byUnit && { OrganizationId: ORGANIZATION }),
  };
  const stackset = new Stack(named("stackset"), ACCOUNT.management, deployed, "stackset");
  const [development, production] = STAGES.map((stage) => {
    const parameters = handed(stackset, unitOf(application, stage));
    return new Stack(named(stage), ACCOUNT[`${application}-${stage}`], parameters, "workload");
  });
  const delivered = {
    ...given,
    DevelopmentAccountId: development.account,
    ProductionAccountId: production.account,
    VpcId: network.output("VpcId"),
    SubnetIds: network.output("SubnetIds"),
  };
  const pipeline = new Stack(named("pipeline"), ACCOUNT.tooling, delivered, "pipeline");
  return { tooling, stackset, development, production, pipeline };
}

/** What the StackSet of a unit hands to the stacks of its accounts. */
function handed(stackset, unit) {
  const sets = stackset.of("AWS::CloudFormation::StackSet").map(([logicalId]) => stackset.properties(logicalId));
  const [set, ...more] = sets.filter(({ StackInstancesGroup }) =>
    StackInstancesGroup.some(({ DeploymentTargets }) => DeploymentTargets.OrganizationalUnitIds.includes(unit)),
  );
  if (!set || more.length > 0) throw new Error(`${unit} has ${1 + more.length} StackSets, or none`);
  return Object.fromEntries(set.Parameters.map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]));
}

/** The landing, in one of the ways: its stacks by application, what they have in common, and all of them. */
export function landing(way = "a caller a unit") {
  const applications = Object.fromEntries(APPLICATIONS.map((name) => [name, stacksOf(name, WAYS[way])]));
  const shared = [organization, network, accounts];
  const all = [...shared, ...Object.values(applications).flatMap(Object.values)];
  return { way, ...WAYS[way], applications, shared, all };
}

/** The pipeline of an application with a source that it takes by a connection, not from the bucket. */
export function connected({ pipeline }, connection) {
  const source = { ConnectionArn: connection, SourceRepository: "owner/app" };
  return new Stack(pipeline.name, ACCOUNT.tooling, { ...pipeline.given, ...source }, "pipeline");
}

/** The units that an account is in, from the lowest up. */
export function unitsAbove(account) {
  const [stage] = STAGES.filter((name) => account === `shop-${name}`);
  const camel = (text) => text.replaceAll(/(?:^|-)([a-z])/g, (_, letter) => letter.toUpperCase());
  let [stack, logicalId] = stage ? [accounts, camel(stage)] : [organization, camel(account)];
  let unit = stack.properties(`${logicalId}Account`).ParentId;
  const path = [];
  while (unit.startsWith("ou-")) {
    path.push(unit);
    for (const each of [organization, accounts])
      for (const [name] of each.of("Custom::OrganizationalUnit"))
        if (each.id(name) === path.at(-1)) unit = each.properties(name).ParentId;
  }
  return path;
}

/** What AWS says of a principal of an account: where that is. */
export const membership = (account) => MEMBERSHIPS.get(account);

/** The same of an account that is in these units, from the lowest up. */
export function inOrganization(id, units) {
  const path = [id, organization.properties("Security").ParentId, ...units.toReversed(), ""].join("/");
  return { "aws:PrincipalOrgID": id, "aws:PrincipalOrgPaths": [path] };
}

const MEMBERSHIPS = new Map(
  Object.entries(ACCOUNT).map(([name, account]) => [
    account,
    name === "stranger"
      ? inOrganization("o-strangerorgid", [])
      : inOrganization(ORGANIZATION, name === "management" ? [] : unitsAbove(name)),
  ]),
);
