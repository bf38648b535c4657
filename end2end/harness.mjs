// Everything the browser tests share: a demo of their own, pages in every look, mails, and the rule that a page may
// not complain. A test uses pages as a person does: by role and label. The only test ids are those of `secret`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, afterEach } from "node:test";
import { fileURLToPath } from "node:url";

import axeCore from "axe-core";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BINARY = resolve(process.env.COUNTERSIGN_BIN ?? join(ROOT, "target/dev/countersign"));
const SITE = resolve(process.env.COUNTERSIGN_SITE ?? join(ROOT, "target/site"));
const CHROMIUM = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
/** Pictures of pages that failed. */
const OUT = join(ROOT, "end2end/out");

/** A debug build on two busy cores starts in two seconds; thirty means that it hangs. */
const START_MS = 30_000;
/** A mail is queued in the transaction of the change, so it is there as soon as the page answers. */
const MAIL_MS = 5_000;
/** Nothing takes this long, even on two busy cores: what is not there by then never comes. */
const PATIENCE_MS = 30_000;

// ------------------------------------------------------------------------------------------------------- the demo

/** Resolves as soon as `look` returns something; fails with `what` when it does not in time. */
export async function eventually(what, limitMs, look) {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > deadline) assert.fail(`${what} (waited ${limitMs} ms)`);
    await new Promise((wake) => setTimeout(wake, 25));
  }
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => new Promise((ready, fail) => {
      const server = createServer().on("error", fail).listen(0, "127.0.0.1", () => ready(server));
    })),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

/** Starts `countersign demo` with an empty data folder on ports of its own. */
export async function startDemo({ flags = [], env = {} } = {}) {
  assert.ok(existsSync(BINARY), `${BINARY} is missing. Run: make e2e`);
  const [portalPort, gatewayPort, opsPort] = await freePorts(3);
  const data = await mkdtemp(join(tmpdir(), "countersign-e2e-"));
  const portal = `http://localhost:${portalPort}`;
  const gateway = `http://localhost:${gatewayPort}`;
  const ops = `http://127.0.0.1:${opsPort}`;
  const child = spawn(BINARY, ["demo", "--data", data, ...flags], {
    cwd: data,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      RUST_BACKTRACE: "1",
      LEPTOS_SITE_ROOT: SITE,
      LEPTOS_HASH_FILES: "true",
      COUNTERSIGN_PORTAL__ADDR: `127.0.0.1:${portalPort}`,
      COUNTERSIGN_PORTAL__PUBLIC_URL: portal,
      COUNTERSIGN_GATEWAY__ADDR: `127.0.0.1:${gatewayPort}`,
      COUNTERSIGN_GATEWAY__PUBLIC_URL: gateway,
      COUNTERSIGN_OPS__ADDR: `127.0.0.1:${opsPort}`,
      // So that each person can come from a place of their own.
      COUNTERSIGN_PORTAL__TRUSTED_PROXIES: "127.0.0.0/8, ::1/128",
      ...env,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => { output += chunk; });
  const ended = new Promise((end) => child.once("close", (code, signal) => end({ code, signal })));
  let end = null;
  ended.then((how) => { end = how; });

  await eventually("the demo did not become ready", START_MS, async () => {
    assert.ok(!end, `the demo ended at once: ${JSON.stringify(end)}\n${output}`);
    return fetch(`${ops}/readyz`).then((answer) => answer.ok, () => false);
  }).catch((error) => {
    child.kill("SIGKILL");
    error.message += `\n${output}`;
    throw error;
  });
  const { staff } = JSON.parse(await readFile(join(data, "demo.json"), "utf8"));

  return {
    portal,
    gateway,
    ops,
    staff,
    data,
    pid: child.pid,
    output: () => output,
    /** Ends it as Ctrl-C does, and checks that it goes in good order. */
    async stop() {
      child.kill("SIGINT");
      const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
      const how = await ended;
      clearTimeout(late);
      await rm(data, { recursive: true, force: true });
      assert.deepEqual(how, { code: 0, signal: null }, `the demo did not end in good order\n${output}`);
      assert.doesNotMatch(output, /panicked at/, "the demo panicked");
    },

    /** Mails to an address, the newest first. */
    async mails(to) {
      const answer = await fetch(`${portal}/dev/mailbox.json`);
      assert.equal(answer.status, 200);
      return (await answer.json()).filter((mail) => mail.to.includes(to));
    },

    /** The link in the newest mail to `to` that leads to `path`. */
    async linkInMail(to, path) {
      return eventually(`no mail to ${to} links to ${path}`, MAIL_MS, async () => {
        const links = (await this.mails(to)).flatMap((mail) => mail.links);
        return links.find((link) => new URL(link).pathname === path);
      });
    },

    /** Calls the gateway as a program does. */
    async call(path, { key, headers = {}, ...more } = {}) {
      const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
      return fetch(`${gateway}${path}`, { ...more, headers: { ...authorization, ...headers } });
    },
  };
}

// ------------------------------------------------------------------------------------------------------- the looks

const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };

