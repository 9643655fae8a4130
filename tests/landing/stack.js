// A stack: a template with parameters in an account. What it can't compute, it refuses to guess.

import { createHash } from "node:crypto";
import { template, unrolled } from "./template.js";

export const REGION = "us-east-1";
const ABSENT = Symbol("AWS::NoValue");

/** The ARN of what a resource is in AWS, by its type; `id` is what Ref reads. */
const ARNS = {
  "AWS::DynamoDB::Table": (account, id) => `arn:aws:dynamodb:${REGION}:${account}:table/${id}`,
  "AWS::Events::Rule": (account, id) => `arn:aws:events:${REGION}:${account}:rule/${id}`,
  "AWS::IAM::ManagedPolicy": (account, id) => `arn:aws:iam::${account}:policy/${id}`,
  "AWS::IAM::Role": (account, id, path = "/") => `arn:aws:iam::${account}:role${path}${id}`,
  "AWS::SQS::Queue": (account, id) => `arn:aws:sqs:${REGION}:${account}:${id}`,
  "AWS::Serverless::Function": (account, id) => `arn:aws:lambda:${REGION}:${account}:function:${id}`,
  "AWS::KMS::Key": (account, id) => `arn:aws:kms:${REGION}:${account}:key/${id}`,
  "AWS::S3::Bucket": (_, id) => `arn:aws:s3:::${id}`,
  "AWS::ECR::Repository": (account, id) => `arn:aws:ecr:${REGION}:${account}:repository/${id}`,
  "AWS::CodeBuild::Project": (account, id) => `arn:aws:codebuild:${REGION}:${account}:project/${id}`,
  "AWS::Logs::LogGroup": (account, id) => `arn:aws:logs:${REGION}:${account}:log-group:${id}:*`,
};

/** The property that names a resource. */
const NAMES = {
  "AWS::IAM::Role": "RoleName",
  "AWS::ECR::Repository": "RepositoryName",
  "AWS::CodeBuild::Project": "Name",
  "AWS::Logs::LogGroup": "LogGroupName",
  "AWS::Serverless::Function": "FunctionName",
};

/** Attributes, other than the ARN, that a custom resource or AWS makes up. */
const MADE_UP = {
  "Custom::Organization": { RootId: "r-exam" },
  "AWS::EC2::Subnet": { AvailabilityZoneId: "use1-az1" },
};

export class Stack {
  constructor(name, account, given = {}, source = name) {
    Object.assign(this, { name, account, given, template: template(source) });
    this.parameters = this.#read(given);
    this.#judge();
    const resources = unrolled(this.template.Resources, (collection) => this.value(collection));
    this.resources = Object.fromEntries(
      Object.entries(resources).filter(([, { Condition }]) => !Condition || this.value({ Condition })),
    );
  }

  #read(parameters) {
    const unknown = Object.keys(parameters).find((name) => !(name in this.template.Parameters));
    if (unknown) throw new Error(`the template ${this.name} has no parameter ${unknown}`);
    return Object.fromEntries(
      Object.entries(this.template.Parameters).map(([name, declared]) => {
        const value = String(parameters[name] ?? declared.Default);
        if (parameters[name] === undefined && declared.Default === undefined)
          throw new Error(`the stack ${this.name} needs a ${name}`);
        const values = declared.Type === "CommaDelimitedList" ? value.split(",") : [value];
        const pattern = new RegExp(declared.AllowedPattern ?? "");
        const wrong = values.find((item) => !pattern.test(item));
        if (wrong !== undefined || declared.AllowedValues?.every((allowed) => String(allowed) !== value))
          throw new Error(`${name} ${declared.ConstraintDescription ?? `can't be ${value}`}`);
        return [name, declared.Type === "CommaDelimitedList" ? values : value];
      }),
    );
  }

