// How the accounts, roles and things of the landing are called, and what is commonly done with them.

import { ACCOUNT, ORGANIZATION, network, unitOf } from "./landing.js";
import { REGION } from "./stack.js";

export const role = (account, name) => `arn:aws:iam::${ACCOUNT[account]}:role/${name}`;
export const inAccount = (account, service, rest) => `arn:aws:${service}:${REGION}:${ACCOUNT[account]}:${rest}`;
export const flowLogs = network.arn("FlowLogRole");
export const inFlowLogs = network.arn("FlowLogs").replace("*", "log-stream:");

/** The things of an application in a landing. */
export function thingsOf(landing, application) {
  const { tooling, pipeline } = landing.applications[application];
  const bucket = `arn:aws:s3:::${tooling.output("ArtifactBucketName")}`;
  return {
    own: (account, name) => role(account, `${application}-${name}`),
    bucket,
    artifact: `${bucket}/${application}/Source/a1b2c3`,
    artifactsKey: tooling.output("ArtifactKeyArn"),
    imagesKey: tooling.output("ImagesKeyArn"),
    repository: tooling.arn("Images"),
    project: pipeline.arn("Build"),
    stackOf: (account, name = application) => inAccount(account, "cloudformation", `stack/${name}/a1b2c3`),
    /** The function that writes statements, by the alias of who is in a stage. */
    function_: (name, stage) => {
      const unit = `${ORGANIZATION}-${unitOf(application, stage)}`;
      const caller = landing.byUnit ? unit : ACCOUNT[`${application}-${stage}`];
      return inAccount("tooling", "lambda", `function:archipelago-${name}:caller-${caller}`);
    },
  };
}

export const THROUGH_ECR = { "kms:ViaService": `ecr.${REGION}.amazonaws.com` };
export const PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
export const PUSH = [
  ...PULL,
  "ecr:CompleteLayerUpload",
  "ecr:InitiateLayerUpload",
  "ecr:PutImage",
  "ecr:UploadLayerPart",
];
export const DECRYPT = ["kms:Decrypt", "kms:DescribeKey"];
export const READ = ["s3:GetObject", "s3:GetObjectVersion"];
export const FIND = ["s3:GetBucketLocation", "s3:ListBucket"];
export const STATEMENTS = ["ecr-policy-statement", "kms-policy-statement", "s3-policy-statement"];
export const LOG = ["logs:CreateLogStream", "logs:PutLogEvents"];

export const edge = (says, who, actions, resource, context) => ({
  says,
  who,
  actions: [actions].flat(),
  resource,
  context,
});
