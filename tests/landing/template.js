// A template as CloudFormation reads it: YAML, short forms written out, loops unrolled.

import { readFileSync } from "node:fs";
import { isAlias, isMap, isScalar, isSeq, parseDocument } from "./packages.js";

const STACKS = new URL("../../stacks/", import.meta.url);

/** The template in stacks/ of that name, which may lead out of there. */
export function template(name) {
  const document = parseDocument(readFileSync(new URL(`${name}.yaml`, STACKS), "utf8"), { logLevel: "silent" });
  if (document.errors.length > 0) throw document.errors[0];
  return plain(document.contents, document);
}

function plain(node, document) {
  if (isAlias(node)) return plain(node.resolve(document), document);
  const value = untagged(node, document);
  if (!node?.tag?.startsWith("!")) return value;
  const name = node.tag.slice(1);
  if (name === "Ref" || name === "Condition") return { [name]: value };
  if (name === "GetAtt" && typeof value === "string") {
    const dot = value.indexOf(".");
    return { "Fn::GetAtt": [value.slice(0, dot), value.slice(dot + 1)] };
  }
  return { [`Fn::${name}`]: value };
}

function untagged(node, document) {
  if (isMap(node))
    return Object.fromEntries(node.items.map(({ key, value }) => [String(key.value), plain(value, document)]));
  if (isSeq(node)) return node.items.map((item) => plain(item, document));
  if (isScalar(node)) return node.value;
  if (node === null) return null;
  throw new Error(`${node} is no YAML that a template has`);
}

/** Resources without Fn::ForEach, whose collections `list` evaluates. */
export function unrolled(resources, list) {
  return Object.fromEntries(
    Object.entries(resources).flatMap(([name, resource]) => {
      if (!name.startsWith("Fn::ForEach::")) return [[name, resource]];
      const [variable, collection, body] = resource;
      return list(collection).flatMap((item) => Object.entries(unrolled(replaced(body, variable, item), list)));
    }),
  );
}

function replaced(value, variable, item) {
  if (typeof value === "string")
    return value.replaceAll(`\${${variable}}`, item).replaceAll(`&{${variable}}`, item.replaceAll(/[^0-9A-Za-z]/g, ""));
  if (Array.isArray(value)) return value.map((part) => replaced(part, variable, item));
  if (value === null || typeof value !== "object") return value;
  if (value.Ref === variable) return item;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [replaced(key, variable, item), replaced(part, variable, item)]),
  );
}