/** A way to look at a page. */
const look = (viewport, colorScheme, js = true) => ({
  viewport,
  colorScheme,
  js,
  name: `${viewport.width} px, ${colorScheme}${js ? "" : ", no JavaScript"}`,
});

/** The four looks that every page is held against. */
export const LOOKS = [look(WIDE, "light"), look(WIDE, "dark"), look(PHONE, "light"), look(PHONE, "dark")];
/** Opposite corners, with and without JavaScript: for tests that walk through many pages. */
export const WALKS = [look(WIDE, "light"), look(PHONE, "dark"), look(WIDE, "dark", false), look(PHONE, "light", false)];
export const WIDE_LIGHT = LOOKS[0];
export const WIDE_WITHOUT_SCRIPT = look(WIDE, "light", false);

// ------------------------------------------------------------------------------------------------------- the pages

let launched = null;
const browser = () => (launched ??= chromium.launch({
  executablePath: CHROMIUM,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
}));
after(async () => (await launched)?.close());

/** Browsers opened by the running test. Closed and judged after it. */
let open = [];
/** How many people there were: each lives behind an address of their own, by which tries are limited. */
let places = 0;
afterEach(async (test) => {
  const people = open;
  open = [];
  for (const [place, person] of people.entries()) await person.leave(test, place);
  for (const person of people) person.assertQuiet();
});

/**
 * A person with a browser of their own: no cookie of anyone else. Whatever the pages complain about fails the test.
 */
