// That the README shows the landing as the stacks make it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { picture } from "./picture.js";

test("the picture in docs/ is drawn from these stacks; `make picture` draws it anew", () => {
  assert.equal(readFileSync(new URL("../../docs/landing.svg", import.meta.url), "utf8"), picture());
});
