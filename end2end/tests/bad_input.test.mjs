// What people and programs get wrong, and what the wicked try: every answer is a clear sentence, and nothing is lost.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  PASSWORD,
  WIDE_LIGHT,
  WIDE_WITHOUT_SCRIPT,
  assertWellMade,
  newAddress,
  newDeveloper,
  person,
  revealSecret,
  signIn,
  signUp,
  startDemo,
  unknownKey,
  verifyEmail,
} from "../harness.mjs";

let demo;
before(async () => { demo = await startDemo(); });
after(async () => { await demo?.stop(); });

const SIGN_UP = "/rpc/accounts/sign_up";
const SUMMARY = /need(s)? another look/;

/** The form that holds a field, with all its fields, as a browser would send it. */
const formWith = (page, field) => page.locator(`form [name="${field}"]`).first().evaluate((input) => ({
  action: input.form.action,
  fields: Object.fromEntries(new FormData(input.form)),
}));

/** Sends a form as a browser without scripts does, and follows nothing. */
const send = (someone, { action, fields }, headers = {}) => someone.context.request.post(action, {
  form: fields,
  maxRedirects: 0,
  headers: { accept: "text/html", origin: demo.portal, referer: someone.page.url(), "sec-fetch-site": "same-origin", ...headers },
});

for (const look of [WIDE_LIGHT, WIDE_WITHOUT_SCRIPT]) {
  const cases = {
    "an empty form": { name: "", email: "", password: "", says: /Fill this in/ },
    "a name of ten thousand characters": { name: "x".repeat(10_000), says: /Use at most \d+ characters/ },
    "an address of ten thousand characters": { email: `${"x".repeat(10_000)}@example.com`, says: /Use at most \d+ characters|Enter an address/ },
    "a password of ten thousand characters": { password: "x".repeat(10_000), says: /Use at most \d+ characters/ },
    "a name that turns the text around": { name: "Ada \u202Eecalevol", says: /cannot be seen/ },
    "a name with a control character": { name: "Ada\u0007", says: /cannot be seen/ },
    "an address that is none": { email: "ada at example", says: /Enter an address like/ },
    "a short password": { password: "short", says: /Use at least \d+ characters/ },
  };
  for (const [what, { says, ...wrong }] of Object.entries(cases)) {
    test(`${what} is refused with a sentence, and the other fields stay (${look.name})`, async () => {
      const someone = await person(demo, look);
      const { page } = someone;
      someone.mayAnswer(422, SIGN_UP);
      const email = newAddress();
      const filled = { name: "Ada", email, password: PASSWORD, ...wrong };
      await someone.visit("/sign-up");
      await page.getByLabel("Name", { exact: true }).fill(filled.name);
      await page.getByLabel("Email", { exact: true }).fill(filled.email);
      await page.getByLabel("Password", { exact: true }).fill(filled.password);
      await page.getByRole("checkbox", { name: /^I accept/ }).check();
      await page.getByRole("button", { name: "Create account", exact: true }).click();

      await page.getByText(SUMMARY).first().waitFor();
      await page.getByText(says).first().waitFor();
      assert.equal(new URL(page.url()).pathname, "/sign-up");
      if (filled.name === "Ada" && filled.email.length < 1_000) {
        assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Ada", "the name is lost");
        assert.equal(await page.getByLabel("Email", { exact: true }).inputValue(), filled.email, "the address is lost");
      }
      assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "", "the password came back with the page");
      assert.ok(!page.url().includes(PASSWORD), "the password stands in the address");
      await assertWellMade(someone);
      assert.deepEqual(await demo.mails(email), [], "a mail was sent all the same");
    });
  }

  test(`terms that are not accepted are asked for (${look.name})`, async () => {
    const someone = await person(demo, look);
    someone.mayAnswer(422, SIGN_UP);
    await someone.visit("/sign-up");
    await someone.submit({ Name: "Ada", Email: newAddress(), Password: PASSWORD }, "Create account");
    await someone.page.getByText("Accept the terms to continue.").first().waitFor();
  });

  for (const name of ["محمد بن موسى", "Zoe\u0308 O\u2019Connor\u2013Nguyễn", "𝒜da 李", "אָדָה"]) {
    test(`the name ${name} survives (${look.name})`, async () => {
      const someone = await person(demo, look);
      await newDeveloper(someone, demo, { name });
      await someone.visit("/console");
      const page = (await someone.page.content()).normalize("NFC");
      assert.ok(page.includes(name.normalize("NFC")), `the console does not know ${name}`);
      await assertWellMade(someone);
    });
  }

  test(`a wrong password and an unknown address get the same answer (${look.name})`, async () => {
    const someone = await person(demo, look);
    someone.mayAnswer(401, "/rpc/sessions/sign_in");
    const email = newAddress();
    await signUp(someone, { email });
    await verifyEmail(someone, demo, email);
    const answers = [];
    for (const address of [email, newAddress()]) {
      await someone.visit("/sign-in");
      await someone.submit({ Email: address, Password: "not the right password" }, "Sign in");
      const said = someone.page.getByText("No account has this address and password.");
      await said.first().waitFor();
      answers.push((await someone.text()).replaceAll(address, "…"));
    }
    assert.equal(answers[0], answers[1]);
  });

  test(`an unverified address is asked to verify first, and only after the right password (${look.name})`, async () => {
    const someone = await person(demo, look);
    someone.mayAnswer(403, "/rpc/sessions/sign_in");
    const email = newAddress();
    await signUp(someone, { email });
    await someone.visit("/sign-in");
    await someone.submit({ Email: email, Password: PASSWORD }, "Sign in");
    await someone.page.getByText("Verify your email first").first().waitFor();
  });

  test(`a verification link verifies once, does no harm the second time, and a cut one never works (${look.name})`, async () => {
    const someone = await person(demo, look);
    const { page } = someone;
    for (const status of [404, 410]) someone.mayAnswer(status, /^\/(verify-email|rpc\/accounts\/verify_email)$/);
    const email = newAddress();
    await signUp(someone, { email });
    const link = await demo.linkInMail(email, "/verify-email");

    await page.goto(link.slice(0, -4));
    await page.getByText("This link is not complete.").first().waitFor();
    await verifyEmail(someone, demo, email);
    // The address is verified, which is what the person wants: the page leads on, and there is no second key.
    await page.goto(link);
    await page.getByText("This link was already used.").first().waitFor();
    assert.equal((await demo.mails(email)).filter((mail) => mail.links.some((link) => link.includes("/reveal"))).length, 1);
  });

  test(`a reveal link of someone else shows nothing (${look.name})`, async () => {
    const owner = await person(demo, look);
    const email = newAddress();
    await signUp(owner, { email });
    await verifyEmail(owner, demo, email);
    const link = await demo.linkInMail(email, "/reveal");

    const thief = await person(demo, look);
    for (const status of [403, 404, 410]) thief.mayAnswer(status, /^\/(reveal|rpc\/keys\/reveal)$/);
    await newDeveloper(thief, demo);
    await thief.page.goto(link);
    const button = thief.page.getByRole("button", { name: "Show the secret", exact: true });
    if (await button.isVisible()) await button.click();
    await thief.settled();
    assert.equal(await thief.page.getByTestId("secret").count(), 0, "someone else's secret is shown");

    // And the attempt did not use it up.
    await signIn(owner, { email });
    assert.match(await revealSecret(owner, demo, email), /^cs_live_/);
  });
}

