// Accounts that people trust: with a phone and a passkey alone, from signing up to leaving an organization behind.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { LOOKS, addAuthenticator, assertWellMade, newAddress, newDeveloper, person, signIn, startDemo, verifyEmail } from "../harness.mjs";

let demo;
before(async () => { demo = await startDemo(); });
after(async () => { await demo?.stop(); });

const PHONE = LOOKS.find((look) => look.viewport.width === 360);

const press = (someone, name) => someone.page.getByRole("button", { name, exact: true }).first().click();
const arrives = async (someone, path) => {
  await someone.page.waitForURL((url) => url.pathname === path);
  await someone.settled();
};

/** Another day: the browser was closed, and the session with it. */
async function closeBrowser(someone) {
  await someone.page.goto("about:blank");
  await someone.context.clearCookies();
}

/** Signs up without a password; the passkey is made when the address is verified. */
async function signUpWithPasskey(someone, email, name) {
  await someone.visit("/sign-up");
  await someone.page.getByLabel("Name", { exact: true }).fill(name);
  await someone.page.getByLabel("Email", { exact: true }).fill(email);
  await someone.page.getByRole("checkbox", { name: /^I accept the terms/ }).check();
  await press(someone, "Create account");
  await someone.heading("Check your mail").waitFor();
  await someone.visit(await demo.linkInMail(email, "/verify-email"));
  await press(someone, "Create a passkey and verify");
  // The sign-in page offers the new passkey by itself, and this device says yes at once.
  await arrives(someone, "/console");
}

/**
 * Signs in with a passkey, without typing a name, by the button. The question that the page asks by itself is held back
 * until then, because this device would say yes to it at once.
 */
async function signInWithPasskey(someone) {
  await closeBrowser(someone);
  let pressed;
  const untilPressed = new Promise((comes) => { pressed = comes; });
  const held = async (route) => {
    await untilPressed;
    await route.continue();
  };
  await someone.page.route("**/rpc/passkeys/start_sign_in", held, { times: 1 });
  await someone.visit("/sign-in");
  await press(someone, "Sign in with a passkey");
  pressed();
  await arrives(someone, "/console");
}

// Claims: MAST-16, MAST-38, FLOW-06, FLOW-47, FLOW-61, CARD-09
test("with a phone and a passkey alone: sign up, lose the device, recover, invite, hand over, leave", async () => {
  const ada = await person(demo, PHONE);
  const phone = await addAuthenticator(ada);
  const email = newAddress();
  await signUpWithPasskey(ada, email, "Ada Lovelace");
  const [passkey] = await phone.passkeys();
  assert.ok(passkey.isResidentCredential, "the passkey cannot be found without a name");
  await signInWithPasskey(ada);

  // Codes, made while the device is there.
  await ada.visit("/console/security/recovery-codes");
  await assertWellMade(ada);
  await press(ada, "Make ten codes");
  const shown = ada.page.getByTestId("secret").getByRole("code");
  await shown.waitFor();
  const codes = (await shown.innerText()).trim().split(/\s+/);
  assert.equal(codes.length, 10);
  await assertWellMade(ada);

  // The phone is gone; a code opens the account, and a new passkey takes the place of the old one.
  await phone.lose();
  await closeBrowser(ada);
  await ada.visit("/recovery-codes");
  await assertWellMade(ada);
  await ada.submit({ Email: email, "Recovery code": codes[0].toLowerCase().replaceAll("-", " ") }, "Sign in");
  await arrives(ada, "/console/security");
  await assertWellMade(ada);
  await press(ada, "Add a passkey");
  await ada.page.getByRole("dialog").getByLabel("Name", { exact: true }).fill("New phone");
  await press(ada, "Create the passkey");
  await ada.page.getByRole("main").getByText("New phone").first().waitFor();
  assert.equal((await phone.passkeys()).length, 1);
  await signInWithPasskey(ada);

  // An organization, and a colleague for it.
  const colleague = newAddress();
  await ada.visit("/console/organization/new");
  await assertWellMade(ada);
  await ada.submit({ Name: "Analytical Engines" }, "Create organization");
  await arrives(ada, "/console/organization");
  await ada.submit({ Email: colleague }, "Send invitation");
  await ada.page.getByText("The invitation is on its way.").waitFor();
  await assertWellMade(ada);

  const charles = await person(demo, PHONE);
  await addAuthenticator(charles);
  const invitation = await demo.linkInMail(colleague, "/invite");
  await charles.visit(invitation);
  await assertWellMade(charles);
  await signUpWithPasskey(charles, colleague, "Charles Babbage");
  await charles.visit(invitation);
  await press(charles, "Join the organization");
  await arrives(charles, "/console/organization");
  await charles.page.getByText("You belong to Analytical Engines now.").waitFor();
  await assertWellMade(charles);

  // Handed over, then left behind.
  await ada.visit("/console/organization");
  await press(ada, "Hand over");
  await ada.page.getByRole("dialog", { name: /Hand Analytical Engines over/ }).getByRole("button", { name: "Hand over", exact: true }).click();
  await ada.page.getByText("The organization is handed over.").waitFor();
  await ada.settled();
  await press(ada, "Leave");
  await press(ada, "Leave organization");
  await ada.page.getByText("You left the organization.").waitFor();
  // What Charles may do has changed, so his session ended: he is asked who he is, and comes back to the same page. His
  // device says yes at once.
  await charles.page.goto(`${demo.portal}/console/organization`);
  await charles.page.getByRole("main").getByText("Charles Babbage").first().waitFor();
  await charles.settled();
  assert.equal(new URL(charles.page.url()).pathname, "/console/organization");
  assert.doesNotMatch(await charles.text(), /Ada Lovelace/);
});

