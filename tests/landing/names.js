// How the accounts, roles and things of the landing are called, and what is commonly done with them.

import { ACCOUNT, APPLICATION, stacks } from "./landing.js";
import { REGION } from "./stack.js";

export const role = (account, name) => `arn:aws:iam::${ACCOUNT[account]}:role/${name}`;
export const own = (account, name) => role(account, `${APPLICATION}-${name}`);

export const bucket = `arn:aws:s3:::${stacks.tooling.output("ArtifactBucketName")}`;
export const artifact = `${bucket}/app/Source/a1b2c3`;
export const artifactsKey = stacks.tooling.output("ArtifactKeyArn");
export const imagesKey = stacks.tooling.output("ImagesKeyArn");
export const repository = stacks.tooling.arn("Images");
export const project = stacks.pipeline.arn("Build");
export const inAccount = (account, service, rest) => `arn:aws:${service}:${REGION}:${ACCOUNT[account]}:${rest}`;
export const function_ = (name, account) =>
  inAccount("tooling", "lambda", `function:archipelago-${name}:caller-${ACCOUNT[account]}`);
export const stackOf = (account, name = APPLICATION) => inAccount(account, "cloudformation", `stack/${name}/a1b2c3`);
export const flowLogs = stacks.network.arn("FlowLogRole");
export const inFlowLogs = stacks.network.arn("FlowLogs").replace("*", "log-stream:");

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
