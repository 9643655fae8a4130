// The picture, an edge a line: who may do what, and nobody else may.

import { ACCOUNT, APPLICATIONS, STAGES, network } from "./landing.js";
import {
  DECRYPT,
  FIND,
  LOG,
  PULL,
  PUSH,
  READ,
  STATEMENTS,
  THROUGH_ECR,
  edge,
  flowLogs,
  inAccount,
  inFlowLogs,
  role,
  thingsOf,
} from "./names.js";

/** What the landing is for. `who` may do each of the actions. */
export function edges(landing) {
  return [
    ...NETWORK,
    ...APPLICATIONS.flatMap((application) =>
      ofApplication(landing, application).map(({ says, ...each }) => ({ says: `${application}: ${says}`, ...each })),
    ),
  ];
}

const NETWORK = [
  edge("VPC flow logs are written as their role", "vpc-flow-logs.amazonaws.com", "sts:AssumeRole", flowLogs, {
    "aws:SourceAccount": ACCOUNT.network,
  }),
  edge("flow logs are written", flowLogs, LOG, `${inFlowLogs}a1b2c3`),
  edge("streams of flow logs are found", flowLogs, "logs:DescribeLogStreams", inFlowLogs),
  edge("flow logs are found", flowLogs, "logs:DescribeLogGroups", "*"),
];

