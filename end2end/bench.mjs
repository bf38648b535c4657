// What is measured at the running program, over loopback. Ends by itself.
//
// - Time to first byte of pages, one request after the other: what a person waits for before anything is drawn. Also
//   memory at rest and after the load.
// - A flood of sign-ins, and what other people notice of it.

import { readFileSync } from "node:fs";
import http from "node:http";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";

import { newDeveloper, person, startDemo, WIDE_WITHOUT_SCRIPT } from "./harness.mjs";
import { first, lateness, onSchedule, within } from "./load.mjs";

const REQUESTS = Number(process.env.BENCH_REQUESTS ?? 300);
/** The first answers fill caches that stay full. */
const WARM_UP = 30;

/** Sign-ins a second. */
const FLOOD = 200;
const FLOOD_S = Number(process.env.BENCH_FLOOD_S ?? 30);
/** Requests a second to each place that other people are at: few, so that they are no load themselves. */
const OTHERS = 20;

let demo;
after(async () => { await demo?.stop(); });

/** A developer with a key, their cookies, and a demo that believes what we say of where requests come from. */
async function developer() {
  const someone = await person(demo, WIDE_WITHOUT_SCRIPT);
  const { secret } = await newDeveloper(someone, demo);
  return { secret, cookie: (await someone.context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ") };
}

/** Milliseconds until the answer's head arrives; its body is read to the end. */
const firstByte = (agent, url, cookie) => new Promise((done, fail) => {
  const start = performance.now();
  http.get(url, { agent, headers: { cookie, accept: "text/html" } }, (answer) => {
    const took = performance.now() - start;
    if (answer.statusCode !== 200) fail(new Error(`${url} answered ${answer.statusCode}`));
    answer.resume().on("end", () => done(took));
  }).on("error", fail);
});

const memory = (pid) => `${(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024).toFixed(1)} MiB`;

test("time to first byte", async () => {
  demo = await startDemo();
  const atRest = memory(demo.pid);
  const { secret, cookie } = await developer();
  for (let call = 0; call < 200; call += 1) await (await demo.call("/almanac/v1/sun/lisbon", { key: secret })).arrayBuffer();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  for (const path of ["/", "/sign-in", "/privacy", "/console", "/console/logs", "/console/usage"]) {
    const times = [];
    for (let place = -WARM_UP; place < REQUESTS; place += 1) {
      const took = await firstByte(agent, `${demo.portal}${path}`, cookie);
      if (place >= 0) times.push(took);
    }
    times.sort((one, other) => one - other);
    const at = (share) => `${times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(2)} ms`;
    console.log(`${path.padEnd(16)} p50 ${at(0.5).padStart(9)}   p95 ${at(0.95).padStart(9)}   max ${at(1).padStart(9)}   (${REQUESTS} requests)`);
  }
  agent.destroy();
  console.log(`memory           at rest ${atRest}, now ${memory(demo.pid)}`);
  await demo.stop();
  demo = null;
});

/** Seconds of processor time that a process has used; the kernel counts hundredths. */
function processorTime(pid) {
  // After the name, which is in brackets and may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Looks at a gauge and a counter until it is told to stop. */
function watch(url) {
  const seen = [];
  let go = true;
  const read = async () => {
    const text = await (await fetch(url)).text();
    const value = (name) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
    return { running: value("countersign_password_hashes_running"), done: value("countersign_password_hashes_total") };
  };
  const watching = (async () => {
    while (go) {
      seen.push(await read());
      await new Promise((wake) => setTimeout(wake, 50));
    }
  })();
  return async () => {
    go = false;
    await watching;
    return { most: Math.max(...seen.map(({ running }) => running)), done: seen.at(-1).done - seen[0].done };
  };
}

test("a flood of sign-ins", async () => {
  demo = await startDemo({ env: { COUNTERSIGN_PORTAL__TRUSTED_PROXIES: "127.0.0.0/8, ::1/128" } });
  const { secret, cookie } = await developer();
  const get = (url, headers) => () => ({ url, headers: { accept: "text/html", ...headers } });
  const others = {
    "GET /": get(`${demo.portal}/`),
    "GET /console": get(`${demo.portal}/console`, { cookie }),
    "gateway call": get(`${demo.gateway}/almanac/v1/sun/lisbon`, { authorization: `Bearer ${secret}` }),
  };
  first();
  const ms = (time) => `${time.toFixed(1)} ms`.padStart(10);
  const measure = async (what, flood) => {
    const stopWatching = watch(`${demo.ops}/metrics`);
    const late = lateness();
    const [from, before] = [performance.now(), processorTime(demo.pid)];
    const signIns = flood && new Promise((done, fail) => {
      const workerData = { flood: { rate: FLOOD, seconds: FLOOD_S, portal: demo.portal, ...flood } };
      new Worker(new URL("load.mjs", import.meta.url), { workerData }).on("message", done).on("error", fail);
    });
    console.log(`${what} (${FLOOD_S} s, ${OTHERS} requests a second to each)`);
    const measured = await Promise.all(Object.entries(others).map(async ([name, request]) => {
      return [name, await onSchedule({ rate: OTHERS, seconds: FLOOD_S, request })];
    }));
    for (const [name, answers] of measured) {
      const times = answers.map(([, took]) => took);
      const failed = answers.filter(([status]) => status !== 200).length;
      console.log(`  ${name.padEnd(24)} p50 ${ms(within(0.5, times))}   p99 ${ms(within(0.99, times))}   max ${ms(Math.max(...times))}   not answered 200: ${failed}`);
    }
    const cores = (1_000 * (processorTime(demo.pid) - before)) / (performance.now() - from);
    console.log(`  the program              used ${cores.toFixed(2)} cores; the measuring was late by ${late().toFixed(1)} ms (p99)`);
    if (!signIns) return void await stopWatching();
    const answers = await signIns;
    const { most, done } = await stopWatching();
    for (const status of [...new Set(answers.map(([status]) => status))].sort()) {
      const times = answers.filter(([other]) => other === status).map(([, took]) => took);
      const share = `${(100 * times.length / answers.length).toFixed(1)} %`;
      console.log(`  sign-ins answered ${String(status).padEnd(6)} p50 ${ms(within(0.5, times))}   p99 ${ms(within(0.99, times))}   max ${ms(Math.max(...times))}   ${share} of ${answers.length}`);
    }
    console.log(`  passwords hashed         ${done} (${(done / FLOOD_S).toFixed(1)} a second), at most ${most} at once`);
  };
  await measure("idle");
  await measure(`${FLOOD} sign-ins a second from one machine`, { machines: 1 });
  await measure(`${FLOOD} sign-ins a second, each from another machine`, { machines: FLOOD * FLOOD_S });
});