test("a second sign-up before verifying counts, and the first link dies", async () => {
  const someone = await person(demo, WIDE_WITHOUT_SCRIPT);
  const email = newAddress();
  await signUp(someone, { email });
  const first = await demo.linkInMail(email, "/verify-email");
  await signUp(someone, { email, password: "another password entirely" });
  await someone.heading("Check your mail").waitFor();
  for (const status of [404]) someone.mayAnswer(status, /^\/(verify-email|rpc\/accounts\/verify_email)$/);
  await someone.page.goto(first);
  await someone.page.getByText("This link is not complete.").first().waitFor();
  const links = (await demo.mails(email)).flatMap((mail) => mail.links).filter((link) => link !== first);
  await someone.page.goto(links[0]);
  await someone.page.getByRole("button", { name: "Verify email", exact: true }).click();
  await someone.page.waitForURL((url) => url.pathname === "/sign-in");
  await signIn(someone, { email, password: "another password entirely" });
  await someone.heading("Overview").waitFor();
});

test("the same key form sent twice makes one key and one mail", async () => {
  const someone = await person(demo, WIDE_WITHOUT_SCRIPT);
  const { email } = await newDeveloper(someone, demo);
  await someone.visit("/console/keys");
  const form = await formWith(someone.page, "form_token");
  form.fields.label = "Sent twice";
  const before = (await demo.mails(email)).length;
  for (let time = 0; time < 2; time += 1) assert.ok((await send(someone, form)).status() < 400);
  await someone.visit("/console/keys");
  assert.equal(await someone.page.getByRole("cell", { name: "Sent twice", exact: true }).count(), 1);
  assert.equal((await demo.mails(email)).length, before + 1);
});