export async function person(demo, wanted = WIDE_LIGHT) {
  assert.ok(CHROMIUM, "Chromium is missing. Run: make setup-tests (or set CHROMIUM)");
  places += 1;
  const context = await (await browser()).newContext({
    baseURL: demo.portal,
    extraHTTPHeaders: { "x-forwarded-for": `198.18.${places >> 8}.${places & 255}` },
    viewport: wanted.viewport,
    colorScheme: wanted.colorScheme,
    javaScriptEnabled: wanted.js,
    locale: "en-GB",
    timezoneId: "Europe/Lisbon",
    // A colour that is still fading is no colour that anyone chose.
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  const allowed = [];
  const isAllowed = (url, status) => allowed.some((one) => one.status === status && one.matches(new URL(url)));
  const page = await context.newPage();

  page.on("console", (message) => {
    if (!["error", "warning", "assert"].includes(message.type())) return;
    const { url } = message.location();
    const status = /the server responded with a status of (\d+)/.exec(message.text());
    // The same fact as the answer, which is judged below.
    if (status && url && isAllowed(url, Number(status[1]))) return;
    complaints.push(`console ${message.type()}: ${message.text()} (${url})`);
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.stack ?? error}`));
  page.on("requestfailed", (request) => {
    // What a person leaves behind by going on to the next page.
    if (request.failure()?.errorText === "net::ERR_ABORTED") return;
    complaints.push(`request failed: ${request.method()} ${request.url()}: ${request.failure()?.errorText}`);
  });
  page.on("response", (answer) => {
    if (answer.status() >= 400 && !isAllowed(answer.url(), answer.status())) {
      complaints.push(`answer ${answer.status()}: ${answer.request().method()} ${answer.url()}`);
    }
  });
  page.on("crash", () => complaints.push("the page crashed"));
  if (wanted.js) {
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`content security policy: ${event.violatedDirective} refused ${event.blockedURI}`);
      });
    });
  }

  const someone = {
    page,
    context,
    look: wanted,
    complaints,

    /** From here on, an address may answer with this status. `path` is a pathname, or a regular expression for it. */
    mayAnswer(status, path) {
      allowed.push({ status, matches: (url) => (path instanceof RegExp ? path.test(url.pathname) : url.pathname === path) });
    },

    /** Goes to an address and expects the status. */
    async visit(path, status = 200) {
      if (status >= 400) this.mayAnswer(status, new URL(path, demo.portal).pathname);
      const answer = await page.goto(path, { waitUntil: "load" });
      assert.equal(answer.status(), status, `GET ${path}`);
      await this.settled();
      return answer;
    },

    /**
     * Waits until the page listens to clicks, when it is one that will: on a live page `hydrate()` marks that it is done,
     * on a served page `app/js/site.js` does.
     */
    async settled() {
      await page.waitForLoadState("load");
      if (!wanted.js) return;
      // By the clock, not by frames: a page that has nothing to draw gets none.
      await page.waitForFunction(() => {
        const { dataset } = document.documentElement;
        return !document.querySelector('script[type="module"]') || "hydrated" in dataset || "ready" in dataset;
      }, null, { polling: 20 });
    },

    /** Fills fields by their labels, presses the button and waits for the answer. */
    async submit(fields, button) {
      for (const [label, value] of Object.entries(fields)) {
        const field = page.getByLabel(label, { exact: typeof label === "string" });
        if (typeof value === "boolean") await field.setChecked(value);
        else await field.fill(value);
      }
      await page.getByRole("button", { name: button, exact: true }).click();
    },

    heading: (name) => page.getByRole("heading", { name }),

    /** What the main part of the page says. */
    text: () => page.getByRole("main").innerText(),

    async leave(test, place) {
      if (test?.error || complaints.length > 0) {
        await mkdir(OUT, { recursive: true });
        const name = `${test?.name ?? "page"} ${place}`.replace(/[^a-z0-9]+/gi, "-").slice(0, 100);
        await page.screenshot({ path: join(OUT, `${name}.png`), fullPage: true }).catch(() => {});
      }
      await context.close();
    },

    assertQuiet() {
      assert.deepEqual(complaints, [], `the pages complained (${wanted.name})`);
    },
  };
  open.push(someone);
  return someone;
}

// ------------------------------------------------------------------------------------------------- what pages must be

/** A copy of the page that scripts can look at, for pages seen without JavaScript. */
async function withoutScript(someone, examine) {
  const html = (await someone.page.content())
    .replace(/<script\b[\s\S]*?<\/script>/g, "")
    .replace(/<link[^>]*rel="(modulepreload|preload)"[^>]*>/g, "")
    .replace(/<\/?noscript[^>]*>/g, "");
  const context = await (await browser()).newContext({ viewport: someone.look.viewport, colorScheme: someone.look.colorScheme, reducedMotion: "reduce" });
  try {
    const page = await context.newPage();
    const url = someone.page.url();
    await page.route((wanted) => wanted.href === new URL(url).href, (route) => route.fulfill({ body: html, contentType: "text/html; charset=utf-8" }));
    await page.goto(url);
    return await examine(page);
  } finally {
    await context.close();
  }
}

/** axe finds nothing. */
export async function assertAccessible(someone) {
  const examine = async (page) => {
    await page.evaluate(`${axeCore.source};undefined`);
    return page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  };
  const { violations } = someone.look.js ? await examine(someone.page) : await withoutScript(someone, examine);
  const found = violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${rule.help}\n    ${node.target.join(" ")}\n    ${node.html}\n    ${node.failureSummary}`));
  assert.deepEqual(found, [], `axe on ${someone.page.url()} (${someone.look.name})`);
}

/** Nothing sticks out to the right: a person scrolls in one direction only. */
export async function assertNoHorizontalScroll(someone) {
  const sticksOut = await someone.page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const scrolls = (element) => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(element).overflowX);
    const inside = (element) => { for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) if (scrolls(up)) return true; return false; };
    return [...document.body.querySelectorAll("*")]
      .filter((element) => element.getBoundingClientRect().right > width + 0.5 && !inside(element))
      .map((element) => `${element.tagName.toLowerCase()}.${[...element.classList].join(".")} ends at ${Math.round(element.getBoundingClientRect().right)} of ${width}`)
      .concat("the page scrolls sideways");
  });
  assert.deepEqual(sticksOut, [], `${someone.page.url()} (${someone.look.name})`);
}

