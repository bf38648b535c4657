// Time to first byte of pages, over loopback, one request after the other: what a person waits for before anything
// is drawn. Also memory at rest and after the load. Ends by itself.

import { readFileSync } from "node:fs";
import http from "node:http";
import { after, test } from "node:test";

import { newDeveloper, person, startDemo } from "./harness.mjs";

const REQUESTS = Number(process.env.BENCH_REQUESTS ?? 300);
/** The first answers fill caches that stay full. */
const WARM_UP = 30;

let demo;
after(async () => { await demo?.stop(); });

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
  const someone = await person(demo);
  const { secret } = await newDeveloper(someone, demo);
  for (let call = 0; call < 200; call += 1) await (await demo.call("/almanac/v1/sun/lisbon", { key: secret })).arrayBuffer();
  const cookie = (await someone.context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
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
});