// Claims: CARD-09
test("the sign-in page offers a passkey by itself, and a modal question takes its place", async () => {
  const someone = await person(demo);
  await addAuthenticator(someone);
  await signUpWithPasskey(someone, newAddress(), "Grace Hopper");
  await signInWithPasskey(someone);
});

test("a device that does not know its owner is refused, and the page says what else there is", async () => {
  const someone = await person(demo);
  const device = await addAuthenticator(someone);
  await signUpWithPasskey(someone, newAddress(), "Alan Turing");
  await closeBrowser(someone);
  await device.verifies(false);
  await someone.visit("/sign-in");
  await press(someone, "Sign in with a passkey");
  await someone.page.getByRole("alert").first().waitFor();
  assert.equal(new URL(someone.page.url()).pathname, "/sign-in");
});

// Claims: S002-20
test("an important change asks who it is, and comes back to the same place", async () => {
  const someone = await person(demo);
  const device = await addAuthenticator(someone);
  const { email } = await newDeveloper(someone, demo);
  await someone.visit("/console/security");
  await press(someone, "Add a passkey");
  await press(someone, "Create the passkey");
  await someone.page.getByText("Your passkey is added.").waitFor();
  // Signed in with the password, the account's passkey is asked for.
  await closeBrowser(someone);
  await device.answers(false);
  await signIn(someone, { email });
  await device.answers(true);
  await someone.visit("/console/security/recovery-codes");
  await press(someone, "Make ten codes");
  await arrives(someone, "/step-up");
  await assertWellMade(someone);
  await press(someone, "Confirm with a passkey");
  await arrives(someone, "/console/security/recovery-codes");
  await press(someone, "Make ten codes");
  await someone.page.getByTestId("secret").getByRole("code").waitFor();
});

// Claims: S002-20
test("a recovery by mail waits, is announced, and is cancelled by its link", async () => {
  const owner = await person(demo);
  const { email } = await newDeveloper(owner, demo);
  const stranger = await person(demo);
  await stranger.visit("/lost-access");
  await assertWellMade(stranger);
  await stranger.page.getByText("Start a recovery by mail").click();
  await stranger.submit({ Email: email }, "Send the link");
  await stranger.page.getByText("Check your mail.").waitFor();
  await stranger.visit(await demo.linkInMail(email, "/recover"));
  await assertWellMade(stranger);
  await press(stranger, "Start the recovery");
  await stranger.page.getByText("The wait has begun.").waitFor();

  await owner.visit("/console/organization");
  assert.match(await owner.text(), /recover/i);
  await owner.visit(await demo.linkInMail(email, "/recover/cancel"));
  await assertWellMade(owner);
  await owner.page.getByRole("button", { name: /^Cancel the recovery/ }).click();
  await owner.page.waitForURL((url) => url.searchParams.get("done") === "yes");
});

test("a verification link is used by a button, never by opening it", async () => {
  const someone = await person(demo);
  const email = newAddress();
  await someone.visit("/sign-up");
  await someone.submit({ Name: "Ada", Email: email, Password: "eleven green kettles sing", "I accept the terms and have seen what is stored": true }, "Create account");
  await someone.heading("Check your mail").waitFor();
  const link = await demo.linkInMail(email, "/verify-email");
  for (let time = 0; time < 3; time += 1) await someone.visit(link);
  await verifyEmail(someone, demo, email);
});
