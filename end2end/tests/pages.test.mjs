// Every page there is, found by following links from the first one: nothing complains, nothing sticks out, axe finds
// nothing, no link is dead. In four looks, for a stranger, a developer and the operator.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { LOOKS, assertWellMade, newDeveloper, person, signIn, startDemo, unknownKey } from "../harness.mjs";

let demo;
before(async () => { demo = await startDemo(); });
after(async () => { await demo?.stop(); });

/** Far more than there are; a crawl that gets here goes in circles. */
const MOST_PAGES = 150;

/** Pages that no link of a stranger leads to, or that stand outside the site. */
const DOORS = {
  stranger: ["/", "/sign-up", "/sign-in", "/sign-up/check-your-mail", "/privacy", "/docs", "/docs/errors", "/dev/gallery", "/dev/mailbox"],
  developer: ["/console", "/console/keys", "/console/logs", "/console/usage"],
  operator: ["/admin/logs"],
};

const people = {
  stranger: async () => {},
  developer: async (someone) => {
    const { secret } = await newDeveloper(someone, demo);
    for (const path of ["/almanac/v1/sun/lisbon", "/almanac/v1/moon?date=2026-11-21", "/almanac/v1/nothing"]) {
      await (await demo.call(path, { key: secret })).arrayBuffer();
    }
    await (await demo.call("/almanac/v1/sun/lisbon", { key: unknownKey() })).arrayBuffer();
  },
  operator: async (someone) => signIn(someone, demo.staff),
};

/** Addresses of pages that links of this one lead to. */
async function links(page) {
  const found = await page.locator("a[href]").evaluateAll((anchors) => anchors.map((anchor) => anchor.href));
  const origin = new URL(page.url()).origin;
  return found
    .map((href) => new URL(href))
    .filter((url) => url.origin === origin && !url.pathname.startsWith("/pkg/"))
    // One page of each kind: two mails, or two filters of one log, are the same page with other words.
    .map((url) => url.pathname);
}

/** Stands for the id of a thing that the next person has not: they have one of their own. */
const OWN = ":own";
const OF_ONE = /^(\/console\/keys)\/key_[^/]+$/;

/** Pages that are drawn from one list, by one template: the crawl opens them all, and these two stand for how they look. */
const OF_MANY = /^\/docs\/errors\/(?!(rate_limited|invalid_input)$)/;

/** The address of the first thing in the list above. */
async function own(someone, path) {
  if (!path.endsWith(OWN)) return path;
  const list = path.slice(0, -OWN.length);
  await someone.visit(list.slice(0, -1));
  return someone.page.locator(`main a[href^="${list}"]`).first().getAttribute("href");
}

for (const who of Object.keys(DOORS)) {
  let all = [];

  test(`no link of a ${who} is dead`, async () => {
    const someone = await person(demo);
    await people[who](someone);
    const seen = new Set(DOORS[who]);
    // A set goes on over what is added while it is walked through.
    for (const path of seen) {
      assert.ok(seen.size < MOST_PAGES, `the links do not end: ${[...seen].slice(-10).join(" ")}`);
      const head = await someone.context.request.get(path, { maxRedirects: 5 });
      assert.equal(head.status(), 200, `GET ${path}`);
      // Downloads are answered, not looked at.
      if (!(head.headers()["content-type"] ?? "").startsWith("text/html")) { seen.delete(path); continue; }
      await someone.visit(path);
      for (const link of await links(someone.page)) if (!link.startsWith("/verify-email") && !link.startsWith("/reveal")) seen.add(link);
    }
    const looked = [...seen].filter((path) => !OF_MANY.test(path));
    all = [...new Set(looked.map((path) => path.replace(OF_ONE, `$1/${OWN}`)))];
    assert.ok(all.length >= DOORS[who].length);
  });

  for (const look of LOOKS) {
    test(`every page of a ${who} is well made (${look.name})`, async () => {
      const someone = await person(demo, look);
      await people[who](someone);
      assert.ok(all.length > 0, "the crawl before found no page");
      const flaws = [];
      for (const path of all) {
        await someone.visit(await own(someone, path));
        await assertWellMade(someone).catch((flaw) => flaws.push(flaw.message));
      }
      assert.equal(flaws.length, 0, flaws.join("\n\n"));
    });
  }
}

test("a page that does not exist says so, in the site's frame", async () => {
  const someone = await person(demo);
  await someone.visit("/no/such/page", 404);
  await someone.heading(/nothing here/i).first().waitFor();
  await assertWellMade(someone);
});

test("pages carry a strict content security policy and no trace of the server", async () => {
  for (const path of ["/", "/sign-in", "/privacy"]) {
    const answer = await fetch(`${demo.portal}${path}`);
    const policy = answer.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'self'|default-src 'none'/, path);
    assert.match(policy, /frame-ancestors 'none'/, path);
    assert.doesNotMatch(policy, /script-src[^;]*'unsafe-inline'/, path);
    assert.doesNotMatch(policy, /'unsafe-eval'/, path);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(answer.headers.get("referrer-policy"), "same-origin", path);
    assert.equal(answer.headers.get("server"), null, path);
  }
});

test("pages load nothing from other sites and set only declared cookies", async () => {
  const someone = await person(demo);
  const foreign = [];
  someone.page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== demo.portal && protocol !== "data:") foreign.push(request.url());
  });
  await newDeveloper(someone, demo);
  for (const path of ["/", "/docs", "/docs/almanac", "/privacy", "/terms", "/console", "/console/keys", "/console/logs", "/console/usage"]) await someone.visit(path);
  await someone.page.getByRole("button", { name: /theme/i }).first().click();
  await someone.page.waitForFunction(() => document.documentElement.dataset.theme);
  assert.deepEqual(foreign, []);
  const cookies = await someone.page.context().cookies();
  const declared = ["cs_session", "cs_theme", "cs_form", "cs_device"];
  assert.deepEqual(cookies.map((cookie) => cookie.name).filter((name) => !declared.includes(name)), []);
  const session = cookies.find((cookie) => cookie.name === "cs_session");
  assert.ok(session?.httpOnly && session.sameSite === "Lax" && session.expires === -1, "the session's cookie");
});
