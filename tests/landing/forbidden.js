// What nobody may do, and who could try.

import { ACCOUNT, APPLICATIONS, ORGANIZATION, STAGES, inOrganization, unitOf, unitsAbove } from "./landing.js";
import {
  DECRYPT,
  FIND,
  PULL,
  READ,
  STATEMENTS,
  THROUGH_ECR,
  edge,
  flowLogs,
  inAccount,
  role,
  thingsOf,
} from "./names.js";

/** What must not be, beside everything that an edge allows to somebody else. */
export function forbidden(landing) {
  return [
    ...NETWORK,
    ...APPLICATIONS.flatMap((application) =>
      [...ofApplication(landing, application), ...(landing.byUnit ? ofUnits : ofAccounts)(landing, application)].map(
        ({ says, ...each }) => ({ says: `${application}: ${says}`, ...each }),
      ),
    ),
  ];
}

const NETWORK = [
  edge(
    "flow logs of another account are written as the role",
    "vpc-flow-logs.amazonaws.com",
    "sts:AssumeRole",
    flowLogs,
    { "aws:SourceAccount": ACCOUNT.stranger },
  ),
];

function ofApplication(landing, application) {
  const things = thingsOf(landing, application);
  const { own, artifact, bucket, imagesKey, repository, stackOf } = things;
  return [
    edge(
      "the pipeline assumes a role of the same name elsewhere",
      own("tooling", "pipeline"),
      "sts:AssumeRole",
      own("stranger", "deploy"),
    ),
    edge("the pipeline undoes the encryption of images", own("tooling", "pipeline"), DECRYPT, imagesKey),
    edge("artifacts are written without TLS", own("tooling", "pipeline"), "s3:PutObject", artifact, {
      "aws:SecureTransport": "false",
    }),
    edge("the bucket is listed without TLS", own("tooling", "pipeline"), FIND, bucket, {
      "aws:SecureTransport": "false",
    }),
    ...STAGES.flatMap((stage) => {
      const account = `${application}-${stage}`;
      const [deploy, cloudFormation, taskExecution] = ["deploy", "cloudformation", "task-execution"].map((name) =>
        own(account, name),
      );
      return [
        edge(
          `the pipeline assumes another role of ${account}`,
          own("tooling", "pipeline"),
          "sts:AssumeRole",
          cloudFormation,
        ),
        edge(`${account} replaces or deletes artifacts`, deploy, ["s3:DeleteObject", "s3:PutObject"], artifact),
        edge(`${account} deploys another stack`, deploy, "cloudformation:UpdateStack", stackOf(account, "workload")),
        edge(`${account} deletes the stack`, deploy, "cloudformation:DeleteStack", stackOf(account)),
        edge(`${account} hands another service CloudFormation's role`, deploy, "iam:PassRole", cloudFormation, {
          "iam:PassedToService": "lambda.amazonaws.com",
        }),
        edge(`${account} hands tasks the deploy role`, cloudFormation, "iam:PassRole", deploy, {
          "iam:PassedToService": "ecs-tasks.amazonaws.com",
        }),
        edge(
          `${account} hands another service the roles of tasks`,
          cloudFormation,
          "iam:PassRole",
          own(account, "task"),
          { "iam:PassedToService": "lambda.amazonaws.com" },
        ),
        edge(
          `${account} lets another service in`,
          cloudFormation,
          "iam:CreateServiceLinkedRole",
          role(account, "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"),
          { "iam:AWSServiceName": "spot.amazonaws.com" },
        ),
        edge(
          `the application of ${account} makes roles`,
          cloudFormation,
          ["iam:CreateRole", "iam:PutRolePolicy"],
          role(account, "any"),
        ),
        edge(`tasks in ${account} push images`, taskExecution, "ecr:PutImage", repository),
        edge(
          `tasks in ${account} pull another image`,
          taskExecution,
          PULL,
          inAccount("tooling", "ecr", "repository/other"),
        ),
        edge(`tasks in ${account} decrypt layers past ECR`, taskExecution, DECRYPT, imagesKey),
        edge(`the code of tasks in ${account} reads artifacts`, own(account, "task"), READ, artifact),
      ];
    }),
  ];
}

/** What an account of a unit has, it has no more once it has left the unit or the organization. */
function ofUnits(landing, application) {
  const { own, artifact, artifactsKey, bucket, function_, imagesKey, repository } = thingsOf(landing, application);
  return STAGES.flatMap((stage) => {
    const account = `${application}-${stage}`;
    const [deploy, taskExecution] = [own(account, "deploy"), own(account, "task-execution")];
    const elsewhere = {
      "in another unit": inOrganization(ORGANIZATION, unitsAbove("sandbox")),
      "in the unit above": inOrganization(ORGANIZATION, unitsAbove(account).slice(1)),
      "in another organization with such a unit": inOrganization("o-anotherorgid", [unitOf(application, stage)]),
    };
    const asked = landing.access === "Accounts" ? STATEMENTS : [];
    return Object.entries(elsewhere).flatMap(([where, context]) => [
      edge(`${account}, ${where}, reads artifacts`, deploy, READ, artifact, context),
      edge(`${account}, ${where}, finds artifacts`, deploy, FIND, bucket, context),
      edge(`${account}, ${where}, decrypts artifacts`, deploy, DECRYPT, artifactsKey, context),
      edge(`tasks in ${account}, ${where}, pull the image`, taskExecution, PULL, repository, context),
      edge(`tasks in ${account}, ${where}, decrypt its layers`, taskExecution, DECRYPT, imagesKey, {
        ...context,
        ...THROUGH_ECR,
      }),
      ...asked.map((name) =>
        edge(
          `${account}, ${where}, asks for statements by ${name}`,
          role(account, "administrator"),
          "lambda:InvokeFunction",
          function_(name, stage),
          context,
        ),
      ),
    ]);
  });
}

/** An account that calls by itself calls no more once it has left the organization. */
function ofAccounts(landing, application) {
  const { function_ } = thingsOf(landing, application);
  return STAGES.flatMap((stage) =>
    STATEMENTS.map((name) =>
      edge(
        `${application}-${stage}, in another organization, asks for statements by ${name}`,
        role(`${application}-${stage}`, "administrator"),
        "lambda:InvokeFunction",
        function_(name, stage),
        inOrganization("o-anotherorgid", []),
      ),
    ),
  );
}

const INSIDERS = APPLICATIONS.flatMap((application) => STAGES.map((stage) => `${application}-${stage}`));
const NAMES = ["deploy", "task-execution", "pipeline"];

/** Who may do all that others' policies let in: administrators of accounts, and roles that are named as ours, or nearly so. */
export const OUTSIDERS = [
  ...["stranger", "sandbox", "network", "tooling", ...INSIDERS].map((account) => role(account, "administrator")),
  ...APPLICATIONS.flatMap((application) =>
    ["stranger", "sandbox", ...INSIDERS.filter((account) => !account.startsWith(`${application}-`))].flatMap(
      (account) => NAMES.map((name) => role(account, `${application}-${name}`)),
    ),
  ),
  ...["tooling", ...INSIDERS].flatMap((account) => NAMES.map((name) => role(account, `other-${name}`))),
];
