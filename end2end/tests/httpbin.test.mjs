// httpbin, the server that HTTP clients are tested with, straight and behind Countersign: a client must not notice.
//
// - The test suite of `requests`, as its authors publish it, runs twice, and every test ends the same way, but for one
//   that asks for what a proxy must not do.
// - Every endpoint is asked twice as bytes, and every answer is the same but for what the gateway says about itself.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { eventually, newDeveloper, person, signIn, startDemo } from "../harness.mjs";

const HERE = fileURLToPath(new URL("../httpbin", import.meta.url));
/** Where tools/setup.sh puts httpbin and its clients. */
const PLACE = process.env.COUNTERSIGN_HTTPBIN ?? "";
const PYTHON = join(PLACE, "bin/python");
/** The whole suite takes eight seconds. */
const SUITE_MS = 120_000;
/** As many as there are, less a few that a newer version may drop. */
const SUITE_TESTS = 180;
/** Asks that `Proxy-Authorization` reaches the server. It is meant for the next proxy (RFC 9110 §11.7.2), which we are. */
const ENDS_AT_A_PROXY = "test_proxy_authorization_preserved_on_request";
/** How pytest ends when a test failed. */
const FAILED = 1;
/** Python imports for a second or two before it listens. */
const START_MS = 20_000;

const run = promisify(execFile);

let demo;
let httpbin;
let straight;
let secret;

async function freePort() {
  const server = createServer();
  await new Promise((ready) => { server.listen(0, "127.0.0.1", ready); });
  const { port } = server.address();
  await new Promise((closed) => { server.close(closed); });
  return port;
}

before(async () => {
  assert.ok(PLACE && existsSync(PYTHON), "httpbin is missing. Run: make setup-tests");
  straight = `http://127.0.0.1:${await freePort()}`;
  const options = ["-m", "gunicorn", "--workers=1", "--threads=16", "--keep-alive=30", "--log-level=error", "--bind", straight.slice(7), "httpbin:app"];
  httpbin = spawn(PYTHON, options, { cwd: HERE, stdio: "ignore" });
  demo = await startDemo();
  await eventually("httpbin did not answer", START_MS, () => fetch(`${straight}/get`).then((answer) => answer.ok, () => false));

  const operator = await person(demo);
  await signIn(operator, demo.staff);
  await operator.visit("/admin/apis/new");
  await operator.submit({ "Path at the gateway": "httpbin", Name: "httpbin", "Address of the upstream": straight }, "Register the API");
  await operator.page.getByText("httpbin is registered.").first().waitFor();
  await operator.page.getByRole("link", { name: "New plan", exact: true }).click();
  await operator.page.getByLabel("A subscription is", { exact: true }).selectOption("automatic");
  await operator.submit({ Name: "All", Requests: "100000", "In so many seconds": "1" }, "Create the plan");
  await operator.page.getByText("The plan is created.").first().waitFor();
  const developer = await person(demo);
  ({ secret } = await newDeveloper(developer, demo));
  await developer.visit("/console/apis/httpbin");
  const plans = developer.page.getByLabel("Another plan", { exact: true });
  await plans.selectOption(await plans.getByRole("option", { name: /All/ }).getAttribute("value"));
  await developer.page.getByRole("button", { name: "Ask for the plan", exact: true }).click();
  await developer.page.waitForURL(/done=/);
  await eventually("the subscription does not open the API", START_MS, async () => (await demo.call("/httpbin/get", { key: secret })).ok);
});

after(async () => {
  httpbin?.kill("SIGKILL");
  await demo?.stop();
});

/** What a failed run of the suite says, without the tests that passed. */
const failures = (said) => said.split("\n").filter((line) => !/^(\.|RESULT .* passed)?$/.test(line)).join("\n");

/** How each test of the suite ended. */
async function suite(env) {
  const options = ["-m", "pytest", "--quiet", "-s", "-p", "no:cacheprovider", "-p", "behind", "tests/test_requests.py", "tests/test_lowlevel.py"];
  const { stdout } = await run(PYTHON, options, {
    cwd: join(PLACE, "requests"),
    timeout: SUITE_MS,
    maxBuffer: 64 << 20,
    env: { PATH: process.env.PATH, PYTHONPATH: HERE, PYTHONDONTWRITEBYTECODE: "1", ...env },
  }).catch((error) => (error.code === FAILED ? error : assert.fail(`the suite did not run:\n${error}`)));
  return { said: stdout, ended: stdout.split("\n").filter((line) => line.startsWith("RESULT ")).sort() };
}

test("the suite of a well-known client passes behind Countersign as it does without", { timeout: 2 * SUITE_MS }, async () => {
  const [one, two] = await Promise.all([
    suite({ HTTPBIN_URL: straight }),
    suite({ HTTPBIN_URL: demo.gateway, HTTPBIN_PREFIX: "/httpbin", HTTPBIN_KEY: secret }),
  ]);
  assert.ok(one.ended.length >= SUITE_TESTS, `only ${one.ended.length} tests ran`);
  assert.deepEqual(one.ended.filter((line) => !/ (passed|xfailed)$/.test(line)), [], failures(one.said));
  const wanted = one.ended.map((line) => (line.includes(`::${ENDS_AT_A_PROXY} `) ? line.replace("passed", "failed") : line));
  assert.deepEqual(two.ended, wanted, failures(two.said));
});

test("every endpoint answers behind Countersign as it does without, byte for byte", async () => {
  const compared = await run(PYTHON, ["compare.py", straight, `${demo.gateway}/httpbin`, secret], { cwd: HERE, timeout: SUITE_MS })
    .catch((error) => assert.fail(`answers differ:\n${error.stdout}${error.stderr}`));
  assert.match(compared.stdout, /^\d+ answers compared, 0 different$/m);
});
