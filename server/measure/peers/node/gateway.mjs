// What a team writes with fastify for the same job as the gateway: a keyed hash of the presented key, a map of keys, two
// limits by GCRA, a quota, headers that tell them, a buffered line of log a request.
//
// Usage: peer-node LISTEN UPSTREAM KEYS LOG, where KEYS has a key and its caller on every line.

import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

import proxy from "@fastify/http-proxy";
import Fastify from "fastify";
import pino from "pino";

const [listen, upstream, keys, rows] = process.argv.slice(2);
const [host, port] = listen.split(":");

// Never reached, so that every request is answered alike.
const PLENTY = 1_000_000_000;
const WINDOW_MS = 60_000;
const INTERVAL_MS = WINDOW_MS / PLENTY;
const POLICY = `"plan";q=${PLENTY};w=60, "key";q=${PLENTY};w=60, "quota";q=${PLENTY};w=2592000`;

const hash = (key) => createHmac("sha256", "pepper").update(key).digest("base64");

const callers = new Map();
for (const line of readFileSync(keys, "utf8").trim().split("\n")) {
  const [key, name] = line.split(" ");
  callers.set(hash(key), { name, plan: { at: 0 }, key: { at: 0 }, spent: 0 });
}

/** How many more a limit by GCRA has, or -1: `at` is the moment at which everything was given back. */
function take(meter, now) {
  const after = Math.max(meter.at, now) + INTERVAL_MS;
  if (after - now > WINDOW_MS) return -1;
  meter.at = after;
  return Math.floor((WINDOW_MS - (after - now)) / INTERVAL_MS);
}

const app = Fastify({
  logger: false,
  keepAliveTimeout: 3_600_000,
  genReqId: () => randomUUID(),
});
app.decorateRequest("caller", null);
// Written in pieces of 64 kB, as the other peers do.
const log = pino({ base: null }, pino.destination({ dest: rows, minLength: 65_536, maxWrite: 131_072, sync: false }));
setInterval(() => log.flush(), 1_000).unref();

app.addHook("onRequest", async (request, reply) => {
  const text = request.headers.authorization;
  if (!text?.startsWith("Bearer ")) return reply.code(401).send({ error: "no key" });
  const key = text.slice(7);
  if (!key.startsWith("cs_live_") && !key.startsWith("cs_test_")) return reply.code(401).send({ error: "malformed key" });
  const caller = callers.get(hash(key));
  if (caller === undefined) return reply.code(401).send({ error: "unknown key" });
  const now = Date.now();
  const plan = take(caller.plan, now);
  const own = take(caller.key, now);
  caller.spent += 1;
  if (plan < 0 || own < 0 || caller.spent > PLENTY) return reply.code(429).send({ error: "limited" });
  request.caller = caller.name;
  reply.header("ratelimit-policy", POLICY);
  reply.header("ratelimit", `"plan";r=${plan};t=1, "key";r=${own};t=1, "quota";r=${PLENTY - caller.spent};t=1000`);
});

app.addHook("onResponse", (request, reply, done) => {
  log.info({
    id: request.id,
    caller: request.caller,
    method: request.method,
    path: request.url,
    status: reply.statusCode,
    us: Math.round(reply.elapsedTime * 1_000),
    bytes: Number(reply.getHeader("content-length")),
  });
  done();
});

await app.register(proxy, {
  upstream,
  undici: { connections: 128, pipelining: 1 },
  replyOptions: {
    rewriteRequestHeaders: (request, headers) => {
      const { authorization: _, ...others } = headers;
      return { ...others, "x-caller": request.caller };
    },
  },
});
await app.listen({ host, port: Number(port) });