/** Both, and one main heading. */
export async function assertWellMade(someone) {
  await assertNoHorizontalScroll(someone);
  await assertAccessible(someone);
  const headings = await someone.page.locator("h1").count();
  assert.equal(headings, 1, `${someone.page.url()} has ${headings} main headings`);
  assert.notEqual((await someone.page.title()).trim(), "", `${someone.page.url()} has no title`);
}

// ------------------------------------------------------------------------------------------------- what people do

export const PASSWORD = "eleven green kettles sing";

let people = 0;
/** An address nobody else uses. */
export const newAddress = () => `ada.${process.pid}.${++people}@example.com`;

/** Fills in the sign-up form and sends it. */
export async function signUp(someone, { name = "Ada Lovelace", email, password = PASSWORD }) {
  await someone.visit("/sign-up");
  await someone.page.getByLabel("Name", { exact: true }).fill(name);
  await someone.page.getByLabel("Email", { exact: true }).fill(email);
  await someone.page.getByLabel("Password", { exact: true }).fill(password);
  await someone.page.getByRole("checkbox", { name: /^I accept the terms/ }).check();
  await someone.page.getByRole("button", { name: "Create account", exact: true }).click();
  await someone.heading("Check your mail").waitFor();
}

/** Opens the link of the verification mail and presses its button. */
export async function verifyEmail(someone, demo, email) {
  await someone.visit(await demo.linkInMail(email, "/verify-email"));
  await someone.page.getByRole("button", { name: "Verify email", exact: true }).click();
  await someone.page.waitForURL((url) => url.pathname === "/sign-in");
}

/** Signs in, and stands on the overview. */
export async function signIn(someone, { email, password = PASSWORD }) {
  await someone.visit("/sign-in");
  await someone.submit({ Email: email, Password: password }, "Sign in");
  await someone.page.waitForURL((url) => !url.pathname.startsWith("/sign-in"));
  await someone.settled();
}

/** Opens the reveal link of the mail and reads the secret off the page. */
export async function revealSecret(someone, demo, email) {
  await someone.visit(await demo.linkInMail(email, "/reveal"));
  await someone.page.getByRole("button", { name: "Show the secret", exact: true }).click();
  const shown = someone.page.getByTestId("secret").getByRole("code");
  await shown.waitFor();
  return (await shown.innerText()).trim();
}

/** All of it: an account, signed in, with a key. */
export async function newDeveloper(someone, demo, more = {}) {
  const email = more.email ?? newAddress();
  await signUp(someone, { ...more, email });
  await verifyEmail(someone, demo, email);
  await signIn(someone, { email });
  const secret = await revealSecret(someone, demo, email);
  return { email, secret };
}

// ------------------------------------------------------------------------------------------------------- passkeys

/**
 * Gives a person a device that keeps passkeys and is unlocked at once: Chromium's own virtual authenticator, so what
 * pages call is the real thing.
 */
export async function addAuthenticator(someone) {
  const devtools = await someone.context.newCDPSession(someone.page);
  await devtools.send("WebAuthn.enable");
  const add = async () => {
    const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        ctap2Version: "ctap2_1",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return authenticatorId;
  };
  let authenticatorId = await add();
  return {
    /** What it keeps. */
    async passkeys() {
      return (await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
    },
    /** It lies at the bottom of a river, and its owner buys another. */
    async lose() {
      await devtools.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });
      authenticatorId = await add();
    },
    /** Whether the person touches it when it asks. */
    async answers(enabled) {
      await devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });
    },
    /** Whether it knows its owner's finger. */
    async verifies(isUserVerified) {
      await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
    },
  };
}

// --------------------------------------------------------------------------------------------------------- keys

const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** CRC-32 of ISO 3309, bit by bit: short rather than fast. */
function crc32(text) {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A key of the right form that nobody was given. */
export function unknownKey(prefix = "cs_live_") {
  let text = prefix;
  for (let place = 0; place < 27; place += 1) text += BASE62[Math.floor(Math.random() * 62)];
  let rest = crc32(text);
  let checksum = "";
  for (let place = 0; place < 6; place += 1) {
    checksum = BASE62[rest % 62] + checksum;
    rest = Math.floor(rest / 62);
  }
  return text + checksum;
}
