// Live pages: the browser bundle really runs. A click does what only a script can do, and taking over the page changes
// nothing. What served pages do is in served.test.mjs; what both do alike is here.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { LOOKS, WIDE_WITHOUT_SCRIPT, newDeveloper, person, startDemo } from "../harness.mjs";

let demo;
before(async () => { demo = await startDemo(); });
after(async () => { await demo?.stop(); });

const theme = (page) => page.evaluate(() => document.documentElement.dataset.theme);

const SERVED = LOOKS.map((look) => [look, "/"]);
const LIVE = LOOKS.slice(0, 2).map((look) => [look, "/console"]);

for (const [look, path] of [...SERVED, ...LIVE]) {
  test(`the theme of ${path} changes at a click, without a new page, and stays (${look.name})`, async () => {
    const someone = await person(demo, look);
    const { page } = someone;
    if (path === "/console") await newDeveloper(someone, demo);
    await someone.visit(path);
    const other = look.colorScheme === "light" ? "dark" : "light";
    // Whatever loads the page anew loses this.
    await page.evaluate(() => { globalThis.samePage = true; });
    const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const before = await ground();

    const remembered = page.waitForResponse((answer) => new URL(answer.url()).pathname === "/rpc/theme/set");
    await page.getByRole("button", { name: other === "dark" ? "Dark theme" : "Light theme" }).first().click();
    await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, other);
    await remembered;
    assert.equal(await page.evaluate(() => globalThis.samePage), true, "the page was loaded anew");
    assert.notEqual(await ground(), before, "the colours did not change");

    await page.reload();
    assert.equal(await theme(page), other, "the choice is forgotten");
  });
}

test("the theme changes without JavaScript too", async () => {
  const someone = await person(demo, WIDE_WITHOUT_SCRIPT);
  await someone.visit("/");
  await someone.page.getByRole("button", { name: "Dark theme" }).first().click();
  await someone.page.waitForLoadState("load");
  assert.equal(new URL(someone.page.url()).pathname, "/");
  assert.equal(await theme(someone.page), "dark");
});

test("hydration moves nothing and warns of nothing", async () => {
  const someone = await person(demo);
  const { page } = someone;
  await page.addInitScript(() => {
    globalThis.moved = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.moved += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  // Scripts come after the first paint, as they do on a slow line: what they change would be seen.
  const painted = () => performance.getEntriesByName("first-contentful-paint").length > 0;
  await page.route(/\/(js|pkg)\/.*\.(js|wasm)$/, async (route) => {
    await page.waitForFunction(painted, null, { polling: 20 });
    await route.continue();
  });
  await newDeveloper(someone, demo);
  for (const path of ["/", "/docs", "/docs/almanac", "/sign-up", "/sign-in", "/privacy", "/console", "/console/keys", "/console/logs", "/console/usage"]) {
    await someone.visit(path);
    assert.equal(await page.evaluate(() => globalThis.moved), 0, `${path} moved after its first paint`);
  }
  // Errors and warnings of any page above fail the test when the person leaves.
});

test("a link inside the console leads on without a new page", async () => {
  const someone = await person(demo);
  const { page } = someone;
  await newDeveloper(someone, demo);
  await someone.visit("/console");
  await page.evaluate(() => { globalThis.samePage = true; });
  await page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "Keys" }).click();
  await page.getByRole("heading", { name: "Keys", level: 1, exact: true }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/console/keys");
  assert.equal(await page.evaluate(() => globalThis.samePage), true, "the page was loaded anew");
});

test("a key is created and revoked without a new page", async () => {
  const someone = await person(demo);
  const { page } = someone;
  await newDeveloper(someone, demo);
  await someone.visit("/console/keys");
  await page.evaluate(() => { globalThis.samePage = true; });
  someone.mayAnswer(422, "/rpc/keys/create");
  await page.getByRole("button", { name: "Create key", exact: true }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create key" });
  const create = dialog.getByRole("button", { name: "Create key", exact: true });
  await create.click();
  await dialog.getByText("Fill this in.", { exact: true }).waitFor();
  await dialog.getByLabel("Label", { exact: true }).fill("By script");
  await create.click();
  const row = page.getByRole("row", { name: /By script/ });
  await row.waitFor();
  await row.getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByRole("dialog", { name: "Revoke By script?" }).getByRole("button", { name: "Revoke key", exact: true }).click();
  await row.getByText("Revoked", { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => globalThis.samePage), true, "the page was loaded anew");
});
