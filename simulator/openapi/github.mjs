// The stand-in for GitHub, held against GitHub's published description of its REST API: every answer of every route
// the Agent uses, the refusals too, is validated against the schema of its path and status. What is sent is validated
// as well, so that the stand-in is not asked for anything GitHub would not take.
//
//   node simulator/openapi/github.mjs PATH/TO/mycopod

import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const TOKEN = "github_pat_of_the_description";
const REPOSITORY = "/repos/homelab/declarations";
const WAIT_MS = 20_000;

const description = JSON.parse(
  readFileSync(createRequire(import.meta.url).resolve("@octokit/openapi/generated/api.github.com.json"), "utf8"),
);
// The description is OpenAPI 3.0, whose schemas say `nullable`; JSON Schema names the type null.
function asJsonSchema(node) {
  if (!node || typeof node !== "object") return;
  Object.values(node).forEach(asJsonSchema);
  if (node.nullable !== true) return;
  const schema = { ...node };
  delete schema.nullable;
  for (const name of Object.keys(node)) delete node[name];
  node.anyOf = [{ type: "null" }, schema];
}
asJsonSchema(description.components.schemas);
asJsonSchema(description.paths);
const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false });
addFormats(ajv);
ajv.addSchema({ $id: "github", components: description.components, paths: description.paths });

const pointer = (...parts) =>
  `github#/${parts.map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/")}`;

// `#/components/responses/not_found` names the parts of a place in the description.
function resolved(place) {
  const found = place.reduce((node, part) => node?.[part], description);
  return found?.$ref ? resolved(found.$ref.slice(2).split("/")) : { place, found };
}

function schemaAt(place) {
  const { place: at, found } = resolved(place);
  const type = Object.keys(found?.content ?? {}).find((name) => name.startsWith("application/json"));
  return type && ajv.compile({ $ref: pointer(...at, "content", type, "schema") });
}

const plainError = ajv.compile({ $ref: pointer("components", "schemas", "basic-error") });
const faults = [];
const covered = new Set();
let checks = 0;

function hold(what, validate, value) {
  checks += 1;
  if (validate(value)) return;
  const said = validate.errors.slice(0, 6).map((error) => `${error.instancePath || "/"} ${error.message}`);
  faults.push(`${what}: ${said.join("; ")}`);
}

let base;
// One call, with both of its sides held against the description. `route` is the path as the description writes it.
async function call(method, route, values, wanted, { query = "", body, token = TOKEN, headers = {} } = {}) {
  const path = route.replace("/repos/{owner}/{repo}", REPOSITORY).replaceAll(/\{(\w+)\}/g, (_, name) => values[name]);
  const what = `${method} ${route} -> ${wanted}`;
  const place = ["paths", route, method.toLowerCase()];
  if (!resolved(place).found) throw new Error(`GitHub describes no ${method} ${route}`);
  if (body) hold(`${what}, what is sent`, schemaAt([...place, "requestBody"]), body);
  const answer = await fetch(`${base}${path}${query}`, {
    method,
    headers: { authorization: `Bearer ${token}`, accept: "application/vnd.github+json", ...headers },
    body: body && JSON.stringify(body),
  });
  checks += 1;
  const text = await answer.text();
  if (answer.status !== wanted) faults.push(`${what}: the answer is ${answer.status} ${text.slice(0, 200)}`);
  covered.add(`${method} ${route}`);
  if (wanted === 304) {
    if (text) faults.push(`${what}: it has a body`);
    return { answer };
  }
  const json = JSON.parse(text);
  const validate = schemaAt([...place, "responses", String(wanted)]);
  // Every route may refuse a token or a rate; most do not say so.
  if (!validate && wanted < 400) throw new Error(`GitHub describes no ${what}`);
  hold(what, validate ?? plainError, json);
  for (const name of ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]) {
    if (!/^\d+$/.test(answer.headers.get(name) ?? "")) faults.push(`${what}: no header ${name}`);
  }
  return { answer, json };
}

const R = "/repos/{owner}/{repo}";
const ref = (branch) => ({ ref: `heads/${branch}` });

async function empty() {
  await call("GET", R, {}, 200);
  await call("GET", `${R}/git/ref/{ref}`, ref("main"), 409);
  await call("GET", `${R}/commits`, {}, 409);
  await call("POST", `${R}/git/blobs`, {}, 409, { body: { content: "x", encoding: "utf-8" } });
  const content = Buffer.from("# Declarations\n").toString("base64");
  const first = { message: "Begin", content, branch: "main" };
  const made = await call("PUT", `${R}/contents/{path}`, { path: "README.md" }, 201, { body: first });
  await call("PUT", `${R}/contents/{path}`, { path: "README.md" }, 422, { body: first });
  return made.json.commit.sha;
}

