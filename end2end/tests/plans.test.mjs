// What an operator opens, an organization may use, and the gateway keeps to: by hand, with a script and without.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { WALKS, assertWellMade, newDeveloper, person, signIn, startDemo } from "../harness.mjs";

let demo;
let upstream;
before(async () => {
  demo = await startDemo();
  upstream = createServer((request, answer) => answer.end(`asked for ${request.url}`));
  await new Promise((ready) => { upstream.listen(0, "127.0.0.1", ready); });
});
after(async () => {
  upstream?.close();
  await demo?.stop();
});

const says = (someone, sentence) => someone.page.getByText(sentence).first().waitFor();

/** Statuses of calls, one after the other. */
async function statuses(count, path, key) {
  const all = [];
  for (let call = 0; call < count; call += 1) {
    const answer = await demo.call(path, { key });
    await answer.arrayBuffer();
    all.push(answer.status);
  }
  return all;
}

for (const [number, look] of [WALKS[0], WALKS[3]].entries()) {
  // Claims: MASA-11, FLOW-29, CARD-06
  test(`an API is registered, limited by a plan, and opened further by another one (${look.name})`, async () => {
    const operator = await person(demo, look);
    const slug = `letters-${number}`;
    await signIn(operator, demo.staff);
    await operator.visit("/admin/apis/new");
    const { port } = upstream.address();
    await operator.submit({ "Path at the gateway": slug, Name: "Letters", "Address of the upstream": `http://127.0.0.1:${port}` }, "Register the API");
    await says(operator, "Letters is registered.");
    for (const [name, requests, approval] of [["Small", "2", "automatic"], ["Large", "5", "manual"]]) {
      await operator.visit(`/admin/apis/${slug}`);
      await operator.page.getByRole("link", { name: "New plan", exact: true }).click();
      await operator.page.getByLabel("A subscription is", { exact: true }).selectOption(approval);
      await operator.submit({ Name: name, Requests: requests, "In so many seconds": "86400" }, "Create the plan");
      await says(operator, "The plan is created.");
    }
    await assertWellMade(operator);

    // Without a plan nobody gets through.
    const developer = await person(demo, look);
    const { secret } = await newDeveloper(developer, demo);
    assert.deepEqual(await statuses(1, `/${slug}/a`, secret), [403]);

    await developer.visit(`/console/apis/${slug}`);
    await assertWellMade(developer);
    const choose = async (plan) => {
      const option = developer.page.getByLabel("Another plan", { exact: true }).getByRole("option", { name: new RegExp(plan) });
      await developer.page.getByLabel("Another plan", { exact: true }).selectOption(await option.getAttribute("value"));
      await developer.page.getByRole("button", { name: "Ask for the plan", exact: true }).click();
      await developer.page.waitForURL(/done=/);
      await developer.settled();
    };
    await choose("Small");
    assert.deepEqual(await statuses(3, `/${slug}/a`, secret), [200, 200, 429]);

    // A larger plan waits for staff; until then the smaller one counts.
    await choose("Large");
    assert.deepEqual(await statuses(1, `/${slug}/a`, secret), [429]);
    await operator.visit(`/admin/apis/${slug}`);
    await operator.page.getByRole("link", { name: /^Open the subscription of/ }).first().click();
    await operator.page.getByRole("button", { name: "Approve the request", exact: true }).click();
    await says(operator, "The request is approved.");
    // Two of the five were used under the smaller plan.
    assert.deepEqual(await statuses(4, `/${slug}/a`, secret), [200, 200, 200, 429]);
    await developer.visit(`/console/apis/${slug}`);
    assert.match(await developer.text(), /5 requests a day/);
    await assertWellMade(developer);
  });

  // Claims: MASA-24, MASA-25, FLOW-64
  test(`a secret is replaced while the old one still works, and the old one is retired (${look.name})`, async () => {
    const developer = await person(demo, look);
    const { email, secret: old } = await newDeveloper(developer, demo);
    await developer.visit("/console/keys");
    const page = await developer.page.getByRole("link", { name: "First key", exact: true }).first().getAttribute("href");
    await developer.visit(page);
    await assertWellMade(developer);
    await developer.submit({ Days: "3" }, "Mail me a new secret");
    await developer.page.waitForURL(/done=/);
    await developer.visit(await demo.linkInMail(email, "/reveal"));
    await developer.page.getByRole("button", { name: "Show the secret", exact: true }).click();
    const shown = developer.page.getByTestId("secret").getByRole("code");
    await shown.waitFor();
    const fresh = (await shown.innerText()).trim();
    assert.notEqual(fresh, old);
    for (const key of [old, fresh]) assert.deepEqual(await statuses(1, "/almanac/v1/sun/lisbon", key), [200]);
    await developer.visit(page);
    await assertWellMade(developer);
    assert.match(await developer.text(), /The old secret works until/);
    // Without a script the dialog's button is there without its dialog.
    const first = developer.page.getByRole("button", { name: "Retire the old secret now", exact: true });
    await first.click();
    await developer.page.getByRole("button", { name: "Retire the old secret", exact: true }).click();
    await developer.page.waitForURL(/done=retired/);
    assert.deepEqual(await statuses(1, "/almanac/v1/sun/lisbon", old), [401]);
    assert.deepEqual(await statuses(1, "/almanac/v1/sun/lisbon", fresh), [200]);
  });
}