  /** What the template's rules say of the parameters. */
  #judge() {
    for (const { RuleCondition = true, Assertions } of Object.values(this.template.Rules ?? {}))
      for (const { Assert, AssertDescription } of this.value(RuleCondition) ? Assertions : [])
        if (!this.value(Assert)) throw new Error(AssertDescription);
  }

  /** The resources of a type, each with its logical id. */
  of(type) {
    return Object.entries(this.resources).filter(([, resource]) => resource.Type === type);
  }

  output(name) {
    return this.value(this.template.Outputs[name].Value);
  }

  properties(logicalId) {
    return this.value(this.resources[logicalId].Properties);
  }

  arn(logicalId) {
    const { Type, Properties } = this.resources[logicalId];
    if (!ARNS[Type]) throw new Error(`the ARN of a ${Type} isn't known`);
    return ARNS[Type](this.account, this.id(logicalId), this.value(Properties?.Path));
  }

  id(logicalId) {
    const { Type, Properties } = this.resources[logicalId];
    const name = Properties?.[NAMES[Type]];
    if (name) return this.value(name);
    const unique = `${this.name}-${logicalId}`;
    if (Type === "AWS::S3::Bucket") return `${unique.toLowerCase()}-1a2b3c`;
    if (Type === "AWS::KMS::Key") return `key-${digits(unique)}`;
    if (Type === "AWS::EC2::VPC") return `vpc-${digits(unique)}`;
    if (Type === "AWS::EC2::Subnet") return `subnet-${digits(unique)}`;
    if (Type === "Custom::OrganizationalUnit") return `ou-exam-${digits(unique)}`;
    return unique;
  }

  /** What an expression of the template is in this stack. */
  value(node) {
    if (Array.isArray(node)) return node.map((item) => this.value(item)).filter((item) => item !== ABSENT);
    if (node === null || typeof node !== "object") return node;
    const [[name, argument], ...more] = Object.entries(node).length > 0 ? Object.entries(node) : [[]];
    if (more.length === 0 && (name === "Ref" || name === "Condition" || name?.startsWith("Fn::")))
      return this.#call(name, argument);
    const members = Object.entries(node).map(([key, value]) => [key, this.value(value)]);
    return Object.fromEntries(members.filter(([, value]) => value !== ABSENT));
  }

  #call(name, argument) {
    switch (name) {
      case "Ref":
        return this.#reference(this.value(argument));
      case "Condition":
        return this.value(this.template.Conditions[argument]);
      case "Fn::GetAtt":
        return this.#attribute(...argument);
      case "Fn::Sub":
        return this.#substituted(...(Array.isArray(argument) ? argument : [argument, {}]));
      case "Fn::Join":
        return this.value(argument[1]).join(argument[0]);
      case "Fn::Split":
        return this.value(argument[1]).split(argument[0]);
      case "Fn::Select":
        return this.value(argument[1])[argument[0]];
      case "Fn::If":
        return this.value(argument[this.value({ Condition: argument[0] }) ? 1 : 2]);
      case "Fn::Equals":
        return String(this.value(argument[0])) === String(this.value(argument[1]));
      case "Fn::Not":
        return !this.value(argument[0]);
      case "Fn::Or":
        return argument.some((part) => this.value(part));
      case "Fn::And":
        return argument.every((part) => this.value(part));
      case "Fn::FindInMap": {
        const [map, first, second] = this.value(argument);
        return this.template.Mappings[map][first][second];
      }
      case "Fn::ImportValue":
        return `exported as ${this.value(argument)}`;
      default:
        throw new Error(`${name} isn't computed here`);
    }
  }

  #reference(name) {
    const pseudo = {
      "AWS::AccountId": this.account,
      "AWS::NoValue": ABSENT,
      "AWS::Partition": "aws",
      "AWS::Region": REGION,
      "AWS::StackName": this.name,
      "AWS::URLSuffix": "amazonaws.com",
    };
    if (name in pseudo) return pseudo[name];
    if (name in this.parameters) return this.parameters[name];
    if (name in this.resources) return this.id(name);
    throw new Error(`the stack ${this.name} has no ${name}`);
  }

  #attribute(logicalId, attribute) {
    const made = MADE_UP[this.resources[logicalId].Type]?.[attribute];
    if (made) return made;
    if (attribute !== "Arn") throw new Error(`${logicalId}.${attribute} isn't known`);
    return this.arn(logicalId);
  }

  #substituted(text, variables) {
    return text.replaceAll(/\$\{([^!}]+)\}/g, (_, name) => {
      if (name in variables) return this.value(variables[name]);
      const dot = name.indexOf(".");
      const value = dot < 0 ? this.#reference(name) : this.#attribute(name.slice(0, dot), name.slice(dot + 1));
      if (typeof value !== "string") throw new Error(`${name} in "${text}" is no string`);
      return value;
    });
  }
}

/** Eight hexadecimal digits that are always the same for a name. */
function digits(name) {
  return createHash("sha256").update(name).digest("hex").slice(0, 8);
}
