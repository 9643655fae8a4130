// What nobody may do, and who could try.

import { ACCOUNT } from "./landing.js";
import {
  DECRYPT,
  FIND,
  PULL,
  READ,
  STATEMENTS,
  artifact,
  bucket,
  edge,
  flowLogs,
  function_,
  imagesKey,
  inAccount,
  own,
  repository,
  role,
  stackOf,
} from "./names.js";

/** What must not be, beside everything that an edge allows to somebody else. */
export const FORBIDDEN = [
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
  edge(
    "flow logs of another account are written as the role",
    "vpc-flow-logs.amazonaws.com",
    "sts:AssumeRole",
    flowLogs,
    { "aws:SourceAccount": ACCOUNT.stranger },
  ),
  ...["development", "production"].flatMap((account) => {
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
      ...STATEMENTS.map((name) =>
        edge(
          `${account}, once it has left the organization, asks for statements by ${name}`,
          role(account, "administrator"),
          "lambda:InvokeFunction",
          function_(name, account),
          { "aws:PrincipalOrgID": "o-anotherorgid" },
        ),
      ),
    ];
  }),
];

/** Administrators of accounts, who may do all that others' policies let in. */
export const OUTSIDERS = ["stranger", "network", "tooling", "development", "production"].map((account) =>
  role(account, "administrator"),
);
