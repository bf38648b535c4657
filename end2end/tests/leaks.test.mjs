// A key that leaked: found out by the self-check, reported, told to its owner, and ended by staff; with a script and without.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { WALKS, assertWellMade, newDeveloper, person, signIn, startDemo } from "../harness.mjs";

let demo;
before(async () => { demo = await startDemo(); });
after(async () => { await demo?.stop(); });

const says = (someone, sentence) => someone.page.getByText(sentence).first().waitFor();

for (const look of [WALKS[0], WALKS[3]]) {
  // Claims: MASA-25, FLOW-34
  test(`a leaked key is checked, reported and revoked (${look.name})`, async () => {
    const developer = await person(demo, look);
    const { secret } = await newDeveloper(developer, demo);

    const finder = await person(demo, look);
    await finder.visit("/docs/leaks");
    await assertWellMade(finder);
    await finder.visit("/leak-check");
    await assertWellMade(finder);
    await finder.submit({ String: "no key at all" }, "Check it");
    await says(finder, "This is no key of ours.");
    await finder.submit({ String: secret }, "Check it");
    await says(finder, "This is a live key, and it works.");
    await finder.submit({ String: secret }, "Report it as leaked");
    await says(finder, "The key is reported as leaked.");
    await assertWellMade(finder);
    const shown = await finder.page.content();
    assert.ok(!shown.includes(secret) && !finder.page.url().includes(secret));

    await developer.visit("/console/keys");
    const page = await developer.page.getByRole("link", { name: "First key", exact: true }).first().getAttribute("href");
    await developer.visit(page);
    await says(developer, "Reported as leaked");
    await assertWellMade(developer);

    const operator = await person(demo, look);
    await signIn(operator, demo.staff);
    await operator.visit("/admin/leaks");
    await assertWellMade(operator);
    const id = page.split("/").pop();
    await operator.visit(`/admin/keys?query=${id}&purpose=abuse`);
    await assertWellMade(operator);
    await operator.page.getByRole("link", { name: "Open First key", exact: true }).click();
    await operator.settled();
    await assertWellMade(operator);
    await operator.page.getByRole("button", { name: "Revoke", exact: true }).click();
    // The dialog for a rotation asks for a reason too, and is closed.
    await operator.page.getByRole("textbox", { name: "Reason", exact: true }).fill("It was seen in public");
    await operator.submit({}, "Revoke the key");
    await says(operator, "The key is revoked.");
    const answer = await demo.call("/almanac/v1/sun/lisbon", { key: secret });
    assert.equal(answer.status, 401);
    await developer.visit(page);
    assert.match(await developer.text(), /It was seen in public/);
  });

  test(`a label that was changed by mistake comes back (${look.name})`, async () => {
    const developer = await person(demo, look);
    await newDeveloper(developer, demo);
    await developer.visit("/console/keys");
    const page = await developer.page.getByRole("link", { name: "First key", exact: true }).first().getAttribute("href");
    await developer.visit(page);
    await developer.submit({ Label: "Oops" }, "Save changes");
    await says(developer, "The changes are saved.");
    await assertWellMade(developer);
    await developer.page.getByRole("button", { name: "Restore the label First key", exact: true }).click();
    await says(developer, "The label is back.");
    await assertWellMade(developer);
  });
}
