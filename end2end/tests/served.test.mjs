// Served pages: they load no program, and a small script makes them as pleasant as live ones. What they do without it
// is in bad_input.test.mjs and main_job.test.mjs.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { WIDE_LIGHT, WIDE_WITHOUT_SCRIPT, newAddress, newDeveloper, person, startDemo } from "../harness.mjs";

let demo;
before(async () => { demo = await startDemo(); });
after(async () => { await demo?.stop(); });

const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());
const isSamePage = (page) => page.evaluate(() => globalThis.samePage === true);

test("a link that leads out of the live pages loads a page of its own, and back leads back", async () => {
  const someone = await person(demo);
  const { page } = someone;
  await newDeveloper(someone, demo);
  await someone.visit("/console");
  await page.evaluate(() => { globalThis.samePage = true; });
  const rail = page.getByRole("navigation", { name: "Console" });
  await rail.getByRole("link", { name: "Keys" }).click();
  await page.getByRole("heading", { name: "Keys", level: 1, exact: true }).waitFor();
  assert.ok(await isSamePage(page), "a link between live pages loaded the page anew");

  await rail.getByRole("link", { name: "Docs" }).click();
  await page.getByRole("heading", { name: "Docs", level: 1, exact: true }).waitFor();
  await someone.settled();
  assert.ok(!(await isSamePage(page)), "the program of the live pages drew a page that it does not know");

  for (const [path, heading] of [["/console/keys", "Keys"], ["/console", "Overview"]]) {
    await page.goBack();
    await page.getByRole("heading", { name: heading, level: 1, exact: true }).waitFor();
    assert.equal(new URL(page.url()).pathname, path);
  }
});

test("served pages load the program of the live pages never", async () => {
  const someone = await person(demo);
  const programs = [];
  someone.page.on("request", (request) => { if (/\/pkg\/.*\.(wasm|js)$/.test(request.url())) programs.push(request.url()); });
  for (const path of ["/", "/docs", "/docs/almanac", "/docs/errors", "/privacy", "/terms", "/sign-up", "/sign-in"]) await someone.visit(path);
  assert.deepEqual(programs, []);
});

test("a form is sent once, however often its button is pressed", async () => {
  const someone = await person(demo);
  const { page } = someone;
  await someone.visit("/sign-in");
  await page.getByLabel("Email", { exact: true }).fill("nobody@example.com");
  await page.getByLabel("Password", { exact: true }).fill("not a password of anyone");
  let sent = 0;
  let goOn;
  const held = new Promise((release) => { goOn = release; });
  await page.route("**/rpc/sessions/sign_in", async (route) => { sent += 1; await held; await route.continue(); });
  // In one go: while a page waits for the next one, the browser's driver would wait too.
  const seen = await page.evaluate(() => [1, 2, 3].map(() => {
    const button = document.activeElement.form.querySelector("button[type=submit]");
    button.click();
    return { pending: button.getAttribute("aria-disabled"), says: button.querySelector("[role=status]").textContent };
  }));
  goOn();
  await page.getByText("No account has this address and password.").waitFor();
  assert.equal(sent, 1);
  assert.deepEqual(seen, Array(3).fill({ pending: "true", says: "Working" }));
});

test("a refused form has the focus on what is wrong, and loading the page again forgets it", async () => {
  const someone = await person(demo);
  const { page } = someone;
  await someone.visit("/sign-in?next=/console/keys");
  await someone.submit({ Email: "nobody@example.com", Password: "not a password of anyone" }, "Sign in");
  const alert = page.getByRole("alert");
  await alert.waitFor();
  await someone.settled();
  assert.ok(await alert.evaluate((element) => element === document.activeElement), "the focus is elsewhere");
  assert.equal(new URL(page.url()).search, "?next=%2Fconsole%2Fkeys", "the refusal stays in the address");
  await page.reload();
  await someone.settled();
  assert.equal(await alert.count(), 0, "a refusal of the past is shown again");
});

for (const look of [WIDE_LIGHT, WIDE_WITHOUT_SCRIPT]) {
  test(`asking for another verification mail answers, whether it is refused or not (${look.name})`, async () => {
    const someone = await person(demo, look);
    const { page } = someone;
    await someone.visit("/sign-up/check-your-mail");
    await page.getByText("No mail after a few minutes?").click();
    await someone.submit({ Email: "ada at example" }, "Send a new link");
    await page.getByText(/^Enter an address like/).waitFor();
    await someone.settled();
    await someone.submit({ Email: newAddress() }, "Send a new link");
    await page.getByText(/a new link is on its way/).waitFor();
  });
}

