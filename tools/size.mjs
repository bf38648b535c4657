// Weighs what a browser has to load: brotli at its best, as the server sends it. Fails above the budget.
//   node tools/size.mjs FOLDER

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

/**
 * kB of WebAssembly after brotli. The first is the aim: above it we look for what came in. Above the second, which is what
 * the five live pages weighed (339 kB) and 15 % more, it does not ship.
 */
const WARN_KB = 300;
const FAIL_KB = 390;

const folder = process.argv[2];
const weigh = (bytes) => brotliCompressSync(bytes, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
}).length;
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

const sums = new Map();
for (const name of readdirSync(folder, { recursive: true })) {
  const kind = /\.(wasm|js|css)$/.exec(name)?.[1];
  if (!kind) continue;
  const bytes = readFileSync(join(folder, name));
  const sum = sums.get(kind) ?? { raw: 0, brotli: 0 };
  sums.set(kind, { raw: sum.raw + bytes.length, brotli: sum.brotli + weigh(bytes) });
}
for (const [kind, { raw, brotli }] of [...sums].sort()) {
  console.log(`  ${kind.padEnd(5)}${kb(brotli).padStart(10)} brotli ${kb(raw).padStart(11)} raw`);
}
const wasm = sums.get("wasm")?.brotli;
if (wasm === undefined) {
  console.error(`✗ There is no WebAssembly in ${folder}.`);
  process.exit(1);
}
if (wasm > FAIL_KB * 1000) {
  console.error(`✗ The bundle weighs ${kb(wasm)}; it may weigh ${FAIL_KB} kB. See what came in: cargo tree -p frontend --target wasm32-unknown-unknown -e normal`);
  process.exit(1);
}
if (wasm > WARN_KB * 1000) console.warn(`  Warning: the bundle weighs ${kb(wasm)}; the budget is ${WARN_KB} kB, the limit ${FAIL_KB} kB.`);
