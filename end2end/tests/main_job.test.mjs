// The main job, by hand: from an empty database to a logged call, as the developer and as the operator see it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  WALKS,
  assertWellMade,
  eventually,
  newAddress,
  person,
  revealSecret,
  signIn,
  signUp,
  startDemo,
  unknownKey,
  verifyEmail,
} from "../harness.mjs";

const ROUTE = "/v1/sun/{place}";
/** The product's promise: a call stands in the log within a second of its answer. */
const PROMISED_MS = 1_000;

let demo;
before(async () => { demo = await startDemo(); });
after(async () => { await demo?.stop(); });

for (const look of WALKS) {
  test(`a stranger signs up, gets a key, makes a call and sees it logged (${look.name})`, async () => {
    const developer = await person(demo, look);
    const { page } = developer;
    const email = newAddress();

    // 1–2: an account, and the mail that proves the address. Opening the link changes nothing yet.
    await signUp(developer, { email });
    await assertWellMade(developer);
    await verifyEmail(developer, demo, email);
    await assertWellMade(developer);

    // 3: signed in, the reveal link shows the secret once. No mail ever holds it.
    await signIn(developer, { email });
    await developer.heading("Overview").waitFor();
    assert.equal(new URL(page.url()).pathname, "/console");
    await assertWellMade(developer);
    const secret = await revealSecret(developer, demo, email);
    assert.match(secret, /^cs_live_[0-9A-Za-z]{33}$/);
    await assertWellMade(developer);
    for (const mail of await demo.mails(email)) {
      assert.ok(!JSON.stringify(mail).includes(secret), `the mail "${mail.subject}" holds the secret`);
    }

    // 4: the call.
    const answer = await demo.call("/almanac/v1/sun/lisbon", { key: secret });
    const answered = performance.now();
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("ratelimit-policy") ?? "", /^"plan";q=60;w=60, "quota";q=10000;w=\d+;qu="units"$/);
    assert.match(answer.headers.get("ratelimit") ?? "", /^"plan";r=59;t=\d+, "quota";r=9999;t=\d+$/);
    assert.match(answer.headers.get("request-id") ?? "", /^req_[0-9A-HJKMNP-TV-Z]{26}$/);
    assert.equal(typeof (await answer.json()), "object");

    // 5: it stands in the developer's log within a second, and in the usage.
    const row = page.getByRole("main").getByText(ROUTE).first();
    for (;;) {
      const asked = performance.now();
      await page.goto("/console/logs");
      if (await row.isVisible()) break;
      assert.ok(asked - answered < PROMISED_MS, `the call is not in the log ${Math.round(asked - answered)} ms after its answer`);
    }
    await developer.settled();
    await assertWellMade(developer);
    assert.ok(!(await page.content()).includes(secret), "the log page holds the secret");

    await developer.visit("/console/usage");
    await assertWellMade(developer);
    await page.getByRole("row", { name: `GET /almanac${ROUTE} 1 0`, exact: true }).waitFor();

    // 5, the other side: a wrong key is refused and stands in the operator's log at the same moment, never as it was sent.
    const operator = await person(demo, look);
    await signIn(operator, demo.staff);
    await operator.visit("/admin/logs");
    const wrong = unknownKey();
    const refused = await demo.call("/almanac/v1/sun/lisbon", { key: wrong });
    assert.equal(refused.status, 401);
    const problem = await refused.json();
    assert.equal(problem.code, "unknown_key");
    assert.equal(problem.request_id, refused.headers.get("request-id"));
    assert.match(refused.headers.get("content-type") ?? "", /^application\/problem\+json/);
    if (!look.js) await operator.visit("/admin/logs");
    await operator.page.getByRole("cell", { name: "unknown_key" }).first().waitFor({ timeout: PROMISED_MS });
    await assertWellMade(operator);
    const seen = await operator.page.content();
    assert.ok(!seen.includes(wrong), "the operator's log holds the key that was presented");
    assert.ok(!seen.includes(secret), "the operator's log holds a secret");

    // 6: the privacy page says what was just stored.
    await developer.visit("/privacy");
    await developer.page.getByRole("heading", { name: "Request logs" }).first().waitFor();
    await assertWellMade(developer);

    // The link worked once.
    const again = await demo.linkInMail(email, "/reveal");
    developer.mayAnswer(410, "/reveal");
    await page.goto(again);
    await eventually("the used link still offers the secret", PROMISED_MS, async () => (await page.getByTestId("secret").count()) === 0);
    assert.ok(!(await page.content()).includes(secret), "the secret is shown twice");
  });
}