test("copy buttons copy what stands beside them, and say so for a moment", async () => {
  const someone = await person(demo);
  const { page } = someone;
  const { secret } = await newDeveloper(someone, demo);
  await someone.settled();
  const beside = page.getByTestId("secret").getByRole("button", { name: /^Copy/ });
  await beside.click();
  await page.waitForFunction(() => document.querySelector("[data-copied] [role=status]")?.textContent === "Copied");
  assert.equal(await clipboard(page), secret);
  await page.waitForFunction(() => !document.querySelector("[data-copied]"));
  assert.equal(await beside.getByRole("status").textContent(), "");

  await someone.visit("/docs/almanac");
  await page.getByRole("button", { name: "Copy the base address" }).click();
  await page.waitForFunction(() => document.querySelector("[data-copied]"));
  assert.equal(await clipboard(page), `${demo.gateway}/almanac`);
  const block = page.locator(".code").first();
  await block.getByRole("button", { name: "Copy the code" }).click();
  await page.waitForFunction(() => document.querySelector(".code [data-copied]"));
  assert.equal(await clipboard(page), await block.getByRole("code").evaluate((code) => code.textContent));

  // On a live page the program does the same.
  await someone.visit("/console");
  const call = page.locator(".code").first();
  await call.getByRole("button", { name: "Copy the code" }).click();
  await page.waitForFunction(() => document.querySelector(".code [data-copied]"));
  assert.equal(await clipboard(page), await call.getByRole("code").evaluate((code) => code.textContent));
});

test("a password is shown at a click, and is hidden again when the form is sent", async () => {
  const someone = await person(demo);
  const { page } = someone;
  await someone.visit("/sign-in");
  const field = page.getByLabel("Password", { exact: true });
  const button = page.getByRole("button", { name: "Show the password" });
  for (const [type, word] of [["text", "Hide"], ["password", "Show"], ["text", "Hide"]]) {
    await button.click();
    assert.deepEqual([await field.getAttribute("type"), await button.textContent()], [type, word]);
  }
  await page.route("**/rpc/sessions/sign_in", (route) => route.fulfill({ status: 204 }));
  const posted = page.waitForRequest("**/rpc/sessions/sign_in");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await posted;
  assert.equal(await field.getAttribute("type"), "password");
});

test("how long ago something was is told by the script as by the program", async () => {
  // The table of the program's own test.
  const source = await readFile(new URL("../../app/src/ui/format.rs", import.meta.url), "utf8");
  const [, table] = source.split("fn distance_in_time_is_told_in_the_largest_unit()");
  const number = (text) => Number(text.replaceAll("_", ""));
  const now = number(/let now = ([\d_]+);/.exec(table)[1]);
  const rows = [...table.matchAll(/\((-?[\d_]+), "([^"]+)"\)/g)].map(([, ago, text]) => ({ at: now - number(ago), text }));
  assert.ok(rows.length > 10);

  const someone = await person(demo);
  const { page } = someone;
  await page.clock.setFixedTime(now);
  const times = rows.map(({ at }) => `<time data-relative datetime="${new Date(at).toISOString()}">at first</time>`).join("");
  await page.route("**/terms", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace("</main>", `${times}</main>`) });
  });
  await someone.visit("/terms");
  assert.deepEqual(await page.locator("time[data-relative]").allTextContents(), rows.map(({ text }) => text));
});

for (const look of [WIDE_LIGHT, WIDE_WITHOUT_SCRIPT]) {
  test(`a refused form in a dialog is seen again, with its dialog (${look.name})`, async () => {
    const someone = await person(demo, look);
    const { page } = someone;
    await newDeveloper(someone, demo);
    await someone.visit("/console/security");
    const dialog = page.getByRole("dialog", { name: "Change your name" });
    await page.locator('[commandfor="name"]').first().click();
    await dialog.getByLabel("Name", { exact: true }).fill("Ada\u0007");
    await dialog.getByRole("button", { name: /^(Change|Save)/ }).click();
    await dialog.getByRole("alert").waitFor();
    await someone.settled();
    // Above the page, if there is a script to put it there; and closed like any other.
    assert.equal(await dialog.evaluate((element) => element.matches(":modal")), look.js);
    await dialog.getByRole("button", { name: /^(Cancel|Keep)/ }).click();
    await dialog.waitFor({ state: "hidden" });
  });
}
