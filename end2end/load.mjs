// Requests on a fixed schedule, whether earlier ones were answered or not. A time runs from the moment at which the
// request was due, so what waits because of a slow answer counts as slow too. As a worker, it is a flood of sign-ins.

import http from "node:http";
import { getPriority, setPriority } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";

/** More than any place here needs: generators share the machine with what they measure, and must not be late. */
const FIRST = -10;
/** Who gets no answer for so long is counted as failed. */
const PATIENCE_MS = 30_000;

/** Sends `rate` requests a second. Resolves to status and milliseconds of each: `[[200, 1.2], …]`; 0 is no answer. */
export async function onSchedule({ rate, seconds, request }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
  const answers = [];
  const start = performance.now() + 100;
  const send = (place) => new Promise((done) => {
    const due = start + (place * 1_000) / rate;
    const end = (status) => done([status, performance.now() - due]);
    const go = () => {
      const { url, body, ...options } = request(place);
      const sent = http.request(url, { ...options, agent, timeout: PATIENCE_MS }, (answer) => {
        answer.resume().on("end", () => end(answer.statusCode)).on("error", () => end(0));
      });
      sent.on("timeout", () => sent.destroy()).on("error", () => end(0)).end(body);
    };
    // Timers are exact to a millisecond, at best.
    setTimeout(go, Math.max(0, due - performance.now()));
  });
  for (let place = 0; place < rate * seconds; place += 1) answers.push(send(place));
  const all = await Promise.all(answers);
  agent.destroy();
  return all;
}

/** The time that this share of them stayed within, in milliseconds. */
export function within(share, times) {
  const sorted = [...times].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Puts this process before others, where it may. */
export function first() {
  try {
    setPriority(Math.min(FIRST, getPriority()));
  } catch {
    // Not allowed to everybody. How late it was is printed either way.
  }
}

/** How late this thread was: the time that 99 of 100 of its turns stayed within, in milliseconds. */
export function lateness() {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  return () => (delay.disable(), delay.percentile(99) / 1e6 - 1);
}

/** Sign-ins with addresses that are used once, and a password that is nobody's. */
const signIns = ({ portal, machines }) => (place) => {
  const body = new URLSearchParams({ email: `flood.${place}@example.com`, password: "seven grey kettles hum" }).toString();
  const from = machines === 1 ? "198.51.100.1" : `10.${place >> 16}.${(place >> 8) & 255}.${place & 255}`;
  return {
    url: `${portal}/rpc/sessions/sign_in`,
    method: "POST",
    body,
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      "content-length": Buffer.byteLength(body),
      "accept": "application/json",
      "sec-fetch-site": "same-origin",
      "origin": portal,
      "x-forwarded-for": from,
    },
  };
};

if (workerData?.flood) {
  const { flood } = workerData;
  parentPort.postMessage(await onSchedule({ ...flood, request: signIns(flood) }));
}
