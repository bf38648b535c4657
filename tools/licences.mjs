// Every crate has a licence that deny.toml allows, and none is on its list of barred crates. Needs no network.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const deny = readFileSync(new URL("../deny.toml", import.meta.url), "utf8").replace(/^\s*#.*$/gm, "");
/** The text of `key = [ … ]` inside `[section]`. */
const list = (section, key) => new RegExp(`^\\[${section}\\]$[^]*?^${key} = \\[([^]*?)^\\]`, "m").exec(deny)?.[1] ?? "";
const allowed = new Set([...list("licenses", "allow").matchAll(/"([^"]+)"/g)].map((match) => match[1]));
const barred = new Set([...list("bans", "deny").matchAll(/crate = "([^"]+)"/g)].map((match) => match[1]));
if (allowed.size === 0 || barred.size === 0) {
  console.error("✗ deny.toml could not be read: no allowed licence, or no barred crate.");
  process.exit(1);
}

/** Whether an SPDX expression can be met with allowed licences. An old `/` means OR. */
function isMet(expression) {
  const words = expression.replaceAll("/", " OR ").match(/\(|\)|[^\s()]+/g) ?? [];
  let place = 0;
  const licence = () => {
    if (words[place] === "(") {
      place += 1;
      const met = either();
      place += 1; // the closing one
      return met;
    }
    let name = words[place++];
    if (words[place] === "WITH") {
      name += ` WITH ${words[place + 1]}`;
      place += 2;
    }
    return allowed.has(name);
  };
  const both = () => {
    let met = licence();
    while (words[place] === "AND") { place += 1; met = licence() && met; }
    return met;
  };
  const either = () => {
    let met = both();
    while (words[place] === "OR") { place += 1; met = both() || met; }
    return met;
  };
  return words.length > 0 && either() && place === words.length;
}

const metadata = JSON.parse(execFileSync("cargo", ["metadata", "--format-version=1", "--locked"], { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"] }));
const foreign = metadata.packages.filter((crate) => crate.source);
const problems = [
  ...foreign.filter((crate) => !isMet(crate.license ?? "")).map((crate) => `${crate.name} ${crate.version}: ${crate.license ?? "no licence expression"}`),
  ...foreign.filter((crate) => barred.has(crate.name)).map((crate) => `${crate.name} ${crate.version}: barred`),
  ...metadata.packages.filter((crate) => !crate.source && crate.license !== "MIT OR Apache-2.0").map((crate) => `${crate.name}: ours, and not under our licences`),
  ...foreign.filter((crate) => !crate.source.startsWith("registry+")).map((crate) => `${crate.name} ${crate.version}: from ${crate.source}, not from the registry`),
];
for (const problem of problems) console.error(`✗ ${problem}`);
if (problems.length > 0) {
  console.error("  What may come in stands in deny.toml.");
  process.exit(1);
}
console.log(`  ${foreign.length} crates, all under ${allowed.size} allowed licences`);