async function commit(parent, files, message) {
  const tree = [];
  for (const [path, content] of files) {
    const blob = await call("POST", `${R}/git/blobs`, {}, 201, { body: { content, encoding: "utf-8" } });
    tree.push({ path, mode: "100644", type: "blob", sha: blob.json.sha });
  }
  const below = await call("GET", `${R}/git/commits/{commit_sha}`, { commit_sha: parent }, 200);
  const written = await call("POST", `${R}/git/trees`, {}, 201, { body: { base_tree: below.json.tree.sha, tree } });
  const who = { name: "ada", email: "mycopod@localhost" };
  const body = { message, tree: written.json.sha, parents: [parent], author: who, committer: who };
  return (await call("POST", `${R}/git/commits`, {}, 201, { body })).json.sha;
}

async function story() {
  const first = await empty();
  const second = await commit(first, [["declarations/a.md", "A\n"], ["declarations/a.lock.toml", "# A\n"]], "add a");
  await call("PATCH", `${R}/git/refs/{ref}`, ref("main"), 200, { body: { sha: second, force: false } });
  const beside = await commit(first, [["b.md", "B\n"]], "beside");
  await call("PATCH", `${R}/git/refs/{ref}`, ref("main"), 422, { body: { sha: beside, force: false } });
  await call("POST", `${R}/git/refs`, {}, 201, { body: { ref: "refs/heads/other", sha: beside } });
  await call("POST", `${R}/git/refs`, {}, 422, { body: { ref: "refs/heads/other", sha: beside } });
  const { answer } = await call("GET", `${R}/git/ref/{ref}`, ref("main"), 200);
  const again = { headers: { "if-none-match": answer.headers.get("etag") } };
  await call("GET", `${R}/git/ref/{ref}`, ref("main"), 304, again);
  await call("GET", `${R}/git/ref/{ref}`, ref("absent"), 404);
  const query = `?sha=${second}&path=${encodeURIComponent("declarations/a.md")}&per_page=1&page=1`;
  await call("GET", `${R}/commits`, {}, 200, { query });
  const paged = await call("GET", `${R}/commits`, {}, 200, { query: `?sha=${second}&per_page=1` });
  if (!/rel="next"/.test(paged.answer.headers.get("link") ?? "")) faults.push("GET commits: no link to the next page");
  await call("GET", `${R}/commits/{ref}`, { ref: second }, 200);
  await call("GET", `${R}/commits/{ref}`, { ref: "0".repeat(40) }, 422);
  await call("GET", `${R}/compare/{basehead}`, { basehead: `${first}...${second}` }, 200);
  await call("GET", `${R}/compare/{basehead}`, { basehead: `${second}...${beside}` }, 200);
  await call("GET", `${R}/compare/{basehead}`, { basehead: `${"0".repeat(40)}...${second}` }, 404);
  const tree = (await call("GET", `${R}/git/commits/{commit_sha}`, { commit_sha: second }, 200)).json.tree.sha;
  await call("GET", `${R}/git/commits/{commit_sha}`, { commit_sha: "0".repeat(40) }, 404);
  const top = await call("GET", `${R}/git/trees/{tree_sha}`, { tree_sha: tree }, 200);
  await call("GET", `${R}/git/trees/{tree_sha}`, { tree_sha: "0".repeat(40) }, 404);
  const readme = top.json.tree.find((entry) => entry.path === "README.md").sha;
  await call("GET", `${R}/git/blobs/{file_sha}`, { file_sha: readme }, 200);
  await call("GET", `${R}/git/blobs/{file_sha}`, { file_sha: "0".repeat(40) }, 404);
  const bad = { body: { base_tree: tree, tree: [{ path: "x", mode: "100644", type: "blob", sha: "0".repeat(40) }] } };
  await call("POST", `${R}/git/trees`, {}, 422, bad);
  await call("GET", R, {}, 401, { token: "github_pat_wrong" });
  await call("GET", `${R}/git/ref/{ref}`, ref("main"), 401, { token: "github_pat_wrong" });
}

const started = Date.now();
const folder = mkdtempSync(join(tmpdir(), "mycopod-github-"));
const options = ["--dir", join(folder, "declarations.git"), "--repository", "homelab/declarations"];
const sim = spawn(process.argv[2], ["sim-github", ...options, "--listen", "127.0.0.1:0"], {
  env: { ...process.env, MYCOPOD_SIM_GITHUB_TOKEN: TOKEN },
  stdio: ["ignore", "pipe", "inherit"],
});
try {
  base = await new Promise((resolve, reject) => {
    let text = "";
    const late = setTimeout(() => reject(new Error(`the stand-in does not start: ${text}`)), WAIT_MS);
    sim.stdout.on("data", (data) => {
      text += data;
      const address = /stand-in\s+(http:\/\/\S+)/.exec(text);
      if (address) resolve(address[1]);
      if (address) clearTimeout(late);
    });
    sim.on("exit", (code) => reject(new Error(`the stand-in ended with ${code}`)));
  });
  await story();
} finally {
  sim.kill("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
for (const fault of faults) console.error(`not as GitHub describes it: ${fault}`);
const seconds = ((Date.now() - started) / 1000).toFixed(1);
console.log(`${checks} checks on ${covered.size} routes of GitHub's description ${description.info.version}, ${seconds} s`);
process.exitCode = faults.length ? 1 : 0;
