// Proof of work for forms (server/portal/src/guard/proof.rs): the browser computes for half a second, people do nothing.
//
// <form data-proof="/rpc/guard/challenge?purpose=sign_up"> with <input type="hidden" name="proof">.
// Work starts when somebody enters the form. A form that is sent earlier waits for it, and says so. When there is no
// proof to be had (no challenge, no secure context) the form goes without: the server lets a few of those through.
//
// It is written by hand because altcha's widget has 82 kB and draws a checkbox, and its solver is a worker of 5 kB with
// three modes. Here `crypto.subtle` computes outside of the page's thread, so no worker is needed.

/** Attempts under way at a time: enough to keep the browser's threads busy. */
const AT_ONCE = 8;

/** More than the server ever asks for. */
const ATTEMPTS_MAX = 100_000;

/** A proof lasts for 20 minutes; an older one than this is made anew before the form is sent. */
const FRESH_MS = 15 * 60 * 1000;

/** Who waits longer for a challenge sends the form without a proof. */
const PATIENCE_MS = 10_000;

const WAITING = "One moment: your browser is computing a proof that keeps spam out.";

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const hexOf = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Finds the counter whose derived key begins as the challenge wants it. */
export async function solve({ parameters }) {
  const { algorithm, cost, keyLength, keyPrefix } = parameters;
  if (algorithm !== "PBKDF2/SHA-256") throw new Error(`This script does not know ${algorithm}.`);
  const nonce = bytesOf(parameters.nonce);
  const salt = bytesOf(parameters.salt);
  const attempt = async (counter) => {
    const password = new Uint8Array(nonce.length + 4);
    password.set(nonce);
    new DataView(password.buffer).setUint32(nonce.length, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: cost };
    const derivedKey = hexOf(await crypto.subtle.deriveBits(how, key, keyLength * 8));
    return derivedKey.startsWith(keyPrefix) ? { counter, derivedKey } : undefined;
  };
  for (let first = 0; first < ATTEMPTS_MAX; first += AT_ONCE) {
    const attempts = Array.from({ length: AT_ONCE }, (_, place) => attempt(first + place));
    const found = (await Promise.all(attempts)).find(Boolean);
    if (found) return found;
  }
  throw new Error("The challenge has no solution.");
}

async function prove(address) {
  const answer = await fetch(address, {
    headers: { accept: "application/json" },
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!answer.ok) throw new Error(`The challenge was refused: ${answer.status}.`);
  const challenge = JSON.parse(await answer.json());
  return JSON.stringify({ challenge, solution: await solve(challenge) });
}

/** A place for one sentence that screen readers say when it changes: it has to be there before. */
function statusOf(form) {
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  status.className = "small muted";
  form.append(status);
  return status;
}

function attach(form) {
  const field = form.elements.namedItem("proof");
  if (!field || !globalThis.crypto?.subtle) return;
  const status = statusOf(form);
  let work; // the promise of a proof, whether it comes to be or not
  let until = 0; // as long as this, the form may go as it is
  let sending = false;

  const start = () => {
    work ??= prove(form.dataset.proof)
      .then((proof) => { field.value = proof; }, () => { field.value = ""; })
      .then(() => { until = Date.now() + FRESH_MS; });
    return work;
  };
  const forget = () => {
    work = undefined;
    until = 0;
    field.value = "";
  };

  form.addEventListener("focusin", start);
  form.addEventListener("submit", async (event) => {
    if (Date.now() < until) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (sending) return;
    sending = true;
    if (until > 0) forget();
    status.textContent = WAITING;
    await start();
    status.textContent = "";
    sending = false;
    form.requestSubmit(event.submitter);
  });
  // A page that comes back from the browser's memory holds a proof that was used.
  addEventListener("pageshow", (event) => { if (event.persisted) forget(); });
}

if (typeof document !== "undefined") {
  for (const form of document.querySelectorAll("form[data-proof]")) attach(form);
}