test("a form from another site is refused, and changes nothing", async () => {
  const someone = await person(demo, WIDE_WITHOUT_SCRIPT);
  await someone.visit("/sign-up");
  const email = newAddress();
  const form = await formWith(someone.page, "terms");
  form.fields = { name: "Ada", email, password: PASSWORD, terms: await someone.page.getByRole("checkbox").getAttribute("value") };
  for (const headers of [{ origin: "https://elsewhere.example", "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "cross-site" }, { origin: "https://elsewhere.example", "sec-fetch-site": "" }]) {
    const answer = await send(someone, form, headers);
    assert.equal(answer.status(), 403, JSON.stringify(headers));
  }
  assert.deepEqual(await demo.mails(email), []);
  assert.ok((await send(someone, form)).status() < 400, "the same form from our own page is refused too");
  await demo.linkInMail(email, "/verify-email");
});

test("a wrong method is answered with 405 and the right ones", async () => {
  for (const [method, path] of [["GET", SIGN_UP], ["DELETE", SIGN_UP], ["PUT", "/sign-in"], ["DELETE", "/console/keys"]]) {
    const answer = await fetch(`${demo.portal}${path}`, { method, redirect: "manual" });
    assert.equal(answer.status, 405, `${method} ${path}`);
    assert.ok(answer.headers.get("allow"), `${method} ${path} does not say what is allowed`);
  }
});

test("a body larger than any form is refused", async () => {
  const answer = await fetch(`${demo.portal}${SIGN_UP}`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", origin: demo.portal },
    body: `name=${"x".repeat(4_000_000)}`,
    redirect: "manual",
  });
  assert.equal(answer.status, 413);
});

test("the console is for those who signed in, and leads back", async () => {
  const someone = await person(demo);
  await newDeveloper(someone, demo);
  await someone.visit("/console");
  await someone.page.getByRole("button", { name: "Sign out" }).first().click();
  await someone.page.waitForURL((url) => !url.pathname.startsWith("/console"));
  await someone.page.goto("/console/logs");
  await someone.page.waitForURL((url) => url.pathname === "/sign-in");
  await someone.heading("Sign in").first().waitFor();
});

test("a developer is not let into the operator's desk", async () => {
  const someone = await person(demo);
  await newDeveloper(someone, demo);
  for (const status of [403, 404]) someone.mayAnswer(status, /^\/(admin|rpc|api)\//);
  const answer = await someone.page.goto("/admin/logs");
  assert.ok([403, 404].includes(answer.status()), `answered ${answer.status()}`);
  assert.doesNotMatch(await someone.page.content(), /\/v1\/sun/);
});

test("the gateway refuses what it cannot stand for, with a code and the request's id", async () => {
  const someone = await person(demo);
  const { secret } = await newDeveloper(someone, demo);
  const path = "/almanac/v1/sun/lisbon";
  const good = `Bearer ${secret}`;
  const cases = [
    ["missing_key", 401, path, {}],
    ["several_keys", 400, path, { authorization: good, "x-api-key": secret }],
    ["key_in_url", 400, `${path}?api_key=${secret}`, {}],
    ["malformed_key", 401, path, { authorization: `${good}x` }],
    ["malformed_key", 401, path, { authorization: "Bearer مفتاح".normalize().replace(/[^\x20-\x7e]/g, "?") }],
    ["malformed_key", 401, path, { "x-api-key": "x".repeat(5_000) }],
    ["unknown_key", 401, path, { authorization: `Bearer ${unknownKey()}` }],
    ["unknown_api", 404, "/nothing/v1/sun/lisbon", { authorization: good }],
  ];
  for (const [code, status, target, headers] of cases) {
    const answer = await demo.call(target, { headers });
    const problem = await answer.json();
    assert.deepEqual([answer.status, problem.code], [status, code], target);
    assert.equal(problem.request_id, answer.headers.get("request-id"));
    assert.ok(problem.detail.length > 10 && problem.title);
    assert.ok(!JSON.stringify(problem).includes(secret), `${code} repeats the key`);
    const docs = await fetch(problem.type);
    assert.equal(docs.status, 200, `${problem.type} is a dead link`);
  }
  // The right key in the other header.
  const answer = await demo.call(path, { headers: { "x-api-key": secret } });
  assert.equal(answer.status, 200);
});
