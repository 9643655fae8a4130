// The landing as a picture: what lies in each account, and who may reach it from another one, by the policies alone.

import { owner } from "./judge.js";
import { ACCOUNT, landing, membership } from "./landing.js";
import { policies } from "./policies.js";

const { shared, applications } = landing();
const { tooling, pipeline } = applications.app;

const WIDTH = 1120;
const LEFT = { x: 20, width: 400 };
const RIGHT = { x: 620, width: 480 };
const LINE = 40;
const HEAD = 34;
const SPACE = 20;

/** What lies in the accounts on the left, and how it is called. */
const THINGS = {
  management: [[undefined, "organization, units, accounts, the StackSet"]],
  network: [["subnets", "subnets in three zones, shared with the unit Workloads"]],
  tooling: [
    [pipeline.arn("PipelineRole"), "pipeline"],
    [tooling.arn("Images"), "repository of images"],
    [tooling.arn("ImagesKey"), "key of the images"],
    [tooling.arn("Artifacts"), "bucket of artifacts"],
    [tooling.arn("ArtifactsKey"), "key of the artifacts"],
    ["functions", "functions that write statements, an alias for each unit"],
  ],
};

/** Everything of another account that a role here may do, or may be assumed by: `{who, thing, actions}`. */
function reaches(account) {
  const id = ACCOUNT[account];
  const found = [];
  const all = policies([...shared, ...Object.values(applications.app)]);
  for (const { on, statements } of all.filter(({ kind }) => kind === "resource"))
    for (const { Principal, Action, Condition } of statements) {
      const principal = Principal.AWS === "*" && isInUnit(id, Condition) ? id : Principal.AWS?.split(":")[4];
      const named = Condition?.ArnEquals?.["aws:PrincipalArn"];
      if (!principal || principal === owner(on) || ![principal, owner(on)].includes(id)) continue;
      const inwards = principal !== id;
      const [role, thing] = inwards ? [on, named] : [named, on];
      const about = thing.includes(":function:") ? "functions" : thing.split("/*")[0];
      const who = role?.split("/")[1] ?? "stacks of this account";
      const there = found.find((reach) => reach.thing === about && reach.who === who);
      const actions = [Action].flat().map((action) => action.split(":")[1]);
      if (there) there.actions = [...new Set([...there.actions, ...actions])];
      else found.push({ who, thing: about, actions: inwards ? ["is assumed by the pipeline"] : actions, inwards });
    }
  const tasks = { who: "tasks", thing: "subnets", actions: ["have their addresses there"], inwards: false };
  return [...found, tasks].sort((one, other) => rank(one) - rank(other));
}

/** Whether an account is in the unit that a condition names. */
function isInUnit(account, condition) {
  const [path] = membership(account)["aws:PrincipalOrgPaths"];
  const like = condition["ForAnyValue:StringLike"]["aws:PrincipalOrgPaths"];
  return new RegExp(`^${like.replaceAll("*", ".*")}$`).test(path);
}

/** From top to bottom as the things are, so that an account's arrows don't cross. */
function rank({ thing }) {
  return Object.values(THINGS)
    .flat()
    .findIndex(([on]) => on === thing);
}

/** The picture, as SVG. */
export function picture() {
  const places = new Map();
  const boxes = [];
  const arrows = [];
  let y = SPACE;
  for (const [account, things] of Object.entries(THINGS)) {
    const height = HEAD + things.length * LINE;
    boxes.push(box(LEFT, y, height, account));
    things.forEach(([on, name], line) => {
      const middle = y + HEAD + line * LINE + 14;
      if (on) places.set(on, middle);
      boxes.push(text(LEFT.x + 16, middle + 4, name, "thing"));
    });
    y += height + SPACE;
  }
  const bottom = y;
  y = SPACE;
  for (const account of ["app-development", "app-production"]) {
    const rows = reaches(account);
    const height = HEAD + rows.length * LINE;
    boxes.push(box(RIGHT, y, height, account));
    rows.forEach(({ who, thing, actions, inwards }, line) => {
      const middle = y + HEAD + line * LINE + 14;
      boxes.push(text(RIGHT.x + 16, middle, who, "thing"));
      boxes.push(text(RIGHT.x + 16, middle + 14, actions.join(", "), "faint"));
      arrows.push(arrow(RIGHT.x, middle, LEFT.x + LEFT.width, places.get(thing), inwards));
    });
    y += height + SPACE;
  }
  return document(Math.max(y, bottom), [...boxes, ...arrows]);
}

function box({ x, width }, y, height, name) {
  return [
    `<rect class="account" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
    text(x + 16, y + 21, `account ${name}`, "head"),
  ].join("\n");
}

function text(x, y, words, style) {
  return `<text class="${style}" x="${x}" y="${y}">${words}</text>`;
}

function arrow(fromX, fromY, toX, toY, inwards) {
  const bend = (fromX - toX) / 2;
  const path = `M${fromX},${fromY} C${fromX - bend},${fromY} ${toX + bend},${toY} ${toX},${toY}`;
  return `<path class="arrow" d="${path}" marker-${inwards ? "start" : "end"}="url(#${inwards ? "in" : "out"})"/>`;
}

function document(height, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>The landing: what lies in each account, and who may reach it from another one</title>
<style>
text { font-family: system-ui, sans-serif; fill: #1d2733; }
.head { font-size: 15px; font-weight: 600; }
.thing { font-size: 13px; }
.faint { font-size: 11px; fill: #5b6876; }
.account { fill: #f5f8fb; stroke: #8fa3b8; }
.arrow { fill: none; stroke: #2f6f9f; stroke-width: 1.4; }
</style>
<defs>
<marker id="out" orient="auto" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8">
<path d="M0,0 L8,4 L0,8 z" fill="#2f6f9f"/></marker>
<marker id="in" orient="auto" viewBox="0 0 8 8" refX="0" refY="4" markerWidth="8" markerHeight="8">
<path d="M8,0 L0,4 L8,8 z" fill="#2f6f9f"/></marker>
</defs>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}
