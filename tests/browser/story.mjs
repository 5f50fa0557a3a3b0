// The main story, played in Debian's Chromium against the real program: two people, four texts, every page on the way
// checked by axe at two widths. Screenshots are kept in `artefacts/`. Ends with 1 at the first thing that is not as told.
//
//   node tests/browser/story.mjs PATH/TO/mycopod

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const artefacts = fileURLToPath(new URL("../../artefacts/", import.meta.url));
const program = process.argv[2];
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 360, height: 740 };
const WAIT_MS = 30_000;

let checks = 0;
function expect(what, holds) {
  checks += 1;
  if (!holds) throw new Error(`expected: ${what}`);
}

function started(child) {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      if (text.includes("stop      Ctrl-C")) resolve(text);
    });
    child.on("exit", (code) => reject(new Error(`the demonstration ended with ${code}:\n${text}`)));
  });
}

// Watches a page: an error in its console or a breach of its content policy fails the story.
async function person(browser, address, name, password, faults) {
  const context = await browser.newContext({ viewport: WIDE });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on("console", (message) => {
    // Refusals the story asks for show as failed resources; a live stream that breaks off while its page is left is
    // logged by the library as a bare event. Everything else is a fault.
    if (message.type() === "error" && !/status of (403|404|422)|^\[object Event\]$/.test(message.text())) faults.push(`${name} at ${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`${name}: ${error.message}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(`${address}/sign-in`);
  await look(page, "sign-in", faults);
  await page.fill("#name", name);
  await page.fill("#password", password);
  await page.click("button:has-text('Sign in')");
  await page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  return page;
}

const seen = new Set();
// axe and a screenshot at both widths; each kind of page once.
async function look(page, kind, faults) {
  if (seen.has(kind)) return;
  seen.add(kind);
  for (const [size, viewport] of [["1280", WIDE], ["360", NARROW]]) {
    await page.setViewportSize(viewport);
    // axe runs in an isolated world of its own, past the page's policy.
    const client = await page.context().newCDPSession(page);
    const { frameTree } = await client.send("Page.getFrameTree");
    const world = await client.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
    const evaluate = (expression) =>
      client.send("Runtime.evaluate", { expression, contextId: world.executionContextId, awaitPromise: true, returnByValue: true });
    await evaluate(axeSource);
    const { result } = await evaluate(
      "axe.run(document, { resultTypes: ['violations'] }).then((r) => JSON.stringify(r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 160))])))",
    );
    const violations = JSON.parse(result.value);
    for (const [id, nodes] of violations) faults.push(`axe ${kind} at ${size}: ${id}: ${nodes[0]}`);
    const sideways = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    if (sideways) faults.push(`${kind} at ${size} scrolls sideways`);
    await client.detach();
    await page.screenshot({ path: join(artefacts, `${kind}-${size}.png`), fullPage: true });
  }
  await page.setViewportSize(WIDE);
}

async function declare(page, address, text) {
  await page.goto(`${address}/declarations/new`);
  await page.fill("#text", text);
  await page.click("button[value=preview]");
  await page.waitForSelector("a:has-text('Look at plan'), #questions, .message.bad, .message.unknown", { timeout: WAIT_MS });
}

async function story(address, logins, faults) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  try {
    const bo = await person(browser, address, "bo", logins.bo, faults);
    await look(bo, "declarations-empty", faults);
    const ada = await person(browser, address, "ada", logins.ada, faults);
    await look(ada, "overview", faults);

    // 1. The User drafts, previews, asks; has no approve button; a forged request is refused by the server.
    await bo.goto(`${address}/declarations/new`);
    await look(bo, "new", faults);
    await declare(bo, address, "A Debian 12 VM called scratch, 2 cores, 4 gigs of memory, 30 GB disk.");
    await look(bo, "declaration", faults);
    await bo.click("a:has-text('Look at plan')");
    await bo.waitForSelector("#steps");
    await look(bo, "plan-user", faults);
    const plan = new URL(bo.url()).pathname;
    expect("the User has no approve button", (await bo.locator("button:has-text('Approve')").count()) === 0);
    const forged = await bo.evaluate(async (path) => {
      const field = (name) => document.querySelector(`input[name=${name}]`).value;
      const body = new URLSearchParams([...document.querySelectorAll("#decide form:first-of-type input[type=hidden]")].map((i) => [i.name, i.value]));
      body.set("digest", field("digest"));
      body.set("do", "approve");
      return (await fetch(`${path}/approve`, { method: "POST", body, redirect: "manual" })).status;
    }, plan);
    expect(`a forged approval is refused with 403, got ${forged}`, forged === 403);
    await bo.click("button:has-text('Ask for approval')");
    await bo.waitForSelector("text=waits for");

    // The Admin finds it, sees every step with its exact calls, approves and applies that digest.
    await ada.goto(`${address}/approvals`);
    await look(ada, "approvals", faults);
    await ada.click("a:has-text('Open')");
    await ada.waitForSelector("#steps");
    await look(ada, "plan-admin", faults);
    await ada.locator(".steps summary:has-text('API call')").first().click();
    const calls = await ada.locator(".steps .call-list").first().innerText();
    expect(`the exact call is shown, saw ${calls}`, calls.includes("/nodes/pve1/qemu/9001/clone"));
    await ada.click("button:has-text('Approve and apply')");
    await done(ada, address, 1, faults);
    await look(ada, "run", faults);
    await ada.goto(`${address}/cluster`);
    await ada.waitForSelector("text=scratch");
    await look(ada, "cluster", faults);

    // 2. Three guests, one per server; that Kubernetes is not installed yet is said.
    await declare(bo, address, "Three Ubuntu VMs for Kubernetes, 4 cores and 8 GB each, one per server.");
    await bo.click("a:has-text('Look at plan')");
    await bo.waitForSelector("#steps");
    expect("Kubernetes is said to be missing", (await bo.locator("text=/Kubernetes .*not installed/i").count()) > 0);
    await bo.click("button:has-text('Ask for approval')");
    await bo.waitForSelector("text=waits for");
    await apply(ada, address, 2, faults);

    // 6. Destroying is a hazard: without the typed name nothing is approved.
    await declare(bo, address, "Get rid of web-old.");
    await bo.click("a:has-text('Look at plan')");
    await bo.waitForSelector(".hazards");
    await look(bo, "plan-hazard", faults);
    await bo.click("button:has-text('Ask for approval')");
    await bo.waitForSelector("text=waits for");
    await ada.goto(`${address}/approvals`);
    await ada.click("a:has-text('Open')");
    await ada.fill("#confirm-1", "web-new");
    await ada.click("button:has-text('Approve and apply')");
    await ada.waitForSelector("text=to confirm that it is destroyed");
    await look(ada, "wrong-name", faults);
    await ada.goBack();
    await ada.waitForSelector("#confirm-1");
    await ada.fill("#confirm-1", "web-old");
    await ada.click("button:has-text('Approve and apply')");
    await done(ada, address, 3, faults);

    // 7. A question with options; an answer makes the next preview.
    await declare(bo, address, "Provision three Ubuntu VMs for a Kubernetes cluster and mount an NFS share on the main storage pool.");
    await bo.waitForSelector("#questions");
    await look(bo, "question", faults);
    for (const set of await bo.locator("fieldset").all()) await set.locator("input[type=radio]").first().check();
    await bo.click("button:has-text('Answer and preview')");
    await bo.waitForSelector("a:has-text('Look at plan')");

    // What is no declaration is refused with the reason.
    await bo.goto(`${address}/declarations/new`);
    await bo.fill("#text", "Delete everything.");
    await bo.click("button[value=preview]");
    await bo.waitForSelector(".message");
    await look(bo, "refused", faults);

    for (const path of ["overview", "declarations", "runs", "history", "history/5", "settings/proxmox", "settings/github", "settings/model", "settings/people", "settings/rules", "settings/system", "account", "help", "runs/91", "nowhere"]) {
      const answer = await ada.goto(`${address}/${path}`);
      const expected = path === "runs/91" || path === "nowhere" ? 404 : 200;
      expect(`/${path} answers ${expected}, got ${answer.status()}`, answer.status() === expected);
      await look(ada, path.replaceAll("/", "-"), faults);
    }
  } finally {
    await browser.close();
  }
}

async function apply(ada, address, run, faults) {
  await ada.goto(`${address}/approvals`);
  await ada.click("a:has-text('Open')");
  await ada.waitForSelector("#steps");
  await ada.click("button:has-text('Approve and apply')");
  await done(ada, address, run, faults);
}

// Follows a run on its live page, which updates itself.
async function done(ada, address, no) {
  const limit = Date.now() + WAIT_MS;
  for (;;) {
    const answer = await ada.goto(`${address}/runs/${no}`);
    if (answer.status() === 200) break;
    if (Date.now() > limit) throw new Error(`run ${no} did not start`);
    await ada.waitForTimeout(200);
  }
  // No reload from here on: the page has to bring itself up to date.
  await ada.waitForSelector(".page-head .badge:has-text('succeeded')", { timeout: 60_000 });
}

// Made by the program itself, so that the database's own user may pass through it.
const dir = join(tmpdir(), `mycopod-story-${process.pid}`);
mkdirSync(artefacts, { recursive: true });
const child = spawn(program, ["demo", "--port", "0", "--keep", dir, "--time-scale", "0.05"], { stdio: ["ignore", "pipe", "inherit"] });
const faults = [];
let failure;
try {
  const text = await started(child);
  const address = /open\s+(http:\/\/\S+)/.exec(text)[1];
  const logins = Object.fromEntries([...text.matchAll(/sign in\s+(\w+)\s+(\S+)/g)].map((m) => [m[1], m[2]]));
  await story(address, logins, faults);
} catch (error) {
  failure = error;
}
child.removeAllListeners("exit");
const exited = new Promise((resolve) => child.on("exit", resolve));
child.kill("SIGINT");
await exited;
rmSync(dir, { recursive: true, force: true });
for (const fault of faults) console.error(`fault: ${fault}`);
if (failure) console.error(failure);
const failed = faults.length + (failure ? 1 : 0);
console.log(`browser story: ${checks} expectations, ${seen.size} pages at two widths`);
console.log(`${checks + 2 * seen.size - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