function ofApplication(landing, application) {
  const things = thingsOf(landing, application);
  const { own, artifact, artifactsKey, bucket, function_, imagesKey, project, repository, stackOf } = things;
  return [
    // The tooling account.
    edge(
      "CodePipeline runs as the pipeline's role",
      "codepipeline.amazonaws.com",
      "sts:AssumeRole",
      own("tooling", "pipeline"),
    ),
    edge(
      "the pipeline keeps artifacts",
      own("tooling", "pipeline"),
      [...READ, "s3:GetObjectTagging", "s3:GetObjectVersionTagging", "s3:PutObject"],
      artifact,
    ),
    edge(
      "the pipeline finds artifacts",
      own("tooling", "pipeline"),
      [...FIND, "s3:GetBucketAcl", "s3:GetBucketVersioning"],
      bucket,
    ),
    edge(
      "the pipeline encrypts artifacts",
      own("tooling", "pipeline"),
      [...DECRYPT, "kms:Encrypt", "kms:GenerateDataKey"],
      artifactsKey,
    ),
    edge(
      "the pipeline has images built",
      own("tooling", "pipeline"),
      ["codebuild:BatchGetBuilds", "codebuild:StartBuild"],
      project,
    ),
    edge("CodeBuild runs as the build's role", "codebuild.amazonaws.com", "sts:AssumeRole", own("tooling", "build")),
    edge("the build reads its source", own("tooling", "build"), READ, artifact),
    edge("the build decrypts its source", own("tooling", "build"), DECRYPT, artifactsKey),
    edge("the build logs in to ECR", own("tooling", "build"), "ecr:GetAuthorizationToken", "*"),
    edge("the build pushes images", own("tooling", "build"), PUSH, repository),
    edge(
      "the build writes its log",
      own("tooling", "build"),
      LOG,
      inAccount("tooling", "logs", `log-group:/aws/codebuild/${application}:log-stream:a1b2c3`),
    ),
    edge("EventBridge starts as the rule's role", "events.amazonaws.com", "sts:AssumeRole", own("tooling", "start")),
    edge(
      "an upload starts the pipeline",
      own("tooling", "start"),
      "codepipeline:StartPipelineExecution",
      inAccount("tooling", "codepipeline", application),
    ),
    edge(
      "tooling keeps the policy of the images' key",
      role("tooling", "administrator"),
      "kms:PutKeyPolicy",
      imagesKey,
    ),
    edge(
      "tooling keeps the policy of the artifacts' key",
      role("tooling", "administrator"),
      "kms:PutKeyPolicy",
      artifactsKey,
    ),

    // From the tooling account into the accounts of the application, and back.
    ...STAGES.flatMap((stage) => {
      const account = `${application}-${stage}`;
      const cluster = inAccount(account, "ecs", `cluster/${application}`);
      const service = inAccount(account, "ecs", `service/${application}/${application}`);
      const group = inAccount(account, "ec2", "security-group/sg-0a1b2c3d");
      const logs = inAccount(account, "logs", `log-group:/ecs/${application}`);
      const [deploy, cloudFormation] = [own(account, "deploy"), own(account, "cloudformation")];
      return [
        edge(`the pipeline deploys into ${account}`, own("tooling", "pipeline"), "sts:AssumeRole", deploy),
        edge(`${account} reads artifacts`, deploy, READ, artifact),
        edge(`${account} finds artifacts`, deploy, FIND, bucket),
        edge(`${account} decrypts artifacts`, deploy, DECRYPT, artifactsKey),
        edge(
          `${account} deploys the stack`,
          deploy,
          [
            "CreateChangeSet",
            "CreateStack",
            "DeleteChangeSet",
            "DescribeChangeSet",
            "DescribeStackEvents",
            "DescribeStacks",
            "ExecuteChangeSet",
            "GetTemplate",
            "UpdateStack",
          ].map((action) => `cloudformation:${action}`),
          stackOf(account),
        ),
        edge(`${account} validates templates`, deploy, "cloudformation:ValidateTemplate", "*"),
        edge(`${account} hands CloudFormation its role`, deploy, "iam:PassRole", cloudFormation, {
          "iam:PassedToService": "cloudformation.amazonaws.com",
        }),
        edge(
          `CloudFormation runs as its role in ${account}`,
          "cloudformation.amazonaws.com",
          "sts:AssumeRole",
          cloudFormation,
        ),
        edge(
          `${account} keeps the cluster`,
          cloudFormation,
          [
            "CreateCluster",
            "DeleteCluster",
            "DescribeClusters",
            "TagResource",
            "UntagResource",
            "UpdateCluster",
            "UpdateClusterSettings",
          ].map((action) => `ecs:${action}`),
          cluster,
        ),
        edge(
          `${account} keeps the service`,
          cloudFormation,
          ["CreateService", "DeleteService", "DescribeServices", "ListServiceDeployments", "UpdateService"].map(
            (action) => `ecs:${action}`,
          ),
          service,
        ),
        edge(
          `${account} follows deployments of the service`,
          cloudFormation,
          ["ecs:DescribeServiceDeployments", "ecs:StopServiceDeployment"],
          inAccount(account, "ecs", `service-deployment/${application}/${application}/a1b2c3`),
        ),
        edge(
          `${account} registers tasks`,
          cloudFormation,
          "ecs:RegisterTaskDefinition",
          inAccount(account, "ecs", `task-definition/${application}:1`),
        ),
        edge(
          `${account} reads tags of tasks`,
          cloudFormation,
          "ecs:ListTagsForResource",
          inAccount(account, "ecs", `task-definition/${application}:1`),
        ),
        edge(
          `${account} replaces tasks`,
          cloudFormation,
          ["ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition"],
          "*",
        ),
        edge(`${account} makes a security group`, cloudFormation, "ec2:CreateSecurityGroup", group),
        edge(
          `${account} makes it in the shared VPC`,
          cloudFormation,
          "ec2:CreateSecurityGroup",
          inAccount("network", "ec2", `vpc/${network.output("VpcId")}`),
        ),
        edge(
          `${account} keeps the security group`,
          cloudFormation,
          [
            "AuthorizeSecurityGroupEgress",
            "CreateTags",
            "DeleteSecurityGroup",
            "DeleteTags",
            "RevokeSecurityGroupEgress",
            "UpdateSecurityGroupRuleDescriptionsEgress",
          ].map((action) => `ec2:${action}`),
          group,
        ),
        edge(
          `${account} looks at the network`,
          cloudFormation,
          ["ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
          "*",
        ),
        // CloudWatch Logs asks for a group's ARN with an end behind it, but for tags.
        edge(
          `${account} keeps the log`,
          cloudFormation,
          [
            "CreateLogGroup",
            "DeleteDataProtectionPolicy",
            "DeleteLogGroup",
            "DeleteRetentionPolicy",
            "GetDataProtectionPolicy",
            "PutRetentionPolicy",
          ].map((action) => `logs:${action}`),
          `${logs}:log-stream:`,
        ),
        edge(
          `${account} tags the log`,
          cloudFormation,
          ["ListTagsForResource", "TagResource", "UntagResource"].map((action) => `logs:${action}`),
          logs,
        ),
        edge(
          `${account} finds the log`,
          cloudFormation,
          ["logs:DescribeIndexPolicies", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies"],
          "*",
        ),
        ...["task", "task-execution"].map((name) =>
          edge(`${account} looks at the role ${name}`, cloudFormation, "iam:GetRole", own(account, name)),
        ),
        edge(`${account} hands ECS the roles of tasks`, cloudFormation, "iam:PassRole", own(account, "task"), {
          "iam:PassedToService": "ecs-tasks.amazonaws.com",
        }),
        edge(
          `${account} hands ECS the role that starts them`,
          cloudFormation,
          "iam:PassRole",
          own(account, "task-execution"),
          { "iam:PassedToService": "ecs-tasks.amazonaws.com" },
        ),
        edge(
          `${account} lets ECS in`,
          cloudFormation,
          "iam:CreateServiceLinkedRole",
          role(account, "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"),
          { "iam:AWSServiceName": "ecs.amazonaws.com" },
        ),
        edge(
          `ECS starts tasks as their role in ${account}`,
          "ecs-tasks.amazonaws.com",
          "sts:AssumeRole",
          own(account, "task"),
        ),
        edge(
          `ECS pulls as the execution role in ${account}`,
          "ecs-tasks.amazonaws.com",
          "sts:AssumeRole",
          own(account, "task-execution"),
        ),
        edge(`tasks in ${account} log in to ECR`, own(account, "task-execution"), "ecr:GetAuthorizationToken", "*"),
        edge(`tasks in ${account} pull the image`, own(account, "task-execution"), PULL, repository),
        edge(`tasks in ${account} decrypt its layers`, own(account, "task-execution"), DECRYPT, imagesKey, THROUGH_ECR),
        edge(
          `tasks in ${account} write their log`,
          own(account, "task-execution"),
          LOG,
          `${logs}:log-stream:task/a1b2c3`,
        ),
        ...(landing.access === "Accounts" ? STATEMENTS : []).map((name) =>
          edge(
            `stacks of ${account} ask for statements by ${name}`,
            role(account, "administrator"),
            "lambda:InvokeFunction",
            function_(name, stage),
          ),
        ),
      ];
    }),
  ];
}
