// The same with the AWS SDK for JavaScript, on the least loop that asks Lambda's Runtime API for events.

import http from "node:http";
import https from "node:https";
import { ECRClient, GetRepositoryPolicyCommand, SetRepositoryPolicyCommand } from "@aws-sdk/client-ecr";

const ecr = new ECRClient();
const runtime = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const agent = new http.Agent({ keepAlive: true });

function send(url, options, body) {
  const scheme = url.startsWith("https:") ? https : http;
  return new Promise((resolve, reject) => {
    const request = scheme.request(url, options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function handle(event) {
  const { RepositoryName: repositoryName, Statement } = event.ResourceProperties;
  const statement = { ...Statement, Sid: event.LogicalResourceId };
  const { policyText } = await ecr.send(new GetRepositoryPolicyCommand({ repositoryName }));
  const policy = JSON.parse(policyText);
  policy.Statement = [...policy.Statement.filter(({ Sid }) => Sid !== statement.Sid), statement];
  await ecr.send(new SetRepositoryPolicyCommand({ repositoryName, policyText: JSON.stringify(policy) }));
  const { StackId, RequestId, LogicalResourceId } = event;
  const answer = { Status: "SUCCESS", PhysicalResourceId: LogicalResourceId, StackId, RequestId, LogicalResourceId };
  const body = JSON.stringify(answer);
  const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
  await send(event.ResponseURL, { method: "PUT", headers }, body);
}

for (;;) {
  const next = await send(`${runtime}/next`, { agent });
  await handle(JSON.parse(next.body));
  const id = next.headers["lambda-runtime-aws-request-id"];
  await send(`${runtime}/${id}/response`, { agent, method: "POST" }, "null");
}
